//! A session that is accepted by way of the account's MSRP relay, which wants a password (RFC 4976).

use super::*;
use crate::agent::MsrpAccount;
use crate::settings::kind::MsrpTransport;
use crate::transport::{TlsConfig, TlsPolicy};

const CHAT: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.4\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\nm=message 2855 TCP/MSRP *\r\n\
                    a=path:msrp://192.0.2.4:2855/theirs;tcp\r\na=accept-types:*\r\n";

/// An agent with this TLS, whose account has this relay and thinks so of the certificates of servers; the session of a chat that came is accepted.
fn accepted(tls: Option<TlsConfig>, msrp: MsrpAccount, verify_server: Option<bool>, password: Option<&str>) -> Script {
    let mut script = Script::with(OURS, Config { tls, ..Config::default() });
    let spec = AccountSpec { any_user: true, msrp, verify_server, ..AccountSpec::new("sip:us@192.0.2.9") };
    script.intend(Intent::ChangeAccount { account: AccountId::from_u64(0), spec }).unwrap();
    let protected = script.agent.config.tls.is_some();
    let chat = if protected { CHAT.replace("TCP/", "TCP/TLS/").replace("msrp:", "msrps:") } else { CHAT.to_owned() };
    let invite = script.theirs("INVITE", 1, "", "Contact: <sip:them@192.0.2.4>\r\n", &chat);
    script.datagram(PEER, invite);
    let session = script.incoming();
    let streams = script.agent.session(script.now, session).unwrap().streams();
    script.intend(Intent::Accept { session, streams, relay_password: password.map(Into::into) }).unwrap();
    script
}

/// What AUTH says after the challenge of the relay, when the call is accepted with this password.
fn authorization(password: Option<&str>) -> Option<String> {
    let msrp = MsrpAccount {
        transport: MsrpTransport::Tcp,
        relay: Some("192.0.2.8;transport=tcp".parse().unwrap()),
        ..MsrpAccount::default()
    };
    let mut script = accepted(None, msrp, None, password);
    let (conn, to) = script.opened.pop().expect("a connection to the relay");
    assert_eq!(to, address("192.0.2.8:2855"));
    script.stream(conn, ConnectionEvent::Open { local: address("192.0.2.9:40000"), peer: to, tls: None });
    let auth = script.msrp.pop().expect("AUTH");
    let name = auth.split(' ').nth(1).unwrap().to_owned();
    let field = |name: &str| auth.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
    let (to, from) = (field("To-Path: "), field("From-Path: "));
    let challenge = format!(
        "MSRP {name} 401 Unauthorized\r\nTo-Path: {from}\r\nFrom-Path: {to}\r\n\
         WWW-Authenticate: Digest realm=\"relay\", nonce=\"n\", qop=\"auth\"\r\n-------{name}$\r\n"
    );
    script.stream(conn, ConnectionEvent::Data(challenge.into_bytes().into()));
    let again = script.msrp.pop()?;
    again.lines().find_map(|line| line.strip_prefix("Authorization: ")).map(str::to_owned)
}

#[test]
fn a_relay_may_have_a_password_of_its_own() {
    assert_eq!(authorization(None), None);
    let said = authorization(Some("hush")).expect("credentials");
    assert!(said.contains("username=\"us\"") && said.contains("realm=\"relay\""), "{said}");
    assert_ne!(authorization(Some("hush hush")), Some(said));
}

#[test]
fn an_account_says_for_itself_whether_its_relay_is_checked() {
    for (servers, verify_server, policy) in [
        (TlsPolicy::Chain, None, TlsPolicy::Chain),
        (TlsPolicy::Chain, Some(false), TlsPolicy::None),
        (TlsPolicy::None, None, TlsPolicy::None),
        (TlsPolicy::None, Some(true), TlsPolicy::Chain),
    ] {
        let msrp = MsrpAccount { relay: Some("192.0.2.8".parse().unwrap()), ..MsrpAccount::default() };
        let script = accepted(Some(TlsConfig { servers, ..TlsConfig::default() }), msrp, verify_server, None);
        assert_eq!(script.opened[0].1, address("192.0.2.8:2855"));
        let Security::Tls { policy: asked, .. } = &script.securities[0] else { panic!("it is not protected") };
        assert_eq!(*asked, policy, "{servers:?}, {verify_server:?}");
    }
}
