//! More requests than there is room for.

use bytes::Bytes;
use sipsimple_core::agent::AccountSpec;
use sipsimple_core::transport::CloseHow;
use sipsimple_testsuite::draft::Draft;

use crate::victim::{Victim, number, small};

#[test]
fn invites_beyond_the_cap_are_turned_away() {
    let mut victim = Victim::new();
    let invites: Vec<Draft> = (0..200).map(|_| victim.invite()).collect();
    let letters = victim.storm(&invites);
    assert_eq!((victim.count("SIPSessionNewIncoming"), number(&letters, "503 INVITE")), (9, 192));
    // All once more: nothing new.
    let again = victim.storm(&invites);
    assert_eq!((victim.count("SIPSessionNewIncoming"), again.len() <= 200), (9, true));
    victim.survive();
}

/// The callers' connections are gone before their calls are answered.
#[test]
fn calls_outlive_the_connections_they_came_on() {
    for how in [CloseHow::Flush, CloseHow::Abort] {
        let mut victim = Victim::new();
        let to = victim.world.address(victim.alice);
        for _ in 0..40 {
            let invite = victim.invite().bytes();
            let conn = victim.world.post_open(victim.attacker, to);
            victim.wait(30);
            victim.world.post_write(victim.attacker, conn, &text_over_tcp(&invite));
            victim.wait(15);
            victim.world.post_close(victim.attacker, conn, how);
        }
        victim.wait(200);
        assert_eq!(victim.count("SIPSessionNewIncoming"), 9, "{how:?}");
        victim.survive();
    }
}

/// The same branch with other Call-IDs, and no branch at all.
#[test]
fn branches_that_repeat_or_lack_make_no_more_calls_than_the_cap() {
    let mut victim = Victim::new();
    let same: Vec<Draft> =
        (0..50).map(|_| victim.invite().set("Via", "SIP/2.0/UDP 10.9.0.1:5060;branch=z9hG4bKsame;rport")).collect();
    victim.storm(&same);
    assert!(victim.count("SIPSessionNewIncoming") <= 9);
    let none: Vec<Draft> = (0..50).map(|_| victim.invite().set("Via", "SIP/2.0/UDP 10.9.0.1:5060")).collect();
    victim.storm(&none);
    assert!(victim.count("SIPSessionNewIncoming") <= 9);
    victim.survive();
}

#[test]
fn requests_beyond_the_cap_are_turned_away_and_all_are_forgotten() {
    let mut victim = Victim::new();
    let options: Vec<Draft> = (0..500).map(|_| victim.request("OPTIONS")).collect();
    let letters = victim.storm(&options);
    let (served, refused) = (number(&letters, "200 OPTIONS"), number(&letters, "503 OPTIONS"));
    assert_eq!(served + refused, 500);
    assert!((1..=64).contains(&served), "{served}");
    // Once the transactions are over there is room again.
    victim.wait(33_000);
    let options = victim.request("OPTIONS");
    assert_eq!(victim.answer(&options), "200 OPTIONS");
    victim.survive();
}

/// Nobody acknowledges the 200s: each call is ended.
#[test]
fn calls_that_nobody_acknowledges_end() {
    let mut victim = Victim::with(small(), AccountSpec::default(), 10);
    let invites: Vec<Draft> = (0..10).map(|_| victim.invite()).collect();
    for invite in &invites {
        victim.send(invite);
    }
    let letters = victim.letters(33_000);
    assert_eq!(number(&letters, "503 INVITE"), 0);
    victim.wait(40_000);
    assert_eq!(victim.count("SIPSessionDidEnd") + victim.count("SIPSessionDidFail"), 10);
    victim.survive();
}

/// Nobody answers the NOTIFYs: each subscription is ended.
#[test]
fn subscriptions_beyond_the_cap_are_turned_away_and_the_others_end() {
    let mut victim = Victim::new();
    for _ in 0..50 {
        let subscribe = victim.request("SUBSCRIBE").with("Event", "weather").with("Expires", "4294967295");
        victim.send(&subscribe);
    }
    let letters = victim.letters(100);
    assert_eq!((number(&letters, "200 SUBSCRIBE"), number(&letters, "503 SUBSCRIBE")), (8, 42));
    assert!(number(&letters, "NOTIFY") <= 8);
    victim.survive();
}

/// A message for a datagram, with the Via that it has on a connection.
fn text_over_tcp(data: &Bytes) -> Bytes {
    String::from_utf8_lossy(data).replace("SIP/2.0/UDP", "SIP/2.0/TCP").into()
}
