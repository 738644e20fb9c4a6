//! What an account keeps subscribed to and published by itself (behaviour 5.3, 7.6).

use super::*;
use crate::sip::Method;
use crate::usage::Content;

const CONTACT: (HeaderName, &str) = (HeaderName::Contact, "<sip:server@192.0.2.4>");

/// An account whose requests go to the peer.
fn account(script: &mut Script, change: impl FnOnce(&mut AccountSpec)) -> AccountId {
    let mut spec = AccountSpec::new("sip:alice@example.com");
    spec.outbound_proxy = Some("192.0.2.4".into());
    change(&mut spec);
    let Outcome::Account(account) = script.intend(Intent::AddAccount(spec)).unwrap() else { panic!("no account") };
    account
}

/// The requests that were sent, when the connections that they asked for have opened.
fn requests(script: &mut Script) -> Vec<Request> {
    for index in 0..script.opened.len() {
        let (conn, peer) = script.opened[index];
        let local = SocketAddr::new(OURS.parse().unwrap(), 50_000);
        if !script.sent.iter().any(|(way, _)| *way == Way::Stream(conn)) {
            script.stream(conn, ConnectionEvent::Open { local, peer, tls: None });
        }
    }
    std::iter::from_fn(|| script.request()).map(|(_, request)| request).collect()
}

/// The methods, packages and URIs of requests.
fn told(requests: &[Request]) -> Vec<String> {
    let event = |request: &Request| request.text(HeaderName::Event).unwrap().unwrap().to_string();
    let words = |request: &Request| format!("{} {} {}", request.method(), event(request), request.uri_text());
    requests.iter().map(words).collect()
}

impl Script {
    fn reply_with(&mut self, request: &Request, code: u16, headers: &[(HeaderName, &str)]) {
        let builder = Response::reply(request, code, None, Some("server"), None);
        let builder = headers.iter().fold(builder, |builder, (name, value)| builder.field(*name, value));
        let response = builder.finish().unwrap().bytes().clone();
        if request.via().unwrap().transport.eq_ignore_ascii_case("TCP") {
            let (conn, _) = self.opened[0];
            self.stream(conn, ConnectionEvent::Data(response));
        } else {
            self.datagram(PEER, response.to_vec());
        }
    }

    fn change_spec(&mut self, account: AccountId, change: impl FnOnce(&mut AccountSpec)) {
        let mut spec = self.agent.account(self.now, account).unwrap().spec();
        change(&mut spec);
        self.intend(Intent::ChangeAccount { account, spec }).unwrap();
    }
}

#[test]
fn settings_say_what_is_subscribed_to() {
    for (presence, dialogs, rls, xcap, expected) in [
        (false, false, true, false, &[][..]),
        (true, false, false, false, &["SUBSCRIBE presence.winfo sip:alice@example.com"]),
        (
            true,
            false,
            true,
            false,
            &["SUBSCRIBE presence.winfo sip:alice@example.com", "SUBSCRIBE presence sip:alice+presence@example.com"],
        ),
        (
            false,
            true,
            true,
            false,
            &["SUBSCRIBE dialog.winfo sip:alice@example.com", "SUBSCRIBE dialog sip:alice+dialog@example.com"],
        ),
        (false, false, false, true, &["SUBSCRIBE xcap-diff sip:alice@example.com"]),
    ] {
        let mut script = Script::new(OURS);
        account(&mut script, |spec| {
            (spec.presence, spec.dialog_event, spec.use_rls, spec.xcap_diff) = (presence, dialogs, rls, xcap);
        });
        let sent = requests(&mut script);
        assert_eq!(told(&sent), expected);
        for subscribe in sent.iter().filter(|subscribe| subscribe.uri_text().contains('+')) {
            assert_eq!(subscribe.text(HeaderName::Supported).unwrap().unwrap(), "eventlist");
            assert_eq!(subscribe.via().unwrap().transport, "TCP");
            let accept = subscribe.text(HeaderName::Accept).unwrap().unwrap();
            assert!(accept.contains("application/rlmi+xml") && accept.contains("multipart/related"), "{accept}");
        }
    }
}

#[test]
fn a_list_is_subscribed_to_and_its_news_have_the_names_of_the_reference() {
    let mut script = Script::new(OURS);
    let account = account(&mut script, |spec| (spec.presence, spec.use_rls) = (true, true));
    let sent = requests(&mut script);
    script.reply_with(&sent[1], 200, &[CONTACT, (HeaderName::Expires, "3600")]);
    script.notify_as(&sent[1], "server", 1, "presence", "active", Some(("application/pidf+xml", "<presence/>")));
    script.reply_with(&sent[0], 489, &[]);
    let names = script.names();
    for name in ["PresenceSubscriptionDidStart", "PresenceSubscriptionGotNotify", "PresenceWinfoSubscriptionDidFail"] {
        let kept = |event: &EventKind| event.names().contains(&name);
        assert!(script.events.iter().any(kept), "{name} in {names:?}");
    }
    script.codes();
    // The list is refreshed; the package that is not known is asked for again an hour later.
    script.pass(Duration::from_secs(3570));
    let refresh = requests(&mut script);
    assert_eq!(told(&refresh), ["SUBSCRIBE presence sip:them@192.0.2.4"]);
    script.reply_with(&refresh[0], 200, &[CONTACT, (HeaderName::Expires, "3600")]);
    script.notify_as(&sent[1], "server", 2, "presence", "active", None);
    script.codes();
    script.pass(Duration::from_secs(30));
    let again = requests(&mut script);
    assert_eq!(told(&again), ["SUBSCRIBE presence.winfo sip:alice@example.com"]);
    script.reply_with(&again[0], 489, &[]);
    script.change_spec(account, |spec| spec.presence = false);
    script.pass(Duration::from_secs(60));
    let ends = |name: &str| script.events.iter().any(|event| event.names().contains(&name));
    assert!(ends("PresenceSubscriptionDidEnd") || ends("PresenceSubscriptionDidFail"));
    assert!(script.agent.is_quiescent());
}

#[test]
fn changes_of_documents_are_asked_for_and_soon_again() {
    let mut script = Script::new(OURS);
    account(&mut script, |spec| (spec.xcap_diff, spec.subscribe_interval) = (true, 30));
    let subscribe = requests(&mut script).remove(0);
    assert_eq!(subscribe.expires().unwrap(), Some(60));
    assert_eq!(subscribe.content_type().unwrap().unwrap().to_string(), "application/resource-lists+xml");
    let lists =
        crate::payload::resource_lists::ResourceLists::parse(&subscribe.body(), &Config::default().limits).unwrap();
    let uris: Vec<&str> = lists.lists[0]
        .items
        .iter()
        .map(|item| match item {
            crate::payload::resource_lists::Item::Entry(entry) => entry.uri.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(uris.contains(&"resource-lists/users/sip:alice@example.com/index"), "{uris:?}");
    // An hour elsewhere; here one to two minutes.
    script.reply_with(&subscribe, 489, &[]);
    script.pass(Duration::from_secs(59));
    assert!(requests(&mut script).is_empty());
    script.pass(Duration::from_secs(62));
    let again = requests(&mut script);
    assert_eq!(told(&again[..1]), ["SUBSCRIBE xcap-diff sip:alice@example.com"]);
    assert!(script.events.iter().any(|event| event.names().contains(&"XCAPSubscriptionDidFail")));
}

#[test]
fn presence_is_published_while_the_settings_say_so() {
    let mut script = Script::new(OURS);
    let account = account(&mut script, |_| {});
    let state = |text: &str| Some(Content::new("application/pidf+xml", text));
    let set = |content| Intent::SetState { account, published: Published::Presence, content };
    script.intend(set(state("one"))).unwrap();
    assert!(requests(&mut script).is_empty(), "it is not enabled");
    script.change_spec(account, |spec| spec.presence = true);
    let publish = requests(&mut script).into_iter().find(|request| *request.method() == Method::Publish).unwrap();
    assert_eq!((&publish.body()[..], publish.uri_text().as_str()), (&b"one"[..], "sip:alice@example.com"));
    script.reply_with(&publish, 200, &[(HeaderName::SipEtag, "a"), (HeaderName::Expires, "3600")]);
    assert!(script.events.iter().any(|event| event.names().contains(&"PresencePublicationDidSucceed")));
    script.intend(set(state("two"))).unwrap();
    let change = requests(&mut script).remove(0);
    assert_eq!(&change.body()[..], b"two");
    assert_eq!(change.text(HeaderName::SipIfMatch).unwrap().unwrap(), "a");
    script.reply_with(&change, 200, &[(HeaderName::SipEtag, "b"), (HeaderName::Expires, "3600")]);
    script.intend(set(None)).unwrap();
    let removal = requests(&mut script).remove(0);
    assert_eq!(removal.expires().unwrap(), Some(0));
    script.reply_with(&removal, 200, &[(HeaderName::SipEtag, "c"), (HeaderName::Expires, "0")]);
    assert!(script.events.iter().any(|event| event.names().contains(&"PresencePublicationDidEnd")));
    assert!(requests(&mut script).is_empty());
    let unknown = Intent::SetState { account: AccountId::from_u64(99), published: Published::Dialog, content: None };
    assert!(script.intend(unknown).is_err());
}
