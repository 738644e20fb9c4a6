//! Registrations that keep a way open: Path and Service-Route (RFC 3327, RFC 3608), outbound (RFC 5626), GRUU (RFC 5627), through an edge proxy and a
//! home proxy.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use sipsimple_core::agent::{AccountSpec, Config, EventKind, Intent, Outcome};
use sipsimple_core::id::{AccountId, SessionId};
use sipsimple_core::random::{Random, Seed};
use sipsimple_core::registration::RegistrationEvent;
use sipsimple_core::sip::digest::Credentials;
use sipsimple_core::stream::{AudioSpec, StreamSpec};
use sipsimple_core::time::Instant;
use sipsimple_core::transport::{Route, Transport};
use sipsimple_core::usage::Content;
use sipsimple_testsuite::application::{Answering, Idle};
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::nat::Kind;
use sipsimple_testsuite::property;
use sipsimple_testsuite::proxy::{Location, Logbook, Mood, Path, Plan, Proxy};
use sipsimple_testsuite::registrar::{Books, Registrar};
use sipsimple_testsuite::sip::{param, uri_of};
use sipsimple_testsuite::world::World;

const ALICE: usize = 0;
const BOB: usize = 1;
const EDGE: &str = "10.9.0.1:5060";
const HOME: &str = "10.9.0.2:5060";
const URN: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

/// Alice behind an edge proxy, a home proxy with its registrar, and bob.
struct Scene {
    world: World,
    books: Rc<RefCell<Books>>,
    edge: Rc<RefCell<Logbook>>,
    edge_post: usize,
    home: Rc<RefCell<Logbook>>,
}

fn spec(transport: Transport) -> AccountSpec {
    AccountSpec {
        credentials: Some(Credentials::new("alice", "secret")),
        outbound_proxy: Some(format!("{EDGE};transport={transport}").into()),
        register: true,
        ..AccountSpec::new("sip:alice@10.9.0.2")
    }
}

impl Scene {
    /// Nobody has registered yet.
    fn new(path: Path, urn: Option<&str>, nat: Option<Kind>) -> Self {
        let mut world = World::new(1, Faults::none());
        world.watch(property::all());
        let mut config = Config::default();
        config.instance_id = urn.map(Into::into);
        let alice = world.add(config, Box::new(Answering::after(Duration::from_secs(1))));
        if let Some(kind) = nat {
            let nat = world.add_nat("198.51.100.1".parse().unwrap(), kind);
            let inside = world.address(alice).ip();
            world.put_behind(inside, nat);
        }
        let bob = world.add(Config::default(), Box::new(Idle));
        let own = AccountSpec::new("sip:bob@10.0.0.2");
        world.with(bob, |agent, now| agent.intend(now, Intent::AddAccount(own))).unwrap();
        let (registrar, books) = Registrar::new(Random::new(&Seed::from_u64(1)), "MD5");
        world.add_script("10.9.0.9:5060".parse().unwrap(), registrar);
        let (proxy, edge) = Proxy::new(Plan { path, records_route: true, ..Plan::default() });
        let edge_post = world.add_script(EDGE.parse().unwrap(), proxy);
        let registrar = Some("10.9.0.9:5060".parse().unwrap());
        let (proxy, home) = Proxy::new(Plan { registrar, records_route: true, ..Plan::default() });
        world.add_script(HOME.parse().unwrap(), proxy);
        world.run_for(Duration::from_millis(1));
        Self { world, books, edge, edge_post, home }
    }

    fn register(&mut self, transport: Transport) {
        let own = spec(transport);
        self.world.with(ALICE, |agent, now| agent.intend(now, Intent::AddAccount(own))).unwrap();
        self.wait(2);
        self.publish();
    }

    /// The home proxy learns what the registrar knows.
    fn publish(&self) {
        let books = self.books.borrow();
        let now = self.world.now();
        let live = books.bindings.iter().filter(|(_, until)| **until > now);
        let places = live.map(|(uri, _)| Location { uri: uri.clone(), path: books.paths[uri].clone() }).collect();
        self.home.borrow_mut().plan.users.insert("alice".into(), places);
    }

    fn wait(&mut self, seconds: u64) {
        self.world.run_for(Duration::from_secs(seconds));
    }

    fn news(&self) -> Vec<(Instant, RegistrationEvent)> {
        let events = self.world.host(ALICE).events.iter();
        events
            .filter_map(|(at, event)| match &event.kind {
                EventKind::Registration { event, .. } => Some((*at, event.clone())),
                _ => None,
            })
            .collect()
    }

    /// The REGISTERs that came to the registrar with right credentials.
    fn registers(&self) -> Vec<sipsimple_testsuite::sip::Sip> {
        let books = self.books.borrow();
        books.seen.iter().map(|seen| seen.sip.clone()).filter(|sip| sip.header("authorization").is_some()).collect()
    }

    /// Bob calls a URI of alice's by the home proxy.
    fn call(&mut self, to: &str) -> SessionId {
        let intent = Intent::Connect {
            account: AccountId::from_u64(0),
            to: to.into(),
            routes: vec![Route::new(Transport::Udp, HOME.parse().unwrap())],
            streams: vec![StreamSpec::Audio(AudioSpec::default())],
            late_offer: false,
        };
        match self.world.with(BOB, |agent, now| agent.intend(now, intent)).unwrap() {
            Outcome::Session(session) => session,
            other => panic!("{other:?}"),
        }
    }

    fn count(&self, host: usize, name: &str) -> usize {
        self.world.host(host).names().into_iter().filter(|known| *known == name).count()
    }
}

/// RFC 3327 section 5.1 and RFC 3608 section 6: the way in is the Path that the proxies wrote, the way out the latest Service-Route, whole and in order.
#[test]
fn requests_go_by_the_latest_service_route_and_come_by_the_path() {
    let mut scene = Scene::new(Path::Plain, None, None);
    let home: SocketAddr = HOME.parse().unwrap();
    let routes = |names: &[&str]| names.iter().map(|name| format!("<sip:{name}{home};lr>")).collect::<Vec<_>>();
    scene.books.borrow_mut().service_route = routes(&["one@", "two@"]);
    scene.register(Transport::Udp);
    let register = &scene.registers()[0];
    assert!(register.list("supported").contains(&"path") && register.list("route").is_empty());
    assert_eq!(register.list("path"), [format!("<sip:{EDGE};lr>")]);
    let send = |scene: &mut Scene| {
        let (account, to) = (AccountId::from_u64(0), "sip:bob@10.0.0.2:5060".into());
        let content = Content::new("text/plain", "hello");
        let intent = Intent::SendMessage { account, to, content, cpim: false, routes: Vec::new() };
        scene.world.with(ALICE, |agent, now| agent.intend(now, intent)).unwrap();
        scene.wait(2);
        let edge = scene.edge.borrow();
        let message = edge.passed.iter().rfind(|passed| passed.sip.request() == "MESSAGE").unwrap();
        message.sip.list("route").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(send(&mut scene), routes(&["one@", "two@"]));
    // What the next answer says takes the place of all of it.
    scene.books.borrow_mut().service_route = routes(&["three@"]);
    scene.wait(60);
    assert_eq!(send(&mut scene), routes(&["three@"]));
    assert!(scene.registers().iter().all(|register| register.list("route").is_empty()));
    let session = {
        let intent = Intent::Connect {
            account: AccountId::from_u64(0),
            to: "sip:nobody@10.0.0.2:5060".into(),
            routes: Vec::new(),
            streams: vec![StreamSpec::Audio(AudioSpec::default())],
            late_offer: false,
        };
        scene.world.with(ALICE, |agent, now| agent.intend(now, intent)).unwrap()
    };
    assert!(matches!(session, Outcome::Session(_)));
    scene.wait(2);
    let invite =
        scene.edge.borrow().passed.iter().rfind(|passed| passed.sip.request() == "INVITE").unwrap().sip.clone();
    assert_eq!(invite.list("route"), routes(&["three@"]));
    scene.books.borrow_mut().service_route.clear();
    scene.wait(60);
    assert_eq!(send(&mut scene), routes(&[]));

    scene.publish();
    let session = scene.call("sip:alice@10.9.0.2");
    scene.wait(4);
    assert_eq!((scene.count(ALICE, "SIPSessionDidStart"), scene.count(BOB, "SIPSessionDidStart")), (1, 1));
    let came = scene.edge.borrow().passed.last().unwrap().sip.clone();
    assert_eq!((came.request(), came.list("route").len()), ("ACK", 1));
    scene.world.with(BOB, |agent, now| agent.intend(now, Intent::End { session })).unwrap();
    scene.wait(2);
    assert_eq!(scene.count(ALICE, "SIPSessionDidEnd"), 1);
}

/// RFC 5626 section 4.2: the device and its flow have names that stay the same; and section 4.4: how often a flow is kept alive.
#[test]
fn a_flow_is_named_and_kept_alive() {
    for (transport, timer, range) in [
        (Transport::Udp, None, 24..=30),
        (Transport::Tcp, None, 95..=121),
        (Transport::Udp, Some(60), 48..=61),
        (Transport::Tcp, Some(40), 32..=41),
    ] {
        let mut scene = Scene::new(Path::Flow, Some(URN), None);
        scene.books.borrow_mut().outbound = Some(timer);
        scene.books.borrow_mut().longest = 3600;
        scene.register(transport);
        scene.wait(2000);
        let registers = scene.registers();
        assert!(registers.len() > 3);
        for register in &registers {
            let contact = *register.list("contact").last().unwrap();
            assert_eq!(param(contact, "+sip.instance").flatten(), Some(format!("\"<{URN}>\"").as_str()));
            assert_eq!(param(contact, "reg-id").flatten(), Some("1"));
            assert!(register.list("supported").contains(&"outbound"));
        }
        assert!(scene.books.borrow().bindings.len() == 1);
        let failed =
            scene.news().iter().filter(|(_, event)| matches!(event, RegistrationEvent::DidFail { .. })).count();
        assert_eq!(failed, 0, "{transport}");
        // Each refresh keeps the flow alive too, and begins the count anew.
        let mut alive = scene.edge.borrow().pings.clone();
        let pings = alive.len();
        alive.extend(scene.books.borrow().seen.iter().map(|seen| seen.at));
        alive.sort();
        let gaps: Vec<u64> = alive.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
        assert!(pings > 10 && gaps.iter().all(|gap| gap <= range.end()), "{transport} {timer:?}: {gaps:?}");
        let between = gaps.iter().filter(|gap| *gap >= range.start()).count();
        assert!(between * 10 > gaps.len() * 6, "{transport} {timer:?}: {gaps:?}");
    }
}

/// Sections 4.4.1 and 4.4.2: where no answer comes the flow has failed, and another is made with the same name.
#[test]
fn a_flow_that_is_not_answered_is_made_anew() {
    for (transport, patience) in [(Transport::Udp, 29 + 41), (Transport::Tcp, 120 + 11)] {
        let mut scene = Scene::new(Path::Flow, Some(URN), None);
        scene.books.borrow_mut().outbound = Some(None);
        scene.register(transport);
        // As soon as its registration is refreshed the registrar knows what it needs for long.
        scene.books.borrow_mut().longest = 3600;
        scene.wait(60);
        let before = scene.registers().len();
        scene.edge.borrow_mut().plan.deaf = true;
        scene.wait(patience);
        scene.edge.borrow_mut().plan.deaf = false;
        scene.wait(60);
        assert!(scene.registers().len() > before, "{transport}");
        let contact = |sip: &sipsimple_testsuite::sip::Sip| {
            let last = sip.list("contact").last().map(|contact| (*contact).to_owned()).unwrap();
            (
                param(&last, "reg-id").flatten().map(str::to_owned),
                param(&last, "+sip.instance").flatten().map(str::to_owned),
            )
        };
        let registers = scene.registers();
        assert!(registers.iter().all(|register| contact(register) == contact(&registers[0])));
        assert_eq!(scene.books.borrow().bindings.len(), 1, "{transport}");
    }
}

/// Section 4.4.2: the NAT gives another address, which STUN shows; nobody reaches alice at the old one.
#[test]
fn a_binding_that_changes_fails_the_flow() {
    let mut scene = Scene::new(Path::Flow, Some(URN), Some(Kind::symmetric()));
    scene.books.borrow_mut().outbound = Some(None);
    scene.register(Transport::Udp);
    scene.books.borrow_mut().longest = 3600;
    scene.wait(60);
    let before = scene.registers().len();
    scene.world.nat(0).forget();
    scene.wait(40);
    assert!(scene.registers().len() > before);
    scene.publish();
    let session = scene.call("sip:alice@10.9.0.2");
    scene.wait(4);
    assert_eq!(scene.count(ALICE, "SIPSessionDidStart"), 1);
    scene.world.with(BOB, |agent, now| agent.intend(now, Intent::End { session })).unwrap();
    scene.wait(2);
    assert_eq!(scene.count(ALICE, "SIPSessionDidEnd"), 1);
}

/// Section 5.3: one behind a NAT is called over the connection that it has opened, and on no other; when that is gone, over the next.
#[test]
fn calls_come_over_the_flow_that_was_opened() {
    for transport in [Transport::Tcp, Transport::Udp] {
        let mut scene = Scene::new(Path::Flow, Some(URN), Some(Kind::port_restricted()));
        scene.books.borrow_mut().outbound = Some(None);
        scene.register(transport);
        for round in 1..3 {
            scene.publish();
            let session = scene.call("sip:alice@10.9.0.2");
            scene.wait(4);
            assert_eq!(scene.count(ALICE, "SIPSessionDidStart"), round, "{transport}");
            // Requests inside the dialog take the flow too, both ways.
            let (host, id) = if round == 1 { (BOB, session) } else { (ALICE, SessionId::from_u64(1)) };
            scene.world.with(host, |agent, now| agent.intend(now, Intent::End { session: id })).unwrap();
            scene.wait(2);
            assert_eq!(scene.count(ALICE, "SIPSessionDidEnd"), round, "{transport}");
            assert_eq!(scene.count(BOB, "SIPSessionDidEnd"), round, "{transport}");
            if transport == Transport::Tcp && round == 1 {
                let inside = scene.world.address(ALICE).ip();
                let edge: SocketAddr = EDGE.parse().unwrap();
                scene.world.reset_connections(inside, edge.ip());
                scene.wait(1);
                // Its registration is made anew at once, on a new flow.
                scene.wait(5);
            }
        }
    }
}

/// RFC 5627 section 4.4: who has a GRUU is called back by it, also when it was called itself; and it is no more than that: REGISTER carries the address.
#[test]
fn who_has_a_gruu_is_reached_by_it() {
    let mut scene = Scene::new(Path::None, Some(URN), None);
    scene.books.borrow_mut().gruus = true;
    scene.register(Transport::Udp);
    let gruu = format!("sip:alice@10.9.0.2;gr={URN}");
    let known = scene.world.with(ALICE, |agent, now| agent.account(now, AccountId::from_u64(0)).unwrap().public_gruu());
    assert_eq!(known.unwrap().to_string(), gruu);
    for register in scene.registers() {
        assert!(register.list("supported").contains(&"gruu"));
        assert!(register.list("contact").iter().all(|contact| !uri_of(contact).contains("gr=")));
    }
    // She is called by it.
    let session = scene.call(&gruu);
    scene.wait(4);
    assert_eq!(scene.count(ALICE, "SIPSessionDidStart"), 1);
    // What follows is sent to it: the home proxy knows where the device is.
    let ack = scene.home.borrow().passed.last().unwrap().sip.clone();
    assert_eq!((ack.request(), ack.uri()), ("ACK", gruu.as_str()));
    scene.world.with(BOB, |agent, now| agent.intend(now, Intent::End { session })).unwrap();
    scene.wait(2);
    assert_eq!(scene.count(ALICE, "SIPSessionDidEnd"), 1);
    // She calls.
    let intent = Intent::Connect {
        account: AccountId::from_u64(0),
        to: "sip:nobody@10.0.0.2:5060".into(),
        routes: Vec::new(),
        streams: vec![StreamSpec::Audio(AudioSpec::default())],
        late_offer: false,
    };
    scene.world.with(ALICE, |agent, now| agent.intend(now, intent)).unwrap();
    let subscribe = Intent::Subscribe {
        account: AccountId::from_u64(0),
        to: "sip:nobody@10.0.0.2:5060".into(),
        event: "presence".into(),
        expires: None,
        content: None,
        eventlist: false,
        persistent: false,
        routes: Vec::new(),
    };
    scene.world.with(ALICE, |agent, now| agent.intend(now, subscribe)).unwrap();
    scene.wait(2);
    for method in ["INVITE", "SUBSCRIBE"] {
        let edge = scene.edge.borrow();
        let sent = edge.passed.iter().rfind(|passed| passed.sip.request() == method).unwrap();
        assert_eq!(sent.sip.contact(), gruu, "{method}");
    }
    // Who is not registered has none.
    let own = AccountSpec { register: false, ..spec(Transport::Udp) };
    let change = Intent::ChangeAccount { account: AccountId::from_u64(0), spec: own };
    scene.world.with(ALICE, |agent, now| agent.intend(now, change)).unwrap();
    scene.wait(3);
    let known = scene.world.with(ALICE, |agent, now| agent.account(now, AccountId::from_u64(0)).unwrap().public_gruu());
    assert_eq!(known, None);
}

/// Section 4.5: a flow that cannot be made is tried again after pauses that grow, and not all at once.
#[test]
fn a_flow_that_cannot_be_made_is_not_hammered_for() {
    let mut scene = Scene::new(Path::Flow, Some(URN), None);
    scene.books.borrow_mut().outbound = Some(None);
    scene.register(Transport::Tcp);
    scene.edge.borrow_mut().plan.mood = Mood::Resetting;
    let begun = scene.world.now();
    scene.wait(3600);
    let tries: Vec<Instant> = scene
        .news()
        .into_iter()
        .filter(|(at, event)| {
            *at > begun && matches!(event, RegistrationEvent::WillRegister | RegistrationEvent::WillRefresh)
        })
        .map(|(at, _)| at)
        .collect();
    // Pauses from 30 seconds on, doubled up to half an hour, each drawn from the upper half of that: seven make an hour.
    assert!((7..=12).contains(&tries.len()), "{} in an hour", tries.len());
    let pauses: Vec<Duration> = tries.windows(2).map(|two| two[1] - two[0]).collect();
    assert!(pauses.iter().any(|pause| *pause > Duration::from_secs(600)), "{pauses:?}");
    scene.edge.borrow_mut().plan.mood = Mood::Well;
    scene.wait(1800);
    assert!(matches!(scene.news().last(), Some((_, RegistrationEvent::DidSucceed { .. }))));
    assert!(!scene.world.take_letters(scene.edge_post).is_empty());
}
