//! A session that is accepted by way of the account's MSRP relay, which wants a password (RFC 4976).

use super::*;
use crate::agent::MsrpAccount;
use crate::settings::kind::MsrpTransport;
use crate::transport::{TlsConfig, TlsPolicy};

const CHAT: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.4\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\nm=message 2855 TCP/MSRP *\r\n\
                    a=path:msrp://192.0.2.4:2855/theirs;tcp\r\na=accept-types:*\r\n";

/// A relay that is spoken to over TCP.
pub(super) fn over_tcp() -> MsrpAccount {
    let relay = Some("192.0.2.8;transport=tcp".parse().unwrap());
    MsrpAccount { transport: MsrpTransport::Tcp, relay, ..MsrpAccount::default() }
}

impl Script {
    /// The account has this relay, and thinks so of the certificates of servers; the session of a chat that comes is accepted. The connection to the relay.
    pub(super) fn chats(
        &mut self,
        msrp: MsrpAccount,
        verify_server: Option<bool>,
        password: Option<&str>,
    ) -> (ConnId, SocketAddr) {
        let protected = msrp.transport == MsrpTransport::Tls;
        let chat =
            if protected { CHAT.replace("TCP/", "TCP/TLS/").replace("msrp:", "msrps:") } else { CHAT.to_owned() };
        let spec = AccountSpec { any_user: true, msrp, verify_server, ..AccountSpec::new("sip:us@192.0.2.9") };
        self.intend(Intent::ChangeAccount { account: AccountId::from_u64(0), spec }).unwrap();
        let invite = self.theirs("INVITE", 1, "", "Contact: <sip:them@192.0.2.4>\r\n", &chat);
        self.datagram(PEER, invite);
        let session = self.incoming();
        let streams = self.agent.session(self.now, session).unwrap().streams();
        self.intend(Intent::Accept { session, streams, relay_password: password.map(Into::into) }).unwrap();
        *self.opened.last().expect("a connection to the relay")
    }
}

/// What AUTH says after the challenge of the relay, when the call is accepted with this password.
fn authorization(password: Option<&str>) -> Option<String> {
    let mut script = Script::new(OURS);
    let (conn, to) = script.chats(over_tcp(), None, password);
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
        let tls = Some(TlsConfig { servers, ..TlsConfig::default() });
        let mut script = Script::with(OURS, Config { tls, ..Config::default() });
        let (_, to) = script.chats(msrp, verify_server, None);
        assert_eq!(to, address("192.0.2.8:2855"));
        let Security::Tls { policy: asked, .. } = &script.securities[0] else { panic!("it is not protected") };
        assert_eq!(*asked, policy, "{servers:?}, {verify_server:?}");
    }
}
