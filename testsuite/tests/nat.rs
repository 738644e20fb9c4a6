//! Agents behind NATs (RFC 4787, RFC 5382; RFC 3581 for the answers).

use std::net::SocketAddr;
use std::time::Duration;

use sipsimple_core::agent::{AccountSpec, Config, Intent, Outcome};
use sipsimple_core::id::{AccountId, SessionId};
use sipsimple_core::stream::{AudioSpec, StreamSpec};
use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::application::{Answering, Application, Idle};
use sipsimple_testsuite::draft::{Draft, audio};
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::nat::Kind;
use sipsimple_testsuite::post::Letter;
use sipsimple_testsuite::property;
use sipsimple_testsuite::script::{Turn, Way};
use sipsimple_testsuite::sip::{address_of, uri_of};
use sipsimple_testsuite::world::World;

const ALICE: usize = 0;
const BOB: usize = 1;
const OUTSIDE: &str = "198.51.100.1";
const KINDS: [Kind; 4] = [Kind::open(), Kind::address_restricted(), Kind::port_restricted(), Kind::symmetric()];

/// Two hosts, the first behind a NAT.
fn world(kind: Kind, faults: Faults) -> World {
    let mut world = World::new(7, faults);
    world.watch(property::all());
    let answering = Answering::after(Duration::from_secs(2));
    for (name, application) in [("alice", Box::new(Idle) as Box<dyn Application>), ("bob", Box::new(answering))] {
        let host = world.add(Config::default(), application);
        let uri = format!("sip:{name}@{}", world.host(host).addresses[0]);
        let spec = AccountSpec { any_user: true, ..AccountSpec::new(uri) };
        world.with(host, |agent, now| agent.intend(now, Intent::AddAccount(spec))).unwrap();
    }
    let nat = world.add_nat(OUTSIDE.parse().unwrap(), kind);
    let inside = world.address(ALICE).ip();
    world.put_behind(inside, nat);
    world.run_for(Duration::from_millis(1));
    world
}

fn call(world: &mut World, from: usize, route: Route) -> SessionId {
    let intent = Intent::Connect {
        account: AccountId::from_u64(0),
        to: format!("sip:somebody@{}", route.address).into(),
        routes: vec![route],
        streams: vec![StreamSpec::Audio(AudioSpec::default())],
        late_offer: false,
    };
    match world.with(from, |agent, now| agent.intend(now, intent)).unwrap() {
        Outcome::Session(session) => session,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_behind_a_nat_calls_out_and_hangs_up() {
    for kind in KINDS {
        for transport in [Transport::Udp, Transport::Tcp] {
            let mut world = world(kind, Faults { loss: 100_000, ..Faults::none() });
            let route = Route::new(transport, world.address(BOB));
            let session = call(&mut world, ALICE, route);
            world.run_for(Duration::from_secs(20));
            assert!(world.host(ALICE).names().contains(&"SIPSessionDidStart"), "{kind:?} {transport}");
            world.with(ALICE, |agent, now| agent.session(now, session).unwrap().end()).unwrap();
            assert!(world.run_until_quiescent(Duration::from_secs(120)), "{kind:?} {transport}");
            for host in [ALICE, BOB] {
                assert_eq!(world.host(host).names().last(), Some(&"SIPSessionDidEnd"), "{kind:?} {transport} {host}");
            }
        }
    }
}

#[test]
fn nobody_outside_reaches_one_behind_a_nat_who_has_sent_nothing() {
    for kind in KINDS {
        for transport in [Transport::Udp, Transport::Tcp] {
            let mut world = world(kind, Faults::none());
            let outside = SocketAddr::new(OUTSIDE.parse().unwrap(), 5060);
            call(&mut world, BOB, Route::new(transport, outside));
            assert!(world.run_until_quiescent(Duration::from_secs(120)), "{kind:?} {transport}");
            let heard = world.host(ALICE).names().iter().any(|name| name.starts_with("SIPSession"));
            assert!(!heard, "{kind:?} {transport}");
            assert_eq!(world.host(BOB).names().last(), Some(&"SIPSessionDidFail"), "{kind:?} {transport}");
        }
    }
}

/// A peer outside sees what the NAT makes of the address, and says so in `received` and `rport`.
#[test]
fn a_peer_outside_sees_the_outside_address() {
    for (kind, kept) in [(Kind::port_restricted(), true), (Kind::symmetric(), false)] {
        let mut world = world(kind, Faults::none());
        let peer = "203.0.113.1:5060".parse().unwrap();
        let post = world.add_script(peer, |letter: &Letter, turn: &mut Turn| {
            if letter.sip.request() == "INVITE" {
                turn.answer(letter, 486);
            }
        });
        call(&mut world, ALICE, Route::new(Transport::Udp, peer));
        assert!(world.run_until_quiescent(Duration::from_secs(60)));
        let invite = world.take_letter(post).unwrap();
        assert_eq!(invite.from.ip().to_string(), OUTSIDE);
        assert_eq!(invite.from.port() == 5060, kept);
        assert_eq!(world.take_letters(post), ["ACK"]);
    }
}

/// A registrar that notes where a REGISTER came from (RFC 3581) and takes every Contact.
fn registrar(letter: &Letter, turn: &mut Turn) {
    if letter.sip.request() != "REGISTER" {
        return;
    }
    let via = letter.sip.header("via").unwrap().replace(";rport", "");
    let noted = format!("{via};received={};rport={}", letter.from.ip(), letter.from.port());
    let mut answer = Draft::response(&letter.sip, 200, "registrar").set("Via", noted);
    for contact in letter.sip.list("contact").into_iter().filter(|contact| !contact.ends_with("expires=0")) {
        answer = answer.with("Contact", format!("<{}>;expires=600", uri_of(contact)));
    }
    turn.reply(letter, &answer);
}

/// One behind a NAT registers where the registrar sees it, keeps the way open for longer than a mapping lives, and is called on it.
#[test]
fn one_behind_a_nat_is_reached_through_its_registrar() {
    for kind in KINDS {
        let mut world = World::new(7, Faults { loss: 50_000, ..Faults::none() });
        world.watch(property::all());
        let host = world.add(Config::default(), Box::new(Answering::after(Duration::from_secs(1))));
        let nat = world.add_nat(OUTSIDE.parse().unwrap(), kind);
        let inside = world.address(host).ip();
        world.put_behind(inside, nat);
        let address: SocketAddr = "203.0.113.1:5060".parse().unwrap();
        let post = world.add_script(address, registrar);
        let spec = AccountSpec { register: true, ..AccountSpec::new(format!("sip:alice@{address}")) };
        world.with(host, |agent, now| agent.intend(now, Intent::AddAccount(spec))).unwrap();
        // Longer than any mapping lives that is not kept alive.
        world.run_for(Duration::from_secs(400));
        let mut registers: Vec<Letter> = std::iter::from_fn(|| world.take_letter(post)).collect();
        registers.retain(|letter| letter.sip.request() == "REGISTER");
        let last = registers.last().unwrap();
        let contact = uri_of(last.sip.list("contact").last().unwrap()).to_owned();
        assert_eq!(address_of(&contact).map(|contact| contact.ip()), Some(OUTSIDE.parse().unwrap()), "{kind:?}");
        world.heal();
        let invite = Draft::request("INVITE", &contact, address, "call").body("application/sdp", audio(address, 4000));
        let to = address_of(&contact).unwrap();
        world.turn(post, |turn| turn.send(Way::Datagram(to), invite.bytes()));
        world.run_for(Duration::from_secs(1));
        assert!(world.host(host).names().contains(&"SIPSessionNewIncoming"), "{kind:?}: {}", registers.len());
    }
}
