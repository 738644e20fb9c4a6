//! A client transaction as the wire shows it.

use std::net::SocketAddr;
use std::time::Duration;

use sipsimple_core::time::Instant;
use sipsimple_core::transaction::Timers;
use sipsimple_core::transport::Transport;

use crate::sip::Sip;
use crate::wire::Sight;

/// What a client transaction is known by (RFC 3261 section 17.1.3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientKey {
    /// The host that sent the request.
    pub host: usize,
    /// The branch of its Via.
    pub branch: String,
    /// Its method.
    pub method: String,
}

impl ClientKey {
    pub(super) fn of(sight: &Sight<'_>) -> Self {
        let method = sight.sip.cseq().1.to_owned();
        Self { host: sight.host, branch: sight.sip.branch().to_owned(), method }
    }
}

/// The first final response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// When it came.
    pub at: Instant,
    /// The response.
    pub sip: Sip,
}

/// A client transaction.
#[derive(Clone, Debug)]
pub struct Client {
    /// The request as it was sent first.
    pub request: Sip,
    /// Over what.
    pub transport: Transport,
    /// From where.
    pub from: SocketAddr,
    /// To where.
    pub to: SocketAddr,
    /// When it was sent, each time.
    pub sent: Vec<Instant>,
    /// When the first provisional response came.
    pub provisional: Option<Instant>,
    /// The first final response.
    pub answer: Option<Answer>,
    /// When its CANCEL was sent.
    pub cancelled: Option<Instant>,
    /// Whether a response came at the very instant at which it was no more awaited: who was first, the wire does not tell.
    pub uncertain: bool,
    pub(super) last: Instant,
}

impl Client {
    pub(super) fn new(sight: &Sight<'_>) -> Self {
        Self {
            request: sight.sip.clone(),
            transport: sight.transport,
            from: sight.from,
            to: sight.to,
            sent: vec![sight.at],
            provisional: None,
            answer: None,
            cancelled: None,
            uncertain: false,
            last: sight.at,
        }
    }

    /// Whether a response is one to this request, whole, and came to its sender (RFC 3261 sections 8.1.3.3, 18.1.2, 18.3).
    pub(super) fn is_answered_by(&self, response: &Sip) -> bool {
        let (vias, own) = (response.list("via"), self.request.via());
        let same = response
            .via()
            .zip(own)
            .is_some_and(|(its, own)| (its.transport, its.sent_by) == (own.transport, own.sent_by));
        vias.len() == 1 && same && response.is_whole()
    }

    /// Takes in a response. `None`: the transaction was over, and nobody heard it. Else whether it is provisional before any final one, or the first final one.
    pub(super) fn got(&mut self, sight: &Sight<'_>, timers: &Timers) -> Option<bool> {
        self.last = sight.at;
        if self.answer.is_some() {
            return Some(false);
        }
        if let Some(until) = self.awaited_until(timers) {
            if until < sight.at {
                return None;
            }
            self.uncertain |= until == sight.at;
        }
        if sight.sip.code() < 200 {
            self.provisional.get_or_insert(sight.at);
        } else {
            self.answer = Some(Answer { at: sight.at, sip: sight.sip.clone() });
        }
        Some(true)
    }

    /// When the request was sent first.
    #[must_use]
    pub fn begun(&self) -> Instant {
        self.sent.first().copied().unwrap_or_default()
    }

    /// Until when an INVITE client transaction lives, as far as the wire tells (RFC 3261 section 17.1.1.2, RFC 6026 section 7.2); `None` while nothing ends it.
    #[must_use]
    pub fn invite_until(&self, timers: &Timers) -> Option<Instant> {
        match &self.answer {
            Some(answer) if answer.sip.code() < 300 => Some(answer.at + timers.timeout()),
            Some(answer) if self.transport == Transport::Udp => {
                Some(answer.at + timers.timeout().max(Duration::from_secs(32)))
            }
            Some(answer) => Some(answer.at),
            None => self.awaited_until(timers),
        }
    }

    /// Until when the final response is awaited; `None` while nothing ends that.
    #[must_use]
    pub fn awaited_until(&self, timers: &Timers) -> Option<Instant> {
        match (self.provisional, self.cancelled) {
            (None, _) => Some(self.begun() + timers.timeout()),
            // Of other requests timer F ends all waiting.
            (Some(_), _) if self.request.request() != "INVITE" => Some(self.begun() + timers.timeout()),
            (Some(_), Some(cancelled)) => Some(cancelled + timers.timeout()),
            (Some(_), None) => None,
        }
    }
}
