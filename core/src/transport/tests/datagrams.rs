//! Datagrams that come: what is a message, what is not, and what is answered at once.

use super::*;

const VIA: &str = "UDP 192.0.2.1:5060;branch=z9hG4bK1";

#[test]
fn a_request_comes_with_the_way_back() {
    let mut w = World::new();
    let socket = w.listen("udp:0.0.0.0:5060");
    let data = Bytes::from(text("OPTIONS", "UDP host.example:5070;branch=z9hG4bK1", ""));
    w.t.datagram(w.now, socket, addr("192.0.2.1:7000"), Some("192.0.2.9".parse().unwrap()), data.clone(), &mut w.out);
    let received = w.received().pop().unwrap();
    assert_eq!(received.flow, Flow::Datagram { socket, peer: addr("192.0.2.1:7000") });
    assert_eq!(received.reply, Flow::Datagram { socket, peer: addr("192.0.2.1:5070") });
    assert_eq!((received.from, received.local), (addr("192.0.2.1:7000"), addr("192.0.2.9:5060")));
    assert_eq!(received.transport, Transport::Udp);
    assert_eq!(received.essentials.call_id, "c1");
    // Not a byte was copied.
    assert_eq!(received.message.bytes().as_ptr(), data.as_ptr());
    assert_eq!(w.t.counters().received, 1);
}

#[test]
fn what_keeps_a_way_open_is_no_message() {
    let mut w = World::new();
    let socket = w.listen("udp:127.0.0.1:5060");
    let stun = b"\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl";
    for data in [&b""[..], b"\r\n", b"\r\n\r\n", b"\n", b"\0", b"\0\0\0\0", stun, b"\r\n\0"] {
        w.datagram(socket, "192.0.2.1:5060", data);
        assert_eq!(w.lines(), [""; 0], "{data:?}");
    }
    assert_eq!(w.t.counters(), Counters { keep_alives: 8, ..Counters::default() });
}

#[test]
fn one_datagram_holds_one_message() {
    let mut w = World::new();
    let socket = w.listen("udp:127.0.0.1:5060");
    let one = text("OPTIONS", VIA, "");
    for data in [format!("{one}{one}"), format!("\r\n\r\n{one}"), format!("{one}trailing"), format!("{one}\0\0\0")] {
        w.datagram(socket, "192.0.2.1:5060", data);
        let received = w.received();
        assert_eq!(received.len(), 1);
        assert_eq!(received[0].message.bytes(), one.as_bytes());
    }
}

#[test]
fn a_body_ends_with_the_datagram_or_its_content_length() {
    let mut w = World::new();
    let socket = w.listen("udp:127.0.0.1:5060");
    let whole = text("MESSAGE", VIA, "hello");
    w.datagram(socket, "192.0.2.1:5060", whole.replace("Content-Length: 5\r\n", ""));
    assert_eq!(w.received()[0].message.headers().body(), "hello");
    w.datagram(socket, "192.0.2.1:5060", whole.replace("Content-Length: 5", "Content-Length: 4"));
    assert_eq!(w.received()[0].message.headers().body(), "hell");
    // Shorter than it says: a request is answered, a response is dropped.
    let short = whole.replace("Content-Length: 5", "Content-Length: 6");
    let at = short.find("6\r\n\r\n").unwrap();
    w.datagram(socket, "192.0.2.1:5060", short);
    assert_eq!(
        w.lines(),
        [
            "send socket-0 192.0.2.1:5060: 400 Bad Request | SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1".to_owned(),
            format!("malformed socket-0 192.0.2.1:5060: byte {at}: body shorter than Content-Length -> 400"),
        ]
    );
    w.datagram(socket, "192.0.2.1:5060", answer(200, &[VIA]).replace("Content-Length: 0", "Content-Length: 1"));
    let lines = w.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("malformed "), "{lines:?}");
}

#[test]
fn what_cannot_be_processed_is_answered_once_where_it_can_be() {
    let good = text("OPTIONS", VIA, "");
    let cases = [
        ("a version of the future", good.replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia"), Some(505)),
        ("no Call-ID", good.replace("Call-ID: c1\r\n", ""), Some(400)),
        ("two To", good.replace("To: ", "To: <sip:eve@example.com>\r\nTo: "), Some(400)),
        ("a CSeq out of range", good.replace("CSeq: 1 ", "CSeq: 4294967296 "), Some(400)),
        ("another method", good.replace("1 OPTIONS", "1 INVITE"), Some(400)),
        ("a bad Content-Length", good.replace("Length: 0", "Length: -1"), Some(400)),
        ("a line that is no field", good.replace("Call-ID", "nonsense\r\nCall-ID"), Some(400)),
        ("no Via", good.replace("Via: ", "X-Via: "), None),
        ("a bad ACK", text("ACK", VIA, "").replace("Call-ID: c1\r\n", ""), None),
        ("a bad response", answer(200, &[VIA]).replace("Call-ID: c1\r\n", ""), None),
        ("no SIP", "GET / HTTP/1.1\r\n\r\n".to_owned(), None),
        ("noise", "\u{7f}ELF".to_owned(), None),
        ("a keep-alive of some phones", "jaK\0".to_owned(), None),
    ];
    for (what, data, code) in cases {
        let mut w = World::new();
        let socket = w.listen("udp:127.0.0.1:5060");
        w.datagram(socket, "192.0.2.1:5060", data);
        let outputs = w.outputs();
        let answers: Vec<u16> = outputs
            .iter()
            .filter_map(|output| if let Output::Send { data, .. } = output { Some(data.clone()) } else { None })
            .filter_map(|data| parse(data).as_response().map(Response::code))
            .collect();
        assert_eq!(answers, Vec::from_iter(code), "{what}");
        assert!(
            matches!(outputs.last(), Some(Output::Malformed { answered, .. }) if *answered == code),
            "{what}: {outputs:?}"
        );
        assert_eq!((w.t.counters().malformed, w.t.counters().received), (1, 0), "{what}");
    }
}

#[test]
fn an_answer_without_state_is_the_same_each_time() {
    let mut w = World::new();
    let socket = w.listen("udp:127.0.0.1:5060");
    let bad = text("OPTIONS", VIA, "").replace("1 OPTIONS", "1 INVITE");
    let mut tags = Vec::new();
    for data in [bad.clone(), bad.clone(), bad.replace("Call-ID: c1", "Call-ID: c2")] {
        w.datagram(socket, "192.0.2.1:5060", data);
        let Some(Output::Send { data, .. }) = w.out.pop() else { panic!("no answer") };
        tags.push(parse(data).headers().to().unwrap().tag().unwrap().to_owned());
        w.lines();
    }
    assert_eq!(tags[0], tags[1]);
    assert_ne!(tags[0], tags[2]);
}

#[test]
fn only_responses_to_what_we_sent_come_through() {
    let ours = [
        ("udp:192.0.2.1:5060", "UDP 192.0.2.9:5060;branch=z9hG4bKx", "192.0.2.1:5060"),
        ("udp:[2001:db8::1]:5060", "UDP [2001:db8::9]:5060;branch=z9hG4bKx", "[2001:db8::1]:5060"),
    ];
    for (to, via, from) in ours {
        let mut w = World::new();
        let socket = w.listen(if addr(from).is_ipv4() { "udp:192.0.2.9:5060" } else { "udp:[2001:db8::9]:5060" });
        w.datagram(socket, from, answer(200, &[via]));
        assert_eq!(w.lines(), [""; 0], "nothing was sent yet");
        w.send(route(to), &request(0), "z9hG4bKx").unwrap();
        w.lines();
        let default_port = via.replace(":5060", "");
        let noted = format!("{via};received=203.0.113.1;rport=1");
        for via in [via, &default_port, &noted] {
            w.datagram(socket, from, answer(200, &[via]));
            let received = w.received();
            assert_eq!(received.len(), 1, "{via}");
            assert_eq!(received[0].reply, received[0].flow);
        }
        let strays = [
            via.replace("::9", "::8").replace("2.9", "2.8"),
            via.replace("5060", "5061"),
            via.replace("UDP", "TCP"),
            via.replace("UDP", "SCTP"),
            "UDP ours.example:5060;branch=z9hG4bKx".to_owned(),
            format!("{via}, SIP/2.0/{via}"),
        ];
        for stray in &strays {
            w.datagram(socket, from, answer(200, &[stray]));
            assert_eq!(w.lines(), [""; 0], "{stray}");
        }
        w.datagram(socket, from, answer(200, &[via, "UDP 192.0.2.77:5060;branch=z9hG4bKy"]));
        assert_eq!(w.lines(), [""; 0]);
        assert_eq!(w.t.counters().stray, 8);
    }
}

#[test]
fn a_response_is_ours_after_the_network_changed_too() {
    let mut w = World::new();
    let socket = w.listen("udp:0.0.0.0:5060");
    w.t.learn_local("192.0.2.1".parse().unwrap(), Some("192.0.2.9".parse().unwrap()));
    w.send(route("udp:192.0.2.1:5060"), &request(0), "z9hG4bKx").unwrap();
    w.lines();
    w.t.forget_local();
    w.datagram(socket, "192.0.2.1:5060", answer(200, &["UDP 192.0.2.9:5060;branch=z9hG4bKx"]));
    assert_eq!(w.received().len(), 1);
}

#[test]
fn a_socket_that_is_not_there_takes_nothing() {
    let mut w = World::new();
    let listening = w.listen("tcp:127.0.0.1:5060");
    let socket = w.listen("udp:127.0.0.1:5060");
    let data = text("OPTIONS", VIA, "");
    w.datagram(listening, "192.0.2.1:5060", data.clone());
    w.datagram(SocketId::from_u64(99), "192.0.2.1:5060", data.clone());
    assert_eq!((w.lines().len(), w.t.counters().driver_faults), (0, 2));
    w.t.unbind(socket, &mut w.out).unwrap();
    w.datagram(socket, "192.0.2.1:5060", data);
    assert_eq!(w.lines(), ["unbind socket-1"]);
    assert_eq!(w.t.counters().driver_faults, 2);
}
