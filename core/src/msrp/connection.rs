//! One connection, which any number of sessions share.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use bytes::Bytes;

use super::log::Taps;
use super::sender::Sender;
use super::{Framer, Head, Output, TraceDirection};
use crate::id::{ConnId, StreamId};
use crate::limits::Limits;
use crate::outbox::Outbox;
use crate::sip::Text;
use crate::time::Instant;
use crate::transport::{Security, TlsInfo};

use super::event::Wish;

/// What the frame is that is being read.
#[derive(Debug)]
pub(super) enum Reading {
    /// Nothing of it is wanted any longer; it was answered if it had to be.
    Nothing,
    /// An empty SEND.
    Empty,
    /// The same, about a message of which nothing has come.
    Unknown(StreamId, Text),
    /// It waits with its session.
    Kept(StreamId),
    /// A chunk; the number of its next byte.
    Chunk { stream: StreamId, wish: Wish, next: u64 },
}

#[derive(Debug)]
pub(super) struct Connection {
    /// Where we opened it to.
    pub(super) ours: Option<(SocketAddr, Security)>,
    pub(super) open: bool,
    pub(super) closing: bool,
    pub(super) tls: Option<TlsInfo>,
    pub(super) framer: Framer,
    /// The request that is being read.
    pub(super) reading: Option<(Head, Reading)>,
    /// The sessions of which something is kept that came on it.
    pub(super) keeps: BTreeSet<StreamId>,
    pub(super) sender: Sender,
    /// The sessions that are bound to it, or will be.
    pub(super) sessions: BTreeSet<StreamId>,
    /// Until then a connection that was opened to us must carry a session.
    pub(super) idle_until: Option<Instant>,
    /// Whether the peer is not read.
    pub(super) paused: bool,
    /// What goes over it, if that is traced.
    pub(super) taps: Option<Box<Taps>>,
}

impl Connection {
    pub(super) fn new(ours: Option<(SocketAddr, Security)>, idle_until: Option<Instant>) -> Self {
        Self {
            ours,
            open: false,
            closing: false,
            tls: None,
            framer: Framer::new(),
            reading: None,
            keeps: BTreeSet::new(),
            sender: Sender::default(),
            sessions: BTreeSet::new(),
            idle_until,
            paused: false,
            taps: None,
        }
    }

    /// Tells what goes over it, if that is traced.
    pub(super) fn trace(
        &mut self,
        direction: TraceDirection,
        conn: ConnId,
        data: &Bytes,
        limits: &Limits,
        out: &mut Outbox<Output>,
    ) {
        if let Some(taps) = &mut self.taps {
            taps.feed(direction, data.clone(), limits).for_each(|event| out.push(Output::Log(conn, event)));
        }
    }

    /// Whether a peer opened it and has said nothing of a session yet.
    pub(super) fn is_strange(&self) -> bool {
        self.ours.is_none() && self.sessions.is_empty() && self.keeps.is_empty() && !self.closing
    }
}
