//! One agent, `alice`, and one peer whose every message the test writes.

use std::net::SocketAddr;
use std::time::Duration;

use sipsimple_core::agent::{AccountSpec, Config, Event, EventKind, Intent, Outcome, SessionMut};
use sipsimple_core::id::{AccountId, SessionId};
use sipsimple_core::session::SessionEvent;
use sipsimple_core::stream::{AudioSpec, StreamSpec};
use sipsimple_core::time::Instant;
use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::application::{Answering, Application, Idle};
use sipsimple_testsuite::draft::{Draft, Side, audio};
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::post::Letter;
use sipsimple_testsuite::property;
use sipsimple_testsuite::script::Way;
use sipsimple_testsuite::sip::Sip;
use sipsimple_testsuite::words;
use sipsimple_testsuite::world::World;

/// The time that everything takes between the two.
pub(crate) const TRANSIT: u64 = 10;

/// 64·T1.
pub(crate) const TIMEOUT: u64 = 32_000;

/// The address of the peer.
pub(crate) const PEER: &str = "10.9.0.1:5060";

pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) alice: usize,
    pub(crate) peer: usize,
    account: AccountId,
    names: u32,
    begun: Instant,
    told: usize,
}

impl Scene {
    /// An agent whose user does nothing.
    pub(crate) fn new() -> Self {
        Self::with(Config::default(), Box::new(Idle))
    }

    /// An agent whose user answers calls.
    pub(crate) fn answering(answering: Answering) -> Self {
        Self::with(Config::default(), Box::new(answering))
    }

    pub(crate) fn with(config: Config, application: Box<dyn Application>) -> Self {
        let mut world = World::new(1, Faults::none());
        world.watch(property::all());
        let alice = world.add(config, application);
        let uri = format!("sip:alice@{}", world.address(alice).ip());
        let spec = AccountSpec::new(uri.as_str());
        let outcome = world.with(alice, |agent, now| agent.intend(now, Intent::AddAccount(spec))).unwrap();
        let Outcome::Account(account) = outcome else { panic!("{outcome:?}") };
        let peer = world.add_post(peer(), true);
        world.run_for(Duration::from_millis(1));
        let begun = world.now();
        Self { world, alice, peer, account, names: 0, begun, told: 0 }
    }

    /// Alice calls the peer.
    pub(crate) fn call(&mut self, transport: Transport) -> SessionId {
        self.call_by(vec![Route::new(transport, peer())])
    }

    pub(crate) fn call_by(&mut self, routes: Vec<Route>) -> SessionId {
        self.call_with(routes, AudioSpec::default())
    }

    pub(crate) fn call_with(&mut self, routes: Vec<Route>, audio: AudioSpec) -> SessionId {
        self.place(routes, vec![StreamSpec::Audio(audio)], false)
    }

    /// Alice calls the peer without an offer, for such streams.
    pub(crate) fn call_without_offer(&mut self, transport: Transport, streams: Vec<StreamSpec>) -> SessionId {
        self.place(vec![Route::new(transport, peer())], streams, true)
    }

    fn place(&mut self, routes: Vec<Route>, streams: Vec<StreamSpec>, late_offer: bool) -> SessionId {
        self.begun = self.world.now();
        let (account, to) = (self.account, "sip:bob@10.9.0.1".into());
        let intent = Intent::Connect { account, to, routes, streams, late_offer };
        match self.world.with(self.alice, |agent, now| agent.intend(now, intent)) {
            Ok(Outcome::Session(session)) => session,
            other => panic!("{other:?}"),
        }
    }

    /// Does something with alice's session.
    pub(crate) fn session<T>(&mut self, session: SessionId, act: impl FnOnce(&mut SessionMut<'_>) -> T) -> T {
        self.world.with(self.alice, |agent, now| act(&mut agent.session(now, session).expect("it goes on")))
    }

    /// What sessions have told since this was asked last, in short words.
    pub(crate) fn told(&mut self) -> Vec<String> {
        let events = &self.world.host(self.alice).events;
        let news = events[self.told..].iter().filter_map(|(_, event)| match &event.kind {
            EventKind::Session { event, .. } => words::of(event),
            _ => None,
        });
        let news = news.collect();
        self.told = events.len();
        news
    }

    /// Alice's session is ended by its user.
    pub(crate) fn end(&mut self, session: SessionId) {
        self.world.with(self.alice, |agent, now| agent.intend(now, Intent::End { session })).unwrap();
    }

    /// A name that was not used yet.
    pub(crate) fn name(&mut self) -> String {
        self.names += 1;
        self.names.to_string()
    }

    /// A request of the peer's to alice, outside of a dialog.
    pub(crate) fn request(&mut self, method: &str) -> Draft {
        let name = self.name();
        Draft::request(method, "sip:alice@10.0.0.1", peer(), &name)
    }

    /// An INVITE of the peer's with an offer.
    pub(crate) fn invite(&mut self) -> Draft {
        self.request("INVITE").body("application/sdp", audio(peer(), 4000))
    }

    /// Sends a datagram from the peer.
    pub(crate) fn send(&mut self, draft: &Draft) {
        self.send_bytes(draft.bytes());
    }

    pub(crate) fn send_bytes(&mut self, data: impl Into<bytes::Bytes>) {
        let to = self.world.address(self.alice);
        let data = data.into();
        self.world.turn(self.peer, |turn| turn.send(Way::Datagram(to), data));
    }

    /// Sends a message back the way a letter came.
    pub(crate) fn reply(&mut self, letter: &Letter, draft: &Draft) {
        self.world.turn(self.peer, |turn| turn.reply(letter, draft));
    }

    /// Lets so many milliseconds pass.
    pub(crate) fn wait(&mut self, ms: u64) {
        self.world.run_for(Duration::from_millis(ms));
    }

    /// Waits until the first letter comes, which must be this.
    #[track_caller]
    pub(crate) fn next(&mut self, name: &str) -> Letter {
        let letter = self.letter(name);
        assert_eq!(letter.sip.to_string(), name, "{letter:?}\n{:?}", letter.sip);
        letter
    }

    /// Waits until the first letter comes, whatever it is.
    #[track_caller]
    pub(crate) fn next_any(&mut self) -> Letter {
        self.letter("a letter")
    }

    #[track_caller]
    fn letter(&mut self, name: &str) -> Letter {
        loop {
            if let Some(letter) = self.world.take_letter(self.peer) {
                return letter;
            }
            assert!(self.world.step(), "nothing more happens, and {name} did not come");
        }
    }

    /// Answers alice's PRACK, which comes next.
    #[track_caller]
    pub(crate) fn prack(&mut self, tag: &str) -> Sip {
        let prack = self.next("PRACK");
        self.reply(&prack, &response(&prack.sip, 200, tag));
        prack.sip
    }

    /// Alice cancels her INVITE, and the peer complies.
    #[track_caller]
    pub(crate) fn cancelled(&mut self, invite: &Letter) -> Sip {
        let cancel = self.next("CANCEL");
        self.reply(&cancel, &response(&cancel.sip, 200, "b"));
        self.reply(invite, &response(&invite.sip, 487, "b"));
        self.next("ACK");
        cancel.sip
    }

    /// What came in the next so many milliseconds, in order.
    pub(crate) fn within(&mut self, ms: u64) -> Vec<String> {
        self.wait(ms);
        self.world.take_letters(self.peer)
    }

    /// What came in the next so many milliseconds, and how many milliseconds after the call began it was sent.
    pub(crate) fn timed(&mut self, ms: u64) -> Vec<(u64, String)> {
        self.wait(ms);
        let mut letters = Vec::new();
        while let Some(letter) = self.world.take_letter(self.peer) {
            letters.push((self.since_begun(letter.at) - TRANSIT, letter.sip.to_string()));
        }
        letters
    }

    /// From now on [`timed`](Self::timed) counts.
    pub(crate) fn begin(&mut self) {
        self.begun = self.world.now();
    }

    fn since_begun(&self, at: Instant) -> u64 {
        u64::try_from((at - self.begun).as_millis()).unwrap()
    }

    /// The events of sessions, under the seeds' names.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let names = self.world.host(self.alice).names();
        names.into_iter().filter(|name| name.starts_with("SIPSession")).collect()
    }

    /// How many events there are of this name.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.names().into_iter().filter(|known| *known == name).count()
    }

    /// Code and milliseconds since the call began of the only failure.
    #[track_caller]
    pub(crate) fn failure(&self) -> (u16, u64) {
        let failed = |(at, event): &(Instant, Event)| match &event.kind {
            EventKind::Session { event: SessionEvent::DidFail { code, .. }, .. } => {
                Some((*code, self.since_begun(*at)))
            }
            _ => None,
        };
        let all: Vec<_> = self.world.host(self.alice).events.iter().filter_map(failed).collect();
        assert_eq!(all.len(), 1, "{:?}", self.names());
        all[0]
    }

    /// The codes of the provisional responses that were told.
    pub(crate) fn provisionals(&self) -> Vec<u16> {
        let code = |(_, event): &(Instant, Event)| match &event.kind {
            EventKind::Session { event: SessionEvent::GotProvisionalResponse { code, .. }, .. } => Some(*code),
            _ => None,
        };
        self.world.host(self.alice).events.iter().filter_map(code).collect()
    }

    /// The first session that came.
    pub(crate) fn incoming(&self) -> SessionId {
        self.world.host(self.alice).incoming_sessions().next().expect("a session came")
    }

    /// Nothing more happens, and nothing is owed: neither by alice nor to the watchers.
    #[track_caller]
    pub(crate) fn quiet(mut self) {
        let quiet = self.world.run_until_quiescent(Duration::from_secs(600));
        assert!(quiet, "not quiescent: {:#?}", self.world.host(self.alice).agent);
        self.world.finish();
    }

    /// A call that the peer has started and alice has answered, and the 200 that she sent. Her user answers.
    pub(crate) fn established_by_peer(&mut self) -> (Side, Sip) {
        let invite = self.invite();
        self.established_by(&invite)
    }

    pub(crate) fn established_by(&mut self, invite: &Draft) -> (Side, Sip) {
        self.send(invite);
        let accepted = loop {
            let letter = self.letter("an answer");
            if letter.sip.code() >= 200 {
                break letter.sip;
            }
        };
        assert_eq!(accepted.code(), 200, "{accepted:?}");
        let invite = invite.sip();
        self.send(&Draft::ack(&invite, &accepted));
        self.wait(100);
        (Side::caller(&invite, &accepted, peer()), accepted)
    }

    /// A call that alice has started and the peer has answered.
    pub(crate) fn established_by_alice(&mut self) -> (SessionId, Side) {
        let session = self.call(Transport::Udp);
        let invite = self.next("INVITE");
        let accepted = accepted(&invite.sip, "b");
        self.reply(&invite, &accepted);
        self.next("ACK");
        self.wait(100);
        (session, Side::callee(&invite.sip, "b", peer()))
    }
}

pub(crate) fn peer() -> SocketAddr {
    PEER.parse().unwrap()
}

/// A response of the peer's, with a Contact.
pub(crate) fn response(request: &Sip, code: u16, tag: &str) -> Draft {
    Draft::response(request, code, tag).with("Contact", format!("<sip:bob@{PEER}>"))
}

/// A 200 with the answer to an offer, or an offer.
pub(crate) fn accepted(request: &Sip, tag: &str) -> Draft {
    response(request, 200, tag).body("application/sdp", audio(peer(), 4000))
}

/// A user who rings at once and answers after a second.
pub(crate) fn answering() -> Answering {
    Answering::after(Duration::from_secs(1))
}

/// A user who refuses after a second.
pub(crate) fn refusing(code: u16) -> Answering {
    Answering { ring: None, accept: None, reject: Some((Duration::from_secs(1), code)), end: None }
}
