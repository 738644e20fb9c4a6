//! Two whole applications on the loopback.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sipsimple_audio::engine::{AudioEvent, MixerId, Recorded};
use sipsimple_audio::port::PortEvent;
use sipsimple_audio::ringtone::RingtoneConfiguration;
use sipsimple_audio::wave::{Wave, WavePlayer};
use sipsimple_core::agent::{EventKind as Agent, TransportEvent};
use sipsimple_core::id::{SessionId, StreamId};
use sipsimple_core::session::SessionEvent;
use sipsimple_core::settings::SipSimpleSettings;
use sipsimple_core::stream::{AudioSpec, StreamEvent, StreamSpec};
use sipsimple_core::transport::{Route, Transport};
use sipsimple_drivers::{Application, ApplicationError, Event, EventKind, Settings};

use super::table::Table;

/// Long enough for a loaded machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads events until one of them is what is looked for.
fn until<T>(application: &Application, table: &mut Table, look: impl Fn(&Event) -> Option<T>) -> T {
    loop {
        let event = application.next_event_within(PATIENCE).expect("no such event");
        hear(table, &event);
        if let Some(found) = look(&event) {
            return found;
        }
    }
}

fn hear(table: &mut Table, event: &Event) {
    // What the nameservers of this machine do differs from machine to machine.
    if event.names().iter().any(|name| name.starts_with("DNS")) {
        return;
    }
    if event.names().iter().any(|name| name.starts_with("SIPAccount")) {
        table.heard_of("Account", event.names(), event);
    } else {
        table.heard(event.names(), event);
    }
}

fn session(event: &Event, look: impl Fn(&SessionEvent) -> bool) -> Option<SessionId> {
    event.session().filter(|(_, event)| look(event)).map(|(id, _)| id)
}

fn stream(event: &Event) -> Option<StreamId> {
    event.stream().filter(|(_, event)| matches!(event, StreamEvent::DidStart { .. })).map(|(id, _)| id)
}

/// The recording that news of this name tells of.
fn recorded(name: &'static str) -> impl Fn(&Event) -> Option<(StreamId, PathBuf)> {
    move |event| match &event.kind {
        EventKind::Audio(
            AudioEvent::WillStartRecording { stream, filename }
            | AudioEvent::DidStartRecording { stream, filename }
            | AudioEvent::WillStopRecording { stream, filename }
            | AudioEvent::DidStopRecording { stream, filename, reason: None },
        ) if event.names().contains(&name) => Some((*stream, filename.clone())),
        _ => None,
    }
}

fn named(name: &'static str) -> impl Fn(&Event) -> Option<()> {
    move |event| event.names().contains(&name).then_some(())
}

fn start(table: &mut Table) -> (Application, Route) {
    let any = Route::new(Transport::Udp, ([127, 0, 0, 1], 0).into());
    let application = Application::start(Settings::listening([any])).unwrap();
    let sessions = application.with_agent(|agent, _| agent.sessions()).unwrap();
    table.is("002 SessionManager.__init__", sessions, Vec::new());
    until(&application, table, named("SIPSessionManagerDidStart"));
    table.does("002 SessionManager.start", application.running());
    let address = until(&application, table, |event| match &event.kind {
        EventKind::Agent(Agent::Transport { event: TransportEvent::Listening { local, .. }, .. }) => Some(*local),
        _ => None,
    });
    application.add_account(&format!("sip:user@{}", address.ip())).unwrap();
    (application, Route::new(Transport::Udp, address))
}

pub(crate) fn scenarios(table: &mut Table) {
    let (alice, _) = start(table);
    let (bob, route) = start(table);
    table.is("002 SIPApplication.__init__", alice.with_agent(|agent, _| agent.get_accounts().len()), Ok(1));
    let settings = alice.with_agent(|agent, _| agent.settings().get::<SipSimpleSettings>("").cloned()).unwrap();
    let user_agent = settings.map(|settings| settings.user_agent.as_str().to_owned());
    table.is("002 SIPApplication.start", user_agent.as_deref(), Some(&*Settings::default().config.user_agent));

    let tones = tempfile::tempdir().unwrap();
    let tone = tones.path().join("tone.wav");
    Wave::new(8000, vec![1000; 800]).save(&tone).unwrap();
    let mut config = RingtoneConfiguration::default();
    config.outbound_ringtone = Some(tone);
    alice.set_ringtone_config(config.clone()).unwrap();
    config.default_inbound_ringtone = config.outbound_ringtone.take();
    bob.set_ringtone_config(config.clone()).unwrap();
    table.is("000 SessionManager.ringtone_config", bob.ringtone_config(), config);

    let account = alice.with_agent(|agent, _| agent.get_accounts()[0]).unwrap();
    let to = format!("sip:user@{}", route.socket_addr());
    alice.connect(account, &to, &[route], &[StreamSpec::Audio(AudioSpec::default())]).unwrap();
    let incoming =
        until(&bob, table, |event| session(event, |event| matches!(event, SessionEvent::NewIncoming { .. })));
    let streams = bob.with_agent(move |agent, now| agent.session(now, incoming).unwrap().streams()).unwrap();
    ringing(table, [&alice, &bob], incoming);
    bob.accept(incoming, &streams).unwrap();
    let at_alice = until(&alice, table, stream);
    let at_bob = until(&bob, table, stream);
    until(&alice, table, named("SIPSessionDidStart"));
    until(&bob, table, named("SIPSessionDidStart"));
    assert!(bob.with_alert_engine(|engine, _| engine.is_idle()).unwrap(), "it rings no more");

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("call.wav");
    bob.start_recording(at_bob, &file, Recorded::Conversation).unwrap();
    for name in ["AudioStreamWillStartRecordingAudio", "SCSessionDidStartRecordingAudio"] {
        assert_eq!(until(&bob, table, recorded(name)), (at_bob, file.clone()), "{name}");
    }
    let name = bob.with_engine(move |engine, _| engine.recording_filename(at_bob).map(Path::to_owned));
    let name = name.unwrap();
    table.is("002 AudioStream.recording_filename", name.as_ref(), Some(&file));
    table.is("000 Session.audio_recording_file_name", name.as_ref(), Some(&file));
    table.is("002 AudioStream.start_recording", file.exists(), true);
    table.is("000 Session.start_recording_audio", file.exists(), true);
    alice.send_dtmf(at_alice, '#', Duration::from_millis(100)).unwrap();
    until(&bob, table, named("AudioStreamGotDTMF"));
    bob.stop_recording(at_bob).unwrap();
    for name in ["SCSessionWillStopRecordingAudio", "AudioStreamDidStopRecordingAudio"] {
        assert_eq!(until(&bob, table, recorded(name)), (at_bob, file.clone()), "{name}");
    }
    let name = bob.with_engine(move |engine, _| engine.recording_filename(at_bob).is_some()).unwrap();
    table.is("002 AudioStream.stop_recording", name, false);
    table.is("000 Session.stop_recording_audio", name, false);

    waves(table, &alice, at_alice, dir.path());

    mixers(table, &alice);
    table.is("002 SIPApplication.running", alice.running(), true);
    table.is("000 SessionManager.__init__", alice.with_agent(|agent, _| agent.sessions().len()), Ok(1));
    alice.stop(PATIENCE);
    table.is("002 SIPApplication.stop", alice.with_agent(|_, _| ()), Err(ApplicationError::Stopped));
    bob.stop(PATIENCE);
    for application in [alice, bob] {
        let mut told = Vec::new();
        while let Some(event) = application.next_event() {
            hear(table, &event);
            told.extend(event.names());
        }
        table.does("002 SessionManager.stop", told.contains(&"SIPSessionManagerDidEnd"));
    }
}

/// It rings at both ends.
fn ringing(table: &mut Table, [caller, callee]: [&Application; 2], session: SessionId) {
    until(callee, table, named("WavePlayerDidStart"));
    assert!(!callee.with_alert_engine(|engine, _| engine.is_idle()).unwrap());
    callee.send_ring_indication(session).unwrap();
    until(caller, table, named("WavePlayerDidStart"));
}

/// The mixers of voice and of alerts, with their devices and bridges.
fn mixers(table: &mut Table, application: &Application) {
    let (voice, alert) = (application.voice_audio_bridge(), application.alert_audio_bridge());
    let (rate, slots) =
        application.with_engine(|engine, _| (engine.sample_rate(), engine.mixer().slot_count())).unwrap();
    table.is("002 SIPApplication.voice_audio_mixer", rate, application.sample_rate());
    let alerts = application.with_alert_engine(|engine, _| engine.mixer().slot_count()).unwrap();
    table.does("002 SIPApplication.alert_audio_mixer", alerts < slots);
    let found = application.with_engine(move |engine, _| (engine.bridge_members(voice), engine.device_port())).unwrap();
    table.is("002 SIPApplication.voice_audio_bridge", found.0, Ok(vec![found.1.into()]));
    table.is("002 SIPApplication.voice_audio_device", found.1.mixer(), MixerId::VOICE);
    let found =
        application.with_alert_engine(move |engine, _| (engine.bridge_members(alert), engine.device_port())).unwrap();
    table.is("002 SIPApplication.alert_audio_bridge", found.0, Ok(vec![found.1.into()]));
    table.is("002 SIPApplication.alert_audio_device", found.1.mixer(), MixerId::ALERT);
}

/// A file that can be played, and one that cannot.
fn waves(table: &mut Table, application: &Application, stream: StreamId, dir: &Path) {
    let file = dir.join("played.wav");
    Wave::new(application.sample_rate().hz(), vec![1000; 320]).save(&file).unwrap();
    let date = || i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let begun = date();
    let whose = |name: &'static str| {
        move |event: &Event| match &event.kind {
            EventKind::Audio(AudioEvent::Port { port, .. }) if event.names() == [name] => {
                Some((*port, event.timestamp))
            }
            _ => None,
        }
    };
    let player = application.play_wave(stream, &file).unwrap();
    let (started, since) = until(application, table, whose("WavePlayerDidStart"));
    let (ended, until_then) = until(application, table, whose("WavePlayerDidEnd"));
    assert_eq!((started, ended), (player, player));
    let dates = [begun, since.unix_millis, until_then.unix_millis, date()];
    assert!(dates.is_sorted(), "{dates:?}");
    application.play(stream, WavePlayer::new(dir.join("missing.wav"), application.sample_rate())).unwrap();
    let error = until(application, table, |event| match &event.kind {
        EventKind::Audio(AudioEvent::Port { event: PortEvent::WavePlayerDidFail { error }, .. }) => {
            Some(error.to_string())
        }
        _ => None,
    });
    assert!(error.contains("missing.wav") || error.contains("No such file"), "{error}");
}
