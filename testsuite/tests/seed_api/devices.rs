//! The devices that the settings of the application name.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use sipsimple_audio::device::{DeviceChoice, DeviceError, DeviceNames, DeviceWatch, Devices, OpenDevice, SoundSystem};
use sipsimple_audio::engine::{Engine, MixerId};
use sipsimple_audio::port::{AudioPort, Roles};
use sipsimple_audio::rate::SampleRate;
use sipsimple_core::agent::Intent;
use sipsimple_core::settings::{Change, ObjectClass, SipSimpleSettings};
use sipsimple_drivers::{Application, ApplicationEvent, EventKind, Settings};

use super::table::Table;

/// Long enough for a loaded machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

/// A machine that has every device that it is asked for.
#[derive(Debug)]
struct Everything;

/// A device that knows its names.
#[derive(Debug)]
struct Named {
    input: Option<String>,
    output: Option<String>,
}

impl AudioPort for Named {
    fn roles(&self) -> Roles {
        Roles { producer: self.input.is_some(), consumer: self.output.is_some() }
    }
}

impl SoundSystem for Everything {
    fn devices(&self) -> DeviceNames {
        DeviceNames::default()
    }

    fn preferred(&self) -> (Option<String>, Option<String>) {
        (None, None)
    }

    fn open(&self, devices: &Devices, _: SampleRate) -> Result<OpenDevice, DeviceError> {
        let name = |choice: &DeviceChoice| match choice {
            DeviceChoice::Named(name) => Some(name.clone()),
            DeviceChoice::None | DeviceChoice::SystemDefault => None,
        };
        let (input, output) = (name(&devices.input), name(&devices.output));
        let device = Box::new(Named { input: input.clone(), output: output.clone() });
        Ok(OpenDevice { device, input, output, watch: DeviceWatch::new(Arc::default()) })
    }
}

/// The names of the device that a mixer has.
fn names(engine: &Engine) -> Option<(Option<String>, Option<String>)> {
    let named = (engine.device().device() as &dyn Any).downcast_ref::<Named>()?;
    Some((named.input.clone(), named.output.clone()))
}

/// They are opened as soon as they are set.
pub(crate) fn scenarios(table: &mut Table) {
    let application = Arc::new(Application::start(Settings::default()).unwrap());
    application.keep_devices(Everything);
    let set = [("audio.input_device", "mic"), ("audio.output_device", "speaker"), ("audio.alert_device", "bell")];
    let changes = set.map(|(name, device)| Change::typed(name, device)).to_vec();
    application.intend(Intent::ChangeSettings { object: SipSimpleSettings::key(""), changes }).unwrap();
    loop {
        let event = application.next_event_within(PATIENCE).expect("no such device is opened");
        if let EventKind::Application(ApplicationEvent::AudioDeviceDidChange { mixer, output, .. }) = &event.kind
            && *mixer == MixerId::ALERT
            && output.as_deref() == Some("bell")
        {
            break;
        }
    }
    let (input, output) = application.with_engine(|engine, _| names(engine)).unwrap().expect("a device");
    table.is("002 SIPApplication.SIPSimpleSettings.audio.input_device", input.as_deref(), Some("mic"));
    table.is("002 SIPApplication.SIPSimpleSettings.audio.output_device", output.as_deref(), Some("speaker"));
    let alert = application.with_alert_engine(|engine, _| names(engine)).unwrap();
    let expected = Some((None, Some("bell".to_owned())));
    table.is("002 SIPApplication.SIPSimpleSettings.audio.alert_device", alert, expected);
    application.stop(PATIENCE);
}
