//! The devices of an application, as the settings `audio.*` say: opened aside from its calls, and opened anew when a setting changes, one goes, or the
//! system prefers another. Each of the two mixers has its own.
//!
//! ```text
//!             ┌───────── gone, another is preferred or wanted, or the wanted one is back ─────┐
//!             ▼                                                                               │
//!  wanted ──► opening ── not there ──► what the system prefers ── refused ──► silent, again later
//!             └──────────────────────────────────┴───────────────────────────► open ──────────┘
//! ```
//!
//! What is tried again is tried out before it takes the place of what there is, so that nobody hears a trial that fails; each makes the pause to the
//! next one longer, until the devices of the system change.

use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use sipsimple_audio::device::{DeviceChoice, DeviceError, DeviceNames, DeviceWatch, Devices, NullDevice, SoundSystem};
use sipsimple_audio::engine::MixerId;
use sipsimple_audio::rate::SampleRate;
use sipsimple_core::settings::kind::AudioDevice;
use sipsimple_core::settings::{Audio, SipSimpleSettings};

use super::{Application, ApplicationEvent, AudioError};
use crate::event_loop::Command;

/// How often a device is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How often the system is asked what devices there are, in looks: that takes it a while. When one is gone it is asked at once.
const ASK: u32 = 10;
/// The longest pause between two trials of what is wanted and cannot be had, in questions.
const MAX_PAUSE: u32 = 64;
/// How long a device is tried out that may go as soon as it is opened.
const TRIAL: Duration = Duration::from_millis(1_500);

/// Tells who keeps the devices that a setting of the audio has changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct AudioChanged(Arc<(Mutex<bool>, Condvar)>);

impl AudioChanged {
    pub(crate) fn tell(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Waits until something has changed, for the time between two looks at most.
    fn wait(&self) {
        let changed = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.1.wait_timeout_while(changed, LOOK, |changed| !*changed);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

/// What the system says of its devices.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    names: DeviceNames,
    preferred: (Option<String>, Option<String>),
}

impl Known {
    fn ask(system: &impl SoundSystem) -> Self {
        Self { names: system.devices(), preferred: system.preferred() }
    }
}

/// A device that is open.
#[derive(Debug)]
struct Open {
    /// What was asked for: not what is wanted, where that was not there.
    devices: Devices,
    watch: DeviceWatch,
    names: (Option<String>, Option<String>),
}

/// The device of a mixer.
#[derive(Debug)]
struct Kept {
    mixer: MixerId,
    /// What was wanted last, for a mixer of this rate.
    wanted: Option<(Devices, SampleRate)>,
    open: Option<Open>,
    pause: Pause,
}

/// How many questions to the system what is wanted is not tried again for, as it was tried in vain.
#[derive(Debug, Default)]
struct Pause {
    length: u32,
    left: u32,
}

/// What the system said just now, and whether that is new.
#[derive(Debug)]
struct Asked {
    known: Known,
    has_changed: bool,
}

impl Application {
    /// Speaks into calls, hears them and rings on the devices of this sound system that the settings `audio.input_device`, `audio.output_device` and
    /// `audio.alert_device` name, from now on: a device that goes is replaced by what the system prefers, until it is back. No device at all is silent, and
    /// no error. Calls never wait for a device; what becomes of them comes as events.
    pub fn keep_devices(self: &Arc<Self>, system: impl SoundSystem) {
        let (application, changed) = (Arc::downgrade(self), self.audio_changed.clone());
        thread::spawn(move || keep(&application, &changed, &system));
    }

    fn tell(&self, event: ApplicationEvent) {
        // Nobody wants to know once it has stopped.
        let _ = self.commands.try_send(Command::Tell(event));
    }

    fn set_open_device(
        &self,
        mixer: MixerId,
        device: Box<dyn sipsimple_audio::port::AudioPort>,
    ) -> Result<(), AudioError> {
        Ok(self.with_mixer(mixer, move |engine, _| engine.set_open_device(device))??)
    }
}

fn keep(application: &Weak<Application>, changed: &AudioChanged, system: &impl SoundSystem) {
    let mut kept =
        [MixerId::VOICE, MixerId::ALERT].map(|mixer| Kept { mixer, wanted: None, open: None, pause: Pause::default() });
    let mut asked = Asked { known: Known::ask(system), has_changed: false };
    for look in 0_u32.. {
        let Some(application) = application.upgrade().filter(|application| application.running()) else { return };
        let asks = look.is_multiple_of(ASK) || kept.iter().any(Kept::is_gone);
        if asks && look > 0 {
            let before = std::mem::replace(&mut asked.known, Known::ask(system));
            asked.has_changed = before != asked.known;
            tell_changes(&application, &before, &asked.known);
        }
        let settings = application.with_agent(|agent, _| {
            agent.settings().get::<SipSimpleSettings>("").map(|settings| settings.audio.clone())
        });
        let Ok(settings) = settings else { return };
        let settings = settings.unwrap_or_default();
        for kept in &mut kept {
            if kept.look(&application, system, &settings, asks.then_some(&asked)).is_err() {
                return;
            }
        }
        drop(application);
        changed.wait();
    }
}

fn tell_changes(application: &Application, before: &Known, now: &Known) {
    if before.names != now.names {
        let (old_devices, new_devices) = (before.names.clone(), now.names.clone());
        application.tell(ApplicationEvent::AudioDevicesDidChange { old_devices, new_devices });
    }
    if before.preferred != now.preferred {
        let changed = |before: &Option<String>, now: &Option<String>| now.clone().filter(|_| before != now);
        let changed_input = changed(&before.preferred.0, &now.preferred.0);
        let changed_output = changed(&before.preferred.1, &now.preferred.1);
        application.tell(ApplicationEvent::DefaultAudioDeviceDidChange { changed_input, changed_output });
    }
}

impl Kept {
    fn is_gone(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.watch.is_gone())
    }

    /// Opens another device if that is needed; what the system says of its devices, where it was asked just now.
    ///
    /// # Errors
    /// When the application has stopped.
    fn look(
        &mut self,
        application: &Application,
        system: &impl SoundSystem,
        settings: &Audio,
        asked: Option<&Asked>,
    ) -> Result<(), AudioError> {
        let wanted = (self.wanted_of(settings), application.sample_rate());
        let is_new = self.wanted.as_ref() != Some(&wanted);
        if is_new || asked.is_some_and(|asked| asked.has_changed) {
            self.pause = Pause::default();
        }
        if is_new || self.is_gone() {
            let opened = self.open_any(application, system, &wanted, !is_new);
            self.wanted = Some(wanted);
            return match opened {
                Ok(open) => {
                    self.took(application, open);
                    Ok(())
                }
                Err(AudioError::Stopped) => Err(AudioError::Stopped),
                Err(error) => {
                    self.failed(application, &error);
                    self.open = None;
                    application.set_open_device(self.mixer, Box::new(NullDevice))
                }
            };
        }
        let Some(Asked { known, .. }) = asked else { return Ok(()) };
        for devices in self.better(&wanted.0, known) {
            match self.open(application, system, devices, wanted.1, true) {
                Ok(open) => {
                    self.took(application, open);
                    break;
                }
                Err(AudioError::Stopped) => return Err(AudioError::Stopped),
                // What there is goes on.
                Err(_) => self.pause.lengthen(),
            }
        }
        Ok(())
    }

    /// It speaks and hears by this from now on.
    fn took(&mut self, application: &Application, open: Open) {
        let (input, output) = open.names.clone();
        application.tell(ApplicationEvent::AudioDeviceDidChange { mixer: self.mixer, input, output });
        self.open = Some(open);
    }

    /// What may be better than what is open: what is wanted, if that was not there and may be back, and what the system prefers, if that has changed.
    fn better(&mut self, wanted: &Devices, known: &Known) -> Vec<Devices> {
        let mut better = Vec::new();
        let is_back = self.open.as_ref().is_none_or(|open| open.devices != *wanted && known.has(wanted));
        if is_back && self.pause.is_over() {
            better.push(wanted.clone());
        }
        better.extend(self.open.as_ref().filter(|open| open.is_outdated(known)).map(|open| open.devices.clone()));
        better
    }

    fn failed(&self, application: &Application, error: &AudioError) {
        let error = error.to_string().into();
        application.tell(ApplicationEvent::AudioDeviceFailed { mixer: self.mixer, error });
    }

    fn wanted_of(&self, settings: &Audio) -> Devices {
        let choice = |device: &Option<AudioDevice>| match device {
            None => DeviceChoice::None,
            Some(AudioDevice::SystemDefault) => DeviceChoice::SystemDefault,
            Some(AudioDevice::Named(name)) => DeviceChoice::Named(name.to_string()),
        };
        if self.mixer == MixerId::ALERT {
            return Devices { input: DeviceChoice::None, output: choice(&settings.alert_device) };
        }
        Devices { input: choice(&settings.input_device), output: choice(&settings.output_device) }
    }

    /// Opens what is wanted, or what the system prefers where that is not there.
    fn open_any(
        &self,
        application: &Application,
        system: &impl SoundSystem,
        (wanted, rate): &(Devices, SampleRate),
        try_out: bool,
    ) -> Result<Open, AudioError> {
        match self.open(application, system, wanted.clone(), *rate, try_out) {
            Err(AudioError::Device(error @ (DeviceError::NoSuchDevice(_) | DeviceError::Refused { .. }))) => {
                let instead = |choice: &DeviceChoice| match choice {
                    DeviceChoice::None => DeviceChoice::None,
                    DeviceChoice::SystemDefault | DeviceChoice::Named(_) => DeviceChoice::SystemDefault,
                };
                let devices = Devices { input: instead(&wanted.input), output: instead(&wanted.output) };
                if devices == *wanted {
                    return Err(error.into());
                }
                self.failed(application, &error.into());
                self.open(application, system, devices, *rate, false)
            }
            opened => opened,
        }
    }

    /// Opens devices, and tries them out before, where one has failed of late: some can be opened and go at once.
    fn open(
        &self,
        application: &Application,
        system: &impl SoundSystem,
        devices: Devices,
        rate: SampleRate,
        try_out: bool,
    ) -> Result<Open, AudioError> {
        let opened = system.open(&devices, rate)?;
        if try_out {
            thread::sleep(TRIAL);
            if opened.watch.is_gone() {
                let name = opened.output.or(opened.input).unwrap_or_default();
                return Err(DeviceError::Refused { name, reason: "it is gone at once".into() }.into());
            }
        }
        application.set_open_device(self.mixer, opened.device)?;
        Ok(Open { devices, watch: opened.watch, names: (opened.input, opened.output) })
    }
}

impl Known {
    /// Whether these devices are there.
    fn has(&self, devices: &Devices) -> bool {
        let has = |choice: &DeviceChoice, names: &[String]| match choice {
            DeviceChoice::Named(name) => names.contains(name),
            DeviceChoice::None | DeviceChoice::SystemDefault => true,
        };
        has(&devices.input, &self.names.input) && has(&devices.output, &self.names.output)
    }
}

impl Open {
    /// Whether the system prefers others by now.
    fn is_outdated(&self, known: &Known) -> bool {
        let changed =
            |choice: &DeviceChoice, preferred, name| *choice == DeviceChoice::SystemDefault && preferred != name;
        let (input, output) = &known.preferred;
        changed(&self.devices.input, input, &self.names.0) || changed(&self.devices.output, output, &self.names.1)
    }
}

impl Pause {
    /// Whether it is time to try; asked once for each question.
    const fn is_over(&mut self) -> bool {
        let is_over = self.left == 0;
        self.left = self.left.saturating_sub(1);
        is_over
    }

    /// It was in vain.
    fn lengthen(&mut self) {
        self.length = (self.length * 2).clamp(1, MAX_PAUSE);
        self.left = self.length;
    }
}
