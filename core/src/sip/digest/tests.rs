//! The vectors, and which challenges are answered.

use serde_json::Value;

use super::space::{Space, Subject};
use super::*;
use crate::random::{Random, Seed};
use crate::sip::{
    Auth, Authorization, CSeq, HeaderName, Method, ProxyAuthorization, Request, Response, Text, Uri, WwwAuthenticate,
};

fn random() -> Random {
    Random::new(&Seed::from_u64(1))
}

fn challenge(text: &str) -> Auth {
    use crate::sip::Header;
    WwwAuthenticate::parse(&Text::from(text)).unwrap().0
}

#[test]
fn responses_are_those_of_the_vectors() {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../../../../vectors/digest/digest.json")).expect("JSON");
    assert_eq!(vectors.len(), 22);
    for vector in vectors {
        let text = |name: &str| vector.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut offer =
            format!(r#"Digest realm="{}", nonce="{}", algorithm={}"#, text("realm"), text("nonce"), text("alg"));
        if !text("qop").is_empty() {
            offer += &format!(r#", qop="{}""#, text("qop"));
        }
        if !text("userhash").is_empty() {
            offer += ", userhash=true";
        }
        let mut space = Space::new(&challenge(&offer), false, &mut random()).expect("a space");
        space.set_cnonce(&text("cnonce"));
        let (method, uri, body) = (text("method"), text("uri"), text("body"));
        let subject = Subject { method: &method, uri: &uri, body: body.as_bytes() };
        let credentials = Credentials::new(text("user"), text("pw"));
        let auth = space.credentials(&credentials, subject);
        assert_eq!(auth.params.get("response").unwrap(), text("response").as_str(), "{vector}");
        let username = if text("userhash").is_empty() { text("user") } else { text("userhash") };
        assert_eq!(auth.params.get("username").unwrap(), username.as_str());
        assert_eq!(auth.params.get("nc").is_some(), !text("qop").is_empty());
    }
}

fn request() -> Request {
    let uri: Uri = "sip:example.com".parse().unwrap();
    Request::build(Method::Register, &uri)
        .field(HeaderName::CallId, "c")
        .header(&CSeq::new(1, Method::Register))
        .finish()
        .unwrap()
}

fn response(code: u16, challenges: &[(HeaderName, &str)]) -> Response {
    let mut builder = Response::build(code, None);
    for (name, value) in challenges {
        builder = builder.field(*name, value);
    }
    builder.finish().unwrap()
}

fn www(text: &str) -> Response {
    response(401, &[(HeaderName::WwwAuthenticate, text)])
}

fn authenticator() -> Authenticator {
    Authenticator::new(Some(Credentials::new("alice", "secret")))
}

/// What a request carries for this authenticator now.
fn credentials(authenticator: &mut Authenticator) -> Vec<Auth> {
    let request = authenticator.authorize(&request(), None).unwrap();
    request.all::<Authorization>().flatten().map(|auth| auth.0).collect()
}

#[test]
fn a_nonce_is_counted_from_request_to_request() {
    let mut authenticator = authenticator();
    assert!(credentials(&mut authenticator).is_empty());
    let mut attempt = Attempt::default();
    let answer = www(r#"Digest realm="a", nonce="n", qop="auth", opaque="o""#);
    authenticator.challenged(&mut attempt, &request(), &answer, &mut random()).unwrap();
    for count in ["00000001", "00000002", "00000003"] {
        let auth = credentials(&mut authenticator).pop().unwrap();
        assert_eq!(auth.params.get("nc").unwrap(), count);
        assert_eq!((auth.opaque().unwrap().as_str(), auth.algorithm()), ("o", None));
    }
    authenticator
        .accepted(&response(200, &[(HeaderName::AuthenticationInfo, r#"nextnonce="m", qop=auth"#)]), &mut random());
    let auth = credentials(&mut authenticator).pop().unwrap();
    assert_eq!((auth.nonce().unwrap().as_str(), auth.params.get("nc").unwrap().as_str()), ("m", "00000001"));
}

#[test]
fn a_request_that_is_authorized_keeps_everything_else() {
    let uri: Uri = "sip:bob@example.com;transport=tcp".parse().unwrap();
    let plain = Request::build(Method::Invite, &uri)
        .field(HeaderName::CallId, "c")
        .header(&CSeq::new(7, Method::Invite))
        .other("X-Own", "1")
        .body("application/sdp", b"v=0\r\n")
        .finish()
        .unwrap();
    let mut authenticator = authenticator();
    let answer = response(407, &[(HeaderName::ProxyAuthenticate, r#"Digest realm="p", nonce="n", qop="auth-int""#)]);
    authenticator.challenged(&mut Attempt::default(), &plain, &answer, &mut random()).unwrap();
    let sent = authenticator.authorize(&plain, Some(8)).unwrap();
    assert_eq!((sent.uri_text(), sent.body()), (plain.uri_text(), plain.body()));
    assert_eq!(sent.cseq().unwrap(), CSeq::new(8, Method::Invite));
    assert_eq!(sent.text(HeaderName::ContentType).unwrap().unwrap(), "application/sdp");
    assert_eq!(sent.other("X-Own").collect::<Vec<_>>(), [b"1"]);
    let auth = sent.all::<ProxyAuthorization>().next().unwrap().unwrap();
    assert_eq!(auth.params.get("uri").unwrap(), "sip:bob@example.com;transport=tcp");
    assert_eq!(auth.qop().unwrap(), "auth-int");
    let again = authenticator.authorize(&sent, Some(9)).unwrap();
    assert_eq!(again.all::<ProxyAuthorization>().count(), 1);
}

#[test]
fn the_first_challenge_that_is_understood_is_answered() {
    let mut authenticator = authenticator();
    let answer = response(
        401,
        &[
            (HeaderName::WwwAuthenticate, r#"Bearer realm="a""#),
            (HeaderName::WwwAuthenticate, r#"Digest realm="a", nonce="1", algorithm=SHA-1024"#),
            (HeaderName::WwwAuthenticate, r#"Digest realm="a", nonce="2", algorithm=SHA-256, qop="auth""#),
            (HeaderName::WwwAuthenticate, r#"Digest realm="a", nonce="3", algorithm=MD5, qop="auth""#),
            (HeaderName::WwwAuthenticate, r#"Digest realm="b", nonce="4", algorithm=MD5, qop="token,auth""#),
        ],
    );
    authenticator.challenged(&mut Attempt::default(), &request(), &answer, &mut random()).unwrap();
    let sent = credentials(&mut authenticator);
    let sent: Vec<_> = sent.iter().map(|auth| (auth.realm().unwrap(), auth.nonce().unwrap())).collect();
    assert_eq!(sent, [("a".into(), "2".into()), ("b".into(), "4".into())]);
}

#[test]
fn only_the_configured_realm_is_answered() {
    let mut credentials = Credentials::new("alice", "secret");
    credentials.realm = Some("home".into());
    let mut authenticator = Authenticator::new(Some(credentials));
    let mut challenged = |realm: &str| {
        let answer = www(&format!(r#"Digest realm="{realm}", nonce="n""#));
        authenticator.challenged(&mut Attempt::default(), &request(), &answer, &mut random())
    };
    assert_eq!(challenged("elsewhere"), Err(Refusal::NotUnderstood));
    assert_eq!(challenged("home"), Ok(()));
}

#[test]
fn a_challenge_after_credentials_is_a_refusal() {
    let mut authenticator = authenticator();
    let mut attempt = Attempt::default();
    let mut challenged = |nonce: &str, more: &str| {
        let answer = www(&format!(r#"Digest realm="a", nonce="{nonce}"{more}"#));
        authenticator.challenged(&mut attempt, &request(), &answer, &mut random())
    };
    assert_eq!(challenged("1", ""), Ok(()));
    assert_eq!(challenged("2", ""), Err(Refusal::Refused));
    assert_eq!(challenged("3", ", stale=true"), Ok(()));
    assert_eq!(challenged("4", ", stale=true"), Err(Refusal::Refused));
}

#[test]
fn the_nonce_that_the_request_carried_is_not_answered_again() {
    let mut authenticator = authenticator();
    let answer = www(r#"Digest realm="a", nonce="n", stale=true"#);
    authenticator.challenged(&mut Attempt::default(), &request(), &answer, &mut random()).unwrap();
    let sent = authenticator.authorize(&request(), None).unwrap();
    let mut attempt = Attempt::default();
    assert_eq!(authenticator.challenged(&mut attempt, &sent, &answer, &mut random()), Err(Refusal::Refused));
    // Another nonce than the one that an earlier request left: the server has forgotten that one.
    let other = www(r#"Digest realm="a", nonce="m""#);
    assert_eq!(authenticator.challenged(&mut attempt, &sent, &other, &mut random()), Ok(()));
    // A request that crossed the first challenge carried nothing.
    assert_eq!(authenticator.challenged(&mut Attempt::default(), &request(), &other, &mut random()), Ok(()));
}

#[test]
fn challenges_without_end_are_not_followed() {
    let mut authenticator = authenticator();
    let mut attempt = Attempt::default();
    let mut rounds = 0;
    let refusal = loop {
        let answer = www(&format!(r#"Digest realm="realm{rounds}", nonce="{rounds}""#));
        match authenticator.challenged(&mut attempt, &request(), &answer, &mut random()) {
            Ok(()) => rounds += 1,
            Err(refusal) => break refusal,
        }
    };
    assert_eq!((rounds, refusal), (2, Refusal::TooOften));
    // Of two spaces each may replace a stale nonce once; of many, not each.
    let mut attempt = Attempt::default();
    let many = |nonce: &str, stale: bool, realms: std::ops::Range<u32>| {
        let more = if stale { ", stale=true" } else { "" };
        let challenge = |realm: u32| format!(r#"Digest realm="realm{realm}", nonce="{nonce}"{more}"#);
        let builder = Response::build(401, None);
        let builder =
            realms.fold(builder, |builder, realm| builder.field(HeaderName::WwwAuthenticate, challenge(realm)));
        builder.finish().unwrap()
    };
    let mut go = |answer: &Response| authenticator.challenged(&mut attempt, &request(), answer, &mut random());
    assert_eq!(go(&many("a", false, 0..3)), Ok(()));
    assert_eq!(go(&many("b", true, 0..1)), Ok(()));
    assert_eq!(go(&many("b", true, 1..2)), Ok(()));
    assert_eq!(go(&many("b", true, 2..3)), Err(Refusal::TooOften));
    for realm in 0..100 {
        let answer = www(&format!(r#"Digest realm="{realm}", nonce="n""#));
        authenticator.challenged(&mut Attempt::default(), &request(), &answer, &mut random()).unwrap();
    }
    assert_eq!(credentials(&mut authenticator).len(), 8);
}

#[test]
fn hostile_challenges_are_not_understood() {
    let mut authenticator = authenticator();
    let long = "x".repeat(5000);
    for text in [
        r#"Digest realm="a""#.to_owned(),
        r#"Digest nonce="a""#.to_owned(),
        r#"Digest realm="a", nonce="n", qop="auth-conf""#.to_owned(),
        format!(r#"Digest realm="a", nonce="{long}""#),
        format!(r#"Digest realm="{long}", nonce="n""#),
        format!(r#"Digest realm="a", nonce="n", opaque="{long}""#),
    ] {
        let refused = authenticator.challenged(&mut Attempt::default(), &request(), &www(&text), &mut random());
        assert_eq!(refused, Err(Refusal::NotUnderstood), "{text:.60}");
    }
    let quotes = r#"Digest realm="a\"b", nonce="n\\", opaque="\"", algorithm=md5"#;
    authenticator.challenged(&mut Attempt::default(), &request(), &www(quotes), &mut random()).unwrap();
    let sent = credentials(&mut authenticator).pop().unwrap();
    assert_eq!(sent.realm().unwrap(), "a\"b");
    assert_eq!((sent.nonce().unwrap().as_str(), sent.opaque().unwrap().as_str()), ("n\\", "\""));
}

#[test]
fn without_credentials_nothing_is_answered() {
    let mut authenticator = Authenticator::new(None);
    let answer = www(r#"Digest realm="a", nonce="n""#);
    let refused = authenticator.challenged(&mut Attempt::default(), &request(), &answer, &mut random());
    assert_eq!(refused, Err(Refusal::NoCredentials));
}

#[test]
fn a_password_does_not_print() {
    let credentials = Credentials::new("alice", "hush");
    assert!(!format!("{credentials:?}").contains("hush"));
    let json = serde_json::to_string(&credentials).unwrap();
    assert_eq!(serde_json::from_str::<Credentials>(&json).unwrap(), credentials);
    let mut authenticator = Authenticator::new(Some(credentials));
    let answer = www(r#"Digest realm="a", nonce="n""#);
    authenticator.challenged(&mut Attempt::default(), &request(), &answer, &mut random()).unwrap();
    assert!(!format!("{authenticator:?}").contains("hush"));
}
