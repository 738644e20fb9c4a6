//! The INVITE client transaction: invariants ICT-1 to ICT-10, CAN-1, CAN-2, CAN-4, and every edge of the diagram.

use super::super::{Action, InviteClient, State, Timer, Timers};
use super::{ms, of, request, response, shown, timers, to};
use crate::outbox::Outbox;
use crate::time::Instant;
use crate::transport::CloseCause;
use State::{Accepted, Calling, Completed, Proceeding, Terminated};
use std::time::Duration;

const BRANCH: &str = "z9hG4bK776asdhds";

struct Run {
    machine: InviteClient,
    out: Outbox<Action>,
    now: Instant,
}

#[derive(Clone, Copy, Debug)]
enum In {
    /// A response with this code.
    Code(u16),
    /// The next timer, which must be this one.
    Fires(Timer),
    Fails,
    Cancel,
}

impl Run {
    fn new(reliable: bool) -> Self {
        Self::with(reliable, timers())
    }

    fn with(reliable: bool, timers: Timers) -> Self {
        let mut out = Outbox::new();
        let machine = InviteClient::start(ms(0), of("INVITE", BRANCH), reliable, timers, &mut out);
        assert_eq!(shown(&mut out), "send INVITE");
        Self { machine, out, now: ms(0) }
    }

    fn feed(&mut self, input: In) -> String {
        match input {
            In::Code(code) => self.machine.receive(self.now, &to(code, "INVITE", BRANCH), &mut self.out),
            In::Fires(timer) => {
                let (at, due) = self.machine.deadline().unwrap();
                assert_eq!(due, timer);
                assert!(at > self.now, "{timer:?} is due in the past");
                self.now = at;
                self.machine.timeout(at, &mut self.out);
            }
            In::Fails => self.machine.transport_failed(CloseCause::Unreachable, &mut self.out),
            In::Cancel => {
                self.machine.cancel(self.now, None, &mut self.out);
            }
        }
        shown(&mut self.out)
    }

    /// Brings the machine to a state, the short way.
    fn at(state: State, reliable: bool) -> Self {
        let mut run = Self::new(reliable);
        let code = match state {
            Calling => None,
            Proceeding => Some(180),
            Completed => Some(486),
            Accepted => Some(200),
            Terminated => {
                run.feed(In::Fails);
                None
            }
            State::Trying | State::Confirmed => panic!("not a state of this machine"),
        };
        if let Some(code) = code {
            run.feed(In::Code(code));
        }
        assert_eq!(run.machine.state(), state);
        run
    }
}

#[test]
fn every_edge_over_udp() {
    let failed = "end TransportFailed(Unreachable)";
    for (state, input, actions, next) in [
        (Calling, In::Fires(Timer::A), "send INVITE", Calling),
        (Calling, In::Code(100), "up", Proceeding),
        (Calling, In::Code(183), "up", Proceeding),
        (Calling, In::Code(200), "up", Accepted),
        (Calling, In::Code(299), "up", Accepted),
        (Calling, In::Code(300), "send ACK, up", Completed),
        (Calling, In::Code(699), "send ACK, up", Completed),
        (Calling, In::Fails, failed, Terminated),
        (Calling, In::Cancel, "", Calling),
        (Proceeding, In::Code(100), "up", Proceeding),
        (Proceeding, In::Code(180), "up", Proceeding),
        (Proceeding, In::Code(202), "up", Accepted),
        (Proceeding, In::Code(404), "send ACK, up", Completed),
        (Proceeding, In::Fails, failed, Terminated),
        (Proceeding, In::Cancel, "cancel", Proceeding),
        (Completed, In::Code(180), "", Completed),
        (Completed, In::Code(200), "", Completed),
        (Completed, In::Code(486), "send ACK", Completed),
        (Completed, In::Code(603), "send ACK", Completed),
        (Completed, In::Fires(Timer::D), "end Done", Terminated),
        (Completed, In::Fails, failed, Terminated),
        (Completed, In::Cancel, "", Completed),
        (Accepted, In::Code(180), "", Accepted),
        (Accepted, In::Code(200), "up", Accepted),
        (Accepted, In::Code(486), "", Accepted),
        (Accepted, In::Fires(Timer::M), "end Done", Terminated),
        (Accepted, In::Fails, "", Accepted),
        (Accepted, In::Cancel, "", Accepted),
        (Terminated, In::Code(180), "", Terminated),
        (Terminated, In::Code(200), "", Terminated),
        (Terminated, In::Code(486), "", Terminated),
        (Terminated, In::Fails, "", Terminated),
        (Terminated, In::Cancel, "", Terminated),
    ] {
        let mut run = Run::at(state, false);
        assert_eq!((run.feed(input).as_str(), run.machine.state()), (actions, next), "{state} {input:?}");
    }
}

#[test]
fn over_a_stream_it_sends_once_and_is_done_with_the_refusal() {
    for (state, input, actions, next) in [
        (Calling, In::Fires(Timer::B), "end Timeout", Terminated),
        (Calling, In::Code(404), "send ACK, up, end Done", Terminated),
        (Proceeding, In::Code(404), "send ACK, up, end Done", Terminated),
        (Calling, In::Code(200), "up", Accepted),
        (Accepted, In::Fires(Timer::M), "end Done", Terminated),
    ] {
        let mut run = if state == Accepted { Run::at(Accepted, true) } else { Run::at(state, true) };
        assert_eq!((run.feed(input).as_str(), run.machine.state()), (actions, next), "{state} {input:?}");
    }
}

/// ICT-1.
#[test]
fn a_silent_peer_over_udp() {
    let mut run = Run::new(false);
    for at in [500, 1500, 3500, 7500, 15_500, 31_500] {
        assert_eq!(run.feed(In::Fires(Timer::A)), "send INVITE");
        assert_eq!(run.now, ms(at));
    }
    assert_eq!(run.feed(In::Fires(Timer::B)), "end Timeout");
    assert_eq!(run.now, ms(32_000));
    assert_eq!(run.machine.deadline(), None);
}

/// ICT-2.
#[test]
fn a_silent_peer_over_a_stream() {
    let mut run = Run::new(true);
    assert_eq!(run.feed(In::Fires(Timer::B)), "end Timeout");
    assert_eq!(run.now, ms(32_000));
}

/// ICT-3, ICT-4.
#[test]
fn after_a_provisional_response_nothing_is_due() {
    let mut run = Run::new(false);
    for code in [100, 180, 183, 180] {
        assert_eq!(run.feed(In::Code(code)), "up");
        assert_eq!(run.machine.deadline(), None);
    }
    run.machine.timeout(ms(1_000_000), &mut run.out);
    assert_eq!(shown(&mut run.out), "");
    assert_eq!(run.machine.state(), Proceeding);
}

/// ICT-5: the ACKs are the same bytes, not only equal ones.
#[test]
fn every_repeated_refusal_is_acknowledged_with_the_same_bytes() {
    let mut run = Run::new(false);
    let mut acks = Vec::new();
    for _ in 0..4 {
        run.machine.receive(run.now, &to(486, "INVITE", BRANCH), &mut run.out);
        while let Some(action) = run.out.pop() {
            if let Action::Send(data) = action {
                acks.push(data);
            }
        }
    }
    assert_eq!(acks.len(), 4);
    assert!(acks.iter().all(|ack| ack.as_ptr() == acks[0].as_ptr()));
}

#[test]
fn a_retransmission_is_the_same_bytes() {
    let mut out = Outbox::new();
    let mut machine = InviteClient::start(ms(0), of("INVITE", BRANCH), false, timers(), &mut out);
    machine.timeout(ms(500), &mut out);
    machine.timeout(ms(1500), &mut out);
    let mut sent = Vec::new();
    while let Some(action) = out.pop() {
        let Action::Send(data) = action else { panic!("{action:?}") };
        sent.push(data.as_ptr());
    }
    assert_eq!(sent, [sent[0]; 3]);
}

/// ICT-6: the example of RFC 3261 section 17.1.1.3, with more Vias, Routes, and fields that do not belong in an ACK.
#[test]
fn the_ack_is_made_of_the_invite_and_the_response() {
    let invite = request(
        "INVITE sip:bob@biloxi.com SIP/2.0\n\
         Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff, SIP/2.0/UDP a.example.com;branch=z9hG4bK1\n\
         Via: SIP/2.0/UDP b.example.com;branch=z9hG4bK2\n\
         To: Bob <sip:bob@biloxi.com>\n\
         From: Alice <sip:alice@atlanta.com>;tag=88sja8x\n\
         Max-Forwards: 70\n\
         Call-ID: 987asjd97y7atg\n\
         CSeq: 986759 INVITE\n\
         Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>\n\
         Route: <sip:p3.example.com;lr>\n\
         Proxy-Authorization: Digest username=\"alice\"\n\
         Contact: <sip:alice@pc33.atlanta.com>\n\
         Require: 100rel\n\
         Content-Type: text/plain\n\
         Content-Length: 4\n\nbody",
    );
    let busy = response(
        "SIP/2.0 486 Busy Here\n\
         Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff;received=192.0.2.1\n\
         To: \"Bob\" <sip:bob@biloxi.com>;tag=99sa0xk\n\
         From: Alice <sip:alice@atlanta.com>;tag=88sja8x\n\
         Call-ID: 987asjd97y7atg\n\
         CSeq: 986759 INVITE\n\
         Content-Length: 0\n\n",
    );
    let mut out = Outbox::new();
    let mut machine = InviteClient::start(ms(0), invite, false, timers(), &mut out);
    machine.receive(ms(10), &busy, &mut out);
    let _invite = out.pop();
    let Some(Action::Send(ack)) = out.pop() else { panic!("no ACK") };
    let ack = std::str::from_utf8(&ack).unwrap();
    let (start, rest) = ack.split_once("\r\n").unwrap();
    let mut fields: Vec<_> = rest.split("\r\n").filter(|line| !line.is_empty()).collect();
    fields.sort_unstable();
    assert_eq!(start, "ACK sip:bob@biloxi.com SIP/2.0");
    assert_eq!(
        fields,
        [
            "CSeq: 986759 ACK",
            "Call-ID: 987asjd97y7atg",
            "Content-Length: 0",
            "From: Alice <sip:alice@atlanta.com>;tag=88sja8x",
            "Max-Forwards: 70",
            "Proxy-Authorization: Digest username=\"alice\"",
            "Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>",
            "Route: <sip:p3.example.com;lr>",
            "To: \"Bob\" <sip:bob@biloxi.com>;tag=99sa0xk",
            "Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff",
        ]
    );
    assert!(ack.find("Route: <sip:p1").unwrap() < ack.find("Route: <sip:p3").unwrap());
}

/// ICT-7.
#[test]
fn a_2xx_is_never_acknowledged_here() {
    for state in [Calling, Proceeding, Accepted] {
        for reliable in [false, true] {
            let mut run = Run::at(state, reliable);
            assert_eq!(run.feed(In::Code(200)), "up");
        }
    }
}

/// ICT-8.
#[test]
fn a_refusal_is_remembered_for_32_seconds_whatever_t1_is() {
    let mut run = Run::with(false, Timers { t1: Duration::from_millis(10), ..timers() });
    run.feed(In::Code(486));
    assert_eq!(run.feed(In::Fires(Timer::D)), "end Done");
    assert_eq!(run.now, ms(32_000));
}

/// ICT-9.
#[test]
fn every_2xx_goes_up_until_timer_m() {
    let mut run = Run::at(Proceeding, false);
    run.now = ms(90_000);
    assert_eq!(run.feed(In::Code(200)), "up");
    for after in [500, 1500, 31_999] {
        run.now = ms(90_000 + after);
        assert_eq!(run.feed(In::Code(200)), "up");
    }
    assert_eq!(run.feed(In::Fires(Timer::M)), "end Done");
    assert_eq!(run.now, ms(90_000 + 32_000));
    assert_eq!(run.feed(In::Code(200)), "");
}

/// ICT-10.
#[test]
fn a_failed_transport_is_told_once() {
    for state in [Calling, Proceeding, Completed] {
        let mut run = Run::at(state, false);
        assert_eq!(run.feed(In::Fails), "end TransportFailed(Unreachable)");
        assert_eq!(run.feed(In::Fails), "");
        assert_eq!(run.machine.deadline(), None);
        run.machine.timeout(ms(100_000), &mut run.out);
        assert_eq!(shown(&mut run.out), "");
    }
}

/// CAN-1.
#[test]
fn a_cancel_waits_for_a_provisional_response() {
    for reliable in [false, true] {
        let mut run = Run::new(reliable);
        assert!(run.machine.cancel(run.now, None, &mut run.out));
        assert!(!run.machine.cancel(run.now, None, &mut run.out), "cancelled twice");
        assert_eq!(shown(&mut run.out), "");
        assert_eq!(run.feed(In::Code(100)), "up, cancel");
        assert_eq!(run.feed(In::Code(180)), "up");
        assert!(!run.machine.cancel(run.now, None, &mut run.out), "cancelled twice");
        assert_eq!(shown(&mut run.out), "");
    }
    for (code, actions) in [(200, "up"), (486, "send ACK, up")] {
        let mut run = Run::new(false);
        run.feed(In::Cancel);
        assert_eq!(run.feed(In::Code(code)), actions);
        assert_eq!(run.feed(In::Code(180)), "");
        assert!(!run.machine.cancel(run.now, None, &mut run.out));
    }
}

#[test]
fn an_invite_that_waits_to_be_cancelled_is_still_retransmitted_and_times_out() {
    let mut run = Run::new(false);
    run.feed(In::Cancel);
    for _ in 0..6 {
        assert_eq!(run.feed(In::Fires(Timer::A)), "send INVITE");
    }
    assert_eq!(run.feed(In::Fires(Timer::B)), "end Timeout");
}

/// CAN-4.
#[test]
fn a_cancelled_invite_ends_64_t1_after_the_cancel() {
    let mut run = Run::at(Proceeding, false);
    run.now = ms(20_000);
    assert_eq!(run.feed(In::Cancel), "cancel");
    assert_eq!(run.feed(In::Code(183)), "up");
    assert_eq!(run.feed(In::Fires(Timer::Cancel)), "end Cancelled");
    assert_eq!(run.now, ms(52_000));
    for (code, actions) in [(200, "up"), (487, "send ACK, up")] {
        let mut run = Run::at(Proceeding, false);
        run.feed(In::Cancel);
        assert_eq!(run.feed(In::Code(code)), actions);
        assert_ne!(run.machine.deadline().unwrap().1, Timer::Cancel);
    }
}

/// CAN-2.
#[test]
fn the_cancel_is_made_of_the_invite() {
    let invite = request(
        "INVITE sip:bob@biloxi.com;transport=udp SIP/2.0\n\
         Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff;rport\n\
         To: Bob <sip:bob@biloxi.com>;tag=7\n\
         From: Alice <sip:alice@atlanta.com>;tag=88sja8x\n\
         Max-Forwards: 70\n\
         Call-ID: 987asjd97y7atg\n\
         CSeq: 986759 INVITE\n\
         Route: <sip:p1.example.com;lr>\n\
         Require: 100rel\n\
         Proxy-Require: foo\n\
         Contact: <sip:alice@pc33.atlanta.com>\n\
         Content-Type: text/plain\n\
         Content-Length: 4\n\nbody",
    );
    let expected = |reason: Option<&'static str>| {
        let mut fields = vec![
            "CSeq: 986759 CANCEL",
            "Call-ID: 987asjd97y7atg",
            "Content-Length: 0",
            "From: Alice <sip:alice@atlanta.com>;tag=88sja8x",
            "Max-Forwards: 70",
            "Route: <sip:p1.example.com;lr>",
            "To: Bob <sip:bob@biloxi.com>;tag=7",
            "Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff;rport",
        ];
        fields.extend(reason);
        fields.sort_unstable();
        fields
    };
    for (reason, field) in [
        (None, None),
        (
            Some("SIP;cause=200;text=\"Call completed elsewhere\""),
            Some("Reason: SIP;cause=200;text=\"Call completed elsewhere\""),
        ),
        (Some("SIP\r\nEvil: 1"), None),
    ] {
        let mut out = Outbox::new();
        let mut machine = InviteClient::start(ms(0), invite.clone(), false, timers(), &mut out);
        machine.receive(ms(10), &to(180, "INVITE", "z9hG4bKkjshdyff"), &mut out);
        assert!(machine.cancel(ms(20), reason.map(Into::into), &mut out));
        let cancel = std::iter::from_fn(|| out.pop()).last();
        let Some(Action::Cancel(cancel)) = cancel else { panic!("no CANCEL") };
        let text = std::str::from_utf8(cancel.bytes()).unwrap();
        let (start, rest) = text.split_once("\r\n").unwrap();
        let mut fields: Vec<_> = rest.split("\r\n").filter(|line| !line.is_empty()).collect();
        fields.sort_unstable();
        assert_eq!(start, "CANCEL sip:bob@biloxi.com;transport=udp SIP/2.0");
        assert_eq!(fields, expected(field));
    }
}

#[test]
fn ticks_that_come_late_early_or_twice() {
    let mut run = Run::new(false);
    run.machine.timeout(ms(499), &mut run.out);
    assert_eq!(shown(&mut run.out), "");
    run.machine.timeout(ms(4000), &mut run.out);
    assert_eq!(shown(&mut run.out), "send INVITE", "no burst for what was missed");
    run.machine.timeout(ms(4000), &mut run.out);
    assert_eq!(shown(&mut run.out), "");
    assert_eq!(run.machine.deadline(), Some((ms(7500), Timer::A)), "the schedule is kept");
    run.machine.timeout(ms(90_000), &mut run.out);
    assert_eq!(shown(&mut run.out), "end Timeout");
}

#[test]
fn a_request_that_moves_to_udp_is_retransmitted_there() {
    let mut run = Run::new(true);
    assert!(run.machine.moved(ms(1000), of("INVITE", BRANCH), false));
    assert_eq!(shown(&mut run.out), "", "it was sent by the transport");
    assert_eq!(run.feed(In::Fires(Timer::A)), "send INVITE");
    assert_eq!(run.now, ms(1500));
    assert_eq!(run.feed(In::Code(486)), "send ACK, up");
    assert_eq!(run.machine.state(), Completed);
    for state in [Proceeding, Completed, Accepted] {
        assert!(!Run::at(state, false).machine.moved(ms(1000), of("INVITE", BRANCH), false));
    }
}
