//! Chats and files through a relay (RFC 4976) that challenges, moves, refuses, and breaks off.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use sipsimple_core::agent::MsrpAccount;
use sipsimple_core::random::{Random, Seed};
use sipsimple_core::settings::kind::ConnectionModel::Relay as Model;
use sipsimple_core::settings::kind::{MsrpRelayAddress, MsrpTransport};
use sipsimple_core::stream::{ChatEvent, ChatSpec, FileTransferEvent, StreamEvent, StreamSpec};
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::msrp_relay::{Books, Relay};

use crate::file::{bytes, push, stored, told};
use crate::scene::{ALICE, BOB, Scene, over_tcp};

const ADDRESS: &str = "10.9.0.9:2855";

/// An account with the relay, if it has it, for sessions in both directions.
fn account(relayed: bool) -> MsrpAccount {
    let at: SocketAddr = ADDRESS.parse().unwrap();
    let relay = MsrpRelayAddress { host: at.ip().into(), port: at.port(), transport: MsrpTransport::Tcp };
    MsrpAccount { relay: relayed.then_some(relay), relay_for_outbound: true, ..over_tcp(Model) }
}

struct Relayed {
    scene: Scene,
    relay: usize,
    books: Rc<RefCell<Books>>,
}

impl Relayed {
    /// A scene of which these have the relay.
    fn new(seed: u64, faults: Faults, relayed: [bool; 2]) -> Self {
        let mut scene = Scene::new(seed, faults, relayed.map(account));
        let (relay, books) = Relay::new(Random::new(&Seed::from_u64(seed)), "msrp");
        let relay = scene.world.add_script(ADDRESS.parse().unwrap(), relay);
        Self { scene, relay, books }
    }

    /// With a chat that has started.
    fn chatting(seed: u64, relayed: [bool; 2]) -> Self {
        Self::chatting_by(seed, relayed, |_| {})
    }

    fn chatting_by(seed: u64, relayed: [bool; 2], set: impl FnOnce(&mut Books)) -> Self {
        let mut own = Self::new(seed, Faults::none(), relayed);
        set(&mut own.books.borrow_mut());
        own.scene.call(vec![StreamSpec::Chat(ChatSpec::default())]);
        own.scene.run(3000);
        own
    }

    /// The codes that AUTH was answered with.
    fn asked(&self) -> Vec<u16> {
        self.books.borrow().asked.iter().map(|(_, code)| *code).collect()
    }

    /// Cuts what is between a host and the relay.
    fn cut(&mut self, host: usize) {
        let [one, other] = [self.scene.world.host(host).addresses[0], self.scene.world.post(self.relay).address.ip()];
        self.scene.world.reset_connections(one, other);
    }

    /// Why a host's stream failed.
    fn failure(&self, host: usize) -> Option<String> {
        self.scene.told(host).into_iter().find_map(|event| match event {
            StreamEvent::DidFail { reason } => Some(reason.to_string()),
            _ => None,
        })
    }
}

fn delivered(scene: &Scene, host: usize) -> Vec<(String, u16)> {
    let of = |event| match event {
        ChatEvent::DidDeliverMessage { message_id, code, .. }
        | ChatEvent::DidNotDeliverMessage { message_id, code, .. } => Some((message_id.to_string(), code)),
        _ => None,
    };
    scene.chat(host).into_iter().filter_map(of).collect()
}

#[test]
fn messages_go_both_ways_whoever_has_the_relay() {
    for relayed in [[true, false], [false, true], [true, true]] {
        let mut own = Relayed::chatting(1, relayed);
        let long = "x".repeat(30_000);
        own.scene.say(ALICE, "m001", "hello").unwrap();
        own.scene.say(BOB, "m001", &long).unwrap();
        own.scene.run(3000);
        assert_eq!(own.scene.texts(BOB), ["hello"], "{relayed:?}");
        assert_eq!(own.scene.texts(ALICE), [long], "{relayed:?}");
        assert_eq!(
            [ALICE, BOB].map(|host| delivered(&own.scene, host)),
            [[("m001".to_owned(), 200)], [("m001".to_owned(), 200)]]
        );
        let each: &[u16] = if relayed == [true, true] { &[401, 200, 401, 200] } else { &[401, 200] };
        assert_eq!(own.asked(), each);
        assert!(own.books.borrow().forwarded["SEND"] >= 16, "{:?}", own.books);
        own.scene.end();
    }
}

#[test]
fn a_file_goes_through_it() {
    let data = bytes(300_000);
    let mut own = Relayed::new(2, Faults::none(), [true, true]);
    push(&mut own.scene, &data, crate::file::selector(&data), 0);
    own.scene.run(20_000);
    assert_eq!(stored(&own.scene), Some(&data));
    assert!(told(&own.scene, ALICE).contains(&FileTransferEvent::DidFinish { received: false }));
    own.scene.end();
}

#[test]
fn a_path_that_stays_is_asked_for_again_in_time() {
    let mut own = Relayed::chatting_by(3, [true, false], |books| (books.lasts, books.stale) = (120, true));
    for minute in 0..10 {
        own.scene.say(BOB, &format!("m{minute:03}"), "still there").unwrap();
        own.scene.run(60_000);
    }
    assert_eq!(own.scene.texts(ALICE).len(), 10);
    // Once a minute, and each time its nonce is worn out.
    assert!(own.asked().len() >= 20, "{:?}", own.asked());
    assert_eq!(
        own.scene.world.host(ALICE).names().iter().filter(|name| **name == "SIPSessionDidRenegotiateStreams").count(),
        0
    );
    own.scene.end();
}

/// RFC 4976 section 5.1, RFC 4975 section 8.4: the peer is offered the new path, and no message is lost on the way to it.
#[test]
fn a_path_that_changes_is_offered_again() {
    for relayed in [[true, false], [false, true], [true, true]] {
        let mut own = Relayed::chatting_by(4, relayed, |books| (books.lasts, books.moves) = (120, true));
        // Longer than the first path lasts; something is always under way.
        for number in 0..300 {
            own.scene.say(ALICE, &format!("a{number:03}"), &"from alice ".repeat(400)).unwrap();
            own.scene.say(BOB, &format!("b{number:03}"), &"from bob ".repeat(400)).unwrap();
            own.scene.run(1000);
        }
        own.scene.run(3000);
        for host in [ALICE, BOB] {
            assert_eq!(own.scene.texts(host).len(), 300, "{relayed:?}");
            assert!(delivered(&own.scene, host).iter().all(|(_, code)| *code == 200), "{relayed:?}");
            assert_eq!(own.failure(host), None);
        }
        assert_eq!(own.books.borrow().reports, 0);
        assert!(own.asked().iter().filter(|code| **code == 200).count() >= 4);
        own.scene.end();
    }
}

#[test]
fn bounds_of_the_expiry_are_kept() {
    let mut own = Relayed::chatting_by(5, [true, false], |books| books.bounds = Some((30, 90)));
    // It has no wish at first, and takes what is most.
    assert_eq!(own.asked(), [401, 423, 200]);
    own.scene.say(ALICE, "m001", "hello").unwrap();
    own.scene.run(1000);
    assert_eq!(own.scene.texts(BOB), ["hello"]);
    own.scene.end();
}

#[test]
fn a_relay_that_refuses_fails_the_call() {
    for (relayed, code) in [([true, false], 403), ([false, true], 501)] {
        let mut own = Relayed::chatting_by(6, relayed, |books| books.refuses = Some(code));
        assert_eq!(own.asked(), [code]);
        let host = if relayed[ALICE] { ALICE } else { BOB };
        assert_eq!(own.failure(host), Some(format!("MSRP: the relay refuses: {code} ")), "{:?}", own.scene.told(host));
        assert!(own.scene.world.run_until_quiescent(Duration::from_secs(120)));
        own.scene.world.finish();
    }
}

#[test]
fn a_relay_that_says_nothing_fails_the_call_in_time() {
    let mut own = Relayed::chatting_by(7, [true, false], |books| books.mute = true);
    own.scene.run(3000);
    let told = own.scene.names(ALICE);
    assert_eq!(told, ["MediaStreamWillEnd", "MediaStreamDidEnd"]);
    assert_eq!(own.scene.failure(ALICE), Some(0));
    assert!(own.scene.world.run_until_quiescent(Duration::from_secs(120)));
    own.scene.world.finish();
}

/// A path ends with the connection that it was asked for on (RFC 4976 section 6.3): so does the stream, with a reason.
#[test]
fn a_relay_that_is_lost_fails_the_stream_of_an_active_session() {
    for (relayed, host) in [([true, false], ALICE), ([false, true], BOB), ([true, true], BOB)] {
        let mut own = Relayed::chatting(8, relayed);
        own.scene.say(host, "m001", "arrives").unwrap();
        own.scene.run(500);
        own.scene.say(host, "m002", "does not").unwrap();
        own.cut(host);
        own.scene.run(1000);
        assert_eq!(delivered(&own.scene, host), [("m001".to_owned(), 200), ("m002".to_owned(), 0)]);
        assert_eq!(own.failure(host).as_deref(), Some("MSRP: connection reset"), "{relayed:?}");
        assert!(own.scene.world.run_until_quiescent(Duration::from_secs(120)));
        own.scene.world.finish();
    }
}

/// The path is valid for as long as it was granted: until then the stream goes on, and the relay is asked again, ever more rarely.
#[test]
fn a_refresh_that_is_refused_fails_the_stream_when_the_path_expires() {
    let mut own = Relayed::chatting_by(9, [true, false], |books| books.lasts = 120);
    own.books.borrow_mut().refuses = Some(403);
    for number in 0..11 {
        own.scene.say(BOB, &format!("m{number:03}"), "still there").unwrap();
        own.scene.run(10_000);
    }
    assert_eq!((own.scene.texts(ALICE).len(), own.failure(ALICE)), (11, None));
    own.scene.run(8_000);
    assert_eq!(own.failure(ALICE).as_deref(), Some("MSRP: the relay refuses: 403 "));
    let refused = own.asked().iter().filter(|code| **code == 403).count();
    assert!((4..=6).contains(&refused), "{refused}");
    assert!(own.scene.world.run_until_quiescent(Duration::from_secs(120)));
    own.scene.world.finish();
}

#[test]
fn a_relay_that_is_out_of_order_for_a_while_does_not_end_the_stream() {
    for mute in [false, true] {
        let mut own = Relayed::chatting_by(11, [true, false], |books| books.lasts = 120);
        let disturb = |own: &Relayed, on: bool| {
            let mut books = own.books.borrow_mut();
            if mute {
                books.mute = on;
            } else {
                books.refuses = on.then_some(500);
            }
        };
        own.scene.run(40_000);
        // Nothing but the refresh is due meanwhile.
        own.scene.say(ALICE, "m000", "hello").unwrap();
        own.scene.run(10_000);
        disturb(&own, true);
        own.scene.run(30_000);
        disturb(&own, false);
        for minute in 0..10 {
            own.scene.say(BOB, &format!("m{minute:03}"), "still there").unwrap();
            own.scene.run(60_000);
        }
        assert_eq!((own.scene.texts(ALICE).len(), own.failure(ALICE)), (10, None), "{mute}");
        own.scene.end();
    }
}

/// RFC 4976 section 6.4.1: the relay has taken the message, and the next hop has gone.
#[test]
fn what_the_next_hop_does_not_take_is_reported_by_the_relay() {
    let mut own = Relayed::chatting(10, [true, false]);
    own.cut(BOB);
    own.scene.say(ALICE, "m001", "to nobody").unwrap();
    own.scene.run(40_000);
    assert_eq!(
        delivered(&own.scene, ALICE).first().map(|(id, code)| (id.as_str(), *code != 200)),
        Some(("m001", true))
    );
    assert!(own.scene.world.run_until_quiescent(Duration::from_secs(200)));
    own.scene.world.finish();
}

/// Slow links, and connections that are reset at any time: every message has one fate, and nothing is left behind.
#[test]
fn faults_on_the_way_leave_nothing_behind() {
    for seed in 0..12 {
        let faults = Faults {
            delay: Duration::from_millis(20 + seed * 5),
            jitter: Duration::from_millis(seed * 10),
            reset: if seed % 3 == 0 { 3_000 } else { 0 },
            segment: if seed % 2 == 0 { 100 } else { 0 },
            ..Faults::none()
        };
        let relayed = [[true, false], [false, true], [true, true]][usize::try_from(seed % 3).unwrap()];
        let mut own = Relayed::new(seed, Faults::none(), relayed);
        (own.books.borrow_mut().lasts, own.books.borrow_mut().moves) = (60, seed % 4 == 0);
        own.scene.world.set_faults(faults);
        own.scene.call(vec![StreamSpec::Chat(ChatSpec::default())]);
        own.scene.run(5000);
        let mut said = 0;
        for number in 0..60 {
            // A stream that has failed takes nothing.
            let long = "long ".repeat(number * 20);
            said += usize::from(own.scene.say(ALICE, &format!("m{number:03}"), &long).is_ok());
            own.scene.run(1000);
        }
        own.scene.hang_up();
        assert!(own.scene.world.run_until_quiescent(Duration::from_secs(300)), "{seed}");
        own.scene.world.finish();
        assert_eq!(delivered(&own.scene, ALICE).len(), said, "{seed}");
        assert!(seed % 3 == 0 || said == 60, "{seed}: {said}");
    }
}
