//! A call between two who hear each other: Alice calls Bob, each says a tone, and what each hears of the other's is kept.

use std::ops::Range;
use std::time::Duration;

use sipsimple_audio::measure::{self, Reading};
use sipsimple_core::agent::{AccountSpec, Config, EventKind, Intent, Outcome, SessionMut};
use sipsimple_core::id::{AccountId, SessionId, StreamId};
use sipsimple_core::media::Parameters;
use sipsimple_core::stream::{AudioSpec, StreamEvent, StreamSpec};
use sipsimple_core::transport::{Route, Transport};

use crate::application::{Answering, Application, Idle};
use crate::host::Place;
use crate::link::Faults;
use crate::media::{LEVEL, Mode};
use crate::property;
use crate::world::World;

/// Who calls.
pub const ALICE: usize = 0;
/// Who is called.
pub const BOB: usize = 1;
/// What the two say, in Hz.
pub const TONES: [f64; 2] = [440.0, 1_000.0];
/// Codecs after which a sound is as loud as before.
pub const PLAIN_CODECS: [&str; 2] = ["PCMU", "PCMA"];

/// Samples of a minute, which are kept.
const KEPT: usize = 8_000 * 60;

/// One of the two.
#[derive(Clone, Debug)]
pub struct Party {
    /// The configuration of its agent.
    pub config: Config,
    /// Its account, but for the URI.
    pub account: AccountSpec,
    /// What it says, in Hz; 0 is silence.
    pub hertz: f64,
}

impl Party {
    /// Alice and Bob, with plain codecs.
    #[must_use]
    pub fn both() -> [Self; 2] {
        let mut config = Config::default();
        config.rtp.audio_codecs = PLAIN_CODECS.map(Into::into).to_vec();
        TONES.map(|hertz| Self { config: config.clone(), account: AccountSpec::default(), hertz })
    }
}

/// The two, and their call once Alice has called.
#[derive(Debug)]
pub struct Call {
    /// The world that they are in.
    pub world: World,
}

impl Call {
    /// The two, before they talk. Bob answers after a second.
    ///
    /// # Panics
    /// When an account is refused.
    #[must_use]
    pub fn between(parties: [Party; 2]) -> Self {
        let mut world = World::new(5, Faults::none());
        world.watch(property::all());
        for (number, (name, party)) in ["alice", "bob"].into_iter().zip(parties).enumerate() {
            let application: Box<dyn Application> =
                if number == ALICE { Box::new(Idle) } else { Box::new(Answering::after(Duration::from_secs(1))) };
            let media = Mode::Sound { hertz: party.hertz, keep: KEPT };
            world.add_at(Place { media, ..Place::default() }, party.config, application);
            let uri = format!("sip:{name}@{}", world.host(number).addresses[0]).into();
            let account = AccountSpec { uri, ..party.account };
            world.with(number, |agent, now| agent.intend(now, Intent::AddAccount(account))).expect("an account");
        }
        world.run_for(Duration::from_millis(1));
        Self { world }
    }

    /// Alice calls Bob for audio, over UDP.
    pub fn connect(&mut self) {
        self.connect_by(Transport::Udp, &[StreamSpec::Audio(AudioSpec::default())]);
    }

    /// Alice calls Bob for these streams.
    ///
    /// # Panics
    /// When she cannot.
    pub fn connect_by(&mut self, transport: Transport, streams: &[StreamSpec]) {
        let route = Route::new(transport, self.world.address(BOB));
        let intent = Intent::Connect {
            account: AccountId::from_u64(0),
            to: format!("sip:bob@{}", route.address).into(),
            routes: vec![route],
            streams: streams.to_vec(),
            late_offer: false,
        };
        let outcome = self.world.with(ALICE, |agent, now| agent.intend(now, intent));
        assert_eq!(outcome, Ok(Outcome::Session(SessionId::from_u64(0))));
    }

    /// The session of a side.
    ///
    /// # Panics
    /// When no call has come.
    #[must_use]
    pub fn session(&self, host: usize) -> SessionId {
        if host == ALICE {
            return SessionId::from_u64(0);
        }
        self.world.host(host).incoming_sessions().next().expect("a call has come")
    }

    /// Does something with the session of a side.
    ///
    /// # Panics
    /// When it is over.
    pub fn with<T>(&mut self, host: usize, act: impl FnOnce(SessionMut<'_>) -> T) -> T {
        let session = self.session(host);
        self.world.with(host, |agent, now| act(agent.session(now, session).expect("it goes on")))
    }

    /// A side holds for this long.
    ///
    /// # Panics
    /// When it cannot.
    pub fn hold(&mut self, host: usize, time: Duration) {
        self.with(host, |mut session| session.hold()).expect("it can be held");
        self.world.run_for(time);
        self.with(host, |mut session| session.unhold()).expect("it can be taken off hold");
        self.world.run_for(time);
    }

    /// Alice hangs up, and nobody is owed anything in the end.
    ///
    /// # Panics
    /// When somebody is.
    pub fn hang_up(&mut self) {
        self.with(ALICE, |mut session| session.end()).expect("it goes on");
        assert!(self.world.run_until_quiescent(Duration::from_secs(120)), "somebody is owed something");
    }

    /// What the streams of a side told that is looked for, in order.
    pub fn news<T>(&self, host: usize, look: impl Fn(StreamId, &StreamEvent) -> Option<T>) -> Vec<T> {
        let events = self.world.host(host).events.iter().filter_map(|(_, event)| match &event.kind {
            EventKind::Stream { id, event, .. } => look(*id, event),
            _ => None,
        });
        events.collect()
    }

    /// The first stream of a side that told anything.
    ///
    /// # Panics
    /// When none has.
    #[must_use]
    pub fn stream(&self, host: usize) -> StreamId {
        *self.news(host, |stream, _| Some(stream)).first().expect("a stream has told something")
    }

    /// What the audio of a side was started or went on with, one after the other.
    #[must_use]
    pub fn parameters(&self, host: usize) -> Vec<Parameters> {
        self.news(host, |_, event| match event {
            StreamEvent::DidStart { rtp: Some(rtp) } => Some(rtp.parameters.clone()),
            StreamEvent::DidChangeParameters { parameters } => Some(parameters.clone()),
            _ => None,
        })
    }

    /// What a side has heard; the call is over.
    ///
    /// # Panics
    /// When it is not.
    #[must_use]
    pub fn heard(&self, host: usize) -> &[i16] {
        self.world.host(host).media.heard(self.stream(host)).expect("it has ended")
    }

    /// How a side has heard the other's tone, in these seconds before the end.
    ///
    /// # Panics
    /// When the call is not over, or was shorter.
    #[must_use]
    pub fn tone(&self, host: usize, before_the_end: Range<f64>) -> Reading {
        let heard = self.heard(host);
        let back = |seconds: f64| heard.len() - (seconds * 8_000.0) as usize;
        measure::tone(&heard[back(before_the_end.end)..back(before_the_end.start)], 8_000, TONES[1 - host])
    }

    /// Both have heard each other's tone, and nothing else, in these seconds before the end.
    ///
    /// # Panics
    /// When one has not.
    pub fn assert_heard(&self, before_the_end: Range<f64>) {
        for host in [ALICE, BOB] {
            let tone = self.tone(host, before_the_end.clone());
            assert!((tone.level - LEVEL).abs() < 0.5 && tone.ratio > 30.0, "{host}: {tone:?}");
        }
    }
}
