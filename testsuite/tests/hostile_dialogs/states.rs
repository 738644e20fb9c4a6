//! The ends of subscriptions.

use sipsimple_core::agent::Intent;
use sipsimple_core::id::SubscriptionId;
use sipsimple_testsuite::draft::{Draft, Side};

use crate::victim::{Victim, address, number, response};

/// A subscription that the attacker has accepted, and his side of it.
fn subscribed() -> (Victim, SubscriptionId, Side) {
    let mut victim = Victim::new();
    let (id, subscribe) = victim.subscribe();
    victim.reply(&subscribe, &response(&subscribe, 200, "n").with("Expires", "300"));
    let mut side = Side::callee(&subscribe.sip, "n", address());
    let first = notify(&mut side, "first", "active;expires=300");
    assert_eq!(victim.answer(&first), "200 NOTIFY");
    (victim, id, side)
}

fn notify(side: &mut Side, name: &str, state: &str) -> Draft {
    side.request("NOTIFY", name).with("Event", "weather").with("Subscription-State", state)
}

/// The end is told once, however often and however strangely it is said; what follows is unknown.
#[test]
fn a_subscription_ends_once() {
    for end in [
        "terminated",
        "terminated;reason=nonsense",
        "TERMINATED;reason=noresource;retry-after=4294967296",
        "terminated;reason=rejected;retry-after=0",
        "terminated;expires=300",
    ] {
        let (mut victim, _, mut side) = subscribed();
        let ends: Vec<Draft> = (0..5).map(|number| notify(&mut side, &format!("end{number}"), end)).collect();
        let letters = victim.storm(&ends);
        assert_eq!((number(&letters, "200 NOTIFY"), number(&letters, "481 NOTIFY")), (1, 4), "{end}");
        let late = notify(&mut side, "late", "active;expires=300");
        assert_eq!(victim.answer(&late), "481 NOTIFY", "{end}");
        assert_eq!(victim.count("SIPSubscriptionDidEnd"), 1, "{end}");
        victim.survive();
    }
}

/// A state that cannot be read changes nothing.
#[test]
fn a_state_that_cannot_be_read_is_refused() {
    for state in ["", ";", ";;reason=x", "\"terminated\"", ",", "active;expires="] {
        let (mut victim, id, mut side) = subscribed();
        let strange = notify(&mut side, "strange", state);
        assert_eq!(victim.answer(&strange), "400 NOTIFY", "{state}");
        assert_eq!(victim.count("SIPSubscriptionDidEnd"), 0, "{state}");
        victim.world.with(victim.alice, |agent, now| agent.intend(now, Intent::EndSubscription(id))).unwrap();
        victim.survive();
    }
}

/// Both sides end it at the same time.
#[test]
fn both_may_end_a_subscription_at_once() {
    let (mut victim, id, mut side) = subscribed();
    let end = notify(&mut side, "end", "terminated;reason=timeout");
    victim.send(&end);
    victim.world.with(victim.alice, |agent, now| agent.intend(now, Intent::EndSubscription(id))).unwrap();
    let subscribe = victim.next("SUBSCRIBE");
    victim.reply(&subscribe, &response(&subscribe, 481, "n"));
    victim.letters(1000);
    let again = notify(&mut side, "again", "terminated;reason=timeout");
    assert_eq!(victim.answer(&again), "481 NOTIFY");
    assert_eq!(victim.count("SIPSubscriptionDidEnd"), 1);
    victim.survive();
}
