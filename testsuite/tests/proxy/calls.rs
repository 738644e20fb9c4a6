//! Calls through one proxy: the requests of the dialog follow the route set, and challenges are answered.

use sipsimple_core::transport::Transport;
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::proxy::{Hop, Plan};
use sipsimple_testsuite::sip::{address_of, uri_of};

use crate::scene::{ALICE, BOB, Scene, seeds};

const WAYS: [(Transport, Transport); 4] = [
    (Transport::Udp, Transport::Udp),
    (Transport::Udp, Transport::Tcp),
    (Transport::Tcp, Transport::Udp),
    (Transport::Tcp, Transport::Tcp),
];

fn plan(stateful: bool) -> Plan {
    Plan { records_route: true, stateful, ..Plan::default() }
}

/// The caller hangs up in one half of the runs, the callee in the other.
fn hang_up(scene: &mut Scene, host: usize) {
    let session = scene.told(host).last().unwrap().1;
    scene.end(host, session);
}

/// DLG-2, DLG-3: with the network as it should be everything is known: who sent what where.
#[test]
fn requests_in_the_dialog_follow_the_route_set() {
    for (from, to) in WAYS {
        for stateful in [false, true] {
            for host in [ALICE, BOB] {
                let mut scene = Scene::answered(1, to);
                scene.add_proxy(plan(stateful), &[to]);
                let route = scene.proxies[0].route(from);
                scene.call(vec![route]);
                scene.wait(5000);
                assert!(scene.started(ALICE) && scene.started(BOB), "{from} {to} {stateful}");
                hang_up(&mut scene, host);
                scene.wait(1000);
                let proxy = &scene.proxies[0];
                assert_eq!(proxy.methods(), ["INVITE", "ACK", "BYE"], "{from} {to} {stateful}");
                let book = proxy.book.borrow();
                let routes = if from == to { 1 } else { 2 };
                for passed in &book.passed[1..] {
                    assert_eq!(passed.routed, routes, "{from} {to}: {:?}", passed.sip);
                    assert_eq!(passed.sip.list("route").len(), routes, "{from} {to}");
                    // The Request-URI is the other's Contact.
                    let (transport, host) =
                        if passed.sip.from_tag() == book.passed[0].sip.from_tag() { (to, BOB) } else { (from, ALICE) };
                    let other = scene.world.address(host);
                    assert_eq!(address_of(passed.sip.uri()), Some(other), "{:?}", passed.sip);
                    assert_eq!(passed.to, [Hop::To(transport, other)], "{:?}", passed.sip);
                }
                drop(book);
                assert_eq!(scene.count(ALICE, "SIPSessionDidEnd"), 1);
                assert_eq!(scene.count(BOB, "SIPSessionDidEnd"), 1);
                scene.quiet();
            }
        }
    }
}

#[test]
fn calls_through_a_proxy_end_well_over_a_bad_network() {
    for seed in seeds(12) {
        for (at, (from, to)) in WAYS.into_iter().enumerate() {
            let stateful = (seed + at as u64).is_multiple_of(2);
            let mut scene = Scene::answered(seed, to);
            let mut plan = plan(stateful);
            plan.challenges = seed % 3 == 0;
            scene.add_proxy(plan, &[to]);
            // A stream that is reset takes what was on it along, which no transaction repeats.
            let faults = Faults { reset: 0, refuse: 0, ..Faults::draw(scene.world.random()) };
            scene.world.set_faults(faults);
            let route = scene.proxies[0].route(from);
            scene.call(vec![route]);
            scene.wait(40_000);
            if scene.started(ALICE) && scene.started(BOB) {
                hang_up(&mut scene, if seed % 2 == 0 { ALICE } else { BOB });
            }
            scene.wait(60_000);
            // One of them may have learned late that the call is there.
            for host in [ALICE, BOB] {
                scene.end_all(host);
            }
            for passed in &scene.proxies[0].book.borrow().passed {
                let inside = !passed.sip.to_tag().is_empty();
                let own = passed.sip.list("route").iter().all(|route| address_of(uri_of(route)).is_some());
                assert!(own, "seed {seed}: {:?}", passed.sip);
                // The ACK of a refusal has the route set of its INVITE, which has none.
                assert!(!inside || passed.routed > 0 || passed.sip.request() == "ACK", "seed {seed}: {:?}", passed.sip);
            }
            scene.quiet();
            for host in [ALICE, BOB] {
                let over = scene.count(host, "SIPSessionDidEnd") + scene.count(host, "SIPSessionDidFail");
                let begun = scene.count(host, "SIPSessionNewOutgoing") + scene.count(host, "SIPSessionNewIncoming");
                assert_eq!(over, begun, "seed {seed} {from} {to}: host {host}");
            }
        }
    }
}

/// RFC 3261 section 22.3: once, with the next CSeq; the ACK of the 407 belongs to the first INVITE, that of the 2xx carries the credentials.
#[test]
fn a_proxy_that_challenges_lets_pass_who_knows_the_password() {
    for (from, to) in WAYS {
        let mut scene = Scene::answered(1, to);
        scene.add_proxy(Plan { challenges: true, ..plan(false) }, &[to]);
        let route = scene.proxies[0].route(from);
        let session = scene.call(vec![route]);
        scene.wait(5000);
        scene.end(ALICE, session);
        scene.wait(1000);
        let proxy = &scene.proxies[0];
        assert_eq!(proxy.methods(), ["INVITE", "ACK", "INVITE", "ACK", "BYE"], "{from} {to}");
        let book = proxy.book.borrow();
        assert_eq!(book.authenticated, 1);
        let numbers: Vec<u32> = book.passed.iter().map(|passed| passed.sip.cseq().0).collect();
        let first = numbers[0];
        assert_eq!(numbers, [first, first, first + 1, first + 1, first + 2]);
        let branches: Vec<&str> = book.passed.iter().map(|passed| passed.sip.branch()).collect();
        assert!(branches[0] == branches[1] && branches[2] != branches[3], "{branches:?}");
        assert!(book.passed[3].sip.header("proxy-authorization").is_some());
        let calls: Vec<&str> = book.passed.iter().map(|passed| passed.sip.call_id()).collect();
        assert!(calls.iter().all(|call| *call == calls[0]));
        drop(book);
        assert_eq!(scene.count(ALICE, "SIPSessionDidEnd"), 1);
        scene.quiet();
    }
}
