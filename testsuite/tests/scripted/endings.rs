//! What the peer ends, in each state of a session, and what ends because the peer says nothing (behaviour 1.8, RFC 3261 sections 12.2.1.2 and 15).

use std::sync::Arc;
use std::time::Duration;

use sipsimple_core::agent::EventKind;
use sipsimple_core::id::SessionId;
use sipsimple_core::session::{SessionEvent, SessionState};
use sipsimple_core::stream::{AudioSpec, StreamSpec};
use sipsimple_testsuite::brittle::{BrittleFactory, Habit};
use sipsimple_testsuite::draft::{Draft, Side, audio};

use crate::scene::{Scene, TIMEOUT, peer};

const BRITTLE: &str = "m=application 9 brittle 0\r\n";

/// A scene whose session is in a state, and the peer's side of it.
type Staged = (Scene, SessionId, Side);

fn connected() -> Staged {
    let mut scene = Scene::new();
    let offered = Habit { initialize: Some(Duration::from_secs(1)), ..Habit::SOUND };
    scene.world.with(scene.alice, |agent, _| agent.register_stream(Arc::new(BrittleFactory { offered })));
    let (session, side) = scene.established_by_alice();
    (scene, session, side)
}

fn sending() -> Staged {
    let (mut scene, session, side) = connected();
    scene.session(session, |session| session.hold()).unwrap();
    scene.next("INVITE");
    (scene, session, side)
}

fn cancelling() -> Staged {
    let (mut scene, session, side) = connected();
    scene.session(session, |session| session.add_streams(&[StreamSpec::Audio(AudioSpec::default())])).unwrap();
    let invite = scene.next("INVITE");
    scene.reply(&invite, &Draft::response(&invite.sip, 100, ""));
    scene.wait(50);
    scene.session(session, |session| session.cancel_proposal()).unwrap();
    scene.next("CANCEL");
    (scene, session, side)
}

/// The peer proposes this line beside what there is.
fn proposed(line: &str) -> Staged {
    let (mut scene, session, mut side) = connected();
    let offer = audio(peer(), 4000).replace("o=- 1 1", "o=- 1 2") + line;
    scene.send(&side.request("INVITE", "add").body("application/sdp", offer));
    scene.next("100 INVITE");
    (scene, session, side)
}

fn received() -> Staged {
    proposed("m=audio 4008 RTP/AVP 0\r\n")
}

fn rejecting() -> Staged {
    let (mut scene, session, side) = received();
    scene.session(session, |session| session.reject_proposal(488, None)).unwrap();
    scene.next("488 INVITE");
    (scene, session, side)
}

fn accepting_proposal() -> Staged {
    let (mut scene, session, side) = proposed(BRITTLE);
    scene.session(session, |session| session.accept_proposal(&session.proposed_streams().unwrap())).unwrap();
    (scene, session, side)
}

fn asked_for_an_offer() -> Staged {
    let (mut scene, session, mut side) = connected();
    scene.send(&side.request("INVITE", "late"));
    scene.next("200 INVITE");
    (scene, session, side)
}

fn incoming() -> Staged {
    let mut scene = Scene::new();
    let invite = scene.invite();
    scene.send(&invite);
    scene.wait(50);
    let session = scene.incoming();
    scene.session(session, |session| session.send_ring_indication()).unwrap();
    let ringing = scene.next("180 INVITE").sip;
    let side = Side::caller(&invite.sip(), &ringing, peer());
    (scene, session, side)
}

fn accepting() -> Staged {
    let mut scene = Scene::new();
    let invite = scene.invite();
    scene.send(&invite);
    scene.wait(50);
    let session = scene.incoming();
    scene.session(session, |session| session.accept(&session.streams())).unwrap();
    let ok = scene.next("200 INVITE").sip;
    let side = Side::caller(&invite.sip(), &ok, peer());
    (scene, session, side)
}

fn terminating() -> Staged {
    let (mut scene, session, side) = connected();
    scene.end(session);
    scene.next("BYE");
    (scene, session, side)
}

/// A state, how it is come by, what a BYE is told as, and what else it brings out.
type Case = (SessionState, fn() -> Staged, Told, Option<&'static str>);

/// Each state in which there is a dialog.
const STATES: [Case; 10] = [
    (SessionState::Incoming, incoming, Told::Refused, Some("487 INVITE")),
    (SessionState::Accepting, accepting, Told::Ended(None), None),
    (SessionState::Connected, connected, Told::Ended(None), None),
    (SessionState::SendingProposal, sending, Told::Ended(None), None),
    (SessionState::CancellingProposal, cancelling, Told::Ended(Some("local")), None),
    (SessionState::ReceivedProposal, received, Told::Ended(Some("remote")), Some("487 INVITE")),
    (SessionState::AcceptingProposal, accepting_proposal, Told::Ended(Some("remote")), Some("487 INVITE")),
    (SessionState::RejectingProposal, rejecting, Told::Ended(Some("remote")), None),
    (SessionState::ReceivedProposalRequest, asked_for_an_offer, Told::Ended(None), None),
    (SessionState::Terminating, terminating, Told::Crossed, None),
];

/// What a session tells of a BYE.
#[derive(Clone, Copy)]
enum Told {
    /// It has not begun.
    Refused,
    /// It ends, and with it the proposal of this side.
    Ended(Option<&'static str>),
    /// It was ending already.
    Crossed,
}

impl Told {
    fn lines(self, words: &str) -> Vec<String> {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        let last = format!("ended remote {words}");
        match self {
            Self::Refused => lines(&["INVITE remote 487", "-> terminated", "failed 487"]),
            Self::Crossed => lines(&["BYE remote 200", "-> terminated", "ended local user request"]),
            Self::Ended(proposer) => {
                let mut told: Vec<String> = lines(&["-> terminating", "will end remote"]);
                told.extend(proposer.map(|side| format!("failure {side} session ended")));
                told.extend(lines(&["BYE remote 200", "-> terminated", &last]) as Vec<String>);
                told
            }
        }
    }
}

#[test]
fn a_bye_ends_the_session_in_each_state() {
    for (reason, words) in [(None, "user request"), (Some("SIP;cause=200;text=\"Taken elsewhere\""), "Taken elsewhere")]
    {
        for (state, stage, told, answer) in STATES {
            let (mut scene, session, mut side) = stage();
            assert_eq!(scene.session(session, |session| session.state()), state);
            scene.told();
            let bye = side.request("BYE", "bye");
            scene.send(&reason.into_iter().fold(bye, |bye, reason| bye.with("Reason", reason)));
            let mut letters = scene.within(100);
            letters.sort();
            assert_eq!(letters, ["200 BYE"].into_iter().chain(answer).collect::<Vec<_>>(), "{state}");
            assert_eq!(scene.told(), told.lines(words), "{state}");
            scene.quiet();
        }
    }
}

#[test]
fn the_words_of_a_cancel_are_why_the_call_failed() {
    let mut scene = Scene::new();
    let invite = scene.invite();
    scene.send(&invite);
    scene.wait(50);
    scene.send(&Draft::cancel(&invite.sip()).with("Reason", "SIP;cause=200;text=\"Call completed elsewhere\""));
    scene.wait(50);
    let why = scene.world.host(scene.alice).events.iter().find_map(|(_, event)| match &event.kind {
        EventKind::Session { event: SessionEvent::DidFail { code, failure_reason, .. }, .. } => {
            Some((*code, failure_reason.to_string()))
        }
        _ => None,
    });
    assert_eq!(why, Some((487, "Call completed elsewhere".to_owned())));
}

/// A re-INVITE that nobody answers ends the session with BYE, whatever it was for; what it was for is told as if it had been refused.
#[test]
fn silence_about_a_reinvite_ends_the_session() {
    for (what, told) in
        [("hold", "hold local true"), ("add", "rejected local 408 1"), ("remove", "renegotiated local remove 1")]
    {
        let (mut scene, session, _) = connected();
        scene.told();
        scene.session(session, |session| match what {
            "hold" => session.hold().unwrap(),
            "add" => drop(session.add_streams(&[StreamSpec::Audio(AudioSpec::default())]).unwrap()),
            _ => session.remove_streams(&session.streams()).unwrap(),
        });
        let mut letters = scene.within(TIMEOUT + 50);
        letters.dedup();
        assert_eq!(letters, ["INVITE", "BYE"], "{what}");
        let all = scene.told();
        let last = ["INVITE local 408", "-> connected", told, "-> terminating", "will end local"];
        assert_eq!(all[all.len() - last.len()..], last, "{what}: {all:?}");
        scene.quiet();
    }
}

/// A call that nobody acknowledges has failed after 15 s for its user; its BYE waits for the ACK for 64·T1 (RFC 3261 section 13.3.1.4).
#[test]
fn a_call_that_is_not_acknowledged_fails_and_is_ended_later() {
    let (mut scene, ..) = accepting();
    scene.told();
    scene.wait(14_500);
    assert_eq!(scene.told(), [""; 0]);
    scene.wait(1_000);
    assert_eq!(scene.told(), ["INVITE remote 200", "-> terminated", "failed 200"]);
    let failed = |event: &EventKind| match event {
        EventKind::Session { event: SessionEvent::DidFail { failure_reason, .. }, .. } => {
            Some(failure_reason.to_string())
        }
        _ => None,
    };
    let why = scene.world.host(scene.alice).events.iter().find_map(|(_, event)| failed(&event.kind));
    assert_eq!(why.as_deref(), Some("No ACK received"));
    let bye = loop {
        let letter = scene.next_any();
        if letter.sip.to_string() == "BYE" {
            break letter;
        }
        assert_eq!(letter.sip.to_string(), "200 INVITE");
    };
    assert_eq!(bye.sip.header("reason"), Some("SIP;cause=500;text=\"Missing ACK\""));
    scene.reply(&bye, &Draft::response(&bye.sip, 200, ""));
    scene.quiet();
}
