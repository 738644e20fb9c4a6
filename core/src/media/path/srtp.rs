//! SRTP on the path (RFC 3711): what comes is opened before anything looks at it, and nothing leaves open.

use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::media::Keys;
use crate::rtp::is_rtcp;
use crate::rtp::srtp::{MAX_TRAILER, Receiver, Sender};
use crate::time::Instant;

/// Bytes that packets are opened in: some of 20 ms. They are used again when those before are played.
const BUFFER: usize = 2048;

/// For so long after the first packet under a new key, those under the key before it may still come.
const STRAGGLERS: Duration = Duration::from_secs(1);

/// The protection of a path under the keys that were agreed on.
#[derive(Debug)]
pub(super) struct Srtp {
    keys: Keys,
    sender: Option<Sender>,
    receiver: Option<Receiver>,
    /// The receiver under the peer's key before: packets of both are on the way (RFC 4568 section 7.1.4).
    before: Option<Receiver>,
    /// Until when that is, once the first packet under the new key has come.
    until: Option<Instant>,
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
                until: None,
                opened: BytesMut::with_capacity(BUFFER),
            }));
        };
        if srtp.keys.send != keys.send {
            srtp.sender = Sender::new(&keys.send);
        }
        if srtp.keys.receive != keys.receive {
            srtp.before = std::mem::replace(&mut srtp.receiver, Receiver::new(&keys.receive));
            srtp.until = None;
        }
        srtp.keys = keys.clone();
        Some(srtp)
    }

    /// The packet that a datagram protects, or nothing if it is not the peer's.
    pub(super) fn open(&mut self, now: Instant, data: &[u8]) -> Option<Bytes> {
        if self.until.is_some_and(|until| now >= until) {
            (self.before, self.until) = (None, None);
        }
        if open(self.receiver.as_mut(), data, &mut self.opened) {
            if self.before.is_some() {
                self.until.get_or_insert(now + STRAGGLERS);
            }
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
