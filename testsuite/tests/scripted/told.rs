//! What a session tells of its transactions (`SIPSessionDidProcessTransaction`), and of redirections.

use sipsimple_core::agent::{Config, EventKind};
use sipsimple_core::session::{AckReceived, Originator, SessionEvent};
use sipsimple_core::transport::Transport;
use sipsimple_testsuite::draft::{Draft, audio};

use crate::scene::{Scene, accepted, answering, peer, refusing, response};

const HERE: Originator = Originator::Local;
const THERE: Originator = Originator::Remote;

type Told = (Originator, String, u16, Option<AckReceived>);

/// The transactions that were told of.
fn told(scene: &Scene) -> Vec<Told> {
    let transaction = |event: &EventKind| match event {
        EventKind::Session {
            event: SessionEvent::DidProcessTransaction { originator, method, code, ack_received, .. },
            ..
        } => Some((*originator, method.to_string(), *code, *ack_received)),
        _ => None,
    };
    scene.world.host(scene.alice).events.iter().filter_map(|(_, event)| transaction(&event.kind)).collect()
}

fn one(originator: Originator, method: &str, code: u16, ack_received: Option<AckReceived>) -> Told {
    (originator, method.to_owned(), code, ack_received)
}

#[test]
fn each_transaction_of_a_call_that_came_is_told_once() {
    let mut scene = Scene::answering(answering());
    let (mut side, _) = scene.established_by_peer();
    let invited = one(THERE, "INVITE", 200, Some(AckReceived::True));
    assert_eq!(told(&scene), std::slice::from_ref(&invited));
    // A re-INVITE that is answered at once, and one that is refused.
    let answers = [
        (audio(peer(), 4000).replace("sendrecv", "sendonly").replace("o=- 1 1", "o=- 1 2"), 200),
        ("v=0\r\nwhat is this\r\n".to_owned(), 488),
    ];
    for (offer, code) in answers {
        let name = scene.name();
        let invite = side.request("INVITE", &name).body("application/sdp", offer);
        scene.send(&invite);
        let answer = scene.next(&format!("{code} INVITE"));
        scene.send(&Draft::ack(&invite.sip(), &answer.sip));
        scene.wait(50);
    }
    let name = scene.name();
    scene.send(&side.request("BYE", &name));
    scene.next("200 BYE");
    let unknown = Some(AckReceived::Unknown);
    let all =
        [invited, one(THERE, "INVITE", 200, unknown), one(THERE, "INVITE", 488, unknown), one(THERE, "BYE", 200, None)];
    assert_eq!(told(&scene), all);
    scene.quiet();
}

#[test]
fn an_invite_that_is_not_accepted_is_told_with_its_ack() {
    // Rejected, with an ACK and without.
    for (acknowledged, ack) in [(true, AckReceived::True), (false, AckReceived::False)] {
        let mut scene = Scene::with(Config::default(), Box::new(refusing(486)));
        let invite = scene.invite();
        scene.send(&invite);
        scene.next("100 INVITE");
        let refusal = scene.next("486 INVITE");
        if acknowledged {
            scene.send(&Draft::ack(&invite.sip(), &refusal.sip));
        }
        scene.wait(1500);
        assert_eq!(told(&scene), [one(THERE, "INVITE", 486, Some(ack))]);
    }
    // Cancelled.
    let mut scene = Scene::new();
    let invite = scene.invite();
    scene.send(&invite);
    scene.wait(50);
    scene.send(&Draft::cancel(&invite.sip()));
    scene.wait(50);
    assert_eq!(told(&scene), [one(THERE, "INVITE", 487, Some(AckReceived::Unknown))]);
    // Accepted, and never acknowledged: the BYE is answered when the session is over already.
    let mut scene = Scene::answering(answering());
    let invite = scene.invite();
    scene.send(&invite);
    scene.wait(20_000);
    assert_eq!(told(&scene), [one(THERE, "INVITE", 200, Some(AckReceived::False))]);
    assert_eq!(scene.count("SIPSessionDidFail"), 1);
}

#[test]
fn each_transaction_of_a_call_that_was_made_is_told_once() {
    let mut scene = Scene::new();
    let (session, _) = scene.established_by_alice();
    scene.session(session, |session| session.hold()).unwrap();
    let hold = scene.next("INVITE");
    scene.reply(&hold, &response(&hold.sip, 488, "b"));
    scene.next("ACK");
    scene.end(session);
    // Nobody answers the BYE: after a second the session is over.
    scene.next("BYE");
    scene.wait(1500);
    let all = [one(HERE, "INVITE", 200, None), one(HERE, "INVITE", 488, None), one(HERE, "BYE", 408, None)];
    assert_eq!(told(&scene), all);

    for (code, by) in [(486, false), (487, true)] {
        let mut scene = Scene::new();
        let session = scene.call(Transport::Udp);
        let invite = scene.next("INVITE");
        scene.reply(&invite, &response(&invite.sip, 180, "b"));
        scene.wait(50);
        if by {
            scene.end(session);
            scene.next("CANCEL");
        }
        scene.reply(&invite, &response(&invite.sip, code, "b"));
        scene.wait(100);
        assert_eq!(told(&scene), [one(HERE, "INVITE", code, None)]);
    }
}

#[test]
fn a_redirection_names_where_to_call_instead() {
    let mut scene = Scene::new();
    scene.call(Transport::Udp);
    let invite = scene.next("INVITE");
    let moved = Draft::response(&invite.sip, 302, "b")
        .with("Contact", "\"Carol\" <sip:carol@10.9.0.2>;q=0.7")
        .with("Contact", "sip:dave@10.9.0.3");
    scene.reply(&invite, &moved);
    scene.next("ACK");
    scene.wait(100);
    let failed = scene.world.host(scene.alice).events.iter().find_map(|(_, event)| match &event.kind {
        EventKind::Session { event: news @ SessionEvent::DidFail { .. }, .. } => Some((news.clone(), event.names())),
        _ => None,
    });
    let (failed, names) = failed.expect("it failed");
    let SessionEvent::DidFail { originator, code, redirect_identities, .. } = failed else { panic!("{failed:?}") };
    assert_eq!((originator, code), (THERE, 302));
    assert_eq!(redirect_identities, ["\"Carol\" <sip:carol@10.9.0.2>;q=0.7", "<sip:dave@10.9.0.3>"]);
    // What seed 000 tells by two notifications is one.
    assert_eq!(names, ["SIPSessionDidFail", "SCSessionDidFail", "SCSessionDidEnd"]);
    // It is not followed.
    scene.quiet();
}

/// The peer's 200 carries the answer all the same.
#[test]
fn media_of_before_the_answer_is_told_before_it() {
    let mut scene = Scene::new();
    let session = scene.call(Transport::Udp);
    let invite = scene.next("INVITE");
    scene.reply(&invite, &response(&invite.sip, 183, "b").body("application/sdp", audio(peer(), 4000)));
    scene.wait(100);
    assert_eq!(scene.told(), ["-> outgoing", "outgoing 1", "provisional 183", "will start"]);
    scene.reply(&invite, &response(&invite.sip, 180, "b"));
    scene.reply(&invite, &accepted(&invite.sip, "b"));
    scene.next("ACK");
    scene.wait(100);
    assert_eq!(scene.told(), ["rings", "provisional 180", "INVITE local 200", "-> connected", "started 1"]);
    scene.end(session);
    let bye = scene.next("BYE");
    scene.reply(&bye, &response(&bye.sip, 200, "b"));
    scene.quiet();
}
