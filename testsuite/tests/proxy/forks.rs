//! A proxy that calls many at once (RFC 3261 sections 13.2.2.4 and 16.7): early dialogs side by side, one winner, and losers that are cancelled or
//! ended.

use std::time::Duration;

use sipsimple_core::session::SessionEvent;
use sipsimple_core::transport::Transport;
use sipsimple_testsuite::application::{Answering, Application};
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::proxy::Plan;

use crate::scene::{ALICE, BOB, Scene, seeds};

fn after(seconds: u64) -> Box<dyn Application> {
    Box::new(Answering::after(Duration::from_secs(seconds)))
}

fn refusing(seconds: u64, code: u16) -> Box<dyn Application> {
    Box::new(Answering {
        reject: Some((Duration::from_secs(seconds), code)),
        accept: None,
        ..Answering::after(Duration::ZERO)
    })
}

fn scene(seed: u64, users: Vec<Box<dyn Application>>, plan: Plan) -> Scene {
    let transports = [Transport::Udp, Transport::Tcp, Transport::Udp];
    let transports = &transports[..users.len()];
    let mut scene = Scene::new(seed, transports.iter().copied().zip(users).collect());
    scene.add_proxy(Plan { stateful: true, records_route: true, ..plan }, transports);
    scene
}

fn call(scene: &mut Scene) -> sipsimple_core::id::SessionId {
    let route = scene.proxies[0].route(Transport::Udp);
    scene.call(vec![route])
}

#[test]
fn the_first_to_answer_wins_and_the_others_are_cancelled() {
    let mut scene = scene(1, vec![after(6), after(3), after(9)], Plan::default());
    let session = call(&mut scene);
    scene.wait(2000);
    // All three ring, each in a dialog of its own.
    assert_eq!(scene.count(ALICE, "SIPSessionGotRingIndication"), 3);
    scene.wait(3000);
    assert!(scene.started(ALICE) && scene.started(BOB + 1));
    for loser in [BOB, BOB + 2] {
        assert_eq!(scene.failure(loser), Some(487), "host {loser}");
    }
    scene.end(ALICE, session);
    scene.wait(1000);
    assert_eq!(scene.count(BOB + 1, "SIPSessionDidEnd"), 1);
    assert_eq!(scene.proxies[0].methods(), ["INVITE", "ACK", "BYE"]);
    scene.quiet();
}

/// DLG-8: each 2xx of another fork is acknowledged, and its dialog ended.
#[test]
fn of_many_who_answer_the_first_is_kept_and_the_others_are_ended() {
    let mut scene = scene(1, vec![after(3), after(3), after(5)], Plan { keeps_losers: true, ..Plan::default() });
    let session = call(&mut scene);
    scene.wait(8000);
    assert!(scene.started(ALICE));
    let up: Vec<usize> = (BOB..BOB + 3).filter(|host| scene.count(*host, "SIPSessionDidEnd") == 0).collect();
    assert_eq!(up.len(), 1, "one call goes on");
    for host in BOB..BOB + 3 {
        assert!(scene.started(host), "host {host} saw its ACK");
    }
    scene.end(ALICE, session);
    scene.wait(1000);
    let mut methods = scene.proxies[0].methods();
    methods.sort();
    assert_eq!(methods, ["ACK", "ACK", "ACK", "BYE", "BYE", "BYE", "INVITE"]);
    assert_eq!(scene.count(ALICE, "SIPSessionDidEnd"), 1);
    scene.quiet();
}

/// RFC 3261 section 16.7, item 6, and DLG-9: one refusal of all, after which no early dialog is left.
#[test]
fn when_all_refuse_the_best_refusal_ends_the_call() {
    for (users, code) in [
        (vec![refusing(1, 486), refusing(2, 404), refusing(3, 480)], 404),
        (vec![refusing(1, 486), refusing(2, 603), after(9)], 603),
    ] {
        let mut scene = scene(1, users, Plan::default());
        call(&mut scene);
        scene.wait(8000);
        assert_eq!(scene.failure(ALICE), Some(code));
        scene.quiet();
    }
}

#[test]
fn a_cancel_reaches_every_fork() {
    let mut scene = scene(1, vec![after(60), after(60), after(60)], Plan::default());
    let session = call(&mut scene);
    scene.wait(2000);
    scene.end(ALICE, session);
    scene.wait(2000);
    for host in ALICE..BOB + 3 {
        assert_eq!(scene.failure(host), Some(487), "host {host}");
    }
    scene.quiet();
}

#[test]
fn forks_over_a_bad_network_leave_one_call_or_none() {
    for seed in seeds(16) {
        let users = vec![after(1 + seed % 4), after(2), refusing(1 + seed % 3, 486)];
        let mut scene = scene(seed, users, Plan { keeps_losers: seed % 2 == 0, ..Plan::default() });
        let faults = Faults { reset: 0, refuse: 0, ..Faults::draw(scene.world.random()) };
        scene.world.set_faults(faults);
        let session = call(&mut scene);
        scene.wait(60_000);
        scene.world.heal();
        scene.wait(60_000);
        let ended = |event: &SessionEvent| matches!(event, SessionEvent::DidEnd { .. } | SessionEvent::DidFail { .. });
        let over = |scene: &Scene, host| scene.told(host).iter().any(|(_, _, event)| ended(event));
        let up: Vec<usize> = (BOB..BOB + 3).filter(|host| scene.started(*host) && !over(&scene, *host)).collect();
        assert!(up.len() <= 1, "seed {seed}: hosts {up:?} think that they are in the call");
        assert_eq!(!up.is_empty(), scene.started(ALICE) && !over(&scene, ALICE), "seed {seed}");
        if !over(&scene, ALICE) {
            scene.end(ALICE, session);
        }
        scene.quiet();
        for host in BOB..BOB + 3 {
            assert!(scene.told(host).is_empty() || over(&scene, host), "seed {seed}: host {host}");
        }
    }
}
