//! Each method in each state: allowed, or refused and without effect (behaviour 1.2).

use sipsimple_core::agent::SessionMut;
use sipsimple_core::id::StreamId;
use sipsimple_core::session::{SessionError, SessionState};
use sipsimple_core::usage::Content;
use sipsimple_testsuite::text;

use super::duo::{ALICE, BOB, Duo, audio};

type Method = (&'static str, fn(&mut SessionMut<'_>) -> Result<(), SessionError>);

/// Every method that may not be called in any state, with arguments that are never right, so that calling it changes nothing where it is allowed.
const METHODS: &[Method] = &[
    ("send_ring_indication", |session| session.send_ring_indication()),
    ("accept", |session| session.accept(&[])),
    ("accept_offering", |session| session.accept_offering(&[]).map(drop)),
    ("reject", |session| session.reject(200, None)),
    ("accept_proposal", |session| session.accept_proposal(&[])),
    ("reject_proposal", |session| session.reject_proposal(200, None)),
    ("add_stream", |session| session.add_streams(&[]).map(drop)),
    ("remove_stream", |session| session.remove_streams(&[StreamId::from_u64(u64::MAX)])),
    ("cancel_proposal", |session| session.cancel_proposal()),
    ("transfer", |session| session.transfer("sip:carol@10.0.0.9", None)),
    ("send_info", |session| session.send_info(None, Some(unwritable()))),
    ("send_message", |session| session.send_message(unwritable())),
];

/// What no message can carry.
fn unwritable() -> Content {
    Content::new("text/plain\r\nX: y", "hello")
}

/// Those in which there is a call.
const ESTABLISHED: &[SessionState] = &[
    SessionState::Connected,
    SessionState::ReceivedProposal,
    SessionState::ReceivedProposalRequest,
    SessionState::AcceptingProposal,
    SessionState::RejectingProposal,
    SessionState::SendingProposal,
    SessionState::CancellingProposal,
];

/// In which states a method is allowed.
fn allowed(method: &str) -> &'static [SessionState] {
    match method {
        "send_ring_indication" => &[SessionState::Incoming, SessionState::ReceivedProposal],
        "accept" | "accept_offering" | "reject" => &[SessionState::Incoming],
        "accept_proposal" | "reject_proposal" => &[SessionState::ReceivedProposal],
        "send_info" | "send_message" => ESTABLISHED,
        "add_stream" | "remove_stream" | "transfer" => &[SessionState::Connected],
        "cancel_proposal" => &[SessionState::SendingProposal],
        other => panic!("{other}"),
    }
}

/// Tries every method that is not allowed now, and those that are with wrong arguments.
fn try_all(duo: &mut Duo, host: usize, state: SessionState) {
    assert_eq!(duo.state(host), state);
    duo.told(host);
    for (method, call) in METHODS {
        if allowed(method).contains(&state) {
            if !matches!(*method, "send_ring_indication" | "cancel_proposal" | "transfer") {
                let refused = duo.with(host, call).unwrap_err();
                assert!(!matches!(refused, SessionError::IllegalState { .. }), "{method} in {state}: {refused}");
            }
        } else {
            let refused = duo.with(host, call).unwrap_err();
            assert_eq!(refused.to_string(), format!("cannot call {method} in {state} state"));
        }
    }
    assert_eq!(duo.state(host), state);
    assert_eq!(duo.told(host), [""; 0], "a refused call changes nothing");
}

#[test]
fn each_method_in_each_state() {
    let mut duo = Duo::calling(&[audio()]);
    try_all(&mut duo, ALICE, SessionState::Outgoing);
    duo.over();

    let mut duo = Duo::ringing(&[audio()]);
    try_all(&mut duo, BOB, SessionState::Incoming);
    let proposed = duo.streams(BOB);
    duo.with(BOB, |session| session.accept(&proposed).unwrap());
    try_all(&mut duo, BOB, SessionState::Accepting);
    duo.pass(1000);
    try_all(&mut duo, BOB, SessionState::Connected);

    duo.with(ALICE, |session| session.add_streams(&[text::spec()]).unwrap());
    try_all(&mut duo, ALICE, SessionState::SendingProposal);
    duo.pass(500);
    try_all(&mut duo, BOB, SessionState::ReceivedProposal);
    let proposed = duo.proposed(BOB);
    duo.with(BOB, |session| session.accept_proposal(&proposed).unwrap());
    try_all(&mut duo, BOB, SessionState::AcceptingProposal);
    duo.pass(500);

    duo.with(ALICE, |session| session.add_streams(&[text::spec()]).unwrap());
    duo.pass(500);
    duo.with(BOB, |session| session.reject_proposal(488, None).unwrap());
    try_all(&mut duo, BOB, SessionState::RejectingProposal);
    duo.pass(500);

    duo.with(ALICE, |session| session.add_streams(&[text::spec()]).unwrap());
    duo.pass(500);
    duo.with(ALICE, |session| session.cancel_proposal().unwrap());
    try_all(&mut duo, ALICE, SessionState::CancellingProposal);
    duo.pass(500);

    duo.with(ALICE, |session| session.end().unwrap());
    try_all(&mut duo, ALICE, SessionState::Terminating);
    duo.over();
}

#[test]
fn only_what_adds_streams_can_be_cancelled() {
    let mut duo = Duo::established(&[audio()]);
    duo.with(ALICE, |session| session.hold().unwrap());
    let refused = duo.with(ALICE, |session| session.cancel_proposal().unwrap_err());
    assert_eq!(refused, SessionError::NoProposal);
    duo.over();
}

#[test]
fn hold_unhold_and_end_are_legal_in_every_state() {
    for stop in 0..6 {
        let mut duo = Duo::ringing(&[audio()]);
        if stop > 0 {
            let proposed = duo.streams(BOB);
            duo.with(BOB, |session| session.accept(&proposed).unwrap());
        }
        if stop > 1 {
            duo.pass(1000);
        }
        if stop > 2 {
            duo.with(BOB, |session| session.add_streams(&[text::spec()]).unwrap());
        }
        if stop > 3 {
            duo.pass(500);
        }
        if stop > 4 {
            duo.with(BOB, |session| session.cancel_proposal().unwrap());
        }
        for host in [ALICE, BOB] {
            duo.with(host, |session| session.hold().unwrap());
            duo.with(host, |session| session.unhold().unwrap());
        }
        duo.with(BOB, |session| session.end().unwrap());
        duo.with(BOB, |session| session.hold().unwrap());
        duo.over();
    }
}
