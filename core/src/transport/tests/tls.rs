//! TLS: judged before a byte is written or delivered.

use super::*;
use crate::sip::Text;

fn info(chain: CertificateChain) -> TlsInfo {
    TlsInfo { chain, certificates: vec![Bytes::from_static(b"certificate")] }
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
    let security = |policy| Security::Tls { identity: Some(Text::from_static("me")), server_name: None, policy };
    assert!(matches!(w.out.pop(), Some(Output::Bind { kind: SocketKind::Listen(kind), .. })
        if kind == security(TlsPolicy::None)));
    w.t.socket_bound(socket, addr("192.0.2.9:5061"), &mut w.out);
    w.lines();
    let sent = w.send(route("tls:192.0.2.1:5061"), &request(0), "z9hG4bKx").unwrap();
    assert_eq!(sent.request.via().unwrap().to_string(), "SIP/2.0/TLS 192.0.2.9:5061;branch=z9hG4bKx");
    assert!(matches!(w.out.pop(), Some(Output::Open { security: asked, .. }) if asked == security(TlsPolicy::Chain)));
}

#[test]
fn nothing_is_written_to_a_server_that_is_not_who_it_should_be() {
    let ours = Fingerprint::of(b"certificate");
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
