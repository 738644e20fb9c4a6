//! The watchers of MSRP: a sound exchange passes, and each property is named that a changed one breaks.

use sipsimple_core::agent::{Event, EventKind};
use sipsimple_core::id::{ConnId, SessionId, StreamId};
use sipsimple_core::msrp::Chunk;
use sipsimple_core::stream::{ChatEvent, StreamEvent};
use sipsimple_core::time::{Instant, Utc};

use crate::draft::Draft;
use crate::msrp::Cutter;
use crate::property::{MsrpCodes, MsrpFrames, MsrpLines, MsrpMessages, Property};
use crate::wire::{Fate, MsrpSight};

use super::Stage;

const HERE: &str = "msrp://10.0.0.1:2855/abcdefghijklmnop;tcp";
const THERE: &str = "msrp://10.9.0.1:2855/ponmlkjihgfedcba;tcp";
const CONN: ConnId = ConnId::of_msrp(0);

impl Stage {
    fn wire(self, fate: Fate, bodies: u64, text: &str) -> Self {
        self.wire_on(CONN, fate, bodies, text)
    }

    fn wire_on(mut self, conn: ConnId, fate: Fate, bodies: u64, text: &str) -> Self {
        let at = Instant::from_millis(self.at);
        for frame in Cutter::default().feed(text.as_bytes()) {
            let frame = &frame.unwrap();
            self.watch.frame(&MsrpSight { at, fate, host: 0, conn, opened: true, bodies, frame });
        }
        self
    }

    fn writes(self, text: &str) -> Self {
        self.wire(Fate::Sent, 0, text)
    }

    fn reads(self, text: &str) -> Self {
        self.wire(Fate::Arrived, 0, text)
    }

    fn closes(mut self) -> Self {
        self.watch.closed(0, CONN, Instant::from_millis(self.at));
        self
    }

    fn tells(mut self, event: ChatEvent) -> Self {
        let (id, session, event) = (StreamId::from_u64(0), SessionId::from_u64(0), StreamEvent::Chat(event));
        let kind = EventKind::Stream { id, session, kind: "chat".into(), event };
        let event = Event { timestamp: Utc { unix_millis: 0 }, kind };
        self.watch.told(0, Instant::from_millis(self.at), &event);
        self
    }
}

/// A frame that the host writes, or with `back` one that it reads.
fn frame(back: bool, what: &str, fields: &str, end: &str) -> String {
    let (to, from) = if back { (HERE, THERE) } else { (THERE, HERE) };
    format!("MSRP t123 {what}\r\nTo-Path: {to}\r\nFrom-Path: {from}\r\n{fields}-------t123{end}\r\n")
}

fn send(back: bool, fields: &str, body: &str, end: &str) -> String {
    frame(back, "SEND", &format!("Message-ID: m001\r\n{fields}Content-Type: message/cpim\r\n\r\n{body}\r\n"), end)
}

fn bind() -> String {
    frame(false, "SEND", "Message-ID: b001\r\nByte-Range: 1-0/0\r\n", "$")
}

fn report(back: bool, range: &str, status: &str) -> String {
    frame(back, "REPORT", &format!("Message-ID: m001\r\nByte-Range: {range}\r\nStatus: 000 {status}\r\n"), "$")
}

fn cpim() -> &'static str {
    "From: <sip:a@b>\r\nTo: <sip:c@d>\r\nDateTime: 2010-12-08T10:18:00Z\r\n\r\nContent-Type: text/plain\r\n\r\nhi"
}

fn range(body: &str) -> String {
    format!("Byte-Range: 1-{0}/{0}\r\n", body.len())
}

fn arrived() -> ChatEvent {
    ChatEvent::DidDeliverMessage { message_id: "m001".into(), code: 200, reason: "OK".into(), chunk: None::<Chunk> }
}

fn failed() -> ChatEvent {
    ChatEvent::DidNotDeliverMessage { message_id: "m001".into(), code: 408, reason: "".into(), chunk: None }
}

fn stage(property: impl Property + 'static) -> Stage {
    Stage::new(property)
}

#[test]
fn frames_of_a_sound_exchange_pass() {
    let asks = format!("{}Success-Report: yes\r\n", range(cpim()));
    let len = cpim().len();
    stage(MsrpFrames::default())
        .writes(&bind())
        .reads(&frame(true, "200 OK", "", "$"))
        .reads(&send(true, &asks, cpim(), "$"))
        .writes(&frame(false, "200 OK", "", "$"))
        .writes(&report(false, &format!("1-{len}/{len}"), "200 OK"))
        .breaks(&[]);
}

#[test]
fn frames_that_break_a_property_are_named() {
    let (ask, no) = (range("hello"), "Failure-Report: no\r\n");
    let partial = "Failure-Report: partial\r\n";
    let ok = frame(false, "200 OK", "", "$");
    let new = || stage(MsrpFrames::default());
    // MSR-13: the first frame is no SEND.
    new().writes(&report(false, "1-1/1", "200 OK")).breaks(&["MSR-10", "MSR-13"]);
    let new = || new().writes(&bind());
    new().writes(&bind()).breaks(&["MSR-9", "OA-12"]);
    new().reads(&send(true, &ask, "hello", "$")).wait(61_000).breaks(&["MSR-3"]);
    new().reads(&send(true, &ask, "hello", "$")).writes(&ok).writes(&ok).breaks(&["MSR-3"]);
    new().reads(&send(true, &format!("{ask}{no}"), "hello", "$")).writes(&ok).breaks(&["MSR-3"]);
    new().reads(&send(true, &format!("{ask}{partial}"), "hello", "$")).writes(&ok).breaks(&["MSR-3"]);
    new().reads(&report(true, "1-1/1", "200 OK")).writes(&ok).breaks(&["MSR-2"]);
    let heavy = frame(false, "200 OK", "Content-Type: a/b\r\n\r\nx\r\n", "$");
    new().reads(&send(true, &ask, "hello", "$")).writes(&heavy).breaks(&["MSR-2"]);
    let astray = ok.replace(THERE, "msrp://10.9.0.7:1/zzzz;tcp");
    new().reads(&send(true, &ask, "hello", "$")).writes(&astray).breaks(&["MSR-11"]);
    let turned = ok.replace("To-Path", "X").replace("From-Path", "To-Path").replace("X:", "From-Path:");
    new().reads(&send(true, &ask, "hello", "$")).writes(&turned).breaks(&["MSR-11"]);
    // An answer that stands behind a long body: that of a session that has begun.
    let hello = send(true, &ask, "hello", "$");
    let (next, late) = (hello.replace("t123", "t124"), ok.replace("t123", "t124"));
    new().reads(&hello).writes(&ok).reads(&next).wire(Fate::Sent, 5000, &late).breaks(&["MSR-8"]);
    new().reads(&hello).wire(Fate::Sent, 5000, &ok).breaks(&[]);
    let long = "x".repeat(3000);
    new().writes(&send(false, &range(&long), &long, "$")).breaks(&["MSR-8"]);
    new().writes(&send(false, "Byte-Range: 1-9/9\r\n", "hello", "+")).breaks(&["MSR-6"]);
    new().writes(&send(false, "Byte-Range: 0-*/9\r\n", "hello", "+")).breaks(&["MSR-6", "MSR-9"]);
    let second = send(false, "Byte-Range: 7-*/10\r\n", "there", "$");
    new().writes(&send(false, "Byte-Range: 1-*/10\r\n", "hello", "+")).writes(&second).breaks(&["MSR-6", "MSR-9"]);
    new().writes(&send(false, "Byte-Range: 1-*/10\r\n", "hello", "$")).breaks(&["MSR-9"]);
    // MSR-10: nobody wants it, it has not come, or it is wanted and does not go out.
    new()
        .reads(&send(true, &ask, "hello", "$"))
        .writes(&ok)
        .writes(&report(false, "1-5/5", "200 OK"))
        .breaks(&["MSR-10"]);
    let wanted = format!("{ask}Success-Report: yes\r\n");
    let asked = || new().reads(&send(true, &wanted, "hello", "$")).writes(&ok);
    asked().writes(&report(false, "1-9/9", "200 OK")).breaks(&["MSR-10"]);
    asked().wait(61_000).breaks(&["MSR-10"]);
    let again = report(false, "1-5/5", "200 OK").replace("Status", "Success-Report: yes\r\nStatus");
    asked().writes(&again).breaks(&["MSR-2"]);
}

#[test]
fn what_is_no_frame_is_named() {
    let mut cutter = Cutter::default();
    let text = format!("{}garbage", bind());
    let found = cutter.feed(text.as_bytes());
    assert!(matches!(&found[..], [Ok(_), Err(_)]), "{found:?}");
    // The line that ends a frame is told whole, wherever the bytes are cut.
    let text = send(false, "", "a\r\n-------t12$\r\n-------t123\r\nb", "+");
    let whole = Cutter::default().feed(text.as_bytes());
    let mut cutter = Cutter::default();
    let pieces: Vec<_> = text.bytes().flat_map(|byte| cutter.feed(&[byte])).collect();
    assert_eq!((whole.len(), &whole), (1, &pieces));
}

#[test]
fn messages_and_their_fates() {
    let asks = format!("{}Success-Report: yes\r\n", range(cpim()));
    let sent = send(false, &asks, cpim(), "$");
    let new = || stage(MsrpMessages::default());
    let whole = format!("1-{0}/{0}", cpim().len());
    let ok = frame(true, "200 OK", "", "$");
    new().writes(&sent).reads(&ok).reads(&report(true, &whole, "200 OK")).tells(arrived()).closes().breaks(&[]);
    new().writes(&sent).wait(32_000).breaks(&["MSR-4"]);
    new().writes(&sent).wait(30_000).tells(failed()).breaks(&[]);
    new().writes(&sent).tells(failed()).tells(failed()).breaks(&["MSR-4"]);
    new().writes(&sent).reads(&ok).reads(&report(true, &whole, "200 OK")).breaks(&["MSR-10"]);
    new().writes(&sent).reads(&ok).closes().breaks(&["MSR-14"]);
    new().writes(&sent).reads(&frame(true, "413 No", "", "$")).breaks(&["MSR-14"]);
    let whole = format!("Byte-Range: 1-*/{}\r\nSuccess-Report: yes\r\n", cpim().len());
    new().writes(&send(false, &whole, "From", "#")).wait(40_000).closes().breaks(&[]);
    let bare = "no header\r\n\r\nhi";
    let bad = format!("{}Success-Report: yes\r\n", range(bare));
    new().writes(&send(false, &bad, bare, "$")).tells(failed()).breaks(&["MSR-16"]);
}

#[test]
fn messages_that_come() {
    let new = || stage(MsrpMessages::default());
    let got = |content: &'static str| {
        let message = sipsimple_core::stream::ReceivedMessage {
            id: "m001".into(),
            sender: sipsimple_core::payload::cpim::Address { name: None, uri: "sip:a@b".into() },
            recipients: Vec::new(),
            courtesy_recipients: Vec::new(),
            subjects: Vec::new(),
            timestamp: Utc { unix_millis: 0 },
            required: Vec::new(),
            additional_headers: Vec::new(),
            content_type: "text/plain".into(),
            content: content.into(),
            cpim: true,
        };
        ChatEvent::GotMessage { message: Box::new(message) }
    };
    let (first, second) = cpim().split_at(20);
    let total = cpim().len();
    let first = send(true, &format!("Byte-Range: 1-*/{total}\r\n"), first, "+");
    let rest = |end| send(true, &format!("Byte-Range: 21-*/{total}\r\n"), second, end);
    new().reads(&first).reads(&rest("$")).tells(got("hi")).breaks(&[]);
    new().reads(&rest("$")).reads(&first).tells(got("hi")).breaks(&[]);
    new().reads(&first).reads(&rest("$")).breaks(&["MSR-5"]);
    new().reads(&first).reads(&rest("$")).tells(got("ho")).breaks(&["MSR-5"]);
    new().reads(&first).reads(&rest("$")).tells(got("hi")).tells(got("hi")).breaks(&["MSR-5"]);
    new().reads(&first).tells(got("hi")).breaks(&["MSR-5"]);
    new().reads(&first).reads(&rest("#")).tells(got("hi")).breaks(&["MSR-5", "MSR-7"]);
}

#[test]
fn lines_relays_and_nicknames() {
    let line = |rest: &str| {
        format!("m=message 2855 TCP/MSRP *\r\na=path:{HERE}\r\na=accept-types:message/cpim text/*\r\n{rest}")
    };
    let with = |draft: Draft, media: &str| {
        let sdp = format!("v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n{media}");
        draft.body("application/sdp", sdp)
    };
    let offer = |media: &str| with(super::ours("INVITE", "one"), media);
    let see = |media: &str| stage(MsrpLines::default()).sent(&offer(media));
    see(&line("")).breaks(&[]);
    see(&line("").replace(" *\r\n", " 0\r\n")).breaks(&["OA-12"]);
    see(&line("").replace("message 2855", "message 2856")).breaks(&["OA-12"]);
    see(&line("").replace("TCP/MSRP", "TCP/TLS/MSRP")).breaks(&["OA-12"]);
    see(&line("").replace("a=accept-types:message/cpim text/*\r\n", "")).breaks(&["OA-12"]);
    see(&line("").replace("abcdefghijklmnop", "abcd")).breaks(&["OA-12"]);
    let file =
        |id: &str| line(&format!("a=sendonly\r\na=file-selector:name:\"a\" size:3\r\na=file-transfer-id:{id}\r\n"));
    see(&file("one")).breaks(&[]);
    see(&file("one")).sent(&offer(&file("two"))).breaks(&["OA-13"]);
    // The peer begins another in its place.
    let asks = |id: &str| with(super::theirs("INVITE", id), &file(id).replace(HERE, THERE));
    let renewed = |id: &str| {
        let invite = asks("two");
        see(&file("one")).got(&invite).sent(&with(super::answer(&invite, 200), &file(id)))
    };
    renewed("two").breaks(&[]);
    renewed("six").breaks(&["OA-13"]);
    let part = |id: &str| send(false, "", "abc", "$").replace("m001", id);
    renewed("two").writes(&part("m001")).breaks(&[]);
    see(&file("one")).writes(&part("m001")).writes(&part("m002")).breaks(&["OA-13"]);
    // MSR-17.
    let nickname = frame(false, "NICKNAME", "Use-Nickname: \"ally\"\r\n", "$");
    see(&line("")).writes(&nickname).breaks(&["MSR-17"]);
    let room = offer(&line("a=chatroom:nickname private-messages\r\n").replace(HERE, THERE));
    stage(MsrpLines::default()).got(&room).writes(&nickname).breaks(&[]);
    // MSR-15.
    let new = || stage(MsrpLines::default());
    let (auth, with) = (frame(false, "AUTH", "", "$"), frame(false, "AUTH", "Authorization: Digest x=y\r\n", "$"));
    let challenge = frame(true, "401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\"\r\n", "$");
    let granted = frame(true, "200 OK", &format!("Use-Path: {THERE}\r\nExpires: 60\r\n"), "$");
    let talk = || new().writes(&auth).reads(&challenge).writes(&with).reads(&granted);
    talk().wait(50_000).writes(&with).breaks(&[]);
    talk().wait(61_000).breaks(&["MSR-15"]);
    talk().closes().breaks(&[]);
    new().writes(&with).breaks(&["MSR-15"]);
    new().writes(&auth).reads(&challenge).writes(&auth).breaks(&["MSR-15"]);
}

/// MSR-12: each code has its reason, and each reason its code.
#[test]
fn codes_of_answers() {
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=message 2855 TCP/MSRP *\r\n\
         a=path:{HERE}\r\na=accept-types:message/cpim text/*\r\n"
    );
    let unknown = || stage(MsrpCodes::default());
    let known = || unknown().sent(&super::ours("INVITE", "one").body("application/sdp", sdp.clone()));
    let answer = |code: u16| frame(false, &code.to_string(), "", "$");
    let fits = send(true, &range("hello"), "hello", "$");
    let (image, odd) = (fits.replace("message/cpim", "image/png"), frame(true, "PRANK", "", "$"));
    let due = [(&fits, 200), (&image, 415), (&odd, 501)];
    for (asked, right) in due {
        for code in [200, 415, 501, 506] {
            let broken: &[&str] = if code == right { &[] } else { &["MSR-12"] };
            known().reads(asked).writes(&answer(code)).breaks(broken);
            // An answer may come before all of the request has.
            known().writes(&answer(code)).reads(asked).breaks(broken);
            unknown().reads(asked).writes(&answer(code)).breaks(&["MSR-12"]);
        }
        for code in [400, 413, 481] {
            known().reads(asked).writes(&answer(code)).breaks(&[]);
            unknown().reads(asked).writes(&answer(code)).breaks(&[]);
        }
        known().reads(asked).writes(&answer(404)).breaks(&["MSR-12"]);
    }
    let other = ConnId::accepted(7);
    let again = fits.replace("t123", "t124");
    let bound = || known().reads(&fits).writes(&answer(200));
    let on_other = |stage: Stage, code: u16| {
        let answer = answer(code).replace("t123", "t124");
        stage.wire_on(other, Fate::Arrived, 0, &again).wire_on(other, Fate::Sent, 0, &answer)
    };
    on_other(bound(), 506).breaks(&[]);
    on_other(bound(), 200).breaks(&["MSR-12"]);
    // The session may be had again where its connection is gone.
    on_other(bound().closes(), 200).breaks(&[]);
}
