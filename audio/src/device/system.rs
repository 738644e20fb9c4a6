//! The sound system of a machine: what devices there are, and how they are opened.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::port::AudioPort;
use crate::rate::SampleRate;
use crate::resample::UnsupportedRatio;

/// Which device to open (settings `audio.input_device`, `audio.output_device`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// None: silent.
    None,
    /// What the system prefers (`system_default`); none when the machine has no device.
    #[default]
    SystemDefault,
    /// The device of this name, as in [`DeviceNames`].
    Named(String),
}

/// The names of the devices of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceNames {
    /// Microphones and the like.
    pub input: Vec<String>,
    /// Loudspeakers and the like.
    pub output: Vec<String>,
}

/// Why a sound card cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// No device has this name.
    #[error("there is no sound device {0:?}")]
    NoSuchDevice(String),
    /// It cannot run at any rate and format that is understood here.
    #[error("sound device {0:?} has no usable format")]
    NoFormat(String),
    /// The system refused.
    #[error("sound device {name:?} cannot be opened: {reason}")]
    Refused {
        /// Its name.
        name: String,
        /// What the system says.
        reason: String,
    },
    /// The mixer's rate cannot be changed to the device's.
    #[error("{0}")]
    Rate(#[from] UnsupportedRatio),
}

/// The devices of a mixer: one to speak into, one to be heard on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Devices {
    /// What is spoken into.
    pub input: DeviceChoice,
    /// What is heard.
    pub output: DeviceChoice,
}

/// Tells from another thread whether a device that was opened is gone.
#[derive(Clone, Debug)]
pub struct DeviceWatch(Arc<AtomicBool>);

impl DeviceWatch {
    /// The device is gone once this says so.
    #[must_use]
    pub const fn new(gone: Arc<AtomicBool>) -> Self {
        Self(gone)
    }

    /// Whether the system has taken one of its devices away.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A device that was opened.
#[derive(Debug)]
pub struct OpenDevice {
    /// What is plugged into the mixer.
    pub device: Box<dyn AudioPort>,
    /// The name of what is spoken into; none where that could not be opened, or there is none.
    pub input: Option<String>,
    /// The name of what is heard.
    pub output: Option<String>,
    /// Tells when it is gone.
    pub watch: DeviceWatch,
}

/// What knows the devices of a machine. None of it is called where a tick is waited for.
pub trait SoundSystem: fmt::Debug + Send + 'static {
    /// The devices there are.
    fn devices(&self) -> DeviceNames;

    /// Those that the system prefers now: to speak into, and to hear on.
    fn preferred(&self) -> (Option<String>, Option<String>);

    /// Opens devices for a mixer of this rate. When one of the two directions cannot be opened, the other is used alone. Where the system prefers no
    /// device, its default is silent, and no error.
    ///
    /// # Errors
    ///
    /// [`DeviceError::NoSuchDevice`] for a name that no device has, and any [`DeviceError`] when neither direction can be opened although at least one was asked for.
    fn open(&self, devices: &Devices, rate: SampleRate) -> Result<OpenDevice, DeviceError>;
}
