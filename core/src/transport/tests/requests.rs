//! Requests that go out: their Via, their transport, their flow.

use super::*;

fn via(sent: &Sent) -> String {
    sent.request.via().unwrap().to_string()
}

/// Tells the transports what the operating system would say.
fn learn(w: &mut World, toward: &str, local: &str) {
    w.t.learn_local(toward.parse().unwrap(), Some(local.parse().unwrap()));
}

#[test]
fn the_via_carries_our_address_and_listening_port() {
    let cases = [
        ("udp:192.0.2.9:5062", "udp:192.0.2.1:5060", "SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bKx;rport"),
        ("udp:[2001:db8::9]:5062", "udp:[2001:db8::1]:5060", "SIP/2.0/UDP [2001:db8::9]:5062;branch=z9hG4bKx;rport"),
        ("tcp:192.0.2.9:5062", "tcp:192.0.2.1:5060", "SIP/2.0/TCP 192.0.2.9:5062;branch=z9hG4bKx"),
        ("tcp:[2001:db8::9]:5062", "tcp:[2001:db8::1]:5060", "SIP/2.0/TCP [2001:db8::9]:5062;branch=z9hG4bKx"),
        // A multicast group is named, and IPv4 also says how far.
        (
            "udp:192.0.2.9:5060",
            "udp:224.0.1.75:5060",
            "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKx;rport;maddr=224.0.1.75;ttl=1",
        ),
        (
            "udp:[2001:db8::9]:5060",
            "udp:[ff02::1]:5060",
            "SIP/2.0/UDP [2001:db8::9]:5060;branch=z9hG4bKx;rport;maddr=[ff02::1]",
        ),
    ];
    for (listen, to, expected) in cases {
        let mut w = World::new();
        w.listen(listen);
        let sent = w.send(route(to), &request(0), "z9hG4bKx").unwrap();
        assert_eq!(via(&sent), expected);
        assert_eq!((sent.transport, sent.is_reliable()), (route(to).transport, listen.starts_with("tcp")));
        let first = w.outputs().remove(0);
        if let Output::Send { on, to: target, data } = first {
            assert_eq!(sent.flow, Flow::Datagram { socket: on, peer: target });
            assert_eq!((target, data), (route(to).socket_addr(), sent.request.bytes().clone()));
        } else if let Output::Open { conn, to: target, security, from } = first {
            assert_eq!((sent.flow, target), (Flow::Stream(conn), route(to).socket_addr()));
            assert_eq!((security, from), (Security::Plain, Some(route(listen).address)));
        } else {
            panic!("{first:?}");
        }
        assert_eq!(w.t.local(route(to)), Local::Known(route(listen).socket_addr()));
    }
}

#[test]
fn preparing_sends_nothing() {
    let mut w = World::new();
    w.listen("udp:192.0.2.9:5060");
    let sent = w.t.prepare_request(w.now, route("udp:192.0.2.1:5060"), &request(0), "z9hG4bKx", &mut w.out).unwrap();
    assert_eq!((w.lines().len(), w.t.counters().sent), (0, 0));
    w.t.send_on(w.now, sent.flow, sent.request.bytes().clone(), &mut w.out).unwrap();
    assert_eq!((w.lines().len(), w.t.counters().sent), (1, 1));
}

#[test]
fn where_several_addresses_would_do_the_operating_system_is_asked() {
    let to = route("udp:192.0.2.1:5060");
    let ask = Local::Ask { toward: to.socket_addr() };
    let known = |text: &str| Local::Known(addr(text));
    // The sockets, what the operating system says, and what the Via then carries.
    let cases: [(&[&str], Local, &str, Local); 8] = [
        (&["udp:192.0.2.9:5060"], known("192.0.2.9:5060"), "10.0.0.9", known("192.0.2.9:5060")),
        (&["udp:0.0.0.0:5060"], ask, "192.0.2.9", known("192.0.2.9:5060")),
        (&["udp:10.0.0.9:5060", "udp:192.0.2.9:5062"], ask, "192.0.2.9", known("192.0.2.9:5062")),
        (&["udp:0.0.0.0:5060", "udp:192.0.2.9:5062"], ask, "192.0.2.9", known("192.0.2.9:5062")),
        (&["udp:127.0.0.1:5062", "udp:0.0.0.0:5060"], ask, "192.0.2.9", known("192.0.2.9:5060")),
        (&["udp:127.0.0.1:5062", "udp:10.0.0.9:5060"], ask, "192.0.2.9", known("10.0.0.9:5060")),
        (&["udp:10.0.0.9:5060", "udp:10.0.0.8:5062"], ask, "192.0.2.9", known("10.0.0.9:5060")),
        (&["tcp:0.0.0.0:5060", "udp:[::]:5060"], Local::NoSocket, "192.0.2.9", Local::NoSocket),
    ];
    for (sockets, before, answer, after) in cases {
        let mut w = World::new();
        for socket in sockets {
            w.listen(socket);
        }
        assert_eq!(w.t.local(to), before, "{sockets:?}");
        let error = w.send(to, &request(0), "z9hG4bKx").err();
        let expected = match before {
            Local::Ask { toward } => Some(SendError::LocalUnknown(toward)),
            Local::NoSocket => Some(SendError::NoSocket(Transport::Udp, to.socket_addr())),
            Local::Known(_) | Local::NoRoute => None,
        };
        assert_eq!(error, expected, "{sockets:?}");
        w.t.learn_local(to.address, None);
        let no_route = if before == ask { Local::NoRoute } else { before };
        assert_eq!(w.t.local(to), no_route, "{sockets:?}");
        learn(&mut w, "192.0.2.1", answer);
        assert_eq!(w.t.local(to), after, "{sockets:?}");
        if let Local::Known(local) = after {
            let sent = w.send(to, &request(0), "z9hG4bKx").unwrap();
            assert_eq!(via(&sent), format!("SIP/2.0/UDP {local};branch=z9hG4bKx;rport"));
        }
        w.t.forget_local();
        assert_eq!(w.t.local(to), before, "{sockets:?}");
    }
}

#[test]
fn a_socket_that_is_not_bound_carries_nothing() {
    let mut w = World::new();
    let to = route("udp:192.0.2.1:5060");
    let nothing = SendError::NoSocket(Transport::Udp, to.socket_addr());
    let socket = w.t.bind(Transport::Udp, to.address, Port::Random, &mut w.out).unwrap();
    assert_eq!(w.send(to, &request(0), "z9hG4bKx").unwrap_err(), nothing);
    w.t.socket_bound(socket, addr("192.0.2.9:1024"), &mut w.out);
    let flow = w.send(to, &request(0), "z9hG4bKx").unwrap().flow;
    w.t.unbind(socket, &mut w.out).unwrap();
    assert_eq!(w.send(to, &request(0), "z9hG4bKx").unwrap_err(), nothing);
    assert_eq!(w.send(flow, &request(0), "z9hG4bKx").unwrap_err(), SendError::Gone);
    assert_eq!(w.t.send_on(w.now, flow, Bytes::from_static(b"x"), &mut w.out), Err(SendError::Gone));
}

#[test]
fn on_a_flow_it_leaves_from_that_socket() {
    let mut w = World::new();
    w.listen("udp:192.0.2.9:5060");
    let second = w.listen("udp:0.0.0.0:5062");
    let flow = Flow::Datagram { socket: second, peer: addr("192.0.2.1:7000") };
    assert_eq!(w.send(flow, &request(0), "z9hG4bKx").unwrap_err(), SendError::LocalUnknown(addr("192.0.2.1:7000")));
    learn(&mut w, "192.0.2.1", "192.0.2.9");
    let sent = w.send(flow, &request(0), "z9hG4bKx").unwrap();
    assert_eq!(sent.flow, flow);
    assert_eq!(
        w.lines(),
        [
            "send socket-1 192.0.2.1:7000: OPTIONS sip:bob@example.com | SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bKx;rport"
        ]
    );
}

#[test]
fn a_request_that_is_too_large_for_a_datagram_goes_over_tcp() {
    // A request that has so many bytes once it has its Via.
    let with_via = |len: usize| request(len - "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKx;rport\r\n".len());
    let to = route("udp:192.0.2.1:5060");
    let cases = [
        (&["udp:192.0.2.9:5060", "tcp:192.0.2.9:5062"][..], 1300, Transport::Udp),
        (&["udp:192.0.2.9:5060", "tcp:192.0.2.9:5062"], 1301, Transport::Tcp),
        // Without TCP of our own, or with one of another version of IP, the answer could not come back.
        (&["udp:192.0.2.9:5060"], 1301, Transport::Udp),
        (&["udp:192.0.2.9:5060", "tcp:[::]:5062"], 1301, Transport::Udp),
        (&["udp:192.0.2.9:5060", "tcp:127.0.0.1:5062"], 1301, Transport::Udp),
        // The address that the datagram would leave from is known: there is nothing to ask.
        (&["udp:192.0.2.9:5060", "tcp:0.0.0.0:5062"], 1301, Transport::Tcp),
    ];
    for (sockets, len, transport) in cases {
        let mut w = World::new();
        for socket in sockets {
            w.listen(socket);
        }
        let sent = w.send(to, &with_via(len), "z9hG4bKx").unwrap();
        assert_eq!((sent.transport, sent.is_reliable()), (transport, transport == Transport::Tcp), "{sockets:?} {len}");
        let expected = match transport {
            Transport::Udp => "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKx;rport",
            Transport::Tcp | Transport::Tls => "SIP/2.0/TCP 192.0.2.9:5062;branch=z9hG4bKx",
        };
        assert_eq!(via(&sent), expected, "{sockets:?} {len}");
        assert_eq!(sent.flow.conn().is_some(), transport == Transport::Tcp);
        if transport == Transport::Udp {
            assert_eq!(sent.request.bytes().len(), len);
        }
    }
}

#[test]
fn a_multicast_group_has_no_tcp() {
    let mut w = World::new();
    w.listen("udp:192.0.2.9:5060");
    w.listen("tcp:192.0.2.9:5060");
    assert_eq!(w.send(route("udp:224.0.1.75:5060"), &request(5000), "z9hG4bKx").unwrap().transport, Transport::Udp);
}

#[test]
fn what_only_its_size_took_to_tcp_comes_back_when_nobody_listens() {
    for cause in [CloseCause::Refused, CloseCause::Reset] {
        let mut w = World::new();
        w.listen("udp:192.0.2.9:5060");
        w.listen("tcp:192.0.2.9:5062");
        let to = route("udp:192.0.2.1:5070");
        let first = w.send(to, &request(2000), "z9hG4bKa").unwrap();
        let second = w.send(to, &request(2000), "z9hG4bKb").unwrap();
        // This one wanted TCP: it fails.
        let third = w.send(route("tcp:192.0.2.1:5070"), &request(0), "z9hG4bKc").unwrap();
        assert_eq!(w.lines(), ["open conn-0 192.0.2.1:5070 from 192.0.2.9"]);
        assert_eq!((first.flow, second.flow), (third.flow, third.flow));
        w.closed(ConnId::opened(0), cause.clone());
        let outputs = w.outputs();
        let udp =
            |branch: &str| format!("OPTIONS sip:bob@example.com | SIP/2.0/UDP 192.0.2.9:5060;branch={branch};rport");
        assert_eq!(
            outputs.iter().map(line).collect::<Vec<_>>(),
            [
                format!("send socket-0 192.0.2.1:5070: {}", udp("z9hG4bKa")),
                "fell back conn-0 z9hG4bKa: socket-0 192.0.2.1:5070 udp".to_owned(),
                format!("send socket-0 192.0.2.1:5070: {}", udp("z9hG4bKb")),
                "fell back conn-0 z9hG4bKb: socket-0 192.0.2.1:5070 udp".to_owned(),
                format!("flow failed conn-0: {cause}"),
            ]
        );
        // What is sent again is what was sent.
        match &outputs[..2] {
            [Output::Send { data, .. }, Output::FellBack { sent, .. }] => {
                assert_eq!(data, sent.request.bytes());
                assert!(!sent.is_reliable());
                assert_eq!(sent.request.body(), first.request.body());
            }
            other => panic!("{other:?}"),
        }
        // The response to it is ours.
        w.datagram(SocketId::from_u64(0), "192.0.2.1:5070", answer(200, &["UDP 192.0.2.9:5060;branch=z9hG4bKa"]));
        assert_eq!(w.received().len(), 1);
    }
}

#[test]
fn nothing_else_brings_it_back() {
    let causes = [CloseCause::TimedOut, CloseCause::Unreachable, CloseCause::Peer, CloseCause::Local];
    for cause in causes {
        let mut w = World::new();
        w.listen("udp:192.0.2.9:5060");
        w.listen("tcp:192.0.2.9:5060");
        w.send(route("udp:192.0.2.1:5060"), &request(2000), "z9hG4bKa").unwrap();
        w.lines();
        w.closed(ConnId::opened(0), cause.clone());
        assert_eq!(w.lines(), [format!("flow failed conn-0: {cause}")]);
    }
    // Nor a connection that had opened, nor a socket that is gone.
    for opens in [true, false] {
        let mut w = World::new();
        let socket = w.listen("udp:192.0.2.9:5060");
        w.listen("tcp:192.0.2.9:5060");
        w.send(route("udp:192.0.2.1:5060"), &request(2000), "z9hG4bKa").unwrap();
        if opens {
            w.opened(ConnId::opened(0), "192.0.2.1:5060");
        } else {
            w.t.unbind(socket, &mut w.out).unwrap();
        }
        w.lines();
        w.closed(ConnId::opened(0), CloseCause::Reset);
        assert_eq!(w.lines(), ["flow failed conn-0: connection reset"]);
    }
}

#[test]
fn an_open_connection_is_taken_again() {
    let mut w = World::new();
    w.listen("tcp:192.0.2.9:5060");
    w.listen("udp:192.0.2.9:5060");
    let to = route("tcp:192.0.2.1:5060");
    let first = w.send(to, &request(0), "z9hG4bKa").unwrap();
    // Also while it opens, and by what is too large for a datagram to the same address.
    assert_eq!(w.send(to, &request(0), "z9hG4bKb").unwrap().flow, first.flow);
    assert_eq!(w.send(route("udp:192.0.2.1:5060"), &request(2000), "z9hG4bKc").unwrap().flow, first.flow);
    w.opened(ConnId::opened(0), "192.0.2.1:5060");
    assert_eq!(w.lines().len(), 4);
    assert_eq!(w.send(to, &request(0), "z9hG4bKd").unwrap().flow, first.flow);
    assert_eq!(w.lines().len(), 1);
    // Another port, another address: another connection.
    for other in ["tcp:192.0.2.1:5061", "tcp:192.0.2.2:5060"] {
        assert_ne!(w.send(route(other), &request(0), "z9hG4bKe").unwrap().flow, first.flow);
    }
    w.lines();
    // One that is gone is not taken.
    w.closed(ConnId::opened(0), CloseCause::Peer);
    assert_ne!(w.send(to, &request(0), "z9hG4bKf").unwrap().flow, first.flow);
    assert_eq!(w.lines(), ["flow failed conn-0: closed by the peer", "open conn-6 192.0.2.1:5060 from 192.0.2.9"]);
}

#[test]
fn a_connection_that_is_being_closed_is_not_taken() {
    let mut w = World::new();
    w.listen("tcp:192.0.2.9:5060");
    let to = route("tcp:192.0.2.1:5060");
    let first = w.send(to, &request(0), "z9hG4bKa").unwrap();
    w.opened(ConnId::opened(0), "192.0.2.1:5060");
    w.t.drained(ConnId::opened(0), first.request.bytes().len(), &mut w.out);
    w.pass(Limits::default().connection_idle);
    w.lines();
    let second = w.send(to, &request(0), "z9hG4bKb").unwrap();
    assert_eq!(
        (second.flow, w.lines()),
        (Flow::Stream(ConnId::opened(1)), vec!["open conn-2 192.0.2.1:5060 from 192.0.2.9".to_owned()])
    );
    assert_eq!(w.send(first.flow, &request(0), "z9hG4bKc").unwrap_err(), SendError::Gone);
    // The end of the first does not make the second forgotten.
    w.closed(ConnId::opened(0), CloseCause::Local);
    assert_eq!(w.send(to, &request(0), "z9hG4bKd").unwrap().flow, second.flow);
    assert_eq!(w.lines(), [""; 0]);
}

#[test]
fn a_connection_that_a_peer_opened_is_taken_when_named_or_when_the_address_is_its_own() {
    let mut w = World::new();
    let socket = w.listen("tcp:0.0.0.0:5060");
    let conn = w.accept(socket, "192.0.2.1:7000");
    let flow = Flow::Stream(conn);
    let sent = w.send(flow, &request(0), "z9hG4bKa").unwrap();
    assert_eq!(sent.flow, flow);
    // Our listening port stands in the Via, and the address the connection came to.
    assert_eq!(via(&sent), "SIP/2.0/TCP 192.0.2.9:5060;branch=z9hG4bKa");
    learn(&mut w, "192.0.2.1", "192.0.2.9");
    assert_eq!(w.send(route("tcp:192.0.2.1:7000"), &request(0), "z9hG4bKb").unwrap().flow, flow);
    assert_ne!(w.send(route("tcp:192.0.2.1:5060"), &request(0), "z9hG4bKc").unwrap().flow, flow);
    w.closed(conn, CloseCause::Peer);
    assert_eq!(w.send(flow, &request(0), "z9hG4bKd").unwrap_err(), SendError::Gone);
}
