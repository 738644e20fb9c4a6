//! Those who watch what happens within dialogs, and what is offered there.

use sipsimple_core::agent::{Event, EventKind};
use sipsimple_core::cause::{By, Cause};
use sipsimple_core::id::SessionId;
use sipsimple_core::session::{SessionEvent, SessionState};
use sipsimple_core::stream::Originator;
use sipsimple_core::time::{Instant, Utc};

use super::super::{Dialogs, Forks, OfferAnswer, Reinvites, Usages};
use super::{Stage, answer, back, next, ours, own, peer, sdp, theirs};
use crate::draft::{Draft, audio};

fn ack(invite: &Draft, code: u16) -> Draft {
    Draft::ack(&invite.sip(), &answer(invite, code).sip())
}

/// Another answer than that of the one with the usual tag.
fn forked(invite: &Draft, code: u16, tag: &str) -> Draft {
    Draft::response(&invite.sip(), code, tag).with("Contact", "<sip:somebody@10.9.0.1:5060>")
}

impl Stage {
    /// The host's session goes on to this state.
    fn becomes(self, state: SessionState) -> Self {
        self.told(SessionEvent::ChangedState { prev_state: SessionState::Connected, state })
    }

    /// The session of the host has ended, for this reason.
    fn ended(self, end_reason: &'static str) -> Self {
        let (originator, stop_time) = (Originator::Local, Utc { unix_millis: 0 });
        let cause = Cause::new(By::Local, end_reason);
        let end_reason = end_reason.into();
        self.told(SessionEvent::DidEnd { originator, end_reason, start_time: None, stop_time, cause })
    }

    fn told(mut self, event: SessionEvent) -> Self {
        let kind = EventKind::Session { id: SessionId::from_u64(0), event };
        let event = Event { timestamp: Utc { unix_millis: 0 }, kind };
        self.watch.told(0, Instant::from_millis(self.at), &event);
        self
    }
}

#[test]
fn one_invite_at_a_time() {
    let invite = theirs("INVITE", "one");
    let up = || Stage::new(Reinvites::default()).got(&invite).sent(&answer(&invite, 200)).got(&ack(&invite, 200));
    let own = |number, name| back(&invite, "INVITE", number, name);
    let other = |number, name| next(&invite, "INVITE", number, name);
    let (first, come) = (own(1, "a"), other(2, "r"));
    up().sent(&first).got(&answer(&first, 200)).sent(&own(2, "b")).breaks(&[]);
    up().sent(&first).sent(&own(2, "b")).breaks(&["DLG-10"]);
    up().got(&come).sent(&first).breaks(&["DLG-10"]);
    // What nobody has answered for so long has failed, and so may have what was written before a connection was lost.
    up().sent(&first).wait(33_000).sent(&own(2, "b")).breaks(&[]);
    up().sent(&first).wait(1).lost().sent(&own(2, "b")).breaks(&[]);
    for (code, broken) in [(491, None), (481, None), (200, Some("DLG-10")), (486, Some("DLG-10"))] {
        up().sent(&first).got(&come).sent(&answer(&come, code)).breaks(broken.as_slice());
    }
    let second = other(3, "s");
    let later = answer(&second, 500).with("Retry-After", "7");
    up().got(&come).got(&second).sent(&later).sent(&answer(&come, 200)).breaks(&[]);
    for wrong in [answer(&second, 500), answer(&second, 500).with("Retry-After", "11"), answer(&second, 491)] {
        up().got(&come).got(&second).sent(&wrong).sent(&answer(&come, 200)).breaks(&["DLG-10"]);
    }
    up().got(&come).sent(&answer(&come, 200)).got(&second).sent(&answer(&second, 200)).breaks(&[]);
}

#[test]
fn who_owns_the_call_id_waits_after_a_491() {
    let refused = |first: &Draft, stage: Stage| stage.sent(first).got(&answer(first, 491));
    let invite = ours("INVITE", "one");
    let up = || Stage::new(Reinvites::default()).sent(&invite).got(&answer(&invite, 200)).sent(&ack(&invite, 200));
    let (first, again) = (next(&invite, "INVITE", 2, "a"), next(&invite, "INVITE", 3, "b"));
    refused(&first, up()).wait(2100).sent(&again).breaks(&[]);
    refused(&first, up()).wait(2000).sent(&again).breaks(&["DLG-11"]);
    // One of the other side that goes first changes nothing.
    let other = back(&invite, "INVITE", 1, "o");
    refused(&first, up()).wait(50).got(&other).sent(&answer(&other, 200)).sent(&again).breaks(&["DLG-11"]);
    let invite = theirs("INVITE", "one");
    let up = || Stage::new(Reinvites::default()).got(&invite).sent(&answer(&invite, 200)).got(&ack(&invite, 200));
    let (first, again) = (back(&invite, "INVITE", 1, "a"), back(&invite, "INVITE", 2, "b"));
    refused(&first, up()).wait(10).sent(&again).breaks(&[]);
}

#[test]
fn one_offer_at_a_time() {
    let invite = theirs("INVITE", "one");
    let up = || Stage::new(Reinvites::default()).got(&invite).sent(&answer(&invite, 200)).got(&ack(&invite, 200));
    let update = |number, name| back(&invite, "UPDATE", number, name);
    let first = sdp(update(1, "a"));
    up().sent(&first).got(&answer(&first, 200)).sent(&sdp(update(2, "b"))).breaks(&[]);
    up().sent(&first).sent(&sdp(update(2, "b"))).breaks(&["OA-1"]);
    up().sent(&first).sent(&update(2, "b")).breaks(&[]);
    up().sent(&first).sent(&sdp(back(&invite, "INVITE", 2, "b"))).breaks(&["OA-1"]);
    let come = sdp(next(&invite, "UPDATE", 2, "u"));
    up().got(&come).sent(&first).breaks(&["OA-1"]);
    up().got(&come).sent(&answer(&come, 200)).sent(&first).breaks(&[]);
    // An offer in a 2xx waits for the ACK.
    let late = || Stage::new(Reinvites::default()).got(&invite).sent(&sdp(answer(&invite, 200)));
    late().sent(&first).breaks(&["OA-1"]);
    late().got(&ack(&invite, 200)).sent(&first).breaks(&[]);
}

#[test]
fn what_ends_a_call() {
    let invite = theirs("INVITE", "one");
    let up = || Stage::new(Usages::default()).got(&invite).sent(&answer(&invite, 200)).got(&ack(&invite, 200));
    let again = back(&invite, "INVITE", 1, "a");
    let bye = back(&invite, "BYE", 2, "b");
    let refused = |code| up().sent(&again).wait(20).got(&answer(&again, code));
    for (code, broken) in [(481, "DLG-12"), (408, "DLG-12"), (404, "DLG-15"), (501, "DLG-15"), (604, "DLG-15")] {
        refused(code).breaks(&[broken]);
        refused(code).sent(&bye).breaks(&[]);
        refused(code).got(&next(&invite, "BYE", 2, "c")).breaks(&[]);
    }
    for code in [486, 488, 491, 500, 603] {
        refused(code).breaks(&[]);
        refused(code).wait(1).sent(&bye).breaks(&[]);
        let left = || refused(code).sent(&bye);
        left().wait(70_000).breaks(&["DLG-12"]);
        left().ended("media stream failed: it broke").wait(70_000).breaks(&["DLG-12"]);
        // Its user has hung up just then.
        left().wait(10).ended("user request").wait(70_000).breaks(&[]);
        // Its user has hung up before, and that waited for the answer.
        up().becomes(SessionState::Terminating).sent(&again).got(&answer(&again, code)).sent(&bye).breaks(&[]);
    }
    up().sent(&again).wait(34_000).breaks(&["DLG-12"]);
    up().sent(&again).wait(32_000).sent(&bye).breaks(&[]);
    let update = back(&invite, "UPDATE", 1, "u");
    up().sent(&update).wait(34_000).breaks(&["DLG-12"]);
    // Before it is up there is nothing to end.
    Stage::new(Usages::default()).got(&invite).sent(&update).got(&answer(&update, 481)).breaks(&[]);
}

#[test]
fn answers_that_come_late() {
    let invite = theirs("INVITE", "one");
    let late = || Stage::new(Usages::default()).got(&invite).sent(&sdp(answer(&invite, 200)));
    let bye = back(&invite, "BYE", 1, "b");
    late().got(&sdp(ack(&invite, 200))).breaks(&[]);
    late().got(&ack(&invite, 200)).breaks(&["DLG-16"]);
    late().got(&ack(&invite, 200)).sent(&bye).breaks(&[]);
    let video = audio(peer(), 4000).replace("m=audio", "m=video");
    late().got(&ack(&invite, 200).body("application/sdp", video)).breaks(&["DLG-16"]);
    // Nothing of an offer in a 2xx can be used.
    let invite = ours("INVITE", "one");
    let asks = || Stage::new(Usages::default()).sent(&invite).got(&sdp(answer(&invite, 200)));
    let nothing = ack(&invite, 200).body("application/sdp", audio(own(), 0));
    asks().sent(&sdp(ack(&invite, 200))).breaks(&[]);
    asks().sent(&nothing).breaks(&["OA-8"]);
    asks().sent(&nothing).sent(&next(&invite, "BYE", 2, "b")).breaks(&[]);
}

#[test]
fn forks() {
    let invite = ours("INVITE", "one");
    let within = |method: &str, tag: &str, number, name: &str| {
        let to = invite.sip().header("to").unwrap().to_owned();
        next(&invite, method, number, name).set("To", format!("{to};tag={tag}"))
    };
    let acknowledges =
        |stage: Stage, tag: &str| stage.sent(&Draft::ack(&invite.sip(), &forked(&invite, 200, tag).sip()));
    let new = || Stage::new(Forks::default()).sent(&invite).got(&forked(&invite, 180, "a"));
    let update = within("UPDATE", "a", 2, "u");
    new().sent(&update).breaks(&[]);
    new().got(&forked(&invite, 486, "a")).sent(&update).breaks(&["DLG-9"]);
    new().got(&forked(&invite, 486, "b")).sent(&update).breaks(&["DLG-9"]);
    let up = || acknowledges(new().got(&forked(&invite, 200, "a")), "a");
    up().sent(&update).breaks(&[]);
    let two = || up().got(&forked(&invite, 200, "b"));
    two().breaks(&["DLG-8"]);
    acknowledges(two(), "b").breaks(&["DLG-8"]);
    acknowledges(two(), "b").sent(&within("BYE", "b", 2, "y")).breaks(&[]);
    acknowledges(two(), "b").got(&back(&invite, "BYE", 1, "z")).breaks(&["DLG-8"]);
    // One that has only rung is gone, after some time.
    let rung = || acknowledges(new().got(&forked(&invite, 180, "c")).got(&forked(&invite, 200, "a")), "a");
    rung().sent(&within("UPDATE", "c", 2, "v")).breaks(&[]);
    rung().wait(33_000).sent(&within("UPDATE", "c", 2, "v")).breaks(&["DLG-8"]);
    rung().wait(33_000).sent(&update).breaks(&[]);
}

#[test]
fn a_cancelled_invite_is_over_in_time() {
    let invite = ours("INVITE", "one");
    let cancels = || {
        let rings = Stage::new(Forks::default()).sent(&invite).got(&answer(&invite, 180));
        rings.sent(&Draft::cancel(&invite.sip()))
    };
    let late = |stage: Stage, code| stage.got(&answer(&invite, code)).sent(&ack(&invite, code));
    late(cancels().wait(31_000), 200).breaks(&[]);
    late(cancels().wait(31_000), 487).breaks(&[]);
    late(cancels().wait(33_000), 200).breaks(&["CAN-4"]);
    late(cancels().wait(33_000), 487).breaks(&["CAN-4"]);
    cancels().wait(33_000).got(&answer(&invite, 200)).breaks(&[]);
}

#[test]
fn targets() {
    let invite = theirs("INVITE", "one");
    let up = || Stage::new(Dialogs::default()).got(&invite).sent(&answer(&invite, 200)).got(&ack(&invite, 200));
    let moved = next(&invite, "INVITE", 2, "m").set("Contact", "<sip:moved@10.9.0.1:5060>");
    let old = back(&invite, "OPTIONS", 1, "o");
    let new = old.clone().start("OPTIONS sip:moved@10.9.0.1:5060 SIP/2.0");
    up().got(&moved).sent(&answer(&moved, 200)).sent(&new).breaks(&[]);
    up().got(&moved).sent(&answer(&moved, 200)).sent(&old).breaks(&["DLG-6"]);
    up().got(&moved).sent(&answer(&moved, 488)).sent(&old).breaks(&[]);
    up().got(&moved).sent(&answer(&moved, 488)).sent(&new).breaks(&["DLG-6"]);
    up().sent(&old.start("OPTIONS sip:elsewhere@10.9.0.1:5060 SIP/2.0")).breaks(&["DLG-3"]);
    // Of an INVITE of the host an unreliable response names none.
    let own = back(&invite, "INVITE", 1, "i");
    let rings = answer(&own, 180).set("Contact", "<sip:moved@10.9.0.1:5060>");
    let options = |uri: &str| back(&invite, "OPTIONS", 2, "p").start(format!("OPTIONS {uri} SIP/2.0"));
    let ringing = || up().sent(&own).got(&rings);
    ringing().sent(&options(invite.sip().contact())).breaks(&[]);
    ringing().sent(&options("sip:moved@10.9.0.1:5060")).breaks(&["DLG-6"]);
    let reliable = rings.with("Require", "100rel").with("RSeq", "1");
    up().sent(&own).got(&reliable).sent(&options("sip:moved@10.9.0.1:5060")).breaks(&[]);
}

/// An offer that the host gets, and its answer.
fn answers(asked: &str, said: &str) -> Stage {
    let invite = theirs("INVITE", "one");
    let (offer, answer) = (described(&invite, 1, asked), described(&answer(&invite, 200), 1, said));
    Stage::new(OfferAnswer::default()).got(&offer).sent(&answer)
}

fn described(draft: &Draft, version: u32, text: &str) -> Draft {
    draft.clone().body("application/sdp", text.replace("o=- 1 1 ", &format!("o=- 1 {version} ")))
}

#[test]
fn what_cannot_be_used_is_refused() {
    let offer = audio(peer(), 4000);
    answers(&offer, &audio(own(), 5000)).breaks(&[]);
    answers(&offer, &audio(own(), 0)).breaks(&["OA-8"]);
    answers(&audio(peer(), 0), &audio(own(), 0)).breaks(&[]);
}

#[test]
fn keys() {
    let secure = |text: String, keys: &str| text.replace("RTP/AVP", "RTP/SAVP") + keys;
    let key = |tag: u32, suite: &str, key: &str| format!("a=crypto:{tag} {suite} inline:{key}\r\n");
    let (first, second) = (key(1, "AES_CM_128_HMAC_SHA1_80", "one"), key(2, "AES_CM_128_HMAC_SHA1_32", "two"));
    let offer = secure(audio(peer(), 4000), &format!("{first}{second}"));
    let said = |keys: &str| answers(&offer, &secure(audio(own(), 5000), keys));
    said(&key(2, "AES_CM_128_HMAC_SHA1_32", "three")).breaks(&[]);
    said("").breaks(&["OA-10"]);
    said(&format!("{}{}", key(1, "AES_CM_128_HMAC_SHA1_80", "x"), key(2, "AES_CM_128_HMAC_SHA1_32", "y")))
        .breaks(&["OA-10"]);
    said(&key(3, "AES_CM_128_HMAC_SHA1_32", "three")).breaks(&["OA-10"]);
    said(&key(1, "AES_CM_128_HMAC_SHA1_32", "three")).breaks(&["OA-10"]);
    said(&first).breaks(&["OA-10"]);
}

#[test]
fn ways_of_media() {
    let said = |asked: &str, said: &str| answers(&(audio(peer(), 4000) + asked), &(audio(own(), 5000) + said));
    said("a=rtcp-mux\r\n", "a=rtcp-mux\r\n").breaks(&[]);
    said("", "a=rtcp-mux\r\n").breaks(&["OA-11"]);
    for (asked, answered, fits) in [
        ("actpass", "active", true),
        ("actpass", "passive", true),
        ("actpass", "actpass", false),
        ("active", "passive", true),
        ("active", "active", false),
        ("passive", "passive", false),
    ] {
        let broken: &[&str] = if fits { &[] } else { &["OA-11"] };
        said(&format!("a=setup:{asked}\r\n"), &format!("a=setup:{answered}\r\n")).breaks(broken);
    }
    let ice = |name: &str| format!("a=ice-ufrag:{name}\r\na=ice-pwd:{name}secret\r\n");
    said(&ice("x"), &ice("y")).breaks(&[]);
    said("", &ice("y")).breaks(&["OA-11"]);
    let again = |second: [&str; 2]| {
        let version = if second[1] == "y" { 1 } else { 2 };
        let [asked, answered] = second.map(ice);
        let invite = next(&theirs("INVITE", "one"), "INVITE", 2, "again");
        let offer = described(&invite, 2, &(audio(peer(), 4000) + &asked));
        let stage = said(&ice("x"), &ice("y")).got(&offer);
        stage.sent(&described(&answer(&invite, 200), version, &(audio(own(), 5000) + &answered)))
    };
    again(["x2", "y2"]).breaks(&[]);
    again(["x2", "y"]).breaks(&["OA-11"]);
    again(["x", "y2"]).breaks(&["OA-11"]);
    let candidate = |ip: &str| format!("{}a=candidate:1 1 UDP 1 {ip} 4000 typ host\r\n", ice("x"));
    said(&candidate("10.9.0.1"), &candidate("10.0.0.1")).breaks(&[]);
    said(&candidate("10.9.9.9"), &candidate("10.0.0.1")).breaks(&["OA-11"]);
    said(&candidate("10.9.9.9"), "a=ice-mismatch\r\n").breaks(&[]);
}
