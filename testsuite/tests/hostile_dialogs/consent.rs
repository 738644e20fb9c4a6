//! What nobody asked for: redirections, transfers, takeovers, and requests outside of any dialog or subscription.

use sipsimple_core::agent::EventKind;
use sipsimple_testsuite::draft::{Draft, Side, audio};

use crate::victim::{ATTACKER, Victim, address, number};

/// No call is made because a peer says so: not to a hundred contacts, nor to the same one again.
#[test]
fn a_redirection_is_told_and_not_followed() {
    for code in [300, 301, 302, 305, 380] {
        let mut victim = Victim::new();
        victim.call();
        let invite = victim.next("INVITE");
        let mut redirection = Draft::response(&invite.sip, code, "r").with("Contact", format!("<sip:{ATTACKER}>"));
        for number in 0..100 {
            redirection = redirection.with("Contact", format!("<sip:victim{number}@10.9.0.1>"));
        }
        victim.reply(&invite, &redirection);
        let letters = victim.letters(60_000);
        assert_eq!((number(&letters, "ACK"), letters.len()), (1, 1), "{code}");
        assert_eq!(victim.count("SIPSessionDidFail"), 1, "{code}");
        victim.survive();
    }
}

#[test]
fn a_refer_calls_nobody_without_the_users_word() {
    let mut victim = Victim::new();
    let outside = victim.request("REFER").with("Refer-To", "<sip:alice@10.0.0.1>");
    victim.send(&outside);
    let letters = victim.letters(40_000);
    // Nobody has decided.
    assert_eq!((number(&letters, "480 REFER"), number(&letters, "INVITE")), (1, 0), "{letters:?}");

    victim.call();
    let invite = victim.next("INVITE");
    let accepted = crate::victim::response(&invite, 200, "b").body("application/sdp", audio(address(), 4000));
    victim.reply(&invite, &accepted);
    victim.next("ACK");
    let mut side = Side::callee(&invite.sip, "b", address());
    for number in 0..10 {
        let evil = "<sip:mallory@10.9.0.1?Route=%3Csip:10.8.0.1%3E&Call-ID=x&Authorization=y&Via=z>";
        let target = if number % 2 == 1 { "<sip:mallory@10.9.0.1>" } else { evil };
        let refer = side.request("REFER", &format!("refer{number}")).with("Refer-To", target);
        victim.send(&refer);
    }
    let letters = victim.letters(5000);
    assert_eq!(number(&letters, "INVITE"), 0);
    let bye = side.request("BYE", "bye");
    victim.send(&bye);
    victim.next("200 BYE");
    victim.survive();
}

/// Whoever does not know a call's tags cannot take its place.
#[test]
fn replaces_of_a_dialog_that_is_not_known_is_refused() {
    let mut victim = Victim::new();
    for replaces in [
        "call-friend;to-tag=guess;from-tag=from-friend",
        "call-friend;to-tag=;from-tag=",
        "call-friend",
        "nothing;to-tag=a;from-tag=b",
    ] {
        let invite = victim.invite().with("Replaces", replaces);
        let answer = victim.answer(&invite);
        assert!(["400 INVITE", "481 INVITE"].contains(&answer.as_str()), "{replaces}: {answer}");
    }
    assert_eq!(victim.count("SIPSessionNewIncoming"), 1);
    victim.survive();
}

#[test]
fn requests_outside_of_any_dialog_or_subscription_change_nothing() {
    let mut victim = Victim::new();
    let notify = victim.request("NOTIFY").with("Subscription-State", "active;expires=99");
    let summary = "Messages-Waiting: yes\r\n";
    let unsolicited = notify.with("Event", "message-summary").body("application/simple-message-summary", summary);
    assert_eq!(victim.answer(&unsolicited), "481 NOTIFY");
    let notify = victim.request("NOTIFY").with("Subscription-State", "active").with("Event", "weather");
    assert_eq!(victim.answer(&notify), "481 NOTIFY");
    let subscribe = victim.request("SUBSCRIBE").with("Event", "nothing-like-it");
    assert_eq!(victim.answer(&subscribe), "489 SUBSCRIBE");
    for method in ["INFO", "UPDATE", "PRACK", "BYE"] {
        let request = victim.request(method).set("To", "<sip:alice@10.0.0.1>;tag=guess");
        let answer = victim.answer(&request);
        let number: u16 = answer.split(' ').next().unwrap().parse().unwrap();
        assert!((400..500).contains(&number), "{method}: {answer}");
    }
    assert_eq!(victim.count("SIPSessionNewIncoming"), 1);
    victim.survive();
}

/// A MESSAGE is told with what it says of its sender, once.
#[test]
fn a_message_is_told_once() {
    let mut victim = Victim::new();
    let message = victim.request("MESSAGE").set("From", "<sip:bank@example.com>;tag=x").body("text/plain", "Hello");
    assert_eq!(victim.answer(&message), "200 MESSAGE");
    victim.storm(&[message.clone(), message]);
    let events = &victim.world.host(victim.alice).events;
    assert_eq!(events.iter().filter(|(_, event)| matches!(event.kind, EventKind::GotMessage(_))).count(), 1);
    victim.survive();
}
