//! The streams of sessions: what makes them, and the sockets and connections that they have in the world.
//!
//! A stream names its sockets and the connections that it opens itself, so their names tell whose they are; a connection that
//! came to one of its listeners is remembered.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;

use crate::id::{ConnId, SessionId, SocketId, StreamId};
use crate::limits::Limits;
use crate::session::{Session, SessionError};
use crate::sip::Text;
use crate::sip::digest::Secret;
use crate::stream::{Command, Input, Line, MediaStream, Output, SessionInfo, StreamError, StreamSpec};
use crate::transport::CloseHow;

use super::asks::About;
use super::input::{SocketEvent, StreamEvent};
use super::intent::{IntentError, Outcome};
use super::{Agent, Effect, Question};

/// The sockets and connections that streams have in the world, until the driver says that they are gone.
#[derive(Debug, Default)]
pub(super) struct Wires {
    streams: BTreeMap<StreamId, Open>,
    /// Whose a connection is that came to a listener of a stream.
    accepted: BTreeMap<ConnId, StreamId>,
}

/// What one stream has open, each with whether it was told to close.
#[derive(Debug, Default)]
struct Open {
    sockets: BTreeMap<SocketId, bool>,
    conns: BTreeMap<ConnId, bool>,
}

impl Wires {
    /// Whose a connection is, if it is a stream's.
    pub(super) fn stream(&self, conn: ConnId) -> Option<StreamId> {
        conn.stream().or_else(|| self.accepted.get(&conn).copied())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    fn socket(&mut self, socket: SocketId) -> Option<&mut bool> {
        self.streams.get_mut(&socket.stream()?)?.sockets.get_mut(&socket)
    }

    fn conn(&mut self, conn: ConnId) -> Option<&mut bool> {
        let stream = self.stream(conn)?;
        self.streams.get_mut(&stream)?.conns.get_mut(&conn)
    }

    /// A socket or connection is gone.
    fn tidy(&mut self, stream: StreamId) {
        if self.streams.get(&stream).is_some_and(|open| open.sockets.is_empty() && open.conns.is_empty()) {
            self.streams.remove(&stream);
        }
    }
}

impl Agent {
    /// The streams that an application wants to propose. Nothing has changed yet.
    ///
    /// # Errors
    /// The number of the specification that is wrong, and why.
    pub(super) fn make_streams(
        &self,
        info: &SessionInfo,
        specs: &[StreamSpec],
    ) -> Result<Vec<Box<dyn MediaStream>>, (usize, Text)> {
        let make = |(index, spec)| self.registry.create(&self.config, info, spec).map_err(|reason| (index, reason));
        specs.iter().enumerate().map(make).collect()
    }

    /// Gives new streams their names.
    pub(super) fn name_streams(&mut self, streams: Vec<Box<dyn MediaStream>>) -> Vec<Line> {
        let ids = &mut self.calls.stream_ids;
        streams.into_iter().map(|stream| Line::new(StreamId::from_u64(ids.take()), stream)).collect()
    }

    /// Proposes to add streams to a session.
    pub(super) fn add_streams(&mut self, id: SessionId, specs: &[StreamSpec]) -> Result<Outcome, IntentError> {
        let lines = self.lines_for(id, specs, Session::can_add)?;
        let names = lines.iter().map(Line::id).collect();
        self.with_session(id, |session, cx, out| session.add_streams(cx, lines, out))?;
        Ok(Outcome::Streams(names))
    }

    /// Accepts a session whose INVITE brought no offer, with an offer of these streams.
    pub(super) fn accept_offering(
        &mut self,
        id: SessionId,
        specs: &[StreamSpec],
        relay_password: Option<Secret>,
    ) -> Result<Outcome, IntentError> {
        let lines = self.lines_for(id, specs, Session::can_offer)?;
        let names = lines.iter().map(Line::id).collect();
        self.with_session(id, |session, cx, out| session.accept_offering(cx, lines, relay_password, out))?;
        Ok(Outcome::Streams(names))
    }

    /// Makes streams for a session that may take so many.
    fn lines_for(
        &mut self,
        id: SessionId,
        specs: &[StreamSpec],
        may: impl FnOnce(&Session, &Limits, usize) -> Result<(), SessionError>,
    ) -> Result<Vec<Line>, IntentError> {
        let call = self.calls.get(id).filter(|_| self.is_live(id)).ok_or(SessionError::Unknown(id))?;
        may(&call.session, &self.config.limits, specs.len())?;
        let streams = self
            .make_streams(call.session.info(), specs)
            .map_err(|(index, reason)| SessionError::BadStream { index, reason })?;
        Ok(self.name_streams(streams))
    }

    /// The application wants something of a stream.
    pub(super) fn stream_command(&mut self, stream: StreamId, command: &Command) -> Result<Outcome, IntentError> {
        let session = self.calls.streams.get(&stream).copied().ok_or(StreamError::Unknown(stream))?;
        let result = self.call(session, |session, cx, out| session.stream_command(cx, stream, command, out));
        result.unwrap_or(Err(StreamError::Unknown(stream)))?;
        Ok(Outcome::Done)
    }

    /// What a stream says.
    pub(super) fn stream_output(&mut self, stream: StreamId, output: Output) {
        match output {
            Output::Media(command) => self.effects.push_back(Effect::Media { stream, command }),
            Output::Bind { socket, kind, addr, port } => {
                if socket.stream() == Some(stream) && self.wires.socket(socket).is_none() {
                    self.wires.streams.entry(stream).or_default().sockets.insert(socket, false);
                    self.effects.push_back(Effect::Bind { socket, kind, addr, port });
                }
            }
            Output::Unbind { socket } => self.unbind_wire(socket),
            Output::Send { on, to, data } => {
                if on.stream() == Some(stream) && self.wires.socket(on) == Some(&mut false) {
                    self.effects.push_back(Effect::Send { on, to, data });
                }
            }
            Output::Open { conn, to, security } => {
                if conn.stream() == Some(stream) && self.wires.conn(conn).is_none() {
                    self.wires.streams.entry(stream).or_default().conns.insert(conn, false);
                    self.effects.push_back(Effect::Open { conn, to, security, from: None });
                }
            }
            Output::Write { conn, data } => {
                if self.wires.stream(conn) == Some(stream) && self.wires.conn(conn) == Some(&mut false) {
                    self.effects.push_back(Effect::Write { conn, data });
                }
            }
            Output::Close { conn, how } => self.close_wire(conn, how),
            Output::Resume(conn) => {
                if self.wires.stream(conn) == Some(stream) && self.wires.conn(conn) == Some(&mut false) {
                    self.effects.push_back(Effect::Resume(conn));
                }
            }
            Output::Locate(request) => self.locate_for_stream(stream, &request),
            Output::Msrp(output) => self.msrp_out.push(output),
            Output::MsrpHold(held) => self.msrp(|endpoint, cx, out| endpoint.hold(cx, stream, held, out)),
            Output::Ask { number, question } => {
                let until = self.now + self.config.limits.file_time;
                let ask = self.asks.ask(About::File(stream, number), until);
                self.effects.push_back(Effect::Ask { ask, question: Question::File(question) });
            }
            // Its progress is among its news.
            Output::Initialized | Output::Started(_) | Output::Failed { .. } | Output::Ended | Output::Event(_) => {}
        }
    }

    fn unbind_wire(&mut self, socket: SocketId) {
        if let Some(closing @ false) = self.wires.socket(socket) {
            *closing = true;
            self.effects.push_back(Effect::Unbind { socket });
        }
    }

    fn close_wire(&mut self, conn: ConnId, how: CloseHow) {
        if let Some(closing @ false) = self.wires.conn(conn) {
            *closing = true;
            self.effects.push_back(Effect::Close { conn, how });
        }
    }

    /// Closes what a stream that has ended has left open.
    pub(super) fn close_wires(&mut self, stream: StreamId) {
        for ask in self.asks.of_stream(stream) {
            self.asks.close(ask);
            self.effects.push_back(Effect::Abandon { ask });
        }
        for lookup in self.locations.take_of_stream(stream) {
            self.resolve(|resolver, _, out| resolver.cancel(lookup, out));
        }
        let Some(open) = self.wires.streams.get(&stream) else { return };
        let (sockets, conns): (Vec<_>, Vec<_>) =
            (open.sockets.keys().copied().collect(), open.conns.keys().copied().collect());
        for socket in sockets {
            self.unbind_wire(socket);
        }
        for conn in conns {
            self.close_wire(conn, CloseHow::Abort);
        }
    }

    pub(super) fn stream_input(&mut self, stream: StreamId, input: Input) {
        if let Some(session) = self.calls.streams.get(&stream).copied() {
            self.call(session, |session, cx, out| session.stream_input(cx, stream, input, out));
        }
    }

    /// News of a socket of a stream.
    pub(super) fn stream_socket(&mut self, socket: SocketId, event: SocketEvent) {
        let (Some(stream), Some(closing)) = (socket.stream(), self.wires.socket(socket).copied()) else {
            self.stats.driver_faults += 1;
            return;
        };
        let input = match event {
            SocketEvent::Bound { local } => Input::Bound { socket, local },
            SocketEvent::Failed(cause) => Input::Unbound { socket, cause: Some(cause) },
            SocketEvent::Closed => Input::Unbound { socket, cause: None },
        };
        if matches!(input, Input::Unbound { .. }) {
            if let Some(open) = self.wires.streams.get_mut(&stream) {
                open.sockets.remove(&socket);
            }
            self.wires.tidy(stream);
        } else if closing {
            return;
        }
        self.stream_input(stream, input);
    }

    /// A datagram came on a socket of a stream.
    pub(super) fn stream_datagram(&mut self, socket: SocketId, from: SocketAddr, data: Bytes) {
        if let (Some(stream), Some(false)) = (socket.stream(), self.wires.socket(socket)) {
            self.stream_input(stream, Input::Datagram { socket, from, data });
        }
    }

    /// A connection came to a listener of a stream.
    pub(super) fn stream_accepted(&mut self, conn: ConnId, on: SocketId, peer: SocketAddr) {
        let Some(stream) = on.stream() else { return };
        let listens = self.wires.socket(on) == Some(&mut false);
        self.wires.accepted.insert(conn, stream);
        self.wires.streams.entry(stream).or_default().conns.insert(conn, false);
        if listens && self.calls.streams.contains_key(&stream) {
            self.stream_input(stream, Input::Accepted { conn, on, peer });
        } else {
            self.close_wire(conn, CloseHow::Abort);
        }
    }

    /// News of a connection of a stream.
    pub(super) fn stream_connection(&mut self, conn: ConnId, event: StreamEvent) {
        let (Some(stream), Some(closing)) = (self.wires.stream(conn), self.wires.conn(conn).copied()) else {
            self.stats.driver_faults += 1;
            return;
        };
        let input = match event {
            StreamEvent::Closed(cause) => {
                if let Some(open) = self.wires.streams.get_mut(&stream) {
                    open.conns.remove(&conn);
                }
                self.wires.accepted.remove(&conn);
                self.wires.tidy(stream);
                Input::Closed { conn, cause }
            }
            _ if closing => return,
            StreamEvent::Open { local, peer, tls } => Input::Opened { conn, local, peer, tls },
            StreamEvent::Data(data) => Input::Data { conn, data },
            StreamEvent::Drained(bytes) => Input::Drained { conn, bytes },
        };
        self.stream_input(stream, input);
    }

    /// How many more bytes a connection of a stream may be fed now.
    pub(super) fn stream_read_budget(&self, stream: StreamId, conn: ConnId) -> usize {
        let session = self.calls.streams.get(&stream).and_then(|session| self.calls.get(*session));
        session.map_or(0, |call| call.session.read_budget(stream, conn))
    }
}
