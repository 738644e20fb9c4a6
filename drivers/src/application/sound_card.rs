//! The sound card of an application: opened aside from its calls, and opened anew when it goes, or the system prefers another.
//!
//! ```text
//!                 ┌──────────── gone, another is preferred, or the wanted one is back ───────────┐
//!                 ▼                                                                              │
//!  wanted ──► opening ── not there ──► what the system prefers ── refused ──► silent, again later│
//!                 └──────────────────────────────────┴───────────────────────────► open ─────────┘
//! ```

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use sipsimple_audio::device::{CardWatch, DeviceChoice, DeviceError, DeviceNames, NullDevice, SoundCard};

use super::{Application, AudioError};

/// How often a card is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How often the system is asked what devices there are, in looks: that takes it a while.
const ASK: u32 = 10;

/// The devices that are wanted (settings `audio.input_device` and `audio.output_device`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SoundDevices {
    /// What is spoken into.
    pub input: DeviceChoice,
    /// What calls are heard on.
    pub output: DeviceChoice,
}

/// A card that is open.
#[derive(Debug)]
struct Open {
    /// What was asked for: not what is wanted, where that was not there.
    devices: SoundDevices,
    watch: CardWatch,
    names: (Option<String>, Option<String>),
}

impl Application {
    /// Speaks into the calls from these sound cards and hears them on them, from now on: a card that goes is replaced by what the system
    /// prefers, until it is back. No card at all is silent, and no error. Calls never wait for a card; what goes wrong is `told`, on a thread of its own.
    pub fn keep_sound_card(self: &Arc<Self>, wanted: SoundDevices, told: impl Fn(&AudioError) + Send + 'static) {
        let application = Arc::downgrade(self);
        thread::spawn(move || {
            let mut open: Option<Open> = None;
            for look in 0_u32.. {
                let Some(application) = application.upgrade().filter(|application| application.running()) else {
                    return;
                };
                let asks = look.is_multiple_of(ASK);
                if open.as_ref().is_none_or(|open| open.watch.is_gone() || (asks && open.is_outdated(&wanted)))
                    && (asks || open.is_some())
                {
                    open = match application.open_any(&wanted, &told) {
                        Ok(opened) => Some(opened),
                        Err(AudioError::Stopped) => return,
                        Err(error) => {
                            told(&error);
                            let _ = application.set_device(NullDevice);
                            None
                        }
                    };
                }
                drop(application);
                thread::sleep(LOOK);
            }
        });
    }

    /// Opens what is wanted, or what the system prefers where that is not there.
    fn open_any(&self, wanted: &SoundDevices, told: &impl Fn(&AudioError)) -> Result<Open, AudioError> {
        match self.open_card(wanted.clone()) {
            Err(AudioError::Device(error @ (DeviceError::NoSuchDevice(_) | DeviceError::Refused { .. }))) => {
                let instead = |choice: &DeviceChoice| match choice {
                    DeviceChoice::None => DeviceChoice::None,
                    DeviceChoice::SystemDefault | DeviceChoice::Named(_) => DeviceChoice::SystemDefault,
                };
                let devices = SoundDevices { input: instead(&wanted.input), output: instead(&wanted.output) };
                if devices == *wanted {
                    return Err(error.into());
                }
                told(&error.into());
                self.open_card(devices)
            }
            opened => opened,
        }
    }

    fn open_card(&self, devices: SoundDevices) -> Result<Open, AudioError> {
        let card = SoundCard::open(&devices.input, &devices.output, self.sample_rate())?;
        let names = (card.input_name().map(str::to_owned), card.output_name().map(str::to_owned));
        let watch = card.watch();
        self.set_device(card)?;
        Ok(Open { devices, watch, names })
    }
}

impl Open {
    /// Whether other devices are to be opened: the system prefers others, or those that are wanted are back.
    fn is_outdated(&self, wanted: &SoundDevices) -> bool {
        let (input, output) = DeviceNames::preferred();
        let changed =
            |choice: &DeviceChoice, preferred, name| *choice == DeviceChoice::SystemDefault && preferred != name;
        if changed(&self.devices.input, &input, &self.names.0) || changed(&self.devices.output, &output, &self.names.1)
        {
            return true;
        }
        if self.devices == *wanted {
            return false;
        }
        let known = DeviceNames::list();
        let is_there = |choice: &DeviceChoice, names: &[String]| match choice {
            DeviceChoice::Named(name) => names.contains(name),
            DeviceChoice::None | DeviceChoice::SystemDefault => true,
        };
        is_there(&wanted.input, &known.input) && is_there(&wanted.output, &known.output)
    }
}
