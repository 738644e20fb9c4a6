//! Those who watch questions to name servers.

use std::net::SocketAddr;

use sipsimple_core::time::Instant;

use super::super::{NameSight, Names};
use super::{Stage, own};
use crate::wire::Fate;

/// The name server.
fn server() -> SocketAddr {
    "10.53.0.1:53".parse().unwrap()
}

/// A question, or with flags what answers it.
fn message(id: u16, flags: u16, name: &str) -> Vec<u8> {
    let mut message: Vec<u8> = [id, flags, 1, 0, 0, 0].iter().flat_map(|word| word.to_be_bytes()).collect();
    message.push(u8::try_from(name.len()).unwrap());
    message.extend_from_slice(name.as_bytes());
    message.extend_from_slice(&[0, 0, 1, 0, 1]);
    message
}

impl Stage {
    fn asks(mut self, from: SocketAddr, to: SocketAddr, data: &[u8]) -> Self {
        let at = Instant::from_millis(self.at);
        self.watch.named(&NameSight { at, fate: Fate::Sent, host: 0, from, to, data });
        self
    }

    fn hears(mut self, from: SocketAddr, data: &[u8]) -> Self {
        let at = Instant::from_millis(self.at);
        self.watch.named(&NameSight { at, fate: Fate::Arrived, host: 0, from, to: own(), data });
        self
    }
}

#[test]
fn a_question_is_sent_again_as_often_as_it_may_until_its_answer() {
    let question = message(7, 0x0100, "host");
    let ask = || Stage::new(Names::default()).asks(own(), server(), &question);
    let again = |stage: Stage, pause| stage.wait(pause).asks(own(), server(), &question);
    again(again(ask(), 300), 300).breaks(&[]);
    again(again(ask(), 300), 200).breaks(&["DNS-7"]);
    again(again(again(ask(), 300), 300), 300).breaks(&["DNS-7"]);
    // After the others it is asked once more.
    again(again(again(again(ask(), 300), 300), 2000), 300).breaks(&[]);
    again(ask(), 1).breaks(&["DNS-7"]);
    let answer = message(7, 0x8180, "HOST");
    again(ask().hears(server(), &answer), 300).breaks(&["DNS-7"]);
    // These are no answers to it.
    for (from, lie) in [
        (server(), message(8, 0x8180, "host")),
        (server(), message(7, 0x8180, "other")),
        (server(), question.clone()),
        (server(), message(7, 0x8380, "host")),
        ("10.53.0.1:5353".parse().unwrap(), answer),
    ] {
        again(ask().hears(from, &lie), 300).breaks(&[]);
    }
}

#[test]
fn a_question_is_one_from_a_socket_of_its_own_under_any_id() {
    for bad in [message(7, 0x8100, "host"), message(7, 0x2900, "host"), message(7, 0x0100, "host")[..20].to_vec()] {
        Stage::new(Names::default()).asks(own(), server(), &bad).breaks(&["DNS-7"]);
    }
    let other: SocketAddr = "10.53.0.2:53".parse().unwrap();
    let stage = Stage::new(Names::default()).asks(own(), server(), &message(7, 0x0100, "host"));
    stage.asks(own(), other, &message(9, 0x0100, "host")).breaks(&["DNS-7"]);
    let many = |id: fn(u16) -> u16| {
        (0..40).fold(Stage::new(Names::default()), |stage, number| {
            let from = SocketAddr::new(own().ip(), 40_000 + number);
            stage.asks(from, server(), &message(id(number), 0x0100, "host"))
        })
    };
    many(|number| number.wrapping_mul(40_503)).breaks(&[]);
    many(|number| number).breaks(&["DNS-7"]);
    many(|_| 5).breaks(&["DNS-7"]);
}
