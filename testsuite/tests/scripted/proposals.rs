//! Re-INVITEs at the level of sessions: which answers end what (RFC 5057 section 5.1), who holds (RFC 3264 section 8.4), and what is refused.

use sipsimple_core::agent::{Config, SessionMut};
use sipsimple_core::id::{SessionId, StreamId};
use sipsimple_core::sdp::Direction;
use sipsimple_core::session::{SessionError, SessionState};
use sipsimple_core::stream::{AudioSpec, StreamSpec};
use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::application::Idle;
use sipsimple_testsuite::draft::{Draft, Side, audio};
use sipsimple_testsuite::post::Letter;
use sipsimple_testsuite::sdp::Sdp;

use crate::scene::{Scene, accepted, answering, peer, response};

/// The answers to a request inside the dialog that end the INVITE usage, or the dialog with it.
const fn ends(code: u16) -> bool {
    matches!(code, 404 | 405 | 408 | 410 | 416 | 480..=485 | 489 | 501 | 502 | 604)
}

/// A description of the peer's, later than its first.
fn description(version: u32) -> String {
    audio(peer(), 4000).replace("o=- 1 1", &format!("o=- 1 {version}"))
}

/// The peer answers a BYE, and nothing is left.
fn bye(mut scene: Scene) {
    let bye = scene.next("BYE");
    scene.reply(&bye, &Draft::response(&bye.sip, 200, "b"));
    scene.quiet();
}

/// Alice's session is ended, and nothing is left.
fn over(mut scene: Scene, session: SessionId) {
    scene.end(session);
    bye(scene);
}

/// The peer answers alice's re-INVITE with 200 and this description.
fn agree(scene: &mut Scene, invite: &Letter, description: String) {
    let ok = response(&invite.sip, 200, "b").body("application/sdp", description);
    scene.reply(invite, &ok);
    scene.next("ACK");
    scene.wait(50);
}

/// The first final answer of alice's to a request of the peer's, acknowledged.
fn answer(scene: &mut Scene, invite: &Draft) -> sipsimple_testsuite::sip::Sip {
    scene.send(invite);
    loop {
        match scene.world.take_letter(scene.peer) {
            Some(letter) if letter.sip.code() >= 200 => {
                scene.send(&Draft::ack(&invite.sip(), &letter.sip));
                scene.wait(50);
                return letter.sip;
            }
            Some(_) => {}
            None => assert!(scene.world.step(), "no answer"),
        }
    }
}

#[test]
fn each_answer_to_a_reinvite_ends_the_session_or_leaves_it() {
    for code in 300..700 {
        let mut scene = Scene::new();
        let (session, _) = scene.established_by_alice();
        scene.told();
        scene.session(session, |session| session.hold().unwrap());
        let invite = scene.next("INVITE");
        scene.reply(&invite, &response(&invite.sip, code, "b"));
        scene.next("ACK");
        let told = scene.told();
        let refused = format!("INVITE local {code}");
        if code == 491 {
            // It is sent again by itself.
            assert_eq!(told, ["-> sending_proposal", &refused]);
            let again = scene.next("INVITE");
            agree(&mut scene, &again, description(2));
            assert_eq!(scene.told(), ["INVITE local 200", "-> connected", "hold local true"]);
            over(scene, session);
        } else if ends(code) {
            let expected = [
                "-> sending_proposal",
                &refused,
                "-> connected",
                "hold local true",
                "-> terminating",
                "will end remote",
            ];
            assert_eq!(told, expected, "{code}");
            bye(scene);
        } else {
            assert_eq!(told, ["-> sending_proposal", &refused, "-> connected", "hold local true"], "{code}");
            over(scene, session);
        }
    }
}

#[test]
fn each_answer_to_an_update_ends_the_session_or_leaves_it() {
    let mut config = Config::default();
    config.session_timer.expires = Some(90);
    for code in 300..700 {
        let mut scene = Scene::with(config.clone(), Box::new(Idle));
        let session = scene.call(Transport::Udp);
        let invite = scene.next("INVITE");
        let ok = accepted(&invite.sip, "b")
            .with("Allow", "INVITE, ACK, CANCEL, BYE, UPDATE")
            .with("Require", "timer")
            .with("Session-Expires", "90;refresher=uac");
        scene.reply(&invite, &ok);
        scene.next("ACK");
        scene.wait(100);
        scene.told();
        let update = scene.next("UPDATE");
        scene.reply(&update, &response(&update.sip, code, "b"));
        scene.wait(50);
        if ends(code) {
            assert_eq!(scene.told(), ["-> terminating", "will end remote"], "{code}");
            bye(scene);
        } else {
            // The next refresh may be another chance.
            assert_eq!(scene.told(), [""; 0], "{code}");
            assert_eq!(scene.session(session, |session| session.state()), SessionState::Connected, "{code}");
        }
    }
}

#[test]
fn each_answer_to_a_bye_ends_the_session() {
    for code in 200..700 {
        let mut scene = Scene::new();
        let (session, _) = scene.established_by_alice();
        scene.told();
        scene.end(session);
        let bye = scene.next("BYE");
        scene.reply(&bye, &Draft::response(&bye.sip, code, "b"));
        scene.wait(50);
        let answered = format!("BYE local {code}");
        let expected = ["-> terminating", "will end local", &answered, "-> terminated", "ended local user request"];
        assert_eq!(scene.told(), expected, "{code}");
        scene.quiet();
    }
}

#[test]
fn whatever_answers_a_cancel_the_invite_decides() {
    for code in 200..700 {
        let mut scene = Scene::new();
        let session = scene.call(Transport::Udp);
        let invite = scene.next("INVITE");
        scene.reply(&invite, &response(&invite.sip, 180, "b"));
        scene.wait(50);
        scene.told();
        scene.end(session);
        let cancel = scene.next("CANCEL");
        scene.reply(&cancel, &Draft::response(&cancel.sip, code, "b"));
        scene.wait(50);
        assert_eq!(scene.told(), ["-> terminating"], "{code}");
        // Any refusal of the INVITE is its end.
        let refusal = if code < 300 { 487 } else { code };
        scene.reply(&invite, &response(&invite.sip, refusal, "b"));
        scene.next("ACK");
        let refused = format!("INVITE local {refusal}");
        assert_eq!(scene.told(), [&refused, "-> terminated", "failed 487"], "{code}");
        scene.quiet();
    }
}

/// RFC 3264 sections 6.1 and 8.4, RFC 6337 section 5.4: each direction of ours, held or not, and each offer of the peer's.
#[test]
fn each_direction_of_each_side() {
    let directions = [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];
    let offers = directions.map(|offered| (offered, "10.9.0.1")).into_iter().chain([(Direction::SendRecv, "0.0.0.0")]);
    for (wanted, held, (offered, address)) in directions
        .into_iter()
        .flat_map(|wanted| [(wanted, false), (wanted, true)])
        .flat_map(|(wanted, held)| offers.clone().map(move |offer| (wanted, held, offer)))
    {
        let case = format!("we {wanted:?}, held {held}; they {offered:?} at {address}");
        let mut scene = Scene::new();
        let audio_of = |version: u32, direction: Direction, address: &str| {
            let direction = format!("a={}", Direction::as_str(direction));
            let text = description(version).replace("a=sendrecv", &direction);
            text.replace("c=IN IP4 10.9.0.1", &format!("c=IN IP4 {address}"))
        };
        let spec = AudioSpec { direction: wanted, ..AudioSpec::default() };
        let session = scene.call_with(vec![Route::new(Transport::Udp, peer())], spec);
        let invite = scene.next("INVITE");
        // The peer takes part as far as it can.
        let counterpart = Direction::new(wanted.receives(), wanted.sends());
        let ok = response(&invite.sip, 200, "b").body("application/sdp", audio_of(1, counterpart, "10.9.0.1"));
        scene.reply(&invite, &ok);
        scene.next("ACK");
        scene.wait(50);
        let mut side = Side::callee(&invite.sip, "b", peer());
        let own = if held { Direction::new(wanted.sends(), false) } else { wanted };
        if held {
            scene.session(session, |session| session.hold().unwrap());
            let invite = scene.next("INVITE");
            let said = Sdp::read(invite.sip.description().unwrap()).unwrap();
            assert_eq!(said.media[0].direction, own.as_str(), "{case}");
            agree(&mut scene, &invite, audio_of(2, Direction::new(own.receives(), own.sends()), "10.9.0.1"));
        }
        let before = scene.session(session, |session| session.on_hold_by_remote());
        scene.told();
        let reinvite = side.request("INVITE", "hold").body("application/sdp", audio_of(3, offered, address));
        let ok = answer(&mut scene, &reinvite);
        let said = Sdp::read(ok.description().unwrap()).unwrap();
        // The answer is to the attribute; but nothing is sent where there is no address.
        let listens = offered.receives() && address != "0.0.0.0";
        let expected = Direction::new(own.sends() && offered.receives(), own.receives() && offered.sends());
        assert_eq!(said.media[0].direction, expected.as_str(), "{case}");
        let holds = scene.session(session, |session| (session.on_hold_by_local(), session.on_hold_by_remote()));
        // Who would not send anyway is not held by one who does not listen.
        let is_held = if own.sends() { !listens } else { before };
        assert_eq!(holds, (held, is_held), "{case}");
        let mut news = vec!["INVITE remote 200".to_owned()];
        news.extend((before != is_held).then(|| format!("hold remote {is_held}")));
        assert_eq!(scene.told(), news, "{case}");
        over(scene, session);
    }
}

#[test]
fn a_hold_that_is_refused_for_now_is_said_again_and_told_once() {
    let mut scene = Scene::new();
    let (session, _) = scene.established_by_alice();
    scene.told();
    scene.session(session, |session| session.hold().unwrap());
    let invite = scene.next("INVITE");
    scene.reply(&invite, &response(&invite.sip, 500, "b"));
    scene.next("ACK");
    assert_eq!(scene.told(), ["-> sending_proposal", "INVITE local 500", "-> connected", "hold local true"]);
    let again = scene.next("INVITE");
    assert!(again.sip.description().unwrap().contains("a=sendonly"));
    agree(&mut scene, &again, description(2).replace("sendrecv", "recvonly"));
    assert_eq!(scene.told(), ["-> sending_proposal", "INVITE local 200", "-> connected"]);
    assert_eq!(scene.within(300_000), [""; 0]);
    over(scene, session);
}

#[test]
fn a_hold_that_is_refused_for_good_is_told_and_not_said_again() {
    let mut scene = Scene::new();
    let (session, _) = scene.established_by_alice();
    scene.told();
    scene.session(session, |session| session.hold().unwrap());
    let invite = scene.next("INVITE");
    scene.reply(&invite, &response(&invite.sip, 488, "b"));
    scene.next("ACK");
    assert_eq!(scene.told().last().map(String::as_str), Some("hold local true"));
    assert_eq!(scene.within(300_000), [""; 0]);
    over(scene, session);
}

#[test]
fn a_proposal_is_sent_again_when_the_peer_asks_for_that() {
    let mut scene = Scene::new();
    let (session, _) = scene.established_by_alice();
    scene.told();
    let audio = StreamSpec::Audio(AudioSpec::default());
    scene.session(session, |session| session.add_streams(std::slice::from_ref(&audio)).unwrap());
    let invite = scene.next("INVITE");
    let begun = scene.world.now();
    scene.reply(&invite, &response(&invite.sip, 500, "b").with("Retry-After", "3"));
    scene.next("ACK");
    let again = scene.next("INVITE");
    assert_eq!((again.at - begun).as_millis(), 3020, "there, and back three seconds later");
    scene.reply(&again, &response(&again.sip, 488, "b"));
    scene.next("ACK");
    let news = ["-> sending_proposal", "proposal local 1", "INVITE local 500", "INVITE local 488", "-> connected"];
    assert_eq!(scene.told(), [&news[..], &["rejected local 488 1"]].concat());
    over(scene, session);
}

#[test]
fn streams_are_not_added_before_others_are_gone_for_the_peer_too() {
    let mut scene = Scene::new();
    let (session, _) = scene.established_by_alice();
    let audio = StreamSpec::Audio(AudioSpec::default());
    scene.session(session, |session| {
        let all = session.streams();
        session.remove_streams(&all).unwrap();
    });
    let invite = scene.next("INVITE");
    scene.reply(&invite, &response(&invite.sip, 488, "b"));
    scene.next("ACK");
    scene.told();
    scene.session(session, |session| session.add_streams(std::slice::from_ref(&audio)).unwrap());
    let tidying = scene.next("INVITE");
    let said = Sdp::read(tidying.sip.description().unwrap()).unwrap();
    assert_eq!(said.media.iter().map(|media| media.port != 0).collect::<Vec<_>>(), [false]);
    agree(&mut scene, &tidying, description(2).replace("m=audio 4000", "m=audio 0"));
    let adding = scene.next("INVITE");
    let said = Sdp::read(adding.sip.description().unwrap()).unwrap();
    assert!(said.media.iter().any(|media| media.port != 0));
    agree(&mut scene, &adding, description(3));
    let told = scene.told();
    assert_eq!(
        told,
        [
            "-> sending_proposal",
            "INVITE local 200",
            "proposal local 1",
            "INVITE local 200",
            "-> connected",
            "accepted local 1/1",
            "renegotiated local add 1"
        ]
    );
    over(scene, session);
}

#[test]
fn an_offer_that_removes_and_adds_is_refused() {
    let mut scene = Scene::answering(answering());
    let (mut side, _) = scene.established_by_peer();
    scene.told();
    let both = format!("{}m=audio 4002 RTP/AVP 0\r\n", description(2).replace("m=audio 4000", "m=audio 0"));
    let refusal = answer(&mut scene, &side.request("INVITE", "both").body("application/sdp", both));
    assert_eq!(refusal.code(), 488);
    assert!(refusal.header("warning").unwrap().contains("removing AND adding"), "{refusal:?}");
    assert_eq!(scene.told(), ["INVITE remote 488"]);
    let session = scene.incoming();
    over(scene, session);
}

type Method = (&'static str, fn(&mut SessionMut<'_>) -> Result<(), SessionError>);

/// What may not be called while an offer is awaited that a re-INVITE has asked for, and the state that it is refused in.
const METHODS: [Method; 9] = [
    ("send_ring_indication", |session| session.send_ring_indication()),
    ("accept", |session| session.accept(&[])),
    ("reject", |session| session.reject(486, None)),
    ("accept_proposal", |session| session.accept_proposal(&[])),
    ("reject_proposal", |session| session.reject_proposal(488, None)),
    ("add_stream", |session| session.add_streams(&[StreamSpec::Audio(AudioSpec::default())]).map(drop)),
    ("remove_stream", |session| session.remove_streams(&[StreamId::from_u64(u64::MAX)])),
    ("cancel_proposal", |session| session.cancel_proposal()),
    ("transfer", |session| session.transfer("sip:carol@10.9.0.1", None)),
];

#[test]
fn no_method_is_for_a_session_that_has_made_an_offer_on_request_but_hold_and_end() {
    let mut scene = Scene::answering(answering());
    let (mut side, _) = scene.established_by_peer();
    let session = scene.incoming();
    let invite = side.request("INVITE", "empty");
    scene.send(&invite);
    let offer = scene.next("200 INVITE").sip;
    let state = SessionState::ReceivedProposalRequest;
    assert_eq!(scene.session(session, |session| session.state()), state);
    for (method, call) in METHODS {
        let refused = scene.session(session, call).unwrap_err();
        assert_eq!(refused, SessionError::IllegalState { method: method.into(), state }, "{method}");
    }
    scene.session(session, |session| session.hold().unwrap());
    scene.told();
    scene.send(&Draft::ack(&invite.sip(), &offer).body("application/sdp", description(2)));
    let hold = scene.next("INVITE");
    assert_eq!(scene.told()[..2], ["-> connected", "-> sending_proposal"]);
    agree(&mut scene, &hold, description(3));
    over(scene, session);
}

#[test]
fn a_session_that_has_ended_is_unknown() {
    let mut scene = Scene::new();
    let (session, _) = scene.established_by_alice();
    scene.end(session);
    let bye = scene.next("BYE");
    scene.reply(&bye, &Draft::response(&bye.sip, 200, "b"));
    scene.wait(50);
    scene.world.with(scene.alice, |agent, now| {
        use sipsimple_core::agent::{Intent, IntentError};
        assert!(agent.session(now, session).is_none());
        let all = [
            Intent::SendRingIndication { session },
            Intent::Accept { session, streams: Vec::new(), relay_password: None },
            Intent::Reject { session, code: 486, reason: None },
            Intent::End { session },
            Intent::Hold { session },
            Intent::Unhold { session },
            Intent::AddStreams { session, streams: vec![StreamSpec::Audio(AudioSpec::default())] },
            Intent::RemoveStreams { session, streams: Vec::new() },
            Intent::AcceptProposal { session, streams: Vec::new() },
            Intent::RejectProposal { session, code: 488, reason: None },
            Intent::CancelProposal { session },
            Intent::Transfer { session, target: "sip:carol@10.9.0.1".into(), replaced: None },
            Intent::AcceptTransfer { session, routes: Vec::new(), streams: Vec::new() },
            Intent::RejectTransfer { session, code: 603 },
        ];
        for intent in all {
            let text = format!("{intent:?}");
            let refused = agent.intend(now, intent).unwrap_err();
            assert_eq!(refused, IntentError::Session(SessionError::Unknown(session)), "{text}");
        }
    });
    scene.quiet();
}
