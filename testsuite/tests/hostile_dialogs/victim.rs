//! The agent that is attacked, a friend whose call goes on, and the attacker.

use std::net::SocketAddr;
use std::time::Duration;

use sipsimple_core::agent::{AccountSpec, Agent, Config, Event, EventKind, Intent, Outcome};
use sipsimple_core::id::{AccountId, SessionId, SubscriptionId};
use sipsimple_core::notifier::NotifierEvent;
use sipsimple_core::package::{Forking, Package};
use sipsimple_core::session::SessionEvent;
use sipsimple_core::stream::{AudioSpec, StreamSpec};
use sipsimple_core::time::Instant;
use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::application::{Alarms, Application};
use sipsimple_testsuite::draft::{Draft, Side, audio};
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::post::Letter;
use sipsimple_testsuite::property::{Cancel, Lifecycle, NonInviteClient};
use sipsimple_testsuite::script::Way;
use sipsimple_testsuite::world::World;

/// The attacker's address.
pub(crate) const ATTACKER: &str = "10.9.0.1:5060";

const FRIEND: &str = "10.8.0.1:5060";

/// Accepts so many calls and every subscription, and refuses the other calls after a while.
struct User {
    accepts: usize,
}

impl Application for User {
    fn event(&mut self, now: Instant, event: &Event, agent: &mut Agent, alarms: &mut Alarms) {
        match &event.kind {
            EventKind::Session { id, event: SessionEvent::NewIncoming { .. } } => {
                if self.accepts == 0 {
                    alarms.set.push((Duration::from_secs(20), id.as_u64()));
                    return;
                }
                self.accepts -= 1;
                let mut session = agent.session(now, *id).unwrap();
                let streams = session.streams();
                session.accept(&streams).unwrap();
            }
            EventKind::IncomingSubscription { id, event: NotifierEvent::GotSubscribe { .. }, .. } => {
                agent
                    .intend(now, Intent::AcceptSubscription { subscription: *id, pending: false, content: None })
                    .unwrap();
            }
            _ => {}
        }
    }

    fn alarm(&mut self, now: Instant, number: u64, agent: &mut Agent, _: &mut Alarms) {
        // Whoever hung up before is not there any more.
        if let Some(mut session) = agent.session(now, SessionId::from_u64(number)) {
            let _ = session.reject(480, None);
        }
    }
}

pub(crate) struct Victim {
    pub(crate) world: World,
    pub(crate) alice: usize,
    pub(crate) attacker: usize,
    friend: usize,
    call: Side,
    names: u32,
}

/// Tables that are full soon.
pub(crate) fn small() -> Config {
    let mut config = Config::default();
    config.session_timer.expires = None;
    config.packages.push(Package::new("weather", &["text/plain"], Forking::Several).with_notifier());
    let limits = &mut config.limits;
    limits.transactions = 64;
    limits.sessions = 16;
    limits.unanswered_sessions = 8;
    limits.usages = 8;
    limits.forks = 4;
    limits.connections = 16;
    limits.connections_per_source = 8;
    config
}

impl Victim {
    pub(crate) fn new() -> Self {
        Self::with(small(), AccountSpec::default(), 0)
    }

    /// One whose user accepts so many calls of the attacker's.
    pub(crate) fn with(config: Config, spec: AccountSpec, accepts: usize) -> Self {
        let mut world = World::new(1, Faults::none());
        // The others do not know of requests and forks that are shed, nor of dialogs of subscriptions.
        world.watch(vec![
            Box::new(Lifecycle::default()),
            Box::new(NonInviteClient::default()),
            Box::new(Cancel::default()),
        ]);
        let alice = world.add(config, Box::new(User { accepts: accepts + 1 }));
        let attacker = world.add_post(address(), true);
        let own: SocketAddr = FRIEND.parse().unwrap();
        let friend = world.add_post(own, true);
        let spec = if spec.uri.is_empty() { AccountSpec { uri: "sip:alice@10.0.0.1".into(), ..spec } } else { spec };
        let spec = AccountSpec { any_user: true, ..spec };
        let outcome = world.with(alice, |agent, now| agent.intend(now, Intent::AddAccount(spec)));
        assert!(matches!(outcome, Ok(Outcome::Account(_))), "{outcome:?}");
        world.run_for(Duration::from_millis(1));
        let invite =
            Draft::request("INVITE", "sip:alice@10.0.0.1", own, "friend").body("application/sdp", audio(own, 4000));
        let to = world.address(alice);
        world.post_datagram(friend, to, invite.bytes());
        let accepted = loop {
            match world.take_letter(friend) {
                Some(letter) if letter.sip.code() == 200 => break letter.sip,
                Some(_) => {}
                None => assert!(world.step()),
            }
        };
        let invite = invite.sip();
        world.post_datagram(friend, to, Draft::ack(&invite, &accepted).bytes());
        let call = Side::caller(&invite, &accepted, own);
        world.run_for(Duration::from_millis(100));
        Self { world, alice, attacker, friend, call, names: 0 }
    }

    pub(crate) fn account(&self) -> AccountId {
        AccountId::from_u64(0)
    }

    /// A request of the attacker's outside of a dialog.
    pub(crate) fn request(&mut self, method: &str) -> Draft {
        self.names += 1;
        Draft::request(method, "sip:alice@10.0.0.1", address(), &format!("a{}", self.names))
    }

    pub(crate) fn invite(&mut self) -> Draft {
        self.request("INVITE").body("application/sdp", audio(address(), 4000))
    }

    pub(crate) fn send(&mut self, draft: &Draft) {
        let (to, data) = (self.world.address(self.alice), draft.bytes());
        self.world.turn(self.attacker, |turn| turn.send(Way::Datagram(to), data));
    }

    pub(crate) fn reply(&mut self, letter: &Letter, draft: &Draft) {
        self.world.turn(self.attacker, |turn| turn.reply(letter, draft));
    }

    pub(crate) fn wait(&mut self, ms: u64) {
        self.world.run_for(Duration::from_millis(ms));
    }

    /// What has come to the attacker in the next so many milliseconds.
    pub(crate) fn letters(&mut self, ms: u64) -> Vec<Letter> {
        self.wait(ms);
        std::iter::from_fn(|| self.world.take_letter(self.attacker)).collect()
    }

    /// The next letter of this name; others are passed over.
    #[track_caller]
    pub(crate) fn next(&mut self, name: &str) -> Letter {
        loop {
            match self.world.take_letter(self.attacker) {
                Some(letter) if letter.sip.to_string() == name => return letter,
                Some(_) => {}
                None => assert!(self.world.step(), "nothing more happens, and {name} did not come"),
            }
        }
    }

    /// Sends all of these at once: what came back before anything is repeated, which is no more than one for each.
    #[track_caller]
    pub(crate) fn storm(&mut self, drafts: &[Draft]) -> Vec<Letter> {
        for draft in drafts {
            self.send(draft);
        }
        let letters = self.letters(100);
        assert!(letters.len() <= drafts.len(), "{} replies to {} packets", letters.len(), drafts.len());
        letters
    }

    /// Sends this: the name of the only thing that came back, or nothing.
    #[track_caller]
    pub(crate) fn answer(&mut self, draft: &Draft) -> String {
        self.storm(std::slice::from_ref(draft)).first().map_or_else(String::new, |letter| letter.sip.to_string())
    }

    /// Alice calls the attacker.
    pub(crate) fn call(&mut self) -> SessionId {
        self.place(false)
    }

    /// Alice calls the attacker without an offer.
    pub(crate) fn call_without_offer(&mut self) -> SessionId {
        self.place(true)
    }

    fn place(&mut self, late_offer: bool) -> SessionId {
        let intent = Intent::Connect {
            account: self.account(),
            to: "sip:mallory@10.9.0.1".into(),
            routes: vec![Route::new(Transport::Udp, address())],
            streams: vec![StreamSpec::Audio(AudioSpec::default())],
            late_offer,
        };
        match self.world.with(self.alice, |agent, now| agent.intend(now, intent)) {
            Ok(Outcome::Session(session)) => session,
            other => panic!("{other:?}"),
        }
    }

    /// Alice subscribes to the attacker's weather, and the SUBSCRIBE that came.
    pub(crate) fn subscribe(&mut self) -> (SubscriptionId, Letter) {
        let intent = Intent::Subscribe {
            account: self.account(),
            to: "sip:mallory@10.9.0.1".into(),
            event: "weather".into(),
            expires: Some(300),
            content: None,
            eventlist: false,
            persistent: false,
            routes: vec![Route::new(Transport::Udp, address())],
        };
        match self.world.with(self.alice, |agent, now| agent.intend(now, intent)) {
            Ok(Outcome::Subscription(id)) => (id, self.next("SUBSCRIBE")),
            other => panic!("{other:?}"),
        }
    }

    /// How many events of this name there were.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.world.host(self.alice).names().into_iter().filter(|known| *known == name).count()
    }

    /// The friend's call goes on: he was sent nothing, is answered, and hangs up. The attacker falls silent, and all is forgotten.
    #[track_caller]
    pub(crate) fn survive(mut self) {
        assert_eq!(self.world.take_letters(self.friend), [""; 0], "the friend is left alone");
        let to = self.world.address(self.alice);
        for method in ["OPTIONS", "BYE"] {
            let request = self.call.request(method, &format!("friend-{method}"));
            self.world.post_datagram(self.friend, to, request.bytes());
            self.wait(100);
            assert_eq!(self.world.take_letters(self.friend), [format!("200 {method}")]);
        }
        let quiet = self.world.run_until_quiescent(Duration::from_secs(4000));
        assert!(quiet, "not quiescent: {:#?}", self.world.host(self.alice).agent);
        self.world.finish();
    }
}

pub(crate) fn address() -> SocketAddr {
    ATTACKER.parse().unwrap()
}

/// How many of these letters have this name.
pub(crate) fn number(letters: &[Letter], name: &str) -> usize {
    letters.iter().filter(|letter| letter.sip.to_string() == name).count()
}

/// A response of the attacker's, with a Contact.
pub(crate) fn response(letter: &Letter, code: u16, tag: &str) -> Draft {
    Draft::response(&letter.sip, code, tag).with("Contact", format!("<sip:mallory@{ATTACKER}>"))
}
