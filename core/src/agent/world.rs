//! What the world did: inputs, and the outputs of the transports and the transactions that follow from them.

use crate::dns::Resolver;
use crate::id::{ConnId, SocketId, TransactionId};
use crate::invitation::Incoming;
use crate::media;
use crate::msrp::Endpoint;
use crate::sip::{Message, Received, Response, Text};
use crate::stream::{self, Registry};
use crate::time::Clock;
use crate::trace::mask;
use crate::transaction::{self, Arrival, End, Table};
use crate::transport::{self, CloseCause, Flow};
use crate::uac::Ticket;

use super::asks::About;
use super::calls::Calls;
use super::event::SipTrace;
use super::input::{Answer, Input, NetworkChange, SocketEvent, StreamEvent};
use super::owner::{Owner, Owners};
use super::requests::Arrived;
use super::{Agent, Effect, EventKind, Shutdown, TransportEvent};

impl Agent {
    pub(super) fn take_input(&mut self, input: Input) {
        match input {
            Input::Tick { utc } => {
                if let Some(utc) = utc {
                    self.clock = Clock::new(self.now, utc);
                }
            }
            Input::Socket { socket, event } if socket.stream().is_some() => self.stream_socket(socket, event),
            Input::Socket { socket, event } if socket.is_msrp() => self.msrp_socket(socket, event),
            Input::Socket { socket, event } if Resolver::owns_socket(socket) => self.resolver_socket(socket, &event),
            Input::Socket { socket, event } => self.socket(socket, event),
            Input::Datagram { socket, from, data, .. } if socket.stream().is_some() => {
                self.stream_datagram(socket, from, data);
            }
            Input::Datagram { socket, from, data, .. } if Resolver::owns_socket(socket) => {
                self.resolve(|resolver, cx, out| resolver.datagram(cx, socket, from, &data, out));
            }
            Input::Datagram { socket, from, to, data, .. } => {
                self.transports.datagram(self.now, socket, from, to, data, &mut self.transport_out);
            }
            // A stream over datagrams finds out by itself that nobody is there.
            Input::Undelivered { socket, .. } if socket.stream().is_some() => {}
            Input::Undelivered { socket, to, cause } => {
                self.transports.undelivered(socket, to, cause, &mut self.transport_out);
            }
            Input::Accepted { conn, on, peer } if on.stream().is_some() => self.stream_accepted(conn, on, peer),
            Input::Accepted { conn, on, .. } if on.is_msrp() => self.msrp_accepted(conn, on),
            Input::Accepted { conn, on, peer } => {
                self.transports.accepted(self.now, conn, on, peer, &mut self.transport_out);
            }
            Input::Stream { conn, event } if conn.stream().is_some() || self.wires.stream(conn).is_some() => {
                self.stream_connection(conn, event);
            }
            Input::Stream { conn, event } if conn.is_msrp() || self.msrp.owns_connection(conn) => {
                self.msrp_connection(conn, event);
            }
            Input::Stream { conn, event } if Resolver::owns_connection(conn) => self.resolver_connection(conn, &event),
            Input::Stream { conn, event } => self.connection(conn, event),
            Input::Media { stream, event } => self.media(stream, event),
            Input::Answer { ask, answer } => match (self.asks.close(ask), answer) {
                (Some(About::LocalAddress(toward)), Answer::LocalAddress(local)) => {
                    self.transports.learn_local(toward, local);
                    self.local_learned();
                }
                (Some(About::File(stream, number)), Answer::File(answer)) => {
                    self.stream_input(stream, stream::Input::Answer { number, answer });
                }
                (Some(About::Tls), Answer::Tls(result)) => self.tls_answered(result),
                (Some(About::Load), Answer::Settings(stored)) => self.settings_loaded(stored),
                (Some(About::Persist), Answer::Persisted(result)) => self.settings_persisted(result),
                (Some(about), _) => {
                    self.stats.driver_faults += 1;
                    self.unanswered(about);
                }
                (None, _) => self.stats.driver_faults += 1,
            },
            Input::Network(NetworkChange::Addresses | NetworkChange::Woke) => {
                self.transports.forget_local();
                self.public.forget();
                self.resolve(Resolver::network_changed);
                self.renew_usages();
            }
            Input::Certificate { identity, fingerprint } => self.certificate_renewed(&identity, fingerprint),
            Input::Nameservers(nameservers) => self.set_nameservers(nameservers),
            Input::Reseed(seed) => self.random.mix(&seed),
        }
        self.work_off_deadlines();
    }

    fn socket(&mut self, socket: SocketId, event: SocketEvent) {
        let out = &mut self.transport_out;
        match event {
            SocketEvent::Bound { local } => self.transports.socket_bound(socket, local, out),
            SocketEvent::Failed(cause) => self.transports.socket_failed(socket, cause, out),
            SocketEvent::Closed => self.transports.socket_closed(socket, out),
        }
    }

    fn connection(&mut self, conn: ConnId, event: StreamEvent) {
        let (now, out) = (self.now, &mut self.transport_out);
        match event {
            StreamEvent::Open { local, peer, tls } => {
                self.transports.opened(now, conn, local, peer, tls.as_ref(), out);
            }
            StreamEvent::Data(data) => self.transports.data(now, conn, data, out),
            StreamEvent::Drained(bytes) => self.transports.drained(conn, bytes, out),
            StreamEvent::Closed(cause) => self.transports.closed(conn, cause, out),
        }
    }

    fn media(&mut self, stream: crate::id::StreamId, event: media::Event) {
        // A path that was told to stop may have had a last word on its way.
        if let Some(session) = self.calls.streams.get(&stream).copied() {
            self.call(session, |session, cx, out| session.stream_input(cx, stream, stream::Input::Media(event), out));
        }
    }

    /// Whatever came, what is due is done: a driver that is late with its tick is caught up with.
    fn work_off_deadlines(&mut self) {
        let now = self.now;
        if self.transports.deadline().is_some_and(|at| at <= now) {
            self.transports.timeout(now, &mut self.transport_out);
        }
        self.settle();
        if self.table.deadline().is_some_and(|(at, _)| at <= now) {
            self.table.timeout(now, &mut self.table_out);
        }
        self.settle();
        // Each is looked at once: a session that asks for the same instant again waits for the next input.
        let mut budget = self.calls.len();
        while let Some(session) = self.calls.due(now)
            && budget > 0
        {
            budget -= 1;
            self.call(session, |session, cx, out| session.timeout(cx, out));
            self.settle();
        }
        if self.msrp.deadline().is_some_and(|at| at <= now) {
            self.msrp(Endpoint::timeout);
        }
        self.settle();
        if self.resolver.deadline().is_some_and(|at| at <= now) {
            self.resolve(Resolver::timeout);
        }
        self.settle();
        let mut budget = self.usages.len();
        while let Some(owner) = self.usages.due(now)
            && budget > 0
        {
            budget -= 1;
            self.usage(owner, |machine, cx, out| machine.timeout(cx, out));
            self.settle();
        }
        self.compositions_due();
        self.settle();
        while let Some(ask) = self.asks.overdue(now) {
            if let Some(about) = self.asks.close(ask) {
                self.effects.push_back(Effect::Abandon { ask });
                self.unanswered(about);
            }
        }
    }

    /// A question was not answered, or not with what it asked for.
    fn unanswered(&mut self, about: About) {
        let late = || Text::from_static("no answer from the driver");
        match about {
            About::LocalAddress(toward) => {
                self.transports.learn_local(toward, None);
                self.local_learned();
            }
            About::File(stream, number) => {
                let answer = stream::FileAnswer::Failed(late());
                self.stream_input(stream, stream::Input::Answer { number, answer });
            }
            About::Tls => self.tls_answered(Err(late())),
            About::Load => self.settings_loaded(Err(late())),
            About::Persist => self.settings_persisted(Err(late())),
        }
    }

    /// Works off the queues between the layers until they are empty.
    pub(super) fn settle(&mut self) {
        loop {
            if let Some(output) = self.transport_out.pop() {
                self.transport_output(output);
            } else if let Some(output) = self.table_out.pop() {
                self.table_output(output, None);
            } else if let Some(output) = self.msrp_out.pop() {
                self.msrp_output(output);
            } else if let Some(output) = self.resolver_out.pop() {
                self.resolver_output(output);
            } else if let Some(output) = self.settings_out.pop() {
                self.settings_output(output);
            } else if !self.shutdown_goes_on() {
                return;
            }
        }
    }

    fn transport_output(&mut self, output: transport::Output) {
        use transport::Output;
        match output {
            Output::Bind { socket, kind, addr, port } => {
                self.effects.push_back(Effect::Bind { socket, kind, addr, port });
            }
            Output::Unbind { socket } => self.effects.push_back(Effect::Unbind { socket }),
            Output::Send { on, to, data } => {
                self.trace_sent(Flow::Datagram { socket: on, peer: to }, &data);
                self.effects.push_back(Effect::Send { on, to, data });
            }
            Output::Open { conn, to, security, from } => {
                self.effects.push_back(Effect::Open { conn, to, security, from });
            }
            Output::Write { conn, data } => {
                self.trace_sent(Flow::Stream(conn), &data);
                self.effects.push_back(Effect::Write { conn, data });
            }
            Output::Close { conn, how } => self.effects.push_back(Effect::Close { conn, how }),
            Output::Resume(conn) => self.effects.push_back(Effect::Resume(conn)),
            Output::Listening { socket, transport, local } => {
                let event = TransportEvent::Listening { transport, local };
                self.tell(EventKind::Transport { id: socket, event });
                self.socket_came(socket);
            }
            Output::SocketFailed { socket, transport, cause } => {
                let event = TransportEvent::Failed { transport, cause };
                self.tell(EventKind::Transport { id: socket, event });
                self.socket_went(socket);
            }
            Output::SocketClosed { socket, transport } => {
                self.tell(EventKind::Transport { id: socket, event: TransportEvent::Closed { transport } });
                self.socket_went(socket);
            }
            Output::Received(received) => self.received(*received),
            Output::Malformed { .. } => {}
            Output::FellBack { failed, sent, .. } => {
                let reliable = sent.is_reliable();
                self.table.moved(self.now, sent.request, sent.flow, reliable);
                self.moved(failed, sent.flow);
            }
            Output::FlowFailed { flow, cause } => {
                self.table.flow_failed(self.now, &flow, &cause, &mut self.table_out);
                self.flow_lost(flow);
            }
            Output::PublicAddress { flow, public } => self.seen_at(flow, public),
        }
    }

    fn received(&mut self, received: transport::Received) {
        self.trace_received(&received);
        let transport::Received { flow, transport, from, reply, local, message, essentials } = received;
        match message {
            Message::Response(response) => {
                self.table.receive_response(self.now, response, &essentials, &mut self.table_out);
            }
            Message::Request(request) => {
                let arrival = Arrival { flow: reply, from, reliable: transport.is_reliable() };
                let mut out = std::mem::take(&mut self.arrival_out);
                self.table.receive_request(self.now, request, &essentials, arrival, &mut out);
                let mut arrived = Some(Arrived { flow, transport, local, received: Received { from }, essentials });
                while let Some(output) = out.pop() {
                    let arrived = if is_request(&output) { arrived.take() } else { None };
                    self.table_output(output, arrived);
                }
                self.arrival_out = out;
            }
        }
    }

    /// Tells of a message that goes out, where messages are traced; what keeps flows alive is none.
    fn trace_sent(&mut self, flow: Flow, data: &bytes::Bytes) {
        if !self.config.trace_sip || !data.first().is_some_and(u8::is_ascii_alphabetic) {
            return;
        }
        if let (Some(transport), Some((source, destination))) =
            (self.transports.transport(flow), self.transports.ends(flow))
        {
            let data = mask(&String::from_utf8_lossy(data)).into();
            self.tell(EventKind::SipTrace(SipTrace { received: false, transport, source, destination, data }));
        }
    }

    /// Tells of a message that came, where messages are traced.
    fn trace_received(&mut self, received: &transport::Received) {
        if !self.config.trace_sip {
            return;
        }
        let transport::Received { transport, from, local, message, .. } = received;
        let data = mask(&String::from_utf8_lossy(message.bytes())).into();
        let (transport, source, destination) = (*transport, *from, *local);
        self.tell(EventKind::SipTrace(SipTrace { received: true, transport, source, destination, data }));
    }

    fn table_output(&mut self, output: transaction::Output<Flow>, arrived: Option<Arrived>) {
        use transaction::Output;
        match output {
            Output::Send { id, flow, data } => self.send_on(id, flow, data),
            Output::Request { id, request, cancels } => {
                if let Some(arrived) = arrived {
                    let Arrived { flow, transport, local, received, essentials } = arrived;
                    let incoming = Incoming { transaction: id, request, essentials, received };
                    self.requested(incoming, cancels, flow, transport, local);
                }
            }
            Output::Ack { request, .. } => self.acknowledged(&request),
            Output::Confirmed { id } => {
                if let Some(session) = self.owners.server_session(id) {
                    self.call(session, |session, cx, out| session.refusal_acknowledged(cx, id, out));
                }
            }
            Output::Response { id, response } => {
                if let Some((owner, ticket)) = self.owners.clients.get(&id).copied() {
                    self.answered(owner, ticket, &response);
                }
            }
            Output::StrayResponse { .. } => self.stats.stray += 1,
            Output::Shed { .. } => self.stats.shed += 1,
            Output::Cancelled { .. } | Output::SendFailed { .. } => {}
            Output::Ended { id, end } => self.transaction_ended(id, &end),
        }
    }

    /// A response came to a request of ours.
    fn answered(&mut self, owner: Owner, ticket: Ticket, response: &Response) {
        match owner.session() {
            Some(id) => {
                let registry = std::mem::replace(&mut self.registry, Registry::empty());
                self.call(id, |session, cx, out| session.response(cx, ticket, response, &registry, out));
                self.registry = registry;
            }
            None => self.usage_answered(owner, ticket, response),
        }
    }

    fn transaction_ended(&mut self, id: TransactionId, end: &End) {
        match self.owners.clients.remove(&id) {
            Some((Owner::Session(session), ticket)) => {
                if let Some(call) = self.calls.get_mut(session) {
                    call.acks.retain(|ack| ack.ticket != ticket);
                }
                self.call(session, |session, cx, out| session.client_ended(cx, ticket, end, out));
            }
            Some((owner, ticket)) => self.usage_client_ended(owner, ticket, end),
            None => {}
        }
        if let Some(session) = self.owners.servers.remove(&id).and_then(Owner::session) {
            self.call(session, |session, cx, out| session.server_ended(cx, id, end, out));
        }
        self.calls.waiting.remove(&id);
        self.calls.outside.remove(id);
    }

    /// Hands what a transaction sends to the transports. A response whose connection is gone goes over a new one (RFC 3261 section 18.2.2).
    fn send_on(&mut self, id: Option<TransactionId>, flow: Flow, data: bytes::Bytes) {
        let (now, out) = (self.now, &mut self.transport_out);
        if self.transports.send_on(now, flow, data.clone(), out).is_ok() {
            return;
        }
        if let Ok(Message::Response(response)) = Message::parse(data, &self.config.limits)
            && self.transports.send_response(now, flow, &response, out).is_ok()
        {
            return;
        }
        if let Some(id) = id {
            self.table.send_failed(now, id, CloseCause::Local, &mut self.table_out);
        }
    }

    /// The next step of a shutdown, when the one before it is done. False when there is nothing to do now.
    fn shutdown_goes_on(&mut self) -> bool {
        self.managers_end();
        match self.shutdown {
            Shutdown::Sessions
                if self.calls.is_empty()
                    && self.wires.is_empty()
                    && self.msrp.is_idle()
                    && self.usages.is_empty()
                    && self.settings.is_quiescent() =>
            {
                self.shutdown = Shutdown::Transactions(self.table.iter().map(|(id, ..)| id).last());
                self.resolver.shut_down(&mut self.resolver_out);
                while let Some(ask) = self.asks.close_first() {
                    self.effects.push_back(Effect::Abandon { ask });
                }
                true
            }
            Shutdown::Transactions(last) if self.table.iter().next().is_none_or(|(id, ..)| Some(id) > last) => {
                self.shutdown = Shutdown::Transports;
                self.table = Table::new(self.config.timers, &self.config.limits, &mut self.random);
                self.calls = Calls::default();
                self.owners = Owners::default();
                self.transports.shut_down(self.now, &mut self.transport_out);
                true
            }
            Shutdown::Transports if self.transports.is_quiescent() && self.resolver.is_quiescent() => {
                self.shutdown = Shutdown::Done;
                self.tell(EventKind::ShutDown);
                true
            }
            Shutdown::No | Shutdown::Sessions | Shutdown::Transactions(_) | Shutdown::Transports | Shutdown::Done => {
                false
            }
        }
    }
}

/// Whether this output is the request that has just arrived.
const fn is_request(output: &transaction::Output<Flow>) -> bool {
    matches!(output, transaction::Output::Request { .. })
}
