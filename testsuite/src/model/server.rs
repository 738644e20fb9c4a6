//! A server transaction as the wire shows it.

use std::net::SocketAddr;

use bytes::Bytes;

use sipsimple_core::time::Instant;
use sipsimple_core::transaction::Timers;
use sipsimple_core::transport::Transport;

use crate::sip::Sip;
use crate::wire::Sight;

/// What a server transaction is known by (RFC 3261 section 17.2.3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerKey {
    /// The host that got the request.
    pub host: usize,
    /// The branch of its top Via.
    pub branch: String,
    /// The sent-by of its top Via, in small letters and with its port.
    pub sent_by: String,
    /// Its method.
    pub method: String,
}

impl ServerKey {
    pub(super) fn of(sight: &Sight<'_>) -> Self {
        let sent_by = sight.sip.via().map(|via| {
            let host = via.sent_by.strip_suffix(&format!(":{}", via.port())).unwrap_or(via.sent_by);
            format!("{}:{}", host.to_ascii_lowercase(), via.port())
        });
        let sent_by = sent_by.unwrap_or_default();
        let method = sight.sip.cseq().1.to_owned();
        Self { host: sight.host, branch: sight.sip.branch().to_owned(), sent_by, method }
    }
}

/// The final response that a host sent.
#[derive(Clone, Debug)]
pub struct Final {
    /// When it was sent first.
    pub at: Instant,
    /// Its status code.
    pub code: u16,
    /// Its bytes.
    pub data: Bytes,
    /// Whether it was sent on the way that the request came, and so without delay.
    pub direct: bool,
    /// When it was sent again, each time.
    pub again: Vec<Instant>,
}

/// A server transaction.
#[derive(Clone, Debug)]
pub struct Server {
    /// The request.
    pub request: Sip,
    /// Over what it came.
    pub transport: Transport,
    /// From where.
    pub from: SocketAddr,
    /// To where.
    pub to: SocketAddr,
    /// When it came, each time.
    pub got: Vec<Instant>,
    /// When the first response was sent.
    pub responded: Option<Instant>,
    /// The last provisional response that was sent.
    pub provisional: Option<Bytes>,
    /// The final response.
    pub answer: Option<Final>,
    /// Whether a second, different final response was sent.
    pub contradicted: bool,
    /// When the ACK of a refusal came.
    pub acknowledged: Option<Instant>,
    pub(super) last: Instant,
}

impl Server {
    pub(super) fn new(sight: &Sight<'_>) -> Self {
        Self {
            request: sight.sip.clone(),
            transport: sight.transport,
            from: sight.from,
            to: sight.to,
            got: vec![sight.at],
            responded: None,
            provisional: None,
            answer: None,
            contradicted: false,
            acknowledged: None,
            last: sight.at,
        }
    }

    pub(super) fn sent(&mut self, sight: &Sight<'_>) {
        self.last = sight.at;
        self.responded.get_or_insert(sight.at);
        let data = sight.sip.data().clone();
        match &mut self.answer {
            None if sight.sip.code() < 200 => self.provisional = Some(data),
            None => {
                let direct = self.transport == Transport::Udp || (sight.from, sight.to) == (self.to, self.from);
                self.answer = Some(Final { at: sight.at, code: sight.sip.code(), data, direct, again: Vec::new() });
            }
            Some(answer) if answer.data == data => answer.again.push(sight.at),
            Some(_) => self.contradicted = true,
        }
    }

    /// Until when the transaction lives (RFC 3261 sections 17.2.1 and 17.2.2, RFC 6026 section 7.1); `None` while it has no final response.
    #[must_use]
    pub fn until(&self, timers: &Timers) -> Option<Instant> {
        let answer = self.answer.as_ref()?;
        let reliable = self.transport != Transport::Udp;
        let invite = self.request.request() == "INVITE";
        Some(match self.acknowledged {
            Some(acknowledged) if reliable => acknowledged,
            Some(acknowledged) => acknowledged + timers.t4,
            None if reliable && !invite => answer.at,
            None => answer.at + timers.timeout(),
        })
    }

    /// Whether the transaction is over. One whose answer needs no more time is so at once, at the very instant of its answer.
    pub(super) fn is_over(&self, now: Instant, timers: &Timers) -> bool {
        let answered = self.answer.as_ref().map(|answer| answer.at);
        self.until(timers).is_some_and(|until| until < now || (until == now && answered == Some(until)))
    }

    /// When the request came first.
    #[must_use]
    pub fn begun(&self) -> Instant {
        self.got.first().copied().unwrap_or_default()
    }
}
