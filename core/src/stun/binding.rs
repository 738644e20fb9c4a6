//! One Binding transaction: it tells from which address a server sees us.

use std::net::SocketAddr;

use bytes::Bytes;

use super::transaction::{RTO, Step, Transaction};
use super::{BINDING, Builder, Class, Message, TransactionId};
use crate::random::Random;
use crate::time::Instant;

/// A Binding transaction without credentials.
#[derive(Clone, Debug)]
pub struct Binding(Transaction);

impl Binding {
    /// Starts one; the request is to be sent now.
    pub fn start(now: Instant, random: &mut Random) -> (Self, Bytes) {
        let id = TransactionId::random(random);
        let request = Builder::new(Class::Request, BINDING, id).finish();
        (Self(Transaction::start(now, id, request.clone(), RTO)), request)
    }

    /// When [`timeout`](Self::timeout) is next due.
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        self.0.deadline()
    }

    /// Time has passed.
    pub fn timeout(&mut self, now: Instant) -> Step {
        self.0.timeout(now)
    }

    /// What a message that came tells: nothing if it is not the response; otherwise the mapped address, if that is in it.
    #[must_use]
    pub fn response(&self, message: &Message) -> Option<Option<SocketAddr>> {
        if !self.0.is_answered_by(message) || !message.is_binding() {
            return None;
        }
        Some(if message.class() == Class::Success { message.mapped_address() } else { None })
    }
}
