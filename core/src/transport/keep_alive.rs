//! Keep-alive of flows (RFC 5626 sections 4.4 and 3.5), and the public address that is learned by it.
//!
//! ```text
//!              ┌──────────────── answered ───────────────────┐
//!              ▼                                             │
//!  asked ──► Waiting ──time──► ping, or Binding request ──► Asked ──no answer, another address──► (flow failed)
//!              ▲  │
//!              └──┘ where no answer is expected
//! ```

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::output::Output;
use super::{CloseCause, CloseHow, Flow, Transports};
use crate::outbox::Outbox;
use crate::random::{Random, Seed};
use crate::sip::{Text, Via};
use crate::stun::{Binding, Message, Step};
use crate::time::Instant;

/// The keep-alive of a connection, two line breaks, and of a datagram that nobody answers.
const PING: &[u8] = b"\r\n\r\n";

/// How long the one line break that answers may take (RFC 5626 section 4.4.1).
const PONG: Duration = Duration::from_secs(10);

/// The time between two keep-alives where the peer names none (RFC 5626 section 4.4), in seconds: drawn anew each time.
const DATAGRAM: (u64, u64) = (24, 29);
const STREAM: (u64, u64) = (95, 120);

/// How a flow is kept alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Whether the peer is known to answer, because it supports outbound (RFC 5626 section 5): with a line break on connections, and to STUN
    /// on datagrams. Where it does not answer, or another public address shows, the flow has failed.
    pub answered: bool,
    /// What the peer's Flow-Timer says.
    pub flow_timer: Option<Duration>,
}

/// The flows that are kept alive.
#[derive(Debug, Default)]
pub(super) struct Keeping(BTreeMap<Flow, Kept>);

#[derive(Debug)]
struct Kept {
    how: KeepAlive,
    random: Random,
    phase: Phase,
    public: Option<SocketAddr>,
}

#[derive(Debug)]
enum Phase {
    Waiting { until: Instant },
    Pinged { until: Instant },
    Asked(Binding),
}

impl Kept {
    const fn due(&self) -> Instant {
        match &self.phase {
            Phase::Waiting { until } | Phase::Pinged { until } => *until,
            Phase::Asked(binding) => binding.deadline(),
        }
    }

    /// Waits for the next time: from 80 % of the Flow-Timer on (RFC 5626 section 4.4).
    fn wait(&mut self, now: Instant, flow: Flow) {
        let (low, high) = match (self.how.flow_timer, flow) {
            (Some(timer), _) => {
                let timer = timer.clamp(Duration::from_secs(1), Duration::from_secs(86_400));
                (timer * 4 / 5, timer)
            }
            (None, Flow::Datagram { .. }) => (Duration::from_secs(DATAGRAM.0), Duration::from_secs(DATAGRAM.1)),
            (None, Flow::Stream(_)) => (Duration::from_secs(STREAM.0), Duration::from_secs(STREAM.1)),
        };
        self.phase = Phase::Waiting { until: now + self.random.duration(low, high) };
    }
}

impl Keeping {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.values().map(Kept::due).min()
    }

    fn due(&self, now: Instant) -> Option<Flow> {
        self.0.iter().find(|(_, kept)| kept.due() <= now).map(|(flow, _)| *flow)
    }

    pub(super) fn forget(&mut self, flow: Flow) {
        self.0.remove(&flow);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn forget_on(&mut self, socket: crate::id::SocketId) {
        self.0.retain(|flow, _| !flow.is_on(socket));
    }
}

impl Transports {
    /// Keeps a flow alive from now on, until [`let_die`](Self::let_die), or until it fails: [`Output::FlowFailed`]. Where datagrams are
    /// answered the public address is asked for at once, and told by [`Output::PublicAddress`]. Asked for again, it goes on in the new way.
    pub fn keep_alive(&mut self, now: Instant, flow: Flow, how: KeepAlive, seed: &Seed) {
        let public = self.public_address(flow);
        let mut kept = Kept { how, random: Random::new(seed), phase: Phase::Waiting { until: now }, public };
        let asks_now = how.answered && public.is_none() && flow.conn().is_none();
        if !asks_now {
            kept.wait(now, flow);
        }
        self.keeping.0.insert(flow, kept);
    }

    /// Keeps a flow alive no longer.
    pub fn let_die(&mut self, flow: Flow) {
        self.keeping.forget(flow);
    }

    /// The address from which the peer of a flow that is kept alive sees us, as STUN told.
    #[must_use]
    pub fn public_address(&self, flow: Flow) -> Option<SocketAddr> {
        self.keeping.0.get(&flow)?.public
    }

    pub(super) fn keep_alive_due(&mut self, now: Instant, out: &mut Outbox<Output>) {
        while let Some(flow) = self.keeping.due(now) {
            let Some(kept) = self.keeping.0.get_mut(&flow) else { return };
            let ping = match &mut kept.phase {
                Phase::Pinged { .. } => None,
                Phase::Waiting { .. } => match flow {
                    Flow::Datagram { .. } if kept.how.answered => {
                        let (binding, request) = Binding::start(now, &mut kept.random);
                        kept.phase = Phase::Asked(binding);
                        Some(request)
                    }
                    Flow::Stream(_) if kept.how.answered => {
                        kept.phase = Phase::Pinged { until: now + PONG };
                        Some(Bytes::from_static(PING))
                    }
                    Flow::Datagram { .. } | Flow::Stream(_) => {
                        kept.wait(now, flow);
                        Some(Bytes::from_static(PING))
                    }
                },
                Phase::Asked(binding) => match binding.timeout(now) {
                    Step::Send(again) => Some(again),
                    Step::Failed | Step::Wait => None,
                },
            };
            let sent = ping.is_some_and(|data| self.send_ping(now, flow, data, out));
            if !sent {
                self.flow_failed(now, flow, CloseCause::TimedOut, out);
            }
        }
    }

    fn send_ping(&mut self, now: Instant, flow: Flow, data: Bytes, out: &mut Outbox<Output>) -> bool {
        match flow {
            Flow::Datagram { socket, peer } => {
                let bound = self.sockets.get(socket).and_then(|entry| entry.bound());
                if bound.is_some() {
                    out.push(Output::Send { on: socket, to: peer, data });
                }
                bound.is_some()
            }
            Flow::Stream(conn) => self.write(now, conn, data, out).is_ok(),
        }
    }

    /// A line break came on a connection. Tells whether it is the answer to a ping.
    pub(super) fn ponged(&mut self, now: Instant, flow: Flow) -> bool {
        let kept = self.keeping.0.get_mut(&flow);
        let pinged = kept.filter(|kept| matches!(kept.phase, Phase::Pinged { .. }));
        if let Some(kept) = pinged {
            kept.wait(now, flow);
            return true;
        }
        false
    }

    /// STUN came as a datagram. Only the answer to our own request, from where that went, tells anything.
    pub(super) fn stun(&mut self, now: Instant, flow: Flow, data: Bytes, out: &mut Outbox<Output>) {
        let Some(kept) = self.keeping.0.get_mut(&flow) else { return };
        let Phase::Asked(binding) = &kept.phase else { return };
        let Ok(message) = Message::parse(data) else { return };
        let Some(public) = binding.response(&message) else { return };
        kept.wait(now, flow);
        let Some(public) = public else { return };
        match kept.public.replace(public) {
            None => out.push(Output::PublicAddress { flow, public }),
            Some(before) if before == public => {}
            Some(_) => {
                // A NAT has let go of the binding: nobody reaches us at the address that the peer knows (RFC 5626 section 4.4.2).
                let cause = CloseCause::Other(Text::from_static("the public address of the flow has changed"));
                self.flow_failed(now, flow, cause, out);
            }
        }
    }

    fn flow_failed(&mut self, now: Instant, flow: Flow, cause: CloseCause, out: &mut Outbox<Output>) {
        self.keeping.forget(flow);
        match flow {
            Flow::Stream(conn) => self.fail(now, conn, cause, CloseHow::Abort, out),
            Flow::Datagram { .. } => out.push(Output::FlowFailed { flow, cause }),
        }
    }
}

/// The address from which a request of ours was seen to come, by the `received` and `rport` that its Via has in the response (RFC 3581
/// section 4): our public address, when a NAT stands between. `None` where the response tells neither.
#[must_use]
pub fn seen_address(via: &Via) -> Option<SocketAddr> {
    let port = via.rport().flatten();
    let ip = via.received().or_else(|| via.host.ip())?;
    if via.received().is_none() && port.is_none() {
        return None;
    }
    Some(SocketAddr::new(ip, port.or(via.port).unwrap_or(5060)))
}
