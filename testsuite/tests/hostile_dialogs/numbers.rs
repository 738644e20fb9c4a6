//! Times and numbers at the edge.

use sipsimple_core::agent::{AccountSpec, Intent};
use sipsimple_core::id::SessionId;
use sipsimple_testsuite::draft::{Draft, Side};

use crate::victim::{Victim, address, response, small};

/// 0, 1, and as much as 32 bits hold and more: nobody is asked to keep a session alive every second.
#[test]
fn session_intervals_at_the_edge() {
    for (field, value, code) in [
        ("Session-Expires", "0", 422),
        ("Session-Expires", "1", 422),
        ("Session-Expires", "4294967295", 200),
        ("Session-Expires", "4294967296", 200),
        ("Min-SE", "4294967295", 200),
        ("Min-SE", "99999999999999999999", 200),
    ] {
        let mut victim = Victim::with(small(), AccountSpec::default(), 1);
        let invite = victim.invite().with("Supported", "timer").with(field, value);
        victim.send(&invite);
        let letters = victim.letters(400);
        let last = letters.last().unwrap();
        assert_eq!(last.sip.code(), code, "{field}: {value}");
        victim.send(&Draft::ack(&invite.sip(), &last.sip));
        let later = victim.letters(80_000);
        assert!(later.is_empty(), "{field}: {value}: {later:?}");
        if last.sip.code() == 200 {
            let bye = Side::caller(&invite.sip(), &last.sip, address()).request("BYE", "bye");
            assert_eq!(victim.answer(&bye), "200 BYE");
        }
        victim.survive();
    }
}

/// A registrar's numbers make neither a tight loop nor a time in the past.
#[test]
fn expiries_and_pauses_of_a_registrar_at_the_edge() {
    for (code, name, value) in [
        (200, "Expires", "0"),
        (200, "Expires", "1"),
        (200, "Expires", "4294967295"),
        (200, "Expires", "4294967296"),
        (200, "Flow-Timer", "0"),
        (423, "Min-Expires", "4294967295"),
        (423, "Min-Expires", "0"),
        (503, "Retry-After", "0"),
        (503, "Retry-After", "4294967296"),
    ] {
        let spec = AccountSpec {
            register: true,
            outbound_proxy: Some("10.9.0.1:5060;transport=udp".into()),
            uri: "sip:alice@registrar.example".into(),
            ..AccountSpec::default()
        };
        let mut victim = Victim::with(small(), spec, 0);
        let begun = victim.world.now();
        let mut registers = 0;
        while (victim.world.now() - begun).as_secs() < 30 {
            for letter in victim.letters(100) {
                assert_eq!(letter.sip.request(), "REGISTER");
                registers += 1;
                let contact = letter.sip.header("contact").unwrap_or_default().to_owned();
                let answer = Draft::response(&letter.sip, code, "r").with("Contact", contact).with(name, value);
                victim.reply(&letter, &answer);
            }
        }
        assert!((1..=31).contains(&registers), "{code} {name}: {value}: {registers} in 30 seconds");
        let account = victim.account();
        let remove = Intent::RemoveAccount(account);
        victim.world.with(victim.alice, |agent, now| agent.intend(now, remove)).unwrap();
        for letter in victim.letters(100) {
            victim.reply(&letter, &Draft::response(&letter.sip, 200, "r"));
        }
        victim.survive();
    }
}

/// The number of a reliable response does not wrap.
#[test]
fn rseq_at_the_edge() {
    let mut victim = Victim::new();
    victim.call();
    let invite = victim.next("INVITE");
    let ringing = |rseq: &str| response(&invite, 180, "b").with("Require", "100rel").with("RSeq", rseq);
    for bad in ["0", "4294967296", "4294967297", "-1", "x"] {
        victim.reply(&invite, &ringing(bad));
        let letters = victim.letters(100);
        assert!(letters.is_empty(), "{bad}: {letters:?}");
    }
    victim.reply(&invite, &ringing("2147483647"));
    let prack = victim.next("PRACK");
    assert_eq!(prack.sip.header("rack").unwrap().split(' ').next(), Some("2147483647"));
    victim.reply(&prack, &Draft::response(&prack.sip, 200, "b"));
    for next in ["1", "2147483646", "2147483649", "0"] {
        victim.reply(&invite, &ringing(next));
        let letters = victim.letters(100);
        assert!(letters.is_empty(), "{next} does not follow: {letters:?}");
    }
    victim.reply(&invite, &response(&invite, 486, "b"));
    victim.next("ACK");
    victim.survive();
}

/// A call of the attacker's that was answered, and his side of it.
fn called(victim: &mut Victim) -> Side {
    let invite = victim.invite().with("Supported", "100rel");
    victim.send(&invite);
    let accepted = victim.next("200 INVITE");
    victim.send(&Draft::ack(&invite.sip(), &accepted.sip));
    victim.wait(100);
    Side::caller(&invite.sip(), &accepted.sip, address())
}

/// Alice's user ends that call.
fn end(victim: &mut Victim) {
    let session = SessionId::from_u64(1);
    victim.world.with(victim.alice, |agent, now| agent.intend(now, Intent::End { session })).unwrap();
    let bye = victim.next("BYE");
    victim.reply(&bye, &Draft::response(&bye.sip, 200, "b"));
}

/// A PRACK of what was never sent is refused.
#[test]
fn rack_at_the_edge() {
    let mut victim = Victim::with(small(), AccountSpec::default(), 1);
    let mut side = called(&mut victim);
    let all = ["0 1 INVITE", "1 1 INVITE", "4294967295 1 INVITE", "4294967297 1 INVITE", "1 4294967297 INVITE", "1"];
    for (index, rack) in all.into_iter().enumerate() {
        let prack = side.request("PRACK", &format!("prack{index}")).with("RAck", rack);
        let answer = victim.answer(&prack);
        assert!(["400 PRACK", "481 PRACK"].contains(&answer.as_str()), "{rack}: {answer}");
    }
    end(&mut victim);
    victim.survive();
}

/// CSeq: as much as 31 bits hold, then less, then more than 32 bits.
#[test]
fn cseq_at_the_edge() {
    let mut victim = Victim::with(small(), AccountSpec::default(), 1);
    let mut side = called(&mut victim);
    for (value, code) in [("2147483647", 200), ("1", 500), ("4294967296", 400), ("4294967298", 400)] {
        let options = side.request("OPTIONS", &format!("o{value}")).set("CSeq", format!("{value} OPTIONS"));
        let letters = victim.storm(&[options]);
        assert_eq!(letters.iter().map(|letter| letter.sip.code()).collect::<Vec<_>>(), [code], "{value}");
    }
    end(&mut victim);
    victim.survive();
}
