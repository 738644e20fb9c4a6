//! A session that is accepted by way of the account's MSRP relay, which wants a password (RFC 4976).

use super::*;
use crate::agent::MsrpAccount;
use crate::settings::kind::MsrpTransport;

const CHAT: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.4\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\nm=message 2855 TCP/MSRP *\r\n\
                    a=path:msrp://192.0.2.4:2855/theirs;tcp\r\na=accept-types:*\r\n";

/// What AUTH says after the challenge of the relay, when the call is accepted with this password.
fn authorization(password: Option<&str>) -> Option<String> {
    let mut script = Script::new(OURS);
    let msrp = MsrpAccount {
        transport: MsrpTransport::Tcp,
        relay: Some("192.0.2.8;transport=tcp".parse().unwrap()),
        ..MsrpAccount::default()
    };
    let spec = AccountSpec { any_user: true, msrp, ..AccountSpec::new("sip:us@192.0.2.9") };
    script.intend(Intent::ChangeAccount { account: AccountId::from_u64(0), spec }).unwrap();
    let invite = script.theirs("INVITE", 1, "", "Contact: <sip:them@192.0.2.4>\r\n", CHAT);
    script.datagram(PEER, invite);
    let session = script.incoming();
    let streams = script.agent.session(script.now, session).unwrap().streams();
    script.intend(Intent::Accept { session, streams, relay_password: password.map(Into::into) }).unwrap();
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
