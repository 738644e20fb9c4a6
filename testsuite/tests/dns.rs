//! Location by DNS in worlds with name servers that are silent, late, wrong, truncated, spoofed, and links that lose, repeat, reorder and
//! delay: the invariants DNS-1 to DNS-9.
//!
//! A run that fails prints its seed; `DNS_SEED=N cargo test -p sipsimple-testsuite --test dns` runs it alone.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use sipsimple_core::agent::{AccountSpec, Config, EventKind, Intent, NetworkChange, Outcome};
use sipsimple_core::agent::{Input, TransportEvent};
use sipsimple_core::dns::{LookupEvent, LookupId, LookupResult, Service, wire};
use sipsimple_core::limits::Limits;
use sipsimple_core::random::{Random, Seed};
use sipsimple_core::stream::{AudioSpec, StreamSpec};
use sipsimple_core::time::Instant;
use sipsimple_core::trace;
use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::application::{Answering, Idle};
use sipsimple_testsuite::dns::{Fault, LIE, Log, NameServer, Zone};
use sipsimple_testsuite::host::Host;
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::property::Names;
use sipsimple_testsuite::world::World;

const SERVERS: [&str; 2] = ["10.53.0.1:53", "10.53.0.2:53"];

const ZONE: &str = "
    lab.test NAPTR 50 50 s SIPS+D2T - _sips._tcp.lab.test
    lab.test NAPTR 90 50 s SIP+D2T - _sip._tcp.lab.test
    lab.test NAPTR 100 50 s SIP+D2U - _sip._udp.lab.test
    lab.test A 10.1.0.9
    _sip._udp.lab.test SRV 10 60 5070 sip1.lab.test
    _sip._udp.lab.test SRV 10 40 5072 sip2.lab.test
    _sip._udp.lab.test SRV 20 0 5074 sip3.lab.test
    _sip._tcp.lab.test SRV 10 0 5070 sip1.lab.test
    _sips._tcp.lab.test SRV 10 0 5071 sip2.lab.test
    _stun._udp.lab.test SRV 0 0 3479 sip2.lab.test
    sip1.lab.test A 10.1.0.1
    sip1.lab.test AAAA 2001:db8:1::1
    sip2.lab.test A 10.1.0.2
    sip3.lab.test CNAME sip1.lab.test
    _sip._udp.srv.test SRV 1 0 5070 sip1.lab.test
    _sips._tcp.srv.test SRV 1 0 5071 sip1.lab.test
    host.test A 10.1.0.3
    host.test A 10.1.0.4
    loop.test CNAME pool.test
    pool.test CNAME loop.test
    _sip._udp.dot.test SRV 0 0 0 .
    dot.test A 10.1.0.5
    call.test NAPTR 10 10 s SIP+D2U - _sip._udp.call.test
    _sip._udp.call.test SRV 10 0 5060 dead.call.test
    _sip._udp.call.test SRV 20 0 5060 bob.call.test
    dead.call.test A 10.9.9.9
    bob.call.test A 10.0.0.2";

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// A configuration with both name servers.
fn config() -> Config {
    let mut config = Config::default();
    config.dns.nameservers = SERVERS.map(addr).to_vec();
    config.dns.fallback_nameservers = vec![addr("10.53.0.3:53")];
    config.dns.probe_domain = "lab.test".into();
    config
}

/// A world with one agent and the name servers, which have these faults.
fn world(seed: u64, links: Faults, faults: &[(Fault, u32)]) -> (World, Log) {
    let mut world = World::new(seed, links);
    world.set_rerun(format!("DNS_SEED={seed} cargo test -p sipsimple-testsuite --test dns"));
    world.watch(vec![Box::new(Names::default())]);
    let log = Log::default();
    for (number, server) in SERVERS.iter().enumerate() {
        let random = Random::new(&Seed::from_u64(seed * 2 + number as u64));
        let server_faults = faults.to_vec();
        world.add_script(addr(server), NameServer::new(Zone::parse(ZONE), server_faults, random, log.clone()));
    }
    world.add(config(), Box::new(Idle));
    world.run_for(Duration::from_millis(1));
    (world, log)
}

fn start(world: &mut World, uri: &str) -> LookupId {
    let transports = vec![Transport::Tls, Transport::Tcp, Transport::Udp];
    let intent = Intent::LookupSipProxy { uri: uri.into(), transports, timeout: None, lifetime: None };
    lookup_id(world, intent)
}

fn lookup_id(world: &mut World, intent: Intent) -> LookupId {
    match world.with(0, |agent, now| agent.intend(now, intent)) {
        Ok(Outcome::Lookup(id)) => id,
        other => panic!("{other:?}"),
    }
}

/// How a lookup has ended, and when; it ends once.
fn end(host: &Host, id: LookupId) -> Option<(Instant, Result<LookupResult, String>)> {
    let mut ends = host.events.iter().filter_map(|(at, event)| match &event.kind {
        EventKind::Lookup { id: of, event: LookupEvent::DidSucceed { result } } if *of == id => {
            Some((*at, Ok(result.clone())))
        }
        EventKind::Lookup { id: of, event: LookupEvent::DidFail { error } } if *of == id => {
            Some((*at, Err(error.to_string())))
        }
        _ => None,
    });
    let end = ends.next();
    assert_eq!(ends.next(), None, "{id} has ended twice");
    end
}

fn routes(world: &mut World, uri: &str) -> Vec<String> {
    let id = start(world, uri);
    world.run_for(Duration::from_secs(20));
    match end(world.host(0), id).expect("it has ended").1 {
        Ok(LookupResult::Routes(routes)) => routes.iter().map(ToString::to_string).collect(),
        Ok(other) => panic!("{other:?}"),
        Err(error) => vec![error],
    }
}

/// What each URI may lead to, whatever goes wrong: nothing else does.
fn truth() -> BTreeMap<&'static str, Vec<&'static str>> {
    let udp = [
        "udp:10.1.0.1:5070",
        "udp:[2001:db8:1::1]:5070",
        "udp:10.1.0.2:5072",
        "udp:10.1.0.1:5074",
        "udp:[2001:db8:1::1]:5074",
    ];
    let all = ["tls:10.1.0.2:5071", "tcp:10.1.0.1:5070", "tcp:[2001:db8:1::1]:5070", "udp:10.1.0.9:5060"];
    BTreeMap::from([
        ("sip:lab.test", [&all[..], &udp].concat()),
        ("sips:lab.test", vec!["tls:10.1.0.2:5071", "tls:10.1.0.9:5061"]),
        ("sip:lab.test;transport=udp", [&["udp:10.1.0.9:5060"][..], &udp].concat()),
        (
            "sip:srv.test",
            vec!["udp:10.1.0.1:5070", "udp:[2001:db8:1::1]:5070", "tls:10.1.0.1:5071", "tls:[2001:db8:1::1]:5071"],
        ),
        ("sip:host.test", vec!["udp:10.1.0.3:5060", "udp:10.1.0.4:5060"]),
        ("sips:host.test:5099", vec!["tls:10.1.0.3:5099", "tls:10.1.0.4:5099"]),
        ("sip:dot.test", vec!["udp:10.1.0.5:5060"]),
        ("sip:loop.test", vec![]),
        ("sip:10.1.0.7:5080", vec!["udp:10.1.0.7:5080"]),
    ])
}

/// Runs many lookups at once, and holds what comes of them to the truth.
fn run(seed: u64) -> u64 {
    let mut draw = Random::new(&Seed::from_u64(seed));
    let links = Faults::draw(&mut draw);
    let chance = |draw: &mut Random| u32::try_from(draw.below(200_000)).unwrap_or(0);
    let mut faults = Vec::new();
    for fault in Fault::ALL {
        if draw.below(3) == 0 {
            faults.push((fault, chance(&mut draw)));
        }
    }
    let (mut world, log) = world(seed, links, &faults);
    let truth = truth();
    let mut lookups = Vec::new();
    if draw.below(2) == 0 {
        world.with(0, |agent, now| agent.intend(now, Intent::StartDnsManager)).expect("it starts");
    }
    for round in 0..3 {
        for uri in truth.keys() {
            lookups.push((*uri, world.now(), start(&mut world, uri)));
            world.run_for(draw.duration(Duration::ZERO, Duration::from_millis(300)));
        }
        if round == 1 {
            world.tell(0, Input::Network(NetworkChange::Addresses));
        }
        world.run_for(draw.duration(Duration::ZERO, Duration::from_secs(40)));
    }
    world.with(0, |agent, now| agent.intend(now, Intent::StopDnsManager)).expect("it stops");
    world.run_for(Duration::from_secs(60));
    world.finish();
    let host = world.host(0);
    for (uri, start, id) in lookups {
        let Some((at, result)) = end(host, id) else { panic!("{uri} has not ended") };
        assert!(at - start <= Duration::from_secs(15), "{uri} took {:?}", at - start);
        let Ok(LookupResult::Routes(routes)) = result else { continue };
        assert!(!routes.is_empty());
        let mut seen = BTreeSet::new();
        for route in &routes {
            assert!(truth[uri].contains(&&*route.to_string()), "{uri} leads to {route}");
            assert!(route.address != IpAddr::V4(LIE), "{uri}: a lie was believed");
            assert!(!uri.starts_with("sips:") || route.transport == Transport::Tls, "DNS-1: {uri} leads to {route}");
            assert!(seen.insert(*route), "{uri}: {route} twice");
        }
    }
    assert!(host.is_quiescent(), "seed {seed}: something is left");
    // One port has one id and one question: a new one for each (RFC 5452). Ports may come again long after.
    let mut ports: BTreeMap<SocketAddr, (Instant, u16, String)> = BTreeMap::new();
    for query in log.borrow().iter() {
        let Ok(from) = query.from else { continue };
        let question = format!("{} {}", query.name, query.kind);
        if let Some((_, id, before)) = ports.get(&from).filter(|(at, ..)| query.at - *at < Duration::from_secs(20)) {
            assert_eq!((*id, before), (query.id, &question), "one port for two questions");
        }
        ports.insert(from, (query.at, query.id, question));
    }
    let lines = host.trace.iter().map(String::as_str);
    trace::replay(lines).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    host.digest
}

#[test]
fn whatever_goes_wrong_lookups_end_in_time_and_believe_no_lie() {
    let seeds = match std::env::var("DNS_SEED") {
        Ok(seed) => {
            let seed: u64 = seed.parse().expect("a number");
            seed..seed + 1
        }
        Err(_) => 1..26,
    };
    for seed in seeds {
        run(seed);
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    assert_eq!(run(5), run(5));
}

#[test]
fn without_faults_every_lookup_tells_the_whole_truth() {
    let (mut world, log) = world(1, Faults::none(), &[]);
    let lines = routes(&mut world, "sip:lab.test");
    assert_eq!(lines[..3], ["tls:10.1.0.2:5071", "tcp:[2001:db8:1::1]:5070", "tcp:10.1.0.1:5070"]);
    assert_eq!(lines[6..], ["udp:[2001:db8:1::1]:5074", "udp:10.1.0.1:5074"]);
    assert_eq!(routes(&mut world, "sips:lab.test"), ["tls:10.1.0.2:5071"]);
    assert_eq!(routes(&mut world, "sip:host.test"), ["udp:10.1.0.3:5060", "udp:10.1.0.4:5060"]);
    assert_eq!(routes(&mut world, "sip:dot.test"), ["No routes found for SIP URI sip:dot.test"]);
    assert_eq!(routes(&mut world, "sip:loop.test"), ["No routes found for SIP URI sip:loop.test"]);
    let asked = log.borrow().len();
    assert_eq!(routes(&mut world, "sip:dot.test"), ["No routes found for SIP URI sip:dot.test"]);
    assert_eq!(
        log.borrow().len(),
        asked + 3,
        "that three are absent was known for 30 s, the one that is there still is"
    );
    let stun =
        Intent::LookupService { uri: "sip:lab.test".into(), service: Service::Stun, timeout: None, lifetime: None };
    let id = lookup_id(&mut world, stun);
    world.run_for(Duration::from_secs(1));
    let servers = end(world.host(0), id).expect("it has ended").1;
    assert_eq!(servers, Ok(LookupResult::Servers(vec![addr("10.1.0.2:3479")])));
}

#[test]
fn each_fault_alone_is_survived() {
    for fault in Fault::ALL {
        let (mut world, _) = world(7, Faults::none(), &[(fault, 400_000)]);
        // A server that fails is not asked again, so that both may be struck; all else leads to an answer.
        let found = routes(&mut world, "sip:host.test:5060");
        let good = ["udp:10.1.0.3:5060", "udp:10.1.0.4:5060"];
        let failed = ["No routes found for SIP URI sip:host.test:5060"];
        let strikes =
            matches!(fault, Fault::Failure | Fault::Refusal | Fault::Garbage | Fault::Cut | Fault::Loop | Fault::Close);
        assert!(found == good || (strikes && found == failed), "{fault:?}: {found:?}");
    }
}

#[test]
fn truncated_answers_come_over_connections_cut_into_pieces() {
    for segment in [1, 2, 3, 7, 50] {
        let links = Faults { segment, ..Faults::none() };
        let (mut world, log) = world(3, links, &[(Fault::Truncation, 1_000_000)]);
        assert_eq!(routes(&mut world, "sip:host.test:5060"), ["udp:10.1.0.3:5060", "udp:10.1.0.4:5060"]);
        assert_eq!(log.borrow().iter().filter(|query| query.from.is_err()).count(), 2);
    }
}

#[test]
fn a_call_to_a_name_goes_to_the_next_server_when_the_first_is_silent() {
    // DNS-5 and DNS-6: Timer B without any response moves the INVITE on, with another branch and all else the same.
    let (mut world, log) = world(11, Faults::none(), &[]);
    let bob = world.add(config(), Box::new(Answering::after(Duration::from_millis(200))));
    let intend =
        |world: &mut World, host: usize, intent: Intent| world.with(host, |agent, now| agent.intend(now, intent));
    let Ok(Outcome::Account(account)) = intend(&mut world, 0, Intent::AddAccount(AccountSpec::new("sip:a@10.0.0.1")))
    else {
        panic!()
    };
    let any = AccountSpec { any_user: true, ..AccountSpec::new("sip:bob@call.test") };
    intend(&mut world, bob, Intent::AddAccount(any)).expect("an account");
    let dead = world.add_post(addr("10.9.9.9:5060"), false);
    world.run_for(Duration::from_secs(1));
    let streams = vec![StreamSpec::Audio(AudioSpec::default())];
    let connect = Intent::Connect {
        account,
        to: "sip:bob@call.test".into(),
        routes: Vec::<Route>::new(),
        streams,
        late_offer: false,
    };
    intend(&mut world, 0, connect).expect("a call");
    world.run_for(Duration::from_secs(40));
    let first = world.take_letter(dead).expect("an INVITE came to the first server");
    assert_eq!(first.sip.request(), "INVITE");
    assert!(world.host(0).names().contains(&"SIPSessionDidStart"), "{:?}", world.host(0).names());
    let asked = log.borrow().len();
    assert_eq!(asked, 6, "and nothing is looked up twice");
    let bound = world.host(0).events.iter().filter(|(_, event)| {
        matches!(event.kind, EventKind::Transport { event: TransportEvent::Listening { .. }, .. })
    });
    assert_eq!(bound.count(), 2, "the sockets of questions are no news");
}

#[test]
fn the_manager_falls_back_while_the_system_s_servers_lie_in_ruins() {
    let (mut world, _) = world(13, Faults::none(), &[]);
    let log = Rc::new(RefCell::new(Vec::new()));
    let random = Random::new(&Seed::from_u64(13));
    world.add_script(addr("10.53.0.3:53"), NameServer::new(Zone::parse(ZONE), Vec::new(), random, log.clone()));
    let silence = |world: &mut World, faults: Option<Faults>| {
        for server in SERVERS {
            world.set_link("10.0.0.1".parse().expect("an address"), addr(server).ip(), faults.clone());
        }
    };
    silence(&mut world, Some(Faults::silence()));
    world.with(0, |agent, now| agent.intend(now, Intent::StartDnsManager)).expect("it starts");
    world.run_for(Duration::from_secs(10));
    assert!(!log.borrow().is_empty());
    assert_eq!(routes(&mut world, "sip:host.test:5060"), ["udp:10.1.0.3:5060", "udp:10.1.0.4:5060"]);
    silence(&mut world, None);
    world.run_for(Duration::from_secs(30));
    let names: Vec<&str> = world.host(0).names().into_iter().filter(|name| name.starts_with("DNS")).collect();
    assert_eq!(names.first(), Some(&"DNSResolverDidInitialize"));
    assert_eq!(names.iter().filter(|name| **name == "DNSNameserversDidChange").count(), 2, "{names:?}");
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() { found.extend(files(&entry)) } else { found.push(entry) }
    }
    found.sort();
    found
}

#[test]
fn messages_of_other_projects_are_read_or_refused() {
    // They are not ours to keep here.
    let Some(folder) = std::env::var_os("SIPSIMPLE_DNS_CORPUS") else {
        eprintln!("skipped: SIPSIMPLE_DNS_CORPUS names no folder of DNS messages");
        return;
    };
    let limits = Limits::default();
    let (mut sound, mut refused) = (0, 0);
    for file in files(Path::new(&folder)) {
        let data = fs::read(&file).expect("a file");
        // A capture or a name of its own holds the message somewhere: every place is tried, and every length.
        for at in 0..data.len().min(200) {
            match wire::response(&data[at..data.len().min(at + 65_535)], &limits) {
                Ok(_) => sound += 1,
                Err(_) => refused += 1,
            }
        }
        for len in 0..data.len().min(600) {
            let _ = wire::response(&data[..len], &limits);
        }
    }
    eprintln!("{sound} were sound, {refused} were refused");
    assert!(sound > 0 && refused > 0);
}
