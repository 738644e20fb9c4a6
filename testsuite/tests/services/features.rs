//! Services of RFC 5359 in which a user agent has a part.

use std::time::Duration;

use sipsimple_core::agent::{EventKind, Intent, Outcome};
use sipsimple_core::id::AccountId;
use sipsimple_core::notifier::NotifierEvent;
use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::property::{InviteClient, InviteServer, Lifecycle, NonInviteClient, OfferAnswer};
use sipsimple_testsuite::proxy::{Location, Plan, Proxy};

use crate::scene::{ALICE, BOB, CAROL, Scene, audio};

const REINVITE: [&str; 3] = ["bob INVITE", "alice 200 INVITE", "bob ACK"];

/// 2.1.
#[test]
fn a_call_is_held() {
    let mut scene = Scene::new();
    let (alice, bob) = scene.talk(ALICE, BOB);
    scene.between(ALICE, BOB);
    for (on_hold, direction) in [(true, "a=sendonly"), (false, "a=sendrecv")] {
        let session = bob;
        scene.intend(BOB, if on_hold { Intent::Hold { session } } else { Intent::Unhold { session } });
        let sips = scene.sips(ALICE, BOB);
        assert_eq!(sips.iter().map(|(_, sip)| sip.to_string()).collect::<Vec<_>>(), ["INVITE", "200 INVITE", "ACK"]);
        assert!(sips[0].1.description().is_some_and(|text| text.contains(direction)), "{:?}", sips[0]);
        assert_eq!(scene.with(ALICE, alice, |session| session.on_hold_by_remote()), on_hold);
    }
    scene.intend(ALICE, Intent::End { session: alice });
    assert_eq!(scene.between(ALICE, BOB), ["alice BYE", "bob 200 BYE"]);
    scene.over();
}

/// 2.2: bob asks carol something while alice waits.
#[test]
fn somebody_is_consulted_while_a_call_is_held() {
    let mut scene = Scene::new();
    let (alice, bob) = scene.talk(ALICE, BOB);
    scene.between(ALICE, BOB);
    scene.intend(BOB, Intent::Hold { session: bob });
    let (consulting, _) = scene.talk(BOB, CAROL);
    scene.intend(BOB, Intent::End { session: consulting });
    scene.intend(BOB, Intent::Unhold { session: bob });
    assert_eq!(scene.between(ALICE, BOB), [REINVITE, REINVITE].concat());
    let due = ["bob INVITE", "carol 180 INVITE", "carol 200 INVITE", "bob ACK", "bob BYE", "carol 200 BYE"];
    assert_eq!(scene.between(BOB, CAROL), due);
    assert!(!scene.with(ALICE, alice, |session| session.on_hold()));
    scene.over();
}

/// 2.7: a proxy leads the call for bob to carol, who sees whom it was for.
#[test]
fn a_call_is_forwarded() {
    let mut scene = Scene::new();
    let mut plan = Plan::default();
    plan.users.insert("bob".into(), vec![Location { uri: scene.uri(CAROL), path: Vec::new() }]);
    let (proxy, _) = Proxy::new(plan);
    scene.world.add_script("10.9.0.1:5060".parse().unwrap(), proxy);
    let routes = vec![Route::new(Transport::Udp, "10.9.0.1:5060".parse().unwrap())];
    let (account, to) = (AccountId::from_u64(0), "sip:bob@10.9.0.1".into());
    let Outcome::Session(alice) =
        scene.intend(ALICE, Intent::Connect { account, to, routes, streams: audio(), late_offer: false })
    else {
        panic!("no session")
    };
    let carol = scene.rings(CAROL);
    scene.accept(CAROL, carol);
    let (ours, theirs) = (
        scene.with(ALICE, alice, |session| session.remote_identity()).unwrap(),
        scene.with(CAROL, carol, |session| session.remote_identity()).unwrap(),
    );
    assert!(ours.uri.to_string().starts_with("sip:bob@"), "{ours}");
    assert!(theirs.uri.to_string().starts_with("sip:alice@"), "{theirs}");
    assert_eq!(scene.count(ALICE, "SIPSessionGotRingIndication"), 1);
    scene.over();
}

/// 2.8, 2.9, 2.12: the first to be called is busy, or its call is taken back while it rings.
#[test]
fn who_is_busy_or_does_not_answer_says_so() {
    let mut scene = Scene::new();
    let (alice, bob) = scene.call(ALICE, BOB);
    scene.intend(BOB, Intent::Reject { session: bob, code: 486, reason: None });
    let refused = ["alice INVITE", "bob 180 INVITE", "bob 486 INVITE", "alice ACK"];
    assert_eq!(scene.between(ALICE, BOB), refused);
    assert!(scene.is_over(ALICE, alice));
    let (alice, bob) = scene.call(ALICE, BOB);
    scene.intend(ALICE, Intent::End { session: alice });
    let cancelled = ["alice CANCEL", "bob 200 CANCEL", "bob 487 INVITE", "alice ACK"];
    assert_eq!(scene.between(ALICE, BOB)[2..], cancelled);
    assert!(scene.is_over(BOB, bob));
    scene.over();
}

/// 2.18: carol's computer asks alice's telephone to call bob, and is told what comes of it.
#[test]
fn a_telephone_calls_whom_a_computer_says() {
    // The watcher of dialogs knows none that begins with a REFER.
    let mut scene = Scene::watched(vec![
        Box::new(Lifecycle::default()),
        Box::new(NonInviteClient::default()),
        Box::new(InviteClient::default()),
        Box::new(InviteServer::default()),
        Box::new(OfferAnswer::default()),
    ]);
    let (account, subscription) = (AccountId::from_u64(0), true);
    let (to, target) = (scene.uri(ALICE).as_str().into(), scene.uri(BOB).as_str().into());
    let routes = vec![Route::new(Transport::Udp, scene.world.address(ALICE))];
    scene.intend(CAROL, Intent::Refer { account, to, target, subscription, routes });
    let came = scene.world.host(ALICE).events.iter().find_map(|(_, event)| match &event.kind {
        EventKind::IncomingSubscription { id, event: NotifierEvent::GotRefer { .. }, .. } => Some(*id),
        _ => None,
    });
    let subscription = came.expect("a REFER came");
    scene.intend(ALICE, Intent::AcceptRefer { subscription, routes: Vec::new(), streams: audio() });
    let bob = scene.rings(BOB);
    scene.accept(BOB, bob);
    scene.world.run_for(Duration::from_secs(1));
    let sips = scene.sips(CAROL, ALICE);
    assert_eq!((sips[0].1.to_string(), sips[1].1.to_string()), ("REFER".to_owned(), "202 REFER".to_owned()));
    let told: Vec<String> = sips
        .iter()
        .filter(|(_, sip)| sip.request() == "NOTIFY")
        .map(|(_, sip)| String::from_utf8_lossy(sip.body()).trim().to_owned())
        .collect();
    assert!(told.first().is_some_and(|line| line.starts_with("SIP/2.0 100")), "{told:?}");
    assert!(told.last().is_some_and(|line| line.starts_with("SIP/2.0 200")), "{told:?}");
    assert_eq!(scene.between(ALICE, BOB), ["alice INVITE", "bob 180 INVITE", "bob 200 INVITE", "alice ACK"]);
    scene.over();
}
