//! An application from start to stop.

use sipsimple_audio::device::Processing;
use sipsimple_audio::engine::Engine;
use sipsimple_audio::mixer::Slot;
use sipsimple_audio::wave::{Wave, WavePlayer};
use sipsimple_core::agent::TransportEvent;
use sipsimple_core::settings::{Change, ObjectClass, SipSimpleSettings};
use sipsimple_core::transport::{CloseCause, Transport};

use super::*;

const MOMENT: Duration = Duration::from_millis(50);

/// Long enough for a loaded machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

fn names(application: &Application) -> Vec<&'static str> {
    let mut names = Vec::new();
    while let Some(event) = application.next_event() {
        names.extend(event.names());
    }
    names
}

#[test]
fn it_tells_its_life_in_order_and_then_nothing() {
    let application = Application::start(Settings::default()).unwrap();
    application.stop(MOMENT);
    let expected =
        ["SIPApplicationWillStart", "SIPApplicationDidStart", "SIPApplicationWillEnd", "SIPApplicationDidEnd"];
    // What there is to say of the machine's name servers is said too.
    let life: Vec<_> = names(&application).into_iter().filter(|name| name.starts_with("SIPApplication")).collect();
    assert_eq!(life, expected);
    assert_eq!(application.end(SessionId::from_u64(0)), Err(ApplicationError::Stopped));
    application.stop(MOMENT);
    assert!(application.next_event().is_none());
}

#[test]
fn no_event_within_a_time_is_no_end() {
    let application = Application::start(Settings::default()).unwrap();
    while application.next_event_within(MOMENT).is_some() {}
    assert_eq!(application.with_agent(|_, now| now <= Instant::from_millis(u64::MAX)), Ok(true));
}

#[test]
fn a_trace_that_cannot_be_written_is_told_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { trace: Some(dir.path().join("missing/trace")), ..Settings::default() };
    let error = Application::start(settings).unwrap_err();
    assert!(matches!(error, StartError::Trace { .. }), "{error}");
}

#[test]
fn an_application_that_does_not_read_loses_no_event() {
    let application = Application::start(Settings::default()).unwrap();
    let count = EVENTS + EVENTS / 2;
    for _ in 0..count {
        application.add_account("sip:alice@192.0.2.1").unwrap();
    }
    assert!(application.events.len() <= EVENTS + 2, "{}", application.events.len());
    let mut ids = Vec::new();
    while ids.len() < count {
        let event = application.next_event_within(PATIENCE).expect("events are missing");
        if let EventKind::Agent(sipsimple_core::agent::EventKind::Account { id, .. }) = event.kind {
            ids.push(id.as_u64());
        }
    }
    assert!(ids.is_sorted());
}

#[test]
fn a_socket_in_use_is_told_and_a_dropped_application_frees_it() {
    let local = |application: &Application| loop {
        let event = application.next_event_within(PATIENCE).expect("no news of the socket");
        if let EventKind::Agent(sipsimple_core::agent::EventKind::Transport { event, .. }) = event.kind {
            match event {
                TransportEvent::Listening { local, .. } => return Ok(local),
                TransportEvent::Failed { cause, .. } => return Err(cause),
                other => panic!("{other:?}"),
            }
        }
    };
    let any = Route::new(Transport::Udp, ([127, 0, 0, 1], 0).into());
    let first = Application::start(Settings::listening([any])).unwrap();
    let address = local(&first).unwrap();
    let same = Route::new(Transport::Udp, address);
    let second = Application::start(Settings::listening([same])).unwrap();
    assert_eq!(local(&second), Err(CloseCause::AddressUnavailable));
    drop(first);
    let start = std::time::Instant::now();
    while std::net::UdpSocket::bind(address).is_err() {
        assert!(start.elapsed() < PATIENCE, "{address} is still bound");
        std::thread::yield_now();
    }
}

#[test]
fn an_intent_that_is_wrong_fails_at_once() {
    let application = Application::start(Settings::default()).unwrap();
    let (session, stream) = (SessionId::from_u64(7), StreamId::from_u64(7));
    assert!(matches!(application.add_account("tel:+123"), Err(ApplicationError::Intent(_))));
    assert!(matches!(application.accept(session, &[stream]), Err(ApplicationError::Intent(_))));
    assert!(matches!(application.echo(stream, true), Err(AudioError::NoLeg(_))));
    assert!(matches!(application.play_wave(stream, "/nowhere/a.wav"), Err(AudioError::Wave(_))));
    application.stop(MOMENT);
    assert!(matches!(application.echo(stream, true), Err(AudioError::Stopped)));
}

fn account(id: &str) -> Intent {
    let changes = vec![Change::typed("enabled", "yes"), Change::typed("sip.register", "no")];
    Intent::CreateAccount { id: id.into(), changes }
}

#[test]
fn settings_are_there_again_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = Settings::stored_in(directory.path().join("new"));
    // No sockets on all addresses of this machine.
    settings.config.listen = vec![listen("udp:127.0.0.1:0".parse().unwrap())];
    let application = Application::start(settings.clone()).unwrap();
    application.intend(account("alice@127.0.0.1")).unwrap();
    let change = Change::typed("user_agent", "phone");
    let object = SipSimpleSettings::key("");
    application.intend(Intent::ChangeSettings { object, changes: vec![change] }).unwrap();
    application.stop(PATIENCE);
    let told = names(&application);
    let place = |name| told.iter().position(|told| *told == name).unwrap_or_else(|| panic!("no {name} in {told:?}"));
    let order = [
        "SIPApplicationWillStart",
        "CFGSettingsObjectWasActivated",
        "SIPAccountManagerWillStart",
        "SIPAccountManagerDidStart",
        "SIPSessionManagerWillStart",
        "SIPSessionManagerDidStart",
        "SIPApplicationDidStart",
        "SIPAccountManagerDidAddAccount",
        "CFGSettingsObjectDidChange",
        "SIPApplicationWillEnd",
        "SIPSessionManagerWillEnd",
        "SIPAccountManagerWillEnd",
        "SIPSessionManagerDidEnd",
        "SIPAccountManagerDidEnd",
        "SIPApplicationDidEnd",
    ];
    assert!(order.map(place).is_sorted(), "{told:?}");

    let again = Application::start(settings.clone()).unwrap();
    let found = again.with_agent(|agent, _| {
        let user_agent = agent.settings().get::<SipSimpleSettings>("").unwrap().user_agent.to_string();
        (
            agent.has_account("alice@127.0.0.1"),
            agent.default_account() == agent.get_account("alice@127.0.0.1"),
            user_agent,
        )
    });
    assert_eq!(found, Ok((true, true, "phone".to_owned())));
    again.stop(PATIENCE);

    std::fs::write(directory.path().join("new/config"), "Accounts:\n    \"\n").unwrap();
    let error = Application::start(settings).unwrap_err().to_string();
    assert!(error.contains("new/config: the settings cannot be understood: line 2"), "{error}");
}

#[test]
fn ringtones_are_played_by_a_mixer_of_their_own_and_kept_quiet() {
    let application = Application::start(Settings::default()).unwrap();
    assert!(application.running());
    let (voice, alert) = (application.voice_audio_bridge(), application.alert_audio_bridge());
    let members = move |engine: &mut Engine, bridge| {
        engine.bridge_members(bridge).is_ok_and(|members| members == [engine.device_port().into()])
    };
    assert!(application.with_engine(move |engine, _| members(engine, voice)).unwrap());
    assert!(application.with_alert_engine(move |engine, _| members(engine, alert)).unwrap());
    let volume = |application: &Application| {
        application.with_alert_engine(|engine, _| engine.mixer().output_volume(Slot::DEVICE).percent()).unwrap()
    };
    assert_eq!(volume(&application), 100);
    let silence = vec![Change::typed("audio.silent", "yes")];
    application.intend(Intent::ChangeSettings { object: SipSimpleSettings::key(""), changes: silence }).unwrap();
    // The change is told after it has been made.
    while application.next_event().is_some_and(|event| event.names() != ["CFGSettingsObjectDidChange"]) {}
    assert_eq!(volume(&application), 0);

    // A ringtone sounds although there is no call.
    let tone = Wave::new(application.sample_rate().hz(), vec![8000; 800]);
    let rate = application.sample_rate();
    application
        .with_alert_engine(move |engine, _| {
            let mut player = WavePlayer::from_wave(tone, rate);
            player.start();
            let port = engine.add_port(player).unwrap();
            engine.bridge(alert, port).unwrap();
        })
        .unwrap();
    while application.next_event().is_some_and(|event| event.names() != ["WavePlayerDidEnd"]) {}
    application.stop(MOMENT);
    assert!(!application.running());
}

#[test]
fn the_microphone_is_processed_as_the_settings_say() {
    let application = Application::start(Settings::default()).unwrap();
    let processing =
        |application: &Application| application.with_engine(|engine, _| engine.device_mut().processing).unwrap();
    let usual = Processing { tail_length: Duration::from_millis(200), ..Processing::NONE };
    assert_eq!(processing(&application), usual);
    let sound = ["audio.tail_length=0", "audio.noise_suppression=true", "audio.gain_control=true"];
    let sound = sound.map(|set| set.split_once('=').unwrap()).map(|(name, value)| Change::typed(name, value));
    application.intend(Intent::ChangeSettings { object: SipSimpleSettings::key(""), changes: sound.to_vec() }).unwrap();
    while application.next_event().is_some_and(|event| event.names() != ["CFGSettingsObjectDidChange"]) {}
    let other = Processing { tail_length: Duration::ZERO, noise_suppression: true, gain_control: true };
    assert_eq!(processing(&application), other);
    application.stop(MOMENT);
}

/// An application with its settings in this directory, and where it listens.
fn listening_in(directory: &std::path::Path) -> (Application, std::net::SocketAddr) {
    let mut settings = Settings::stored_in(directory);
    settings.config.listen = vec![listen("udp:127.0.0.1:0".parse().unwrap())];
    let application = Application::start(settings).unwrap();
    loop {
        let event = application.next_event_within(PATIENCE).expect("no news of the socket");
        if let EventKind::Agent(sipsimple_core::agent::EventKind::Transport { event, .. }) = event.kind {
            let TransportEvent::Listening { local, .. } = event else { panic!("{event:?}") };
            return (application, local);
        }
    }
}

/// Asks what somebody can do, and waits for the answer.
fn ask(to: std::net::SocketAddr, number: u32) {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let from = socket.local_addr().unwrap();
    let options = format!(
        "OPTIONS sip:a@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{number}\r\nMax-Forwards: 70\r\n\
         From: <sip:b@{from}>;tag=b\r\nTo: <sip:a@{to}>\r\nCall-ID: {number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    );
    socket.send_to(options.as_bytes(), to).unwrap();
    socket.recv(&mut [0; 2048]).unwrap();
}

#[test]
fn traced_messages_are_written_where_the_settings_say() {
    let directory = tempfile::tempdir().unwrap();
    let (application, local) = listening_in(directory.path());
    let set = |name: &str, value: &str| {
        let (object, changes) = (SipSimpleSettings::key(""), vec![Change::typed(name, value)]);
        application.intend(Intent::ChangeSettings { object, changes }).unwrap();
    };
    // What happened before has been written when a question is answered.
    let written = |name: &str| {
        application.with_agent(|_, _| ()).unwrap();
        std::fs::read_to_string(directory.path().join(name).join("sip_trace.txt")).unwrap_or_default()
    };
    ask(local, 1);
    assert_eq!(written("logs"), "");
    set("logs.trace_sip", "yes");
    ask(local, 2);
    let first = written("logs");
    let lines: Vec<&str> =
        first.lines().filter(|line| line.contains("OPTIONS sip:") || line.contains(" -> ")).collect();
    assert!(lines[0].contains(": received, udp 127.0.0.1:") && lines[0].ends_with(&format!("-> {local}")), "{first}");
    assert!(
        lines[1].starts_with("OPTIONS sip:a@") && lines[2].contains(&format!(": sent, udp {local} -> ")),
        "{first}"
    );
    #[cfg(unix)]
    {
        let file = directory.path().join("logs/sip_trace.txt");
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o777, 0o600);
    }
    set("logs.directory", "elsewhere");
    ask(local, 3);
    assert_eq!(written("logs"), first);
    assert!(written("elsewhere").contains("Call-ID: 3"));
    set("logs.trace_sip", "no");
    ask(local, 4);
    assert!(!written("elsewhere").contains("Call-ID: 4"));

    // Where they cannot be, that is told once.
    std::fs::write(directory.path().join("taken"), "").unwrap();
    set("logs.directory", "taken");
    set("logs.trace_sip", "yes");
    ask(local, 5);
    ask(local, 6);
    application.stop(PATIENCE);
    let mut failed = Vec::new();
    while let Some(event) = application.next_event() {
        if let EventKind::Application(ApplicationEvent::LogFailed { file, .. }) = event.kind {
            failed.push(file);
        }
    }
    assert_eq!(failed, [directory.path().join("taken/sip_trace.txt")]);
}
