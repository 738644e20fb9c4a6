use std::collections::BTreeSet;
use std::time::Duration;

use super::super::client::Asked as Became;
use super::script::sip;
use super::zone::{Asked, message};
use super::*;

const OTHER: &str = "192.0.2.54:53";
const ROUTE: &str = "udp:192.0.2.21:5060 udp:192.0.2.22:5060";
const URI: &str = "sip:aonly.test:5060";

fn two_servers(server: impl FnMut(SocketAddr, bool, &Asked) -> Vec<Reply> + 'static) -> Script {
    let config = DnsConfig { nameservers: vec![addr(SERVER), addr(OTHER)], ..DnsConfig::default() };
    Script::with(config, server)
}

#[test]
fn a_lost_query_is_sent_again_as_it_was_and_then_to_the_next_server() {
    let mut script = two_servers(|_, _, _| Vec::new());
    script.routes("sip:a.test:5060", "udp");
    let mut sent = script.sent.iter().filter(|sent| sent.asked.kind == Kind::A);
    let first = sent.next().unwrap().clone();
    let start = first.at;
    for (second, server, same) in [(1, SERVER, true), (2, SERVER, true), (3, OTHER, false), (6, SERVER, false)] {
        let next = sent.find(|sent| sent.at - start == Duration::from_secs(second)).unwrap();
        assert_eq!(next.to, addr(server), "after {second} s");
        assert_eq!((next.asked.id == first.asked.id, next.socket == first.socket), (same, same), "after {second} s");
    }
}

#[test]
fn a_silent_server_is_sent_a_query_three_times_however_long_it_has() {
    let mut script = Script::new(|_, _, _| Vec::new());
    let (timeout, lifetime) = (Duration::from_secs(1), Duration::from_secs(15));
    script.call(|resolver, cx, out| resolver.lookup(cx, &sip("sip:a.test:5060", "udp"), timeout, lifetime, out));
    script.run_for(lifetime);
    let first = script.sent.first().unwrap().clone();
    let times = script.sent.iter().filter(|sent| sent.socket == first.socket).count();
    assert_eq!(times, 3, "three thirds of the second, rounded down, end before it does");
}

#[test]
fn every_question_has_a_socket_and_an_id_of_its_own() {
    let mut script = Script::zone(lab());
    script.routes("sip:lab.test", "tls,tcp,udp");
    let sockets: BTreeSet<_> = script.sent.iter().map(|sent| sent.socket).collect();
    let ids: BTreeSet<u16> = script.sent.iter().map(|sent| sent.asked.id).collect();
    assert_eq!((sockets.len(), ids.len()), (script.sent.len(), script.sent.len()));
    assert_eq!(script.sockets(), 0, "and gives it back");
}

#[test]
fn servers_that_refuse_or_speak_nonsense_are_asked_once() {
    for fault in ["servfail", "refused", "garbage", "short", "no socket"] {
        let zone = lab();
        let mut script = two_servers(move |server, _, asked| {
            if server == addr(OTHER) {
                return vec![Reply::Now(zone.respond(asked))];
            }
            let good = zone.respond(asked);
            vec![Reply::Now(match fault {
                "servfail" => message(asked, 2, &[], &[], &[]),
                "refused" => message(asked, 5, &[], &[], &[]),
                "garbage" => [&good[..4], &[0xff; 40]].concat(),
                _ => good[..15].to_vec(),
            })]
        });
        let start = script.now;
        assert_eq!(script.routes(URI, "udp"), ROUTE, "{fault}");
        assert_eq!(script.now, start, "{fault}: at once");
        assert_eq!(script.sent.len(), 4, "{fault}");
    }
}

#[test]
fn when_every_server_fails_the_lookup_does_at_once() {
    let mut script = two_servers(|_, _, asked| vec![Reply::Now(message(asked, 5, &[], &[], &[]))]);
    let start = script.now;
    assert_eq!(script.routes(URI, "udp"), format!("No routes found for SIP URI {URI}"));
    assert_eq!(script.now, start);
    let refused =
        |event: &LookupEvent| matches!(event, LookupEvent::Trace(trace) if trace.error == Some(Unanswered::Failure(5)));
    assert!(script.events.iter().any(refused));
    // So it does when no socket can be bound.
    let mut script = Script::zone(lab());
    script.binds = false;
    assert_eq!(script.routes(URI, "udp"), format!("No routes found for SIP URI {URI}"));
}

#[test]
fn what_does_not_answer_the_question_is_ignored() {
    // DNS-7: a wrong id, another question, another type, another server: the right answer comes later, and counts.
    let lie = |asked: &Asked| {
        let zone = Zone::parse("aonly.test A 203.0.113.66\nother.test A 203.0.113.66");
        message(asked, 0, &zone.find(&name("aonly.test"), Kind::A), &[], &[])
    };
    for fault in ["id", "question", "type", "source", "port", "query", "late answer to another"] {
        let zone = lab();
        let mut earlier: Option<Vec<u8>> = None;
        let mut script = Script::new(move |server, _, asked| {
            let good = zone.respond(asked);
            let mut wrong = asked.clone();
            let spoofed = match fault {
                "id" => {
                    wrong.id ^= 1;
                    Reply::Now(lie(&wrong))
                }
                "question" => {
                    wrong.name = name("other.test");
                    Reply::Now(lie(&wrong))
                }
                "type" => {
                    wrong.kind = Kind::Ns;
                    Reply::Now(lie(&wrong))
                }
                "source" => Reply::From(addr("203.0.113.1:53"), lie(asked)),
                "port" => Reply::From(SocketAddr::new(server.ip(), 54), lie(asked)),
                "query" => {
                    let mut query = lie(asked);
                    query[0] ^= 0x80;
                    Reply::Now(query)
                }
                _ => Reply::Now(earlier.clone().unwrap_or_default()),
            };
            earlier = Some(good.clone());
            vec![spoofed, Reply::After(Duration::from_millis(500), good)]
        });
        assert_eq!(script.routes(URI, "udp"), ROUTE, "{fault}");
        assert!(script.resolver.stray() > 0, "{fault}");
    }
}

#[test]
fn answers_that_come_twice_or_too_late_are_ignored() {
    let zone = lab();
    let mut script = Script::new(move |_, _, asked| {
        let good = zone.respond(asked);
        vec![
            Reply::Now(good.clone()),
            Reply::Now(good.clone()),
            Reply::After(Duration::from_secs(2), good.clone()),
            Reply::After(Duration::from_secs(90), good),
        ]
    });
    assert_eq!(script.routes(URI, "udp"), ROUTE);
    script.run_for(Duration::from_secs(100));
    assert_eq!(script.ended.len(), 1);
    assert!(script.resolver.is_quiescent());
}

#[test]
fn a_slow_answer_counts() {
    let zone = lab();
    let mut script =
        Script::new(move |_, _, asked| vec![Reply::After(Duration::from_millis(1500), zone.respond(asked))]);
    assert_eq!(script.routes(URI, "udp"), ROUTE);
}

fn truncated(asked: &Asked) -> Vec<u8> {
    let mut data = message(asked, 0, &[], &[], &[]);
    data[2] |= 2;
    data
}

#[test]
fn a_truncated_answer_is_had_over_tcp() {
    for cut in [false, true] {
        let zone = lab();
        let mut script = Script::new(move |_, tcp, asked| {
            let mut short = truncated(asked);
            if cut {
                // Some routers cut where they please.
                short = zone.respond(asked);
                short[2] |= 2;
                short.truncate(short.len() - 3);
            }
            vec![Reply::Now(if tcp { zone.respond(asked) } else { short })]
        });
        assert_eq!(script.routes(URI, "udp"), ROUTE);
        assert_eq!(script.sent.iter().filter(|sent| sent.socket.is_none()).count(), 2);
        assert!(script.resolver.is_quiescent());
    }
}

#[test]
fn tcp_that_fails_leads_to_the_next_server() {
    for fault in ["refused", "closed", "garbage", "truncated"] {
        let zone = lab();
        let mut script = two_servers(move |server, tcp, asked| match (server == addr(OTHER), tcp) {
            (true, _) => vec![Reply::Now(zone.respond(asked))],
            (false, false) => vec![Reply::Now(truncated(asked))],
            (false, true) if fault == "garbage" => vec![Reply::Now([&asked.id.to_be_bytes()[..], &[9; 9]].concat())],
            (false, true) => vec![Reply::Close],
        });
        script.opens = fault != "refused";
        assert_eq!(script.routes(URI, "udp"), ROUTE, "{fault}");
    }
}

#[test]
fn tcp_that_is_silent_ends_with_the_lifetime() {
    let mut script = Script::new(|_, tcp, asked| if tcp { vec![] } else { vec![Reply::Now(truncated(asked))] });
    assert_eq!(script.routes(URI, "udp"), format!("Timeout in lookup for routes for SIP URI {URI}"));
    assert!(script.resolver.is_quiescent());
}

#[test]
fn tcp_answers_come_in_pieces_and_behind_others() {
    let zone = lab();
    let limits = crate::limits::Limits { dns_records: 64, ..crate::limits::Limits::default() };
    let mut out = crate::outbox::Outbox::new();
    let mut random = crate::random::Random::new(&crate::random::Seed::from_u64(3));
    for piece in 1..40 {
        let mut client = Client::default();
        let now = crate::time::Instant::ZERO;
        let mut cx = Context { now, random: &mut random, limits: &limits };
        let question = Question {
            name: name("aonly.test"),
            kind: Kind::A,
            servers: vec![addr(SERVER)],
            timeout: Duration::from_secs(3),
            until: now + Duration::from_secs(3),
            fresh: false,
        };
        let Became::Pending(_) = client.ask(&mut cx, question, &mut out) else { panic!() };
        let Some(Output::Bind { socket, .. }) = out.pop() else { panic!() };
        client.socket_bound(&mut cx, socket, &mut out);
        let Some(Output::Send { data, .. }) = out.pop() else { panic!() };
        client.datagram(&mut cx, socket, addr(SERVER), &truncated(&zone::asked(&data)), &mut out);
        let Some(Output::Open { conn, .. }) = out.pop() else { panic!() };
        client.opened(&mut cx, conn, &mut out);
        let mut write = out.pop();
        while !matches!(write, Some(Output::Write { .. }) | None) {
            write = out.pop();
        }
        let Some(Output::Write { data, .. }) = write else { panic!() };
        let asked = zone::asked(&data[2..]);
        let mut other = asked.clone();
        other.id ^= 1;
        let stream = [wire::framed(&zone.respond(&other)), wire::framed(&zone.respond(&asked))].concat();
        for bytes in stream.chunks(piece) {
            client.data(&mut cx, conn, bytes, &mut out);
        }
        let finished = client.pop().unwrap_or_else(|| panic!("pieces of {piece}"));
        assert_eq!(finished.answer.unwrap().len(), 2);
        assert_eq!(client.stray(), 1);
        while out.pop().is_some() {}
    }
}

#[test]
fn an_alias_is_followed_to_another_server_s_answer() {
    // The server tells the alias alone, and is asked again for what it leads to.
    let zone = lab();
    let mut script = Script::new(move |_, _, asked| {
        let mut found = zone.find(&asked.name, asked.kind);
        found.truncate(1);
        if !matches!(found.first().map(|record| &record.data), Some(Data::Cname(_))) {
            return vec![Reply::Now(zone.respond(asked))];
        }
        vec![Reply::Now(message(asked, 0, &found, &[], &[]))]
    });
    assert_eq!(script.routes("sip:c1.test:5060", "udp"), ROUTE);
    assert!(script.questions().contains(&"c2.test A".to_owned()));
    let start = script.now;
    assert_eq!(script.routes("sip:loop1.test:5060", "udp"), "No routes found for SIP URI sip:loop1.test:5060");
    assert_eq!(script.now, start);
}

#[test]
fn the_same_seed_asks_the_same() {
    let run = || {
        let mut script = Script::zone(lab());
        script.routes("sip:lab.test", "tls,tcp,udp");
        script.sent.iter().map(|sent| (sent.asked.id, sent.asked.name.clone())).collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}

#[test]
fn questions_to_servers_of_both_versions_of_ip_use_sockets_of_their_version() {
    let zone = lab();
    let config = DnsConfig { nameservers: vec![addr("[2001:db8::53]:53"), addr(SERVER)], ..DnsConfig::default() };
    let mut script =
        Script::with(
            config,
            move |server, _, asked| {
                if server.is_ipv6() { vec![] } else { vec![Reply::Now(zone.respond(asked))] }
            },
        );
    assert_eq!(script.routes(URI, "udp"), ROUTE);
    script.begin(&sip("sip:x.test", "udp"));
}
