//! Tests of the negotiator: its rules one by one, the exchanges of RFC 4317, and random programs of two sides.

mod formats;
mod programs;
mod rfc4317;
mod sdes;
mod slots;

use super::*;
use crate::limits::Limits;
use crate::sdp::{Attribute, Direction, Session};

use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};

const DIRECTIONS: [Direction; 4] = [SendRecv, SendOnly, RecvOnly, Inactive];

fn side(address: &str) -> Negotiator {
    let origin = Origin { username: "-".into(), session_id: 7, address: address.parse().unwrap() };
    Negotiator::new(origin, "-".into())
}

fn pair() -> (Negotiator, Negotiator) {
    (side("192.0.2.1"), side("192.0.2.2"))
}

fn pcmu() -> Codec {
    Codec::new("PCMU", 8000)
}

fn pcma() -> Codec {
    Codec::new("PCMA", 8000)
}

fn opus(payload: u8) -> Codec {
    Codec::new("opus", 48000).with_channels(2).with_payload(payload)
}

fn audio(port: u16) -> Description {
    Description::audio(port, vec![pcmu()])
}

fn chat(port: u16) -> Description {
    let path = Attribute::new("path", format!("msrp://192.0.2.1:{port}/a;tcp"));
    Description::opaque("message", "TCP/MSRP", port, vec![path, Attribute::new("accept-types", "text/plain")])
}

fn parse(body: &str) -> Session {
    Session::parse(body.as_bytes(), &Limits::default()).unwrap()
}

/// A description of the peer with these media sections.
fn peer(sections: &str) -> Session {
    parse(&format!("v=0\no=- 1 1 IN IP4 198.51.100.9\ns=-\nc=IN IP4 198.51.100.9\nt=0 0\n{sections}"))
}

/// The `m=` lines of a description.
fn media_lines(session: &Session) -> Vec<&str> {
    session.lines().filter(|(kind, _)| *kind == 'm').map(|(_, value)| value).collect()
}

fn version(session: &Session) -> u64 {
    session.origin().unwrap().version_number().unwrap()
}

/// One whole exchange, in which both sides like each other; gives what each side agreed on.
fn exchange(
    offerer: &mut Negotiator,
    answerer: &mut Negotiator,
    offer: &[LocalMedia],
    answer: &[LocalAnswer],
) -> (Agreed, Agreed) {
    let offer = offer_of(offerer, offer);
    answerer.remote_offer(&offer).unwrap();
    let (answer, theirs) = answerer.local_answer(answer).unwrap();
    let ours = offerer.remote_answer(&parse(&answer.to_string())).unwrap();
    assert_eq!((offerer.state(), answerer.state()), (State::Stable, State::Stable));
    (ours, theirs)
}

fn offer_of(offerer: &mut Negotiator, streams: &[LocalMedia]) -> Session {
    parse(&offerer.local_offer(streams).unwrap().to_string())
}
