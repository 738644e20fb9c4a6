//! TLS: judged before a byte is written or delivered.

use super::*;
use crate::sip::Text;

/// For `example.com` and `other.example`.
const DOMAIN: &[u8] = include_bytes!("../../../../vectors/tls/domain.der");

/// For `sip.example.com`, `example.com` and 192.0.2.1.
const HOSTS: &[u8] = include_bytes!("../../../../vectors/tls/hosts.der");

fn info(chain: CertificateChain) -> TlsInfo {
    TlsInfo { chain, certificates: vec![Bytes::from_static(DOMAIN)] }
}

/// A request to this URI.
fn request_to(uri: &str, route: Option<&str>) -> Request {
    let route = route.map(|route| format!("Route: {route}\r\n")).unwrap_or_default();
    let text = format!(
        "OPTIONS {uri} SIP/2.0\r\n{route}Max-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag=a\r\n\
         To: <sip:bob@example.com>\r\nCall-ID: c1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    );
    let Message::Request(request) = parse(text) else { unreachable!() };
    request
}

fn world(servers: TlsPolicy, clients: TlsPolicy, fingerprints: Vec<Fingerprint>) -> World {
    let identity = Some(Text::from_static("me"));
    let tls = Some(TlsConfig { identity, servers, clients, fingerprints });
    World::with(TransportConfig { tls, ..TransportConfig::default() })
}

#[test]
fn without_configuration_there_is_no_tls() {
    let mut w = World::new();
    let bound = w.t.bind(Transport::Tls, addr("192.0.2.9:0").ip(), Port::Random, &mut w.out);
    assert_eq!(bound, Err(BindError::NoTls));
    let to = route("tls:192.0.2.1:5061");
    let nothing = SendError::NoSocket(Transport::Tls, to.socket_addr());
    assert_eq!(w.send(to, &request(0), "z9hG4bKx").unwrap_err(), nothing);
    assert_eq!(w.lines(), [""; 0]);
}

#[test]
fn sockets_and_connections_name_their_security() {
    let mut w = world(TlsPolicy::Chain, TlsPolicy::None, vec![]);
    let ip = addr("192.0.2.9:0").ip();
    let socket = w.t.bind(Transport::Tls, ip, Port::Fixed(5061), &mut w.out).unwrap();
    let identity = Some(Text::from_static("me"));
    let security = |server_name, policy| Security::Tls { identity: identity.clone(), server_name, policy };
    assert!(matches!(w.out.pop(), Some(Output::Bind { kind: SocketKind::Listen(kind), .. })
        if kind == security(None, TlsPolicy::None)));
    w.t.socket_bound(socket, addr("192.0.2.9:5061"), &mut w.out);
    w.lines();
    let sent = w.send(route("tls:192.0.2.1:5061"), &request(0), "z9hG4bKx").unwrap();
    assert_eq!(sent.request.via().unwrap().to_string(), "SIP/2.0/TLS 192.0.2.9:5061;branch=z9hG4bKx");
    let domain = Some(Text::from_static("example.com"));
    assert!(
        matches!(w.out.pop(), Some(Output::Open { security: asked, .. }) if asked == security(domain, TlsPolicy::Chain))
    );
}

#[test]
fn nothing_is_written_to_a_server_that_is_not_who_it_should_be() {
    let ours = Fingerprint::of(DOMAIN);
    let untrusted = || Some(info(CertificateChain::Untrusted(Text::from_static("expired"))));
    let trusted = || Some(info(CertificateChain::Trusted));
    let cases = [
        (TlsPolicy::Chain, vec![], trusted(), None),
        (TlsPolicy::Chain, vec![ours], untrusted(), Some("TLS: the peer's certificate is not trusted: expired")),
        (TlsPolicy::Chain, vec![], Some(info(CertificateChain::Missing)), Some("TLS: the peer showed no certificate")),
        (TlsPolicy::Chain, vec![], None, Some("TLS: the connection is not protected by TLS")),
        (TlsPolicy::None, vec![], None, Some("TLS: the connection is not protected by TLS")),
        (TlsPolicy::None, vec![], untrusted(), None),
        (TlsPolicy::Fingerprint, vec![ours], untrusted(), None),
    ];
    for (policy, fingerprints, told, refused) in cases {
        let mut w = world(policy, TlsPolicy::None, fingerprints);
        w.listen("tls:192.0.2.9:5061");
        w.send(route("tls:192.0.2.1:5061"), &request(0), "z9hG4bKx").unwrap();
        w.lines();
        let conn = ConnId::opened(0);
        w.t.opened(w.now, conn, addr("192.0.2.9:40000"), addr("192.0.2.1:5061"), told.as_ref(), &mut w.out);
        let lines = w.lines();
        match refused {
            None => assert!(lines.len() == 1 && lines[0].starts_with("write conn-0: OPTIONS "), "{lines:?}"),
            Some(why) => {
                assert_eq!(lines, ["close conn-0 Abort".to_owned(), format!("flow failed conn-0: {why}")]);
                w.data(conn, answer(200, &["TLS 192.0.2.9:5061;branch=z9hG4bKx"]));
                assert_eq!(w.lines(), [""; 0]);
            }
        }
    }
}

#[test]
fn nothing_is_delivered_from_a_client_that_is_not_who_it_should_be() {
    for (policy, chain, delivered) in [
        (TlsPolicy::None, CertificateChain::Missing, true),
        (TlsPolicy::Chain, CertificateChain::Missing, false),
        (TlsPolicy::Chain, CertificateChain::Trusted, true),
        (TlsPolicy::Fingerprint, CertificateChain::Trusted, false),
    ] {
        let mut w = world(TlsPolicy::Chain, policy, vec![Fingerprint::of(b"another")]);
        let socket = w.listen("tls:192.0.2.9:5061");
        let conn = w.accept_only(socket, "192.0.2.1:7000");
        let data = text("OPTIONS", "TLS 192.0.2.1:5061;branch=z9hG4bK1", "");
        // Not even before the handshake is over.
        w.data(conn, data.clone());
        assert_eq!((w.lines().len(), w.t.counters().driver_faults), (0, 1));
        let told = info(chain);
        w.t.opened(w.now, conn, addr("192.0.2.9:5061"), addr("192.0.2.1:7000"), Some(&told), &mut w.out);
        w.data(conn, data);
        let lines = w.lines();
        if delivered {
            assert!(lines.len() == 1 && lines[0].starts_with("received conn-1 "), "{lines:?}");
        } else {
            assert_eq!(lines, ["close conn-1 Abort"]);
        }
    }
}

#[test]
fn an_accepted_connection_vouches_for_no_server() {
    let mut w = world(TlsPolicy::Chain, TlsPolicy::None, vec![]);
    let socket = w.listen("tls:192.0.2.9:5061");
    let conn = w.accept_only(socket, "192.0.2.1:5061");
    let told = info(CertificateChain::Missing);
    w.t.opened(w.now, conn, addr("192.0.2.9:5061"), addr("192.0.2.1:5061"), Some(&told), &mut w.out);
    let sent = w.send(route("tls:192.0.2.1:5061"), &request(0), "z9hG4bKx").unwrap();
    assert_eq!(sent.flow, Flow::Stream(ConnId::opened(0)));
    // Its own dialogs go on over it.
    assert_eq!(w.send(Flow::Stream(conn), &request(0), "z9hG4bKy").unwrap().flow, Flow::Stream(conn));
}

#[test]
fn the_name_is_that_of_the_uri_that_was_looked_up() {
    let to = route("tls:192.0.2.1:5061");
    for (uri, top, name, refused) in [
        ("sip:bob@example.com", None, Some("example.com"), false),
        ("sips:bob@Other.Example", None, Some("Other.Example"), false),
        ("sip:bob@evil.example", None, Some("evil.example"), true),
        ("sip:bob@host.example.com", None, Some("host.example.com"), true),
        // The topmost Route is where it goes, whatever the Request-URI.
        ("sip:bob@evil.example", Some("<sip:example.com;lr>, <sip:evil.example;lr>"), Some("example.com"), false),
        ("sip:bob@example.com", Some("<sip:evil.example;lr>"), Some("evil.example"), true),
        ("sip:bob@192.0.2.1", None, None, false),
        ("sip:bob@192.0.2.7", None, None, true),
        ("tel:+1234", None, None, true),
    ] {
        let mut w = world(TlsPolicy::Chain, TlsPolicy::None, vec![]);
        w.listen("tls:192.0.2.9:5061");
        w.send(to, &request_to(uri, top), "z9hG4bKx").unwrap();
        let Some(Output::Open { security: Security::Tls { server_name, .. }, .. }) = w.out.pop() else {
            panic!("not opened")
        };
        assert_eq!(server_name.as_deref(), name, "{uri}");
        let told = info(CertificateChain::Trusted);
        let (local, peer) = (addr("192.0.2.9:40000"), addr("192.0.2.1:5061"));
        w.t.opened(w.now, ConnId::opened(0), local, peer, Some(&told), &mut w.out);
        let lines = w.lines();
        assert_eq!(lines[0] == "close conn-0 Abort", refused, "{uri}: {lines:?}");
        assert_eq!(lines[0].starts_with("write conn-0"), !refused, "{uri}: {lines:?}");
    }
}

#[test]
fn a_connection_is_used_again_only_for_domains_that_its_certificate_covers() {
    let mut w = world(TlsPolicy::Chain, TlsPolicy::None, vec![]);
    w.listen("tls:192.0.2.9:5061");
    let to = route("tls:192.0.2.1:5061");
    let (local, peer) = (addr("192.0.2.9:40000"), to.socket_addr());
    let first = w.send(to, &request_to("sip:a@example.com", None), "z9hG4bK1").unwrap().flow;
    // While it opens it is known for one domain only.
    let second = w.send(to, &request_to("sip:a@other.example", None), "z9hG4bK2").unwrap().flow;
    assert_eq!((first, second), (Flow::Stream(ConnId::opened(0)), Flow::Stream(ConnId::opened(1))));
    assert_eq!(w.send(to, &request_to("sip:b@EXAMPLE.com", None), "z9hG4bK3").unwrap().flow, first);
    let told = info(CertificateChain::Trusted);
    w.t.opened(w.now, ConnId::opened(0), local, peer, Some(&told), &mut w.out);
    // Now it is known for both.
    assert_eq!(w.send(to, &request_to("sip:c@other.example", None), "z9hG4bK4").unwrap().flow, first);
    // A third domain at the same address gets a connection of its own, and is judged anew.
    let third = w.send(to, &request_to("sip:a@sip.example.com", None), "z9hG4bK5").unwrap().flow;
    assert_eq!(third, Flow::Stream(ConnId::opened(2)));
    w.lines();
    w.t.opened(w.now, ConnId::opened(2), local, peer, Some(&told), &mut w.out);
    assert!(w.lines().contains(&"close conn-4 Abort".to_owned()));
    let hosts = TlsInfo { chain: CertificateChain::Trusted, certificates: vec![Bytes::from_static(HOSTS)] };
    let fourth = w.send(to, &request_to("sip:a@sip.example.com", None), "z9hG4bK6").unwrap().flow;
    w.t.opened(w.now, ConnId::opened(3), local, peer, Some(&hosts), &mut w.out);
    assert_eq!(fourth, Flow::Stream(ConnId::opened(3)));
    assert_eq!(w.send(to, &request_to("sip:b@sip.example.com", None), "z9hG4bK7").unwrap().flow, fourth);
    assert_eq!(w.send(to, &request_to("sip:d@other.example", None), "z9hG4bK8").unwrap().flow, first);
}

#[test]
fn where_no_name_is_asked_for_one_connection_serves_all() {
    let mut w = world(TlsPolicy::None, TlsPolicy::None, vec![]);
    w.listen("tls:192.0.2.9:5061");
    let to = route("tls:192.0.2.1:5061");
    let first = w.send(to, &request_to("sip:a@example.com", None), "z9hG4bK1").unwrap().flow;
    assert_eq!(w.send(to, &request_to("sip:a@evil.example", None), "z9hG4bK2").unwrap().flow, first);
}

#[test]
fn what_is_meant_for_sips_leaves_over_tls_only() {
    let mut w = world(TlsPolicy::Chain, TlsPolicy::None, vec![]);
    for socket in ["tls:192.0.2.9:5061", "tcp:192.0.2.9:5060", "udp:192.0.2.9:5060"] {
        w.listen(socket);
    }
    let secure = [
        request_to("sips:bob@example.com", None),
        request_to("sips:bob@example.com", Some("<sip:example.com;lr>")),
        request_to("sip:bob@example.com", Some("<sips:example.com;lr>")),
    ];
    for request in &secure {
        for (to, transport) in [("udp:192.0.2.1:5060", Transport::Udp), ("tcp:192.0.2.1:5060", Transport::Tcp)] {
            assert_eq!(w.send(route(to), request, "z9hG4bKx").unwrap_err(), SendError::Insecure(transport));
        }
        assert_eq!(w.lines(), [""; 0]);
        assert_eq!(w.send(route("tls:192.0.2.1:5061"), request, "z9hG4bKx").unwrap().transport, Transport::Tls);
        w.lines();
    }
    let plain = request_to("sip:bob@example.com", Some("<sip:example.com;lr>"));
    assert!(w.send(route("udp:192.0.2.1:5060"), &plain, "z9hG4bKx").is_ok());
}

#[test]
fn a_response_for_which_a_connection_is_opened_goes_to_the_name_in_its_via_only() {
    let mut w = world(TlsPolicy::Chain, TlsPolicy::None, vec![]);
    let socket = w.listen("tls:192.0.2.9:5061");
    let conn = w.accept_only(socket, "192.0.2.1:7000");
    let (local, peer) = (addr("192.0.2.9:5061"), addr("192.0.2.1:7000"));
    w.t.opened(w.now, conn, local, peer, Some(&info(CertificateChain::Missing)), &mut w.out);
    w.data(conn, text("OPTIONS", "TLS evil.example:5061;branch=z9hG4bK1", ""));
    let received = w.received().pop().unwrap();
    w.closed(conn, CloseCause::Reset);
    w.t.send_response(w.now, received.reply, &reply(&received, 200), &mut w.out).unwrap();
    w.lines();
    let told = info(CertificateChain::Trusted);
    w.t.opened(w.now, ConnId::opened(0), local, addr("192.0.2.1:5061"), Some(&told), &mut w.out);
    assert_eq!(
        w.lines(),
        ["close conn-0 Abort", "flow failed conn-0: TLS: the peer's certificate is not for evil.example"]
    );
}

#[test]
fn handshakes_in_progress_have_a_limit_and_a_time() {
    let tls = Some(TlsConfig::default());
    let mut config = TransportConfig { tls, ..TransportConfig::default() };
    config.limits.handshakes = 2;
    let mut w = World::with(config);
    let socket = w.listen("tls:192.0.2.9:5061");
    let first = w.accept_only(socket, "192.0.2.1:7000");
    w.accept_only(socket, "192.0.2.2:7000");
    assert_eq!(w.lines(), [""; 0]);
    let third = w.accept_only(socket, "192.0.2.3:7000");
    assert_eq!((w.lines(), w.t.counters().shed), (vec!["close conn-5 Abort".to_owned()], 1));
    w.closed(third, CloseCause::Local);
    // One that is over makes room for another.
    let (local, peer) = (addr("192.0.2.9:5061"), addr("192.0.2.1:7000"));
    w.t.opened(w.now, first, local, peer, Some(&info(CertificateChain::Missing)), &mut w.out);
    w.accept_only(socket, "192.0.2.3:7000");
    assert_eq!(w.lines(), [""; 0]);
    w.pass(Limits::default().connection_open);
    assert_eq!(w.lines(), ["close conn-3 Abort", "close conn-7 Abort"]);
}
