//! Each kind reads what it writes, and refuses the rest.

use std::fmt::Debug;

use proptest::prelude::*;

use super::super::kind::*;
use super::*;
use crate::sip::digest::Secret;
use crate::transport::Transport;

fn reads<T: Kind>(text: &str, written: &str) {
    let read = T::from_text(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(read.to_value().to_string(), written, "{text}");
    assert_eq!(T::from_value(&read.to_value()), Ok(read.clone()), "{text}");
    assert_eq!(T::from_text(written), Ok(read), "{text}");
}

fn refuses<T: Kind>(texts: &[&str]) {
    for text in texts {
        let error = T::from_text(text).expect_err(text);
        assert_eq!(error, BadValue { value: (*text).to_owned(), expected: T::expected() });
    }
}

#[test]
fn numbers() {
    reads::<u16>("5060", "5060");
    refuses::<u16>(&["", "-1", "65536", "5060 ", "a"]);
    reads::<Seconds>("90", "90");
    refuses::<Seconds>(&["-1", "1.5", "4294967296", "soon"]);
    reads::<Milliseconds>("0", "0");
    reads::<PortRange>("50000-50500", "50000-50500");
    reads::<PortRange>("7 - 7", "7-7");
    reads::<PortRange>("0-0", "0-0");
    refuses::<PortRange>(&["", "50000", "2-1", "0-1", "1-65536", "1-2-3", "-1"]);
    reads::<SampleRate>("48000", "48000");
    refuses::<SampleRate>(&["8000", "", "44"]);
    reads::<LogLevel>("0", "0");
    refuses::<LogLevel>(&["6", "-1", "", "all"]);
    assert_eq!(Seconds(2).duration().as_millis(), 2000);
    assert_eq!(Milliseconds(2).duration().as_millis(), 2);
}

#[test]
fn words() {
    for yes in ["true", "True", "YES", "on", "1"] {
        reads::<bool>(yes, "true");
    }
    for no in ["false", "no", "Off", "0"] {
        reads::<bool>(no, "false");
    }
    refuses::<bool>(&["", "2", "maybe"]);
    reads::<SrtpEncryption>("Optional", "optional");
    reads::<MsrpTransport>("TCP", "tcp");
    reads::<ConnectionModel>("acm", "acm");
    reads::<TlsProtocol>("tlsv1.3", "TLSv1.3");
    reads::<Transport>("TLS", "tls");
    refuses::<SrtpEncryption>(&["", "always"]);
    refuses::<TlsProtocol>(&["SSLv3", "TLSv1"]);
    refuses::<Transport>(&["sctp", ""]);
}

#[test]
fn names() {
    reads::<CodecName>("telephone-event", "telephone-event");
    refuses::<CodecName>(&["", "a b", "G722/8000", "a;b"]);
    reads::<DomainName>("sip2sip.info", "sip2sip.info");
    refuses::<DomainName>(&["", "192.0.2.1", "[::1]", "a b", "-a", "a..b"]);
    reads::<FilePath>("~/a b,c", "~/a b,c");
    refuses::<FilePath>(&["", "a\0b"]);
    reads::<XcapRoot>("https://xcap.example.org/xcap-root", "https://xcap.example.org/xcap-root");
    refuses::<XcapRoot>(&["", "ftp://a", "http://", "https:///a", "http://a b", "http://é", "x"]);
    let urn = "urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF";
    reads::<InstanceId>(urn, urn);
    refuses::<InstanceId>(&["", "urn:uuid:0", "urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFG", &urn[9..]]);
    reads::<AudioDevice>("system_default", "system_default");
    reads::<AudioDevice>("My, \"card\"", "My, \"card\"");
    assert_eq!(AudioDevice::from_text("system_default"), Ok(AudioDevice::SystemDefault));
    refuses::<AudioDevice>(&["", "a\nb"]);
    refuses::<NotEmpty>(&["", "a\r\nVia: x"]);
}

#[test]
fn addresses() {
    reads::<SipAddress>("alice@example.com", "alice@example.com");
    reads::<SipAddress>("sip:alice@example.com", "alice@example.com");
    reads::<SipAddress>("a=b;c?d%20@[2001:DB8::1]", "a=b;c?d%20@[2001:db8::1]");
    refuses::<SipAddress>(&[
        "",
        "alice",
        "@example.com",
        "alice@",
        "alice:pw@example.com",
        "a@b:5060",
        "a@b;lr",
        "a b@c",
        "a@b?c=d",
    ]);
    let alice: SipAddress = "alice@example.com".parse().unwrap();
    assert_eq!((alice.username(), alice.domain().to_string()), ("alice", "example.com".to_owned()));
    assert_eq!(crate::sip::Uri::Sip(alice.uri()).to_string(), "sip:alice@example.com");

    reads::<SipProxyAddress>("proxy.example.com", "proxy.example.com");
    reads::<SipProxyAddress>("proxy.example.com:5061;transport=TLS", "proxy.example.com:5061;transport=tls");
    reads::<SipProxyAddress>("2001:db8::1", "[2001:db8::1]");
    reads::<SipProxyAddress>("[2001:db8::1]:5070", "[2001:db8::1]:5070");
    let bad = [
        "",
        ":5060",
        "a:",
        "a:0",
        "a:65536",
        "a:+1",
        "a;transport=sctp",
        "a;lr",
        "a;transport",
        "a;transport=udp;lr",
        "a b",
    ];
    refuses::<SipProxyAddress>(&bad);
    let proxy = |text: &str| text.parse::<SipProxyAddress>().map(|proxy| (proxy.transport(), proxy.port())).unwrap();
    assert_eq!(proxy("a"), (Transport::Udp, 5060));
    assert_eq!(proxy("a;transport=tls"), (Transport::Tls, 5061));
    assert_eq!(proxy("a:7;transport=tcp"), (Transport::Tcp, 7));

    reads::<MsrpRelayAddress>("relay.example.com:2855;transport=tls", "relay.example.com");
    reads::<MsrpRelayAddress>("relay.example.com:1;transport=tcp", "relay.example.com:1;transport=tcp");
    refuses::<MsrpRelayAddress>(&["", "a;transport=udp"]);
    reads::<StunServer>("192.0.2.1:3478", "192.0.2.1");
    reads::<StunServer>("stun.example.com:19302", "stun.example.com:19302");
    refuses::<StunServer>(&["", "a:b", "a;transport=udp"]);
    reads::<Nameserver>("2001:db8::53", "[2001:db8::53]");
    reads::<Nameserver>("192.0.2.1:5353", "192.0.2.1:5353");
    refuses::<Nameserver>(&["", "ns.example.com", "192.0.2.1:0"]);
}

#[test]
fn lists_and_nothing() {
    reads::<Vec<Transport>>("tls,tcp , udp", "tls, tcp, udp");
    reads::<Vec<Transport>>("tls, TLS", "tls");
    reads::<Vec<Transport>>("", "");
    reads::<Option<Vec<StunServer>>>("", "");
    reads::<Option<u16>>("", "");
    reads::<Option<u16>>("1", "1");
    assert_eq!(Option::<u16>::from_text("x").unwrap_err().to_string(), "'x' is not a port, 0 to 65535");
    assert_eq!(Vec::<Transport>::from_text("udp, x").unwrap_err().value, "x");
    assert_eq!(u16::from_value(&Value::None).unwrap_err().to_string(), "'' is not a port, 0 to 65535");
    assert_eq!(u16::from_value(&Value::List(vec!["1".into(), "2".into()])).unwrap_err().value, "1, 2");
}

#[test]
fn a_password_shows_itself_nowhere() {
    let secret = Secret::from_text("hush").unwrap();
    let value = secret.to_value();
    assert_eq!(value.to_string(), "********");
    assert_eq!(Secret::from_value(&value), Ok(secret));
    let refused = Secret::from_value(&Value::List(vec!["hush".to_owned()])).unwrap_err();
    let told = serde_json::to_string(&Modified { old: Value::Secret("".into()), new: value.clone() }).unwrap();
    for shown in [format!("{value:?}"), refused.to_string(), told] {
        assert!(!shown.contains("hush"), "{shown}");
    }
}

fn round_trip<T: Kind>(value: &T) -> Result<(), TestCaseError> {
    prop_assert_eq!(&T::from_value(&value.to_value()).unwrap(), value);
    prop_assert_eq!(&T::from_text(&value.to_value().to_string()).unwrap(), value);
    Ok(())
}

/// Any text of these characters that is a `T`, and whatever else it may be.
fn texts<T>(characters: &'static str) -> impl Strategy<Value = T>
where
    T: std::str::FromStr + Debug,
{
    let characters: Vec<char> = characters.chars().collect();
    let text = proptest::collection::vec(proptest::sample::select(characters), 0..12);
    text.prop_filter_map("of another kind", |text| text.into_iter().collect::<String>().parse().ok())
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        address in texts::<SipAddress>("aB1@=%20;.-"),
        proxy in (texts::<DomainName>("aB1.-"), any::<Option<u16>>(), 0..4_usize),
        range in any::<(u16, u16)>(),
        server in any::<std::net::SocketAddr>(),
        codecs in proptest::collection::vec(texts::<CodecName>("aB1-"), 0..4),
        device in texts::<AudioDevice>("a \"\\,#=:"),
        root in texts::<String>("a/?#%"),
    ) {
        round_trip(&address)?;
        let (host, port, transport) = proxy;
        let transport = [None, Some(Transport::Udp), Some(Transport::Tcp), Some(Transport::Tls)][transport];
        round_trip(&SipProxyAddress { host: host.as_str().parse().unwrap(), port: port.filter(|port| *port != 0), transport })?;
        if let Some(range) = PortRange::new(range.0, range.1) {
            round_trip(&range)?;
        }
        if server.port() != 0 {
            round_trip(&StunServer { host: server.ip().into(), port: server.port() })?;
            round_trip(&MsrpRelayAddress { host: server.ip().into(), port: server.port(), transport: MsrpTransport::Tcp })?;
            let unscoped = std::net::SocketAddr::new(server.ip(), server.port());
            round_trip(&unscoped.to_string().parse::<Nameserver>().unwrap())?;
        }
        let mut once = codecs;
        once.sort();
        once.dedup();
        round_trip(&once)?;
        round_trip(&Some(once).filter(|codecs| !codecs.is_empty()))?;
        round_trip(&device)?;
        if let Ok(root) = format!("https://a{root}").parse::<XcapRoot>() {
            round_trip(&root)?;
        }
    }

    #[test]
    fn no_text_does_harm(text in any::<String>()) {
        let _ = (SipAddress::from_text(&text), SipProxyAddress::from_text(&text), MsrpRelayAddress::from_text(&text));
        let _ = (StunServer::from_text(&text), Nameserver::from_text(&text), PortRange::from_text(&text));
        let _ = (InstanceId::from_text(&text), XcapRoot::from_text(&text), Vec::<CodecName>::from_text(&text));
    }
}
