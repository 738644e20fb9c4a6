//! Subscriptions both ways, publications, messages, and voice mail, through the whole agent.

use super::*;
use crate::notifier::NotifierEvent;
use crate::package::{Forking, Package};
use crate::payload::composing::State;
use crate::payload::versioned::Merge;
use crate::sip::digest::Credentials;
use crate::sip::{Authorization, Text};
use crate::subscription::{EventState, Notify, SubscriptionEvent};
use crate::usage::Content;

const FIRST: AccountId = AccountId::from_u64(0);

impl Script {
    /// One who notifies of the weather.
    fn forecaster() -> Self {
        let mut config = Config::default();
        config.packages.push(Package::new("weather", &["text/plain"], Forking::One).with_notifier());
        Self::with(OURS, config)
    }

    fn subscribe(&mut self, event: &str, expires: u32) -> Outcome {
        let intent = Intent::Subscribe {
            account: FIRST,
            to: "sip:them@192.0.2.4".into(),
            event: event.into(),
            expires: Some(expires),
            content: None,
            eventlist: false,
            persistent: false,
            routes: Vec::new(),
        };
        self.intend(intent).unwrap()
    }

    /// The peer answers a request of ours with these headers.
    fn reply(&mut self, request: &Request, code: u16, headers: &[(HeaderName, &str)]) {
        let mut builder = Response::reply(request, code, None, Some("them"), None);
        for (name, value) in headers {
            builder = builder.field(*name, value);
        }
        let response = builder.finish().unwrap();
        self.datagram(PEER, response.bytes().to_vec());
    }

    /// A NOTIFY of the peer inside what our SUBSCRIBE made.
    fn notify(&mut self, subscribe: &Request, cseq: u32, event: &str, state: &str, content: Option<(&str, &str)>) {
        self.notify_as(subscribe, "them", cseq, event, state, content);
    }

    /// The same, of the one with this tag.
    pub(super) fn notify_as(
        &mut self,
        subscribe: &Request,
        tag: &str,
        cseq: u32,
        event: &str,
        state: &str,
        content: Option<(&str, &str)>,
    ) {
        self.branches += 1;
        let (kind, body) = content.unwrap_or_default();
        let kind = if kind.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
        let text = format!(
            "NOTIFY sip:us@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP {PEER};branch=z9hG4bKn{}\r\nMax-Forwards: 70\r\n\
             From: <sip:them@192.0.2.4>;tag={tag}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} NOTIFY\r\nContact: <sip:them@192.0.2.4>\r\n\
             Event: {event}\r\nSubscription-State: {state}\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            self.branches,
            subscribe.from().unwrap(),
            subscribe.call_id().unwrap(),
            body.len()
        );
        self.datagram(PEER, text);
    }

    fn notifies(&self) -> Vec<&Notify> {
        let mut notifies = Vec::new();
        for event in &self.events {
            if let EventKind::Subscription { event: SubscriptionEvent::GotNotify(notify), .. } = event {
                notifies.push(notify.as_ref());
            }
        }
        notifies
    }

    /// A request of the peer that carries text.
    fn says(&mut self, method: &str, cseq: u32, to: &str, headers: &str, body: &str) -> String {
        self.theirs(method, cseq, to, headers, "")
            .replace("Content-Length: 0\r\n\r\n", &format!("Content-Length: {}\r\n\r\n{body}", body.len()))
    }
}

#[test]
fn a_subscription_lives_and_ends() {
    let mut script = Script::new(OURS);
    script.events.clear();
    let Outcome::Subscription(id) = script.subscribe("presence", 600) else { panic!("no subscription") };
    let (way, subscribe) = script.request().expect("a SUBSCRIBE");
    assert_eq!((way, subscribe.expires().unwrap()), (Way::Datagram(address(PEER)), Some(600)));
    let accept = subscribe.text(HeaderName::Accept).unwrap().unwrap();
    assert_eq!(
        accept.as_str(),
        "application/pidf+xml, application/pidf-diff+xml, application/rlmi+xml, multipart/related"
    );
    script.notify(&subscribe, 1, "presence", "active;expires=600", Some(("application/pidf+xml", "<presence/>")));
    assert_eq!(script.codes(), [200]);
    script.reply(&subscribe, 200, &[(HeaderName::Contact, "<sip:them@192.0.2.4>"), (HeaderName::Expires, "600")]);
    let names = [
        "SIPSubscriptionWillStart",
        "SIPSubscriptionChangedState",
        "SIPSubscriptionDidStart",
        "SIPSubscriptionChangedState",
        "SIPSubscriptionGotNotify",
    ];
    assert_eq!(script.names(), names);
    assert_eq!(script.notifies()[0].content, Some(Content::new("application/pidf+xml", "<presence/>")));
    script.pass(Duration::from_secs(570));
    let (_, refresh) = script.request().expect("a refresh");
    assert_eq!(refresh.to().unwrap().tag(), Some("them"));
    script.reply(&refresh, 200, &[(HeaderName::Expires, "600")]);
    script.notify(&subscribe, 2, "presence", "active;expires=600", None);
    script.pass(Duration::from_secs(40));
    assert!(script.agent.is_quiescent());
    script.events.clear();
    script.intend(Intent::EndSubscription(id)).unwrap();
    let (_, end) = script.request().expect("an end");
    assert_eq!(end.expires().unwrap(), Some(0));
    script.reply(&end, 200, &[(HeaderName::Expires, "0")]);
    script.notify(&subscribe, 3, "presence", "terminated;reason=timeout", None);
    let names =
        ["SCSubscriptionWillEnd", "SIPSubscriptionGotNotify", "SIPSubscriptionChangedState", "SIPSubscriptionDidEnd"];
    assert_eq!(script.names(), names);
    assert_eq!(script.intend(Intent::EndSubscription(id)), Err(UsageError::Unknown.into()));
    script.notify(&subscribe, 4, "presence", "active", None);
    assert_eq!(script.codes().last(), Some(&481));
    script.pass(Duration::from_secs(40));
    assert!(script.agent.is_quiescent() && script.agent.poll_timeout().is_none());
}

/// A notifier that does not know yet whether it allows it may have no last word.
#[test]
fn an_end_waits_two_seconds_for_the_last_word() {
    for state in ["pending", "active"] {
        let mut script = Script::new(OURS);
        let Outcome::Subscription(id) = script.subscribe("presence", 3600) else { panic!("no subscription") };
        let (_, subscribe) = script.request().unwrap();
        script.reply(&subscribe, 200, &[(HeaderName::Contact, "<sip:them@192.0.2.4>"), (HeaderName::Expires, "3600")]);
        script.notify(&subscribe, 1, "presence", state, None);
        script.intend(Intent::EndSubscription(id)).unwrap();
        let (_, unsubscribe) = script.request().unwrap();
        script.reply(&unsubscribe, 200, &[(HeaderName::Expires, "0")]);
        script.pass(Duration::from_millis(1900));
        assert_ne!(script.names().last(), Some(&"SIPSubscriptionDidEnd"), "{state}");
        script.pass(Duration::from_millis(200));
        assert_eq!(script.names().last(), Some(&"SIPSubscriptionDidEnd"), "{state}");
        script.pass(Duration::from_secs(40));
        assert!(script.agent.is_quiescent());
    }
}

/// A watcherinfo document of this version with these watchers.
fn watchers(version: u32, state: &str, ids: &[&str]) -> String {
    let watchers =
        ids.iter().map(|id| format!("<watcher id='{id}' status='active' event='subscribe'>sip:{id}@h</watcher>"));
    format!(
        "<watcherinfo xmlns='urn:ietf:params:xml:ns:watcherinfo' version='{version}' state='{state}'><watcher-list resource='sip:a@b' \
         package='presence'>{}</watcher-list></watcherinfo>",
        watchers.collect::<String>()
    )
}

/// EVT-6: what the documents of a subscription add up to comes with the event; a gap leads to a refresh, once.
#[test]
fn versions_are_merged_and_a_gap_is_closed_by_a_refresh() {
    let mut script = Script::new(OURS);
    script.subscribe("presence.winfo", 3600);
    let (_, subscribe) = script.request().unwrap();
    script.reply(&subscribe, 200, &[(HeaderName::Contact, "<sip:them@192.0.2.4>"), (HeaderName::Expires, "3600")]);
    let mut cseq = 0;
    let mut tell = |script: &mut Script, body: &str| {
        cseq += 1;
        let content = Some(("application/watcherinfo+xml", body));
        script.notify(&subscribe, cseq, "presence.winfo", "active;expires=3600", content);
        let notify = (*script.notifies().last().unwrap()).clone();
        let known = notify.state.as_deref().map(|state| match state {
            EventState::Watchers(watchers) => {
                watchers.rows()[0].watchers.iter().map(|watcher| watcher.id.clone()).collect::<String>()
            }
            other => panic!("{other:?}"),
        });
        let asks = script.request().map(|(_, request)| request);
        if let Some(refresh) = &asks {
            script.reply(refresh, 200, &[(HeaderName::Contact, "<sip:them@192.0.2.4>"), (HeaderName::Expires, "3600")]);
        }
        (known, notify.merge, asks.is_some())
    };
    let known = |ids: &str| Some(ids.to_owned());
    for (version, state, ids, expected) in [
        (0, "full", &["a"][..], (known("a"), Some(Merge::Applied), false)),
        (1, "partial", &["b"], (known("ab"), Some(Merge::Applied), false)),
        (1, "partial", &["c"], (None, Some(Merge::Stale), false)),
        (3, "partial", &["c"], (None, Some(Merge::Gap), true)),
        // One that never sends full state is not asked for ever.
        (4, "partial", &["d"], (None, Some(Merge::Gap), false)),
        (5, "full", &["e"], (known("e"), Some(Merge::Applied), false)),
        (7, "partial", &["f"], (None, Some(Merge::Gap), true)),
    ] {
        assert_eq!(tell(&mut script, &watchers(version, state, ids)), expected, "{version} {state}");
    }
    assert_eq!(tell(&mut script, "<watcherinfo"), (None, None, false));
}

/// Partial presence (RFC 5263).
#[test]
fn patches_of_presence_are_applied() {
    let mut script = Script::new(OURS);
    script.subscribe("presence", 3600);
    let (_, subscribe) = script.request().unwrap();
    script.reply(&subscribe, 200, &[(HeaderName::Contact, "<sip:them@192.0.2.4>"), (HeaderName::Expires, "3600")]);
    let head = "xmlns='urn:ietf:params:xml:ns:pidf' xmlns:p='urn:ietf:params:xml:ns:pidf-diff' entity='sip:a@b'";
    let full = |version: u32| format!("<p:pidf-full {head} version='{version}'><note>one</note></p:pidf-full>");
    let diff = |version: u32, text: &str| {
        format!(
            "<p:pidf-diff {head} version='{version}'><p:replace sel='*/note/text()'>{text}</p:replace></p:pidf-diff>"
        )
    };
    for (cseq, body, note, asks) in [
        (1, full(1), Some("one"), false),
        (2, diff(2, "two"), Some("two"), false),
        (3, diff(4, "four"), None, true),
        (4, full(5), Some("one"), false),
    ] {
        script.notify(&subscribe, cseq, "presence", "active", Some(("application/pidf-diff+xml", &body)));
        let notify = (*script.notifies().last().unwrap()).clone();
        let told = match notify.state.as_deref() {
            Some(EventState::Presence(presence)) => Some(presence.notes[0].text.clone()),
            _ => None,
        };
        assert_eq!(told.as_deref(), note, "{body}");
        let refresh = script.request().map(|(_, request)| request);
        assert_eq!(refresh.is_some(), asks, "{body}");
        if let Some(refresh) = refresh {
            script.reply(
                &refresh,
                200,
                &[(HeaderName::Contact, "<sip:them@192.0.2.4>"), (HeaderName::Expires, "3600")],
            );
        }
    }
}

#[test]
fn bodies_that_tell_everything_come_as_a_state() {
    for (package, kind, body) in [
        ("presence", "application/pidf+xml", "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='sip:a@b'/>"),
        ("message-summary", "application/simple-message-summary", "Messages-Waiting: yes\r\n"),
        (
            "dialog",
            "application/dialog-info+xml",
            "<dialog-info xmlns='urn:ietf:params:xml:ns:dialog-info' version='0' state='full' entity='sip:a@b'/>",
        ),
        (
            "conference",
            "application/conference-info+xml",
            "<conference-info xmlns='urn:ietf:params:xml:ns:conference-info' entity='sip:c@b' state='full' version='1'/>",
        ),
        (
            "reg",
            "application/reginfo+xml",
            "<reginfo xmlns='urn:ietf:params:xml:ns:reginfo' version='0' state='full'/>",
        ),
        (
            "xcap-diff",
            "application/xcap-diff+xml",
            "<xcap-diff xmlns='urn:ietf:params:xml:ns:xcap-diff' xcap-root='http://x/'><document sel='a/b' new-etag='1'/></xcap-diff>",
        ),
    ] {
        let mut script = Script::new(OURS);
        script.subscribe(package, 3600);
        let (_, subscribe) = script.request().unwrap();
        script.notify(&subscribe, 1, package, "active", Some((kind, body)));
        let notify = (*script.notifies().last().unwrap()).clone();
        let fits = match (package, notify.state.as_deref()) {
            ("presence", Some(EventState::Presence(presence))) => presence.entity == "sip:a@b",
            ("message-summary", Some(EventState::MessageSummary(summary))) => summary.messages_waiting,
            ("dialog", Some(EventState::Dialogs(dialogs))) => dialogs.rows().is_empty(),
            ("conference", Some(EventState::Conference(conference))) => conference.info().entity == "sip:c@b",
            ("reg", Some(EventState::Registrations(registrations))) => registrations.rows().is_empty(),
            ("xcap-diff", Some(EventState::XcapDiff(diff))) => diff.documents().eq(["a/b"]),
            _ => false,
        };
        assert!(fits, "{package}: {notify:?}");
    }
}

/// EVT-8: a list of resources is merged by their URIs.
#[test]
fn the_resources_of_a_list_are_merged() {
    let mut script = Script::new(OURS);
    script.subscribe("presence", 3600);
    let (_, subscribe) = script.request().unwrap();
    for (cseq, full, uri, expected) in [(1, true, "sip:a@b", 1), (2, false, "sip:c@d", 2)] {
        let body = format!(
            "--x\r\nContent-Type: application/rlmi+xml\r\nContent-ID: <r@h>\r\n\r\n<list xmlns='urn:ietf:params:xml:ns:rlmi' uri='sip:l@h' \
             version='{cseq}' fullState='{full}'><resource uri='{uri}'><instance id='1' state='active' cid='gone@h'/></resource></list>\r\n--x--\r\n"
        );
        let kind = "multipart/related;type=\"application/rlmi+xml\";start=\"<r@h>\";boundary=x";
        script.notify(&subscribe, cseq, "presence", "active", Some((kind, &body)));
        let notify = (*script.notifies().last().unwrap()).clone();
        let Some(EventState::Resources(resources)) = notify.state.as_deref() else { panic!("{notify:?}") };
        assert_eq!(resources.resources().len(), expected);
    }
}

#[test]
fn a_uri_alone_keeps_its_parameters() {
    let mut script = Script::new(OURS);
    let intent = Intent::SendMessage {
        account: FIRST,
        to: "sip:them@192.0.2.4;transport=tcp".into(),
        content: Content::new("text/plain", "hello"),
        cpim: false,
        routes: Vec::new(),
    };
    script.intend(intent).unwrap();
    assert_eq!(script.opened.first().map(|(_, to)| *to), Some(address(PEER)));
}

#[test]
fn notifies_of_nobody_are_refused_by_their_event() {
    let mut script = Script::forecaster();
    for (event, code) in [("presence", 481), ("weather", 481), ("earthquake", 489), ("", 489), ("=", 400)] {
        let event = if event.is_empty() { String::new() } else { format!("Event: {event}\r\n") };
        let headers = format!("{event}Subscription-State: active\r\nContact: <sip:them@192.0.2.4>\r\n");
        let notify = script.theirs("NOTIFY", 1, ";tag=nobody", &headers, "");
        script.datagram(PEER, notify);
        let (got, response) = script.answers().pop().unwrap();
        assert_eq!(got, code, "{event}");
        let allowed = response.text(HeaderName::AllowEvents).unwrap();
        assert_eq!(allowed.as_deref(), (code == 489).then_some("refer, weather"), "{event}");
    }
    let untagged = script.theirs("NOTIFY", 2, "", "Event: presence\r\nSubscription-State: active\r\n", "");
    script.datagram(PEER, untagged);
    assert_eq!(script.codes(), [481]);
    let publish = script.theirs("PUBLISH", 3, "", "Event: presence\r\n", "");
    script.datagram(PEER, publish);
    let (code, response) = script.answers().pop().unwrap();
    assert_eq!(code, 405);
    assert!(response.text(HeaderName::Allow).unwrap().unwrap().contains("SUBSCRIBE, NOTIFY, MESSAGE"));
}

#[test]
fn an_account_gets_its_summary_and_stays_subscribed() {
    let mut script = Script::new(OURS);
    let spec = AccountSpec {
        message_summary: true,
        voicemail_uri: Some("sip:vm@192.0.2.4".into()),
        credentials: Some(Credentials::new("alice", "secret")),
        ..AccountSpec::new("sip:alice@192.0.2.4")
    };
    let Outcome::Account(account) = script.intend(Intent::AddAccount(spec)).unwrap() else { panic!("no account") };
    let (_, subscribe) = script.request().expect("a SUBSCRIBE");
    assert_eq!(subscribe.uri_text().as_str(), "sip:vm@192.0.2.4");
    script.reply(&subscribe, 401, &[(HeaderName::WwwAuthenticate, r#"Digest realm="x", nonce="n", qop="auth""#)]);
    let (_, subscribe) = script.request().expect("a SUBSCRIBE with credentials");
    assert_eq!(subscribe.all::<Authorization>().count(), 1);
    script.reply(&subscribe, 202, &[(HeaderName::Contact, "<sip:vm@192.0.2.4>"), (HeaderName::Expires, "3600")]);
    script.events.clear();
    let summary = "Messages-Waiting: yes\r\nMessage-Account: sip:box@192.0.2.4\r\nVoice-Message: 2/8 (0/2)\r\n";
    let content = Some(("application/simple-message-summary", summary));
    script.notify(&subscribe, 1, "message-summary", "active;expires=3600", content);
    let got = script.events.iter().find_map(|event| match event {
        EventKind::MessageSummary { account, message_summary } => Some((*account, message_summary.clone())),
        _ => None,
    });
    let (of, summary) = got.expect("a summary");
    assert_eq!((of, summary.messages_waiting), (account, true));
    assert_eq!(summary.counts("voice-message").map(|counts| (counts.new, counts.old)), Some((2, 8)));
    assert!(script.names().contains(&"SIPAccountMWIDidGetSummary"));
    // The server moves it elsewhere: at once, and to where it said the messages are.
    script.sent.clear();
    script.notify(&subscribe, 2, "message-summary", "terminated;reason=deactivated", None);
    script.pass(Duration::from_millis(1));
    let (_, again) = script.request().expect("another SUBSCRIBE");
    assert_ne!(again.call_id().unwrap(), subscribe.call_id().unwrap());
    assert_eq!(again.all::<Authorization>().count(), 1, "the challenge is remembered");
    script.intend(Intent::RemoveAccount(account)).unwrap();
    script.pass(Duration::from_secs(100));
    assert!(script.agent.is_quiescent() && script.agent.poll_timeout().is_none());
    assert!(script.names().contains(&"SIPAccountManagerDidRemoveAccount"));
}

#[test]
fn a_subscription_that_comes_is_offered_and_served() {
    let mut script = Script::forecaster();
    script.events.clear();
    let contact = "Contact: <sip:them@192.0.2.4>\r\n";
    for (cseq, event, code) in [(11, "Event: presence\r\n", 489), (12, "", 489), (13, "Event: =\r\n", 400)] {
        let subscribe = script.theirs("SUBSCRIBE", cseq, "", &format!("{event}{contact}"), "");
        script.datagram(PEER, subscribe);
        assert_eq!(script.codes(), [code], "{event}");
    }
    let brief = script.theirs("SUBSCRIBE", 1, "", &format!("Event: weather\r\nExpires: 5\r\n{contact}"), "");
    script.datagram(PEER, brief);
    let (code, response) = script.answers().pop().unwrap();
    assert_eq!((code, response.text(HeaderName::MinExpires).unwrap().as_deref()), (423, Some("60")));
    let subscribe = script.theirs("SUBSCRIBE", 2, "", &format!("Event: weather\r\nExpires: 600\r\n{contact}"), "");
    script.datagram(PEER, subscribe.clone());
    // The same by another way is one too many.
    script.datagram(PEER, subscribe.replace("z9hG4bKp", "z9hG4bKq"));
    assert_eq!(script.codes(), [482]);
    let id = script.events.iter().find_map(|event| match event {
        EventKind::IncomingSubscription { id, event: NotifierEvent::GotSubscribe { .. }, .. } => Some(*id),
        _ => None,
    });
    let id = id.expect("an incoming subscription");
    let sunny = Some(Content::new("text/plain", "sunny"));
    script.intend(Intent::AcceptSubscription { subscription: id, pending: false, content: sunny }).unwrap();
    let (way, message) = script.sent.pop_front().unwrap();
    let Message::Response(accepted) = message else { panic!("no response") };
    assert_eq!((way, accepted.code()), (Way::Datagram(address(PEER)), 200));
    let tag = format!(";tag={}", accepted.to().unwrap().tag().unwrap());
    let (_, notify) = script.request().expect("a NOTIFY");
    assert_eq!((notify.uri_text().as_str(), notify.body().as_ref()), ("sip:them@192.0.2.4", b"sunny".as_slice()));
    script.reply(&notify, 200, &[]);
    script.intend(Intent::Notify { subscription: id, content: Content::new("text/plain", "rain") }).unwrap();
    let (_, notify) = script.request().expect("a NOTIFY");
    assert_eq!(notify.cseq().unwrap().number, 2);
    script.reply(&notify, 200, &[]);
    let end = script.theirs("SUBSCRIBE", 3, &tag, &format!("Event: weather\r\nExpires: 0\r\n{contact}"), "");
    script.datagram(PEER, end);
    let (_, last) = script.request().expect("the last NOTIFY");
    let state = last.text(HeaderName::SubscriptionState).unwrap().unwrap();
    assert_eq!((state.as_str(), last.body().as_ref()), ("terminated;reason=timeout", b"rain".as_slice()));
    script.reply(&last, 200, &[]);
    let over = Intent::Notify { subscription: id, content: Content::new("text/plain", "snow") };
    assert_eq!(script.intend(over), Err(UsageError::Unknown.into()));
    script.pass(Duration::from_secs(40));
    assert!(script.agent.is_quiescent() && script.agent.poll_timeout().is_none());
    assert!(script.agent.owners.is_empty());
}

#[test]
fn what_is_published_is_refreshed_changed_and_removed() {
    let mut script = Script::new(OURS);
    let publish = Intent::Publish {
        account: FIRST,
        event: "presence".into(),
        content: Content::new("application/pidf+xml", "<open/>"),
        expires: Some(600),
        persistent: false,
        routes: vec![format!("udp:{PEER}").parse().unwrap()],
    };
    let Outcome::Publication(id) = script.intend(publish).unwrap() else { panic!("no publication") };
    let (_, request) = script.request().expect("a PUBLISH");
    script.reply(&request, 200, &[(HeaderName::SipEtag, "a"), (HeaderName::Expires, "600")]);
    script.pass(Duration::from_secs(570));
    let (_, refresh) = script.request().expect("a refresh");
    assert_eq!(refresh.text(HeaderName::SipIfMatch).unwrap().as_deref(), Some("a"));
    script.reply(&refresh, 412, &[]);
    let (_, again) = script.request().expect("all of it");
    assert_eq!((again.body().as_ref(), again.has(HeaderName::SipIfMatch)), (b"<open/>".as_slice(), false));
    script.reply(&again, 200, &[(HeaderName::SipEtag, "b"), (HeaderName::Expires, "600")]);
    let content = Content::new("application/pidf+xml", "<closed/>");
    script.intend(Intent::ChangePublication { publication: id, content }).unwrap();
    let (_, change) = script.request().expect("a change");
    script.reply(&change, 200, &[(HeaderName::SipEtag, "c"), (HeaderName::Expires, "600")]);
    script.intend(Intent::EndPublication(id)).unwrap();
    let (_, remove) = script.request().expect("a removal");
    assert_eq!(remove.text(HeaderName::SipIfMatch).unwrap().as_deref(), Some("c"));
    script.reply(&remove, 200, &[(HeaderName::Expires, "0")]);
    let names: Vec<_> = script.names().into_iter().filter(|name| name.starts_with("SIPPublication")).collect();
    assert_eq!(
        names,
        [
            "SIPPublicationDidSucceed",
            "SIPPublicationDidSucceed",
            "SIPPublicationDidSucceed",
            "SIPPublicationWillEnd",
            "SIPPublicationDidEnd"
        ]
    );
    script.pass(Duration::from_secs(40));
    assert!(script.agent.is_quiescent() && script.agent.poll_timeout().is_none());
}

#[test]
fn messages_to_one_recipient_leave_one_after_the_other() {
    let mut script = Script::new(OURS);
    let send = |script: &mut Script, to: &str, body: &str| {
        let content = Content::new("text/plain", body);
        let intent =
            Intent::SendMessage { account: FIRST, to: Text::from(to), content, cpim: false, routes: Vec::new() };
        script.intend(intent).unwrap()
    };
    send(&mut script, "sip:them@192.0.2.4", "one");
    send(&mut script, "sip:them@192.0.2.4", "two");
    send(&mut script, "sip:others@192.0.2.4", "three");
    let bodies = |script: &mut Script| {
        let mut sent = Vec::new();
        while let Some((_, request)) = script.request() {
            sent.push(request);
        }
        sent
    };
    let sent = bodies(&mut script);
    let texts: Vec<_> = sent.iter().map(|request| request.body()).collect();
    assert_eq!(texts, ["one", "three"]);
    script.reply(&sent[0], 200, &[]);
    let second = bodies(&mut script).pop().expect("the next one");
    assert_eq!(second.body().as_ref(), b"two");
    script.reply(&second, 480, &[]);
    script.reply(&sent[1], 202, &[]);
    let names: Vec<_> = script.names().into_iter().filter(|name| name.starts_with("SIPMessage")).collect();
    assert_eq!(names, ["SIPMessageDidSucceed", "SIPMessageDidFail", "SIPMessageDidSucceed"]);
    // What waits when the agent shuts down is told as well.
    send(&mut script, "sip:them@192.0.2.4", "four");
    send(&mut script, "sip:them@192.0.2.4", "five");
    script.events.clear();
    script.intend(Intent::ShutDown).unwrap();
    script.pass(Duration::from_secs(100));
    let names: Vec<_> = script.names().into_iter().filter(|name| name.starts_with("SIPMessage")).collect();
    assert_eq!(names, ["SIPMessageDidFail", "SIPMessageDidFail"]);
    assert!(script.events.contains(&EventKind::ShutDown));
}

#[test]
fn a_message_is_wrapped_when_that_is_wanted() {
    let mut script = Script::new(OURS);
    let intent = |kind: &str| Intent::SendMessage {
        account: FIRST,
        to: "\"Them\" <sip:them@192.0.2.4>".into(),
        content: Content::new(kind, "hello"),
        cpim: true,
        routes: Vec::new(),
    };
    script.intend(intent("text/plain")).unwrap();
    let (_, request) = script.request().unwrap();
    assert_eq!(request.content_type().unwrap().unwrap().to_string(), "message/cpim");
    let message = crate::payload::cpim::Message::parse(&request.body(), &Config::default().limits).unwrap();
    assert_eq!(message.to[0].name.as_deref(), Some("Them"));
    assert_eq!(message.to[0].uri, "sip:them@192.0.2.4");
    assert!(message.from.is_some() && message.date_time.is_some());
    assert_eq!((&message.content.body[..], message.content.field("Content-Type")), (&b"hello"[..], Some("text/plain")));
    assert!(matches!(script.intend(intent("a\r\nb")), Err(IntentError::Usage(UsageError::Unwritable(_)))));
}

/// ISC-1, the side that composes: "active" once, again after 60 s, "idle" after 15 s without a key, nothing after a message.
#[test]
fn who_composes_is_told_and_told_again() {
    let mut script = Script::new(OURS);
    let key = Intent::Composing { account: FIRST, to: "sip:them@192.0.2.4".into(), routes: Vec::new() };
    let told = |script: &mut Script, code: u16| {
        let (_, request) = script.request()?;
        script.respond(&request, code, "", "");
        let status = crate::payload::composing::IsComposing::parse(&request.body(), &Config::default().limits);
        Some(status.map(|status| (status.state, status.refresh)).map_err(|_| request.body().len()))
    };
    let active = Some(Ok((State::Active, Some(60))));
    script.intend(key.clone()).unwrap();
    assert_eq!(told(&mut script, 200), active);
    for _ in 0..5 {
        script.pass(Duration::from_secs(10));
        script.intend(key.clone()).unwrap();
        assert_eq!(told(&mut script, 200), None);
    }
    script.pass(Duration::from_secs(10));
    assert_eq!(told(&mut script, 200), active, "again after a minute");
    assert!(!script.agent.is_quiescent());
    script.pass(Duration::from_secs(5));
    assert_eq!(told(&mut script, 200), Some(Ok((State::Idle, None))));
    script.intend(key.clone()).unwrap();
    assert_eq!(told(&mut script, 200), active);
    let to = "sip:them@192.0.2.4".into();
    let content = Content::new("text/plain", "hello");
    script.intend(Intent::SendMessage { account: FIRST, to, content, cpim: false, routes: Vec::new() }).unwrap();
    assert_eq!(told(&mut script, 200), Some(Err(5)), "the message");
    script.pass(Duration::from_secs(60));
    assert_eq!(told(&mut script, 200), None);
    // Nobody is told of the fate of what they did not send.
    assert_eq!(script.names().iter().filter(|name| name.starts_with("SIPMessage")).count(), 1);
    // One who does not understand it is left alone.
    script.intend(key.clone()).unwrap();
    assert_eq!(told(&mut script, 415), active);
    script.pass(Duration::from_secs(100));
    script.intend(key).unwrap();
    assert_eq!(told(&mut script, 200), None);
    script.pass(Duration::from_secs(60));
    assert!(script.agent.is_quiescent());
}

/// ISC-1, the side that watches: idle by word, by a message, or when it was not said again.
#[test]
fn who_composes_to_us_is_heard_of() {
    let mut script = Script::new(OURS);
    let mut number = 0;
    let mut come = |script: &mut Script, kind: &str, body: &str| {
        number += 1;
        let message = script.says("MESSAGE", number, "", &format!("Content-Type: {kind}\r\n"), body);
        script.datagram(PEER, message);
    };
    let status = |state: &str, refresh: &str| {
        format!(
            "<isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'><state>{state}</state>{refresh}</isComposing>"
        )
    };
    let states = |script: &mut Script| {
        let state = |event: EventKind| match event {
            EventKind::Composing { state, remote, .. } => {
                assert_eq!(remote, "sip:them@example.com");
                Some(state)
            }
            _ => None,
        };
        std::mem::take(&mut script.events).into_iter().filter_map(state).collect::<Vec<_>>()
    };
    let kind = "application/im-iscomposing+xml";
    come(&mut script, kind, &status("idle", ""));
    come(&mut script, kind, &status("active", "<refresh>60</refresh>"));
    come(&mut script, kind, &status("active", "<refresh>60</refresh>"));
    assert_eq!(states(&mut script), [State::Active]);
    script.pass(Duration::from_secs(61));
    assert_eq!(states(&mut script), [State::Idle]);
    come(&mut script, kind, &status("active", ""));
    come(&mut script, "text/plain", "hello");
    assert_eq!(states(&mut script), [State::Active, State::Idle]);
    come(&mut script, kind, &status("active", ""));
    come(&mut script, kind, &status("idle", ""));
    assert_eq!(states(&mut script), [State::Active, State::Idle]);
    script.pass(Duration::from_secs(200));
    assert!(script.agent.is_quiescent() && states(&mut script).is_empty());
}

#[test]
fn a_message_that_comes_is_taken_and_told() {
    let mut script = Script::new(OURS);
    script.events.clear();
    let text = script.says("MESSAGE", 1, "", "Content-Type: text/plain\r\n", "hello");
    script.datagram(PEER, text.clone());
    script.datagram(PEER, text);
    assert_eq!(script.codes(), [200, 200]);
    let cpim = "From: <sip:a@b>\r\nTo: <sip:c@d>\r\nDateTime: 2000-12-13T13:40:00Z\r\n\r\n\
                Content-Type: application/im-iscomposing+xml\r\n\r\n\
                <isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'><state>active</state><refresh>90</refresh></isComposing>";
    let composing = script.says("MESSAGE", 2, "", "Content-Type: message/cpim\r\n", cpim);
    script.datagram(PEER, composing);
    let typeless = script.says("MESSAGE", 3, "", "", "hello");
    script.datagram(PEER, typeless);
    let encoded = script.says("MESSAGE", 4, "", "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", "hello");
    script.datagram(PEER, encoded);
    let old = "Content-Type: text/plain\r\nExpires: 10\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n";
    script.pass(Duration::from_secs(11));
    let expired = script.says("MESSAGE", 5, "", old, "late");
    script.datagram(PEER, expired);
    assert_eq!(script.codes(), [200, 400, 415, 200]);
    let got: Vec<_> = script
        .events
        .iter()
        .filter_map(|event| match event {
            EventKind::GotMessage(message) => Some(message),
            _ => None,
        })
        .collect();
    assert_eq!(got.len(), 3);
    assert_eq!(got[0].content, Some(Content::new("text/plain", "hello")));
    assert_eq!((got[0].from.as_str(), got[0].session), ("\"Them\" <sip:them@example.com>;tag=them", None));
    assert_eq!((got[1].composing, got[1].cpim.is_some()), (Some((State::Active, Some(90))), true));
    assert_eq!((got[0].expired, got[2].expired), (false, true));
    assert_eq!(script.names(), ["SIPEngineGotMessage"; 3]);
}

#[test]
fn a_message_inside_a_session_belongs_to_it() {
    let mut script = Script::new(OURS);
    let (session, tag) = script.established("sip:them@192.0.2.4");
    script.sent.clear();
    let text = script.says("MESSAGE", 2, &tag, "Content-Type: text/plain\r\n", "hello");
    script.datagram(PEER, text);
    let low = script.says("MESSAGE", 1, &tag, "Content-Type: text/plain\r\n", "again");
    script.datagram(PEER, low);
    let stray = script.says("MESSAGE", 3, ";tag=x", "Content-Type: text/plain\r\n", "hello");
    script.datagram(PEER, stray);
    assert_eq!(script.codes(), [200, 500, 481]);
    let got = script.events.iter().find_map(|event| match event {
        EventKind::GotMessage(message) => Some(message.session),
        _ => None,
    });
    assert_eq!(got, Some(Some(session)));
}

#[test]
fn intents_that_make_no_sense_change_nothing() {
    let mut script = Script::new(OURS);
    let subscribe = |account, to: &str, event: &str| Intent::Subscribe {
        account,
        to: to.into(),
        event: event.into(),
        expires: None,
        content: None,
        eventlist: false,
        persistent: true,
        routes: Vec::new(),
    };
    let nobody = AccountId::from_u64(9);
    let to = "sip:them@192.0.2.4";
    for (intent, error) in [
        (subscribe(nobody, to, "presence"), UsageError::UnknownAccount(nobody)),
        (subscribe(FIRST, "nobody", "presence"), UsageError::BadUri("nobody".into())),
        (subscribe(FIRST, to, "a b"), UsageError::BadEvent("a b".into())),
        (subscribe(FIRST, to, "x\r\nEvil: y"), UsageError::BadEvent("x\r\nEvil: y".into())),
    ] {
        assert_eq!(script.intend(intent), Err(error.into()));
    }
    let evil = Content::new("text/plain\r\nEvil: y", "x");
    let send = Intent::SendMessage { account: FIRST, to: to.into(), content: evil, cpim: false, routes: Vec::new() };
    assert!(matches!(script.intend(send), Err(IntentError::Usage(UsageError::Unwritable(_)))));
    script.pass(Duration::from_secs(1));
    assert!(script.sent.is_empty() && script.agent.is_quiescent());
}
