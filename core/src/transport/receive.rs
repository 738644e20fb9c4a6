//! Receiving: what is a message, whose it is, and what is answered without a transaction (RFC 3261 sections 18.1.2, 18.2.1 and 18.3).

use std::net::{IpAddr, SocketAddr};

use bytes::{Buf, Bytes};

use super::output::{Malformed, Output, Received};
use super::{CloseCause, Flow, Transport, Transports, reply};
use crate::id::SocketId;
use crate::outbox::Outbox;
use crate::sip::{Essentials, HeaderName, Message, Method, ParseError, Received as Source, Request, Response};
use crate::stun::is_stun;
use crate::time::Instant;

/// The way a message came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) flow: Flow,
    pub(super) transport: Transport,
    pub(super) from: SocketAddr,
    pub(super) local: SocketAddr,
}

impl Transports {
    /// A datagram came: one message, or a keep-alive, of which nothing follows. What stands behind the message is ignored.
    /// `to` is the address it was sent to, where the driver can tell.
    pub fn datagram(
        &mut self,
        now: Instant,
        socket: SocketId,
        from: SocketAddr,
        to: Option<IpAddr>,
        mut data: Bytes,
        out: &mut Outbox<Output>,
    ) {
        let entry = self.sockets.get(socket).filter(|entry| entry.transport == Transport::Udp);
        let Some(entry) = entry else {
            self.counters.driver_faults += 1;
            return;
        };
        // What was on its way when the socket was asked to close is of no interest.
        let Some(bound) = entry.bound() else { return };
        let line_breaks = data.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        match data.get(line_breaks) {
            // Line breaks, zeros, and STUN, whose first byte is below 4 (RFC 7983), keep a way through a NAT open.
            None | Some(0..4) => {
                self.counters.keep_alives += 1;
                if is_stun(&data) {
                    self.stun(now, Flow::Datagram { socket, peer: from }, data, out);
                }
            }
            Some(_) => {
                data.advance(line_breaks);
                let local = SocketAddr::new(to.unwrap_or_else(|| bound.ip()), bound.port());
                let flow = Flow::Datagram { socket, peer: from };
                self.message(now, Origin { flow, transport: Transport::Udp, from, local }, data, out);
            }
        }
    }

    /// The network says that a datagram cannot be delivered: its flow has failed (RFC 3261 section 18.4).
    pub fn undelivered(&mut self, socket: SocketId, to: SocketAddr, cause: CloseCause, out: &mut Outbox<Output>) {
        let entry = self.sockets.get(socket).filter(|entry| entry.transport == Transport::Udp);
        if entry.is_none() {
            self.counters.driver_faults += 1;
            return;
        }
        let flow = Flow::Datagram { socket, peer: to };
        self.keeping.forget(flow);
        out.push(Output::FlowFailed { flow, cause });
    }

    /// Takes in the bytes of one message, and tells whether it is one.
    pub(super) fn message(&mut self, now: Instant, origin: Origin, bytes: Bytes, out: &mut Outbox<Output>) -> bool {
        if self.shutting_down {
            return false;
        }
        let message = match Message::parse(bytes, &self.config.limits) {
            Ok(message) => message,
            Err(ParseError { at, fault, request }) => {
                let answered = request.and_then(|request| self.answer(now, origin, &request, fault.code(), None, out));
                self.malformed(origin, Malformed::Parse { at, fault }, answered, out);
                return false;
            }
        };
        let essentials = match &message {
            Message::Request(request) => request.validate(),
            Message::Response(response) => response.validate(),
        };
        let essentials = match essentials {
            Ok(essentials) => essentials,
            Err(fault) => {
                let request = message.as_request();
                let answered =
                    request.and_then(|request| self.answer(now, origin, request, fault.code, Some(&fault.reason), out));
                self.malformed(origin, Malformed::Invalid(fault), answered, out);
                return false;
            }
        };
        let Origin { flow, transport, from, local } = origin;
        let reply = match (&message, flow) {
            (Message::Request(_), Flow::Datagram { socket, peer }) => {
                Flow::Datagram { socket, peer: reply::datagram_target(&essentials.via, peer) }
            }
            (Message::Response(_), _) if !self.is_ours(&essentials) => {
                self.counters.stray += 1;
                return true;
            }
            (Message::Request(_) | Message::Response(_), _) => flow,
        };
        self.counters.received += 1;
        out.push(Output::Received(Box::new(Received { flow, transport, from, reply, local, message, essentials })));
        true
    }

    /// Whether a response answers a request that left here: it has one Via, and that is one of ours (RFC 3261 sections 8.1.3.3 and 18.1.2).
    fn is_ours(&self, essentials: &Essentials) -> bool {
        essentials.via_count == 1 && reply::sent_by(&essentials.via).is_some_and(|via| self.sent_by.contains(&via))
    }

    pub(super) fn malformed(
        &mut self,
        origin: Origin,
        fault: Malformed,
        answered: Option<u16>,
        out: &mut Outbox<Output>,
    ) {
        self.counters.malformed += 1;
        let Origin { flow, from, .. } = origin;
        out.push(Output::Malformed { flow, from, fault, answered });
    }

    /// Answers the request whose head this is, if it is one.
    pub(super) fn answer_head(
        &mut self,
        now: Instant,
        origin: Origin,
        head: Bytes,
        code: u16,
        out: &mut Outbox<Output>,
    ) -> Option<u16> {
        let request = match Message::parse(head, &self.config.limits) {
            Ok(Message::Request(request)) => request,
            Ok(Message::Response(_)) => return None,
            Err(error) => *error.request?,
        };
        self.answer(now, origin, &request, code, None, out)
    }

    /// Answers a request that nobody will process, without state (RFC 3261 section 8.2.7). Tells the code if that was possible.
    fn answer(
        &mut self,
        now: Instant,
        origin: Origin,
        request: &Request,
        code: u16,
        reason: Option<&str>,
        out: &mut Outbox<Output>,
    ) -> Option<u16> {
        if code == 0 || *request.method() == Method::Ack {
            return None;
        }
        let (tag, received) = (stateless_tag(request), Source { from: origin.from });
        let response = Response::reply(request, code, reason, Some(&tag), Some(&received)).finish().ok()?;
        self.send_response(now, origin.flow, &response, out).ok()?;
        Some(code)
    }
}

/// The same To tag for the same request, however often it comes (RFC 3261 section 8.2.7): the 64-bit FNV-1a hash of what tells requests apart.
/// It makes no dialog, so that it need not be hard to guess.
fn stateless_tag(request: &Request) -> String {
    let names = [HeaderName::Via, HeaderName::From, HeaderName::CallId, HeaderName::CSeq];
    let values = names.into_iter().filter_map(|name| request.raw(name).next());
    let hash = values
        .flatten()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
