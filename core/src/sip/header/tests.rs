//! Every typed field: read, printed, read again; and refused at its byte.

use super::*;
use crate::sip::{CSeq, HeaderFault, Via};

/// Reads `text`, checks that it prints as `printed`, and that this is read as the same.
fn reads<H: Header + PartialEq + fmt::Debug>(text: &str, printed: &str) -> H {
    let header = H::parse(&Text::from(text)).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(header.to_string(), printed, "{text}");
    assert!(header.is_sound(), "{text}");
    assert_eq!(H::parse(&Text::from(printed)).unwrap(), header, "{text}");
    header
}

/// `text` is refused at this byte.
fn refuses<H: Header>(text: &str, at: usize) -> HeaderError {
    match H::parse(&Text::from(text)) {
        Ok(header) => panic!("{text} was read as {header}"),
        Err(error) => {
            assert_eq!((error.name, error.at), (H::NAME, at), "{text}: {error}");
            error
        }
    }
}

#[test]
fn addresses() {
    let from: From = reads(
        "\"A. G. Bell\" <sip:agb@bell-telephone.com> ;tag=a48s",
        "\"A. G. Bell\" <sip:agb@bell-telephone.com>;tag=a48s",
    );
    assert_eq!((from.display_name.as_deref(), from.tag()), (Some("A. G. Bell"), Some("a48s")));
    let to: To =
        reads("sip:+12125551212@server.phone2net.com;tag=287447", "<sip:+12125551212@server.phone2net.com>;tag=287447");
    assert!(to.uri.as_sip().unwrap().params.is_empty());
    reads::<To>("caller<sip:caller@example.com>;tag=323", "\"caller\" <sip:caller@example.com>;tag=323");
    reads::<To>("A. Bell  <sip:a@b>", "\"A. Bell\" <sip:a@b>");
    reads::<To>("Ünal <sip:a@b>", "\"Ünal\" <sip:a@b>");
    reads::<To>("\"\" <sip:a@b>", "\"\" <sip:a@b>");
    reads::<To>("isbn:2983792873", "<isbn:2983792873>");
    reads::<To>("<tel:+1-201-555-0123;ext=5>;x", "<tel:+1-201-555-0123;ext=5>;x");
    reads::<ReferTo>(
        "<sip:dave@denver.example.org?Replaces=12345%40192.168.118.3%3B>",
        "<sip:dave@denver.example.org?Replaces=12345%40192.168.118.3%3B>",
    );
    let by: ReferredBy = reads(
        "<sip:r@ref.example>;cid=\"2UWQFN309shb3@ref.example\"",
        "<sip:r@ref.example>;cid=\"2UWQFN309shb3@ref.example\"",
    );
    assert_eq!(by.params.get("cid").flatten().unwrap(), "2UWQFN309shb3@ref.example");
    reads::<Route>("<sip:[2001:db8::10]:5070;lr>", "<sip:[2001:db8::10]:5070;lr>");
    reads::<HistoryInfo>(
        "<sip:bob@p.example?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1",
        "<sip:bob@p.example?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1",
    );
    reads::<AlertInfo>("<http://www.example.com/sounds/moo.wav>", "<http://www.example.com/sounds/moo.wav>");
    reads::<CallInfo>(
        "<http://wwww.example.com/alice/photo.jpg>;purpose=icon",
        "<http://wwww.example.com/alice/photo.jpg>;purpose=icon",
    );
    reads::<Geolocation>("<cid:target123@atlanta.example.com>", "<cid:target123@atlanta.example.com>");
}

#[test]
fn bad_addresses() {
    refuses::<From>("", 0);
    refuses::<From>("\"Mr. J. User <sip:j.user@example.com>", 37);
    refuses::<From>("Bell, Alexander <sip:a.g.bell@example.com>;tag=43", 4);
    refuses::<From>("\"Watson, Thomas\" < sip:t.watson@example.org >", 18);
    refuses::<From>("<sip:t.watson@example.org >", 25);
    refuses::<From>("sip:user@example.com?Route=%3Csip:x%3E", 20);
    refuses::<From>("<sip:a@b", 8);
    refuses::<From>("<sip:a@b> x", 10);
    refuses::<From>("<sip:a@b>;tag=", 14);
    refuses::<From>("<sip:a@b>;;", 10);
    refuses::<From>("\"a\" sip:a@b", 4);
    refuses::<From>("\"a\\", 3);
    refuses::<From>("a b", 3);
    refuses::<From>("<>", 1);
    refuses::<From>("<sip:>", 5);
    refuses::<From>("</>", 1);
    let invalid = Text::known(bytes::Bytes::from_static(b"\"\xff\" <sip:a@b>"));
    let error = From::parse(&invalid).unwrap_err();
    assert_eq!((error.at, error.fault), (1, HeaderFault::NotUtf8));
}

#[test]
fn contacts() {
    assert_eq!(reads::<Contact>(" * ".trim(), "*"), Contact::Star);
    let contact: Contact =
        reads("<sips:bob@192.0.2.4>;q=0.7; expires=3600", "<sips:bob@192.0.2.4>;q=0.7; expires=3600");
    assert_eq!((contact.q(), contact.expires()), (700, Some(3600)));
    for (q, thousandths) in
        [("0", 0), ("0.", 0), ("0.05", 50), ("1.000", 1000), ("1.1", 1000), ("2", 1000), ("0.1234", 1000), ("x", 1000)]
    {
        assert_eq!(Contact::parse(&Text::from(format!("<sip:a>;q={q}"))).unwrap().q(), thousandths, "{q}");
    }
    let expires = |text: &str| Contact::parse(&Text::from(format!("<sip:a>;expires={text}"))).unwrap().expires();
    assert_eq!((expires("280297596632815"), expires("-1"), expires("0")), (Some(u32::MAX), None, Some(0)));
    refuses::<Contact>("*;expires=0", 1);
    refuses::<Contact>("\"Joe\" <sip:joe@example.org>;;;;", 28);
}

#[test]
fn vias() {
    let via: Via = reads(
        "SIP  /   2.0 /UDP  192.0.2.2 : 5062 ; branch = z9hG4bK390skdjuw;Received=[::1]; ttl=16;maddr=2001:db8::1;rport",
        "SIP/2.0/UDP 192.0.2.2:5062; branch = z9hG4bK390skdjuw;Received=[::1]; ttl=16;maddr=2001:db8::1;rport",
    );
    assert_eq!(
        (via.branch(), via.received(), via.ttl()),
        (Some("z9hG4bK390skdjuw"), Some("::1".parse().unwrap()), Some(16))
    );
    assert_eq!((via.rport(), via.maddr().unwrap().to_string()), (Some(None), "[2001:db8::1]".to_owned()));
    reads::<Via>("sip/2.0/UNKNOWN t4.example.com", "SIP/2.0/UNKNOWN t4.example.com");
    assert_eq!(reads::<Via>("SIP/2.0/UDP a;rport=5060", "SIP/2.0/UDP a;rport=5060").rport(), Some(Some(5060)));
    assert_eq!(
        reads::<Via>("SIP/2.0/UDP a;rport=99999;ttl=256", "SIP/2.0/UDP a;rport=99999;ttl=256").rport(),
        Some(None)
    );
    for (text, at) in [
        ("SIP/7.0/UDP c.example.com", 0),
        ("SIP/2.0/UDP", 11),
        ("SIP/2.0/ a", 8),
        ("SIP/2.0/UDP 192.0.2.15;;,;,,", 23),
        ("SIP/2.0/UDP ", 12),
        ("SIP/2.0/UDP a:", 14),
        ("SIP/2.0/UDP a:65536", 14),
        ("SIP/2.0/UDP a:5060x", 18),
        ("SIP/2.0/UDP ;branch=x", 12),
        ("SIP/2.0/UDP [::1", 12),
        ("SIP/2.0/UDP a b", 14),
        ("HTTP/1.1", 0),
        ("SIP/2.0/UDP a@b", 13),
    ] {
        refuses::<Via>(text, at);
    }
}

#[test]
fn what_a_server_notes_in_a_via() {
    let note =
        |via: &str, from: &str| Via::parse(&Text::from(via)).unwrap().with_received(from.parse().unwrap()).to_string();
    assert_eq!(note("SIP/2.0/UDP 192.0.2.1:5060;branch=x", "192.0.2.1:9"), "SIP/2.0/UDP 192.0.2.1:5060;branch=x");
    assert_eq!(
        note("SIP/2.0/UDP a.example;branch=x", "192.0.2.1:9"),
        "SIP/2.0/UDP a.example;branch=x;received=192.0.2.1"
    );
    assert_eq!(
        note("SIP/2.0/UDP 10.0.0.1;rport;x", "192.0.2.1:9"),
        "SIP/2.0/UDP 10.0.0.1;rport=9;x;received=192.0.2.1"
    );
    assert_eq!(note("SIP/2.0/UDP 192.0.2.1;rport", "192.0.2.1:9"), "SIP/2.0/UDP 192.0.2.1;rport=9;received=192.0.2.1");
    assert_eq!(note("SIP/2.0/UDP a;received=1.1.1.1", "[2001:db8::1]:9"), "SIP/2.0/UDP a;received=2001:db8::1");
    assert_eq!(note("SIP/2.0/UDP [2001:DB8::1]", "[2001:db8::1]:9"), "SIP/2.0/UDP [2001:db8::1]");
    // What the sender says of itself is put right where it is not true.
    let lie = "SIP/2.0/TCP 192.0.2.1;received=192.0.2.66;branch=x";
    assert_eq!(note(lie, "192.0.2.1:9"), "SIP/2.0/TCP 192.0.2.1;received=192.0.2.1;branch=x");
    assert_eq!(
        note("SIP/2.0/UDP 192.0.2.1;received=192.0.2.1", "192.0.2.1:9"),
        "SIP/2.0/UDP 192.0.2.1;received=192.0.2.1"
    );
}

#[test]
fn numbers() {
    assert_eq!(reads::<CSeq>("0009  INVITE", "9 INVITE").number, 9);
    assert_eq!(refuses::<CSeq>("4294967296 INVITE", 0).fault, HeaderFault::OutOfRange);
    assert_eq!(refuses::<CSeq>("36893488147419103233 INVITE", 0).fault, HeaderFault::OutOfRange);
    refuses::<CSeq>("INVITE", 0);
    refuses::<CSeq>("5INVITE", 1);
    refuses::<CSeq>("5 ", 2);
    refuses::<CSeq>("5 A B", 4);
    refuses::<CSeq>("-5 A", 0);
    assert_eq!(reads::<MaxForwards>("0068", "68"), MaxForwards(68));
    refuses::<MaxForwards>("256", 0);
    assert_eq!(reads::<Expires>("7200", "7200"), Expires(7200));
    assert_eq!(reads::<Expires>(&"9".repeat(100), "4294967295"), Expires(u32::MAX));
    refuses::<Expires>("7200.5", 4);
    reads::<MinExpires>("60", "60");
    reads::<FlowTimer>("120", "120");
    reads::<MaxBreadth>("60", "60");
    refuses::<MaxBreadth>("4294967296", 0);
    reads::<ContentLength>("349", "349");
    refuses::<ContentLength>("-1", 0);
    reads::<RSeq>("988789", "988789");
    refuses::<RSeq>("4294967296", 0);
    let rack: RAck = reads("776656 1 INVITE", "776656 1 INVITE");
    assert_eq!((rack.rseq, rack.cseq, rack.method), (776_656, 1, crate::sip::Method::Invite));
    refuses::<RAck>("776656 1", 8);
    refuses::<RAck>("776656 4294967296 INVITE", 7);
}

#[test]
fn intervals() {
    let expires: SessionExpires = reads("4000;refresher=UAC", "4000;refresher=UAC");
    assert_eq!((expires.seconds, expires.refresher()), (4000, Some(Refresher::Uac)));
    assert_eq!(SessionExpires::new(90).with_refresher(Refresher::Uas).to_string(), "90;refresher=uas");
    assert_eq!(reads::<SessionExpires>("1;refresher=me", "1;refresher=me").refresher(), None);
    refuses::<SessionExpires>(";refresher=uac", 0);
    reads::<MinSe>("60;x=y", "60;x=y");
    let retry: RetryAfter = reads("18000 (at (dinner\\))) ;duration=3600", "18000 (at (dinner\\)));duration=3600");
    assert_eq!(
        (retry.seconds, retry.duration(), retry.comment.as_deref()),
        (18000, Some(3600), Some("(at (dinner\\)))"))
    );
    reads::<RetryAfter>("120 (I'm in a meeting)", "120 (I'm in a meeting)");
    reads::<RetryAfter>("949302838503028349304023988", "4294967295");
    refuses::<RetryAfter>("120 (open", 9);
    refuses::<RetryAfter>("soon", 0);
}

#[test]
fn tokens() {
    assert!(reads::<Supported>("100rel", "100rel").is("100REL"));
    reads::<Require>("100rel", "100rel");
    reads::<ProxyRequire>("foo", "foo");
    reads::<Unsupported>("foo", "foo");
    reads::<AllowEvents>("conference.presence", "conference.presence");
    reads::<ContentEncoding>("gzip", "gzip");
    reads::<ContentLanguage>("fr", "fr");
    reads::<RequestDisposition>("no-fork", "no-fork");
    reads::<SipEtag>("12345", "12345");
    reads::<SipIfMatch>("12345", "12345");
    reads::<SuppressIfMatch>("*", "*");
    reads::<Priority>("emergency", "emergency");
    reads::<MimeVersion>("1.0", "1.0");
    reads::<GeolocationRouting>("yes", "yes");
    reads::<Allow>("IN%56ITE", "IN%56ITE");
    refuses::<Supported>("a b", 2);
    refuses::<Supported>("", 0);
    refuses::<Allow>("(", 0);
    let privacy: Privacy = reads("id ; critical", "id;critical");
    assert!(privacy.has("Critical") && !privacy.has("none"));
    refuses::<Privacy>("id;", 3);
}

#[test]
fn texts() {
    reads::<Subject>("Where in the World is Carmen Sandiego?", "Where in the World is Carmen Sandiego?");
    reads::<Subject>("", "");
    reads::<Organization>("Box\u{e9}s by Bob", "Boxés by Bob");
    reads::<Server>("HomeServer v2", "HomeServer v2");
    reads::<UserAgent>("SIPimp.org/0.2.5 (curses)", "SIPimp.org/0.2.5 (curses)");
    for text in [" x", "x ", "a\nb", "a\0b", "\u{7f}"] {
        assert!(!Subject::from(text).is_sound(), "{text:?}");
    }
}

#[test]
fn items() {
    let disposition: ContentDisposition = reads("session;handling=Optional", "session;handling=Optional");
    assert!(disposition.is("SESSION") && disposition.is_optional());
    reads::<AcceptEncoding>("*;q=0", "*;q=0");
    reads::<AcceptLanguage>("en-gb;q=0.8", "en-gb;q=0.8");
    let (one, other): (Event, Event) = (reads("refer;id=93809824", "refer;id=93809824"), reads("refer", "refer"));
    assert!(!one.matches(&other) && one.matches(&one));
    let state: SubscriptionState = reads(
        "terminated;reason=rejected;retry-after=99999999999;expires=5",
        "terminated;reason=rejected;retry-after=99999999999;expires=5",
    );
    assert_eq!((state.reason(), state.retry_after(), state.expires()), (Some("rejected"), Some(u32::MAX), Some(5)));
    let reason: Reason = reads("Q.850 ;cause=16 ;text=\"Terminated\"", "Q.850;cause=16 ;text=\"Terminated\"");
    assert_eq!((reason.cause(), reason.text().unwrap().as_str()), (Some(16), "Terminated"));
    assert_eq!(
        Reason::new("SIP", 200, Some("Call completed elsewhere")).to_string(),
        "SIP;cause=200;text=\"Call completed elsewhere\""
    );
    assert_eq!(Reason::new("SIP", 200, Some("Ok")).to_string(), "SIP;cause=200;text=\"Ok\"");
    reads::<AnswerMode>("Auto;require", "Auto;require");
    reads::<PrivAnswerMode>("Manual", "Manual");
    reads::<AcceptContact>(
        "*;methods=\"INVITE,BYE\";require;+sip.x=\"#>=5\"",
        "*;methods=\"INVITE,BYE\";require;+sip.x=\"#>=5\"",
    );
    reads::<RejectContact>("*;actor=\"msg-taker\"", "*;actor=\"msg-taker\"");
    reads::<ReferSub>("false", "false");
    reads::<GeolocationError>("100;code=\"Cannot Process Location\"", "100;code=\"Cannot Process Location\"");
    let data: UserToUser = reads("56a390f3d2b7310023a2;encoding=hex", "56a390f3d2b7310023a2;encoding=hex");
    assert_eq!(data.data, "56a390f3d2b7310023a2");
    reads::<UserToUser>("\"a b\";purpose=foo", "\"a b\";purpose=foo");
    reads::<UserToUser>("\"\"", "\"\"");
    refuses::<Event>("a/b", 1);
    refuses::<Event>(";id=5", 0);
}

#[test]
fn media_types() {
    let media: ContentType = reads("Multipart / Mixed;boundary=\"7a9c b\"", "Multipart/Mixed;boundary=\"7a9c b\"");
    assert!(media.is("multipart/mixed") && !media.is("multipart"));
    let accepts = |range: &str, media: &ContentType| Accept::parse(&Text::from(range)).unwrap().accepts(media);
    assert!(accepts("*/*", &media) && accepts("multipart/*;q=0.5", &media) && accepts("MULTIPART/mixed", &media));
    assert!(!accepts("text/*", &media));
    refuses::<ContentType>("text", 4);
    refuses::<ContentType>("text/", 5);
    refuses::<ContentType>("/plain", 0);
    reads::<ContentType>("text/plain;charset", "text/plain;charset");
}

#[test]
fn dialogs() {
    let replaces: Replaces = reads(
        "12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only",
        "12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only",
    );
    assert_eq!(
        (replaces.receivers_tag(), replaces.others_tag(), replaces.is_early_only()),
        (Some("12345"), Some("54321"), true)
    );
    assert_eq!(Replaces::new("a@b", "1", "2").to_string(), "a@b;to-tag=1;from-tag=2");
    reads::<Join>("a@b;from-tag=1;to-tag=2", "a@b;from-tag=1;to-tag=2");
    let target: TargetDialog = reads(
        "fa77as7dad8-sd98ajzz@host.example.com ;local-tag=kkaz- ;remote-tag=6544",
        "fa77as7dad8-sd98ajzz@host.example.com;local-tag=kkaz- ;remote-tag=6544",
    );
    assert_eq!((target.receivers_tag(), target.others_tag()), (Some("kkaz-"), Some("6544")));
    refuses::<Replaces>("a@b;to-tag=1", 12);
    refuses::<Replaces>("a@b;to-tag=1;from-tag=2;to-tag=3", 32);
    refuses::<Join>(";to-tag=1;from-tag=2", 0);
    let id = "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{";
    assert_eq!(reads::<CallId>(id, id).0, id);
    refuses::<CallId>("a b", 2);
    refuses::<CallId>("", 0);
    reads::<InReplyTo>("70710@saturn.bell-tel.com", "70710@saturn.bell-tel.com");
}
