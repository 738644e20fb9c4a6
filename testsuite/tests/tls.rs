//! SIP over TLS in the simulator: who is spoken to, and who is not (RFC 3261 section 26, RFC 5922). The certificates are those of the vectors; what a
//! driver would find of their chains is said by the test.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use sipsimple_core::agent::{AccountSpec, Config, Event, EventKind, Intent, Outcome};
use sipsimple_core::id::AccountId;
use sipsimple_core::session::SessionEvent;
use sipsimple_core::stream::{AudioSpec, StreamSpec};
use sipsimple_core::transport::{CertificateChain, Fingerprint, Route, TlsConfig, TlsInfo, TlsPolicy, Transport};
use sipsimple_testsuite::application::{Answering, Application, Idle};
use sipsimple_testsuite::host::Place;
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::post::Letter;
use sipsimple_testsuite::property;
use sipsimple_testsuite::proxy::{Location, Plan, Proxy};
use sipsimple_testsuite::script::Turn;
use sipsimple_testsuite::world::World;

const ALICE: usize = 0;

/// For `example.com` and `other.example`.
const DOMAIN: &[u8] = include_bytes!("../../vectors/tls/domain.der");
/// For `sip.example.com`, `example.com` and 192.0.2.1.
const HOSTS: &[u8] = include_bytes!("../../vectors/tls/hosts.der");
/// For nobody.
const BARE: &[u8] = include_bytes!("../../vectors/tls/bare.der");

fn shows(certificate: &'static [u8], chain: CertificateChain) -> TlsInfo {
    TlsInfo { chain, certificates: vec![Bytes::from_static(certificate)] }
}

fn trusted(certificate: &'static [u8]) -> TlsInfo {
    shows(certificate, CertificateChain::Trusted)
}

fn server() -> SocketAddr {
    "192.0.2.1:5061".parse().unwrap()
}

/// Alice, who speaks TLS with this policy for servers.
fn world(tls: TlsConfig) -> World {
    let mut world = World::new(1, Faults::none());
    world.watch(property::all());
    let mut config = Config::default();
    config.tls = Some(tls);
    let place = Place { transports: vec![Transport::Udp, Transport::Tcp, Transport::Tls], ..Place::default() };
    let alice = world.add_at(place, config, Box::new(Idle));
    let own = AccountSpec::new("sip:alice@example.com");
    world.with(alice, |agent, now| agent.intend(now, Intent::AddAccount(own))).unwrap();
    world.run_for(Duration::from_millis(1));
    world
}

/// A server that is busy.
fn busy(letter: &Letter, turn: &mut Turn) {
    if letter.sip.request() == "INVITE" {
        turn.answer(letter, 486);
    }
}

fn call(world: &mut World, to: &str, routes: Vec<Route>) -> Result<(), String> {
    let intent = Intent::Connect {
        account: AccountId::from_u64(0),
        to: to.into(),
        routes,
        streams: vec![StreamSpec::Audio(AudioSpec::default())],
        late_offer: false,
    };
    match world.with(ALICE, |agent, now| agent.intend(now, intent)) {
        Ok(Outcome::Session(_)) => Ok(()),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

/// Code and words of each failure.
fn failures(world: &World) -> Vec<(u16, String)> {
    let failed = |(_, event): &(_, Event)| match &event.kind {
        EventKind::Session { event: SessionEvent::DidFail { code, cause, .. }, .. } => {
            Some((*code, cause.reason.as_ref().map(ToString::to_string).unwrap_or_default()))
        }
        _ => None,
    };
    world.host(ALICE).events.iter().filter_map(failed).collect()
}

/// RFC 5922 section 7.3 and RFC 3261 section 26.3: a server that is not who it should be gets no byte.
#[test]
fn nothing_is_said_to_a_server_that_is_not_who_it_should_be() {
    let expired = || CertificateChain::Untrusted("expired".into());
    let policy = |servers| TlsConfig { servers, ..TlsConfig::default() };
    let of = |certificate| TlsConfig {
        servers: TlsPolicy::Fingerprint,
        fingerprints: vec![Fingerprint::of(certificate)],
        ..TlsConfig::default()
    };
    for (tls, shown, to, refused) in [
        (policy(TlsPolicy::Chain), trusted(DOMAIN), "sip:bob@example.com", None),
        (policy(TlsPolicy::Chain), trusted(HOSTS), "sips:bob@sip.example.com", None),
        (policy(TlsPolicy::Chain), trusted(HOSTS), "sip:bob@192.0.2.1", None),
        (policy(TlsPolicy::Chain), trusted(DOMAIN), "sip:bob@evil.example", Some("not for evil.example")),
        // The host of the place is no name of the domain that was meant.
        (policy(TlsPolicy::Chain), trusted(HOSTS), "sip:bob@other.example", Some("not for other.example")),
        (policy(TlsPolicy::Chain), trusted(BARE), "sip:bob@example.com", Some("not for example.com")),
        (policy(TlsPolicy::Chain), shows(DOMAIN, expired()), "sip:bob@example.com", Some("expired")),
        (policy(TlsPolicy::None), shows(BARE, expired()), "sip:bob@evil.example", None),
        (of(BARE), shows(BARE, expired()), "sip:bob@evil.example", None),
        (of(BARE), trusted(DOMAIN), "sip:bob@example.com", Some("unexpected fingerprint")),
    ] {
        let mut world = world(tls);
        let post = world.add_script(server(), busy);
        world.post_shows(post, shown);
        call(&mut world, to, vec![Route::new(Transport::Tls, server())]).unwrap();
        world.run_for(Duration::from_secs(5));
        let letters = world.take_letters(post);
        let failed = failures(&world);
        match refused {
            None => assert_eq!((letters, failed[0].0), (vec!["INVITE".to_owned(), "ACK".to_owned()], 486), "{to}"),
            Some(words) => {
                assert_eq!(letters, Vec::<String>::new(), "{to}");
                assert!(failed.len() == 1 && failed[0].1.contains(words), "{to}: {failed:?}");
            }
        }
        assert!(world.run_until_quiescent(Duration::from_secs(120)));
        world.finish();
    }
}

/// The next place is tried when the first is an impostor (RFC 3263 section 4.3).
#[test]
fn an_impostor_is_passed_over() {
    let mut world = world(TlsConfig::default());
    let impostor = world.add_script(server(), busy);
    world.post_shows(impostor, trusted(BARE));
    let honest: SocketAddr = "192.0.2.2:5061".parse().unwrap();
    let post = world.add_script(honest, busy);
    world.post_shows(post, trusted(DOMAIN));
    let routes = [server(), honest].map(|address| Route::new(Transport::Tls, address)).to_vec();
    call(&mut world, "sip:bob@example.com", routes).unwrap();
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.take_letters(impostor), Vec::<String>::new());
    assert_eq!((world.take_letters(post).len(), failures(&world)[0].0), (2, 486));
}

/// RFC 5922 section 7.4: a connection serves every domain that its certificate names, and no other.
#[test]
fn a_connection_is_used_again_for_those_for_whom_the_certificate_speaks() {
    let mut world = world(TlsConfig::default());
    let post = world.add_script(server(), busy);
    world.post_shows(post, trusted(DOMAIN));
    let conns = |world: &mut World| {
        let letters: Vec<Letter> = std::iter::from_fn(|| world.take_letter(post)).collect();
        letters
            .into_iter()
            .filter(|letter| letter.sip.request() == "INVITE")
            .map(|letter| letter.conn)
            .collect::<Vec<_>>()
    };
    for to in ["sip:bob@example.com", "sip:bob@other.example", "sip:bob@EXAMPLE.com"] {
        call(&mut world, to, vec![Route::new(Transport::Tls, server())]).unwrap();
        world.run_for(Duration::from_secs(2));
    }
    let used = conns(&mut world);
    assert!(used.len() == 3 && used.iter().all(|conn| *conn == used[0]), "{used:?}");
    // Another domain needs a connection of its own, on which the same certificate speaks for nobody.
    call(&mut world, "sip:bob@third.example", vec![Route::new(Transport::Tls, server())]).unwrap();
    world.run_for(Duration::from_secs(2));
    assert_eq!(conns(&mut world), []);
    assert_eq!(failures(&world).len(), 4);
    // The good one goes on.
    call(&mut world, "sip:bob@example.com", vec![Route::new(Transport::Tls, server())]).unwrap();
    world.run_for(Duration::from_secs(2));
    assert_eq!(conns(&mut world), [used[0]]);
}

/// DNS-1 and RFC 3261 section 26.2: a `sips` URI is never sent to otherwise than over TLS, not even where the application says so.
#[test]
fn sips_is_never_sent_in_the_clear() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut world = world(TlsConfig::default());
        let clear: SocketAddr = "192.0.2.1:5060".parse().unwrap();
        let post = world.add_script(clear, busy);
        let _ = call(&mut world, "sips:bob@example.com", vec![Route::new(transport, clear)]);
        world.run_for(Duration::from_secs(40));
        assert_eq!(world.take_letters(post), Vec::<String>::new(), "{transport}");
        assert!(failures(&world).len() <= 1 && world.host(ALICE).agent.is_quiescent());
    }
}

/// Who accepts connections asks clients for a certificate only where it was told to.
#[test]
fn clients_show_a_certificate_where_they_have_to() {
    for (clients, shown, heard) in [
        (TlsPolicy::None, None, true),
        (TlsPolicy::Chain, Some(trusted(DOMAIN)), true),
        (TlsPolicy::Chain, None, false),
        (TlsPolicy::Chain, Some(shows(DOMAIN, CertificateChain::Untrusted("expired".into()))), false),
    ] {
        let mut world = World::new(1, Faults::none());
        world.watch(property::all());
        for (host, shown) in [(0, shown.clone()), (1, Some(trusted(HOSTS)))] {
            let mut config = Config::default();
            let policy = if host == 1 { clients } else { TlsPolicy::None };
            config.tls = Some(TlsConfig { clients: policy, ..TlsConfig::default() });
            let user: Box<dyn Application> =
                if host == 1 { Box::new(Answering::after(Duration::from_secs(1))) } else { Box::new(Idle) };
            let addresses = vec![if host == 1 { server().ip() } else { "192.0.2.9".parse().unwrap() }];
            let place = Place { addresses, transports: vec![Transport::Tls], shows: shown, ..Place::default() };
            world.add_at(place, config, user);
            let own = AccountSpec { any_user: true, ..AccountSpec::new("sip:somebody@example.com") };
            world.with(host, |agent, now| agent.intend(now, Intent::AddAccount(own))).unwrap();
        }
        world.run_for(Duration::from_millis(1));
        call(&mut world, "sip:bob@example.com", vec![Route::new(Transport::Tls, server())]).unwrap();
        world.run_for(Duration::from_secs(5));
        assert_eq!(world.host(1).names().contains(&"SIPSessionNewIncoming"), heard, "{clients:?}");
        assert_eq!(world.host(0).names().contains(&"SIPSessionDidStart"), heard, "{clients:?}");
        if !heard {
            assert_eq!(failures(&world).len(), 1, "{clients:?}");
        }
    }
}

/// A call over TLS through a proxy, whose connections are lost in between: what follows opens a new one, whose peer is judged again.
#[test]
fn a_lost_connection_is_opened_anew_and_judged_anew() {
    for honest in [true, false] {
        let mut world = world(TlsConfig::default());
        let (proxy, book) = Proxy::new(Plan { records_route: true, ..Plan::default() });
        let post = world.add_script(server(), proxy);
        world.post_shows(post, trusted(HOSTS));
        let mut config = Config::default();
        config.tls = Some(TlsConfig::default());
        let place = Place { transports: vec![Transport::Tls], shows: Some(trusted(DOMAIN)), ..Place::default() };
        let bob = world.add_at(place, config, Box::new(Answering::after(Duration::from_secs(1))));
        let own = AccountSpec { any_user: true, ..AccountSpec::new("sip:bob@example.com") };
        world.with(bob, |agent, now| agent.intend(now, Intent::AddAccount(own))).unwrap();
        let uri = format!("sip:bob@{}:5061;transport=tls", world.address(bob).ip());
        book.borrow_mut().plan.users.insert("bob".into(), vec![Location::new(uri)]);
        world.run_for(Duration::from_millis(1));
        call(&mut world, "sip:bob@192.0.2.1:5061;transport=tls", vec![Route::new(Transport::Tls, server())]).unwrap();
        world.run_for(Duration::from_secs(5));
        assert!(world.host(ALICE).names().contains(&"SIPSessionDidStart"));
        let alice = world.address(ALICE).ip();
        world.reset_connections(alice, server().ip());
        world.run_for(Duration::from_secs(1));
        if !honest {
            world.post_shows(post, trusted(BARE));
        }
        let session = sipsimple_core::id::SessionId::from_u64(0);
        world.with(ALICE, |agent, now| agent.intend(now, Intent::End { session })).unwrap();
        world.run_for(Duration::from_secs(5));
        let methods: Vec<String> = book.borrow().methods().into_iter().map(str::to_owned).collect();
        let expected: &[&str] = if honest { &["INVITE", "ACK", "BYE"] } else { &["INVITE", "ACK"] };
        assert_eq!(methods, expected, "{honest}");
        assert_eq!(world.host(ALICE).names().last(), Some(&"SIPSessionDidEnd"), "{honest}");
    }
}
