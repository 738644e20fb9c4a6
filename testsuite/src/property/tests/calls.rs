//! Those who watch calls.

use super::super::{Dialogs, OfferAnswer, Prack, Reason, Refer, Replaces, SessionTimer, Update};
use super::{Stage, answer, back, next, ours, own, sdp, theirs};
use crate::draft::{Draft, audio};

fn reliable(invite: &Draft, code: u16, rseq: u32) -> Draft {
    answer(invite, code).with("Require", "100rel").with("RSeq", rseq.to_string())
}

fn prack(invite: &Draft, rseq: u32, name: &str) -> Draft {
    let number = u32::from(name.len() as u16) + 1;
    next(invite, "PRACK", number, name).with("RAck", format!("{rseq} 1 INVITE"))
}

#[test]
fn reliable_responses_that_a_host_sends() {
    let invite = theirs("INVITE", "one").with("Supported", "100rel");
    let ringing = reliable(&invite, 180, 7);
    let rings = || Stage::new(Prack::default()).got(&invite).sent(&ringing);
    let ends = |stage: Stage| stage.sent(&answer(&invite, 486));
    let acknowledges = |stage: Stage, code| {
        let prack = prack(&invite, 7, "p");
        stage.got(&prack).sent(&answer(&prack, code))
    };

    ends(acknowledges(rings().wait(500).sent(&ringing).wait(1000).sent(&ringing), 200)).breaks(&[]);
    let second = reliable(&invite, 183, 8);
    let again = |stage: Stage| stage.got(&prack(&invite, 8, "q2")).sent(&answer(&prack(&invite, 8, "q2"), 200));
    ends(again(acknowledges(rings(), 200).sent(&second))).breaks(&[]);

    // PRK-1
    let plain = theirs("INVITE", "one");
    ends(Stage::new(Prack::default()).got(&plain).sent(&ringing)).breaks(&["PRK-1"]);
    let asking = theirs("INVITE", "one").with("Require", "100rel");
    ends(Stage::new(Prack::default()).got(&asking).sent(&answer(&asking, 180))).breaks(&["PRK-1"]);
    // PRK-2
    ends(Stage::new(Prack::default()).got(&invite).sent(&reliable(&invite, 180, 0))).breaks(&["PRK-2"]);
    ends(rings().sent(&second)).breaks(&["PRK-2"]);
    ends(acknowledges(rings(), 200).sent(&reliable(&invite, 183, 9))).breaks(&["PRK-2"]);
    // PRK-3
    ends(rings().wait(400).sent(&ringing)).breaks(&["PRK-3"]);
    ends(rings().wait(600)).breaks(&["PRK-3"]);
    ends(acknowledges(rings(), 200).wait(500).sent(&ringing)).breaks(&["PRK-3"]);
    let unheard =
        || [500, 1000, 2000, 4000, 8000, 16_000].iter().fold(rings(), |stage, pause| stage.wait(*pause).sent(&ringing));
    unheard().wait(500).sent(&answer(&invite, 504)).breaks(&[]);
    unheard().wait(1000).breaks(&["PRK-3"]);
    // PRK-4
    ends(acknowledges(rings(), 481)).breaks(&["PRK-4"]);
    let wrong = prack(&invite, 9, "p");
    ends(acknowledges(rings().got(&wrong).sent(&answer(&wrong, 200)), 481)).breaks(&["PRK-4"]);
    // PRK-6
    let described = sdp(reliable(&invite, 183, 7));
    let accepted = answer(&invite, 200);
    Stage::new(Prack::default()).got(&invite).sent(&described).sent(&accepted).breaks(&["PRK-6"]);
    ends(rings()).wait(10).sent(&ringing).breaks(&["PRK-6", "PRK-3"]);
}

#[test]
fn reliable_responses_that_a_host_gets() {
    let invite = sdp(ours("INVITE", "one")).with("Supported", "100rel");
    let rings = |rseq| Stage::new(Prack::default()).sent(&invite).got(&reliable(&invite, 180, rseq));
    let (first, second) = (prack(&invite, 5, "p"), prack(&invite, 6, "q2"));
    rings(5).sent(&first).got(&reliable(&invite, 183, 6)).sent(&second).breaks(&[]);
    // It comes again, and needs no other PRACK; one that is out of order needs none.
    rings(5).sent(&first).got(&reliable(&invite, 180, 5)).got(&reliable(&invite, 183, 7)).breaks(&[]);
    rings(5).breaks(&["PRK-5"]);
    rings(5).sent(&first).got(&reliable(&invite, 183, 6)).breaks(&["PRK-5"]);
    rings(5).sent(&first).sent(&prack(&invite, 5, "q2")).breaks(&["PRK-5"]);
    rings(5).sent(&first).got(&reliable(&invite, 183, 7)).sent(&prack(&invite, 7, "q2")).breaks(&["PRK-5"]);
    rings(5).sent(&prack(&invite, 4, "p")).breaks(&["PRK-5"]);
}

#[test]
fn updates() {
    let invite = theirs("INVITE", "one");
    let up = || Stage::new(Update::default()).got(&invite).sent(&answer(&invite, 200));
    let update = next(&invite, "UPDATE", 2, "u");
    let offer = sdp(update.clone());
    up().got(&update)
        .sent(&answer(&update, 200))
        .got(&sdp(next(&invite, "UPDATE", 3, "v")))
        .sent(&answer(&sdp(next(&invite, "UPDATE", 3, "v")), 200))
        .breaks(&[]);
    up().got(&update).breaks(&["UPD-1"]);
    up().got(&offer).sent(&answer(&offer, 491)).breaks(&["UPD-1"]);
    // An offer of ours is open.
    let own = sdp(back(&invite, "UPDATE", 1, "w"));
    up().sent(&own).got(&offer).sent(&answer(&offer, 491)).breaks(&[]);
    up().sent(&own).got(&offer).sent(&answer(&offer, 200)).breaks(&["UPD-1"]);
    // One of theirs is.
    let other = sdp(next(&invite, "UPDATE", 3, "v"));
    let later = answer(&other, 500).with("Retry-After", "4");
    up().got(&offer).got(&other).sent(&later).sent(&answer(&offer, 200)).breaks(&[]);
    up().got(&offer).got(&other).sent(&answer(&other, 500)).sent(&answer(&offer, 200)).breaks(&["UPD-1"]);
    up().got(&offer).got(&other).sent(&answer(&other, 200)).sent(&answer(&offer, 200)).breaks(&["UPD-1"]);
    up().got(&offer).sent(&own).sent(&answer(&offer, 200)).breaks(&["UPD-1"]);
    up().sent(&back(&invite, "UPDATE", 1, "w").without("Contact")).breaks(&["UPD-1"]);
}

#[test]
fn intervals_of_session_timers() {
    let asks = |value: &str| theirs("INVITE", "one").with("Supported", "timer").with("Session-Expires", value);
    let over = |stage: Stage, invite: &Draft| stage.wait(10).got(&next(invite, "BYE", 9, "bye"));
    let grants = |asked: &str, granted: &str, required: &str| {
        let invite = asks(asked);
        let accepted = answer(&invite, 200).with("Session-Expires", granted).with("Require", required);
        over(Stage::new(SessionTimer::default()).got(&invite).sent(&accepted), &invite)
    };
    grants("120", "120;refresher=uac", "timer").breaks(&[]);
    grants("120;refresher=uas", "90;refresher=uas", "timer").breaks(&[]);
    grants("60", "90;refresher=uac", "timer").breaks(&["TMR-1", "TMR-3"]);
    grants("120", "180;refresher=uac", "timer").breaks(&["TMR-3"]);
    grants("120;refresher=uac", "120;refresher=uas", "timer").breaks(&["TMR-3"]);
    grants("120", "120", "timer").breaks(&["TMR-3"]);
    grants("120", "120;refresher=uac", "100rel").breaks(&["TMR-3"]);
    let simple = theirs("INVITE", "one").with("Session-Expires", "120");
    let accepted = answer(&simple, 200).with("Session-Expires", "120;refresher=uac").with("Require", "timer");
    over(Stage::new(SessionTimer::default()).got(&simple).sent(&accepted), &simple).breaks(&["TMR-3"]);

    let short = asks("60");
    let refuses =
        |least: &str| Stage::new(SessionTimer::default()).got(&short).sent(&answer(&short, 422).with("Min-SE", least));
    refuses("90").breaks(&[]);
    refuses("60").breaks(&["TMR-1"]);

    let invite = |number: u32, value: &str| {
        ours("INVITE", "one")
            .set("CSeq", format!("{number} INVITE"))
            .set("Via", format!("SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK{number}"))
            .with("Supported", "timer")
            .with("Session-Expires", value)
    };
    let refused = |first: Draft| {
        let answer = answer(&first, 422).with("Min-SE", "300");
        Stage::new(SessionTimer::default()).sent(&first).got(&answer)
    };
    refused(invite(1, "120")).sent(&invite(2, "300").with("Min-SE", "300")).breaks(&[]);
    refused(invite(1, "120")).sent(&invite(2, "200")).breaks(&["TMR-1"]);
    refused(invite(3, "120")).sent(&invite(2, "300")).breaks(&["TMR-1"]);
    Stage::new(SessionTimer::default()).sent(&invite(1, "80")).breaks(&["TMR-1"]);
    Stage::new(SessionTimer::default()).sent(&invite(1, "100").with("Min-SE", "120")).breaks(&["TMR-1"]);
}

#[test]
fn sessions_are_refreshed_or_end() {
    let invite = theirs("INVITE", "one").with("Supported", "timer").with("Session-Expires", "120");
    let up = |who: &str| {
        let accepted =
            answer(&invite, 200).with("Session-Expires", format!("120;refresher={who}")).with("Require", "timer");
        Stage::new(SessionTimer::default()).got(&invite).sent(&accepted)
    };
    let bye = back(&invite, "BYE", 9, "bye");
    let refresh =
        back(&invite, "UPDATE", 1, "u").with("Supported", "timer").with("Session-Expires", "120;refresher=uac");
    let refreshed = answer(&refresh, 200).with("Session-Expires", "120;refresher=uac");
    up("uas").wait(60_000).sent(&refresh).got(&refreshed).wait(10).sent(&bye).breaks(&[]);
    up("uac").wait(88_000).sent(&bye).breaks(&[]);
    // Nobody refreshes, and nobody ends.
    up("uas").wait(70_000).sent(&bye).breaks(&["TMR-2"]);
    up("uac").wait(100_000).sent(&bye).breaks(&["TMR-2"]);
    up("uas").wait(60_000).sent(&refresh).wait(40_000).sent(&bye).breaks(&["TMR-2"]);
    // Before the INVITE is accepted there is nothing to refresh.
    let early = next(&invite, "UPDATE", 2, "e").with("Supported", "timer").with("Session-Expires", "120");
    let agreed = answer(&early, 200).with("Session-Expires", "120;refresher=uas");
    let rings = || Stage::new(SessionTimer::default()).got(&invite).sent(&answer(&invite, 180)).got(&early);
    rings().sent(&agreed).wait(200_000).sent(&answer(&invite, 200)).breaks(&[]);
    // The refresh has failed.
    up("uas").wait(60_000).sent(&refresh).got(&answer(&refresh, 481)).sent(&bye).breaks(&[]);
    up("uas").wait(60_000).sent(&refresh).got(&answer(&refresh, 408)).wait(10_000).sent(&bye).breaks(&["TMR-4"]);
}

#[test]
fn transfers() {
    let invite = theirs("INVITE", "one");
    let refer = next(&invite, "REFER", 2, "r").with("Refer-To", "<sip:c@10.9.0.2>");
    let up = || Stage::new(Refer::default()).got(&invite).sent(&answer(&invite, 200));
    let notify = |number: u32, state: &str, line: &str| {
        back(&invite, "NOTIFY", number, &format!("n{number}"))
            .with("Event", "refer")
            .with("Subscription-State", state)
            .body("message/sipfrag", line.to_owned())
    };
    let accepts = || up().got(&refer).sent(&answer(&refer, 202));
    let trying = notify(1, "active;expires=60", "SIP/2.0 100 Trying\r\n");
    let done = notify(2, "terminated;reason=noresource", "SIP/2.0 200 OK\r\n");
    accepts().sent(&trying).sent(&done).breaks(&[]);
    accepts().breaks(&["REF-1"]);
    accepts().sent(&trying).breaks(&["REF-1"]);
    accepts().sent(&trying).sent(&done).sent(&notify(3, "active", "SIP/2.0 100 Trying\r\n")).breaks(&["REF-1"]);
    accepts().sent(&notify(1, "active", "SIP/2.0 200 OK\r\n")).sent(&done).breaks(&["REF-1"]);
    accepts().sent(&notify(1, "active", "hello")).sent(&done).breaks(&["REF-1"]);
    up().sent(&trying).breaks(&["REF-1"]);
    // Two at once are one too many.
    let two = refer.clone().with("Refer-To", "<sip:d@10.9.0.2>");
    up().got(&two).sent(&answer(&two, 400)).breaks(&[]);
    up().got(&two).sent(&answer(&two, 202).with("Refer-Sub", "false")).breaks(&["REF-1"]);
    // Nobody wants to be told.
    let silent = refer.clone().with("Refer-Sub", "false");
    up().got(&silent).sent(&answer(&silent, 202).with("Refer-Sub", "false")).breaks(&[]);
    up().got(&silent).sent(&answer(&silent, 202).with("Refer-Sub", "false")).sent(&done).breaks(&["REF-1"]);
    up().got(&refer).sent(&answer(&refer, 202).with("Refer-Sub", "false")).breaks(&["REF-1"]);
    up().sent(&back(&invite, "REFER", 1, "own")).breaks(&["REF-1"]);
}

#[test]
fn replacements() {
    let old = theirs("INVITE", "old");
    let up = || Stage::new(Replaces::default()).got(&old).sent(&answer(&old, 200));
    let early = || Stage::new(Replaces::default()).got(&old).sent(&answer(&old, 180));
    let replacing = |value: &str| theirs("INVITE", "new").with("Replaces", value);
    let named = replacing("call-old;to-tag=tag;from-tag=from-old");
    let refuses =
        |stage: Stage, invite: &Draft, code| stage.got(invite).sent(&Draft::response(&invite.sip(), code, "x"));
    let bye = back(&old, "BYE", 1, "bye");
    let ack = Draft::ack(&named.sip(), &answer(&named, 200).sip());
    up().got(&named).sent(&answer(&named, 200)).got(&ack).wait(100).sent(&bye).breaks(&[]);
    up().got(&named).sent(&answer(&named, 200)).got(&ack).breaks(&["RPL-1"]);
    for (value, code) in [
        ("call-other;to-tag=tag;from-tag=from-old", 481),
        ("call-old;to-tag=from-old;from-tag=tag", 481),
        ("call-old;to-tag=tag;from-tag=from-old;early-only", 486),
        ("call-old;to-tag=tag", 400),
    ] {
        let invite = replacing(value);
        refuses(up(), &invite, code).breaks(&[]);
        refuses(up(), &invite, 500).breaks(&["RPL-1"]);
        up().got(&invite).sent(&answer(&invite, 200)).breaks(&["RPL-1"]);
    }
    // What is not replaced goes on.
    let only_early = replacing("call-old;to-tag=tag;from-tag=from-old;early-only");
    refuses(up(), &only_early, 486).sent(&bye).breaks(&["RPL-1"]);
    refuses(up().sent(&bye), &named, 486).breaks(&["RPL-1"]);
    // Somebody hangs up on all in the same moment, and the one that is replaced was there first.
    up().got(&named).sent(&bye).sent(&answer(&named, 603)).breaks(&[]);
    up().got(&named).sent(&answer(&named, 603)).sent(&bye).breaks(&["RPL-1"]);
    refuses(up(), &only_early, 486).wait(1).sent(&bye).breaks(&[]);
    // Only its caller replaces what is early; and what is over is not replaced.
    refuses(early(), &named, 481).breaks(&[]);
    early().got(&named).sent(&answer(&named, 200)).breaks(&["RPL-1"]);
    refuses(up().sent(&bye), &named, 603).breaks(&[]);
    up().sent(&bye).got(&named).sent(&answer(&named, 200)).breaks(&["RPL-1"]);
    let joining = named.with("Join", "x;to-tag=1;from-tag=2");
    refuses(up(), &joining, 400).breaks(&[]);
    refuses(up(), &joining, 481).breaks(&["RPL-1"]);
}

#[test]
fn reasons() {
    for (value, sound) in [
        (r#"SIP;cause=200;text="Call completed elsewhere""#, true),
        ("SIP;cause=600, Q.850;cause=16", true),
        ("SIP;cause=99", false),
        ("SIP;cause=high", false),
        ("SIP;cause=200;text=bare", false),
        ("because", false),
    ] {
        let stage = Stage::new(Reason).sent(&ours("BYE", "one").with("Reason", value));
        stage.breaks(if sound { &[] } else { &["RSN-1"] });
    }
}

#[test]
fn numbers_in_dialogs() {
    let invite = theirs("INVITE", "one");
    let up = || Stage::new(Dialogs::default()).got(&invite).sent(&answer(&invite, 200));
    let ours = |number| back(&invite, "OPTIONS", number, &format!("o{number}"));
    up().sent(&ours(7)).sent(&ours(8)).breaks(&[]);
    up().sent(&ours(7)).sent(&ours(9)).breaks(&["DLG-4"]);
    // What was written to a broken connection was not seen.
    up().sent(&ours(7)).lost().sent(&ours(9)).breaks(&[]);
    up().lost().wait(1).sent(&ours(7)).sent(&ours(9)).breaks(&["DLG-4"]);
    up().sent(&ours(7)).lost().sent(&ours(6)).breaks(&["DLG-4"]);
    let theirs = |number| next(&invite, "OPTIONS", number, &format!("t{number}"));
    let (low, high) = (theirs(2), theirs(3));
    let counted = || up().got(&high).sent(&answer(&high, 200)).got(&low);
    counted().sent(&answer(&low, 500)).breaks(&[]);
    counted().sent(&answer(&low, 200)).breaks(&["DLG-5"]);
    // It is inspected before its dialog is looked at, and what was refused then need not count.
    counted().sent(&answer(&low, 405)).breaks(&[]);
    up().got(&high).sent(&answer(&high, 400)).got(&low).sent(&answer(&low, 200)).breaks(&[]);
}

#[test]
fn byes_are_answered() {
    let invite = theirs("INVITE", "one");
    let bye = next(&invite, "BYE", 2, "b");
    let up = || Stage::new(Dialogs::default()).got(&invite).wait(1).sent(&answer(&invite, 200));
    up().got(&bye).sent(&answer(&bye, 200)).breaks(&[]);
    up().got(&bye).sent(&answer(&bye, 481)).breaks(&["DLG-14"]);
    // With a connection that was lost in the time of the dialog a BYE of the host may have been.
    up().lost().got(&bye).sent(&answer(&bye, 481)).breaks(&[]);
    let late = Stage::new(Dialogs::default()).lost().wait(1).got(&invite).sent(&answer(&invite, 200));
    late.got(&bye).sent(&answer(&bye, 481)).breaks(&["DLG-14"]);
}

/// The answer to the offer in a 2xx is in its ACK, which may come again, and not otherwise.
#[test]
fn answers_in_an_ack_that_a_host_sends() {
    let invite = ours("INVITE", "one");
    let accepted = sdp(answer(&invite, 200));
    let ack = |port: u16| Draft::ack(&invite.sip(), &accepted.sip()).body("application/sdp", audio(own(), port));
    let answered = || Stage::new(OfferAnswer::default()).sent(&invite).got(&accepted).sent(&ack(4000));
    answered().got(&accepted).sent(&ack(4000)).breaks(&[]);
    answered().sent(&ack(4002)).breaks(&["OA-2"]);
    // An offer of the host's comes between the two.
    let hold = audio(own(), 4000).replace("sendrecv", "sendonly").replace("o=- 1 1", "o=- 1 2");
    let reinvite = next(&invite, "INVITE", 2, "hold").body("application/sdp", hold);
    answered().sent(&reinvite).got(&accepted).sent(&ack(4000)).breaks(&[]);
    // Another fork has an offer of its own; it is refused by a description that need not be of the same session.
    let fork = sdp(answer(&invite, 200)).set("To", "<sip:peer@10.9.0.1:5060>;tag=fork");
    let refusal = |port: u16| {
        let refusal = audio(own(), port).replace("o=- 1 1", "o=- 7 1");
        Draft::ack(&invite.sip(), &fork.sip()).body("application/sdp", refusal)
    };
    answered().got(&fork).sent(&refusal(0)).breaks(&[]);
    answered().got(&fork).sent(&refusal(4004)).breaks(&["OA-5"]);
    answered().sent(&refusal(0)).breaks(&["OA-2"]);
}
