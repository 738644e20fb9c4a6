//! Any order of messages, answers, failures and ticks, late ones too: the safety of invariants B, C, D, E and G, no leak, and the same outcome each time.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{End, Kind, Output, State};
use super::table::{World, shown};
use super::{name, of, request, to};
use crate::id::TransactionId;
use crate::limits::Limits;
use crate::sip::Request;
use crate::transport::CloseCause;

/// What may happen. Branches and ways are few, so that things meet.
#[derive(Clone, Debug)]
enum Event {
    Start {
        method: &'static str,
        branch: u8,
        flow: u8,
    },
    Answered {
        method: &'static str,
        branch: u8,
        code: u16,
    },
    Arrives {
        method: &'static str,
        branch: u8,
        flow: u8,
    },
    /// Of one of the transactions there are.
    Respond {
        which: usize,
        code: u16,
    },
    Cancel {
        which: usize,
    },
    SendFailed {
        which: usize,
    },
    FlowFailed {
        flow: u8,
    },
    /// Every timer fires when it is due, for this long.
    Pass {
        millis: u64,
    },
    /// Nothing fires for this long, and then all that is due does.
    Oversleep {
        millis: u64,
    },
}

fn method() -> impl Strategy<Value = &'static str> {
    prop_oneof![3 => Just("INVITE"), 2 => Just("OPTIONS"), 1 => Just("BYE")]
}

fn code() -> impl Strategy<Value = u16> {
    prop_oneof![Just(100), Just(180), Just(200), Just(202), Just(302), Just(408), Just(486), Just(603)]
}

/// Below 10 reliable.
fn flow() -> impl Strategy<Value = u8> {
    prop_oneof![Just(1_u8), Just(2), Just(11), Just(12)]
}

fn millis() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 0..600_u64, 2 => 0..6000_u64, 1 => 0..70_000_u64]
}

fn event() -> impl Strategy<Value = Event> {
    let branch = || 0..4_u8;
    prop_oneof![
        3 => (method(), branch(), flow()).prop_map(|(method, branch, flow)| Event::Start { method, branch, flow }),
        6 => (prop_oneof![4 => method(), 1 => Just("CANCEL")], branch(), code())
            .prop_map(|(method, branch, code)| Event::Answered { method, branch, code }),
        6 => (prop_oneof![3 => method(), 1 => Just("ACK"), 1 => Just("CANCEL")], branch(), flow())
            .prop_map(|(method, branch, flow)| Event::Arrives { method, branch, flow }),
        6 => (any::<usize>(), code()).prop_map(|(which, code)| Event::Respond { which, code }),
        2 => any::<usize>().prop_map(|which| Event::Cancel { which }),
        1 => any::<usize>().prop_map(|which| Event::SendFailed { which }),
        1 => flow().prop_map(|flow| Event::FlowFailed { flow }),
        4 => millis().prop_map(|millis| Event::Pass { millis }),
        1 => millis().prop_map(|millis| Event::Oversleep { millis }),
    ]
}

/// What an onlooker knows of one transaction.
#[derive(Debug)]
struct Seen {
    kind: Kind,
    /// Provisional responses that went up or were sent.
    provisional: bool,
    /// The first final response that went up or was sent.
    last: Option<(u16, Option<Bytes>)>,
    ended: Option<End>,
}

#[derive(Default)]
struct Onlooker {
    seen: BTreeMap<TransactionId, Seen>,
    log: Vec<String>,
}

impl Onlooker {
    fn born(&mut self, id: TransactionId, kind: Kind) {
        let new = Seen { kind, provisional: false, last: None, ended: None };
        assert!(self.seen.insert(id, new).is_none(), "{id} was used again");
    }

    fn alive(&mut self, id: TransactionId) -> &mut Seen {
        let seen = self.seen.get_mut(&id).unwrap_or_else(|| panic!("{id} is not known"));
        assert_eq!(seen.ended, None, "{id} is over");
        seen
    }

    fn look(&mut self, world: &mut World) {
        while let Some(output) = world.out.pop() {
            self.log.push(format!("{} {}", world.now, shown(&output)));
            match output {
                Output::Request { id, request, .. } => {
                    let invite = request.method().as_str() == "INVITE";
                    self.born(id, if invite { Kind::InviteServer } else { Kind::NonInviteServer });
                }
                Output::Cancelled { id, cancel } => {
                    let invite = self.alive(id);
                    assert!(invite.provisional && invite.last.is_none(), "CAN-1: {invite:?}");
                    self.born(cancel, Kind::NonInviteClient);
                }
                Output::Send { id: Some(id), data, .. } => self.sent(id, &data),
                Output::Response { id, response } => self.went_up(id, response.code()),
                Output::Ack { id: Some(id), .. } => {
                    let seen = self.alive(id);
                    assert!(matches!(seen.last, Some((200..=299, _))), "IST-5: {seen:?}");
                }
                Output::Confirmed { id } => {
                    let seen = self.alive(id);
                    assert!(matches!(seen.last, Some((300.., _))), "{seen:?}");
                }
                Output::SendFailed { id, .. } => {
                    assert!(matches!(self.alive(id).kind, Kind::InviteServer | Kind::NonInviteServer));
                }
                Output::Ended { id, end } => self.ended(id, end),
                Output::Send { id: None, .. }
                | Output::Ack { id: None, .. }
                | Output::StrayResponse { .. }
                | Output::Shed { .. } => {}
            }
        }
    }

    fn sent(&mut self, id: TransactionId, data: &Bytes) {
        let seen = self.alive(id);
        match (seen.kind, name(data).as_str()) {
            (Kind::InviteClient, "INVITE") => assert!(!seen.provisional && seen.last.is_none(), "ICT-3: {seen:?}"),
            (Kind::InviteClient, "ACK") => assert!(!matches!(seen.last, Some((200..=299, _))), "ICT-7: {seen:?}"),
            (Kind::NonInviteClient, _) => assert!(seen.last.is_none(), "sent after the final response: {seen:?}"),
            (kind @ (Kind::InviteServer | Kind::NonInviteServer), code) => {
                let code: u16 = code.parse().unwrap();
                let invite = kind == Kind::InviteServer;
                assert!(invite || code != 408 && !(101..=199).contains(&code), "NCT-5: {code}");
                match &seen.last {
                    None if code < 200 => seen.provisional = true,
                    None => seen.last = Some((code, Some(data.clone()))),
                    Some((200..=299, _)) if invite => assert!((200..=299).contains(&code), "IST-6: {code}"),
                    Some((_, first)) => assert_eq!(first.as_ref(), Some(data), "IST-3, NST-2, NST-3"),
                }
            }
            (Kind::InviteClient, other) => panic!("an INVITE client transaction sent {other}"),
        }
    }

    fn went_up(&mut self, id: TransactionId, code: u16) {
        let seen = self.alive(id);
        match (&seen.last, code) {
            (None, ..200) => seen.provisional = true,
            (None, _) => seen.last = Some((code, None)),
            (Some((200..=299, _)), 200..=299) if seen.kind == Kind::InviteClient => {}
            (Some(_), _) => panic!("{code} after the final response: {seen:?}"),
        }
    }

    fn ended(&mut self, id: TransactionId, end: End) {
        let seen = self.alive(id);
        let final_seen = seen.last.is_some();
        match &end {
            End::Done => assert!(final_seen, "{seen:?}"),
            End::Timeout => assert!(
                !final_seen && matches!(seen.kind, Kind::InviteClient | Kind::NonInviteClient),
                "NCT-3: {seen:?}"
            ),
            End::TransportFailed(_) => {
                assert!(matches!(seen.kind, Kind::InviteClient | Kind::NonInviteClient), "IST-8: {seen:?}")
            }
            End::Cancelled => assert!(!final_seen && seen.kind == Kind::InviteClient, "{seen:?}"),
            End::NoAck => assert!(final_seen && seen.kind == Kind::InviteServer, "{seen:?}"),
            End::Unanswered => assert!(!final_seen && seen.kind == Kind::NonInviteServer, "{seen:?}"),
        }
        seen.ended = Some(end);
    }
}

/// The last one is of RFC 2543.
fn branch(number: u8) -> String {
    if number == 3 { "old".to_owned() } else { format!("z9hG4bK{number}") }
}

/// A request that arrives; an ACK with the tag of the responses.
fn arriving(method: &str, number: u8) -> Request {
    let plain = of(method, &branch(number));
    if method != "ACK" {
        return plain;
    }
    let text = std::str::from_utf8(plain.bytes()).unwrap();
    request(&text.replace("\r\n", "\n").replace("biloxi.com>\n", "biloxi.com>;tag=a6c85cf\n"))
}

/// Lets the events happen, then brings everything to its end.
fn run(events: &[Event], limits: &Limits) -> Vec<String> {
    let mut world = World::limited(limits);
    let mut onlooker = Onlooker::default();
    for event in events {
        let ids: Vec<_> = world.table.iter().map(|(id, ..)| id).collect();
        let pick = |which: usize| ids.get(which.checked_rem(ids.len()).unwrap_or(0)).copied();
        match *event {
            Event::Start { method, branch: number, flow } => {
                if let Ok(id) = world.request(of(method, &branch(number)), flow) {
                    onlooker.born(id, if method == "INVITE" { Kind::InviteClient } else { Kind::NonInviteClient });
                }
            }
            Event::Answered { method, branch: number, code } => {
                let response = to(code, method, &branch(number));
                let essentials = response.validate().unwrap();
                world.table.receive_response(world.now, response, &essentials, &mut world.out);
            }
            Event::Arrives { method, branch: number, flow } => {
                let request = arriving(method, number);
                let essentials = request.validate().unwrap();
                let arrival =
                    super::super::Arrival { flow, from: "192.0.2.9:5060".parse().unwrap(), reliable: flow < 10 };
                world.table.receive_request(world.now, request, &essentials, arrival, &mut world.out);
            }
            Event::Respond { which, code } => {
                if let Some(id) = pick(which) {
                    let _refused = world.table.respond(world.now, id, &to(code, "INVITE", "z9hG4bK0"), &mut world.out);
                }
            }
            Event::Cancel { which } => {
                if let Some(id) = pick(which) {
                    world.table.cancel(world.now, id, None, &mut world.out);
                }
            }
            Event::SendFailed { which } => {
                if let Some(id) = pick(which) {
                    world.table.send_failed(world.now, id, CloseCause::Refused, &mut world.out);
                }
            }
            Event::FlowFailed { flow } => world.table.flow_failed(world.now, &flow, &CloseCause::Reset, &mut world.out),
            Event::Pass { millis } => {
                let until = world.now + std::time::Duration::from_millis(millis);
                while let Some((at, _)) = world.table.deadline()
                    && at <= until
                {
                    assert!(at > world.now, "a deadline that time does not move");
                    world.now = at;
                    world.table.timeout(at, &mut world.out);
                    onlooker.look(&mut world);
                }
                world.now = until;
            }
            Event::Oversleep { millis } => {
                world.now += std::time::Duration::from_millis(millis);
                let before = world.table.len();
                world.table.timeout(world.now, &mut world.out);
                assert!(world.out.len() <= 2 * before, "a burst of {} from {before}", world.out.len());
            }
        }
        onlooker.look(&mut world);
        world.table.timeout(world.now, &mut world.out);
        onlooker.look(&mut world);
        assert!(world.table.deadline().is_none_or(|(at, _)| at > world.now), "GEN-5");
        assert!(world.table.is_consistent());
    }
    let open: Vec<_> = world.table.iter().collect();
    for (id, kind, state) in open {
        match (kind, state) {
            (Kind::InviteServer, State::Proceeding) => {
                world.table.respond(world.now, id, &to(603, "INVITE", "z9hG4bK0"), &mut world.out).unwrap();
            }
            (Kind::InviteClient, State::Proceeding) => {
                world.table.cancel(world.now, id, None, &mut world.out);
            }
            _ => {}
        }
    }
    world.run_out();
    onlooker.look(&mut world);
    assert!(world.table.is_empty() && world.table.is_consistent());
    assert!(onlooker.seen.values().all(|seen| seen.ended.is_some()), "GEN-7");
    onlooker.log
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens(events in vec(event(), 0..80)) {
        let limits = Limits::default();
        prop_assert_eq!(run(&events, &limits), run(&events, &limits));
    }

    #[test]
    fn whatever_happens_in_a_full_table(events in vec(event(), 0..80)) {
        run(&events, &Limits { transactions: 2, ..Limits::default() });
    }
}
