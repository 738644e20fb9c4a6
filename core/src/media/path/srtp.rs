//! SRTP on the path (RFC 3711): what comes is opened before anything looks at it, and nothing leaves open.

use bytes::{Bytes, BytesMut};

use crate::media::Keys;
use crate::rtp::is_rtcp;
use crate::rtp::srtp::{MAX_TRAILER, Receiver, Sender};

/// Bytes that packets are opened in: some of 20 ms. They are used again when those before are played.
const BUFFER: usize = 2048;

/// The protection of a path under the keys that were agreed on.
#[derive(Debug)]
pub(super) struct Srtp {
    keys: Keys,
    sender: Option<Sender>,
    receiver: Option<Receiver>,
    /// The receiver under the peer's key before: packets of both are on the way until the first of the new one comes.
    before: Option<Receiver>,
    opened: BytesMut,
}

impl Srtp {
    /// Goes on with these keys. A key that stays keeps its counters; another one begins with a roll-over counter of 0 (RFC 4568 section 7.1.4).
    pub(super) fn negotiated(current: Option<Box<Self>>, keys: Option<&Keys>) -> Option<Box<Self>> {
        let keys = keys?;
        let Some(mut srtp) = current else {
            return Some(Box::new(Self {
                keys: keys.clone(),
                sender: Sender::new(&keys.send),
                receiver: Receiver::new(&keys.receive),
                before: None,
                opened: BytesMut::with_capacity(BUFFER),
            }));
        };
        if srtp.keys.send != keys.send {
            srtp.sender = Sender::new(&keys.send);
        }
        if srtp.keys.receive != keys.receive {
            srtp.before = std::mem::replace(&mut srtp.receiver, Receiver::new(&keys.receive));
        }
        srtp.keys = keys.clone();
        Some(srtp)
    }

    /// The packet that a datagram protects, or nothing if it is not the peer's.
    pub(super) fn open(&mut self, data: &[u8]) -> Option<Bytes> {
        if open(self.receiver.as_mut(), data, &mut self.opened) {
            self.before = None;
        } else if !open(self.before.as_mut(), data, &mut self.opened) {
            self.opened.clear();
            return None;
        }
        Some(self.opened.split().freeze())
    }

    /// Protects the packet in the buffer. False when it must not be sent.
    pub(super) fn seal(&mut self, packet: &mut BytesMut) -> bool {
        packet.reserve(MAX_TRAILER);
        let Some(sender) = &mut self.sender else { return false };
        let sealed = if is_rtcp(packet) { sender.protect_rtcp(packet) } else { sender.protect(packet) };
        sealed.is_ok()
    }
}

fn open(receiver: Option<&mut Receiver>, data: &[u8], opened: &mut BytesMut) -> bool {
    let Some(receiver) = receiver else { return false };
    opened.clear();
    opened.extend_from_slice(data);
    let result = if is_rtcp(data) { receiver.unprotect_rtcp(opened) } else { receiver.unprotect(opened) };
    result.is_ok()
}
