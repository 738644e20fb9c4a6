//! What comes for a session that must wait: one that has not started, or whose owner cannot take more now.
//!
//! It is kept, unanswered, so that the other sessions of its connection go on, and is worked off when the session goes on. A sender that
//! waits for answers stops long before too much is kept; against one that does not, the connection is not read any longer.
//!
//! ```text
//!  held ── goes on ──► a slice ──► its owner has its say ── goes on ──► the next slice … nothing is left: what comes is read at once
//!    ▲                                     └── cannot take more ──┐
//!    └────────────────────────────────────────────────────────────┘
//! ```
//!
//! Between two slices everybody else has a turn. What comes meanwhile is kept behind what is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use super::connection::Reading;
use super::endpoint::Out;
use super::session::{Session, State};
use super::{Context, Continuation, Endpoint, Head, Output};
use crate::id::{ConnId, StreamId};
use crate::time::Instant;

/// Bytes that are kept of a session before its connection is not read any longer.
const MOST: usize = 4 * 1024 * 1024;
/// Bytes that are worked off at once of what is kept.
const SLICE: usize = 64 * 1024;
/// How long everybody else has their turn then: what is due at once, and nothing that is due later.
const TURN: Duration = Duration::from_nanos(1);
/// What a piece costs beside its bytes.
const PIECE: usize = 64;

/// A piece of a request.
#[derive(Debug)]
pub(super) enum Piece {
    /// It begins.
    Head(Head),
    /// It had begun, and was read so far.
    Begun(Head, Reading),
    /// Bytes of its body.
    Body(Bytes),
    /// It ends.
    End(Continuation),
}

impl Piece {
    fn cost(&self) -> usize {
        PIECE
            + match self {
                Self::Head(head) | Self::Begun(head, _) => head.bytes().len(),
                Self::Body(data) => data.len(),
                Self::End(_) => 0,
            }
    }
}

/// What is kept of a session, in the order in which it came, and the connections that it came on.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pieces: VecDeque<(ConnId, Piece)>,
    bytes: usize,
    /// When the next slice is due, if the session goes on.
    next: Option<Instant>,
}

impl Kept {
    const fn is_too_much(&self) -> bool {
        self.bytes > MOST
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    fn push(&mut self, conn: ConnId, piece: Piece) {
        self.bytes += piece.cost();
        self.pieces.push_back((conn, piece));
    }

    /// Takes out what is worked off at once.
    fn slice(&mut self) -> Vec<(ConnId, Piece)> {
        let (mut slice, before) = (Vec::new(), self.bytes);
        while before - self.bytes < SLICE
            && let Some((conn, piece)) = self.pieces.pop_front()
        {
            self.bytes -= piece.cost();
            slice.push((conn, piece));
        }
        slice
    }

    /// Gives back a request that is not read to its end.
    fn give_back(&mut self, conn: ConnId, head: Head, reading: Reading) {
        let piece = Piece::Begun(head, reading);
        self.bytes += piece.cost();
        self.pieces.push_front((conn, piece));
    }
}

impl Session {
    /// Whether what comes for it is worked off.
    fn goes_on(&self) -> bool {
        !self.held && self.state != State::Prepared
    }

    /// When more of what is kept of it is to be worked off.
    pub(super) fn kept_due(&self) -> Option<Instant> {
        self.kept.next.filter(|_| self.goes_on())
    }
}

impl Endpoint {
    /// Keeps a piece of a request until its session goes on. False when the session is gone.
    pub(super) fn keep(&mut self, conn: ConnId, stream: StreamId, piece: Piece) -> bool {
        let Some(session) = self.sessions.get_mut(&stream) else { return false };
        session.kept.push(conn, piece);
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.keeps.insert(stream);
        }
        true
    }

    /// Whether a connection is not to be read, until `Resume`.
    #[must_use]
    pub fn is_paused(&self, conn: ConnId) -> bool {
        let too_much = |stream| self.sessions.get(stream).is_some_and(|session| session.kept.is_too_much());
        self.connections.get(&conn).is_none_or(|connection| connection.paused || connection.keeps.iter().any(too_much))
    }

    /// What comes for a session is to wait, or not any longer. Other sessions of its connection do not wait for it, unless it is far
    /// too much.
    pub fn hold(&mut self, cx: &mut Context<'_>, stream: StreamId, held: bool, out: Out<'_>) {
        if let Some(session) = self.sessions.get_mut(&stream) {
            session.held = held;
            self.plan_session(stream);
            self.release(cx, stream, out);
        }
    }

    /// Works off a slice of what was kept of a session, if it does not have to wait any longer.
    pub(super) fn release(&mut self, cx: &mut Context<'_>, stream: StreamId, out: Out<'_>) {
        let waits = |session: &&mut Session| session.goes_on() && !session.kept.is_empty();
        let Some(session) = self.sessions.get_mut(&stream).filter(waits) else { return };
        let mut kept = std::mem::take(&mut session.kept);
        let paused = self.forget_kept(stream, &kept);
        // What was being read of each connection meanwhile.
        let mut current = BTreeMap::new();
        for (conn, piece) in kept.slice() {
            let Some(connection) = self.connections.get_mut(&conn).filter(|connection| !connection.closing) else {
                continue;
            };
            current.entry(conn).or_insert_with(|| connection.reading.take());
            match piece {
                Piece::Head(head) => self.begin(cx, conn, head, out),
                Piece::Begun(head, reading) => connection.reading = Some((head, reading)),
                Piece::Body(data) => self.body(cx, conn, data, out),
                Piece::End(flag) => self.finish(cx, conn, flag, out),
            }
        }
        let behind: BTreeSet<ConnId> = kept.pieces.iter().map(|(conn, _)| *conn).collect();
        for (conn, reading) in current {
            if let Some(connection) = self.connections.get_mut(&conn) {
                // Of what was kept the last request may not have ended: then it is the one that is being read.
                let is_other = !matches!(&reading, Some((_, Reading::Kept(of))) if *of == stream);
                if behind.contains(&conn) {
                    let begun = std::mem::replace(&mut connection.reading, reading);
                    begun.into_iter().for_each(|(head, reading)| kept.give_back(conn, head, reading));
                } else if is_other {
                    connection.reading = reading;
                }
            }
            self.pump(cx, conn, out);
        }
        if let Some(session) = self.sessions.get_mut(&stream).filter(|_| !kept.is_empty()) {
            kept.next = Some(cx.now + TURN);
            session.kept = kept;
            for conn in behind {
                if let Some(connection) = self.connections.get_mut(&conn) {
                    connection.keeps.insert(stream);
                }
            }
        }
        self.plan_session(stream);
        self.resume(&paused, out);
    }

    /// Nothing of a session is kept any longer; the connections that were not read because of it and others.
    pub(super) fn forget_kept(&mut self, stream: StreamId, kept: &Kept) -> Vec<ConnId> {
        let mut paused = Vec::new();
        for (conn, _) in &kept.pieces {
            if let Some(connection) = self.connections.get_mut(conn)
                && connection.keeps.remove(&stream)
                && kept.is_too_much()
            {
                paused.push(*conn);
            }
        }
        paused
    }

    /// Reads connections on that were not read, if they can be now.
    pub(super) fn resume(&self, paused: &[ConnId], out: Out<'_>) {
        for conn in paused.iter().filter(|conn| !self.is_paused(**conn)) {
            out.push(Output::Resume(*conn));
        }
    }
}
