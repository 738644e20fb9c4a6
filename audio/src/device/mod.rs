//! The device of a mixer: what stands for microphone and loudspeaker (seed class AudioDevice).
//!
//! A device is a port like any other, in slot 0. [`NullDevice`] is silent, [`FileDevice`] speaks from a file and hears into
//! another, and the feature `device` brings sound cards.

#[cfg(feature = "device")]
mod card;
mod file;
mod processing;
#[cfg(feature = "device")]
mod ring;
mod system;

use crate::port::{AudioPort, PortEvent, Roles};
use processing::Processor;

#[cfg(feature = "device")]
pub use card::{SoundCard, SoundCards};
pub use file::FileDevice;
pub use processing::Processing;
pub use system::{DeviceChoice, DeviceError, DeviceNames, DeviceWatch, Devices, OpenDevice, SoundSystem};

/// No device: produces nothing and consumes nothing. What there is on a machine without sound.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullDevice;

impl AudioPort for NullDevice {
    fn roles(&self) -> Roles {
        Roles::NONE
    }
}

/// The device in a mixer's slot 0, with its two mutes, and what becomes of its sound.
#[derive(Debug)]
pub struct AudioDevice {
    device: Box<dyn AudioPort>,
    /// Whether the device does not produce: nobody hears the microphone.
    pub input_muted: bool,
    /// Whether the device does not consume: the loudspeaker is silent.
    pub output_muted: bool,
    /// What is done with the sound of a microphone ([`AudioPort::is_microphone`]) before it is mixed.
    pub processing: Processing,
    processor: Processor,
}

impl AudioDevice {
    /// A device that is not muted.
    pub fn new(device: impl AudioPort) -> Self {
        Self {
            device: Box::new(device),
            input_muted: false,
            output_muted: false,
            processing: Processing::NONE,
            processor: Processor::default(),
        }
    }

    /// The device itself.
    #[must_use]
    pub fn device(&self) -> &dyn AudioPort {
        &*self.device
    }

    /// Puts another device in its place. The mutes stay.
    pub(crate) fn replace(&mut self, device: Box<dyn AudioPort>) {
        self.device = device;
        self.processor = Processor::default();
    }
}

impl Default for AudioDevice {
    fn default() -> Self {
        Self::new(NullDevice)
    }
}

impl AudioPort for AudioDevice {
    fn roles(&self) -> Roles {
        let roles = self.device.roles();
        Roles { producer: roles.producer && !self.input_muted, consumer: roles.consumer && !self.output_muted }
    }

    fn produce(&mut self, frame: &mut [i16]) {
        self.device.produce(frame);
        if self.device.is_microphone() {
            self.processor.near(self.processing, self.device.roles(), frame);
        }
    }

    fn consume(&mut self, frame: &[i16]) {
        self.processor.far(frame);
        self.device.consume(frame);
    }

    fn poll_event(&mut self) -> Option<PortEvent> {
        self.device.poll_event()
    }
}
