//! Scripted peers: what the simulator offers to the tests that need somebody to talk to.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use sipsimple_core::agent::{AccountSpec, Config, Intent};
use sipsimple_core::id::ConnId;
use sipsimple_core::transport::CloseHow;
use sipsimple_testsuite::application::Idle;
use sipsimple_testsuite::draft::Draft;
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::post::Letter;
use sipsimple_testsuite::script::{Script, Turn, Way};
use sipsimple_testsuite::world::World;

/// Writes down all that happens to it, and does all that a script can do.
#[derive(Default)]
struct Diary(Rc<RefCell<Vec<String>>>);

impl Diary {
    fn note(&self, turn: &Turn, text: impl std::fmt::Display) {
        self.0.borrow_mut().push(format!("{} {text}", turn.now.as_nanos() / 1_000_000));
    }
}

impl Script for Diary {
    fn got(&mut self, letter: &Letter, turn: &mut Turn) {
        self.note(turn, &letter.sip);
        if letter.sip.code() == 200 {
            turn.wake(Duration::from_millis(100), 7);
        }
    }

    fn data(&mut self, way: Way, data: &Bytes, turn: &mut Turn) {
        let kind = if matches!(way, Way::Stream(_)) { "piece" } else { "bytes" };
        if data.len() < 10 {
            self.note(turn, format!("{kind} {}", data.escape_ascii()));
        }
    }

    fn opened(&mut self, conn: ConnId, _: SocketAddr, turn: &mut Turn) {
        self.note(turn, "open");
        let options = Draft::request("OPTIONS", "sip:alice@10.0.0.1", turn.own, "stream");
        turn.send(Way::Stream(conn), options.set("Via", format!("SIP/2.0/TCP {};branch=z9hG4bKs", turn.own)).bytes());
        turn.send_after(Duration::from_millis(50), Way::Stream(conn), "\r\n\r\n");
        turn.send(Way::Datagram("10.9.0.2:5060".parse().unwrap()), "hello");
    }

    fn closed(&mut self, _: ConnId, turn: &mut Turn) {
        self.note(turn, "closed");
    }

    fn alarm(&mut self, number: u64, turn: &mut Turn) {
        self.note(turn, format!("alarm {number}"));
        turn.close(ConnId::opened(0), CloseHow::Flush);
        turn.open("10.0.0.1:9".parse().unwrap());
    }
}

#[test]
fn a_script_sends_opens_waits_and_closes() {
    let mut world = World::new(1, Faults::none());
    let alice = world.add(Config::default(), Box::new(Idle));
    let own = AccountSpec::new("sip:alice@10.0.0.1");
    world.with(alice, |agent, now| agent.intend(now, Intent::AddAccount(own))).unwrap();
    world.run_for(Duration::from_millis(1));
    let (one, other) = (Rc::default(), Rc::default());
    let peer = world.add_script("10.9.0.1:5060".parse().unwrap(), Diary(Rc::clone(&one)));
    world.add_script("10.9.0.2:5060".parse().unwrap(), Diary(Rc::clone(&other)));
    let to = world.address(alice);
    world.turn(peer, |turn| turn.open(to));
    world.run_for(Duration::from_secs(5));
    // 10 ms each way; the keep-alive is answered (RFC 5626 section 4.4.1); nobody listens at port 9.
    assert_eq!(
        *one.borrow(),
        ["11 open", "31 200 OPTIONS", "81 piece \\r\\n", "131 alarm 7", "141 closed"],
        "a peer on a connection"
    );
    assert_eq!(*other.borrow(), ["21 bytes hello"]);
    assert_eq!(world.take_letters(peer), ["200 OPTIONS"]);
    assert!(world.host(alice).is_quiescent());
}
