//! What holds of all that an endpoint sends (ICE-2): checks go only to the peer's candidates, and to those that authentic checks brought to light, and are paced.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use sipsimple_core::ice::Description;
use sipsimple_core::stun::{BINDING, Class, Message, TransactionId, attribute};
use sipsimple_core::time::Instant;
use sipsimple_core::turn::SEND;

/// Ta.
const PACE: Duration = Duration::from_millis(50);

/// Watches one side.
#[derive(Debug, Default)]
pub(super) struct Watch {
    allowed: BTreeSet<SocketAddr>,
    checks: BTreeSet<TransactionId>,
    last: Option<Instant>,
}

impl Watch {
    pub(super) fn described(&mut self, remote: &Description) {
        self.allowed.extend(remote.candidates.iter().map(|candidate| candidate.address));
    }

    /// A datagram leaves for `to`, while checks are made or not.
    pub(super) fn sent(&mut self, now: Instant, to: SocketAddr, data: &Bytes, checking: bool) {
        let Ok(message) = Message::parse(data.clone()) else { return };
        let is_check = message.method() == BINDING && message.attribute(attribute::USERNAME).is_some();
        match message.class() {
            // Whoever is told success has shown that it knows our password.
            Class::Success if message.integrity().is_some() => {
                self.allowed.insert(to);
            }
            Class::Request if is_check => {
                assert!(self.allowed.contains(&to), "a check goes to {to}, which nobody named");
                if self.checks.insert(message.transaction()) && checking {
                    let last = self.last.replace(now);
                    assert!(last.is_none_or(|last| now >= last + PACE), "a check follows another too soon");
                }
            }
            Class::Indication if message.method() == SEND => {
                if let (Some(peer), Some(data)) =
                    (message.xor_address(attribute::XOR_PEER_ADDRESS), message.slice(attribute::DATA))
                {
                    // Those to a relay wait for a permission, and then leave together.
                    self.sent(now, peer, &data, false);
                }
            }
            Class::Success | Class::Request | Class::Indication | Class::Error => {}
        }
    }
}
