//! Messages in the name of somebody else.

use std::collections::BTreeSet;
use std::time::Duration;

use sipsimple_testsuite::draft::{Draft, audio};

use crate::victim::{Victim, address, response};

/// Whoever does not know the branch does not answer.
#[test]
fn responses_with_a_guessed_branch_are_dropped() {
    let mut victim = Victim::new();
    let session = victim.call();
    let invite = victim.next("INVITE");
    let to = victim.world.address(victim.alice);
    let via = invite.sip.header("via").unwrap().to_owned();
    for guess in 0..300 {
        let branch = if guess == 0 { String::new() } else { format!("z9hG4bK{guess}") };
        let code = [180, 200, 401, 486][guess % 4];
        let spoofed = response(&invite, code, "spoofed").set("Via", via.replace(invite.sip.branch(), &branch)).bytes();
        victim.world.inject("10.7.0.1:5060".parse().unwrap(), to, spoofed);
    }
    victim.wait(100);
    let names = victim.world.host(victim.alice).names();
    assert_eq!((victim.count("SIPSessionDidStart"), victim.count("SIPSessionDidFail")), (1, 0), "{names:?}");
    assert!(victim.letters(100).is_empty());
    // The one who was called is heard.
    victim.reply(&invite, &response(&invite, 486, "b"));
    victim.next("ACK");
    assert!(victim.world.with(victim.alice, |agent, now| agent.session(now, session).is_none()));
    victim.survive();
}

/// Branches, tags and Call-IDs have at least 64 bits that cannot be foreseen, and are never the same.
#[test]
fn branches_and_tags_cannot_be_guessed() {
    let mut victim = Victim::new();
    let mut seen = BTreeSet::new();
    for round in 0..14 {
        victim.call();
        let invite = victim.next("INVITE");
        let branch = invite.sip.branch().strip_prefix("z9hG4bK").expect("the cookie of RFC 3261");
        for name in [branch, invite.sip.from_tag(), invite.sip.call_id()] {
            // Even where each character tells four bits.
            assert!(name.len() >= 11, "{name} is short");
            assert!(seen.insert(name.to_owned()), "{name} came twice, in round {round}");
        }
        victim.reply(&invite, &response(&invite, 486, "b"));
        victim.wait(100);
    }
    victim.survive();
}

/// CANCEL, BYE and re-INVITE of a call whose tags are not known.
#[test]
fn a_stranger_ends_no_call() {
    let mut victim = Victim::new();
    let friend = "10.8.0.1:5060".parse().unwrap();
    let to = victim.world.address(victim.alice);
    for number in 0..100 {
        for method in ["BYE", "INVITE", "UPDATE", "INFO"] {
            let spoofed = Draft::request(method, "sip:alice@10.0.0.1", address(), &format!("s{number}{method}"))
                .set("Call-ID", "call-friend")
                .set("From", "<sip:script@10.8.0.1:5060>;tag=from-friend")
                .set("To", format!("<sip:alice@10.0.0.1>;tag={number}"))
                .set("CSeq", format!("{} {method}", 10 + number))
                .body("application/sdp", audio(address(), 4000));
            victim.world.inject(address(), to, spoofed.bytes());
        }
    }
    let letters = victim.letters(100);
    assert!(letters.iter().all(|letter| [481, 503].contains(&letter.sip.code())) && letters.len() <= 400);
    let invite = Draft::request("INVITE", "sip:alice@10.0.0.1", friend, "friend").sip();
    let cancel = Draft::cancel(&invite).set("Via", "SIP/2.0/UDP 10.9.0.1:5060;branch=z9hG4bK-friend;rport");
    victim.letters(33_000);
    assert_eq!(victim.answer(&cancel), "481 CANCEL");
    victim.world.run_for(Duration::from_secs(1));
    assert_eq!(victim.count("SIPSessionDidEnd"), 0);
    victim.survive();
}
