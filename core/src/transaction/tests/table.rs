//! The table: what goes between the machines, the transport and the transaction user.

use super::super::{Arrival, Kind, Output, RespondError, StartError, State, Table, Timer, Timers};
use super::{ms, name, of, request, timers, to};
use crate::id::TransactionId;
use crate::limits::Limits;
use crate::outbox::Outbox;
use crate::random::{Random, Seed};
use crate::sip::{Request, Response};
use crate::time::Instant;
use crate::transport::CloseCause;
use std::time::Duration;

/// A table whose ways are numbers, with what it said last.
pub(super) struct World {
    pub(super) table: Table<u8>,
    pub(super) out: Outbox<Output<u8>>,
    pub(super) now: Instant,
}

/// Over UDP, so to say.
pub(super) const UDP: u8 = 17;
/// Over TCP: every way below 10 is reliable.
pub(super) const TCP: u8 = 6;

const fn reliable(flow: u8) -> bool {
    flow < 10
}

impl World {
    pub(super) fn new() -> Self {
        Self::limited(&Limits::default())
    }

    pub(super) fn limited(limits: &Limits) -> Self {
        Self::with(timers(), limits)
    }

    fn with(timers: Timers, limits: &Limits) -> Self {
        let table = Table::new(timers, limits, &mut Random::new(&Seed::from_u64(7)));
        Self { table, out: Outbox::new(), now: ms(0) }
    }

    pub(super) fn request(&mut self, request: Request, flow: u8) -> Result<TransactionId, StartError> {
        self.table.request(self.now, request, flow, reliable(flow), &mut self.out)
    }

    pub(super) fn arrives(&mut self, request: Request, flow: u8) -> String {
        let essentials = request.validate().unwrap();
        let arrival = Arrival { flow, from: "192.0.2.9:5060".parse().unwrap(), reliable: reliable(flow) };
        self.table.receive_request(self.now, request, &essentials, arrival, &mut self.out);
        self.said()
    }

    pub(super) fn answered(&mut self, response: Response) -> String {
        let essentials = response.validate().unwrap();
        self.table.receive_response(self.now, response, &essentials, &mut self.out);
        self.said()
    }

    pub(super) fn respond(&mut self, id: u64, response: &Response) -> Result<String, RespondError> {
        self.table.respond(self.now, TransactionId::from_u64(id), response, &mut self.out)?;
        Ok(self.said())
    }

    pub(super) fn at(&mut self, now: Instant) -> String {
        self.now = now;
        self.table.timeout(now, &mut self.out);
        self.said()
    }

    /// Lets every timer fire at its time; how many did, and when the last.
    pub(super) fn run_out(&mut self) -> Instant {
        while let Some((at, _)) = self.table.deadline() {
            assert!(at > self.now, "a deadline in the past");
            self.now = at;
            self.table.timeout(at, &mut self.out);
        }
        self.now
    }

    pub(super) fn said(&mut self) -> String {
        let mut said = Vec::new();
        while let Some(output) = self.out.pop() {
            said.push(shown(&output));
        }
        said.join(", ")
    }
}

/// An output in short; transactions by their numbers.
pub(super) fn shown(output: &Output<u8>) -> String {
    let number = |id: &TransactionId| id.as_u64();
    match output {
        Output::Send { id: Some(id), flow, data } => format!("{}: send {} on {flow}", number(id), name(data)),
        Output::Send { id: None, flow, data } => format!("send {} on {flow}", name(data)),
        Output::Request { id, request, cancels: None } => format!("{}: request {}", number(id), request.method()),
        Output::Request { id, request, cancels: Some(cancels) } => {
            format!("{}: request {} of {}", number(id), request.method(), number(cancels))
        }
        Output::Ack { id: Some(id), .. } => format!("{}: ack", number(id)),
        Output::Ack { id: None, .. } => "ack".to_owned(),
        Output::Confirmed { id } => format!("{}: confirmed", number(id)),
        Output::Response { id, response } => format!("{}: response {}", number(id), response.code()),
        Output::StrayResponse { response } => format!("stray {}", response.code()),
        Output::Cancelled { id, cancel } => format!("{}: cancelled by {}", number(id), number(cancel)),
        Output::SendFailed { id, cause } => format!("{}: failed {cause:?}", number(id)),
        Output::Shed { request } => format!("shed {}", request.method()),
        Output::Ended { id, end } => format!("{}: ended {end:?}", number(id)),
    }
}

const A: &str = "z9hG4bKaaa";
const B: &str = "z9hG4bKbbb";

fn id(number: u64) -> TransactionId {
    TransactionId::from_u64(number)
}

#[test]
fn an_invite_of_ours_that_is_refused() {
    let mut world = World::new();
    assert_eq!(world.request(of("INVITE", A), UDP), Ok(id(0)));
    assert_eq!(world.said(), "0: send INVITE on 17");
    assert_eq!(world.at(ms(500)), "0: send INVITE on 17");
    assert_eq!(world.answered(to(180, "INVITE", A)), "0: response 180");
    assert_eq!(world.answered(to(486, "INVITE", A)), "0: send ACK on 17, 0: response 486");
    assert_eq!(world.answered(to(486, "INVITE", A)), "0: send ACK on 17");
    assert_eq!(world.table.deadline(), Some((ms(32_500), Timer::D)));
    assert_eq!(world.at(ms(32_500)), "0: ended Done");
    assert!(world.table.is_empty());
    assert_eq!(world.answered(to(486, "INVITE", A)), "stray 486");
}

#[test]
fn an_invite_of_ours_that_is_accepted() {
    let mut world = World::new();
    world.request(of("INVITE", A), TCP).unwrap();
    assert_eq!(world.said(), "0: send INVITE on 6");
    assert_eq!(world.answered(to(200, "INVITE", A)), "0: response 200");
    assert_eq!(world.answered(to(200, "INVITE", A)), "0: response 200");
    assert_eq!(world.at(ms(32_000)), "0: ended Done");
    assert_eq!(world.answered(to(200, "INVITE", A)), "stray 200");
}

#[test]
fn another_request_of_ours() {
    let mut world = World::new();
    world.request(of("OPTIONS", A), TCP).unwrap();
    world.request(of("OPTIONS", B), UDP).unwrap();
    assert_eq!(world.said(), "0: send OPTIONS on 6, 1: send OPTIONS on 17");
    assert_eq!(world.answered(to(200, "OPTIONS", A)), "0: response 200, 0: ended Done");
    assert_eq!(world.at(ms(500)), "1: send OPTIONS on 17");
    assert_eq!(world.answered(to(200, "OPTIONS", B)), "1: response 200");
    assert_eq!(world.answered(to(200, "OPTIONS", B)), "");
    assert_eq!(world.at(ms(5500)), "1: ended Done");
}

#[test]
fn an_invite_that_we_refuse() {
    let mut world = World::new();
    assert_eq!(world.arrives(of("INVITE", A), UDP), "0: request INVITE");
    assert_eq!(world.arrives(of("INVITE", A), UDP), "");
    assert_eq!(world.at(ms(200)), "0: send 100 on 17");
    assert_eq!(world.respond(0, &to(180, "INVITE", A)).unwrap(), "0: send 180 on 17");
    assert_eq!(world.arrives(of("INVITE", A), UDP), "0: send 180 on 17");
    assert_eq!(world.respond(0, &to(603, "INVITE", A)).unwrap(), "0: send 603 on 17");
    assert_eq!(world.at(ms(700)), "0: send 603 on 17");
    assert_eq!(world.arrives(of("ACK", A), UDP), "0: confirmed");
    assert_eq!(world.arrives(of("ACK", A), UDP), "");
    assert_eq!(world.at(ms(5700)), "0: ended Done");
    assert_eq!(world.arrives(of("ACK", A), UDP), "ack");
    assert_eq!(world.respond(0, &to(603, "INVITE", A)), Err(RespondError::Unknown));
}

#[test]
fn a_refusal_that_nobody_acknowledges() {
    let mut world = World::new();
    world.arrives(of("INVITE", A), TCP);
    assert_eq!(world.respond(0, &to(603, "INVITE", A)).unwrap(), "0: send 603 on 6");
    assert_eq!(world.at(ms(32_000)), "0: ended NoAck");
}

#[test]
fn an_invite_that_we_accept() {
    let mut world = World::new();
    world.arrives(of("INVITE", A), TCP);
    assert_eq!(world.respond(0, &to(200, "INVITE", A)).unwrap(), "0: send 200 on 6");
    assert_eq!(world.arrives(of("INVITE", A), TCP), "");
    assert_eq!(world.respond(0, &to(200, "INVITE", A)).unwrap(), "0: send 200 on 6");
    assert_eq!(world.respond(0, &to(486, "INVITE", A)), Err(RespondError::Answered));
    assert_eq!(world.arrives(of("ACK", B), TCP), "ack", "the ACK for a 2xx is a transaction of its own");
    assert_eq!(world.arrives(of("ACK", A), TCP), "0: ack", "but not with every client");
    assert_eq!(world.at(ms(32_000)), "0: ended Done");
}

#[test]
fn a_response_is_sent_again_as_it_was() {
    let mut world = World::new();
    world.arrives(of("INVITE", A), UDP);
    world.arrives(of("OPTIONS", A), UDP);
    let again = |world: &mut World, number, code| {
        let data = to(code, "INVITE", A).bytes().clone();
        let result = world.table.respond_again(world.now, id(number), code, data, &mut world.out);
        result.map(|()| world.said())
    };
    assert_eq!(again(&mut world, 0, 200), Err(RespondError::Forbidden(200)), "not the first time");
    assert_eq!(again(&mut world, 0, 486), Err(RespondError::Forbidden(486)));
    world.respond(0, &to(183, "INVITE", A)).unwrap();
    assert_eq!(again(&mut world, 0, 183).unwrap(), "0: send 183 on 17");
    world.respond(0, &to(200, "INVITE", A)).unwrap();
    assert_eq!(again(&mut world, 0, 200).unwrap(), "0: send 200 on 17");
    assert_eq!(again(&mut world, 0, 183), Err(RespondError::Answered));
    assert_eq!(again(&mut world, 1, 200), Err(RespondError::Unknown));
    assert_eq!(again(&mut world, 9, 200), Err(RespondError::Unknown));
    assert_eq!(world.at(ms(32_000)), "1: ended Unanswered, 0: ended Done");
}

#[test]
fn another_request_that_we_answer() {
    let mut world = World::new();
    assert_eq!(world.arrives(of("BYE", A), UDP), "0: request BYE");
    assert_eq!(world.arrives(of("BYE", B), TCP), "1: request BYE");
    assert_eq!(world.respond(1, &to(200, "BYE", B)).unwrap(), "1: send 200 on 6, 1: ended Done");
    assert_eq!(world.arrives(of("BYE", A), UDP), "");
    assert_eq!(world.respond(0, &to(408, "BYE", A)), Err(RespondError::Forbidden(408)));
    assert_eq!(world.at(ms(3500)), "0: send 100 on 17");
    assert_eq!(world.respond(0, &to(481, "BYE", A)).unwrap(), "0: send 481 on 17");
    assert_eq!(world.arrives(of("BYE", A), UDP), "0: send 481 on 17");
    assert_eq!(world.at(ms(35_500)), "0: ended Done");
}

#[test]
fn a_client_transaction_is_not_answered() {
    let mut world = World::new();
    world.request(of("INVITE", A), UDP).unwrap();
    world.request(of("OPTIONS", B), UDP).unwrap();
    for number in 0..2 {
        assert_eq!(world.respond(number, &to(200, "INVITE", A)), Err(RespondError::Unknown));
    }
}

#[test]
fn a_cancel_of_ours_after_a_provisional_response() {
    let mut world = World::new();
    let invite = world.request(of("INVITE", A), UDP).unwrap();
    assert_eq!(world.answered(to(180, "INVITE", A)), "0: send INVITE on 17, 0: response 180");
    assert!(world.table.cancel(ms(0), invite, None, &mut world.out));
    assert_eq!(world.said(), "0: cancelled by 1, 1: send CANCEL on 17");
    assert!(!world.table.cancel(ms(0), invite, None, &mut world.out));
    assert_eq!(world.at(ms(500)), "1: send CANCEL on 17");
    assert_eq!(world.answered(to(200, "CANCEL", A)), "1: response 200");
    assert_eq!(world.answered(to(487, "INVITE", A)), "0: send ACK on 17, 0: response 487");
    assert_eq!(world.run_out(), ms(32_500));
    assert_eq!(world.said(), "1: ended Done, 0: ended Done");
}

#[test]
fn a_cancel_of_ours_before_a_provisional_response() {
    let mut world = World::new();
    let invite = world.request(of("INVITE", A), TCP).unwrap();
    assert!(world.table.cancel(ms(0), invite, None, &mut world.out));
    assert_eq!(world.said(), "0: send INVITE on 6");
    assert_eq!(world.answered(to(100, "INVITE", A)), "0: response 100, 0: cancelled by 1, 1: send CANCEL on 6");
    assert_eq!(world.answered(to(481, "CANCEL", A)), "1: response 481, 1: ended Done");
    assert_eq!(world.at(ms(32_000)), "0: ended Cancelled");
    assert!(world.table.is_empty());
}

#[test]
fn a_cancel_that_comes_too_late() {
    let mut world = World::new();
    let invite = world.request(of("INVITE", A), TCP).unwrap();
    assert!(world.table.cancel(ms(0), invite, None, &mut world.out));
    world.said();
    assert_eq!(world.answered(to(200, "INVITE", A)), "0: response 200", "no CANCEL");
    assert!(!world.table.cancel(ms(0), invite, None, &mut world.out));
    let bye = world.request(of("BYE", B), TCP).unwrap();
    assert!(!world.table.cancel(ms(0), bye, None, &mut world.out));
    assert!(!world.table.cancel(ms(0), id(99), None, &mut world.out));
}

#[test]
fn a_cancel_names_what_it_cancels() {
    let mut world = World::new();
    assert_eq!(world.arrives(of("INVITE", A), UDP), "0: request INVITE");
    assert_eq!(world.arrives(of("CANCEL", A), UDP), "1: request CANCEL of 0");
    assert_eq!(world.arrives(of("CANCEL", A), UDP), "", "a retransmission");
    assert_eq!(world.respond(1, &to(200, "CANCEL", A)).unwrap(), "1: send 200 on 17");
    assert_eq!(world.respond(0, &to(487, "INVITE", A)).unwrap(), "0: send 487 on 17");
    assert_eq!(world.arrives(of("CANCEL", A), UDP), "1: send 200 on 17");
    assert_eq!(world.arrives(of("CANCEL", B), UDP), "2: request CANCEL");
    // To a request other than INVITE, whatever there is around it.
    world.arrives(of("OPTIONS", "z9hG4bKccc"), UDP);
    assert_eq!(world.arrives(of("CANCEL", "z9hG4bKccc"), UDP), "4: request CANCEL of 3");
    assert_eq!(world.table.kind(id(3)), Some(Kind::NonInviteServer));
    world.arrives(of("CANCEL", "z9hG4bKd"), UDP);
    world.arrives(of("OPTIONS", "z9hG4bKdd"), UDP);
    assert_eq!(world.arrives(of("CANCEL", "z9hG4bKe"), UDP), "7: request CANCEL");
}

/// ICT-10.
#[test]
fn a_failed_way_ends_what_waits_on_it() {
    let mut world = World::new();
    world.request(of("INVITE", A), 1).unwrap();
    world.request(of("OPTIONS", A), 1).unwrap();
    world.request(of("INVITE", B), 2).unwrap();
    world.arrives(of("INVITE", "z9hG4bKc"), 1);
    world.request(of("INVITE", "z9hG4bKd"), 1).unwrap();
    world.answered(to(200, "INVITE", "z9hG4bKd"));
    world.said();
    world.table.flow_failed(ms(10), &1, &CloseCause::Reset, &mut world.out);
    assert_eq!(world.said(), "0: ended TransportFailed(Reset), 1: ended TransportFailed(Reset)");
    world.table.flow_failed(ms(10), &1, &CloseCause::Reset, &mut world.out);
    assert_eq!(world.said(), "");
    assert_eq!(world.table.state(id(2)), Some(State::Calling));
    assert_eq!(world.table.state(id(3)), Some(State::Proceeding));
    assert_eq!(world.table.state(id(4)), Some(State::Accepted));
}

/// IST-8.
#[test]
fn a_response_that_cannot_be_sent_is_told_and_ends_nothing() {
    let mut world = World::new();
    world.arrives(of("INVITE", A), UDP);
    world.respond(0, &to(486, "INVITE", A)).unwrap();
    world.table.send_failed(ms(0), id(0), CloseCause::Unreachable, &mut world.out);
    assert_eq!(world.said(), "0: failed Unreachable");
    assert_eq!(world.arrives(of("INVITE", A), UDP), "0: send 486 on 17");
    world.table.send_failed(ms(0), id(44), CloseCause::Unreachable, &mut world.out);
    assert_eq!(world.said(), "");
}

#[test]
fn a_request_that_cannot_be_sent_ends() {
    let mut world = World::new();
    world.request(of("REGISTER", A), UDP).unwrap();
    world.table.send_failed(ms(0), id(0), CloseCause::Unreachable, &mut world.out);
    assert_eq!(world.said(), "0: send REGISTER on 17, 0: ended TransportFailed(Unreachable)");
    assert_eq!(world.table.deadline(), None);
}

/// RFC 3261 section 18.1.1.
#[test]
fn a_request_moves_from_tcp_to_udp() {
    let mut world = World::new();
    world.request(of("INVITE", A), TCP).unwrap();
    world.request(of("MESSAGE", B), TCP).unwrap();
    world.said();
    assert!(world.table.moved(ms(100), of("INVITE", A), UDP, false));
    assert!(world.table.moved(ms(100), of("MESSAGE", B), UDP, false));
    assert!(!world.table.moved(ms(100), of("MESSAGE", A), UDP, false));
    world.table.flow_failed(ms(100), &TCP, &CloseCause::Refused, &mut world.out);
    assert_eq!(world.said(), "", "nothing waits there any more");
    assert_eq!(world.at(ms(600)), "0: send INVITE on 17, 1: send MESSAGE on 17");
    world.answered(to(180, "INVITE", A));
    assert!(!world.table.moved(ms(700), of("INVITE", A), UDP, false));
    world.answered(to(200, "MESSAGE", B));
    world.table.cancel(ms(600), id(0), None, &mut world.out);
    assert_eq!(world.said(), "0: cancelled by 2, 2: send CANCEL on 17");
    assert_eq!(world.at(ms(1100)), "2: send CANCEL on 17", "retransmitted as over UDP");
    world.table.flow_failed(ms(800), &UDP, &CloseCause::Unreachable, &mut world.out);
    assert_eq!(world.table.iter().collect::<Vec<_>>(), [(id(1), Kind::NonInviteClient, State::Completed)]);
}

#[test]
fn what_cannot_be_a_transaction() {
    let mut world = World::new();
    assert_eq!(world.request(of("ACK", A), UDP), Err(StartError::Ack));
    world.request(of("INVITE", A), UDP).unwrap();
    assert_eq!(world.request(of("INVITE", A), UDP), Err(StartError::BranchInUse));
    assert_eq!(world.said(), "0: send INVITE on 17");
}

#[test]
fn timers_of_many_fire_in_order() {
    let mut world = World::new();
    for (number, at) in [(0, 0), (1, 100), (2, 200)] {
        world.now = ms(at);
        world.request(of("OPTIONS", &format!("z9hG4bK{number}")), UDP).unwrap();
    }
    world.said();
    assert_eq!(world.table.deadline(), Some((ms(500), Timer::E)));
    assert_eq!(world.at(ms(499)), "");
    assert_eq!(world.at(ms(700)), "0: send OPTIONS on 17, 1: send OPTIONS on 17, 2: send OPTIONS on 17");
    assert_eq!(world.table.deadline(), Some((ms(1500), Timer::E)));
    assert_eq!(world.run_out(), ms(32_200));
    assert!(world.said().ends_with("0: ended Timeout, 1: ended Timeout, 2: ended Timeout"));
    assert!(world.table.is_empty());
}

#[test]
fn transactions_can_be_looked_at() {
    let mut world = World::new();
    world.request(of("INVITE", A), UDP).unwrap();
    world.request(of("OPTIONS", A), TCP).unwrap();
    world.arrives(of("INVITE", B), UDP);
    world.arrives(of("OPTIONS", B), TCP);
    let all: Vec<_> = world.table.iter().collect();
    assert_eq!(
        all,
        [
            (id(0), Kind::InviteClient, State::Calling),
            (id(1), Kind::NonInviteClient, State::Trying),
            (id(2), Kind::InviteServer, State::Proceeding),
            (id(3), Kind::NonInviteServer, State::Trying),
        ]
    );
    assert_eq!((world.table.len(), world.table.flow(id(1)), world.table.flow(id(9))), (4, Some(&TCP), None));
    assert_eq!((world.table.state(id(9)), world.table.kind(id(9))), (None, None));
}

#[test]
fn a_response_to_a_request_with_several_vias_is_answered_to_all_of_them() {
    let mut world = World::new();
    let invite = request(
        "INVITE sip:bob@biloxi.com SIP/2.0\n\
         Via: SIP/2.0/UDP proxy.example.com;branch=z9hG4bKproxy\n\
         Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKaaa\n\
         Max-Forwards: 70\n\
         To: Bob <sip:bob@biloxi.com>\n\
         From: Alice <sip:alice@atlanta.com>;tag=1928301774\n\
         Call-ID: a84b4c76e66710@pc33.atlanta.com\n\
         CSeq: 1 INVITE\n\
         Content-Length: 0\n\n",
    );
    assert_eq!(world.arrives(invite, UDP), "0: request INVITE");
    world.table.timeout(ms(200), &mut world.out);
    let Some(Output::Send { data, .. }) = world.out.pop() else { panic!("no 100") };
    let text = std::str::from_utf8(&data).unwrap();
    assert!(text.find("z9hG4bKproxy").unwrap() < text.find("z9hG4bKaaa").unwrap());
}

#[test]
fn timers_of_any_length_come_to_an_end() {
    let lengths =
        [Duration::ZERO, Duration::from_nanos(1), Duration::from_millis(500), Duration::from_secs(4), Duration::MAX];
    for (t1, t2) in lengths.into_iter().flat_map(|t1| lengths.map(|t2| (t1, t2))) {
        let mut world = World::with(Timers { t1, t2, t4: t2 }, &Limits::default());
        world.request(of("INVITE", A), UDP).unwrap();
        world.request(of("OPTIONS", A), UDP).unwrap();
        world.arrives(of("INVITE", A), UDP);
        world.respond(2, &to(486, "INVITE", A)).unwrap();
        world.arrives(of("OPTIONS", A), UDP);
        let mut fired = 0;
        while let Some((at, _)) = world.table.deadline() {
            world.at(at);
            fired += 1;
            assert!(fired < 300, "T1 {t1:?} T2 {t2:?}");
        }
        assert!(world.table.is_empty());
    }
}
