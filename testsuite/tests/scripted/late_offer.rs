//! Calls whose INVITE has no offer (RFC 3261 section 13.2.1, RFC 6337). Of those that alice places the peer makes one, in its 200 or in a reliable provisional
//! response; of those that come she makes one in her 200.

use std::sync::Arc;
use std::time::Duration;

use sipsimple_core::agent::{Config, EventKind};
use sipsimple_core::id::SessionId;
use sipsimple_core::session::{SessionError, SessionEvent, SessionState};
use sipsimple_core::stream::{AudioSpec, ChatSpec, StreamSpec};
use sipsimple_core::transport::Transport;
use sipsimple_testsuite::application::Idle;
use sipsimple_testsuite::brittle::{BrittleFactory, Habit};
use sipsimple_testsuite::draft::{Draft, Side, audio};
use sipsimple_testsuite::post::Letter;
use sipsimple_testsuite::sdp::Sdp;
use sipsimple_testsuite::sip::Sip;

use crate::scene::{Scene, accepted, answering, peer, response};

const VIDEO: &str = "m=video 5000 RTP/AVP 34\r\n";
const BRITTLE: &str = "m=application 9 brittle 0\r\n";
const MALFORMED: &str = "v=0\r\nwhat is this\r\n";

/// Alice calls the peer without an offer, for audio; the INVITE.
fn call(scene: &mut Scene) -> (SessionId, Letter) {
    call_for(scene, vec![StreamSpec::Audio(AudioSpec::default())])
}

fn call_for(scene: &mut Scene, streams: Vec<StreamSpec>) -> (SessionId, Letter) {
    let session = scene.call_without_offer(Transport::Udp, streams);
    let invite = scene.next("INVITE");
    assert!(invite.sip.body().is_empty() && invite.sip.header("content-type").is_none());
    (session, invite)
}

/// An offer with this line before the audio.
fn offer_with(line: &str) -> String {
    audio(peer(), 4000).replace("m=audio", &format!("{line}m=audio"))
}

/// An offer of this line alone.
fn offer_of(line: &str) -> String {
    let audio = audio(peer(), 4000);
    format!("{}{line}", &audio[..audio.find("m=").unwrap()])
}

/// A reliable 183 with this offer.
fn progress(invite: &Sip, tag: &str, rseq: u32, offer: String) -> Draft {
    let draft = response(invite, 183, tag).with("Require", "100rel").with("RSeq", rseq.to_string());
    draft.body("application/sdp", offer)
}

/// What a request says of each line: whether it is used.
fn used(sip: &Sip) -> Vec<bool> {
    let sdp = Sdp::read(sip.description().expect("an answer")).expect("it can be read");
    sdp.media.iter().map(|line| line.port != 0).collect()
}

/// Answers alice's BYE; why she says that she ends.
fn ended(scene: &mut Scene) -> String {
    let bye = scene.next("BYE");
    scene.reply(&bye, &response(&bye.sip, 200, "b"));
    scene.wait(100);
    bye.sip.header("reason").unwrap_or_default().to_owned()
}

/// Alice hangs up.
fn hang_up(mut scene: Scene, session: SessionId) {
    scene.end(session);
    assert_eq!(ended(&mut scene), "");
    scene.quiet();
}

#[test]
fn an_offer_in_the_200_is_answered_in_the_ack() {
    let mut scene = Scene::new();
    let (session, invite) = call(&mut scene);
    // What stands in an unreliable response is no offer (RFC 6337 table 1).
    scene.reply(&invite, &response(&invite.sip, 183, "b").body("application/sdp", audio(peer(), 4000)));
    scene.wait(50);
    // Of two lines of a kind the first, and none of what was not asked for.
    let offer = format!("{}m=audio 4008 RTP/AVP 0\r\n", offer_with(VIDEO));
    let ok = response(&invite.sip, 200, "b").body("application/sdp", offer);
    scene.reply(&invite, &ok);
    let ack = scene.next("ACK").sip;
    assert_eq!(used(&ack), [false, true, false]);
    scene.wait(100);
    // The same 200 has the same ACK.
    scene.reply(&invite, &ok);
    let again = scene.next("ACK").sip;
    assert_eq!((again.body(), again.branch()), (ack.body(), ack.branch()));
    assert_eq!(
        scene.told(),
        ["-> outgoing", "outgoing 1", "provisional 183", "INVITE local 200", "will start", "-> connected", "started 1"]
    );
    hang_up(scene, session);
}

#[test]
fn an_offer_in_a_reliable_response_is_answered_in_the_prack() {
    let mut scene = Scene::new();
    let (session, invite) = call(&mut scene);
    let offer = progress(&invite.sip, "b", 1, audio(peer(), 4000));
    scene.reply(&invite, &offer);
    let prack = scene.next("PRACK");
    let rack = format!("1 {} INVITE", invite.sip.cseq().0);
    assert_eq!((prack.sip.header("rack"), used(&prack.sip)), (Some(rack.as_str()), vec![true]));
    // It comes once, however often the response does.
    scene.reply(&invite, &offer);
    scene.reply(&prack, &response(&prack.sip, 200, "b"));
    assert_eq!(scene.within(100), [""; 0]);
    // Media runs early.
    assert_eq!(scene.told(), ["-> outgoing", "outgoing 1", "provisional 183", "will start"]);
    scene.reply(&invite, &response(&invite.sip, 200, "b"));
    assert!(scene.next("ACK").sip.body().is_empty());
    scene.wait(100);
    assert_eq!(scene.told(), ["INVITE local 200", "-> connected", "started 1"]);
    hang_up(scene, session);
}

/// RFC 6337 section 5.2.4: it cannot be refused as such.
#[test]
fn an_offer_in_the_200_without_anything_wanted_is_refused_line_by_line_and_the_call_ended() {
    let mut scene = Scene::new();
    let (_, invite) = call(&mut scene);
    scene.reply(&invite, &response(&invite.sip, 200, "b").body("application/sdp", offer_of(VIDEO)));
    assert_eq!(used(&scene.next("ACK").sip), [false]);
    let why = "SDP negotiation failed: no stream is acceptable";
    assert_eq!(ended(&mut scene), format!("SIP;cause=488;text=\"{why}\""));
    let end = [
        "INVITE local 200",
        "-> terminating",
        "will end local",
        "BYE local 200",
        "-> terminated",
        &format!("ended local {why}"),
    ];
    assert_eq!(scene.told()[2..], end);
    scene.quiet();
}

#[test]
fn a_200_whose_offer_is_missing_or_cannot_be_read_is_acknowledged_and_the_call_ended() {
    for body in [None, Some(MALFORMED)] {
        let mut scene = Scene::new();
        let (_, invite) = call(&mut scene);
        let ok = response(&invite.sip, 200, "b");
        let ok = match body {
            Some(body) => ok.body("application/sdp", body),
            None => ok,
        };
        scene.reply(&invite, &ok);
        assert!(scene.next("ACK").sip.body().is_empty());
        assert!(ended(&mut scene).starts_with("SIP;cause=488;text=\"SDP negotiation failed: "));
        assert_eq!((scene.count("SIPSessionDidEnd"), scene.count("SIPSessionDidStart")), (1, 0));
        scene.quiet();
    }
}

#[test]
fn an_offer_in_a_reliable_response_without_anything_wanted_is_refused_and_the_call_cancelled() {
    for (offer, refused) in [(offer_of(VIDEO), true), (MALFORMED.to_owned(), false)] {
        let mut scene = Scene::new();
        let (_, invite) = call(&mut scene);
        scene.reply(&invite, &progress(&invite.sip, "b", 1, offer));
        let prack = scene.prack("b");
        assert_eq!(prack.description().is_some(), refused);
        if refused {
            assert_eq!(used(&prack), [false]);
        }
        let cancel = scene.cancelled(&invite);
        assert!(cancel.header("reason").is_some_and(|reason| reason.starts_with("SIP;cause=488")));
        scene.wait(100);
        assert_eq!(scene.failure().0, 487);
        scene.quiet();
    }
}

#[test]
fn each_fork_has_its_own_offer_and_the_one_that_accepts_counts() {
    let mut scene = Scene::new();
    let (session, invite) = call(&mut scene);
    // One has nothing for us, one has the audio in the second line, and one in the first.
    let offers = [("a", offer_of(VIDEO)), ("b", offer_with(VIDEO)), ("c", audio(peer(), 4600))];
    let answers = [vec![false], vec![false, true], vec![true]];
    for ((tag, offer), answer) in offers.into_iter().rev().zip(answers.into_iter().rev()) {
        scene.reply(&invite, &progress(&invite.sip, tag, 1, offer));
        let prack = scene.prack(tag);
        assert_eq!((prack.to_tag(), used(&prack)), (tag, answer));
    }
    scene.reply(&invite, &response(&invite.sip, 200, "b"));
    assert_eq!(scene.next("ACK").sip.to_tag(), "b");
    scene.wait(100);
    assert_eq!(scene.count("SIPSessionDidStart"), 1);
    // From then on the lines are those of that fork.
    scene.session(session, |session| session.hold()).unwrap();
    let hold = scene.next("INVITE");
    let sdp = Sdp::read(hold.sip.description().unwrap()).unwrap();
    let lines: Vec<_> = sdp.media.iter().map(|line| (line.kind.as_str(), line.port != 0)).collect();
    assert_eq!(lines, [("video", false), ("audio", true)]);
    assert_eq!(sdp.media[1].direction, "sendonly");
    scene.reply(&hold, &response(&hold.sip, 488, "b"));
    scene.next("ACK");
    hang_up(scene, session);
}

#[test]
fn a_fork_that_was_refused_ends_the_call_by_accepting_it() {
    let mut scene = Scene::new();
    let (_, invite) = call(&mut scene);
    for (tag, offer) in [("a", audio(peer(), 4000)), ("b", offer_of(VIDEO))] {
        scene.reply(&invite, &progress(&invite.sip, tag, 1, offer));
        scene.prack(tag);
    }
    scene.reply(&invite, &response(&invite.sip, 200, "b"));
    assert_eq!(scene.next("ACK").sip.to_tag(), "b");
    assert!(ended(&mut scene).starts_with("SIP;cause=488"));
    assert_eq!(scene.count("SIPSessionDidStart"), 0);
    scene.quiet();
}

/// Two forks accept: the second is acknowledged with an answer that refuses what it offers, and ended (RFC 3261 section 13.2.2.4).
#[test]
fn a_second_200_is_refused_with_an_answer() {
    let mut scene = Scene::new();
    let (session, invite) = call(&mut scene);
    scene.reply(&invite, &accepted(&invite.sip, "b"));
    assert_eq!(used(&scene.next("ACK").sip), [true]);
    scene.reply(&invite, &accepted(&invite.sip, "c"));
    let ack = scene.next("ACK").sip;
    assert_eq!((ack.to_tag(), used(&ack)), ("c", vec![false]));
    assert_eq!(ended(&mut scene), "");
    assert_eq!(scene.count("SIPSessionDidStart"), 1);
    hang_up(scene, session);
}

/// RFC 5407 section 3.1.2: an ACK must have the answer all the same.
#[test]
fn a_200_with_an_offer_that_crosses_the_cancel_is_refused_and_ended() {
    let mut scene = Scene::new();
    let (session, invite) = call(&mut scene);
    scene.reply(&invite, &response(&invite.sip, 180, "b"));
    scene.wait(50);
    scene.end(session);
    scene.reply(&invite, &accepted(&invite.sip, "b"));
    let cancel = scene.next("CANCEL");
    scene.reply(&cancel, &response(&cancel.sip, 200, "b"));
    assert_eq!(used(&scene.next("ACK").sip), [false]);
    assert_eq!(ended(&mut scene), "");
    assert_eq!(scene.failure().0, 487);
    scene.quiet();
}

/// A 2xx before the PRACK, which RFC 3262 section 3 forbids, has its ACK, and the offer its answer in the PRACK.
#[test]
fn a_200_that_overtakes_the_prack_waits_for_its_answer() {
    let mut scene = Scene::new();
    let (session, invite) = call(&mut scene);
    scene.reply(&invite, &progress(&invite.sip, "b", 1, audio(peer(), 4000)));
    scene.reply(&invite, &response(&invite.sip, 200, "b"));
    assert!(scene.next("ACK").sip.body().is_empty());
    let prack = scene.prack("b");
    assert_eq!(used(&prack), [true]);
    scene.wait(100);
    assert_eq!(scene.count("SIPSessionDidStart"), 1);
    hang_up(scene, session);
}

#[test]
fn a_stream_that_finds_no_line_ends_and_a_hold_before_is_in_the_answer() {
    let mut scene = Scene::new();
    let named = vec![StreamSpec::Chat(ChatSpec::default()), StreamSpec::Audio(AudioSpec::default())];
    let (session, invite) = call_for(&mut scene, named);
    scene.session(session, |session| session.hold()).unwrap();
    scene.reply(&invite, &accepted(&invite.sip, "b"));
    let ack = scene.next("ACK").sip;
    let sdp = Sdp::read(ack.description().unwrap()).unwrap();
    assert_eq!(sdp.media[0].direction, "sendonly");
    scene.wait(100);
    let told = scene.told();
    assert_eq!(
        told[1..],
        ["outgoing 2", "INVITE local 200", "will start", "-> connected", "started 1", "hold local true"]
    );
    hang_up(scene, session);
}

/// What the application asked of its stream holds: the codecs, and the direction.
#[test]
fn a_stream_that_waited_answers_as_it_was_named() {
    let mut scene = Scene::new();
    let only = AudioSpec { codecs: vec!["PCMA".into()], ..AudioSpec::default() };
    let (session, invite) = call_for(&mut scene, vec![StreamSpec::Audio(only.clone())]);
    scene.reply(&invite, &accepted(&invite.sip, "b"));
    let ack = scene.next("ACK").sip;
    let sdp = Sdp::read(ack.description().unwrap()).unwrap();
    assert_eq!(sdp.media[0].formats[0].1, "pcma/8000");
    hang_up(scene, session);

    let mut scene = Scene::new();
    let only = AudioSpec { codecs: vec!["G722".into()], ..only };
    let (_, invite) = call_for(&mut scene, vec![StreamSpec::Audio(only)]);
    scene.reply(&invite, &accepted(&invite.sip, "b"));
    assert_eq!(used(&scene.next("ACK").sip), [false]);
    assert!(ended(&mut scene).starts_with("SIP;cause=488"));
    scene.quiet();
}

#[test]
fn a_call_that_nobody_answers_is_cancelled_in_time() {
    let mut config = Config::default();
    config.invite_timeout = Some(Duration::from_secs(5));
    let mut scene = Scene::with(config, Box::new(Idle));
    let (_, invite) = call(&mut scene);
    scene.reply(&invite, &progress(&invite.sip, "b", 1, audio(peer(), 4000)));
    scene.prack("b");
    scene.cancelled(&invite);
    scene.wait(100);
    assert_eq!(scene.failure().0, 487);
    scene.quiet();
}

/// An early dialog whose offer was answered may offer again, by UPDATE; one whose offer was refused has nothing to go on with.
#[test]
fn an_update_in_an_early_dialog_is_judged_by_what_was_agreed_there() {
    let mut scene = Scene::new();
    let (session, invite) = call(&mut scene);
    for (tag, offer) in [("b", offer_with(VIDEO)), ("a", offer_of(VIDEO)), ("c", audio(peer(), 4600))] {
        scene.reply(&invite, &progress(&invite.sip, tag, 1, offer));
        scene.prack(tag);
    }
    let update = |scene: &mut Scene, tag: &str, offer: String| {
        let name = scene.name();
        let update = Side::callee(&invite.sip, tag, peer()).request("UPDATE", &name);
        scene.send(&update.body("application/sdp", offer));
    };
    update(&mut scene, "b", offer_with(VIDEO).replace("sendrecv", "sendonly"));
    let answer = scene.next("200 UPDATE").sip;
    assert_eq!(used(&answer), [false, true]);
    update(&mut scene, "a", offer_of(VIDEO));
    scene.next("488 UPDATE");
    scene.reply(&invite, &response(&invite.sip, 200, "c"));
    assert_eq!(scene.next("ACK").sip.to_tag(), "c");
    scene.wait(100);
    assert_eq!(scene.count("SIPSessionDidStart"), 1);
    hang_up(scene, session);
}

/// A call for a stream that takes so many milliseconds to get ready, or for ever.
fn call_for_brittle(scene: &mut Scene, initialize: Option<u64>) -> (SessionId, Letter) {
    let offered = Habit { initialize: initialize.map(Duration::from_millis), ..Habit::SOUND };
    let factory = Arc::new(BrittleFactory { offered });
    scene.world.with(scene.alice, |agent, _| agent.register_stream(factory));
    call_for(scene, vec![Habit::SOUND.spec()])
}

#[test]
fn the_ack_waits_for_the_streams() {
    let mut scene = Scene::new();
    let (session, invite) = call_for_brittle(&mut scene, Some(1_000));
    scene.reply(&invite, &ok_to(&invite));
    scene.wait(500);
    scene.reply(&invite, &ok_to(&invite));
    // The peer has no business with an offer of its own meanwhile.
    let reinvite =
        Side::callee(&invite.sip, "b", peer()).request("INVITE", "early").body("application/sdp", offer_of(BRITTLE));
    scene.send(&reinvite);
    let refusal = scene.next("491 INVITE");
    scene.send(&Draft::ack(&reinvite.sip(), &refusal.sip));
    assert_eq!(scene.within(400), [""; 0]);
    assert_eq!(used(&scene.next("ACK").sip), [true]);
    scene.wait(100);
    assert_eq!(scene.count("SIPSessionDidStart"), 1);
    hang_up(scene, session);
}

#[test]
fn a_session_that_ends_before_its_streams_are_ready_acknowledges_all_the_same() {
    // Its user ends it.
    let mut scene = Scene::new();
    let (session, invite) = call_for_brittle(&mut scene, Some(1_000));
    scene.reply(&invite, &ok_to(&invite));
    scene.wait(100);
    scene.end(session);
    assert_eq!(used(&scene.next("ACK").sip), [false]);
    assert_eq!(ended(&mut scene), "");
    let end = ["-> terminating", "will end local", "BYE local 200", "-> terminated", "ended local user request"];
    assert_eq!(scene.told()[3..], end);
    scene.quiet();

    // The peer does.
    let mut scene = Scene::new();
    let (_, invite) = call_for_brittle(&mut scene, Some(1_000));
    scene.reply(&invite, &ok_to(&invite));
    scene.wait(100);
    scene.send(&Side::callee(&invite.sip, "b", peer()).request("BYE", "bye"));
    let mut letters = scene.within(100);
    letters.sort();
    assert_eq!(letters, ["200 BYE", "ACK"]);
    assert_eq!(scene.told().pop().as_deref(), Some("ended remote user request"));
    scene.quiet();
}

/// A 200 that offers what takes its time.
fn ok_to(invite: &Letter) -> Draft {
    response(&invite.sip, 200, "b").body("application/sdp", offer_of(BRITTLE))
}

#[test]
fn streams_that_never_get_ready_end_the_call() {
    let words = "media stream timed out while initializing";
    let mut scene = Scene::new();
    let (_, invite) = call_for_brittle(&mut scene, None);
    scene.reply(&invite, &ok_to(&invite));
    assert_eq!(used(&scene.next("ACK").sip), [false]);
    assert_eq!(ended(&mut scene), format!("SIP;cause=500;text=\"{words}\""));
    assert_eq!(scene.told().pop(), Some(format!("ended local {words}")));
    scene.quiet();

    let mut scene = Scene::new();
    let (_, invite) = call_for_brittle(&mut scene, None);
    scene.reply(&invite, &progress(&invite.sip, "b", 1, offer_of(BRITTLE)));
    scene.cancelled(&invite);
    scene.wait(100);
    assert_eq!(scene.failure().0, 487);
    scene.quiet();
}

/// An answer in an ACK cannot be refused: the call ends (RFC 6337 section 3).
#[test]
fn an_ack_without_a_usable_answer_ends_the_call() {
    let refused = audio(peer(), 4000).replace("m=audio 4000", "m=audio 0");
    let two = format!("{}m=audio 4008 RTP/AVP 0\r\n", audio(peer(), 4000));
    for answer in [None, Some(MALFORMED.to_owned()), Some(refused), Some(two)] {
        let mut scene = Scene::answering(answering());
        let invite = scene.request("INVITE");
        scene.send(&invite);
        scene.next("180 INVITE");
        let offer = scene.next("200 INVITE").sip;
        let ack = Draft::ack(&invite.sip(), &offer);
        scene.send(&match &answer {
            Some(answer) => ack.body("application/sdp", answer.clone()),
            None => ack,
        });
        assert!(ended(&mut scene).contains("SDP negotiation failed: "), "{answer:?}");
        assert_eq!((scene.count("SIPSessionDidStart"), scene.count("SIPSessionDidEnd")), (0, 1), "{answer:?}");
        scene.quiet();
    }
}

/// What this side holds is in its offer; what it holds later is said when the ACK is there.
#[test]
fn a_hold_is_in_the_offer_of_the_200_or_follows_the_ack() {
    for before in [true, false] {
        let mut scene = Scene::new();
        let invite = scene.request("INVITE");
        scene.send(&invite);
        scene.wait(100);
        let session = scene.incoming();
        if before {
            scene.session(session, |session| session.hold()).unwrap();
        }
        scene.session(session, |session| session.accept(&session.streams())).unwrap();
        let offer = scene.next("200 INVITE").sip;
        let direction = |sip: &Sip| Sdp::read(sip.description().unwrap()).unwrap().media[0].direction.clone();
        assert_eq!(direction(&offer), if before { "sendonly" } else { "sendrecv" });
        if !before {
            scene.session(session, |session| session.hold()).unwrap();
        }
        assert_eq!(scene.within(50), [""; 0]);
        scene.send(&Draft::ack(&invite.sip(), &offer).body("application/sdp", audio(peer(), 4000)));
        if !before {
            let hold = scene.next("INVITE");
            assert_eq!(direction(&hold.sip), "sendonly");
            scene.reply(&hold, &response(&hold.sip, 200, "").body("application/sdp", held()));
            scene.next("ACK");
        }
        scene.wait(100);
        assert_eq!(scene.told().pop().as_deref(), Some("hold local true"));
        hang_up(scene, session);
    }
}

/// The answer to a hold.
fn held() -> String {
    audio(peer(), 4000).replace("sendrecv", "recvonly").replace("o=- 1 1", "o=- 1 2")
}

#[test]
fn a_call_without_an_offer_may_be_cancelled_or_ended_before_the_ack() {
    let mut scene = Scene::new();
    let invite = scene.request("INVITE");
    scene.send(&invite);
    scene.wait(100);
    scene.send(&Draft::cancel(&invite.sip()));
    scene.wait(50);
    assert_eq!(scene.failure().0, 487);

    let mut scene = Scene::answering(answering());
    let invite = scene.request("INVITE");
    scene.send(&invite);
    scene.next("180 INVITE");
    let offer = scene.next("200 INVITE").sip;
    let mut side = Side::caller(&invite.sip(), &offer, peer());
    scene.send(&side.request("BYE", "bye"));
    scene.next("200 BYE");
    scene.send(&Draft::ack(&invite.sip(), &offer).body("application/sdp", audio(peer(), 4000)));
    scene.wait(100);
    assert_eq!((scene.count("SIPSessionDidStart"), scene.count("SIPSessionDidEnd")), (0, 1));
    scene.quiet();
}

/// A call of the peer without an offer, which rings; alice offers these streams.
fn offered_by_alice(scene: &mut Scene, streams: &[StreamSpec]) -> (Draft, SessionId, Sip) {
    let invite = scene.request("INVITE");
    scene.send(&invite);
    scene.wait(100);
    let session = scene.incoming();
    let told = scene.world.host(scene.alice).events.iter().any(|(_, event)| match &event.kind {
        EventKind::Session { event: SessionEvent::NewIncoming { streams, without_offer, .. }, .. } => {
            *without_offer && streams.len() == 1
        }
        _ => false,
    });
    assert!(told, "the application knows that the offer is its own");
    let names = scene.session(session, |session| session.accept_offering(streams)).unwrap();
    assert_eq!(names, scene.session(session, |session| session.streams()));
    let offer = scene.next("200 INVITE").sip;
    (invite, session, offer)
}

#[test]
fn the_application_names_the_streams_that_are_offered() {
    let mut scene = Scene::new();
    let pcma = AudioSpec { codecs: vec!["PCMA".into()], ..AudioSpec::default() };
    let named = [StreamSpec::Chat(ChatSpec::default()), StreamSpec::Audio(pcma)];
    let (invite, session, offer) = offered_by_alice(&mut scene, &named);
    let sdp = Sdp::read(offer.description().unwrap()).unwrap();
    let lines: Vec<_> = sdp.media.iter().map(|line| (line.kind.as_str(), line.port != 0)).collect();
    assert_eq!(lines, [("message", true), ("audio", true)]);
    assert_eq!(sdp.media[1].formats[0].1, "pcma/8000");
    // The peer takes the audio only.
    let answer =
        audio(peer(), 4000).replace("m=audio 4000 RTP/AVP 0", "m=message 0 TCP/TLS/MSRP *\r\nm=audio 4000 RTP/AVP 8");
    scene.send(&Draft::ack(&invite.sip(), &offer).body("application/sdp", answer));
    scene.wait(100);
    let told = scene.told();
    let last = ["will start", "INVITE remote 200", "-> connected", "started 1"];
    assert_eq!(told[told.len() - 4..], last, "{told:?}");
    hang_up(scene, session);
}

#[test]
fn streams_are_named_only_where_the_offer_is_left_to_us() {
    let audio = [StreamSpec::Audio(AudioSpec::default())];
    let mut scene = Scene::new();
    let invite = scene.invite();
    scene.send(&invite);
    scene.wait(100);
    let session = scene.incoming();
    assert_eq!(scene.session(session, |session| session.accept_offering(&audio)), Err(SessionError::Offered));
    scene.session(session, |session| session.reject(486, None)).unwrap();

    let mut scene = Scene::new();
    let invite = scene.request("INVITE");
    scene.send(&invite);
    scene.wait(100);
    let session = scene.incoming();
    let many = vec![audio[0].clone(); 1_000];
    let unknown = [StreamSpec::Custom { kind: "nobody knows".into(), data: Default::default() }];
    let offering =
        |scene: &mut Scene, streams: &[StreamSpec]| scene.session(session, |session| session.accept_offering(streams));
    assert_eq!(offering(&mut scene, &[]), Err(SessionError::NoStreams));
    assert_eq!(offering(&mut scene, &many), Err(SessionError::TooManyStreams));
    assert!(matches!(offering(&mut scene, &unknown), Err(SessionError::BadStream { index: 0, .. })));
    assert_eq!(scene.told().last().map(String::as_str), Some("incoming 1"), "nothing has changed");
    offering(&mut scene, &audio).unwrap();
    let illegal = SessionError::IllegalState { method: "accept_offering".into(), state: SessionState::Accepting };
    assert_eq!(offering(&mut scene, &audio), Err(illegal));
}

/// Streams that the application names may take their time, for ever, and the peer may not wait.
#[test]
fn an_offer_waits_for_the_streams_that_are_named() {
    for (initialize, cancels) in [(Some(1_000), false), (None, false), (Some(1_000), true)] {
        let mut scene = Scene::new();
        let factory = Arc::new(BrittleFactory { offered: Habit::SOUND });
        scene.world.with(scene.alice, |agent, _| agent.register_stream(factory));
        let invite = scene.request("INVITE");
        scene.send(&invite);
        scene.wait(50);
        let session = scene.incoming();
        let named = Habit { initialize: initialize.map(Duration::from_millis), ..Habit::SOUND }.spec();
        scene.session(session, |session| session.accept_offering(&[named])).unwrap();
        assert_eq!(scene.within(500), ["100 INVITE"]);
        if cancels {
            scene.send(&Draft::cancel(&invite.sip()));
            let mut letters = scene.within(100);
            letters.sort();
            assert_eq!(letters, ["200 CANCEL", "487 INVITE"]);
            assert_eq!(scene.failure().0, 487);
        } else if initialize.is_some() {
            let offer = scene.next("200 INVITE").sip;
            assert_eq!(used(&offer), [true]);
            scene.send(&Draft::ack(&invite.sip(), &offer).body("application/sdp", offer_of(BRITTLE)));
            scene.wait(100);
            assert_eq!(scene.count("SIPSessionDidStart"), 1);
            hang_up(scene, session);
            continue;
        } else {
            scene.next("500 INVITE");
            scene.wait(2_000);
            assert_eq!(scene.failure().0, 500);
        }
        assert_eq!(scene.count("SIPSessionDidStart"), 0);
    }
}
