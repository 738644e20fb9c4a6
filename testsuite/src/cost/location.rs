//! Location by DNS: reading a response, and a whole lookup in memory.

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use sipsimple_core::dns::{Context, DnsConfig, Kind, LookupEvent, Name, Output, Request, Resolver, wire};
use sipsimple_core::limits::Limits;
use sipsimple_core::outbox::Outbox;
use sipsimple_core::random::{Random, Seed};
use sipsimple_core::sip::{Text, Uri};
use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;

use super::{Round, Work};
use crate::dns::Zone;

/// The pieces of work of this file.
pub const WORKS: &[Work] = &[
    Work { name: "dns_response", unit: "response", units: 1, target: None, prepare: response },
    Work { name: "dns_lookup", unit: "lookup", units: 1, target: None, prepare: lookup },
];

/// A domain with three transports, as RFC 3263 section 4.1 has it: NAPTR, three SRV, and two hosts with addresses of both versions.
const ZONE: &str = "
    example.com NAPTR 50 50 s SIPS+D2T - _sips._tcp.example.com
    example.com NAPTR 90 50 s SIP+D2T - _sip._tcp.example.com
    example.com NAPTR 100 50 s SIP+D2U - _sip._udp.example.com
    _sips._tcp.example.com SRV 0 1 5061 server1.example.com
    _sips._tcp.example.com SRV 0 2 5061 server2.example.com
    _sip._tcp.example.com SRV 0 1 5060 server1.example.com
    _sip._tcp.example.com SRV 0 2 5060 server2.example.com
    _sip._udp.example.com SRV 0 1 5060 server1.example.com
    _sip._udp.example.com SRV 0 2 5060 server2.example.com
    server1.example.com A 192.0.2.1
    server1.example.com AAAA 2001:db8::1
    server2.example.com A 192.0.2.2
    server2.example.com AAAA 2001:db8::2";

/// Three NAPTR records.
fn response() -> Round {
    let name = Name::parse("example.com").expect("a name");
    let query = wire::query(7, &name, Kind::Naptr).expect("a query");
    let response = Zone::parse(ZONE).respond(&query).expect("a response");
    let limits = Limits::default();
    Box::new(move || {
        let read = wire::response(black_box(&response), &limits).expect("a sound response");
        assert_eq!(black_box(read).answers.len(), 3);
    })
}

/// From the URI to six routes, with eight questions, by a resolver that knows nothing yet. What the name server does is part of it.
fn lookup() -> Round {
    let zone = Zone::parse(ZONE);
    let limits = Limits::default();
    let server: SocketAddr = "192.0.2.53:53".parse().expect("an address");
    let uri = Uri::parse(&Text::from_static("sip:bob@example.com")).expect("a URI");
    let uri = uri.as_sip().expect("a SIP URI").clone();
    let request = Request::SipProxy { uri, transports: vec![Transport::Tls, Transport::Tcp, Transport::Udp] };
    let mut config = DnsConfig::default();
    config.nameservers = vec![server];
    let mut random = Random::new(&Seed::from_u64(1));
    Box::new(move || {
        let mut out = Outbox::new();
        let mut resolver = Resolver::new(config.clone(), &mut out);
        let mut cx = Context { now: Instant::ZERO, random: &mut random, limits: &limits };
        resolver.lookup(&mut cx, &request, Duration::from_secs(3), Duration::from_secs(15), &mut out);
        let mut found = None;
        while let Some(output) = out.pop() {
            match output {
                Output::Bind { socket, .. } => resolver.socket_bound(&mut cx, socket, &mut out),
                Output::Unbind { socket } => resolver.socket_gone(&mut cx, socket, &mut out),
                Output::Send { on, data, .. } => {
                    let response = zone.respond(&data).expect("a query");
                    resolver.datagram(&mut cx, on, server, &response, &mut out);
                }
                Output::Lookup { event: LookupEvent::DidSucceed { result }, .. } => found = Some(result),
                _ => {}
            }
        }
        black_box(found.expect("it is found"));
    })
}
