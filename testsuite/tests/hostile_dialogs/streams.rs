//! Connections that stall, never end, or are too many.

use std::time::Duration;

use bytes::Bytes;
use sipsimple_core::id::ConnId;

use crate::victim::Victim;

fn open(victim: &mut Victim) -> ConnId {
    let to = victim.world.address(victim.alice);
    let conn = victim.world.post_open(victim.attacker, to);
    victim.wait(50);
    conn
}

fn closed(victim: &Victim) -> usize {
    victim.world.post(victim.attacker).closed
}

/// So many from one source, and each that says nothing is closed.
#[test]
fn connections_beyond_the_cap_are_closed_and_silent_ones_too() {
    let mut victim = Victim::new();
    for _ in 0..40 {
        open(&mut victim);
    }
    victim.wait(100);
    assert_eq!(closed(&victim), 32, "eight are left");
    victim.wait(33_000);
    assert_eq!(closed(&victim), 40);
    victim.survive();
}

/// One byte a second does not hold a connection longer than a message may take.
#[test]
fn a_message_that_comes_byte_by_byte_is_given_up() {
    for text in
        ["OPTIONS sip:alice@10.0.0.1 SIP/2.0\r\nX: ", "OPTIONS sip:alice@10.0.0.1 SIP/2.0\r\nContent-Length: 9\r\n\r\n"]
    {
        let mut victim = Victim::new();
        let conn = open(&mut victim);
        victim.world.post_write(victim.attacker, conn, &Bytes::from_static(text.as_bytes()));
        let mut seconds = 0;
        while closed(&victim) == 0 {
            victim.world.post_write(victim.attacker, conn, &Bytes::from_static(b"x"));
            victim.world.run_for(Duration::from_secs(if text.ends_with(": ") { 1 } else { 5 }));
            seconds += 1;
            assert!(seconds < 60, "it is waited for on and on");
        }
        victim.survive();
    }
}

/// Headers without end, and a start line without end.
#[test]
fn a_head_without_end_closes_the_connection() {
    for (start, more) in [("OPTIONS sip:alice@10.0.0.1 SIP/2.0\r\n", "X: y\r\n"), ("OPTIONS sip:", "a")] {
        let mut victim = Victim::new();
        let conn = open(&mut victim);
        victim.world.post_write(victim.attacker, conn, &Bytes::from_static(start.as_bytes()));
        for _ in 0..100 {
            victim.world.post_write(victim.attacker, conn, &more.repeat(1000).into());
        }
        let letters = victim.letters(1000);
        assert!(letters.len() <= 1, "{letters:?}");
        assert_eq!(closed(&victim), 1);
        victim.survive();
    }
}

/// What is no SIP, after a message that is.
#[test]
fn what_follows_a_message_and_is_none_closes_the_connection() {
    let mut victim = Victim::new();
    let conn = open(&mut victim);
    let options = String::from_utf8_lossy(&victim.request("OPTIONS").bytes()).replace("/UDP", "/TCP");
    let garbage = format!("{options}\0\u{1}garbage without end\r\n\r\n\r\n\r\n{options}");
    victim.world.post_write(victim.attacker, conn, &garbage.into());
    let letters = victim.letters(1000);
    assert!(letters.len() <= 2 && letters[0].sip.to_string() == "200 OPTIONS", "{letters:?}");
    assert_eq!(closed(&victim), 1);
    victim.survive();
}

/// Line breaks without end are no message: the connection is closed as a silent one, and answered with less than came.
#[test]
fn line_breaks_without_end_keep_no_connection_open() {
    let mut victim = Victim::new();
    let conn = open(&mut victim);
    for _ in 0..60 {
        if closed(&victim) > 0 {
            break;
        }
        victim.world.post_write(victim.attacker, conn, &"\r\n".repeat(1000).into());
        victim.wait(1000);
    }
    assert_eq!(closed(&victim), 1);
    // 32 writes of 2000 bytes.
    assert!(victim.world.post(victim.attacker).other.len() <= 32_000);
    assert!(victim.letters(1000).is_empty());
    victim.survive();
}
