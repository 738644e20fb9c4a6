//! Challenges: whom credentials are given to, and how often.

use sipsimple_core::agent::{AccountSpec, Intent};
use sipsimple_core::id::SessionId;
use sipsimple_core::sip::digest::Credentials;
use sipsimple_testsuite::draft::{Draft, Side, audio};
use sipsimple_testsuite::post::Letter;

use crate::victim::{Victim, address, number, response, small};

/// What is asked for in each round.
type Challenge = fn(usize) -> String;

fn with_credentials() -> AccountSpec {
    AccountSpec { credentials: Some(Credentials::new("alice", "secret")), ..AccountSpec::default() }
}

fn challenge(letter: &Letter, code: u16, value: &str) -> Draft {
    let name = if code == 401 { "WWW-Authenticate" } else { "Proxy-Authenticate" };
    Draft::response(&letter.sip, code, "c").with(name, value)
}

/// Whoever calls and then asks for a password when the call is ended does not get its digest.
#[test]
fn a_caller_who_challenges_learns_nothing() {
    for code in [401, 407] {
        let mut victim = Victim::with(small(), with_credentials(), 1);
        let invite = victim.invite();
        victim.send(&invite);
        let accepted = victim.next("200 INVITE");
        victim.send(&Draft::ack(&invite.sip(), &accepted.sip));
        victim.wait(100);
        let session = SessionId::from_u64(1);
        victim.world.with(victim.alice, |agent, now| agent.intend(now, Intent::End { session })).unwrap();
        let bye = victim.next("BYE");
        victim.reply(&bye, &challenge(&bye, code, r#"Digest realm="evil", nonce="n", algorithm=MD5"#));
        let letters = victim.letters(40_000);
        assert!(letters.is_empty(), "{code}: {letters:?}");
        victim.survive();
    }
}

/// With a realm in the account's credentials, no other is answered.
#[test]
fn another_realm_learns_nothing() {
    let mut spec = with_credentials();
    spec.credentials.as_mut().unwrap().realm = Some("home".into());
    let mut victim = Victim::with(small(), spec, 0);
    victim.call();
    let invite = victim.next("INVITE");
    victim.reply(&invite, &challenge(&invite, 407, r#"Digest realm="Home", nonce="n""#));
    let letters = victim.letters(1000);
    assert_eq!((number(&letters, "ACK"), letters.len()), (1, 1));
    assert_eq!(victim.count("SIPSessionDidFail"), 1);
    victim.survive();
}

/// Always stale, always a new nonce; always a new realm; never stale.
#[test]
fn challenges_without_end_are_given_up() {
    let kinds: [(Challenge, usize); 3] = [
        (|round| format!(r#"Digest realm="r", nonce="{round}", stale=true"#), 3),
        (|round| format!(r#"Digest realm="r{round}", nonce="n""#), 3),
        (|round| format!(r#"Digest realm="r", nonce="{round}""#), 2),
    ];
    for (kind, (value, most)) in kinds.into_iter().enumerate() {
        let mut victim = Victim::with(small(), with_credentials(), 0);
        victim.call();
        let mut invites = 0;
        while let Some(invite) = victim.letters(100).into_iter().find(|letter| letter.sip.request() == "INVITE") {
            invites += 1;
            assert!(invites <= most, "kind {kind} is answered on and on");
            victim.reply(&invite, &challenge(&invite, 401, &value(invites)));
        }
        assert_eq!(invites, most, "kind {kind}");
        assert_eq!(victim.count("SIPSessionDidFail"), 1, "kind {kind}");
        victim.survive();
    }
}

/// Too long, too many, of unknown algorithms, or no challenge at all.
#[test]
fn challenges_that_cannot_be_answered_end_the_call() {
    let long = "n".repeat(20_000);
    for value in [
        format!(r#"Digest realm="r", nonce="{long}""#),
        format!(r#"Digest realm="{long}", nonce="n""#),
        r#"Digest realm="r", nonce="n", algorithm=ROT13"#.to_owned(),
        r#"Digest realm="r""#.to_owned(),
        r#"Digest realm="r", nonce="n", qop="nothing""#.to_owned(),
        "Digest".to_owned(),
        "Basic realm=\"r\"".to_owned(),
        "\"".to_owned(),
    ] {
        let mut victim = Victim::with(small(), with_credentials(), 0);
        victim.call();
        let invite = victim.next("INVITE");
        victim.reply(&invite, &challenge(&invite, 401, &value));
        let letters = victim.letters(1000);
        assert_eq!((number(&letters, "ACK"), letters.len()), (1, 1), "{}", &value[..value.len().min(60)]);
        assert_eq!(victim.count("SIPSessionDidFail"), 1);
        victim.survive();
    }
}

/// A hundred challenges in one response: one more request, with a bounded number of credentials.
#[test]
fn a_hundred_challenges_are_one_more_request() {
    let mut victim = Victim::with(small(), with_credentials(), 0);
    victim.call();
    let invite = victim.next("INVITE");
    let mut many = Draft::response(&invite.sip, 401, "c");
    for realm in 0..100 {
        many = many.with("WWW-Authenticate", format!(r#"Digest realm="{realm}", nonce="n""#));
    }
    victim.reply(&invite, &many);
    victim.next("ACK");
    let again = victim.next("INVITE");
    assert_eq!(again.sip.count("authorization"), 8);
    let accepted = response(&again, 200, "b").body("application/sdp", audio(address(), 4000));
    victim.reply(&again, &accepted);
    victim.next("ACK");
    let bye = Side::callee(&again.sip, "b", address()).request("BYE", "bye");
    victim.send(&bye);
    victim.next("200 BYE");
    victim.survive();
}
