//! INFO and MESSAGE that the application sends inside the dialog of a call (RFC 6086, RFC 3428).

use super::*;
use crate::session::{Originator, SessionError};
use crate::sip::digest::Credentials;
use crate::sip::{CSeq, Method};
use crate::usage::Content;

const THEM: &str = "sip:them@192.0.2.4";

fn dtmf() -> Content {
    Content::new("application/dtmf-relay", "Signal=5\r\n")
}

/// What was told of transactions that this side began: method, code.
fn told(script: &Script) -> Vec<(String, u16)> {
    let of =
        |event: &EventKind| match event {
            EventKind::Session {
                event: SessionEvent::DidProcessTransaction { originator, method, code, .. }, ..
            } if *originator == Originator::Local => Some((method.to_string(), *code)),
            _ => None,
        };
    script.events.iter().filter_map(of).collect()
}

#[test]
fn each_is_sent_in_the_dialog_and_its_answer_told_once() {
    let mut script = Script::new(OURS);
    let (session, tag) = script.established(THEM);
    let info = Intent::SendInfo { session, package: None, content: Some(dtmf()) };
    script.intend(info.clone()).unwrap();
    assert_eq!(script.intend(info.clone()), Err(SessionError::RequestPending("INFO".into()).into()));
    let (_, sent) = script.request().unwrap();
    assert_eq!((sent.method(), sent.uri_text()), (&Method::Info, THEM.into()));
    assert_eq!(sent.to().unwrap().tag(), Some("them"));
    assert_eq!(format!(";tag={}", sent.from().unwrap().tag().unwrap()), tag);
    assert_eq!(&sent.body()[..], b"Signal=5\r\n");
    assert!(!sent.has(HeaderName::Contact) && sent.other("Info-Package").next().is_none());
    // A MESSAGE does not wait for it.
    let message = Intent::SendMessageInside { session, content: Content::new("text/plain", "hello") };
    script.intend(message.clone()).unwrap();
    let (_, second) = script.request().unwrap();
    assert_eq!(second.method(), &Method::Message);
    assert!(!second.has(HeaderName::Contact));
    let number = |request: &Request| request.get::<CSeq>().unwrap().unwrap().number;
    assert_eq!(number(&second), number(&sent) + 1);
    script.respond(&second, 202, "", "");
    script.respond(&sent, 100, "", "");
    assert_eq!(told(&script), [("MESSAGE".to_owned(), 202)]);
    script.respond(&sent, 415, "", "");
    script.respond(&sent, 415, "", "");
    assert_eq!(told(&script), [("MESSAGE".to_owned(), 202), ("INFO".to_owned(), 415)]);
    // The call goes on, also where nobody answers (RFC 5057).
    script.intend(info.clone()).unwrap();
    script.pass(Duration::from_secs(33));
    assert_eq!(told(&script).last(), Some(&("INFO".to_owned(), 408)));
    script.request();
    script.intend(message).unwrap();
    let (_, unknown) = std::iter::from_fn(|| script.request()).last().unwrap();
    script.respond(&unknown, 481, "", "");
    assert_eq!(told(&script).last(), Some(&("MESSAGE".to_owned(), 481)));
    assert!(!script.names().contains(&"SIPSessionWillEnd"));
    // What waits when the session ends is told before that.
    script.intend(info.clone()).unwrap();
    let (_, last) = script.request().unwrap();
    let bye = script.theirs("BYE", 2, &tag, "", "");
    script.datagram(PEER, bye);
    script.respond(&last, 200, "", "");
    assert_eq!(told(&script).iter().filter(|(method, _)| method == "INFO").count(), 3);
    assert_eq!(told(&script).last(), Some(&("INFO".to_owned(), 487)));
    assert_eq!(script.names().last(), Some(&"SIPSessionDidEnd"));
    assert_eq!(script.intend(info), Err(SessionError::Unknown(session).into()));
    script.pass(Duration::from_secs(64));
    assert!(script.agent.is_quiescent());
}

#[test]
fn a_package_is_sent_to_whom_it_is_of_use() {
    let mut script = Script::new(OURS);
    let invite = script.theirs("INVITE", 1, "", &format!("Contact: <{THEM}>\r\nRecv-Info: foo, bar;x=y\r\n"), OFFER);
    script.datagram(PEER, invite);
    let session = script.incoming();
    let info = |package: &str, content| Intent::SendInfo { session, package: Some(package.into()), content };
    let early = script.intend(info("bar", None));
    assert!(matches!(early, Err(IntentError::Session(SessionError::IllegalState { .. }))), "{early:?}");
    script.accept(session);
    let (_, response) = script.answers().pop().unwrap();
    let tag = format!(";tag={}", response.to().unwrap().tag().unwrap());
    let ack = script.theirs("ACK", 1, &tag, "", "");
    script.datagram(PEER, ack);
    assert_eq!(script.intend(info("quux", None)), Err(SessionError::UnknownPackage("quux".into()).into()));
    let broken = info("bar", Some(Content::new("text/plain\r\nX: y", "")));
    assert!(matches!(script.intend(broken), Err(IntentError::Session(SessionError::Unwritable(_)))));
    assert!(script.request().is_none());
    script.intend(info("Bar", Some(dtmf()))).unwrap();
    let (_, sent) = script.request().unwrap();
    assert_eq!(sent.other("Info-Package").next(), Some(&b"Bar"[..]));
    assert_eq!(sent.text(HeaderName::ContentDisposition).unwrap().unwrap(), "Info-Package");
    script.respond(&sent, 200, "", "");
    // What the peer says later takes the place of what it said.
    let update = script.theirs("UPDATE", 2, &tag, &format!("Contact: <{THEM}>\r\nRecv-Info:\r\n"), "");
    script.datagram(PEER, update);
    assert_eq!(script.intend(info("bar", None)), Err(SessionError::UnknownPackage("bar".into()).into()));
}

#[test]
fn one_that_is_challenged_is_sent_again_with_credentials() {
    let mut script = Script::new(OURS);
    let credentials = Some(Credentials::new("alice", "secret"));
    let spec = AccountSpec { credentials, ..AccountSpec::new("sip:alice@192.0.2.4") };
    let Outcome::Account(account) = script.intend(Intent::AddAccount(spec)).unwrap() else { panic!("no account") };
    let connect = Intent::Connect {
        account,
        to: "sip:them@example.com".into(),
        routes: vec!["udp:192.0.2.4:5060".parse().unwrap()],
        streams: vec![StreamSpec::Audio(AudioSpec::default())],
        late_offer: false,
    };
    let Outcome::Session(session) = script.intend(connect).unwrap() else { panic!("no session") };
    let (_, invite) = script.request().unwrap();
    script.respond(&invite, 200, THEM, OFFER);
    script.request().unwrap();
    script.intend(Intent::SendInfo { session, package: None, content: Some(dtmf()) }).unwrap();
    let (_, info) = script.request().unwrap();
    let challenge = Response::reply(&info, 407, None, Some("them"), None)
        .field(HeaderName::ProxyAuthenticate, r#"Digest realm="x", nonce="n", qop="auth""#)
        .finish()
        .unwrap();
    script.datagram(PEER, challenge.bytes().to_vec());
    let (_, again) = script.request().unwrap();
    assert!(again.has(HeaderName::ProxyAuthorization));
    assert_eq!(again.body(), info.body());
    assert!(told(&script).iter().all(|(method, _)| method != "INFO"));
    script.respond(&again, 200, "", "");
    assert_eq!(told(&script).last(), Some(&("INFO".to_owned(), 200)));
}
