//! Calls whose media has to find its way: two agents behind NATs that let nobody in, and a TURN server (RFC 8445, RFC 8656).

mod consent;
mod restart;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use sipsimple_audio::measure;
use sipsimple_core::agent::{AccountSpec, Config, EventKind, Intent};
use sipsimple_core::ice::{Kind as Found, Outcome};
use sipsimple_core::id::{AccountId, ConnId, SessionId, StreamId};
use sipsimple_core::stream::{AudioSpec, IceState, StreamEvent, StreamSpec};
use sipsimple_core::transport::{Route, Transport};
use sipsimple_core::turn as client;
use sipsimple_testsuite::application::{Answering, Application, Idle};
use sipsimple_testsuite::draft::Draft;
use sipsimple_testsuite::host::Place;
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::media::{LEVEL, Mode};
use sipsimple_testsuite::nat::Kind;
use sipsimple_testsuite::post::Letter;
use sipsimple_testsuite::property;
use sipsimple_testsuite::proxy::{Location, Logbook, Plan, Proxy};
use sipsimple_testsuite::script::{Script, Turn, Way};
use sipsimple_testsuite::turn::Server;
use sipsimple_testsuite::world::World;

const ALICE: usize = 0;
const BOB: usize = 1;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A proxy that is its own registrar: users are where their REGISTERs come from (RFC 3581).
struct Door {
    proxy: Proxy,
    book: Rc<RefCell<Logbook>>,
}

impl Script for Door {
    fn got(&mut self, letter: &Letter, turn: &mut Turn) {
        if letter.sip.request() != "REGISTER" {
            return self.proxy.got(letter, turn);
        }
        let from = letter.sip.header("from").unwrap();
        let user = from.split("sip:").nth(1).and_then(|uri| uri.split('@').next()).unwrap().to_owned();
        let place = Location::new(format!("sip:{user}@{}", letter.from));
        self.book.borrow_mut().plan.users.insert(user, vec![place]);
        let via = letter.sip.header("via").unwrap().replace(";rport", "");
        let noted = format!("{via};received={};rport={}", letter.from.ip(), letter.from.port());
        let mut answer = Draft::response(&letter.sip, 200, "registrar").set("Via", noted);
        for contact in letter.sip.list("contact").into_iter().filter(|contact| !contact.ends_with("expires=0")) {
            let uri = sipsimple_testsuite::sip::uri_of(contact);
            answer = answer.with("Contact", format!("<{uri}>;expires=600"));
        }
        turn.reply(letter, &answer);
    }

    fn data(&mut self, way: Way, data: &Bytes, turn: &mut Turn) {
        self.proxy.data(way, data, turn);
    }

    fn opened(&mut self, conn: ConnId, remote: SocketAddr, turn: &mut Turn) {
        self.proxy.opened(conn, remote, turn);
    }

    fn closed(&mut self, conn: ConnId, turn: &mut Turn) {
        self.proxy.closed(conn, turn);
    }

    fn alarm(&mut self, number: u64, turn: &mut Turn) {
        self.proxy.alarm(number, turn);
    }
}

/// How a user is connected.
struct User {
    nat: Option<Kind>,
    use_ice: bool,
    has_turn: bool,
}

/// Alice and Bob, whom a proxy knows, and a TURN server. Alice calls.
fn world(users: [User; 2]) -> World {
    called(users, false)
}

/// The same, with an offer of hers or of his.
fn called(users: [User; 2], late_offer: bool) -> World {
    let mut world = World::new(11, Faults::none());
    world.watch(property::all());
    let door = at("203.0.113.5:5060");
    let (proxy, book) = Proxy::new(Plan { records_route: true, domain: Some(door), ..Plan::default() });
    world.add_script(door, Door { proxy, book });
    let server = Server::new(at("203.0.113.1:3478"), "user", "secret");
    let lends = client::Server { address: server.address(), username: "user".into(), password: "secret".into() };
    world.add_relay(server);
    for (number, (name, user)) in ["alice", "bob"].into_iter().zip(users).enumerate() {
        let application: Box<dyn Application> =
            if number == ALICE { Box::new(Idle) } else { Box::new(Answering::after(Duration::from_secs(1))) };
        let media = Mode::Sound { hertz: [440.0, 1_000.0][number], keep: 8_000 * 60 };
        let host = world.add_at(Place { media, ..Place::default() }, Config::default(), application);
        if let Some(kind) = user.nat {
            let nat = world.add_nat(["198.51.100.1", "198.51.100.2"][number].parse().unwrap(), kind);
            let inside = world.address(host).ip();
            world.put_behind(inside, nat);
        }
        let spec = AccountSpec {
            register: true,
            use_ice: user.use_ice,
            turn_servers: user.has_turn.then(|| lends.clone()).into_iter().collect(),
            ..AccountSpec::new(format!("sip:{name}@{door}"))
        };
        world.with(host, |agent, now| agent.intend(now, Intent::AddAccount(spec))).unwrap();
    }
    world.run_for(Duration::from_secs(3));
    let intent = Intent::Connect {
        account: AccountId::from_u64(0),
        to: format!("sip:bob@{door}").into(),
        routes: vec![Route::new(Transport::Udp, door)],
        streams: vec![StreamSpec::Audio(AudioSpec::default())],
        late_offer,
    };
    world.with(ALICE, |agent, now| agent.intend(now, intent)).unwrap();
    world.run_for(Duration::from_secs(12));
    world
}

fn hang_up(world: &mut World) {
    let session = SessionId::from_u64(0);
    world.with(ALICE, |agent, now| agent.intend(now, Intent::End { session })).unwrap();
    world.run_for(Duration::from_secs(8));
}

/// What the stream of a host told, in order.
fn news(world: &World, host: usize) -> Vec<(StreamId, StreamEvent)> {
    let of_stream = world.host(host).events.iter().filter_map(|(_, event)| match &event.kind {
        EventKind::Stream { id, event, .. } => Some((*id, event.clone())),
        _ => None,
    });
    of_stream.collect()
}

fn outcome(world: &World, host: usize) -> Option<Box<Outcome>> {
    news(world, host).into_iter().find_map(|(_, event)| match event {
        StreamEvent::IceNegotiationDidSucceed { outcome } => Some(outcome),
        _ => None,
    })
}

/// Both heard the other's tone.
fn assert_heard(world: &World) {
    for host in [ALICE, BOB] {
        let (stream, _) = news(world, host)[0];
        let heard = world.host(host).media.heard(stream).expect("it has ended");
        let tone = measure::tone(&heard[16_000..32_000], 8_000, [1_000.0, 440.0][host]);
        assert!((tone.level - LEVEL).abs() < 0.5 && tone.ratio > 30.0, "{host}: {tone:?}");
    }
}

const fn behind(nat: Kind) -> User {
    User { nat: Some(nat), use_ice: true, has_turn: true }
}

#[test]
fn two_behind_symmetric_nats_talk_through_a_relay() {
    let mut world = world([behind(Kind::symmetric()), behind(Kind::symmetric())]);
    for host in [ALICE, BOB] {
        let outcome = outcome(&world, host).expect("ICE has succeeded");
        let kinds = outcome.selected.iter().flat_map(|pair| [pair.local.kind, pair.remote.kind]);
        assert!(outcome.selected.len() == 2 && kinds.clone().any(|kind| kind == Found::Relayed), "{outcome:?}");
        assert!(outcome.checks.iter().any(|check| check.nominated) && outcome.duration < Duration::from_secs(3));
        let states: Vec<IceState> = news(&world, host)
            .into_iter()
            .filter_map(|(_, event)| match event {
                StreamEvent::IceNegotiationStateDidChange { state } => Some(state),
                _ => None,
            })
            .collect();
        assert_eq!(
            states,
            [IceState::Gathering, IceState::GatheringComplete, IceState::InProgress, IceState::Succeeded]
        );
        let names = world.host(host).names();
        let place = |name: &str| names.iter().position(|known| *known == name);
        assert!(place("AudioStreamICENegotiationDidSucceed") < place("MediaStreamDidStart"));
    }
    let now = world.now();
    assert!(world.relay(0).relayed > 500, "{}", world.relay(0).relayed);
    assert!(world.relay(0).allocations(now) > 0);
    hang_up(&mut world);
    let now = world.now();
    assert_eq!(world.relay(0).allocations(now), 0, "what was lent was given back");
    assert_heard(&world);
}

/// The one who offers is the one who is called, and the ACK carries her candidates.
#[test]
fn two_behind_symmetric_nats_talk_after_a_late_offer() {
    let mut world = called([behind(Kind::symmetric()), behind(Kind::symmetric())], true);
    for host in [ALICE, BOB] {
        assert_eq!(outcome(&world, host).expect("ICE has succeeded").selected.len(), 2);
    }
    hang_up(&mut world);
    assert_heard(&world);
}

#[test]
fn two_behind_open_nats_talk_to_each_other() {
    let mut world = world([behind(Kind::open()), behind(Kind::port_restricted())]);
    for host in [ALICE, BOB] {
        let outcome = outcome(&world, host).expect("ICE has succeeded");
        assert!(
            outcome.selected.iter().all(|pair| pair.local.kind != Found::Relayed && pair.remote.kind != Found::Relayed)
        );
    }
    hang_up(&mut world);
    assert_heard(&world);
}

#[test]
fn a_peer_that_does_not_do_ice_is_reached_through_the_relay() {
    let plain = || User { nat: None, use_ice: false, has_turn: false };
    for users in [[behind(Kind::symmetric()), plain()], [plain(), behind(Kind::symmetric())]] {
        let offers = users[0].use_ice;
        let mut world = world(users);
        assert!(outcome(&world, ALICE).is_none() && outcome(&world, BOB).is_none());
        if offers {
            assert!(world.relay(0).relayed > 500);
            hang_up(&mut world);
            assert_heard(&world);
        }
    }
}
