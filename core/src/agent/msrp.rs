//! MSRP: the sessions of all streams, on listeners and connections that they share.
//!
//! ```text
//!  the world ──► Endpoint ──► outputs ──► effects
//!  streams ─────────▲            └──────► news for streams
//! ```

use crate::id::{ConnId, SocketId};
use crate::msrp::{Context, Endpoint, Output};
use crate::outbox::Outbox;
use crate::stream::Input;
use crate::transport::CloseCause;

use super::input::{SocketEvent, StreamEvent};
use super::{Agent, Effect, EventKind};

impl Agent {
    pub(super) fn msrp(&mut self, act: impl FnOnce(&mut Endpoint, &mut Context<'_>, &mut Outbox<Output>)) {
        let (limits, trace) = (&self.config.limits, self.config.msrp.trace);
        let mut cx = Context { now: self.now, random: &mut self.random, limits, trace };
        act(&mut self.msrp, &mut cx, &mut self.msrp_out);
    }

    /// News of a listener.
    pub(super) fn msrp_socket(&mut self, socket: SocketId, event: SocketEvent) {
        if !self.msrp.owns_socket(socket) {
            self.stats.driver_faults += 1;
            return;
        }
        self.msrp(|msrp, _, out| match event {
            SocketEvent::Bound { local } => msrp.socket_bound(socket, local, out),
            SocketEvent::Failed(cause) => msrp.socket_closed(socket, &cause, out),
            SocketEvent::Closed => msrp.socket_closed(socket, &CloseCause::Local, out),
        });
    }

    /// A connection came to a listener.
    pub(super) fn msrp_accepted(&mut self, conn: ConnId, on: SocketId) {
        self.msrp(|msrp, cx, out| msrp.accepted(cx, conn, on, out));
    }

    /// News of a connection.
    pub(super) fn msrp_connection(&mut self, conn: ConnId, event: StreamEvent) {
        if !self.msrp.owns_connection(conn) {
            self.stats.driver_faults += 1;
            return;
        }
        self.msrp(|msrp, cx, out| match event {
            StreamEvent::Open { tls, .. } => msrp.opened(cx, conn, tls, out),
            StreamEvent::Data(data) => msrp.data(cx, conn, data, out),
            StreamEvent::Drained(bytes) => msrp.drained(cx, conn, bytes, out),
            StreamEvent::Closed(cause) => msrp.closed(cx, conn, &cause, out),
        });
    }

    /// What the endpoint asks of the driver, or tells a stream.
    pub(super) fn msrp_output(&mut self, output: Output) {
        match output {
            Output::Bind { socket, kind, addr, port } => {
                self.effects.push_back(Effect::Bind { socket, kind, addr, port });
            }
            Output::Unbind { socket } => self.effects.push_back(Effect::Unbind { socket }),
            Output::Open { conn, to, security } => {
                self.effects.push_back(Effect::Open { conn, to, security, from: None });
            }
            Output::Write { conn, data } => self.effects.push_back(Effect::Write { conn, data }),
            Output::Close { conn, how } => self.effects.push_back(Effect::Close { conn, how }),
            Output::Resume(conn) => self.effects.push_back(Effect::Resume(conn)),
            Output::Log(conn, event) => {
                if event.is_told_at(self.config.log_level.get()) {
                    self.tell(EventKind::MsrpLog { conn, event });
                }
            }
            Output::Listening(stream, place) => self.stream_input(stream, Input::MsrpListening(place)),
            Output::Session(stream, event) => self.stream_input(stream, Input::Msrp(event)),
        }
    }
}
