//! The non-INVITE client transaction: invariants NCT-1 to NCT-4, and every edge of the diagram.

use super::super::{Action, NonInviteClient, State, Timer};
use super::{ms, of, shown, timers};
use crate::outbox::Outbox;
use crate::time::Instant;
use crate::transport::CloseCause;
use State::{Completed, Proceeding, Terminated, Trying};

struct Run {
    machine: NonInviteClient,
    out: Outbox<Action>,
    now: Instant,
}

#[derive(Clone, Copy, Debug)]
enum In {
    Code(u16),
    /// The next timer, which must be this one.
    Fires(Timer),
    Fails,
}

impl Run {
    fn new(reliable: bool) -> Self {
        let mut out = Outbox::new();
        let request = of("OPTIONS", "z9hG4bK1").bytes().clone();
        let machine = NonInviteClient::start(ms(0), request, reliable, timers(), &mut out);
        assert_eq!(shown(&mut out), "send OPTIONS");
        Self { machine, out, now: ms(0) }
    }

    fn feed(&mut self, input: In) -> String {
        match input {
            In::Code(code) => self.machine.receive(self.now, code, &mut self.out),
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

    fn at(state: State, reliable: bool) -> Self {
        let mut run = Self::new(reliable);
        match state {
            Trying => {}
            Proceeding => drop(run.feed(In::Code(100))),
            Completed => drop(run.feed(In::Code(200))),
            Terminated => drop(run.feed(In::Fails)),
            State::Calling | State::Confirmed | State::Accepted => panic!("not a state of this machine"),
        }
        assert_eq!(run.machine.state(), state);
        run
    }
}

#[test]
fn every_edge_over_udp() {
    let failed = "end TransportFailed(Reset)";
    for (state, input, actions, next) in [
        (Trying, In::Fires(Timer::E), "send OPTIONS", Trying),
        (Trying, In::Code(100), "up", Proceeding),
        (Trying, In::Code(183), "up", Proceeding),
        (Trying, In::Code(200), "up", Completed),
        (Trying, In::Code(302), "up", Completed),
        (Trying, In::Code(699), "up", Completed),
        (Trying, In::Fails, failed, Terminated),
        (Proceeding, In::Fires(Timer::E), "send OPTIONS", Proceeding),
        (Proceeding, In::Code(100), "up", Proceeding),
        (Proceeding, In::Code(200), "up", Completed),
        (Proceeding, In::Code(481), "up", Completed),
        (Proceeding, In::Fails, failed, Terminated),
        (Completed, In::Code(100), "", Completed),
        (Completed, In::Code(200), "", Completed),
        (Completed, In::Code(481), "", Completed),
        (Completed, In::Fails, "", Completed),
        (Completed, In::Fires(Timer::K), "end Done", Terminated),
        (Terminated, In::Code(100), "", Terminated),
        (Terminated, In::Code(200), "", Terminated),
        (Terminated, In::Fails, "", Terminated),
    ] {
        let mut run = Run::at(state, false);
        assert_eq!((run.feed(input).as_str(), run.machine.state()), (actions, next), "{state} {input:?}");
    }
}

#[test]
fn over_a_stream_it_sends_once_and_is_done_with_the_final_response() {
    for (state, input, actions, next) in [
        (Trying, In::Fires(Timer::F), "end Timeout", Terminated),
        (Trying, In::Code(200), "up, end Done", Terminated),
        (Proceeding, In::Fires(Timer::F), "end Timeout", Terminated),
        (Proceeding, In::Code(500), "up, end Done", Terminated),
        (Proceeding, In::Fails, "end TransportFailed(Reset)", Terminated),
    ] {
        let mut run = Run::at(state, true);
        assert_eq!((run.feed(input).as_str(), run.machine.state()), (actions, next), "{state} {input:?}");
    }
}

/// NCT-1.
#[test]
fn a_silent_peer() {
    let mut run = Run::new(false);
    for at in [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500] {
        assert_eq!(run.feed(In::Fires(Timer::E)), "send OPTIONS");
        assert_eq!(run.now, ms(at));
    }
    assert_eq!(run.feed(In::Fires(Timer::F)), "end Timeout");
    assert_eq!(run.now, ms(32_000));
    let mut run = Run::new(true);
    assert_eq!(run.feed(In::Fires(Timer::F)), "end Timeout");
    assert_eq!(run.now, ms(32_000));
}

/// NCT-2.
#[test]
fn after_a_provisional_response_it_retransmits_every_t2() {
    let mut run = Run::new(false);
    run.feed(In::Fires(Timer::E));
    run.now = ms(600);
    run.feed(In::Code(100));
    for at in [1500, 5500, 9500, 13_500, 17_500, 21_500, 25_500, 29_500] {
        assert_eq!(run.feed(In::Fires(Timer::E)), "send OPTIONS");
        assert_eq!(run.now, ms(at));
    }
    assert_eq!(run.feed(In::Fires(Timer::F)), "end Timeout");
    assert_eq!(run.now, ms(32_000), "a provisional response gives no more time");
}

/// NCT-3.
#[test]
fn a_timeout_is_told_once_and_no_response_follows() {
    for state in [Trying, Proceeding] {
        let mut run = Run::at(state, false);
        run.machine.timeout(ms(32_000), &mut run.out);
        assert_eq!(shown(&mut run.out), "end Timeout");
        run.machine.timeout(ms(33_000), &mut run.out);
        run.machine.receive(ms(33_000), 200, &mut run.out);
        assert_eq!(shown(&mut run.out), "");
        assert_eq!(run.machine.deadline(), None);
    }
}

/// NCT-4.
#[test]
fn repeated_final_responses_are_absorbed_for_t4() {
    let mut run = Run::new(false);
    run.now = ms(700);
    assert_eq!(run.feed(In::Code(200)), "up");
    assert_eq!(run.feed(In::Code(200)), "");
    assert_eq!(run.feed(In::Fires(Timer::K)), "end Done");
    assert_eq!(run.now, ms(5700));
}

#[test]
fn a_retransmission_is_the_same_bytes() {
    let mut out = Outbox::new();
    let request = of("OPTIONS", "z9hG4bK1").bytes().clone();
    let mut machine = NonInviteClient::start(ms(0), request.clone(), false, timers(), &mut out);
    machine.timeout(ms(500), &mut out);
    for _ in 0..2 {
        let Some(Action::Send(data)) = out.pop() else { panic!("nothing sent") };
        assert_eq!(data.as_ptr(), request.as_ptr());
    }
}

#[test]
fn a_late_tick_sends_once() {
    let mut run = Run::new(false);
    run.machine.timeout(ms(20_000), &mut run.out);
    assert_eq!(shown(&mut run.out), "send OPTIONS");
    assert_eq!(run.machine.deadline(), Some((ms(23_500), Timer::E)));
}

#[test]
fn a_request_that_moves_to_udp_is_retransmitted_there() {
    let mut run = Run::new(true);
    assert!(run.machine.moved(ms(1000), of("OPTIONS", "z9hG4bK1").bytes().clone(), false));
    assert_eq!(shown(&mut run.out), "");
    assert_eq!(run.feed(In::Fires(Timer::E)), "send OPTIONS");
    assert_eq!(run.now, ms(1500));
    run.feed(In::Code(200));
    assert_eq!(run.machine.state(), Completed);
    assert!(!run.machine.moved(ms(2000), of("OPTIONS", "z9hG4bK1").bytes().clone(), false));
}
