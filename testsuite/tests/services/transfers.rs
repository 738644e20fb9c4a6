//! The transfers of RFC 5589: alice is the transferee, bob the transferor, carol the target.

use sipsimple_core::agent::{Intent, Outcome};
use sipsimple_core::id::SessionId;
use sipsimple_testsuite::sip::Sip;

use crate::scene::{ALICE, BOB, CAROL, Scene, audio};

/// A call as it begins, when it is answered.
const BEGIN: [&str; 4] = ["INVITE", "180 INVITE", "200 INVITE", "ACK"];

fn begun(from: &str, to: &str) -> Vec<String> {
    [from, to, to, from].iter().zip(BEGIN).map(|(who, what)| format!("{who} {what}")).collect()
}

/// A request and its answer.
fn asked(from: &str, method: &str, to: &str, code: u16) -> Vec<String> {
    vec![format!("{from} {method}"), format!("{to} {code} {method}")]
}

/// Somebody asks the other side of a call to call a third.
fn refer(scene: &mut Scene, host: usize, session: SessionId, to: usize, replaced: Option<SessionId>) {
    let target = scene.uri(to).as_str().into();
    scene.intend(host, Intent::Transfer { session, target, replaced });
}

/// Whoever is asked to call somebody does.
fn follow(scene: &mut Scene, host: usize, session: SessionId) -> SessionId {
    match scene.intend(host, Intent::AcceptTransfer { session, routes: Vec::new(), streams: audio() }) {
        Outcome::Session(new) => new,
        other => panic!("{other:?}"),
    }
}

/// Bob has put the call with alice on hold; their sessions.
fn held(scene: &mut Scene) -> (SessionId, SessionId) {
    let (alice, bob) = scene.talk(ALICE, BOB);
    scene.intend(BOB, Intent::Hold { session: bob });
    let due = [begun("alice", "bob"), vec!["bob INVITE".into(), "alice 200 INVITE".into(), "bob ACK".into()]].concat();
    assert_eq!(scene.between(ALICE, BOB), due);
    (alice, bob)
}

/// What has ended a transferred call: both sides may, and their BYEs may cross.
fn ended(scene: &Scene, rest: &[String]) {
    let byes = rest.iter().filter(|line| line.ends_with(" BYE") && !line.contains("200")).count();
    assert!((1..=2).contains(&byes) && rest.len() == 2 * byes, "{rest:?}");
    assert_eq!(scene.between(ALICE, BOB), [""; 0]);
}

/// 8: whom a call is for that somebody asked for is told who did.
fn referred_by(sips: &[(usize, Sip)], who: &str) {
    let (_, invite) = sips.iter().find(|(_, sip)| sip.request() == "INVITE").expect("an INVITE");
    assert!(invite.header("referred-by").is_some_and(|by| by.contains(who)), "{invite:?}");
}

/// 6.2.
#[test]
fn a_call_is_transferred() {
    let mut scene = Scene::new();
    let (alice, bob) = held(&mut scene);
    refer(&mut scene, BOB, bob, CAROL, None);
    follow(&mut scene, ALICE, alice);
    let due = [vec!["bob REFER".to_owned(), "alice 202 REFER".to_owned()], asked("alice", "NOTIFY", "bob", 200)];
    let found = scene.between(ALICE, BOB);
    assert_eq!(found, due.concat());
    let carol = scene.rings(CAROL);
    assert_eq!(scene.between(ALICE, BOB), asked("alice", "NOTIFY", "bob", 200), "it rings");
    scene.accept(CAROL, carol);
    let found = scene.between(ALICE, BOB);
    assert_eq!(found[..2], asked("alice", "NOTIFY", "bob", 200), "it is answered");
    ended(&scene, &found[2..]);
    let sips = scene.sips(ALICE, CAROL);
    referred_by(&sips, "sip:bob@");
    let names: Vec<String> = sips.iter().map(|(_, sip)| sip.to_string()).collect();
    assert_eq!(names, BEGIN);
    assert!(scene.is_over(BOB, bob) && scene.is_over(ALICE, alice) && !scene.is_over(CAROL, carol));
    assert_eq!(scene.count(BOB, "SIPSessionTransferDidEnd"), 1);
    scene.over();
}

/// 6.3.1 and 6.3.2: the target refuses, or nobody answers and the transferee gives up. The call goes on.
#[test]
fn a_transfer_fails_and_the_call_goes_on() {
    for answers in [true, false] {
        let mut scene = Scene::new();
        let (alice, bob) = held(&mut scene);
        refer(&mut scene, BOB, bob, CAROL, None);
        let new = follow(&mut scene, ALICE, alice);
        let carol = scene.rings(CAROL);
        if answers {
            scene.intend(CAROL, Intent::Reject { session: carol, code: 486, reason: None });
        } else {
            scene.intend(ALICE, Intent::End { session: new });
        }
        let found: Vec<String> = scene.between(ALICE, CAROL);
        let due = if answers {
            ["alice INVITE", "carol 180 INVITE", "carol 486 INVITE", "alice ACK"].to_vec()
        } else {
            let cancel = ["alice CANCEL", "carol 200 CANCEL", "carol 487 INVITE", "alice ACK"];
            [&["alice INVITE", "carol 180 INVITE"][..], &cancel].concat()
        };
        assert_eq!(found, due);
        let sips = scene.sips(ALICE, BOB);
        let (_, last) = sips.iter().rev().find(|(_, sip)| sip.request() == "NOTIFY").expect("a NOTIFY");
        assert!(last.header("subscription-state").unwrap().starts_with("terminated"), "{last:?}");
        let line = if answers { "SIP/2.0 486" } else { "SIP/2.0 487" };
        assert!(String::from_utf8_lossy(last.body()).starts_with(line), "{last:?}");
        assert_eq!(scene.count(BOB, "SIPSessionTransferDidFail"), 1);
        scene.intend(BOB, Intent::Unhold { session: bob });
        assert_eq!(scene.between(ALICE, BOB), ["bob INVITE", "alice 200 INVITE", "bob ACK"]);
        assert!(!scene.with(ALICE, alice, |session| session.on_hold()));
        scene.over();
    }
}

/// 7.1: bob asks carol first, and hangs up before he transfers.
#[test]
fn the_target_is_consulted_first() {
    let mut scene = Scene::new();
    let (alice, bob) = held(&mut scene);
    let (consulting, _) = scene.talk(BOB, CAROL);
    scene.intend(BOB, Intent::End { session: consulting });
    assert_eq!(scene.between(BOB, CAROL), [begun("bob", "carol"), asked("bob", "BYE", "carol", 200)].concat());
    refer(&mut scene, BOB, bob, CAROL, None);
    follow(&mut scene, ALICE, alice);
    let carol = scene.rings(CAROL);
    scene.accept(CAROL, carol);
    assert_eq!(scene.between(ALICE, CAROL), begun("alice", "carol"));
    assert!(scene.is_over(BOB, bob) && scene.is_over(ALICE, alice));
    scene.over();
}

/// 7.3: alice takes bob's place in his call with carol. 7.2: carol takes bob's place in his call with alice, who does not learn of her before.
#[test]
fn one_takes_the_place_of_another() {
    for protects in [false, true] {
        let mut scene = Scene::new();
        let (alice, bob) = held(&mut scene);
        let (consulting, carol) = scene.talk(BOB, CAROL);
        scene.between(BOB, CAROL);
        let (asks, of, replaced, asked_one, called, theirs) = if protects {
            (consulting, CAROL, bob, carol, ALICE, alice)
        } else {
            (bob, ALICE, consulting, alice, CAROL, carol)
        };
        refer(&mut scene, BOB, asks, called, Some(replaced));
        let new = follow(&mut scene, of, asked_one);
        let came = scene.incoming(called).expect("a call came");
        let streams = scene.with(called, came, |session| session.streams());
        scene.intend(called, Intent::Accept { session: came, streams, relay_password: None });
        scene.wait(1000);
        let sips = scene.sips(of, called);
        let (_, invite) = &sips[0];
        assert!(invite.request() == "INVITE" && invite.header("replaces").is_some(), "{invite:?}");
        referred_by(&sips, "sip:bob@");
        // Whom he is replaced with ends the call with bob.
        let ladder = scene.between(BOB, called);
        let name = ["alice", "bob", "carol"][called];
        assert!(ladder.contains(&format!("{name} BYE")), "{ladder:?}");
        assert!(scene.is_over(BOB, bob) && scene.is_over(BOB, consulting) && scene.is_over(called, theirs));
        assert!(!scene.is_over(of, new) && !scene.is_over(called, came));
        scene.over();
    }
}

/// 7.4: alice does not do what is asked; so carol is asked to call her.
#[test]
fn who_refuses_to_call_is_called() {
    let mut scene = Scene::new();
    let (alice, bob) = held(&mut scene);
    let (consulting, carol) = scene.talk(BOB, CAROL);
    refer(&mut scene, BOB, bob, CAROL, Some(consulting));
    scene.intend(ALICE, Intent::RejectTransfer { session: alice, code: 603 });
    assert_eq!(scene.between(ALICE, BOB), asked("bob", "REFER", "alice", 603));
    refer(&mut scene, BOB, consulting, ALICE, Some(bob));
    follow(&mut scene, CAROL, carol);
    let came = scene.incoming(ALICE).expect("a call came");
    scene.accept(ALICE, came);
    assert!(scene.is_over(ALICE, alice) && scene.is_over(BOB, bob) && !scene.is_over(ALICE, came));
    scene.over();
}

/// 7.6: bob does not wait until carol answers: he hangs up, and transfers.
#[test]
fn a_target_that_rings_is_left_to_the_other() {
    let mut scene = Scene::new();
    let (alice, bob) = held(&mut scene);
    let (consulting, _) = scene.call(BOB, CAROL);
    scene.intend(BOB, Intent::End { session: consulting });
    let cancelled = ["bob CANCEL", "carol 200 CANCEL", "carol 487 INVITE", "bob ACK"];
    assert_eq!(scene.between(BOB, CAROL), [&["bob INVITE", "carol 180 INVITE"][..], &cancelled].concat());
    refer(&mut scene, BOB, bob, CAROL, None);
    follow(&mut scene, ALICE, alice);
    let carol = scene.rings(CAROL);
    scene.accept(CAROL, carol);
    assert_eq!(scene.between(ALICE, CAROL), begun("alice", "carol"));
    scene.over();
}

/// 7.7: nobody's place can be taken any more; so bob transfers without.
#[test]
fn where_no_place_can_be_taken_the_call_is_transferred_without() {
    let mut scene = Scene::new();
    let (alice, bob) = held(&mut scene);
    let (consulting, carol) = scene.talk(BOB, CAROL);
    refer(&mut scene, BOB, bob, CAROL, Some(consulting));
    scene.intend(CAROL, Intent::End { session: carol });
    follow(&mut scene, ALICE, alice);
    assert_eq!(scene.between(ALICE, CAROL), ["alice INVITE", "carol 481 INVITE", "alice ACK"]);
    assert_eq!(scene.count(BOB, "SIPSessionTransferDidFail"), 1);
    refer(&mut scene, BOB, bob, CAROL, None);
    follow(&mut scene, ALICE, alice);
    let came = scene.rings(CAROL);
    scene.accept(CAROL, came);
    assert_eq!(scene.between(ALICE, CAROL), begun("alice", "carol"));
    assert!(scene.is_over(BOB, bob));
    scene.over();
}
