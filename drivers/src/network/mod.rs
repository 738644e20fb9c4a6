//! The sockets of an agent: executes its effects, and tells as inputs what happened.
//!
//! Tasks on the agent's own thread read and write; what they have to say comes as [`News`] through one channel, in
//! order. The [`Network`] turns it into inputs, and drops what concerns sockets and connections that the agent has
//! closed meanwhile. A connection reads only when it was granted bytes, which is how back-pressure reaches the peer.

mod bind;
mod close_cause;
mod connection;
mod datagrams;
mod listener;
mod read_buffer;
mod stream;
mod tls;
mod undelivered;
mod watch;

#[cfg(test)]
mod tests;

pub use bind::local_address;
pub(crate) use bind::udp as bind_udp;
pub(crate) use close_cause::close_cause;
pub use tls::TlsSettings;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use async_io::{Async, Timer};
use bytes::Bytes;
use futures_lite::FutureExt;
use sipsimple_core::agent::{Answer, ConnectionEvent, Effect, Input, NetworkChange, Question, SocketEvent};
use sipsimple_core::id::{ConnId, Counter, SocketId};
use sipsimple_core::sip::Text;
use sipsimple_core::transport::{CloseCause, CloseHow, Fingerprint, Port, Security, SocketKind, TlsPolicy};
use smol::LocalExecutor;
use smol::channel::Sender;

use connection::Connection;
use datagrams::Datagrams;
use listener::Listener;
use stream::Stream;
use tls::Tls;

/// What a task of a socket has to say.
#[derive(Debug)]
pub(crate) enum News {
    /// A datagram came.
    Datagram { socket: SocketId, from: SocketAddr, data: Bytes },
    /// The network says that a datagram cannot be delivered.
    Undelivered { socket: SocketId, to: SocketAddr, cause: CloseCause },
    /// The certificate of an identity was renewed.
    Renewed { identity: Text, fingerprint: Fingerprint },
    /// The network has changed.
    Changed(NetworkChange),
    /// A socket can no longer be read.
    SocketBroken { socket: SocketId, cause: CloseCause },
    /// A socket is closed: its port is free.
    SocketClosed { socket: SocketId },
    /// A peer opened a connection.
    Accepted { on: SocketId, stream: Async<TcpStream>, peer: SocketAddr },
    /// A connection is open.
    Opened { conn: ConnId, stream: Box<Stream> },
    /// Bytes came.
    Data { conn: ConnId, data: Bytes },
    /// Bytes were written.
    Drained { conn: ConnId, len: usize },
    /// All bytes were written, and our side is closed.
    Flushed { conn: ConnId },
    /// A connection is closed, or could not be opened.
    Closed { conn: ConnId, cause: CloseCause },
}

/// The sockets and connections of one agent.
#[derive(Debug)]
pub(crate) struct Network {
    executor: Rc<LocalExecutor<'static>>,
    news: Sender<News>,
    sockets: BTreeMap<SocketId, Bound>,
    connections: BTreeMap<ConnId, Connection>,
    accepted: Counter,
    tls: Tls,
}

#[derive(Debug)]
enum Bound {
    Datagrams(Datagrams),
    /// A listener, and how its connections are protected: by which identity, and what it asks of the peer's.
    Listener(Listener, Option<(Option<Text>, TlsPolicy)>),
}

impl Network {
    /// A network whose tasks run on `executor` and send to `news`, which comes back through [`Network::take`].
    pub(crate) fn new(executor: Rc<LocalExecutor<'static>>, news: Sender<News>, tls: TlsSettings) -> Self {
        Self {
            executor,
            news,
            sockets: BTreeMap::new(),
            connections: BTreeMap::new(),
            accepted: Counter::default(),
            tls: Tls::new(tls),
        }
    }

    /// Tells from now on when the machine's addresses change, and when it slept.
    pub(crate) fn watch(&self) {
        self.executor.spawn(watch::watch(self.news.clone(), watch::EVERY, watch::addresses)).detach();
    }

    /// Executes an effect on sockets and connections, or answers a question. Gives back what is to be told at once.
    pub(crate) fn execute(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Bind { socket, kind, addr, port } => Some(self.bind(socket, &kind, addr, port)),
            Effect::Unbind { socket } => {
                let (bound, news) = (self.sockets.remove(&socket)?, self.news.clone());
                let close = async move {
                    bound.close().await;
                    let _ = news.send(News::SocketClosed { socket }).await;
                };
                self.executor.spawn(close).detach();
                None
            }
            Effect::Send { on, to, data } => {
                if let Some(Bound::Datagrams(datagrams)) = self.sockets.get(&on) {
                    datagrams.send(to, data);
                }
                None
            }
            Effect::Open { conn, to, security, from } => self.open(conn, to, &security, from),
            Effect::Write { conn, data } => {
                if let Some(connection) = self.connections.get_mut(&conn) {
                    connection.write(data);
                }
                None
            }
            Effect::Close { conn, how } => self.close(conn, how),
            Effect::Ask { ask, question: Question::LocalAddress { toward } } => {
                Some(Input::Answer { ask, answer: Answer::LocalAddress(local_address(toward)) })
            }
            Effect::Ask { ask, question: Question::Tls(files) } => {
                Some(Input::Answer { ask, answer: Answer::Tls(self.tls.configure(&files)) })
            }
            // Questions are answered at once, so there is never one to abandon; the agent's loop does the rest.
            _ => None,
        }
    }

    /// What `news` means to the agent, oldest first.
    pub(crate) fn take(&mut self, news: News) -> [Option<Input>; 2] {
        match news {
            News::Datagram { socket, from, data } => {
                let Some(Bound::Datagrams(datagrams)) = self.sockets.get(&socket) else { return [None, None] };
                let to = datagrams.destination();
                one(Input::Datagram { socket, from, to, interface: None, ttl: None, data })
            }
            News::Undelivered { socket, to, cause } if self.sockets.contains_key(&socket) => {
                one(Input::Undelivered { socket, to, cause })
            }
            News::Undelivered { .. } => [None, None],
            News::Renewed { identity, fingerprint } => one(Input::Certificate { identity, fingerprint }),
            News::Changed(change) => one(Input::Network(change)),
            News::SocketBroken { socket, cause } => match self.sockets.remove(&socket) {
                Some(_) => one(Input::Socket { socket, event: SocketEvent::Failed(cause) }),
                None => [None, None],
            },
            News::SocketClosed { socket } => one(Input::Socket { socket, event: SocketEvent::Closed }),
            News::Accepted { on, stream, peer } => self.accepted(on, stream, peer),
            News::Opened { conn, stream } => {
                let Some(connection) = self.connections.get_mut(&conn) else { return [None, None] };
                connection.opened(conn, *stream, &self.executor, &self.news);
                [Some(self.is_open(conn)), None]
            }
            News::Data { conn, data } => match self.connections.get_mut(&conn) {
                Some(connection) if !connection.is_flushing() => {
                    connection.has_read();
                    one(event(conn, ConnectionEvent::Data(data)))
                }
                _ => [None, None],
            },
            News::Drained { conn, len } => match self.connections.get_mut(&conn) {
                Some(connection) => {
                    connection.has_written(len);
                    one(event(conn, ConnectionEvent::Drained(len)))
                }
                None => [None, None],
            },
            News::Flushed { conn } => self.ended(conn, CloseCause::Local),
            News::Closed { conn, cause } => {
                let flushing = self.connections.get(&conn).is_some_and(Connection::is_flushing);
                // A peer that has nothing more to say may still want to hear the rest.
                if flushing && cause == CloseCause::Peer { [None, None] } else { self.ended(conn, cause) }
            }
        }
    }

    /// Lets a connection read up to `budget` bytes, once; nothing happens at 0.
    pub(crate) fn grant(&mut self, conn: ConnId, budget: usize) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.grant(budget);
        }
    }

    /// Whether everything that was to be written to connections has been handed to the system.
    pub(crate) fn is_flushed(&self) -> bool {
        self.connections.values().all(Connection::is_flushed)
    }

    /// Closes every connection in good order, within this time.
    pub(crate) async fn close_all(&mut self, within: Duration) {
        let connections = std::mem::take(&mut self.connections);
        let closing: Vec<_> =
            connections.into_values().map(|connection| self.executor.spawn(connection.finish())).collect();
        let all = async {
            for task in closing {
                task.await;
            }
        };
        let late = async {
            Timer::after(within).await;
        };
        all.or(late).await;
    }

    fn bind(&mut self, socket: SocketId, kind: &SocketKind, addr: IpAddr, port: Port) -> Input {
        let bound = match kind {
            SocketKind::Udp => Datagrams::bind(socket, addr, port, &self.executor, &self.news)
                .map(Bound::Datagrams)
                .map_err(|error| close_cause(&error)),
            SocketKind::Listen(security) => self.listen(socket, security, addr, port),
            SocketKind::Multicast { .. } => Err(CloseCause::Other("multicast is not configured".into())),
        };
        let event = match bound {
            Ok(bound) => {
                let local = bound.local();
                self.sockets.insert(socket, bound);
                SocketEvent::Bound { local }
            }
            Err(cause) => SocketEvent::Failed(cause),
        };
        Input::Socket { socket, event }
    }

    fn listen(&mut self, socket: SocketId, security: &Security, addr: IpAddr, port: Port) -> Result<Bound, CloseCause> {
        let protection = match security {
            Security::Plain => None,
            Security::Tls { identity, policy, .. } => {
                // What cannot be used is told now.
                self.tls.server(identity.as_ref(), *policy).map_err(CloseCause::Tls)?;
                self.tell_renewed();
                Some((identity.clone(), *policy))
            }
        };
        let listener = Listener::bind(socket, addr, port, &self.executor, &self.news);
        listener.map(|listener| Bound::Listener(listener, protection)).map_err(|error| close_cause(&error))
    }

    /// Tells of certificates that were renewed.
    fn tell_renewed(&mut self) {
        let (renewed, news) = (self.tls.take_renewed(), self.news.clone());
        if !renewed.is_empty() {
            let tell = async move {
                for (identity, fingerprint) in renewed {
                    let _ = news.send(News::Renewed { identity, fingerprint }).await;
                }
            };
            self.executor.spawn(tell).detach();
        }
    }

    fn open(&mut self, conn: ConnId, to: SocketAddr, security: &Security, from: Option<IpAddr>) -> Option<Input> {
        let handshake = match security {
            Security::Plain => Ok(None),
            Security::Tls { identity, server_name, policy } => {
                self.tls.client(identity.as_ref(), server_name.as_ref(), *policy).map(Some)
            }
        };
        self.tell_renewed();
        match handshake {
            Ok(handshake) => {
                let connection = Connection::open(conn, (to, from), handshake, &self.executor, &self.news);
                self.connections.insert(conn, connection);
                None
            }
            Err(why) => Some(event(conn, ConnectionEvent::Closed(CloseCause::Tls(why)))),
        }
    }

    fn close(&mut self, conn: ConnId, how: CloseHow) -> Option<Input> {
        let connection = self.connections.get_mut(&conn)?;
        if how == CloseHow::Flush && connection.flush(conn, &self.executor, &self.news) {
            return None;
        }
        if let Some(connection) = self.connections.remove(&conn) {
            connection.abort();
        }
        Some(event(conn, ConnectionEvent::Closed(CloseCause::Local)))
    }

    fn accepted(&mut self, on: SocketId, stream: Async<TcpStream>, peer: SocketAddr) -> [Option<Input>; 2] {
        let Some(Bound::Listener(_, protection)) = self.sockets.get(&on) else { return [None, None] };
        if let Some((identity, policy)) = protection.clone() {
            let handshake = self.tls.server(identity.as_ref(), policy);
            self.tell_renewed();
            // Its files have become others that cannot be used: the socket is about to be closed.
            let Ok(handshake) = handshake else { return [None, None] };
            let conn = ConnId::accepted(self.accepted.take());
            let connection = Connection::protect(conn, (stream, peer), handshake, &self.executor, &self.news);
            self.connections.insert(conn, connection);
            return one(Input::Accepted { conn, on, peer });
        }
        let conn = ConnId::accepted(self.accepted.take());
        self.connections.insert(conn, Connection::accepted(conn, stream, &self.executor, &self.news));
        [Some(Input::Accepted { conn, on, peer }), Some(self.is_open(conn))]
    }

    /// That a connection is open, or that it is closed already.
    fn is_open(&mut self, conn: ConnId) -> Input {
        let connection = self.connections.get_mut(&conn);
        let opened = connection.map_or_else(
            || Err(std::io::ErrorKind::NotConnected.into()),
            |connection| connection.addresses().map(|addresses| (addresses, connection.take_tls())),
        );
        match opened {
            Ok(((local, peer), tls)) => event(conn, ConnectionEvent::Open { local, peer, tls }),
            Err(error) => {
                self.connections.remove(&conn);
                event(conn, ConnectionEvent::Closed(close_cause(&error)))
            }
        }
    }

    fn ended(&mut self, conn: ConnId, cause: CloseCause) -> [Option<Input>; 2] {
        let Some(connection) = self.connections.remove(&conn) else { return [None, None] };
        if matches!(cause, CloseCause::Local | CloseCause::Peer) {
            self.executor.spawn(connection.linger()).detach();
        }
        one(event(conn, ConnectionEvent::Closed(cause)))
    }
}

impl Bound {
    fn local(&self) -> SocketAddr {
        match self {
            Self::Datagrams(datagrams) => datagrams.local(),
            Self::Listener(listener, _) => listener.local(),
        }
    }

    async fn close(self) {
        match self {
            Self::Datagrams(datagrams) => datagrams.close().await,
            Self::Listener(listener, _) => listener.close().await,
        }
    }
}

fn event(conn: ConnId, event: ConnectionEvent) -> Input {
    Input::Stream { conn, event }
}

fn one(input: Input) -> [Option<Input>; 2] {
    [Some(input), None]
}
