//! TLS between two of our own sockets.

use std::io::Write as _;

use sipsimple_core::sip::Text;
use sipsimple_core::transport::{CertificateChain, Fingerprint, TlsInfo, TlsPolicy};

use super::pki::Pki;
use super::*;

fn settings(pki: &Pki, identities: &[(&'static str, std::path::PathBuf)]) -> TlsSettings {
    let identities = identities.iter().map(|(name, path)| (Text::from_static(name), path.clone())).collect();
    TlsSettings { ca_list: Some(pki.ca()), identities, timeout: Duration::from_secs(20), ..TlsSettings::default() }
}

fn security(identity: Option<&'static str>, server_name: Option<&'static str>, policy: TlsPolicy) -> Security {
    let (identity, server_name) = (identity.map(Text::from_static), server_name.map(Text::from_static));
    Security::Tls { identity, server_name, policy }
}

fn listening(identity: &'static str, policy: TlsPolicy) -> SocketKind {
    SocketKind::Listen(security(Some(identity), None, policy))
}

impl Bench {
    /// Opens a TLS connection; what the client and what the server learned, or why it failed.
    fn handshake(&mut self, to: SocketAddr, client: Security) -> [Result<TlsInfo, CloseCause>; 2] {
        let opened = ConnId::opened(0);
        let effect = Effect::Open { conn: opened, to, security: client, from: None };
        assert_eq!(self.network.execute(effect), None);
        let (mut ours, mut theirs) = (None, None);
        while ours.is_none() || theirs.is_none() {
            let (conn, news) = match self.next() {
                Input::Accepted { .. } => continue,
                Input::Certificate { identity, fingerprint } => {
                    self.renewed.push((identity, fingerprint));
                    continue;
                }
                Input::Stream { conn, event: ConnectionEvent::Open { tls, .. } } => (conn, Ok(tls.unwrap())),
                Input::Stream { conn, event: ConnectionEvent::Closed(cause) } => (conn, Err(cause)),
                other => panic!("unexpected: {other:?}"),
            };
            *(if conn == opened { &mut ours } else { &mut theirs }) = Some(news);
        }
        [ours.unwrap(), theirs.unwrap()]
    }
}

#[test]
fn chains_are_evaluated_and_handed_on_whatever_they_are_worth() {
    let pki = Pki::new();
    let names = ["example.com"];
    let identities = [
        ("good", pki.issue("good.pem", &names)),
        ("other", pki.issue("other.pem", &["other.example"])),
        ("expired", pki.expired("expired.pem", &names)),
        ("alone", pki.self_signed("alone.pem", &names)),
    ];
    for (identity, expected) in [
        ("good", CertificateChain::Trusted),
        // The name is the core's business.
        ("other", CertificateChain::Trusted),
        ("expired", CertificateChain::Untrusted("expired".into())),
        ("alone", CertificateChain::Untrusted("leads to no authority".into())),
    ] {
        for addr in [V4, V6] {
            let mut bench = Bench::with(settings(&pki, &identities));
            let to = bench.bind(0, listening(identity, TlsPolicy::Chain), addr);
            let client = security(Some(identity), Some("example.com"), TlsPolicy::Chain);
            let [server, client] = bench.handshake(to, client).map(Result::unwrap);
            assert_eq!(server.certificates, client.certificates, "{identity}");
            assert_eq!(server.certificates.len(), 1);
            for told in [server.chain, client.chain] {
                match (&told, &expected) {
                    (CertificateChain::Untrusted(why), CertificateChain::Untrusted(word)) => {
                        assert!(why.contains(word.as_str()), "{identity}: {why}");
                    }
                    (told, expected) => assert_eq!(told, expected, "{identity}"),
                }
            }
        }
    }
}

#[test]
fn clients_are_asked_for_a_certificate_only_where_it_matters_and_may_have_none() {
    let pki = Pki::new();
    let identities = [("good", pki.issue("good.pem", &["example.com"]))];
    for (policy, shows, expected) in [
        (TlsPolicy::None, Some("good"), CertificateChain::Missing),
        (TlsPolicy::Chain, None, CertificateChain::Missing),
        (TlsPolicy::Chain, Some("good"), CertificateChain::Trusted),
    ] {
        let mut bench = Bench::with(settings(&pki, &identities));
        let to = bench.bind(0, listening("good", policy), V4);
        let [_, theirs] = bench.handshake(to, security(shows, None, TlsPolicy::None));
        assert_eq!(theirs.unwrap().chain, expected);
    }
}

#[test]
fn a_server_without_a_certificate_opens_to_nobody() {
    let pki = Pki::new();
    let mut bench = Bench::with(settings(&pki, &[]));
    let to = bench.bind(0, SocketKind::Listen(security(None, None, TlsPolicy::None)), V4);
    for told in bench.handshake(to, security(None, Some("example.com"), TlsPolicy::None)) {
        assert!(matches!(told, Err(CloseCause::Tls(_))), "{told:?}");
    }
}

#[test]
fn a_certificate_that_is_renewed_in_its_file_is_shown_and_told() {
    let pki = Pki::new();
    let names = ["example.com"];
    let file = pki.issue("good.pem", &names);
    let mut bench = Bench::with(settings(&pki, &[("good", file.clone())]));
    let to = bench.bind(0, listening("good", TlsPolicy::None), V4);
    let described = bench.bind(1, listening("good", TlsPolicy::Fingerprint), V4);
    let shown = |bench: &mut Bench, to, policy| {
        let [server, _] = bench.handshake(to, security(None, Some("example.com"), policy));
        let server = server.unwrap();
        assert_eq!(server.chain == CertificateChain::Trusted, policy == TlsPolicy::Chain);
        Fingerprint::of(&server.certificates[0])
    };
    let first = shown(&mut bench, to, TlsPolicy::Chain);
    assert_eq!(shown(&mut bench, to, TlsPolicy::Chain), first);
    assert_eq!(bench.renewed, []);

    pki.issue("good.pem", &names);
    let second = shown(&mut bench, to, TlsPolicy::Chain);
    assert_ne!(second, first);
    assert_eq!(bench.renewed, [(Text::from_static("good"), second)]);
    // One that is not whole yet is none.
    std::fs::write(&file, "-----BEGIN CERTIFICATE-----\n").unwrap();
    assert_eq!(shown(&mut bench, to, TlsPolicy::Chain), second);

    // Who knows a fingerprint by a description is shown what that speaks of.
    pki.issue("good.pem", &names);
    assert_eq!(shown(&mut bench, described, TlsPolicy::Fingerprint), second);
    let third = shown(&mut bench, described, TlsPolicy::Fingerprint);
    assert_ne!(third, second);
    assert_eq!(bench.renewed[1..], [(Text::from_static("good"), third)]);
}

#[test]
fn authorities_that_are_renewed_in_their_file_are_trusted() {
    let (pki, stranger) = (Pki::new(), Pki::new());
    let mut bench = Bench::with(settings(&pki, &[("strange", stranger.issue("strange.pem", &["example.com"]))]));
    let to = bench.bind(0, listening("strange", TlsPolicy::None), V4);
    let client = security(None, Some("example.com"), TlsPolicy::Chain);
    let [before, _] = bench.handshake(to, client.clone());
    assert!(matches!(before.unwrap().chain, CertificateChain::Untrusted(_)));
    std::fs::copy(stranger.ca(), pki.ca()).unwrap();
    let [after, _] = bench.handshake(to, client);
    assert_eq!(after.unwrap().chain, CertificateChain::Trusted);
}

#[test]
fn files_that_cannot_be_used_are_told_when_they_are_needed() {
    let pki = Pki::new();
    let empty = pki.folder().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let identities = [
        ("missing", pki.folder().join("missing.pem")),
        ("empty", empty),
        ("keyless", pki.ca()),
        ("mismatched", pki.mismatched("mismatched.pem", &["example.com"])),
        ("good", pki.issue("good.pem", &["example.com"])),
    ];
    let mut bench = Bench::with(settings(&pki, &identities));
    for (identity, word) in
        [("missing", "missing.pem"), ("empty", "no certificate"), ("keyless", "no private key"), ("mismatched", "key")]
    {
        let socket = SocketId::from_u64(1);
        let (kind, port) = (listening(identity, TlsPolicy::None), Port::Random);
        let Some(Input::Socket { event: SocketEvent::Failed(CloseCause::Tls(why)), .. }) =
            bench.network.execute(Effect::Bind { socket, kind, addr: V4, port })
        else {
            panic!("{identity} is bound")
        };
        assert!(why.contains(word), "{identity}: {why}");
        let client = security(Some(identity), None, TlsPolicy::None);
        let (conn, to) = (ConnId::opened(0), "127.0.0.1:5061".parse().unwrap());
        let told = bench.network.execute(Effect::Open { conn, to, security: client, from: None });
        assert_eq!(told, Some(closed(conn, CloseCause::Tls(why))));
    }
    // The rest works.
    bench.bind(2, listening("good", TlsPolicy::None), V4);
    let mut settings = settings(&pki, &identities);
    settings.ca_list = Some(pki.folder().join("missing.pem"));
    let mut bench = Bench::with(settings);
    let (conn, to) = (ConnId::opened(0), "127.0.0.1:5061".parse().unwrap());
    let security = security(None, None, TlsPolicy::Chain);
    let told = bench.network.execute(Effect::Open { conn, to, security, from: None });
    assert!(matches!(told, Some(Input::Stream { event: ConnectionEvent::Closed(CloseCause::Tls(_)), .. })), "{told:?}");
}

/// A pair of protected connections.
fn protected() -> (Bench, ConnId, ConnId) {
    let pki = Pki::new();
    let mut bench = Bench::with(settings(&pki, &[("good", pki.issue("good.pem", &["example.com"]))]));
    let to = bench.bind(0, listening("good", TlsPolicy::None), V4);
    let told = bench.handshake(to, security(None, Some("example.com"), TlsPolicy::Chain));
    assert!(told.iter().all(Result::is_ok));
    (bench, ConnId::opened(0), ConnId::accepted(0))
}

#[test]
fn bytes_go_both_ways_and_the_end_is_said() {
    let (mut bench, ours, theirs) = protected();
    for (from, to) in [(ours, theirs), (theirs, ours)] {
        let data = vec![b'x'; 100_000];
        bench.write(from, &data);
        let (mut come, mut drained) = (0, 0);
        while come < data.len() || drained < data.len() {
            bench.network.grant(to, 1 << 20);
            match bench.next() {
                Input::Stream { conn, event: ConnectionEvent::Data(piece) } if conn == to => come += piece.len(),
                Input::Stream { conn, event: ConnectionEvent::Drained(len) } if conn == from => drained += len,
                other => panic!("unexpected: {other:?}"),
            }
        }
        assert_eq!((come, drained), (data.len(), data.len()));
    }
    assert_eq!(bench.close(ours, CloseHow::Flush), None);
    bench.network.grant(theirs, 10);
    let mut ends = [bench.next(), bench.next()];
    ends.sort_by_key(|input| matches!(input, Input::Stream { conn, .. } if *conn == theirs));
    assert_eq!(ends, [closed(ours, CloseCause::Local), closed(theirs, CloseCause::Peer)]);
}

#[test]
fn a_stream_that_is_cut_is_told_from_one_that_has_ended() {
    let pki = Pki::new();
    let mut bench = Bench::with(settings(&pki, &[("good", pki.issue("good.pem", &["example.com"]))]));
    let to = bench.bind(0, listening("good", TlsPolicy::None), V4);
    // A relay in between that closes as it likes.
    let relay = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let through = relay.local_addr().unwrap();
    let (cut, when) = std::sync::mpsc::channel::<()>();
    let relaying = std::thread::spawn(move || {
        let (mut near, _) = relay.accept().unwrap();
        let mut far = TcpStream::connect(to).unwrap();
        let (mut near_read, mut far_write) = (near.try_clone().unwrap(), far.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut near_read, &mut far_write));
        let near_write = near.try_clone().unwrap();
        std::thread::spawn(move || std::io::copy(&mut far, &mut { near_write }));
        when.recv().unwrap();
        near.flush().unwrap();
        near.shutdown(std::net::Shutdown::Both).unwrap();
    });
    assert!(bench.handshake(through, security(None, None, TlsPolicy::None)).iter().all(Result::is_ok));
    let ours = ConnId::opened(0);
    bench.network.grant(ours, 10);
    cut.send(()).unwrap();
    relaying.join().unwrap();
    let Input::Stream { conn, event: ConnectionEvent::Closed(CloseCause::Tls(why)) } = bench.next() else {
        panic!("not cut")
    };
    assert_eq!(conn, ours);
    assert!(why.contains("close_notify"), "{why}");
}

#[test]
fn a_handshake_that_takes_too_long_fails_and_so_does_nonsense() {
    let pki = Pki::new();
    let mut settings = settings(&pki, &[("good", pki.issue("good.pem", &["example.com"]))]);
    settings.timeout = Duration::from_millis(100);
    let mut bench = Bench::with(settings);
    let to = bench.bind(0, listening("good", TlsPolicy::None), V4);
    for (nonsense, word) in [(&b""[..], "too long"), (b"OPTIONS sip:bob@example.com SIP/2.0\r\n\r\n", "")] {
        let mut peer = TcpStream::connect(to).unwrap();
        peer.write_all(nonsense).unwrap();
        let Input::Accepted { conn, .. } = bench.next() else { panic!("not accepted") };
        let Input::Stream { conn: closed, event: ConnectionEvent::Closed(CloseCause::Tls(why)) } = bench.next() else {
            panic!("not closed")
        };
        assert_eq!(closed, conn);
        assert!(why.contains(word), "{why}");
    }
    // A server that never says anything.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (conn, to) = (ConnId::opened(0), silent.local_addr().unwrap());
    let security = security(None, None, TlsPolicy::None);
    assert_eq!(bench.network.execute(Effect::Open { conn, to, security, from: None }), None);
    let Input::Stream { event: ConnectionEvent::Closed(CloseCause::Tls(why)), .. } = bench.next() else {
        panic!("not closed")
    };
    assert!(why.contains("too long"), "{why}");
}
