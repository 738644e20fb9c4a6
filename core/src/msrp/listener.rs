//! The listeners of one endpoint: sessions share them, so that a peer can share its connections among sessions (RFC 4975 section 5.4).

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::endpoint::Out;
use super::{Endpoint, Output};
use crate::id::{ConnId, SocketId, StreamId};
use crate::transport::{CloseCause, CloseHow, Port, SocketKind};

#[derive(Debug)]
pub(super) struct Listener {
    kind: SocketKind,
    addr: IpAddr,
    /// Where it is bound, once it is.
    local: Option<SocketAddr>,
    /// The sessions whose peers may come here. Without one it closes.
    users: BTreeSet<StreamId>,
    closing: bool,
}

impl Endpoint {
    /// A name for a connection that nobody has had.
    pub fn name_connection(&mut self) -> ConnId {
        ConnId::of_msrp(self.named_connections.take())
    }

    /// Whether a socket is a listener of this endpoint.
    #[must_use]
    pub fn owns_socket(&self, socket: SocketId) -> bool {
        self.listeners.contains_key(&socket)
    }

    /// Listens for the peer of a session: on the listener that is there for others, or on a new one. `Listening` comes.
    pub fn listen(&mut self, stream: StreamId, kind: SocketKind, addr: IpAddr, port: Port, out: Out<'_>) {
        let fits = |listener: &&mut Listener| !listener.closing && listener.kind == kind && listener.addr == addr;
        if let Some(listener) = self.listeners.values_mut().find(fits) {
            listener.users.insert(stream);
            if let Some(local) = listener.local {
                out.push(Output::Listening(stream, Ok(local)));
            }
            return;
        }
        let socket = SocketId::of_msrp(self.named_sockets.take());
        let (users, bound) = (BTreeSet::from([stream]), kind.clone());
        self.listeners.insert(socket, Listener { kind, addr, local: None, users, closing: false });
        out.push(Output::Bind { socket, kind: bound, addr, port });
    }

    /// Nobody comes for this session any more.
    pub fn unlisten(&mut self, stream: StreamId, out: Out<'_>) {
        for (socket, listener) in &mut self.listeners {
            if listener.users.remove(&stream) && listener.users.is_empty() && !listener.closing {
                listener.closing = true;
                out.push(Output::Unbind { socket: *socket });
            }
        }
        if self.listeners.values().all(|listener| listener.closing) {
            // Whom nobody waits for any more.
            let strangers: Vec<ConnId> =
                self.connections.iter().filter(|(_, conn)| conn.is_strange()).map(|(conn, _)| *conn).collect();
            for conn in strangers {
                self.hang_up(conn, CloseHow::Abort, out);
            }
        }
    }

    /// A listener is bound.
    pub fn socket_bound(&mut self, socket: SocketId, local: SocketAddr, out: Out<'_>) {
        if let Some(listener) = self.listeners.get_mut(&socket).filter(|listener| !listener.closing) {
            listener.local = Some(local);
            for stream in &listener.users {
                out.push(Output::Listening(*stream, Ok(local)));
            }
        }
    }

    /// A listener could not be bound, broke, or is closed as asked.
    pub fn socket_closed(&mut self, socket: SocketId, cause: &CloseCause, out: Out<'_>) {
        let Some(listener) = self.listeners.remove(&socket) else { return };
        for stream in listener.users {
            out.push(Output::Listening(stream, Err(cause.clone())));
        }
    }

    /// Whether connections are wanted on this listener.
    pub(super) fn is_listening(&self, socket: SocketId) -> bool {
        self.listeners.get(&socket).is_some_and(|listener| !listener.closing)
    }
}
