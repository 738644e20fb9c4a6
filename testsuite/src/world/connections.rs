//! Connections: opened, cut into pieces, reset, closed.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;

use sipsimple_core::agent::{ConnectionEvent, Input};
use sipsimple_core::id::ConnId;
use sipsimple_core::transport::{CertificateChain, CloseCause, CloseHow, Security, TlsInfo, Transport};

use crate::post::Letter;
use crate::script::Way;
use crate::sip::Sip;
use crate::stream::{End, Node, Pipe};
use crate::wire::{Fate, MsrpSight, Packet};

use super::{Happening, World};

impl World {
    fn pipes(&mut self, node: Node) -> &mut std::collections::BTreeMap<ConnId, Pipe> {
        match node {
            Node::Host(host) => &mut self.hosts[host].pipes,
            Node::Post(post) => &mut self.posts[post].pipes,
        }
    }

    pub(super) fn pipe(&mut self, end: End) -> Option<&mut Pipe> {
        self.pipes(end.node).get_mut(&end.conn)
    }

    /// A host opens a connection.
    pub(super) fn open(&mut self, host: usize, conn: ConnId, to: SocketAddr, security: &Security) {
        let transport = if *security == Security::Plain { Transport::Tcp } else { Transport::Tls };
        self.hosts[host].opening.insert(conn);
        self.hosts[host].conns.insert(conn);
        let from = End { node: Node::Host(host), conn };
        let Some(address) = self.hosts[host].address_toward(to.ip()) else {
            self.refuse(from, CloseCause::Unreachable);
            return;
        };
        let local = SocketAddr::new(address, self.hosts[host].free_port());
        let after = self.link(local.ip(), to.ip()).clone().transit(&mut self.random);
        self.schedule(after, Happening::Connect { from, transport, local, to });
    }

    /// What a node shows where TLS asks for it.
    fn shown(&self, node: Node) -> TlsInfo {
        let shows = match node {
            Node::Host(host) => &self.hosts[host].place.shows,
            Node::Post(post) => &self.posts[post].shows,
        };
        shows.clone().unwrap_or(TlsInfo { chain: CertificateChain::Missing, certificates: Vec::new() })
    }

    fn refuse(&mut self, from: End, cause: CloseCause) {
        if let Node::Host(host) = from.node {
            self.hosts[host].opening.remove(&from.conn);
        }
        let event = ConnectionEvent::Closed(cause);
        self.schedule(Duration::ZERO, Happening::Stream { to: from, event, from: None });
    }

    /// A connection reaches the other node: it is accepted or refused. Where nobody is, nothing ever answers.
    pub(super) fn connect(&mut self, from: End, transport: Transport, local: SocketAddr, to: SocketAddr) {
        if let Node::Host(host) = from.node
            && !self.hosts[host].opening.contains(&from.conn)
        {
            // It was given up in the meantime.
            return;
        }
        // Where there is no way through a NAT, nothing ever answers.
        let Some(seen) = self.leave(local, to) else { return };
        let Some(inside) = self.enter(seen, to) else { return };
        let refuse = self.link(local.ip(), to.ip()).refuse;
        let refused = self.random.one_in_million(refuse);
        let now = self.now;
        // A handshake needs two who want one, and a server that has something to show.
        let unlike = CloseCause::Tls("the handshake failed".into());
        let end = match self.node_at(inside) {
            None => return,
            Some(Node::Post(post)) if self.posts[post].listens && !refused => {
                if (transport == Transport::Tls) != self.posts[post].shows.is_some() {
                    self.refuse(from, unlike);
                    return;
                }
                let conn = ConnId::accepted(self.posts[post].opened);
                self.posts[post].opened += 1;
                End { node: Node::Post(post), conn }
            }
            Some(Node::Host(host)) if !refused => {
                let fits = |listening: &SocketAddr| {
                    let everywhere = listening.ip().is_unspecified() && listening.is_ipv4() == inside.is_ipv4();
                    listening.port() == inside.port() && (listening.ip() == inside.ip() || everywhere)
                };
                let found = self.hosts[host].listening.iter().find(|(_, (local, _))| fits(local));
                let Some((on, protected)) = found.map(|(id, (_, protected))| (*id, *protected)) else {
                    self.refuse(from, CloseCause::Refused);
                    return;
                };
                if protected != (transport == Transport::Tls) || (protected && self.hosts[host].place.shows.is_none()) {
                    self.refuse(from, unlike);
                    return;
                }
                let sip = is_sip(from.conn) && on.stream().is_none() && !on.is_msrp();
                let conn = ConnId::accepted(self.hosts[host].accepted);
                self.hosts[host].accepted += 1;
                self.hosts[host].conns.insert(conn);
                let end = End { node: Node::Host(host), conn };
                self.hosts[host].pipes.insert(conn, Pipe::new(now, from, inside, seen, (transport, sip)));
                self.opened(from, end, local, to, (transport, sip));
                self.input(host, Input::Accepted { conn, on, peer: seen });
                let tls = protected.then(|| self.shown(from.node));
                let open = ConnectionEvent::Open { local: inside, peer: seen, tls };
                self.input(host, Input::Stream { conn, event: open });
                return;
            }
            Some(_) => {
                self.refuse(from, CloseCause::Refused);
                return;
            }
        };
        let kind = (transport, is_sip(from.conn));
        self.pipes(end.node).insert(end.conn, Pipe::new(now, from, inside, seen, kind));
        self.opened(from, end, local, to, kind);
        if let Node::Post(post) = end.node {
            self.play(post, |script, turn| script.opened(end.conn, seen, turn));
        }
    }

    /// The side that opened a connection learns that it is open.
    fn opened(&mut self, from: End, to: End, local: SocketAddr, remote: SocketAddr, kind: (Transport, bool)) {
        let now = self.now;
        self.pipes(from.node).insert(from.conn, Pipe::new(now, to, local, remote, kind));
        if let Node::Host(host) = from.node {
            self.hosts[host].opening.remove(&from.conn);
        }
        let tls = (kind.0 == Transport::Tls).then(|| self.shown(to.node));
        let event = ConnectionEvent::Open { local, peer: remote, tls };
        self.schedule(Duration::ZERO, Happening::Stream { to: from, event, from: None });
    }

    /// Writes to a connection.
    pub(super) fn write(&mut self, end: End, data: &Bytes) {
        let Some(pipe) = self.pipe(end) else { return };
        let messages = if pipe.sip { pipe.written.feed(data) } else { Vec::new() };
        pipe.traffic[0] += data.len() as u64;
        let (peer, local, remote, transport) = (pipe.peer, pipe.local, pipe.remote, pipe.transport);
        if let Node::Host(host) = end.node {
            for data in messages {
                self.see(Fate::Sent, host, &Packet { transport, from: local, to: remote, data });
            }
        }
        self.see_frames(Fate::Sent, end, data);
        let faults = self.link(local.ip(), remote.ip()).clone();
        if self.random.one_in_million(faults.reset) {
            self.reset(end);
            return;
        }
        let mut rest = data.clone();
        while !rest.is_empty() {
            let size = if faults.segment == 0 || faults.segment >= rest.len() {
                rest.len()
            } else {
                let most = u64::try_from(faults.segment).unwrap_or(1);
                usize::try_from(self.random.between(1, most)).unwrap_or(1)
            };
            let mut piece = rest.split_to(size);
            if let Some(Pipe { inbound, .. }) = self.pipe(peer) {
                let room = if inbound.waiting.is_empty() { inbound.admit(size, faults.window) } else { 0 };
                let waits = piece.split_off(room);
                inbound.waiting.extend((!waits.is_empty()).then_some(waits));
            }
            self.carry(end, piece);
        }
    }

    /// Puts bytes on the way that one end has written and that there is room for at the other.
    fn carry(&mut self, end: End, piece: Bytes) {
        let Some(pipe) = self.pipe(end).filter(|_| !piece.is_empty()) else { return };
        let (peer, line, last) = (pipe.peer, (pipe.local.ip(), pipe.remote.ip()), pipe.last);
        let faults = self.link(line.0, line.1).clone();
        let (bytes, free) = (piece.len(), self.occupied.get(&line).copied().unwrap_or(self.now));
        let gone = free.max(self.now) + faults.occupied(bytes);
        let last = last.max(gone + faults.transit(&mut self.random));
        let event = ConnectionEvent::Data(piece);
        let from = (faults.rate == 0).then_some(end);
        self.schedule(last - self.now, Happening::Stream { to: peer, event, from });
        if faults.rate > 0 {
            // The system has taken it when no more than its buffer waits for the link.
            self.occupied.insert(line, gone);
            let after = (gone - self.now).saturating_sub(faults.occupied(faults.buffer));
            let event = ConnectionEvent::Drained(bytes);
            self.schedule(after, Happening::Stream { to: end, event, from: None });
        }
        if let Some(pipe) = self.pipe(end) {
            pipe.last = last;
        }
    }

    /// One end learns that there is room at the other, and sends what waited for it.
    pub(super) fn reopen(&mut self, to: End) {
        let Some(pipe) = self.pipe(to) else { return };
        pipe.inbound.reopens = false;
        let from = pipe.peer;
        let Some(line) = self.pipe(from).map(|pipe| (pipe.local.ip(), pipe.remote.ip())) else { return };
        let window = self.link(line.0, line.1).window;
        while let Some(Pipe { inbound, .. }) = self.pipe(to)
            && let Some(mut front) = inbound.waiting.pop_front()
        {
            let room = inbound.admit(front.len(), window);
            let piece = front.split_to(room);
            let is_full = !front.is_empty();
            if is_full {
                inbound.waiting.push_front(front);
            }
            self.carry(from, piece);
            if is_full {
                break;
            }
        }
    }

    /// What waits to be sent by an end that closes goes out, whether there is room for it or not.
    fn flush(&mut self, end: End) {
        let Some(peer) = self.pipe(end).map(|pipe| pipe.peer) else { return };
        while let Some(Pipe { inbound, .. }) = self.pipe(peer)
            && let Some(front) = inbound.waiting.pop_front()
        {
            inbound.taken += front.len();
            self.carry(end, front);
        }
    }

    /// Shows frames of MSRP to those who watch.
    fn see_frames(&mut self, fate: Fate, end: End, data: &Bytes) {
        let Node::Host(host) = end.node else { return };
        if self.watch.properties.is_empty() {
            return;
        }
        let (at, conn) = (self.now, end.conn);
        let Some(pipe) = self.pipe(end).filter(|pipe| !pipe.sip) else { return };
        let [written, read] = &mut pipe.frames;
        let frames = if fate == Fate::Sent { written.feed(data) } else { read.feed(data) };
        let bodies = written.bodies();
        for frame in frames {
            match frame {
                Ok(frame) => {
                    let opened = conn.is_msrp();
                    self.watch.frame(&MsrpSight { at, fate, host, conn, opened, bodies, frame: &frame });
                }
                // What others send need not be MSRP.
                Err(why) if fate == Fate::Sent => self.watch.unframed(host, at, &why),
                Err(_) => {}
            }
        }
    }

    /// Closes one end of a connection; the other learns of it.
    pub(super) fn close(&mut self, end: End, how: CloseHow) {
        if let Node::Host(host) = end.node {
            self.hosts[host].opening.remove(&end.conn);
        }
        if how == CloseHow::Flush {
            self.flush(end);
        }
        if let Some(pipe) = self.pipes(end.node).remove(&end.conn) {
            let (cause, at) = match how {
                CloseHow::Flush => (CloseCause::Peer, pipe.last.max(self.now)),
                CloseHow::Abort => (CloseCause::Reset, self.now),
            };
            let after = (at - self.now) + self.link(pipe.local.ip(), pipe.remote.ip()).delay;
            let event = ConnectionEvent::Closed(cause);
            self.schedule(after, Happening::Stream { to: pipe.peer, event, from: None });
        }
        let event = ConnectionEvent::Closed(CloseCause::Local);
        self.schedule(Duration::ZERO, Happening::Stream { to: end, event, from: None });
    }

    /// Cuts a connection, for both of its ends.
    pub(super) fn reset(&mut self, end: End) {
        let Some(pipe) = self.pipes(end.node).remove(&end.conn) else { return };
        let delay = self.link(pipe.local.ip(), pipe.remote.ip()).delay;
        for to in [end, pipe.peer] {
            if let Node::Host(host) = to.node {
                self.watch.lost(host, self.now);
            }
            let event = ConnectionEvent::Closed(CloseCause::Reset);
            self.schedule(delay, Happening::Stream { to, event, from: None });
        }
    }

    /// Cuts every connection between two addresses.
    pub fn reset_connections(&mut self, one: IpAddr, other: IpAddr) {
        let mut ends = Vec::new();
        for (number, host) in self.hosts.iter().enumerate() {
            for (conn, pipe) in &host.pipes {
                if pipe.local.ip() == one && pipe.remote.ip() == other {
                    ends.push(End { node: Node::Host(number), conn: *conn });
                }
            }
        }
        for end in ends {
            self.reset(end);
        }
    }

    /// Something arrives at one end of a connection.
    pub(super) fn stream(&mut self, to: End, event: ConnectionEvent, from: Option<End>) {
        match &event {
            ConnectionEvent::Closed(cause) => {
                // In good order it ends behind what has come.
                if *cause == CloseCause::Peer
                    && let Some(Pipe { inbound, .. }) = self.pipe(to).filter(|pipe| !pipe.inbound.unread.is_empty())
                {
                    inbound.closed = Some(cause.clone());
                    return;
                }
                self.pipes(to.node).remove(&to.conn);
                if let Node::Host(host) = to.node {
                    self.watch.closed(host, to.conn, self.now);
                    if !self.hosts[host].conns.remove(&to.conn) {
                        // It knows already.
                        return;
                    }
                    self.watch.lost(host, self.now);
                }
            }
            ConnectionEvent::Open { .. } | ConnectionEvent::Drained(_) => {
                if self.pipe(to).is_none() {
                    return;
                }
            }
            ConnectionEvent::Data(data) => {
                let Some(pipe) = self.pipe(to) else { return };
                pipe.inbound.unread.push_back(data.clone());
                let drained = from.map(|from| (from, data.len()));
                self.read_on(to, drained);
                return;
            }
        }
        self.hand(to, event);
    }

    /// One end reads what has come, as far as it wants to; the system of the other has got rid of so many bytes.
    pub(super) fn read_on(&mut self, to: End, mut drained: Option<(End, usize)>) {
        loop {
            let wanted = match to.node {
                Node::Host(host) => self.hosts[host].agent.read_budget(to.conn),
                Node::Post(_) => usize::MAX,
            };
            let Some(pipe) = self.pipe(to) else { break };
            let inbound = &mut pipe.inbound;
            let Some(mut data) = inbound.unread.pop_front_if(|_| wanted > 0) else { break };
            let rest = data.split_off(wanted.min(data.len()));
            if !rest.is_empty() {
                inbound.unread.push_front(rest);
            }
            inbound.taken = inbound.taken.saturating_sub(data.len());
            let reopens = !inbound.waiting.is_empty() && !std::mem::replace(&mut inbound.reopens, true);
            pipe.traffic[1] += data.len() as u64;
            let messages = if pipe.sip { pipe.read.feed(&data) } else { Vec::new() };
            let (local, remote, transport) = (pipe.local, pipe.remote, pipe.transport);
            if reopens {
                let delay = self.link(local.ip(), remote.ip()).delay;
                self.schedule(delay, Happening::Reopen(to));
            }
            self.see_frames(Fate::Arrived, to, &data);
            for data in messages {
                self.read(to, Packet { transport, from: remote, to: local, data });
            }
            self.drain_end(drained.take());
            self.hand(to, ConnectionEvent::Data(data));
        }
        self.drain_end(drained);
        let ends = |pipe: &mut Pipe| pipe.inbound.closed.take_if(|_| pipe.inbound.unread.is_empty());
        if let Some(cause) = self.pipe(to).and_then(ends) {
            self.stream(to, ConnectionEvent::Closed(cause), None);
        }
    }

    fn drain_end(&mut self, drained: Option<(End, usize)>) {
        if let Some((End { node: Node::Host(host), conn }, bytes)) = drained
            && self.hosts[host].pipes.contains_key(&conn)
        {
            self.input(host, Input::Stream { conn, event: ConnectionEvent::Drained(bytes) });
        }
    }

    /// Hands what has come to whoever is there.
    fn hand(&mut self, to: End, event: ConnectionEvent) {
        match to.node {
            Node::Host(host) => self.input(host, Input::Stream { conn: to.conn, event }),
            Node::Post(post) => match event {
                ConnectionEvent::Closed(cause) => {
                    if cause != CloseCause::Local {
                        self.posts[post].closed += 1;
                        self.play(post, |script, turn| script.closed(to.conn, turn));
                    }
                }
                ConnectionEvent::Data(data) => {
                    if data.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
                        self.posts[post].other.extend_from_slice(&data);
                    }
                    self.play(post, |script, turn| script.data(Way::Stream(to.conn), &data, turn));
                }
                ConnectionEvent::Open { peer, .. } => {
                    self.play(post, |script, turn| script.opened(to.conn, peer, turn));
                }
                ConnectionEvent::Drained(_) => {}
            },
        }
    }

    /// A whole message has arrived on a connection.
    fn read(&mut self, to: End, packet: Packet) {
        match to.node {
            Node::Host(host) => self.see(Fate::Arrived, host, &packet),
            Node::Post(post) => {
                if let Some(sip) = Sip::read(&packet.data) {
                    let (at, transport, from, conn) = (self.now, packet.transport, packet.from, Some(to.conn));
                    self.deliver(post, Letter { at, transport, from, conn, sip });
                }
            }
        }
    }
}

/// Whether a connection that was opened under this name may carry SIP.
fn is_sip(conn: ConnId) -> bool {
    conn.stream().is_none() && !conn.is_msrp()
}
