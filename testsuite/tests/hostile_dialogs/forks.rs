//! Forks without end.

use sipsimple_core::agent::Intent;
use sipsimple_testsuite::draft::{Draft, Side, audio};

use crate::victim::{Victim, address, number, response};

#[test]
fn only_so_many_forks_of_a_call_are_looked_at() {
    let mut victim = Victim::new();
    victim.call();
    let invite = victim.next("INVITE");
    for fork in 0..300 {
        victim.reply(&invite, &response(&invite, 180, &format!("early{fork}")));
    }
    assert_eq!(victim.letters(100).len(), 0);
    for fork in 0..300 {
        let accepted = response(&invite, 200, &format!("late{fork}")).body("application/sdp", audio(address(), 4000));
        victim.reply(&invite, &accepted);
    }
    let letters = victim.letters(100);
    assert_eq!(victim.count("SIPSessionDidStart"), 2, "the friend's and this one");
    let (acks, byes) = (number(&letters, "ACK"), number(&letters, "BYE"));
    // The call, three that are ended, and one more in T1.
    assert_eq!((acks, byes, letters.len()), (5, 4, 9));
    for fork in 200..300 {
        let accepted = response(&invite, 200, &format!("late{fork}")).body("application/sdp", audio(address(), 4000));
        victim.reply(&invite, &accepted);
        if fork == 250 {
            victim.letters(600);
        }
    }
    let letters = victim.letters(100);
    assert_eq!((number(&letters, "ACK"), number(&letters, "BYE"), letters.len()), (1, 1, 2));
    // The call itself is ended by the attacker.
    let mut side = Side::callee(&invite.sip, "late0", address());
    let bye = side.request("BYE", "bye");
    victim.send(&bye);
    victim.next("200 BYE");
    victim.survive();
}

/// Each fork makes an offer of its own, some of which nobody can use, and refuses the PRACK, so that its early dialog ends.
#[test]
fn only_so_many_forks_make_an_offer() {
    let mut victim = Victim::new();
    let session = victim.call_without_offer();
    let invite = victim.next("INVITE");
    victim.reply(&invite, &response(&invite, 180, "rings"));
    let mut pracks = 0;
    for fork in 0..300 {
        let tag = format!("early{fork}");
        let offer = audio(address(), 4000);
        let offer = if fork % 2 == 0 { offer } else { offer.replace("audio", "video") };
        let reliable = response(&invite, 183, &tag).with("Require", "100rel").with("RSeq", "1");
        victim.reply(&invite, &reliable.body("application/sdp", offer));
        for letter in victim.letters(50) {
            assert_eq!(letter.sip.to_string(), "PRACK", "{:?}", letter.sip);
            victim.reply(&letter, &response(&letter, 481, &tag));
            pracks += 1;
        }
    }
    assert_eq!(pracks, 4);
    victim.world.with(victim.alice, |agent, now| agent.intend(now, Intent::End { session })).unwrap();
    let cancel = victim.next("CANCEL");
    victim.reply(&cancel, &response(&cancel, 200, "rings"));
    victim.reply(&invite, &response(&invite, 487, "rings"));
    victim.survive();
}

#[test]
fn only_so_many_forks_of_a_subscription_are_accepted() {
    let mut victim = Victim::new();
    let (_, subscribe) = victim.subscribe();
    victim.reply(&subscribe, &response(&subscribe, 200, "n0").with("Expires", "300"));
    let notifies: Vec<Draft> = (0..40).map(|fork| notify(&subscribe.sip, fork)).collect();
    let letters = victim.storm(&notifies);
    assert_eq!((number(&letters, "200 NOTIFY"), number(&letters, "481 NOTIFY")), (4, 36));
    victim.survive();
}

fn notify(subscribe: &sipsimple_testsuite::sip::Sip, fork: usize) -> Draft {
    Side::callee(subscribe, &format!("n{fork}"), address())
        .request("NOTIFY", &format!("notify{fork}"))
        .with("Event", "weather")
        .with("Subscription-State", "active;expires=300")
}
