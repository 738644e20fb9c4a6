//! Those who watch registrations, subscriptions and publications.

use super::super::{Events, Registrations};
use super::{Stage, answer, back, ours, theirs};
use crate::draft::Draft;

fn register(number: u32, name: &str) -> Draft {
    Draft::request("REGISTER", "sip:10.9.0.1", super::own(), "reg")
        .set("Via", format!("SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK{name}"))
        .set("CSeq", format!("{number} REGISTER"))
}

fn bound(request: &Draft, seconds: u32) -> Draft {
    let contact = format!("<{}>;expires={seconds}", request.sip().contact());
    Draft::response(&request.sip(), 200, "r").with("Contact", contact)
}

#[test]
fn registrations() {
    let (first, second) = (register(1, "a"), register(2, "b"));
    let registered = || Stage::new(Registrations::default()).sent(&first).got(&bound(&first, 60));
    let leaves = |stage: Stage, number| stage.sent(&register(number, "z").with("Expires", "0"));
    leaves(registered().wait(59_000).sent(&second).got(&bound(&second, 60)).wait(100), 3).breaks(&[]);
    leaves(registered().wait(61_000), 2).breaks(&["REG-2"]);
    leaves(registered(), 3).breaks(&["REG-1"]);
    leaves(registered(), 1).breaks(&["REG-1"]);
    registered().sent(&second.clone().set("Call-ID", "another")).breaks(&["REG-1"]);
    Stage::new(Registrations::default()).sent(&first).sent(&second).breaks(&["REG-1"]);
    let named = register(1, "a").start("REGISTER sip:me@10.9.0.1 SIP/2.0");
    Stage::new(Registrations::default()).sent(&named).breaks(&["REG-1"]);
    let star = register(1, "a").set("Contact", "*");
    Stage::new(Registrations::default()).sent(&star).breaks(&["REG-4"]);
    Stage::new(Registrations::default()).sent(&star.with("Expires", "0")).breaks(&[]);

    let proof = |draft: Draft, count: &str| {
        let value =
            format!("Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:r\", response=\"x\", nc={count}");
        draft.with("Authorization", value)
    };
    let challenged =
        || Stage::new(Registrations::default()).sent(&proof(first.clone(), "00000001")).got(&bound(&first, 60));
    leaves(challenged().sent(&proof(second.clone(), "00000002")).got(&bound(&second, 60)), 3).breaks(&[]);
    leaves(challenged().sent(&proof(second.clone(), "00000001")).got(&bound(&second, 60)), 3).breaks(&["REG-5"]);
}

#[test]
fn subscriptions_that_a_host_grants() {
    let subscribe = theirs("SUBSCRIBE", "one").with("Event", "weather").with("Expires", "100");
    let grants = |seconds: &str| {
        let accepted = answer(&subscribe, 200).with("Expires", seconds);
        Stage::new(Events::default()).got(&subscribe).sent(&accepted)
    };
    let notify = |number: u32, event: &str, state: &str| {
        back(&subscribe, "NOTIFY", number, &format!("n{number}")).with("Event", event).with("Subscription-State", state)
    };
    let sun = notify(1, "weather", "active;expires=100");
    grants("100").sent(&sun).sent(&notify(2, "weather", "terminated;reason=timeout")).breaks(&[]);
    grants("100").breaks(&["EVT-1"]);
    // Who does not know of the subscription is told no more.
    grants("100").sent(&sun).wait(100).got(&answer(&sun, 481)).breaks(&[]);
    grants("200").sent(&sun).breaks(&["EVT-5"]);
    grants("60").sent(&sun).breaks(&["EVT-5"]);
    grants("100").sent(&notify(1, "gossip", "active")).breaks(&["EVT-5"]);
    let over = notify(1, "weather", "terminated;reason=timeout");
    grants("100").sent(&over).sent(&notify(2, "weather", "active")).breaks(&["EVT-5"]);
    grants("100").sent(&notify(1, "weather", "sleepy")).breaks(&["EVT-4"]);
    Stage::new(Events::default()).sent(&sun).breaks(&["EVT-5"]);
    let refused = answer(&subscribe, 489);
    Stage::new(Events::default()).got(&subscribe).sent(&refused).breaks(&["EVT-4"]);
    Stage::new(Events::default()).got(&subscribe).sent(&refused.with("Allow-Events", "weather")).breaks(&[]);
}

#[test]
fn notifications_that_a_host_gets() {
    let subscribe = ours("SUBSCRIBE", "one").with("Event", "weather");
    let notify = back(&subscribe, "NOTIFY", 1, "n").with("Event", "weather").with("Subscription-State", "active");
    let subscribed = || Stage::new(Events::default()).sent(&subscribe);
    subscribed().got(&notify).sent(&answer(&notify, 200)).breaks(&[]);
    subscribed().got(&notify).breaks(&["EVT-4"]);
    Stage::new(Events::default()).got(&notify).sent(&answer(&notify, 481)).breaks(&[]);
    Stage::new(Events::default()).got(&notify).sent(&answer(&notify, 200)).breaks(&["EVT-4"]);
    for name in ["Event", "Subscription-State"] {
        let bare = notify.clone().without(name);
        subscribed().got(&bare).sent(&answer(&bare, 400)).breaks(&[]);
        subscribed().got(&bare).sent(&answer(&bare, 200)).breaks(&["EVT-4"]);
    }
    subscribed().got(&notify).sent(&answer(&notify, 489)).breaks(&["EVT-4"]);
}

#[test]
fn publications() {
    let publish = |number: u32| {
        ours("PUBLISH", "one")
            .set("Via", format!("SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK{number}"))
            .set("CSeq", format!("{number} PUBLISH"))
            .with("Event", "presence")
    };
    let first = publish(1).body("text/plain", "here");
    let published = |tag: &str| {
        let stage = Stage::new(Events::default()).sent(&first);
        stage.got(&Draft::response(&first.sip(), 200, "c").with("SIP-ETag", tag))
    };
    let refresh = publish(2).with("SIP-If-Match", "a");
    let refreshed = Draft::response(&refresh.sip(), 200, "c").with("SIP-ETag", "b");
    let gone = publish(3).with("SIP-If-Match", "b").with("Expires", "0");
    published("a").sent(&refresh).got(&refreshed).sent(&gone).breaks(&[]);
    published("x").sent(&refresh).breaks(&["EVT-7"]);
    Stage::new(Events::default()).sent(&publish(1)).breaks(&["EVT-7"]);
    Stage::new(Events::default()).sent(&refresh).breaks(&["EVT-7"]);
    published("a").sent(&refresh).got(&refreshed).sent(&gone.body("text/plain", "x")).breaks(&["EVT-7"]);
    // It was forgotten: all of it is published anew.
    let forgotten = || published("a").sent(&refresh).got(&Draft::response(&refresh.sip(), 412, "c"));
    forgotten().sent(&publish(3).body("text/plain", "here")).breaks(&[]);
    forgotten().sent(&publish(3).with("SIP-If-Match", "a")).breaks(&["EVT-7"]);
}
