//! Where requests go: routes, lookups, and the name servers.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use sipsimple_core::agent::{Config, EventKind, Intent, Outcome};
use sipsimple_core::dns::{LookupEvent, LookupId, LookupResult, Service};
use sipsimple_core::random::{Random, Seed};
use sipsimple_core::sip::Uri;
use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::application::Idle;
use sipsimple_testsuite::dns::{Log, NameServer, Zone};
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::world::World;

use super::accounts;
use super::table::Table;

const HOST: usize = 0;
const SERVER: &str = "10.53.0.1:53";
const FALLBACK: &str = "10.53.0.2:53";
const ZONE: &str = "
    lab.test NAPTR 10 10 s SIP+D2T - _sip._tcp.lab.test
    _sip._tcp.lab.test SRV 10 0 5070 sip.lab.test
    _stun._udp.lab.test SRV 0 0 3479 sip.lab.test
    sip.lab.test A 10.1.0.1
    xcap.lab.test TXT https://xcap.lab.test/root";

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn world() -> World {
    let mut world = World::new(1, Faults::none());
    let mut config = Config::default();
    config.dns.nameservers = vec![addr(SERVER)];
    config.dns.fallback_nameservers = vec![addr(FALLBACK)];
    config.dns.probe_domain = "lab.test".into();
    for server in [SERVER, FALLBACK] {
        let random = Random::new(&Seed::from_u64(1));
        world.add_script(addr(server), NameServer::new(Zone::parse(ZONE), Vec::new(), random, Log::default()));
    }
    world.add(config, Box::new(Idle));
    world.run_for(Duration::from_millis(1));
    world
}

fn look_up(world: &mut World, intent: Intent) -> (LookupId, Option<LookupResult>) {
    let outcome = world.with(HOST, |agent, now| agent.intend(now, intent)).unwrap();
    let Outcome::Lookup(lookup) = outcome else { panic!("{outcome:?}") };
    world.run_for(Duration::from_secs(1));
    let result = world.host(HOST).events.iter().find_map(|(_, event)| match &event.kind {
        EventKind::Lookup { id, event: LookupEvent::DidSucceed { result } } if *id == lookup => Some(result.clone()),
        _ => None,
    });
    (lookup, result)
}

fn sip_proxy(uri: &str) -> Intent {
    Intent::LookupSipProxy { uri: uri.into(), transports: vec![Transport::Tcp], timeout: None, lifetime: None }
}

pub(crate) fn scenarios(table: &mut Table) {
    route(table);
    lookups(table);
    manager(table);
}

fn route(table: &mut Table) {
    let route = Route::new(Transport::Tcp, addr("192.0.2.1:5070"));
    table.is("002 Route.__init__", route.to_string(), "tcp:192.0.2.1:5070".to_owned());
    table.is("002 Route.address", route.address, IpAddr::from([192, 0, 2, 1]));
    table.is("002 Route.port", route.port, 5070);
    table.is("002 Route.transport", route.transport, Transport::Tcp);
    let uri = Uri::Sip(route.get_uri()).to_string();
    table.is("002 Route.get_uri", uri, "sip:192.0.2.1:5070;transport=tcp".to_owned());
}

fn lookups(table: &mut Table) {
    let mut world = world();
    let (first, result) = look_up(&mut world, sip_proxy("sip:bob@lab.test"));
    let routes = vec![Route::new(Transport::Tcp, addr("10.1.0.1:5070"))];
    table.is("002 DNS Lookup.lookup_sip_proxy", result, Some(LookupResult::Routes(routes)));
    let uri = "sip:lab.test";
    let stun = Intent::LookupService { uri: uri.into(), service: Service::Stun, timeout: None, lifetime: None };
    let servers = LookupResult::Servers(vec![addr("10.1.0.1:3479")]);
    let (second, result) = look_up(&mut world, stun);
    table.is("002 DNS Lookup.lookup_service", result, Some(servers));
    let xcap = Intent::LookupXcapServer { uri: uri.into(), timeout: None, lifetime: None };
    let roots = LookupResult::Uris(vec!["https://xcap.lab.test/root".into()]);
    table.is("002 DNS Lookup.lookup_xcap_server", look_up(&mut world, xcap).1, Some(roots));
    // Each lookup is one of its own.
    table.does("002 DNS Lookup.__init__", first != second);
    assert_eq!(look_up(&mut world, sip_proxy("sip:bob@nowhere.test")).1, None);
    accounts::hear(table, &world);
}

fn manager(table: &mut Table) {
    let mut world = world();
    let told = |world: &World, name: &str| world.host(HOST).names().iter().filter(|told| **told == name).count();
    let silence = |world: &mut World, faults: Option<Faults>| {
        world.set_link("10.0.0.1".parse().unwrap(), addr(SERVER).ip(), faults);
    };
    let idle = told(&world, "DNSNameserversDidChange");
    table.is("002 DNS Manager.__init__", idle, 0);
    silence(&mut world, Some(Faults::silence()));
    world.with(HOST, |agent, now| agent.intend(now, Intent::StartDnsManager)).unwrap();
    world.run_for(Duration::from_secs(10));
    // It has found out that the server of the system is silent.
    table.is("002 DNS Manager.start", told(&world, "DNSNameserversDidChange"), 1);
    world.with(HOST, |agent, now| agent.intend(now, Intent::StopDnsManager)).unwrap();
    silence(&mut world, None);
    world.run_for(Duration::from_secs(600));
    // What has become of that server is not looked at any more.
    table.is("002 DNS Manager.stop", told(&world, "DNSNameserversDidChange"), 1);
    accounts::hear(table, &world);
}
