//! The limit of the table (`Limits::transactions`), and what it leaves behind.

use super::super::StartError;
use super::table::{TCP, UDP, World};
use super::{ms, of, to};
use crate::limits::Limits;

fn world(transactions: usize) -> World {
    World::limited(&Limits { transactions, ..Limits::default() })
}

fn branch(number: usize) -> String {
    format!("z9hG4bK{number}")
}

#[test]
fn a_full_table_refuses_without_state() {
    let mut world = world(16);
    for number in 0..16 {
        assert_eq!(world.arrives(of("OPTIONS", &branch(number)), UDP), format!("{number}: request OPTIONS"));
    }
    for method in ["INVITE", "OPTIONS", "MESSAGE"] {
        assert_eq!(world.arrives(of(method, &branch(99)), TCP), format!("send 503 on 6, shed {method}"));
    }
    assert_eq!(world.table.len(), 16);
    assert_eq!(world.arrives(of("OPTIONS", &branch(3)), UDP), "", "retransmissions of what is known are known");
    assert_eq!(world.respond(3, &to(200, "OPTIONS", &branch(3))).unwrap(), "3: send 200 on 17");
    world.run_out();
    world.said();
    assert_eq!(world.arrives(of("INVITE", &branch(99)), TCP), "16: request INVITE", "there is room again");
}

#[test]
fn the_refusal_is_a_whole_response_and_the_same_each_time() {
    let mut world = world(0);
    let mut texts = Vec::new();
    for _ in 0..2 {
        let invite = of("INVITE", &branch(1));
        let essentials = invite.validate().unwrap();
        let arrival = super::super::Arrival { flow: UDP, from: "192.0.2.9:5062".parse().unwrap(), reliable: false };
        world.table.receive_request(ms(0), invite, &essentials, arrival, &mut world.out);
        let Some(super::super::Output::Send { id: None, data, .. }) = world.out.pop() else { panic!("no 503") };
        world.said();
        texts.push(String::from_utf8(data.to_vec()).unwrap());
    }
    assert_eq!(texts[0], texts[1]);
    assert!(texts[0].starts_with("SIP/2.0 503 "));
    for field in ["Retry-After: 10\r\n", ";received=192.0.2.9", "CSeq: 1 INVITE\r\n", "<sip:bob@biloxi.com>;tag="] {
        assert!(texts[0].contains(field), "{field}");
    }
}

#[test]
fn endings_have_room() {
    let mut world = world(16);
    for number in 0..16 {
        world.arrives(of("INVITE", &branch(number)), UDP);
    }
    assert_eq!(world.arrives(of("CANCEL", &branch(5)), UDP), "16: request CANCEL of 5");
    assert_eq!(world.arrives(of("BYE", &branch(50)), UDP), "17: request BYE");
    assert_eq!(world.arrives(of("BYE", &branch(51)), UDP), "send 503 on 17, shed BYE", "not without end");
    assert_eq!(world.arrives(of("ACK", &branch(52)), UDP), "ack", "and an ACK is never answered");
    assert_eq!(world.request(of("INVITE", &branch(60)), UDP), Err(StartError::Full));
    assert_eq!(world.request(of("OPTIONS", &branch(60)), UDP), Err(StartError::Full));
    assert!(world.request(of("BYE", &branch(60)), UDP).is_ok());
    assert!(world.request(of("CANCEL", &branch(61)), UDP).is_ok());
}

#[test]
fn one_source_cannot_take_all_places() {
    let mut world = World::limited(&Limits { transactions: 16, transactions_per_source: 8, ..Limits::default() });
    let arrives = |world: &mut World, method: &str, number: usize, from: &str| {
        let request = of(method, &branch(number));
        let essentials = request.validate().unwrap();
        let arrival = super::super::Arrival { flow: UDP, from: from.parse().unwrap(), reliable: false };
        world.table.receive_request(world.now, request, &essentials, arrival, &mut world.out);
        world.said()
    };
    for number in 0..8 {
        // A whole /64 is one source.
        let from = format!("[2001:db8::{number}]:5060");
        assert_eq!(arrives(&mut world, "INVITE", number, &from), format!("{number}: request INVITE"));
    }
    assert_eq!(arrives(&mut world, "OPTIONS", 20, "[2001:db8::99]:5060"), "send 503 on 17, shed OPTIONS");
    assert_eq!(arrives(&mut world, "BYE", 21, "[2001:db8::99]:5060"), "8: request BYE", "endings have room");
    assert_eq!(arrives(&mut world, "BYE", 22, "[2001:db8::99]:5060"), "send 503 on 17, shed BYE");
    assert_eq!(arrives(&mut world, "OPTIONS", 23, "[2001:db8:0:1::9]:5060"), "9: request OPTIONS");
    assert!(world.request(of("OPTIONS", &branch(60)), UDP).is_ok(), "ours are nobody's");
    world.respond(8, &to(200, "BYE", &branch(21))).unwrap();
    for number in 0..8 {
        world.respond(number, &to(486, "INVITE", &branch(0))).unwrap();
    }
    world.respond(9, &to(200, "OPTIONS", &branch(23))).unwrap();
    world.run_out();
    world.said();
    assert!(world.table.is_empty() && world.table.is_consistent());
    assert_eq!(arrives(&mut world, "OPTIONS", 30, "[2001:db8::99]:5060"), "11: request OPTIONS");
    assert!(world.table.is_consistent());
}

#[test]
fn a_cancel_of_ours_leaves_a_full_table() {
    let mut world = world(1);
    let invite = world.request(of("INVITE", &branch(0)), UDP).unwrap();
    world.answered(to(180, "INVITE", &branch(0)));
    assert!(world.table.cancel(ms(0), invite, None, &mut world.out));
    assert_eq!(world.said(), "0: cancelled by 1, 1: send CANCEL on 17");
}

#[test]
fn a_flood_leaves_nothing_behind() {
    let mut world = world(1000);
    for number in 0..3000 {
        world.now = ms(u64::try_from(number).unwrap());
        world.arrives(of(if number % 2 == 0 { "INVITE" } else { "BYE" }, &branch(number)), UDP);
        assert!(world.table.len() <= 1125);
    }
    let open: Vec<_> = world.table.iter().map(|(id, ..)| id).collect();
    for id in open {
        let response = to(603, "INVITE", &branch(0));
        world.table.respond(world.now, id, &response, &mut world.out).unwrap();
    }
    world.run_out();
    assert!(world.table.is_empty());
    assert!(world.table.is_consistent());
}
