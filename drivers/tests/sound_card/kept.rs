//! The devices of an application in a call, which follow its settings and go while they are in use.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use sipsimple_audio::device::SoundCards;
use sipsimple_audio::engine::{MixerId, Recorded};
use sipsimple_audio::measure;
use sipsimple_audio::rate::SampleRate;
use sipsimple_audio::tone::sine;
use sipsimple_audio::wave::{Wave, WavePlayer};
use sipsimple_core::agent::{EventKind as Agent, Intent, TransportEvent};
use sipsimple_core::id::StreamId;
use sipsimple_core::session::SessionEvent;
use sipsimple_core::settings::{Change, ObjectClass, SipSimpleSettings};
use sipsimple_core::stream::{AudioSpec, StreamEvent, StreamSpec};
use sipsimple_core::transport::{Route, Transport};
use sipsimple_drivers::{Application, ApplicationEvent, Event, EventKind, Settings};

use crate::server::{OURS, RECORDED, SPOKEN, find_tone, listen, recorded, server, start, tell, with_server};

/// Long enough for a loaded machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often something is listened to.
const TRIES: u32 = 5;

/// Reads events until one of them is what is looked for.
fn until<T>(application: &Application, look: impl Fn(&Event) -> Option<T>) -> T {
    loop {
        let event = application.next_event_within(PATIENCE).expect("no such event");
        if let Some(found) = look(&event) {
            return found;
        }
    }
}

/// Waits until the mixer of calls has these devices; what was told of others on the way.
fn until_devices(application: &Application, wanted: [Option<&str>; 2]) -> Vec<String> {
    let (began, mut told) = (Instant::now(), Vec::new());
    loop {
        // There are other news all the time.
        assert!(began.elapsed() < PATIENCE, "{wanted:?} are not there, but {told:?}");
        let event = application.next_event_within(PATIENCE).expect("no such device");
        match &event.kind {
            EventKind::Application(ApplicationEvent::AudioDeviceDidChange { mixer: MixerId::VOICE, input, output }) => {
                if [input.as_deref(), output.as_deref()] == wanted {
                    return told;
                }
                told.push(format!("{input:?} {output:?}"));
            }
            EventKind::Application(ApplicationEvent::AudioDeviceFailed { mixer: MixerId::VOICE, error }) => {
                told.push(error.to_string());
            }
            _ => {}
        }
    }
}

fn set(application: &Application, setting: &str, device: &str) {
    let (object, changes) = (SipSimpleSettings::key(""), vec![Change::typed(setting, device)]);
    application.intend(Intent::ChangeSettings { object, changes }).expect("it may be set");
}

fn started(event: &Event) -> Option<StreamId> {
    event.stream().filter(|(_, event)| matches!(event, StreamEvent::DidStart { .. })).map(|(id, _)| id)
}

/// An application on the loopback, and where it is called.
fn application() -> (Arc<Application>, Route) {
    let mut settings = Settings::listening([Route::new(Transport::Udp, ([127, 0, 0, 1], 0).into())]);
    settings.config.rtp.audio_codecs = vec!["PCMU".into()];
    settings.audio.sample_rate = SampleRate::HZ_16000;
    let application = Arc::new(Application::start(settings).expect("it starts"));
    let bound = until(&application, |event| match &event.kind {
        EventKind::Agent(Agent::Transport { event: TransportEvent::Listening { local, .. }, .. }) => Some(*local),
        _ => None,
    });
    (application, Route::new(Transport::Udp, bound))
}

/// A call: one side has the sound cards, and the other plays our tone to it.
struct Call {
    ours: Arc<Application>,
    theirs: Arc<Application>,
    their_stream: StreamId,
    records: u32,
}

impl Call {
    fn new() -> Self {
        let ((ours, _), (theirs, route)) = (application(), application());
        theirs.add_account(&format!("sip:them@{}", route.socket_addr())).expect("an account");
        let account = ours.add_account("sip:us@127.0.0.1").expect("an account");
        ours.keep_devices(SoundCards);
        let to = format!("sip:them@{}", route.socket_addr());
        ours.connect(account, &to, &[route], &[StreamSpec::Audio(AudioSpec::default())]).expect("a call");
        let (session, streams) = until(&theirs, |event| match event.session() {
            Some((id, SessionEvent::NewIncoming { streams, .. })) => Some((id, streams.clone())),
            _ => None,
        });
        theirs.accept(session, &streams).expect("it is accepted");
        let their_stream = until(&theirs, started);
        let rate = theirs.sample_rate();
        let tone = Wave::new(rate.hz(), sine(OURS, -12.0, rate.hz(), rate.hz() as usize));
        theirs.play(their_stream, WavePlayer::from_wave(tone, rate).loop_count(0)).expect("it plays");
        Self { ours, theirs, their_stream, records: 0 }
    }

    /// What the other side hears in 2 s.
    fn heard(&mut self) -> Vec<i16> {
        self.records += 1;
        let file = format!("theirs-{}.wav", self.records);
        self.theirs.start_recording(self.their_stream, &file, Recorded::Received).expect("it records");
        thread::sleep(Duration::from_secs(2));
        self.theirs.stop_recording(self.their_stream).expect("it has recorded");
        Wave::open(&file).expect("a recording").samples().to_vec()
    }

    /// The other side hears what is spoken, sooner or later: the machine may be busy.
    fn assert_spoken(&mut self, who: &str) {
        let rate = self.theirs.sample_rate().hz();
        let mut instead = Vec::new();
        for _ in 0..TRIES {
            match find_tone(&self.heard(), rate, SPOKEN) {
                Ok(()) => return,
                Err(what) => instead.push(what),
            }
        }
        panic!("{who}: {instead:?}");
    }

    /// What is recorded of a sink in 2 s.
    fn played(&mut self, sink: &str) -> Vec<i16> {
        self.records += 1;
        let name = format!("{sink}-{}.raw", self.records);
        let file = Path::new(&name);
        let recording = listen(sink, file);
        thread::sleep(Duration::from_secs(2));
        drop(recording);
        recorded(file)
    }

    /// A sink plays our tone, sooner or later.
    fn assert_played(&mut self, sink: &str) {
        let mut instead = Vec::new();
        for _ in 0..TRIES {
            match find_tone(&self.played(sink), RECORDED, OURS) {
                Ok(()) => return,
                Err(what) => instead.push(what),
            }
        }
        panic!("{sink} plays {instead:?}");
    }
}

#[test]
fn the_devices_of_a_call_follow_settings_and_what_goes_is_replaced() {
    with_server("kept::follows_settings");
}

#[test]
#[ignore = "run by another test, with a sound server"]
fn follows_settings() {
    let sink = |name: &str| {
        tell(&server(), &format!("load-module module-null-sink sink_name={name} rate=48000 channels=2 norewinds=1"))
    };
    let headset = sink("headset").expect("another sink");
    sink("earphone").expect("and one more");
    let tone = sine(SPOKEN, -12.0, 48_000, 48_000 * 120);
    Wave::new(48_000, tone).save("spoken.wav").expect("a file");
    let _speaking = start("paplay", &["-d", "mic", "spoken.wav"]).expect("paplay");
    let mut call = Call::new();
    let preferred = until(&call.ours, |event| match &event.kind {
        EventKind::Application(ApplicationEvent::AudioDeviceDidChange { mixer: MixerId::VOICE, input, output }) => {
            Some((input.clone().expect("a microphone"), output.clone().expect("a loudspeaker")))
        }
        _ => None,
    });
    let (input, output) = (Some(preferred.0.as_str()), Some(preferred.1.as_str()));
    call.assert_played("speaker");
    call.assert_spoken("by the microphone that the system prefers");

    set(&call.ours, "audio.output_device", "Headset");
    assert_eq!(until_devices(&call.ours, [input, Some("Headset")]), [""; 0]);
    call.assert_played("headset");
    let level = measure::level(&call.played("speaker"));
    assert!(level < -60.0, "the speaker plays on, at {level:.1} dB");
    set(&call.ours, "audio.input_device", "");
    assert_eq!(until_devices(&call.ours, [None, Some("Headset")]), [""; 0]);
    let level = measure::level(&call.heard()[4_000..]);
    assert!(level < -60.0, "nobody speaks, at {level:.1} dB");
    set(&call.ours, "audio.input_device", "Microphone");
    assert_eq!(until_devices(&call.ours, [Some("Microphone"), Some("Headset")]), [""; 0]);
    call.assert_spoken("by the microphone that is named");

    // The sink goes while it plays: the server moves its sound to the one that the system prefers, or takes it away, and then we do.
    tell(&server(), &format!("unload-module {headset}")).expect("it goes");
    call.assert_played("speaker");
    call.assert_spoken("when the loudspeaker has gone");
    set(&call.ours, "audio.output_device", "Earphone");
    until_devices(&call.ours, [Some("Microphone"), Some("Earphone")]);
    call.assert_played("earphone");
    // One that is gone altogether when it is wanted.
    set(&call.ours, "audio.output_device", "Nowhere");
    let told = until_devices(&call.ours, [input, output]);
    assert_eq!(told, ["there is no sound device \"Nowhere\""]);
    call.assert_played("speaker");
    call.ours.stop(PATIENCE);
    call.theirs.stop(PATIENCE);
}
