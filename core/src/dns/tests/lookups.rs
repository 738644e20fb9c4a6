use std::time::Duration;

use super::script::{parse, sip};
use super::zone::{Asked, message};
use super::*;
use crate::time::Instant;

const SILENT: fn(SocketAddr, bool, &Asked) -> Vec<Reply> = |_, _, _| Vec::new();

fn service(uri: &str, service: Service) -> Request {
    Request::Service { uri: parse(uri), service }
}

fn shown(result: Result<LookupResult, String>) -> String {
    match result {
        Ok(LookupResult::Servers(servers)) => servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        Ok(LookupResult::Uris(uris)) => uris.join(" "),
        Ok(LookupResult::Routes(routes)) => routes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        Err(error) => error,
    }
}

#[test]
fn servers_are_found_by_srv_records_or_addresses_alone() {
    let none = |domain| format!("No msrprelay servers found for domain {domain}");
    for (uri, discovered, addressed) in [
        ("sip:lab.test", "192.0.2.1:2856".to_owned(), "192.0.2.1:2855".to_owned()),
        ("sip:v6only.test", none("v6only.test"), "[2001:db8::66]:2855".to_owned()),
        ("sip:v6only.test:99", none("v6only.test"), "[2001:db8::66]:99".to_owned()),
        ("sip:192.0.2.4:99", "192.0.2.4:99".to_owned(), "192.0.2.4:99".to_owned()),
    ] {
        let (uri, service) = (parse(uri), Service::MsrpRelay);
        let found = shown(Script::zone(lab()).lookup(&Request::Discovery { uri: uri.clone(), service }));
        assert_eq!(found, discovered, "{uri}");
        let found = shown(Script::zone(lab()).lookup(&Request::Host { uri: uri.clone(), service }));
        assert_eq!(found, addressed, "{uri}");
    }
}

#[test]
fn the_servers_of_services_are_found() {
    for (uri, which, expected) in [
        ("sip:lab.test", Service::Stun, "192.0.2.1:3479"),
        ("sip:lab.test", Service::MsrpRelay, "192.0.2.1:2856"),
        ("sip:aonly.test", Service::Stun, "192.0.2.21:3478 192.0.2.22:3478"),
        ("sip:v6only.test", Service::MsrpRelay, "[2001:db8::66]:2855"),
        ("sip:192.0.2.4", Service::Stun, "192.0.2.4:3478"),
        ("sip:[2001:db8::4]:99", Service::MsrpRelay, "[2001:db8::4]:99"),
        ("sip:nothere.test", Service::Stun, "No stun servers found for domain nothere.test"),
        ("sip:nothere.test", Service::MsrpRelay, "No msrprelay servers found for domain nothere.test"),
    ] {
        assert_eq!(shown(Script::zone(lab()).lookup(&service(uri, which))), expected, "{uri} {which}");
    }
    assert_eq!("turn".parse::<Service>().unwrap_err().to_string(), "Unknown service: turn");
    let silent = shown(Script::new(SILENT).lookup(&service("sip:lab.test", Service::Stun)));
    assert_eq!(silent, "Timeout in lookup for stun servers for domain lab.test");
}

#[test]
fn the_xcap_servers_of_a_domain_are_its_http_uris() {
    for (uri, expected) in [
        ("sip:lab.test", "http://192.0.2.1:8070/xcap-root HTTPS://b.test/root=1"),
        ("sip:aonly.test", "No XCAP servers found for domain aonly.test"),
        ("sip:192.0.2.4", "No XCAP servers can be looked up for the IP address 192.0.2.4"),
    ] {
        assert_eq!(shown(Script::zone(lab()).lookup(&Request::XcapServer { uri: parse(uri) })), expected);
    }
    let silent = shown(Script::new(SILENT).lookup(&Request::XcapServer { uri: parse("sip:lab.test") }));
    assert_eq!(silent, "Timeout in lookup for XCAP servers for domain lab.test");
}

#[test]
fn a_silent_server_ends_a_lookup_when_its_lifetime_is_over() {
    let mut script = Script::new(SILENT);
    let start = script.now;
    assert_eq!(script.routes("sip:lab.test", "udp"), "Timeout in lookup for routes for SIP URI sip:lab.test");
    assert_eq!(script.now - start, Duration::from_secs(15));
    // Every step had its turn.
    let questions = script.questions();
    assert_eq!(questions.first().unwrap(), "lab.test NAPTR");
    assert!(questions.contains(&"_sip._udp.lab.test SRV".to_owned()), "{questions:?}");
    assert!(questions.contains(&"lab.test AAAA".to_owned()), "{questions:?}");
    assert!(script.resolver.is_quiescent());
}

#[test]
fn routers_that_never_answer_naptr_srv_or_aaaa_queries_are_lived_with() {
    let zone = lab();
    let mut script = Script::new(move |_, _, asked| match asked.kind {
        Kind::A => vec![Reply::Now(zone.respond(asked))],
        _ => Vec::new(),
    });
    let start = script.now;
    assert_eq!(script.routes("sip:aonly.test", "udp"), "udp:192.0.2.21:5060 udp:192.0.2.22:5060");
    assert!(script.now - start < Duration::from_secs(15));
}

#[test]
fn addresses_of_one_version_do_not_wait_long_for_the_other() {
    let zone = lab();
    let mut script = Script::new(move |_, _, asked| match asked.kind {
        Kind::Aaaa => Vec::new(),
        _ => vec![Reply::Now(zone.respond(asked))],
    });
    let start = script.now;
    assert_eq!(script.routes("sip:aonly.test:5060", "udp"), "udp:192.0.2.21:5060 udp:192.0.2.22:5060");
    assert_eq!(script.now - start, Duration::from_secs(3));
}

#[test]
fn every_question_is_traced() {
    let mut script = Script::zone(lab());
    script.lookup(&service("sip:lab.test", Service::MsrpRelay)).unwrap();
    let traces: Vec<&Trace> = script
        .events
        .iter()
        .filter_map(|event| if let LookupEvent::Trace(trace) = event { Some(trace) } else { None })
        .collect();
    assert_eq!(traces.len(), 3);
    assert_eq!(traces[0].query_type, Kind::Srv);
    assert_eq!(traces[0].query_name, name("_msrps._tcp.lab.test"));
    assert_eq!(traces[0].nameservers, [addr(SERVER)]);
    assert_eq!(traces[0].answer.as_deref(), Some(&["10 0 2856 sip.lab.test".into()][..]));
    assert_eq!(traces[0].context, "lookup_service");
    assert_eq!(traces[0].service, Some(Service::MsrpRelay));
    assert_eq!(traces[0].uri, "sip:lab.test");
    let missing = traces.iter().find(|trace| trace.query_type == Kind::Aaaa).unwrap();
    assert_eq!((&missing.answer, missing.error), (&None, Some(Unanswered::NoData)));
}

#[test]
fn what_is_known_is_not_asked_again_until_it_ends() {
    let mut script = Script::zone(lab());
    script.routes("sip:aonly.test", "udp");
    let asked = script.sent.len();
    script.routes("sip:aonly.test", "udp");
    assert_eq!(script.sent.len(), asked, "known, and what is absent too");
    script.run_for(Duration::from_secs(31));
    script.routes("sip:aonly.test", "udp");
    assert_eq!(script.sent.len(), asked + 3, "absence held for 30 s");
    script.run_for(Duration::from_secs(29));
    script.routes("sip:aonly.test:5060", "udp");
    assert_eq!(script.sent.len(), asked + 4, "the addresses held for 60 s");
}

#[test]
fn without_name_servers_that_is_said() {
    let mut script = Script::with(DnsConfig::default(), SILENT);
    assert_eq!(script.routes("sip:lab.test", "udp"), "No name server is known to look up lab.test");
    assert_eq!(script.routes("sip:192.0.2.4", "udp"), "udp:192.0.2.4:5060");
}

#[test]
fn a_lookup_that_is_cancelled_says_no_more() {
    let mut script = Script::new(SILENT);
    let id = script.begin(&sip("sip:lab.test", "udp"));
    script.run_for(Duration::from_secs(1));
    script.call(|resolver, _, out| resolver.cancel(id, out));
    script.run_for(Duration::from_secs(60));
    assert!(script.ended.is_empty() && script.resolver.is_quiescent());
    assert_eq!((script.resolver.deadline(), script.sockets()), (None, 0));
}

#[test]
fn a_shutdown_ends_every_lookup() {
    let mut script = Script::new(SILENT);
    let ids = ["sip:a.test", "sip:b.test"].map(|uri| script.begin(&sip(uri, "udp")));
    script.drain();
    script.call(|resolver, _, out| resolver.shut_down(out));
    script.drain();
    for id in ids {
        assert_eq!(script.ended[&id].1, Err("The lookup was cancelled".to_owned()));
    }
    assert!(script.resolver.is_quiescent());
}

#[test]
fn the_zone_s_own_servers_are_asked_first_where_that_is_set() {
    let config = DnsConfig { nameservers: vec![addr(SERVER)], authoritative_first: true, ..DnsConfig::default() };
    let (zone, own) = (lab(), addr("192.0.2.99:53"));
    // The configured server knows whom to ask, and nothing of SIP.
    let delegation = Zone::parse("lab.test NS ns.lab.test\nns.lab.test A 192.0.2.99");
    let mut script = Script::with(config, move |server, _, asked| {
        let zone = if server == own { &zone } else { &delegation };
        vec![Reply::Now(zone.respond(asked))]
    });
    assert_eq!(script.routes("sip:lab.test;transport=tls", "tls"), "tls:192.0.2.1:5071");
    let asked: Vec<String> =
        script.sent.iter().map(|sent| format!("{} {} {}", sent.to.ip(), sent.asked.name, sent.asked.kind)).collect();
    assert!(asked.contains(&"192.0.2.53 lab.test NS".to_owned()), "{asked:?}");
    assert!(asked.contains(&"192.0.2.53 ns.lab.test A".to_owned()), "{asked:?}");
    assert!(asked.contains(&"192.0.2.99 _sips._tcp.lab.test SRV".to_owned()), "{asked:?}");
}

#[test]
fn without_the_zone_s_own_servers_the_configured_ones_are_asked() {
    let config = DnsConfig { nameservers: vec![addr(SERVER)], authoritative_first: true, ..DnsConfig::default() };
    let zone = lab();
    let mut script = Script::with(config, move |_, _, asked| match asked.kind {
        Kind::Ns => vec![Reply::Now(message(asked, 2, &[], &[], &[]))],
        _ => vec![Reply::Now(zone.respond(asked))],
    });
    assert_eq!(script.routes("sip:lab.test;transport=tls", "tls"), "tls:192.0.2.1:5071");
}

#[test]
fn a_lookup_asks_only_so_much() {
    // 200 servers of one service, each with a host of its own.
    let lines: Vec<String> = (0..200)
        .flat_map(|at| {
            [format!("_sip._udp.big.test SRV {at} 0 5060 h{at}.big.test"), format!("h{at}.big.test A 192.0.2.7")]
        })
        .collect();
    let mut script = Script::zone(Zone::parse(&lines.join("\n")));
    script.limits.dns_targets = 20;
    script.limits.dns_questions_at_once = 5;
    let Ok(LookupResult::Routes(routes)) = script.lookup(&sip("sip:big.test;transport=udp", "udp")) else { panic!() };
    assert_eq!(routes.len(), 1, "they are one address");
    assert_eq!(script.sent.len(), 1 + 2 * 20);
    assert!(script.most_sockets <= 5 + 1, "{}", script.most_sockets);
    let mut script = Script::zone(Zone::parse(&lines.join("\n")));
    script.limits.dns_questions = 4;
    script.lookup(&sip("sip:big.test;transport=udp", "udp")).unwrap();
    assert_eq!(script.sent.len(), 4);
    assert_eq!(script.now, Instant::from_millis(1000));
}
