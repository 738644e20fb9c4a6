//! Two ways to the callee, of which the first fails (RFC 3263 section 4.3, design of the routes of an INVITE): the next is tried after a
//! transport failure, a 503, or silence, with a new branch and else the same; after a provisional response only after a 503. What belongs to
//! a transaction goes where that went.

use std::time::Duration;

use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::application::Answering;
use sipsimple_testsuite::link::{ALWAYS, Faults};
use sipsimple_testsuite::proxy::{Mood, Plan};

use crate::scene::{ALICE, BOB, Scene, seeds};

fn two(seed: u64, first: Mood, to: Transport) -> Scene {
    let mut scene = Scene::answered(seed, to);
    scene.add_proxy(Plan { mood: first, records_route: true, ..Plan::default() }, &[to]);
    scene.add_proxy(Plan { records_route: true, ..Plan::default() }, &[to]);
    // Both serve the same domain, which is that of the first.
    let place = scene.proxies[1].book.borrow().plan.users.clone();
    assert_eq!(place, scene.proxies[0].book.borrow().plan.users);
    scene
}

fn call(scene: &mut Scene, transport: Transport) -> sipsimple_core::id::SessionId {
    let routes = scene.proxies.iter().map(|proxy| proxy.route(transport)).collect();
    scene.call(routes)
}

/// Where the second proxy sends the request: it is not of its own domain, so to the first, which is what a test of failover must not do.
fn serve_both(scene: &Scene) {
    let domain = scene.proxies[0].address;
    scene.proxies[1].book.borrow_mut().plan.domain = Some(domain);
}

#[test]
fn the_next_way_is_taken_after_silence_refusal_and_reset() {
    for (mood, transport, patience) in [
        (Mood::Silent, Transport::Udp, 32_000),
        (Mood::Silent, Transport::Tcp, 32_000),
        (Mood::Refusing(503), Transport::Udp, 0),
        (Mood::Refusing(503), Transport::Tcp, 0),
        (Mood::Resetting, Transport::Tcp, 0),
    ] {
        let mut scene = two(1, mood, Transport::Udp);
        serve_both(&scene);
        let session = call(&mut scene, transport);
        scene.wait(patience + 5000);
        assert!(scene.started(ALICE) && scene.started(BOB), "{mood:?} {transport}");
        scene.end(ALICE, session);
        scene.wait(1000);
        let (first, second) = (scene.proxies[0].methods(), scene.proxies[1].methods());
        let refused = mood == Mood::Refusing(503);
        assert_eq!(
            first,
            if refused {
                vec!["INVITE", "ACK"]
            } else if mood == Mood::Silent {
                vec![]
            } else {
                vec!["INVITE"]
            }
        );
        // All of the call that was made goes by the second.
        assert_eq!(second, ["INVITE", "ACK", "BYE"], "{mood:?} {transport}");
        let invites: Vec<_> = [0, 1]
            .into_iter()
            .filter_map(|proxy| Some(scene.proxies[proxy].book.borrow().passed.first()?.sip.clone()))
            .collect();
        if let [one, other] = &invites[..] {
            // DNS-5: a new branch; Call-ID, From tag and CSeq as before.
            assert_ne!(one.branch(), other.branch());
            let same = |sip: &sipsimple_testsuite::sip::Sip| {
                (sip.call_id().to_owned(), sip.from_tag().to_owned(), sip.cseq().0)
            };
            assert_eq!(same(one), same(other));
        }
        scene.quiet();
    }
}

#[test]
fn a_connection_that_is_refused_or_never_opens_is_a_failure_too() {
    for refuse in [true, false] {
        let mut scene = two(1, Mood::Well, Transport::Udp);
        serve_both(&scene);
        let faults = if refuse { Faults { refuse: ALWAYS, ..Faults::none() } } else { Faults::none() };
        let (from, to) = (scene.world.address(ALICE).ip(), scene.proxies[0].address.ip());
        let mut routes = vec![scene.proxies[0].route(Transport::Tcp), scene.proxies[1].route(Transport::Tcp)];
        if refuse {
            scene.world.set_link(from, to, Some(faults));
        } else {
            // Nobody is there, and nothing answers.
            routes[0] = Route::new(Transport::Tcp, "10.254.0.1:5060".parse().unwrap());
        }
        scene.call(routes);
        scene.wait(15_000);
        assert!(scene.started(ALICE), "{refuse}");
        assert_eq!(scene.proxies[0].methods(), Vec::<String>::new());
        assert_eq!(scene.proxies[1].methods(), ["INVITE", "ACK"]);
    }
}

/// Any other refusal is the answer.
#[test]
fn other_refusals_are_final() {
    for code in [486, 500, 504, 603] {
        let mut scene = two(1, Mood::Refusing(code), Transport::Udp);
        serve_both(&scene);
        call(&mut scene, Transport::Udp);
        scene.wait(40_000);
        assert_eq!(scene.failure(ALICE), Some(code));
        assert_eq!(
            (scene.proxies[0].methods(), scene.proxies[1].methods()),
            (vec!["INVITE".to_owned(), "ACK".to_owned()], vec![])
        );
        scene.quiet();
    }
}

/// Who was heard of is not given up for silence (RFC 3261 section 17.1.1.2: no timer B in Proceeding).
#[test]
fn after_a_provisional_response_silence_moves_nobody() {
    let mut scene = Scene::new(1, vec![(Transport::Udp, Box::new(Answering::after(Duration::from_secs(3600))))]);
    for _ in 0..2 {
        scene.add_proxy(Plan::default(), &[Transport::Udp]);
    }
    serve_both(&scene);
    let session = call(&mut scene, Transport::Udp);
    scene.wait(1000);
    scene.proxies[0].book.borrow_mut().plan.mood = Mood::Silent;
    scene.wait(60_000);
    assert_eq!((scene.proxies[1].methods(), scene.failure(ALICE)), (Vec::new(), None));
    // DNS-6: the CANCEL goes where the INVITE went, although that is dead; 64·T1 later the INVITE counts as cancelled (RFC 3261 section 9.1).
    let _ = scene.world.take_letters(scene.proxies[0].post);
    scene.end(ALICE, session);
    scene.wait(40_000);
    let mut letters = scene.world.take_letters(scene.proxies[0].post);
    // Bob, too, has let it expire.
    letters.retain(|letter| letter != "487 INVITE");
    assert!(!letters.is_empty() && letters.iter().all(|letter| letter == "CANCEL"), "{letters:?}");
    assert_eq!((scene.proxies[1].methods(), scene.failure(ALICE)), (Vec::new(), Some(487)));
    scene.proxies[0].book.borrow_mut().plan.mood = Mood::Well;
}

/// RFC 3261 section 8.1.3.1 and design decision 1: a 503 moves on even after a 180.
#[test]
fn a_503_after_a_provisional_response_moves_on() {
    let refusing =
        Answering { reject: Some((Duration::from_secs(2), 503)), accept: None, ..Answering::after(Duration::ZERO) };
    let bobs: Vec<(Transport, Box<dyn sipsimple_testsuite::application::Application>)> = vec![
        (Transport::Udp, Box::new(refusing)),
        (Transport::Udp, Box::new(Answering::after(Duration::from_secs(1)))),
    ];
    let mut scene = Scene::new(1, bobs);
    scene.add_proxy(Plan::default(), &[Transport::Udp]);
    let second = scene.world.address(BOB + 1);
    let mut plan = Plan::default();
    plan.users.insert("bob".into(), vec![sipsimple_testsuite::proxy::Location::new(format!("sip:bob@{second}"))]);
    scene.add_proxy(plan, &[Transport::Udp]);
    serve_both(&scene);
    call(&mut scene, Transport::Udp);
    scene.wait(8000);
    assert!(scene.started(ALICE) && scene.started(BOB + 1));
    assert_eq!(scene.proxies[0].methods(), ["INVITE", "ACK"]);
    assert_eq!(scene.proxies[1].methods(), ["INVITE"]);
}

/// A proxy that comes and goes, under loss: one call at most, and nothing left.
#[test]
fn calls_by_two_proxies_that_come_and_go() {
    for seed in seeds(10) {
        let mut scene = two(seed, Mood::Well, Transport::Udp);
        serve_both(&scene);
        let faults = Faults { reset: 0, refuse: 0, ..Faults::draw(scene.world.random()) };
        scene.world.set_faults(faults);
        let transport = if seed % 2 == 0 { Transport::Udp } else { Transport::Tcp };
        for _ in 0..6 {
            call(&mut scene, transport);
            for proxy in 0..2 {
                let mood = match scene.world.random().below(6) {
                    0 => Mood::Silent,
                    1 => Mood::Refusing(503),
                    2 => Mood::Resetting,
                    _ => Mood::Well,
                };
                scene.proxies[proxy].book.borrow_mut().plan.mood = mood;
            }
            scene.wait(20_000);
        }
        for proxy in &scene.proxies {
            proxy.book.borrow_mut().plan.mood = Mood::Well;
        }
        scene.world.heal();
        scene.end_all(ALICE);
        scene.quiet();
        let over = scene.count(ALICE, "SIPSessionDidEnd") + scene.count(ALICE, "SIPSessionDidFail");
        assert_eq!(over, 6, "seed {seed}");
    }
}
