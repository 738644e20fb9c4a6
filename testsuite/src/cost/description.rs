//! Session descriptions: parse and type, offer and answer.

use std::hint::black_box;
use std::net::IpAddr;

use sipsimple_core::limits::Limits;
use sipsimple_core::negotiation::{Codec, Description, LocalAnswer, LocalMedia, Negotiator, Origin};
use sipsimple_core::sdp::Session;

use super::{Round, Work, bar};

/// Four bodies, of 930 bytes on average: audio with SDES keys, audio and video with ICE, a file transfer, a chat.
pub const BODIES: [&[u8]; 4] = [
    include_bytes!("../../../vectors/bench/sdp-audio.sdp"),
    include_bytes!("../../../vectors/bench/sdp-big-ice.sdp"),
    include_bytes!("../../../vectors/bench/sdp-file.sdp"),
    include_bytes!("../../../vectors/bench/sdp-msrp.sdp"),
];

/// The pieces of work of this file.
pub const WORKS: &[Work] = &[
    Work { name: "sdp_typed", unit: "body", units: 4, target: bar(18_000, 12), prepare: typed },
    Work { name: "offer_answer", unit: "exchange", units: 1, target: None, prepare: offer_answer },
];

/// Everything that the model has a type for.
fn typed() -> Round {
    let limits = Limits::default();
    Box::new(move || {
        for body in BODIES {
            let session = Session::parse(black_box(body), &limits).expect("the body is sound");
            black_box((session.origin(), session.name(), session.connection(), session.direction()));
            black_box((session.times().count(), session.bandwidths().count()));
            for attribute in session.attributes() {
                black_box(attribute);
            }
            for media in session.media() {
                black_box((media.media_type(), media.port(), media.protocol(), media.title(), media.connection()));
                black_box((media.direction(), media.ptime(), media.maxptime(), media.rtcp()));
                if media.is_rtp() {
                    black_box(media.rtp_formats());
                }
                for attribute in media.attributes() {
                    black_box(attribute);
                }
            }
        }
    })
}

fn side(address: &str) -> Negotiator {
    let address: IpAddr = address.parse().expect("an address");
    Negotiator::new(Origin { username: "-".into(), session_id: 3_724_394_400, address }, "-".into())
}

fn audio(port: u16) -> Description {
    let codecs = vec![Codec::new("PCMU", 8000), Codec::new("PCMA", 8000), Codec::telephone_event(8000)];
    Description::audio(port, codecs)
}

/// Both ends: the offer is made, read, answered, and the answer read.
fn offer_answer() -> Round {
    let limits = Limits::default();
    Box::new(move || {
        let (mut alice, mut bob) = (side("192.0.2.1"), side("192.0.2.2"));
        let offer = alice.local_offer(&[LocalMedia::New(audio(5004))]).expect("an offer");
        let offer = Session::parse(offer.as_bytes(), &limits).expect("a description");
        bob.remote_offer(&offer).expect("a proposal");
        let (answer, agreed) = bob.local_answer(&[LocalAnswer::Accept(0, audio(6000))]).expect("an answer");
        black_box(agreed);
        let answer = Session::parse(answer.as_bytes(), &limits).expect("a description");
        black_box(alice.remote_answer(&answer).expect("an agreement"));
    })
}
