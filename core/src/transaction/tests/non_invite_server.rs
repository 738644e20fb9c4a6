//! The non-INVITE server transaction: invariants NST-1 to NST-4 and NCT-5, and every edge of the diagram.

use super::super::{Action, NonInviteServer, RespondError, State, Timer, Trying as Pending};
use super::{ms, of, shown, timers, to};
use crate::outbox::Outbox;
use crate::sip::Received;
use crate::time::Instant;
use crate::transport::CloseCause;
use State::{Completed, Proceeding, Terminated, Trying};

const BRANCH: &str = "z9hG4bK1";

struct Run {
    machine: NonInviteServer,
    out: Outbox<Action>,
    now: Instant,
    refused: Option<RespondError>,
}

#[derive(Clone, Copy, Debug)]
enum In {
    /// The request again.
    Request,
    /// A response of the transaction user with this code.
    Code(u16),
    /// The next timer, which must be this one.
    Fires(Timer),
    Fails,
}

impl Run {
    fn new(reliable: bool) -> Self {
        let pending = Pending::new(&of("OPTIONS", BRANCH), Received { from: "192.0.2.1:5060".parse().unwrap() }, ms(0));
        let machine = NonInviteServer::start(ms(0), pending, reliable, timers());
        Self { machine, out: Outbox::new(), now: ms(0), refused: None }
    }

    fn feed(&mut self, input: In) -> String {
        match input {
            In::Request => self.machine.retransmitted(&mut self.out),
            In::Code(code) => {
                let response = to(code, "OPTIONS", BRANCH).bytes().clone();
                self.refused = self.machine.respond(self.now, code, response, &mut self.out).err();
            }
            In::Fires(timer) => {
                let (at, due) = self.machine.deadline().unwrap();
                assert_eq!(due, timer);
                assert!(at > self.now, "{timer:?} is due in the past");
                self.now = at;
                self.machine.timeout(at, &mut self.out);
            }
            In::Fails => self.machine.transport_failed(CloseCause::Reset, &mut self.out),
        }
        shown(&mut self.out)
    }

    fn after(inputs: &[In], reliable: bool) -> Self {
        let mut run = Self::new(reliable);
        for input in inputs {
            run.feed(*input);
        }
        run
    }
}

#[test]
fn every_edge_over_udp() {
    let proceeding: &[In] = &[In::Fires(Timer::Trying)];
    let completed: &[In] = &[In::Code(200)];
    let terminated: &[In] = &[In::Code(200), In::Fires(Timer::J)];
    for (before, state, input, actions, next) in [
        (&[][..], Trying, In::Request, "", Trying),
        (&[], Trying, In::Fires(Timer::Trying), "send 100", Proceeding),
        (&[], Trying, In::Code(200), "send 200", Completed),
        (&[], Trying, In::Code(404), "send 404", Completed),
        (&[], Trying, In::Fails, "failed", Trying),
        (proceeding, Proceeding, In::Request, "send 100", Proceeding),
        (proceeding, Proceeding, In::Code(100), "send 100", Proceeding),
        (proceeding, Proceeding, In::Code(200), "send 200", Completed),
        (proceeding, Proceeding, In::Code(503), "send 503", Completed),
        (proceeding, Proceeding, In::Fails, "failed", Proceeding),
        (proceeding, Proceeding, In::Fires(Timer::J), "end Unanswered", Terminated),
        (completed, Completed, In::Request, "send 200", Completed),
        (completed, Completed, In::Fails, "failed", Completed),
        (completed, Completed, In::Fires(Timer::J), "end Done", Terminated),
        (terminated, Terminated, In::Request, "", Terminated),
        (terminated, Terminated, In::Fails, "", Terminated),
    ] {
        let mut run = Run::after(before, false);
        assert_eq!(run.machine.state(), state);
        assert_eq!((run.feed(input).as_str(), run.machine.state()), (actions, next), "{before:?} {state} {input:?}");
        assert_eq!(run.refused, None);
    }
}

/// NST-1, NST-2.
#[test]
fn the_last_response_is_repeated_verbatim() {
    let mut run = Run::new(false);
    let ok = to(200, "OPTIONS", BRANCH).bytes().clone();
    run.machine.retransmitted(&mut run.out);
    assert!(run.out.is_empty());
    run.machine.respond(ms(10), 200, ok.clone(), &mut run.out).unwrap();
    run.machine.retransmitted(&mut run.out);
    for _ in 0..2 {
        let Some(Action::Send(data)) = run.out.pop() else { panic!("nothing sent") };
        assert_eq!(data.as_ptr(), ok.as_ptr());
    }
}

/// NST-3.
#[test]
fn only_the_first_final_response_is_sent() {
    for reliable in [false, true] {
        for code in [200, 404] {
            let mut run = Run::after(&[In::Code(200)], reliable);
            assert_eq!(run.feed(In::Code(code)), "");
            assert_eq!(run.refused, Some(RespondError::Answered));
        }
    }
}

/// NST-4.
#[test]
fn the_answer_stays_for_64_t1_over_udp_only() {
    let mut run = Run::new(false);
    run.now = ms(1000);
    run.feed(In::Code(200));
    assert_eq!(run.feed(In::Fires(Timer::J)), "end Done");
    assert_eq!(run.now, ms(33_000));
    let mut run = Run::new(true);
    assert_eq!(run.feed(In::Code(200)), "send 200, end Done");
    assert_eq!(run.machine.state(), Terminated);
}

/// NCT-5: RFC 4320 section 4.1.
#[test]
fn a_100_is_sent_when_timer_e_of_the_client_has_reached_t2_and_not_before() {
    for reliable in [false, true] {
        let mut run = Run::new(reliable);
        assert_eq!(run.feed(In::Fires(Timer::Trying)), "send 100");
        assert_eq!(run.now, ms(3500));
    }
    let mut run = Run::new(false);
    run.now = ms(3499);
    assert_eq!(run.feed(In::Code(100)), "");
    assert_eq!(run.refused, Some(RespondError::Forbidden(100)));
    assert_eq!(run.machine.state(), Trying);
    run.now = ms(3500);
    assert_eq!(run.feed(In::Code(100)), "send 100");
    let mut run = Run::new(true);
    assert_eq!(run.feed(In::Code(100)), "send 100");
    assert_eq!(run.machine.state(), Proceeding);
    assert_eq!(run.machine.deadline(), Some((ms(32_000), Timer::J)));
}

/// NCT-5: RFC 4320 sections 4.1 and 4.2.
#[test]
fn no_408_and_no_other_provisional_response() {
    for reliable in [false, true] {
        for before in [&[][..], &[In::Fires(Timer::Trying)]] {
            for code in [101, 180, 183, 199, 408] {
                let mut run = Run::after(before, reliable);
                let state = run.machine.state();
                assert_eq!(run.feed(In::Code(code)), "");
                assert_eq!((run.refused, run.machine.state()), (Some(RespondError::Forbidden(code)), state));
            }
        }
    }
}

#[test]
fn a_code_that_sip_does_not_have_is_not_sent() {
    let mut run = Run::new(true);
    for code in [0, 99, 700] {
        let result = run.machine.respond(ms(1), code, bytes::Bytes::new(), &mut run.out);
        assert_eq!(result, Err(RespondError::Forbidden(code)));
    }
    assert!(run.out.is_empty());
    assert_eq!(run.machine.state(), Trying);
}

#[test]
fn what_is_not_answered_in_64_t1_is_not_answered_any_more() {
    for reliable in [false, true] {
        let mut run = Run::new(reliable);
        run.feed(In::Fires(Timer::Trying));
        assert_eq!(run.feed(In::Fires(Timer::J)), "end Unanswered");
        assert_eq!(run.now, ms(32_000));
        assert_eq!(run.feed(In::Code(200)), "");
    }
    let mut run = Run::new(false);
    run.machine.timeout(ms(40_000), &mut run.out);
    assert_eq!(shown(&mut run.out), "end Unanswered", "no 100 so late");
}
