//! The INVITE server transaction: invariants IST-1 to IST-6 and IST-8, and every edge of the diagram.

use super::super::{Action, InviteServer, RespondError, State, Timer, Trying};
use super::{ms, name, of, request, shown, timers, to};
use crate::outbox::Outbox;
use crate::sip::Received;
use crate::time::Instant;
use crate::transport::CloseCause;
use State::{Accepted, Completed, Confirmed, Proceeding, Terminated};

const BRANCH: &str = "z9hG4bK776asdhds";

struct Run {
    machine: InviteServer,
    out: Outbox<Action>,
    now: Instant,
    refused: Option<RespondError>,
}

#[derive(Clone, Copy, Debug)]
enum In {
    /// The INVITE again.
    Invite,
    Ack,
    /// A response of the transaction user with this code.
    Code(u16),
    /// The next timer, which must be this one.
    Fires(Timer),
    Fails,
}

fn trying(at: Instant) -> Trying {
    Trying::new(&of("INVITE", BRANCH), Received { from: "192.0.2.1:5060".parse().unwrap() }, at)
}

impl Run {
    fn new(reliable: bool) -> Self {
        let machine = InviteServer::start(ms(0), trying(ms(0)), reliable, timers());
        Self { machine, out: Outbox::new(), now: ms(0), refused: None }
    }

    fn feed(&mut self, input: In) -> String {
        match input {
            In::Invite => self.machine.retransmitted(&mut self.out),
            In::Ack => self.machine.acknowledged(self.now, &mut self.out),
            In::Code(code) => {
                let response = to(code, "INVITE", BRANCH).bytes().clone();
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
    let proceeding: &[In] = &[In::Code(180)];
    let completed: &[In] = &[In::Code(486)];
    let confirmed: &[In] = &[In::Code(486), In::Ack];
    let accepted: &[In] = &[In::Code(200)];
    let terminated: &[In] = &[In::Code(200), In::Fires(Timer::L)];
    for (before, state, input, actions, next) in [
        (&[][..], Proceeding, In::Invite, "", Proceeding),
        (&[], Proceeding, In::Fires(Timer::Trying), "send 100", Proceeding),
        (&[], Proceeding, In::Code(100), "send 100", Proceeding),
        (&[], Proceeding, In::Code(180), "send 180", Proceeding),
        (&[], Proceeding, In::Code(200), "send 200", Accepted),
        (&[], Proceeding, In::Code(486), "send 486", Completed),
        (&[], Proceeding, In::Ack, "", Proceeding),
        (&[], Proceeding, In::Fails, "failed", Proceeding),
        (proceeding, Proceeding, In::Invite, "send 180", Proceeding),
        (proceeding, Proceeding, In::Code(183), "send 183", Proceeding),
        (proceeding, Proceeding, In::Code(200), "send 200", Accepted),
        (proceeding, Proceeding, In::Code(302), "send 302", Completed),
        (proceeding, Proceeding, In::Ack, "", Proceeding),
        (proceeding, Proceeding, In::Fails, "failed", Proceeding),
        (completed, Completed, In::Invite, "send 486", Completed),
        (completed, Completed, In::Fires(Timer::G), "send 486", Completed),
        (completed, Completed, In::Ack, "confirmed", Confirmed),
        (completed, Completed, In::Code(180), "", Completed),
        (completed, Completed, In::Code(200), "", Completed),
        (completed, Completed, In::Code(603), "", Completed),
        (completed, Completed, In::Fails, "failed", Completed),
        (confirmed, Confirmed, In::Invite, "", Confirmed),
        (confirmed, Confirmed, In::Ack, "", Confirmed),
        (confirmed, Confirmed, In::Code(200), "", Confirmed),
        (confirmed, Confirmed, In::Fails, "", Confirmed),
        (confirmed, Confirmed, In::Fires(Timer::I), "end Done", Terminated),
        (accepted, Accepted, In::Invite, "", Accepted),
        (accepted, Accepted, In::Ack, "up", Accepted),
        (accepted, Accepted, In::Code(180), "", Accepted),
        (accepted, Accepted, In::Code(200), "send 200", Accepted),
        (accepted, Accepted, In::Code(486), "", Accepted),
        (accepted, Accepted, In::Fails, "failed", Accepted),
        (accepted, Accepted, In::Fires(Timer::L), "end Done", Terminated),
        (terminated, Terminated, In::Invite, "", Terminated),
        (terminated, Terminated, In::Ack, "", Terminated),
        (terminated, Terminated, In::Code(200), "", Terminated),
        (terminated, Terminated, In::Fails, "", Terminated),
    ] {
        let mut run = Run::after(before, false);
        assert_eq!(run.machine.state(), state);
        assert_eq!((run.feed(input).as_str(), run.machine.state()), (actions, next), "{before:?} {state} {input:?}");
        if let In::Code(_) = input {
            assert_eq!(run.refused, actions.is_empty().then_some(RespondError::Answered), "{before:?} {input:?}");
        }
    }
}

#[test]
fn over_a_stream_a_refusal_is_sent_once_and_its_ack_ends_it() {
    let mut run = Run::after(&[In::Code(486)], true);
    assert_eq!(run.machine.deadline(), Some((ms(32_000), Timer::H)));
    assert_eq!(run.feed(In::Ack), "confirmed, end Done");
    assert_eq!(run.machine.state(), Terminated);
    let mut run = Run::after(&[In::Code(486)], true);
    assert_eq!(run.feed(In::Fires(Timer::H)), "end NoAck");
}

/// IST-1.
#[test]
fn an_unanswered_invite_gets_100_after_200_ms() {
    for reliable in [false, true] {
        let mut run = Run::new(reliable);
        assert_eq!(run.feed(In::Fires(Timer::Trying)), "send 100");
        assert_eq!(run.now, ms(200));
        assert_eq!(run.machine.deadline(), None);
        assert_eq!(run.feed(In::Invite), "send 100");
        for code in [100, 180, 200, 486] {
            let mut run = Run::after(&[In::Code(code)], reliable);
            assert_ne!(run.machine.deadline().map(|(_, timer)| timer), Some(Timer::Trying));
            run.machine.timeout(ms(200), &mut run.out);
            assert_eq!(shown(&mut run.out), "");
        }
    }
}

/// RFC 3261 section 8.2.6.
#[test]
fn the_100_has_no_tag_of_ours_and_a_timestamp_with_the_delay() {
    let invite = request(
        "INVITE sip:bob@biloxi.com SIP/2.0\n\
         Via: SIP/2.0/UDP pc33.atlanta.com;rport;branch=z9hG4bK776asdhds\n\
         Via: SIP/2.0/UDP pc34.atlanta.com;branch=z9hG4bK2\n\
         Max-Forwards: 70\n\
         To: Bob <sip:bob@biloxi.com>\n\
         From: Alice <sip:alice@atlanta.com>;tag=1928301774\n\
         Call-ID: a84b4c76e66710@pc33.atlanta.com\n\
         CSeq: 314159 INVITE\n\
         Timestamp: 54.5\n\
         Content-Length: 0\n\n",
    );
    let trying = Trying::new(&invite, Received { from: "192.0.2.1:5062".parse().unwrap() }, ms(1000));
    let mut machine = InviteServer::start(ms(1000), trying, false, timers());
    let mut out = Outbox::new();
    machine.timeout(ms(1203), &mut out);
    let Some(Action::Send(data)) = out.pop() else { panic!("no 100") };
    let text = std::str::from_utf8(&data).unwrap();
    let (start, rest) = text.split_once("\r\n").unwrap();
    let mut fields: Vec<_> = rest.split("\r\n").filter(|line| !line.is_empty()).collect();
    fields.sort_unstable();
    assert_eq!(start, "SIP/2.0 100 Trying");
    assert_eq!(
        fields,
        [
            "CSeq: 314159 INVITE",
            "Call-ID: a84b4c76e66710@pc33.atlanta.com",
            "Content-Length: 0",
            "From: Alice <sip:alice@atlanta.com>;tag=1928301774",
            "Timestamp: 54.5 0.203",
            "To: Bob <sip:bob@biloxi.com>",
            "Via: SIP/2.0/UDP pc33.atlanta.com;rport=5062;branch=z9hG4bK776asdhds;received=192.0.2.1",
            "Via: SIP/2.0/UDP pc34.atlanta.com;branch=z9hG4bK2",
        ]
    );
}

/// IST-2: the same bytes.
#[test]
fn a_repeated_invite_gets_the_last_provisional_response_verbatim() {
    let mut run = Run::new(false);
    let ringing = to(180, "INVITE", BRANCH).bytes().clone();
    run.machine.respond(ms(10), 180, ringing.clone(), &mut run.out).unwrap();
    run.machine.retransmitted(&mut run.out);
    run.machine.retransmitted(&mut run.out);
    for _ in 0..3 {
        let Some(Action::Send(data)) = run.out.pop() else { panic!("nothing sent") };
        assert_eq!((data.as_ptr(), name(&data).as_str()), (ringing.as_ptr(), "180"));
    }
}

/// IST-3, IST-4.
#[test]
fn a_refusal_is_retransmitted_until_timer_h() {
    let mut run = Run::after(&[In::Code(486)], false);
    for at in [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500] {
        assert_eq!(run.feed(In::Fires(Timer::G)), "send 486");
        assert_eq!(run.now, ms(at));
    }
    assert_eq!(run.feed(In::Fires(Timer::H)), "end NoAck");
    assert_eq!(run.now, ms(32_000));
    assert_eq!(run.machine.deadline(), None);
}

/// IST-5.
#[test]
fn acks_of_a_refusal_are_absorbed_for_t4() {
    let mut run = Run::after(&[In::Code(486)], false);
    run.now = ms(300);
    assert_eq!(run.feed(In::Ack), "confirmed");
    assert_eq!(run.feed(In::Ack), "");
    assert_eq!(run.feed(In::Fires(Timer::I)), "end Done");
    assert_eq!(run.now, ms(5300));
}

/// IST-6.
#[test]
fn an_accepted_invite_is_absorbed_for_64_t1() {
    for reliable in [false, true] {
        let mut run = Run::after(&[In::Code(200)], reliable);
        assert_eq!(run.machine.deadline(), Some((ms(32_000), Timer::L)), "no retransmission of its own");
        run.now = ms(31_999);
        assert_eq!(run.feed(In::Invite), "");
        assert_eq!(run.feed(In::Code(200)), "send 200");
        assert_eq!(run.feed(In::Ack), "up");
        assert_eq!(run.feed(In::Ack), "up");
        assert_eq!(run.feed(In::Fires(Timer::L)), "end Done");
        assert_eq!(run.now, ms(32_000), "a repeated 2xx gives no more time");
    }
}

/// IST-8.
#[test]
fn a_response_that_cannot_be_sent_ends_nothing() {
    for before in [&[In::Code(180)][..], &[In::Code(486)], &[In::Code(200)]] {
        let mut run = Run::after(before, false);
        let state = run.machine.state();
        assert_eq!(run.feed(In::Fails), "failed");
        assert_eq!(run.machine.state(), state);
    }
    let mut run = Run::after(&[In::Code(486), In::Fails], false);
    assert_eq!(run.feed(In::Invite), "send 486");
    assert_eq!(run.feed(In::Fires(Timer::G)), "send 486");
}

#[test]
fn a_code_that_sip_does_not_have_is_not_sent() {
    let mut run = Run::new(false);
    for code in [0, 99, 700] {
        let result = run.machine.respond(ms(1), code, bytes::Bytes::new(), &mut run.out);
        assert_eq!(result, Err(RespondError::Forbidden(code)));
    }
    assert!(run.out.is_empty());
    assert_eq!(run.machine.state(), Proceeding);
}

#[test]
fn a_late_tick_sends_once() {
    let mut run = Run::after(&[In::Code(486)], false);
    run.machine.timeout(ms(9000), &mut run.out);
    assert_eq!(shown(&mut run.out), "send 486");
    assert_eq!(run.machine.deadline(), Some((ms(11_500), Timer::G)));
}
