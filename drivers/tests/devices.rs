//! The devices that settings name, on a machine of the test's own: its devices come, go and are preferred as it says.

use std::any::Any;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sipsimple_audio::device::{DeviceChoice, DeviceError, DeviceNames, DeviceWatch, Devices, OpenDevice, SoundSystem};
use sipsimple_audio::engine::{Engine, MixerId};
use sipsimple_audio::port::{AudioPort, Roles};
use sipsimple_audio::rate::SampleRate;
use sipsimple_core::agent::Intent;
use sipsimple_core::settings::{Change, ObjectClass, SipSimpleSettings};
use sipsimple_drivers::{Application, ApplicationEvent, EventKind, Settings};

/// Long enough for a loaded machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

/// The devices of a machine.
#[derive(Clone, Debug)]
struct Machine(Arc<Mutex<There>>);

#[derive(Debug)]
struct There {
    names: DeviceNames,
    preferred: (Option<String>, Option<String>),
    open: Vec<(Option<String>, Arc<AtomicBool>)>,
    /// A loudspeaker that can be opened, and goes at once.
    broken: Option<String>,
}

/// One that is open.
#[derive(Debug)]
struct Card {
    rate: SampleRate,
    input: Option<String>,
    output: Option<String>,
}

impl AudioPort for Card {
    fn roles(&self) -> Roles {
        Roles { producer: self.input.is_some(), consumer: self.output.is_some() }
    }
    fn sample_rate(&self) -> Option<SampleRate> {
        Some(self.rate)
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

impl Machine {
    fn new(input: &[&str], output: &[&str]) -> Self {
        let first = |names: &[&str]| names.first().map(|name| (*name).to_owned());
        let preferred = (first(input), first(output));
        let names = DeviceNames { input: names(input), output: names(output) };
        Self(Arc::new(Mutex::new(There { names, preferred, open: Vec::new(), broken: None })))
    }

    /// This loudspeaker is taken away, while it is in use.
    fn unplug(&self, output: &str) {
        let mut there = self.0.lock().unwrap();
        there.names.output.retain(|name| name != output);
        there.open.iter().filter(|(name, _)| name.as_deref() == Some(output)).for_each(|(_, gone)| {
            gone.store(true, Ordering::Relaxed);
        });
    }

    fn plug(&self, output: &str) {
        self.0.lock().unwrap().names.output.push(output.to_owned());
    }

    fn prefer(&self, output: &str) {
        self.0.lock().unwrap().preferred.1 = Some(output.to_owned());
    }
}

impl SoundSystem for Machine {
    fn devices(&self) -> DeviceNames {
        self.0.lock().unwrap().names.clone()
    }

    fn preferred(&self) -> (Option<String>, Option<String>) {
        self.0.lock().unwrap().preferred.clone()
    }

    fn open(&self, devices: &Devices, rate: SampleRate) -> Result<OpenDevice, DeviceError> {
        let mut there = self.0.lock().unwrap();
        let find = |choice: &DeviceChoice, names: &[String], preferred: &Option<String>| match choice {
            DeviceChoice::None => Ok(None),
            DeviceChoice::SystemDefault => Ok(preferred.clone()),
            DeviceChoice::Named(name) if names.contains(name) => Ok(Some(name.clone())),
            DeviceChoice::Named(name) => Err(DeviceError::NoSuchDevice(name.clone())),
        };
        let input = find(&devices.input, &there.names.input, &there.preferred.0)?;
        let output = find(&devices.output, &there.names.output, &there.preferred.1)?;
        let gone = Arc::new(AtomicBool::new(output.is_some() && output == there.broken));
        there.open.push((output.clone(), Arc::clone(&gone)));
        let device = Box::new(Card { rate, input: input.clone(), output: output.clone() });
        Ok(OpenDevice { device, input, output, watch: DeviceWatch::new(gone) })
    }
}

/// An application whose settings are in this directory, with the devices of a machine.
fn start(directory: &Path, machine: &Machine) -> Arc<Application> {
    let mut settings = Settings::stored_in(directory);
    settings.config.listen = vec![sipsimple_drivers::listen("udp:127.0.0.1:0".parse().unwrap())];
    let application = Arc::new(Application::start(settings).unwrap());
    application.keep_devices(machine.clone());
    application
}

fn set(application: &Application, changes: &[(&str, &str)]) {
    let changes = changes.iter().map(|(name, text)| Change::typed(*name, text)).collect();
    application.intend(Intent::ChangeSettings { object: SipSimpleSettings::key(""), changes }).unwrap();
}

/// The next news of devices, in a few words.
fn news(application: &Application) -> String {
    let or_none = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".to_owned());
    loop {
        let event = application.next_event_within(PATIENCE).expect("no news of devices");
        match &event.kind {
            EventKind::Application(ApplicationEvent::AudioDeviceDidChange { mixer, input, output }) => {
                let mixer = if *mixer == MixerId::ALERT { "alert" } else { "voice" };
                return format!("{mixer}: {} {}", or_none(input), or_none(output));
            }
            EventKind::Application(ApplicationEvent::AudioDeviceFailed { error, .. }) => return error.to_string(),
            EventKind::Application(ApplicationEvent::AudioDevicesDidChange { old_devices, new_devices }) => {
                assert_eq!(event.names(), ["AudioDevicesDidChange"]);
                return format!("{:?} were, {:?} are", old_devices.output, new_devices.output);
            }
            EventKind::Application(ApplicationEvent::DefaultAudioDeviceDidChange { changed_input, changed_output }) => {
                assert_eq!(event.names(), ["DefaultAudioDeviceDidChange"]);
                return format!("preferred: {} {}", or_none(changed_input), or_none(changed_output));
            }
            _ => {}
        }
    }
}

/// Waits until there was news that ends so, of each.
fn until(application: &Application, wanted: &[&str]) {
    let mut missing = wanted.to_vec();
    while !missing.is_empty() {
        let told = news(application);
        missing.retain(|words| !told.ends_with(words));
    }
}

/// What the mixer really has: its rate, and the names of its device.
fn device(engine: &Engine) -> (u32, Option<String>, Option<String>) {
    let card = (engine.device().device() as &dyn Any).downcast_ref::<Card>().expect("a card");
    assert_eq!(card.rate, engine.sample_rate());
    (card.rate.hz(), card.input.clone(), card.output.clone())
}

#[test]
fn the_mixers_have_the_devices_that_settings_name_now_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(&["mic", "webcam"], &["speaker", "headset"]);
    let application = start(folder.path(), &machine);
    assert_eq!([news(&application), news(&application)], ["voice: mic speaker", "alert: none speaker"]);
    set(&application, &[("audio.output_device", "headset")]);
    assert_eq!(news(&application), "voice: mic headset");
    set(&application, &[("audio.input_device", "webcam"), ("audio.alert_device", "headset")]);
    assert_eq!([news(&application), news(&application)], ["voice: webcam headset", "alert: none headset"]);
    set(&application, &[("audio.input_device", "")]);
    assert_eq!(news(&application), "voice: none headset");
    let headset = || Some("headset".to_owned());
    let rate = application.sample_rate().hz();
    assert_eq!(application.with_engine(|engine, _| device(engine)).unwrap(), (rate, None, headset()));
    assert_eq!(application.with_alert_engine(|engine, _| device(engine)).unwrap(), (rate, None, headset()));

    // The mixers run at another rate, and so do their devices.
    set(&application, &[("audio.sample_rate", "32000")]);
    assert_eq!([news(&application), news(&application)], ["voice: none headset", "alert: none headset"]);
    assert_eq!(application.sample_rate(), SampleRate::HZ_32000);
    assert_eq!(application.with_engine(|engine, _| device(engine)).unwrap(), (32_000, None, headset()));
    assert_eq!(application.with_alert_engine(|engine, _| device(engine)).unwrap(), (32_000, None, headset()));
    application.stop(PATIENCE);

    let again = start(folder.path(), &machine);
    assert_eq!([news(&again), news(&again)], ["voice: none headset", "alert: none headset"]);
    assert_eq!(again.with_engine(|engine, _| device(engine)).unwrap(), (32_000, None, headset()));
    again.stop(PATIENCE);
}

#[test]
fn what_goes_is_replaced_by_what_the_system_prefers_until_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(&["mic"], &["speaker", "headset"]);
    let application = start(folder.path(), &machine);
    set(&application, &[("audio.output_device", "headset"), ("audio.alert_device", "")]);
    until(&application, &["voice: mic headset"]);
    while application.with_alert_engine(|engine, _| device(engine).2).unwrap().is_some() {
        std::thread::yield_now();
    }
    machine.unplug("headset");
    until(&application, &["there is no sound device \"headset\"", "voice: mic speaker", r#"["speaker"] are"#]);
    machine.plug("headset");
    until(&application, &["voice: mic headset", r#"["speaker", "headset"] are"#]);

    // What the system prefers is followed where it is wanted.
    machine.plug("television");
    set(&application, &[("audio.output_device", "system_default")]);
    until(&application, &["voice: mic speaker"]);
    machine.prefer("television");
    until(&application, &["voice: mic television", "preferred: none television"]);
    application.stop(PATIENCE);
}

/// Where the wanted one cannot be had, what there is goes on, undisturbed by trials, until the devices change.
#[test]
fn what_goes_at_once_is_replaced_and_tried_again_unheard() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(&["mic"], &["speaker", "headset"]);
    let application = start(folder.path(), &machine);
    machine.0.lock().unwrap().broken = Some("headset".to_owned());
    until(&application, &["voice: mic speaker", "alert: none speaker"]);
    set(&application, &[("audio.output_device", "headset"), ("audio.alert_device", "")]);
    until(&application, &["voice: mic headset"]);
    until(&application, &["it is gone at once", "voice: mic speaker"]);
    let opened = || machine.0.lock().unwrap().open.len();
    // It is tried once more before anything is heard of it.
    let (before, began) = (opened(), Instant::now());
    while opened() == before {
        let told = application.next_event_within(Duration::from_millis(100));
        let of_calls = told.as_ref().is_some_and(|event| match &event.kind {
            EventKind::Application(
                ApplicationEvent::AudioDeviceDidChange { mixer, .. }
                | ApplicationEvent::AudioDeviceFailed { mixer, .. },
            ) => *mixer == MixerId::VOICE,
            _ => false,
        });
        assert!(!of_calls && began.elapsed() < PATIENCE, "{told:?}");
    }
    machine.0.lock().unwrap().broken = None;
    machine.plug("television");
    until(&application, &["voice: mic headset", r#""television"] are"#]);
    application.stop(PATIENCE);
}

/// What a setting reads is what the mixers do, also where nothing was ever stored.
#[test]
fn the_mixers_run_at_the_rate_that_the_setting_reads() {
    let stored = tempfile::tempdir().unwrap();
    for settings in [Settings::default(), Settings::stored_in(stored.path())] {
        let application = Application::start(settings).unwrap();
        let read = application.with_agent(|agent, _| {
            agent.settings().get::<SipSimpleSettings>("").cloned().unwrap_or_default().audio.sample_rate.hz()
        });
        let rate = read.unwrap();
        assert_eq!(rate, 44_100);
        assert_eq!(application.sample_rate().hz(), rate);
        assert_eq!(application.with_engine(|engine, _| engine.sample_rate().hz()).unwrap(), rate);
        assert_eq!(application.with_alert_engine(|engine, _| engine.sample_rate().hz()).unwrap(), rate);
        application.stop(PATIENCE);
    }
}

#[test]
fn a_machine_without_devices_is_silent_and_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let application = start(folder.path(), &Machine::new(&[], &[]));
    assert_eq!([news(&application), news(&application)], ["voice: none none", "alert: none none"]);
    set(&application, &[("audio.output_device", "headset")]);
    assert_eq!(news(&application), "there is no sound device \"headset\"");
    assert_eq!(news(&application), "voice: none none");
    application.stop(PATIENCE);
}
