//! REFER and Replaces through the whole agent (RFC 3515, RFC 3891, RFC 5589; REF-1, RPL-1).

use super::*;
use crate::sip::{Method, ReferTo};

const THEM: &str = "sip:them@192.0.2.4";
const CONTACT: &str = "Contact: <sip:them@192.0.2.4>\r\n";

fn news(script: &Script) -> Vec<String> {
    let of_transfer = |name: &&'static str| name.starts_with("SIPSessionTransfer");
    script.names().into_iter().filter(of_transfer).map(|name| name["SIPSessionTransfer".len()..].to_owned()).collect()
}

/// A NOTIFY of the peer.
fn notify(script: &mut Script, cseq: u32, tag: &str, state: &str, status: &str) {
    let headers = format!("{CONTACT}Event: refer\r\nSubscription-State: {state}\r\n");
    let notify = script.theirs("NOTIFY", cseq, tag, &headers, &format!("SIP/2.0 {status}\r\n"));
    script.datagram(PEER, notify.replace("application/sdp", "message/sipfrag"));
}

#[test]
fn a_blind_transfer_is_told_of_and_ends_the_session() {
    let mut script = Script::new(OURS);
    let (session, tag) = script.established(THEM);
    let transfer = Intent::Transfer { session, target: "sip:carol@192.0.2.7".into(), replaced: None };
    script.intend(transfer.clone()).unwrap();
    assert_eq!(script.intend(transfer), Err(SessionError::TransferPending.into()));
    let (_, refer) = script.request().unwrap();
    assert_eq!(refer.method(), &Method::Refer);
    assert_eq!(refer.get::<ReferTo>().unwrap().unwrap().to_string(), "<sip:carol@192.0.2.7>");
    assert!(refer.has(HeaderName::ReferredBy) && refer.has(HeaderName::Contact));
    script.respond(&refer, 202, THEM, "");
    notify(&mut script, 2, &tag, "active;expires=60", "100 Trying");
    notify(&mut script, 3, &tag, "active;expires=60", "180 Ringing");
    notify(&mut script, 4, &tag, "terminated;reason=noresource", "200 OK");
    assert_eq!(news(&script), ["NewOutgoing", "DidStart", "GotProgress", "GotProgress", "GotProgress", "DidEnd"]);
    let sent: Vec<_> = std::iter::from_fn(|| script.request()).collect();
    let (_, bye) = sent.last().unwrap();
    assert_eq!(bye.method(), &Method::Bye);
    script.respond(bye, 200, "", "");
    script.pass(Duration::from_secs(60));
    assert!(script.agent.is_quiescent());
}

#[test]
fn a_challenged_transfer_is_asked_for_again_with_credentials() {
    let mut script = Script::new(OURS);
    let credentials = Some(crate::sip::digest::Credentials::new("alice", "secret"));
    let spec = AccountSpec { credentials, ..AccountSpec::new("sip:alice@192.0.2.4") };
    let Outcome::Account(account) = script.intend(Intent::AddAccount(spec)).unwrap() else { panic!("no account") };
    let connect = Intent::Connect {
        account,
        to: "sip:them@example.com".into(),
        routes: vec!["udp:192.0.2.7:5060".parse().unwrap()],
        streams: vec![StreamSpec::Audio(AudioSpec::default())],
        late_offer: false,
    };
    let Outcome::Session(session) = script.intend(connect).unwrap() else { panic!("no session") };
    let (_, invite) = script.request().unwrap();
    script.respond(&invite, 200, THEM, OFFER);
    script.request().unwrap();
    script.intend(Intent::Transfer { session, target: "sip:carol@192.0.2.7".into(), replaced: None }).unwrap();
    let (_, refer) = script.request().unwrap();
    let challenge = Response::reply(&refer, 407, None, Some("them"), None)
        .field(HeaderName::ProxyAuthenticate, r#"Digest realm="x", nonce="n", qop="auth""#)
        .finish()
        .unwrap();
    script.datagram(PEER, challenge.bytes().to_vec());
    let (_, again) = script.request().unwrap();
    assert_eq!(again.method(), &Method::Refer);
    assert!(again.has(HeaderName::ProxyAuthorization));
    assert_eq!(news(&script), ["NewOutgoing"]);
    script.respond(&again, 202, THEM, "");
    assert_eq!(news(&script), ["NewOutgoing", "DidStart"]);
}

#[test]
fn a_transfer_that_fails_leaves_the_session() {
    let mut script = Script::new(OURS);
    let (session, tag) = script.established(THEM);
    for (code, expected) in [(603, ["NewOutgoing", "DidFail"]), (481, ["NewOutgoing", "DidFail"])] {
        script.events.clear();
        script.intend(Intent::Transfer { session, target: "sip:carol@h".into(), replaced: None }).unwrap();
        let (_, refer) = script.request().unwrap();
        script.respond(&refer, code, "", "");
        assert_eq!(news(&script), expected);
    }
    script.events.clear();
    script.intend(Intent::Transfer { session, target: "sip:carol@h".into(), replaced: None }).unwrap();
    let (_, refer) = script.request().unwrap();
    script.respond(&refer, 202, THEM, "");
    script.pass(Duration::from_secs(91));
    assert_eq!(news(&script), ["NewOutgoing", "DidStart", "DidFail"]);
    let bye = script.theirs("BYE", 9, &tag, "", "");
    script.datagram(PEER, bye);
    assert!(script.names().contains(&"SIPSessionDidEnd"));
}

#[test]
fn an_attended_transfer_names_the_other_dialog_as_its_peer_sees_it() {
    let mut script = Script::new(OURS);
    let (session, _) = script.established(THEM);
    let other = script.connect("udp:192.0.2.7:5060");
    let (_, invite) = script.request().unwrap();
    script.respond(&invite, 200, "sip:carol@192.0.2.7", OFFER);
    script.request().unwrap();
    script.intend(Intent::Transfer { session, target: "sip:carol@192.0.2.7".into(), replaced: Some(other) }).unwrap();
    let (_, refer) = script.request().unwrap();
    let target = crate::transfer::ReferTarget::read(&refer).unwrap();
    let replaces = target.replaces.unwrap();
    assert_eq!(replaces.call_id, *invite.call_id().unwrap());
    assert_eq!(replaces.receivers_tag(), Some("them"));
    assert_eq!(replaces.others_tag(), invite.from().unwrap().tag());
}

/// A session whose peer asks us to call somebody; the REFER's answer is still to come.
fn referred(headers: &str) -> (Script, SessionId, String) {
    let mut script = Script::new(OURS);
    let (session, tag) = script.established(THEM);
    let headers =
        format!("{CONTACT}Refer-To: <sip:carol@192.0.2.7?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n{headers}");
    let refer = script.theirs("REFER", 2, &tag, &headers, "");
    script.datagram(PEER, refer);
    (script, session, tag)
}

fn accept(session: SessionId) -> Intent {
    let streams = vec![StreamSpec::Audio(AudioSpec::default())];
    Intent::AcceptTransfer { session, routes: vec!["udp:192.0.2.7:5060".parse().unwrap()], streams }
}

fn notified(script: &mut Script) -> Vec<(String, String)> {
    let sent: Vec<_> = std::iter::from_fn(|| script.request()).map(|(_, request)| request).collect();
    let mut found = Vec::new();
    for notify in sent.into_iter().filter(|request| *request.method() == Method::Notify) {
        let state = notify.text(HeaderName::SubscriptionState).unwrap().unwrap();
        found.push((state.to_string(), String::from_utf8_lossy(&notify.body()).trim().to_owned()));
        script.respond(&notify, 200, "", "");
    }
    found
}

#[test]
fn a_transfer_is_followed_and_the_referrer_told() {
    let (mut script, session, _) = referred("Referred-By: <sip:them@example.com>\r\n");
    assert_eq!(news(&script), ["NewIncoming"]);
    assert!(script.codes().is_empty());
    let Ok(Outcome::Session(new)) = script.intend(accept(session)) else { panic!("no session") };
    // 202, the first NOTIFY, and the INVITE, whatever their order.
    let sent: Vec<_> = std::mem::take(&mut script.sent).into();
    let accepted =
        sent.iter().any(|(_, message)| matches!(message, Message::Response(response) if response.code() == 202));
    assert!(accepted);
    let requests: Vec<Request> = sent
        .into_iter()
        .filter_map(|(_, message)| match message {
            Message::Request(request) => Some(request),
            Message::Response(_) => None,
        })
        .collect();
    let invite = requests.iter().find(|request| *request.method() == Method::Invite).unwrap().clone();
    assert_eq!(invite.uri().unwrap().to_string(), "sip:carol@192.0.2.7");
    assert_eq!(invite.text(HeaderName::Replaces).unwrap().as_deref(), Some("x;to-tag=1;from-tag=2"));
    assert_eq!(invite.text(HeaderName::ReferredBy).unwrap().as_deref(), Some("<sip:them@example.com>"));
    let first = requests.iter().find(|request| *request.method() == Method::Notify).unwrap();
    assert_eq!(first.text(HeaderName::SubscriptionState).unwrap().as_deref(), Some("active;expires=180"));
    script.respond(first, 200, "", "");

    script.respond(&invite, 180, "sip:carol@192.0.2.7", "");
    assert_eq!(notified(&mut script), [("active;expires=180".to_owned(), "SIP/2.0 180 Ringing".to_owned())]);
    script.respond(&invite, 200, "sip:carol@192.0.2.7", OFFER);
    let told = notified(&mut script);
    assert_eq!(told, [("terminated;reason=noresource".to_owned(), "SIP/2.0 200 OK".to_owned())]);
    assert_eq!(news(&script), ["NewIncoming", "DidStart", "GotProgress", "GotProgress", "DidEnd"]);
    // The referrer is told, so the old session ends.
    let (_, bye) = script.request().unwrap();
    assert_eq!(bye.method(), &Method::Bye);
    script.respond(&bye, 200, "", "");
    assert!(script.agent.session(script.now, session).is_none());
    assert!(script.agent.session(script.now, new).is_some());
}

#[test]
fn what_fails_is_told_and_the_session_goes_on() {
    let (mut script, session, _) = referred("");
    script.intend(accept(session)).unwrap();
    let requests: Vec<_> = std::iter::from_fn(|| script.request()).map(|(_, request)| request).collect();
    let by = |method: Method| requests.iter().find(|request| *request.method() == method).unwrap();
    script.respond(by(Method::Notify), 200, "", "");
    script.respond(by(Method::Invite), 486, "", "");
    let told = notified(&mut script);
    assert_eq!(told, [("terminated;reason=noresource".to_owned(), "SIP/2.0 486 Busy Here".to_owned())]);
    assert_eq!(news(&script).last().map(String::as_str), Some("DidFail"));
    assert!(script.agent.session(script.now, session).is_some());
}

#[test]
fn a_transfer_is_refused_or_nobody_decides() {
    let (mut script, session, tag) = referred("");
    let again = script.theirs("REFER", 3, &tag, &format!("{CONTACT}Refer-To: <sip:d@h>\r\n"), "");
    script.datagram(PEER, again);
    assert_eq!(script.codes(), [491]);
    script.intend(Intent::RejectTransfer { session, code: 603 }).unwrap();
    assert_eq!(script.codes(), [603]);
    assert_eq!(script.intend(Intent::RejectTransfer { session, code: 603 }), Err(SessionError::NoTransfer.into()));
    for (headers, code) in [("", 400), ("Refer-To: <http://h>\r\n", 416)] {
        let bad = script.theirs("REFER", 4, &tag, &format!("{CONTACT}{headers}"), "");
        script.datagram(PEER, bad);
        assert_eq!(script.codes(), [code]);
    }
    let (mut script, ..) = referred("");
    script.pass(Duration::from_secs(20));
    assert_eq!(script.codes(), [480]);
    assert_eq!(news(&script), ["NewIncoming", "DidFail"]);
}

/// RFC 3515 section 2.4.6: all but the first subscription of a dialog are named by the number of their REFER.
#[test]
fn the_second_transfer_of_a_session_has_a_name() {
    let (mut script, session, tag) = referred("");
    script.intend(Intent::RejectTransfer { session, code: 603 }).unwrap();
    assert_eq!(script.codes(), [603]);
    let refer = script.theirs("REFER", 3, &tag, &format!("{CONTACT}Refer-To: <sip:carol@192.0.2.7>\r\n"), "");
    script.datagram(PEER, refer);
    script.intend(accept(session)).unwrap();
    let requests: Vec<_> = std::iter::from_fn(|| script.request()).map(|(_, request)| request).collect();
    let notify = requests.iter().find(|request| *request.method() == Method::Notify).unwrap();
    assert_eq!(notify.text(HeaderName::Event).unwrap().as_deref(), Some("refer;id=3"));
}

#[test]
fn with_the_session_a_transfer_ends_once() {
    // Nobody has decided: what waits is answered with 487 (RFC 3261 section 15.1.2).
    let (mut script, _, tag) = referred("");
    let bye = script.theirs("BYE", 3, &tag, "", "");
    script.datagram(PEER, bye);
    assert_eq!(script.codes(), [200, 487]);
    assert_eq!(news(&script), ["NewIncoming", "DidFail"]);
    assert_eq!(script.names().last(), Some(&"SIPSessionDidEnd"));

    // While our BYE is under way nobody could be told any more.
    let (mut script, session, _) = referred("");
    script.intend(Intent::End { session }).unwrap();
    let (_, bye) = script.request().unwrap();
    assert_eq!(script.intend(accept(session)), Err(SessionError::NoTransfer.into()));
    assert!(script.sent.is_empty());
    script.respond(&bye, 200, "", "");
    assert_eq!(script.codes(), [487]);
    assert_eq!(news(&script), ["NewIncoming", "DidFail"]);

    // The new call goes on for itself, and what becomes of it is not told of the old one.
    let (mut script, session, tag) = referred("");
    script.intend(accept(session)).unwrap();
    let requests: Vec<_> = std::iter::from_fn(|| script.request()).map(|(_, request)| request).collect();
    let bye = script.theirs("BYE", 3, &tag, "", "");
    script.datagram(PEER, bye);
    let invite = requests.iter().find(|request| *request.method() == Method::Invite).unwrap();
    script.respond(invite, 486, "", "");
    assert_eq!(news(&script), ["NewIncoming", "DidStart", "DidFail"]);
}

#[test]
fn without_a_subscription_nothing_is_notified() {
    let (mut script, session, _) = referred("Refer-Sub: false\r\n");
    script.intend(accept(session)).unwrap();
    let sent: Vec<_> = std::mem::take(&mut script.sent).into();
    let answered = sent.iter().any(|(_, message)| match message {
        Message::Response(response) => response.text(HeaderName::ReferSub).unwrap().as_deref() == Some("false"),
        Message::Request(request) => {
            assert_ne!(request.method(), &Method::Notify);
            false
        }
    });
    assert!(answered);
}

/// The same message, of somebody else in another call.
fn of_carol(message: &str, call: &str) -> String {
    message.replace("\r\nCall-ID: c\r\n", &format!("\r\nCall-ID: {call}\r\n")).replace(";tag=them", ";tag=carol")
}

/// An INVITE of somebody else with these headers, in this call; its answer.
fn replacing(script: &mut Script, call: &str, headers: &str) -> Option<u16> {
    let invite = script.theirs("INVITE", 1, "", &format!("{CONTACT}{headers}"), OFFER);
    script.datagram("192.0.2.7:5060", of_carol(&invite, call));
    script.answers().pop().map(|(code, _)| code)
}

#[test]
fn an_invite_takes_the_place_of_the_session_that_it_names() {
    let mut script = Script::new(OURS);
    let (session, tag) = script.established(THEM);
    let ours = tag.trim_start_matches(";tag=");
    assert_eq!(replacing(&mut script, "bad1", &format!("Replaces: c;to-tag={ours};from-tag=nobody\r\n")), Some(481));
    assert_eq!(replacing(&mut script, "bad2", &format!("Replaces: c;to-tag=them;from-tag={ours}\r\n")), Some(481));
    let good = format!("Replaces: c;to-tag={ours};from-tag=them\r\n");
    assert_eq!(replacing(&mut script, "bad3", &format!("{good}{good}")), Some(400));
    assert_eq!(replacing(&mut script, "bad4", &format!("{good}Join: c;to-tag={ours};from-tag=them\r\n")), Some(400));
    assert_eq!(replacing(&mut script, "bad5", "Replaces: c;to-tag=x\r\n"), Some(400));
    assert_eq!(replacing(&mut script, "bad6", &good.replace("\r\n", ";early-only\r\n")), Some(486));
    // Whatever was refused, the session is as it was.
    assert!(script.request().is_none() && script.agent.session(script.now, session).is_some());

    assert_eq!(replacing(&mut script, "other", &good), None);
    let new = script.incoming();
    let replaced = script.events.iter().rev().find_map(|event| match event {
        EventKind::Session { event: SessionEvent::NewIncoming { replaced, .. }, .. } => *replaced,
        _ => None,
    });
    assert_eq!(replaced, Some(session));
    script.accept(new);
    let (code, response) = script.answers().pop().unwrap();
    assert_eq!(code, 200);
    let to = format!(";tag={}", response.to().unwrap().tag().unwrap());
    let ack = script.theirs("ACK", 1, &to, "", "");
    script.datagram("192.0.2.7:5060", of_carol(&ack, "other"));
    let (_, bye) = script.request().unwrap();
    assert_eq!((bye.method(), bye.call_id().unwrap().as_str()), (&Method::Bye, "c"));
    // What is ending is not replaced any more.
    assert_eq!(replacing(&mut script, "third", &good), Some(603));
}

#[test]
fn an_early_dialog_is_replaced_only_if_it_is_ours() {
    let mut script = Script::new(OURS);
    let session = script.called(THEM);
    script.intend(Intent::SendRingIndication { session }).unwrap();
    let (_, ringing) = script.answers().pop().unwrap();
    let ours = ringing.to().unwrap().tag().unwrap().to_owned();
    assert_eq!(replacing(&mut script, "bad8", &format!("Replaces: c;to-tag={ours};from-tag=them\r\n")), Some(481));

    let mut script = Script::new(OURS);
    script.connect("udp:192.0.2.4:5060");
    let (_, invite) = script.request().unwrap();
    script.respond(&invite, 180, THEM, "");
    let (call_id, ours) = (invite.call_id().unwrap(), invite.from().unwrap().tag().unwrap().to_owned());
    assert_eq!(
        replacing(&mut script, "other", &format!("Replaces: {call_id};to-tag={ours};from-tag=them;early-only\r\n")),
        None
    );
    let new = script.incoming();
    script.accept(new);
    let (_, response) = script.answers().pop().unwrap();
    let to = format!(";tag={}", response.to().unwrap().tag().unwrap());
    let ack = script.theirs("ACK", 1, &to, "", "");
    script.datagram("192.0.2.7:5060", of_carol(&ack, "other"));
    let (_, cancel) = script.request().unwrap();
    assert_eq!(cancel.method(), &Method::Cancel);
}

/// A REFER of the peer outside of any dialog.
fn refer(script: &mut Script, headers: &str) {
    script.branches += 1;
    let text = format!(
        "REFER sip:us@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP {PEER};branch=z9hG4bKr{}\r\nMax-Forwards: 70\r\nFrom: <sip:them@192.0.2.4>;tag=r\r\n\
         To: <sip:us@192.0.2.9>\r\nCall-ID: refer\r\nCSeq: 7 REFER\r\n{CONTACT}{headers}Content-Length: 0\r\n\r\n",
        script.branches
    );
    script.datagram(PEER, text);
}

fn referral(script: &Script) -> crate::id::IncomingSubscriptionId {
    let of = |event: &EventKind| match event {
        EventKind::IncomingSubscription { id, .. } => Some(*id),
        _ => None,
    };
    script.events.iter().find_map(of).unwrap()
}

#[test]
fn a_refer_outside_of_any_dialog_is_followed_and_told_of() {
    let mut script = Script::new(OURS);
    refer(&mut script, "Refer-To: <sip:carol@192.0.2.7>\r\nReferred-By: <sip:them@192.0.2.4>\r\n");
    assert_eq!(script.names().last(), Some(&"SIPIncomingReferralGotRefer"));
    let subscription = referral(&script);
    let streams = vec![StreamSpec::Audio(AudioSpec::default())];
    let accept = Intent::AcceptRefer { subscription, routes: Vec::new(), streams };
    let Outcome::Session(_) = script.intend(accept.clone()).unwrap() else { panic!("no session") };
    assert!(matches!(script.intend(accept), Err(IntentError::Usage(UsageError::IllegalState(_)))));
    let (codes, sent) = script.codes_and_requests();
    assert_eq!(codes, [202]);
    let of = |method: &Method| sent.iter().find(|request| request.method() == method).unwrap().clone();
    let (invite, notify) = (of(&Method::Invite), of(&Method::Notify));
    assert!(invite.has(HeaderName::ReferredBy) && invite.uri_text() == "sip:carol@192.0.2.7");
    assert_eq!(&notify.body()[..], b"SIP/2.0 100 Trying\r\n");
    script.respond(&notify, 200, "", "");
    script.respond(&invite, 180, "sip:carol@192.0.2.7", "");
    let (_, ringing) = script.request().unwrap();
    assert_eq!(&ringing.body()[..], b"SIP/2.0 180 Ringing\r\n");
    script.respond(&ringing, 200, "", "");
    script.respond(&invite, 486, "", "");
    let told: Vec<Request> = std::iter::from_fn(|| script.request()).map(|(_, request)| request).collect();
    let last = told.iter().find(|request| *request.method() == Method::Notify).unwrap();
    assert_eq!(last.text(HeaderName::SubscriptionState).unwrap().unwrap(), "terminated;reason=noresource");
    assert_eq!(&last.body()[..], b"SIP/2.0 486 Busy Here\r\n");
    script.respond(last, 200, "", "");
    script.pass(Duration::from_secs(60));
    assert!(script.agent.is_quiescent() && script.agent.owners.is_empty());
}

#[test]
fn a_refer_outside_of_any_dialog_is_refused() {
    let mut script = Script::new(OURS);
    refer(&mut script, "Refer-To: <sip:carol@192.0.2.7>\r\n");
    // The same by another way.
    refer(&mut script, "Refer-To: <sip:carol@192.0.2.7>\r\n");
    assert_eq!(script.codes(), [482]);
    let reject = Intent::RejectSubscription { subscription: referral(&script), code: 603, reason: None };
    script.intend(reject).unwrap();
    assert_eq!(script.codes(), [603]);
    script.pass(Duration::from_secs(60));
    assert!(script.request().is_none() && script.agent.is_quiescent());
    for (headers, code) in [("", 400), ("Refer-To: <sip:a@b>\r\nRefer-To: <sip:c@d>\r\n", 400)] {
        refer(&mut script, headers);
        assert_eq!(script.codes(), [code]);
        script.pass(Duration::from_secs(60));
    }
    // Only a REFER makes such a subscription.
    let subscribe = script.theirs("SUBSCRIBE", 1, "", "Event: refer\r\nContact: <sip:them@192.0.2.4>\r\n", "");
    script.datagram(PEER, subscribe);
    assert_eq!(script.codes(), [403]);
}

#[test]
fn a_focus_is_asked_to_invite_somebody() {
    let mut script = Script::new(OURS);
    let intent = |subscription| Intent::Refer {
        account: AccountId::from_u64(0),
        to: "sip:room@192.0.2.4".into(),
        target: "sip:carol@192.0.2.7".into(),
        subscription,
        routes: Vec::new(),
    };
    script.intend(intent(true)).unwrap();
    let (_, refer) = script.request().unwrap();
    assert_eq!(refer.method(), &Method::Refer);
    assert_eq!(refer.get::<ReferTo>().unwrap().unwrap().to_string(), "<sip:carol@192.0.2.7>");
    assert!(refer.has(HeaderName::Contact) && refer.has(HeaderName::ReferredBy) && !refer.has(HeaderName::Event));
    script.respond(&refer, 202, "sip:room@192.0.2.4", "");
    let told = |script: &mut Script, cseq: u32, event: &str, state: &str, status: &str| {
        script.branches += 1;
        let body = format!("SIP/2.0 {status}\r\n");
        let text = format!(
            "NOTIFY sip:us@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP {PEER};branch=z9hG4bKn{}\r\nMax-Forwards: 70\r\nFrom: <sip:room@192.0.2.4>;tag=them\r\n\
             To: {}\r\nCall-ID: {}\r\nCSeq: {cseq} NOTIFY\r\n{CONTACT}Event: {event}\r\nSubscription-State: {state}\r\n\
             Content-Type: message/sipfrag\r\nContent-Length: {}\r\n\r\n{body}",
            script.branches,
            refer.from().unwrap(),
            refer.call_id().unwrap(),
            body.len()
        );
        script.datagram(PEER, text);
        script.codes()
    };
    let numbered = format!("refer;id={}", refer.cseq().unwrap().number);
    assert_eq!(told(&mut script, 1, &numbered, "active;expires=60", "100 Trying"), [200]);
    assert_eq!(told(&mut script, 2, "refer;id=1", "active;expires=60", "100 Trying"), [481]);
    script.pass(Duration::from_secs(31));
    let (_, refresh) = script.request().unwrap();
    assert_eq!(refresh.method(), &Method::Subscribe);
    assert_eq!(refresh.text(HeaderName::Event).unwrap().unwrap(), "refer");
    script.respond(&refresh, 200, "sip:room@192.0.2.4", "");
    assert_eq!(told(&mut script, 3, "refer", "terminated;reason=noresource", "200 OK"), [200]);
    let names = script.names();
    assert_eq!(names.iter().filter(|name| **name == "SIPSubscriptionGotNotify").count(), 2);
    assert_eq!(names.last(), Some(&"SIPSubscriptionDidEnd"));

    // Nobody wants to know what comes of it.
    script.intend(intent(false)).unwrap();
    let (_, refer) = script.request().unwrap();
    assert_eq!(refer.text(HeaderName::ReferSub).unwrap().unwrap(), "false");
    let answer = Response::reply(&refer, 202, None, Some("them"), None);
    let answer = answer.field(HeaderName::ReferSub, "false").field(HeaderName::Contact, "<sip:room@192.0.2.4>");
    script.datagram(PEER, answer.finish().unwrap().bytes().to_vec());
    assert_eq!(script.names().last(), Some(&"SIPSubscriptionDidEnd"));
    script.pass(Duration::from_secs(60));
    assert!(script.agent.is_quiescent());
}

#[test]
fn the_outcome_of_a_refer_inside_a_call_is_subscribed_to_for_longer() {
    let mut script = Script::new(OURS);
    let (session, tag) = script.established(THEM);
    let refer = script.theirs("REFER", 2, &tag, &format!("{CONTACT}Refer-To: <sip:carol@192.0.2.7>\r\n"), "");
    script.datagram(PEER, refer);
    let streams = vec![StreamSpec::Audio(AudioSpec::default())];
    script.intend(Intent::AcceptTransfer { session, routes: Vec::new(), streams }).unwrap();
    let sent: Vec<Request> = std::iter::from_fn(|| script.request()).map(|(_, request)| request).collect();
    let notify = sent.iter().find(|request| *request.method() == Method::Notify).unwrap();
    script.respond(notify, 200, "", "");
    script.codes();
    let mut told = Vec::new();
    for (event, expires, code) in [("presence", 60, 481), ("refer;id=9", 60, 481), ("refer;id=2", 60, 200)] {
        let headers = format!("{CONTACT}Event: {event}\r\nExpires: {expires}\r\n");
        let cseq = if code == 200 {
            5
        } else if event == "presence" {
            3
        } else {
            4
        };
        let subscribe = script.theirs("SUBSCRIBE", cseq, &tag, &headers, "");
        script.datagram(PEER, subscribe);
        let (codes, requests) = script.codes_and_requests();
        assert_eq!((codes, requests.len()), (vec![code], usize::from(code == 200)), "{event}");
        told.extend(requests);
    }
    let notify = &told[0];
    assert_eq!(notify.text(HeaderName::SubscriptionState).unwrap().unwrap(), "active;expires=60");
    assert_eq!(&notify.body()[..], b"SIP/2.0 100 Trying\r\n");
}
