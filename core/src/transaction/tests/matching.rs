//! Which transaction a message belongs to: invariants MAT-1 to MAT-5 (RFC 3261 sections 8.1.1.7, 8.1.3.3, 9.2, 17.1.3, 17.2.3).

use super::super::StartError;
use super::table::{UDP, World};
use super::{ms, of, request, response, to};
use crate::id::TransactionId;

const A: &str = "z9hG4bKaaa";

/// MAT-1.
#[test]
fn a_response_matches_by_branch_and_method() {
    let mut world = World::new();
    world.request(of("INVITE", A), UDP).unwrap();
    world.answered(to(180, "INVITE", A));
    world.table.cancel(ms(0), TransactionId::from_u64(0), None, &mut world.out);
    world.said();
    assert_eq!(world.answered(to(180, "INVITE", "z9hG4bKaab")), "stray 180");
    assert_eq!(world.answered(to(180, "INVITE", "z9hG4bKAAA")), "stray 180");
    assert_eq!(world.answered(to(200, "OPTIONS", A)), "stray 200");
    assert_eq!(world.answered(to(200, "CANCEL", A)), "1: response 200", "not the INVITE");
    assert_eq!(world.answered(to(180, "INVITE", A)), "0: response 180");
}

/// A request with this top Via, and all else as in [`of`].
fn via(method: &str, via: &str) -> crate::sip::Request {
    let text = std::str::from_utf8(of(method, A).bytes()).unwrap().to_owned();
    request(&text.replace("\r\n", "\n").replace("SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKaaa", via))
}

/// MAT-2.
#[test]
fn a_request_matches_by_branch_sent_by_and_method() {
    let mut world = World::new();
    let invite = "SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKaaa";
    assert_eq!(world.arrives(via("INVITE", invite), UDP), "0: request INVITE");
    for same in [
        invite,
        "SIP/2.0/UDP PC33.atlanta.COM;branch=z9hG4bKaaa",
        "SIP/2.0/UDP pc33.atlanta.com:5060;branch=z9hG4bKaaa",
        "SIP/2.0/UDP pc33.atlanta.com;rport;branch=z9hG4bKaaa;x=y",
    ] {
        assert_eq!(world.arrives(via("INVITE", same), UDP), "", "{same}");
    }
    for (number, other) in [
        "SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKaab",
        "SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKaaaa",
        "SIP/2.0/UDP pc34.atlanta.com;branch=z9hG4bKaaa",
        "SIP/2.0/UDP pc33.atlanta.com:5062;branch=z9hG4bKaaa",
        "SIP/2.0/TLS pc33.atlanta.com;branch=z9hG4bKaaa",
        "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKaaa",
        "SIP/2.0/UDP [2001:db8::1];branch=z9hG4bKaaa",
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(world.arrives(via("INVITE", other), UDP), format!("{}: request INVITE", number + 1), "{other}");
    }
    assert_eq!(world.arrives(via("INVITE", "SIP/2.0/UDP [2001:DB8:0::1];branch=z9hG4bKaaa"), UDP), "", "one address");
    assert_eq!(world.arrives(via("UPDATE", invite), UDP), "8: request UPDATE");
    assert_eq!(world.arrives(via("FOO", invite), UDP), "9: request FOO");
    assert_eq!(world.arrives(via("ACK", invite), UDP), "", "it is the INVITE's, which has no final response yet");
}

/// An INVITE of RFC 2543, without a branch: RFC 4475 `inv2543` with a tag in From.
const OLD: &str = "INVITE sip:UserB@example.com SIP/2.0\n\
     Via: SIP/2.0/UDP iftgw.example.com\n\
     From: <sip:+13035551111@ift.client.example.net;user=phone>;tag=f1\n\
     To: sip:+16505552222@ss1.example.net;user=phone\n\
     Call-ID: inv2543.1717@ift.client.example.com\n\
     CSeq: 56 INVITE\n\
     Max-Forwards: 70\n\
     Content-Length: 0\n\n";

fn old_response(code: u16) -> crate::sip::Response {
    response(&format!(
        "SIP/2.0 {code} Whatever\n\
         Via: SIP/2.0/UDP iftgw.example.com;received=192.0.2.9\n\
         From: <sip:+13035551111@ift.client.example.net;user=phone>;tag=f1\n\
         To: sip:+16505552222@ss1.example.net;user=phone;tag=t1\n\
         Call-ID: inv2543.1717@ift.client.example.com\n\
         CSeq: 56 INVITE\n\
         Content-Length: 0\n\n"
    ))
}

/// What differs from [`OLD`] in one of the fields that RFC 2543 compares.
const OTHERS: [(&str, &str); 7] = [
    ("sip:UserB@example.com", "sip:UserC@example.com"),
    ("user=phone\nCall-ID", "user=phone;tag=t0\nCall-ID"),
    ("tag=f1", "tag=f2"),
    (";tag=f1", ""),
    ("inv2543.1717", "inv2543.1718"),
    ("CSeq: 56", "CSeq: 57"),
    ("iftgw.example.com\n", "iftgx.example.com\n"),
];

/// MAT-3.
#[test]
fn a_request_without_the_cookie_matches_as_in_rfc_2543() {
    let mut world = World::new();
    assert_eq!(world.arrives(request(OLD), UDP), "0: request INVITE");
    assert_eq!(world.arrives(request(OLD), UDP), "");
    for (number, (part, other)) in OTHERS.iter().enumerate() {
        let changed = OLD.replace(part, other);
        assert_ne!(changed, OLD);
        assert_eq!(world.arrives(request(&changed), UDP), format!("{}: request INVITE", number + 1), "{other}");
        assert_eq!(world.arrives(request(&changed), UDP), "");
    }
    assert_eq!(world.arrives(request(&OLD.replace("INVITE", "OPTIONS")), UDP), "8: request OPTIONS");
    assert_eq!(world.arrives(request(&OLD.replace("INVITE", "OPTIONS")), UDP), "");
}

/// MAT-3: the ACK has the To tag of the response, and no branch of its own.
#[test]
fn an_ack_without_the_cookie_matches_by_the_tag_of_the_response() {
    let ack = OLD.replace("INVITE", "ACK").replace("user=phone\nCall-ID", "user=phone;tag=t1\nCall-ID");
    let mut world = World::new();
    world.arrives(request(OLD), UDP);
    assert_eq!(world.arrives(request(&ack), UDP), "ack", "nothing was answered yet");
    assert_eq!(world.respond(0, &old_response(486)).unwrap(), "0: send 486 on 17");
    for (part, other) in [
        ("sip:UserB@example.com", "sip:UserC@example.com"),
        (";tag=t1", ";tag=t2"),
        (";tag=t1", ""),
        ("tag=f1", "tag=f2"),
        ("inv2543.1717", "inv2543.1718"),
        ("CSeq: 56", "CSeq: 57"),
        ("iftgw.example.com\n", "iftgx.example.com\n"),
    ] {
        assert_eq!(world.arrives(request(&ack.replace(part, other)), UDP), "ack", "{other}");
    }
    assert_eq!(world.arrives(request(OLD), UDP), "0: send 486 on 17", "still completed");
    assert_eq!(world.arrives(request(&ack), UDP), "0: confirmed");
    assert_eq!(world.arrives(request(&ack), UDP), "");
    world.arrives(of("INVITE", A), UDP);
    world.run_out();
    assert_eq!(world.said(), "1: send 100 on 17, 0: ended Done");
    assert!(world.table.is_consistent());
    assert_eq!(world.arrives(request(&ack), UDP), "ack");
}

/// RFC 6026 section 6.
#[test]
fn an_ack_without_the_cookie_for_a_2xx_goes_up() {
    let ack = OLD.replace("INVITE", "ACK").replace("user=phone\nCall-ID", "user=phone;tag=t1\nCall-ID");
    let mut world = World::new();
    world.arrives(request(OLD), UDP);
    world.respond(0, &old_response(200)).unwrap();
    assert_eq!(world.arrives(request(OLD), UDP), "");
    assert_eq!(world.arrives(request(&ack), UDP), "0: ack");
    world.run_out();
    assert!(world.table.is_empty());
}

/// CAN-3, for the table's part.
#[test]
fn a_cancel_without_the_cookie_names_what_it_cancels() {
    let mut world = World::new();
    world.arrives(request(OLD), UDP);
    assert_eq!(world.arrives(request(&OLD.replace("INVITE", "CANCEL")), UDP), "1: request CANCEL of 0");
    for (number, (part, other)) in OTHERS.iter().enumerate() {
        let changed = OLD.replace("INVITE", "CANCEL").replace(part, other);
        assert_eq!(world.arrives(request(&changed), UDP), format!("{}: request CANCEL", number + 2), "{other}");
    }
}

/// MAT-3: RFC 4475 `badbranch`: nothing but the cookie.
#[test]
fn a_branch_that_is_nothing_but_the_cookie_tells_nothing() {
    let mut world = World::new();
    let bare = |call_id: &str| {
        request(&format!(
            "OPTIONS sip:user@example.com SIP/2.0\n\
             To: sip:user@example.com\n\
             From: sip:caller@example.org;tag=33242\n\
             Max-Forwards: 3\n\
             Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK\n\
             Accept: application/sdp\n\
             Call-ID: {call_id}\n\
             CSeq: 8 OPTIONS\n\
             l: 0\n\n"
        ))
    };
    assert_eq!(world.arrives(bare("badbranch.1"), UDP), "0: request OPTIONS");
    assert_eq!(world.arrives(bare("badbranch.2"), UDP), "1: request OPTIONS");
    assert_eq!(world.arrives(bare("badbranch.1"), UDP), "");
}

/// MAT-4, for the table's part: that sent-by is ours is for the transport to see.
#[test]
fn a_response_with_two_vias_is_not_ours() {
    let mut world = World::new();
    world.request(of("INVITE", A), UDP).unwrap();
    world.said();
    let text = std::str::from_utf8(to(180, "INVITE", A).bytes()).unwrap().replace("\r\n", "\n");
    for second in ["Via: SIP/2.0/UDP a.example.com;branch=z9hG4bKx\nTo:", "v: SIP/2.0/UDP a.example.com\nTo:"] {
        assert_eq!(world.answered(response(&text.replace("To:", second))), "stray 180");
    }
    let comma = text.replace("branch=z9hG4bKaaa", "branch=z9hG4bKaaa, SIP/2.0/UDP a.example.com");
    assert_eq!(world.answered(response(&comma)), "stray 180");
}

/// MAT-5.
#[test]
fn a_request_of_ours_has_a_branch_of_its_own() {
    let mut world = World::new();
    for branch in ["z9hG4bK", "1", "z9hG4b"] {
        assert_eq!(world.request(of("OPTIONS", branch), UDP), Err(StartError::NoBranch), "{branch}");
    }
    let none = via("OPTIONS", "SIP/2.0/UDP pc33.atlanta.com");
    assert_eq!(world.request(none, UDP), Err(StartError::NoBranch));
    assert!(world.out.is_empty());
    assert!(world.table.is_empty());
}

#[test]
fn the_two_sides_do_not_meet() {
    // A request of ours that comes back to us is a new one.
    let mut world = World::new();
    world.request(of("INVITE", A), UDP).unwrap();
    world.said();
    assert_eq!(world.arrives(of("INVITE", A), UDP), "1: request INVITE");
    assert_eq!(world.answered(to(180, "INVITE", A)), "0: response 180");
}

#[test]
fn fields_do_not_run_into_each_other() {
    let mut world = World::new();
    let first = OLD.replace("tag=f1", "tag=f").replace("inv2543.1717@ift.client.example.com", "ab");
    let second = OLD.replace("tag=f1", "tag=bf").replace("inv2543.1717@ift.client.example.com", "a");
    assert_eq!(world.arrives(request(&first), UDP), "0: request INVITE");
    assert_eq!(world.arrives(request(&second), UDP), "1: request INVITE");
}
