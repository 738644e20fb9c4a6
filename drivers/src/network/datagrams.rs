//! One UDP socket: datagrams out at once, datagrams in by a task.

use std::io::{ErrorKind, Result};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use async_io::Async;
use bytes::Bytes;
use sipsimple_core::id::SocketId;
use sipsimple_core::transport::Port;
use smol::channel::{Receiver, Sender};
use smol::{LocalExecutor, Task};

use super::close_cause::close_cause;
use super::read_buffer::ReadBuffer;
use super::{News, bind, undelivered};

/// Datagrams that wait while the system's buffer is full. More are dropped, as a network would.
const WAITING: usize = 512;

/// Errors in a row after which a socket counts as broken. Single ones tell of an earlier datagram that could not be delivered.
const ERRORS: u32 = 64;

/// A bound UDP socket. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Datagrams {
    socket: Arc<Async<UdpSocket>>,
    local: SocketAddr,
    waiting: Sender<(SocketAddr, Bytes)>,
    tasks: [Task<()>; 2],
}

impl Datagrams {
    pub(crate) fn bind(
        id: SocketId,
        addr: IpAddr,
        port: Port,
        executor: &LocalExecutor<'static>,
        news: &Sender<News>,
    ) -> Result<Self> {
        let socket = Arc::new(bind::udp(addr, port)?);
        let local = socket.get_ref().local_addr()?;
        if let Err(error) = undelivered::ask(socket.get_ref()) {
            tracing::debug!(%id, %error, "what is not delivered will not be known");
        }
        let (waiting, queue) = smol::channel::bounded(WAITING);
        let tasks = [
            executor.spawn(receive(id, socket.clone(), news.clone())),
            executor.spawn(send_waiting(socket.clone(), queue)),
        ];
        Ok(Self { socket, local, waiting, tasks })
    }

    /// The address that it is bound to.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// The address that datagrams come in on, where that is certain.
    pub(crate) fn destination(&self) -> Option<IpAddr> {
        Some(self.local.ip()).filter(|ip| !ip.is_unspecified())
    }

    /// Closes it; the port is free when this returns.
    pub(crate) async fn close(self) {
        for task in self.tasks {
            task.cancel().await;
        }
    }

    /// Sends a datagram, or lets it wait for room. What cannot be sent is lost, as any datagram may be.
    pub(crate) fn send(&self, to: SocketAddr, data: Bytes) {
        // An error may be that of an earlier datagram, whatever its destination: this one was not sent then.
        let again = |_| self.socket.get_ref().send_to(&data, to);
        let Err(error) = self.socket.get_ref().send_to(&data, to).or_else(again) else { return };
        if error.kind() != ErrorKind::WouldBlock {
            tracing::debug!(%to, %error, "a datagram could not be sent");
        } else if self.waiting.try_send((to, data)).is_err() {
            tracing::debug!(%to, "a datagram was dropped: the socket has no room");
        }
    }
}

async fn send_waiting(socket: Arc<Async<UdpSocket>>, queue: Receiver<(SocketAddr, Bytes)>) {
    while let Ok((to, data)) = queue.recv().await {
        if let Err(error) = socket.send_to(&data, to).await {
            tracing::debug!(%to, %error, "a datagram could not be sent");
        }
    }
}

async fn receive(id: SocketId, socket: Arc<Async<UdpSocket>>, news: Sender<News>) {
    let mut buffer = ReadBuffer::new();
    let mut errors = 0;
    loop {
        let told = match socket.get_ref().recv_from(buffer.space(usize::MAX)) {
            Ok((len, from)) => {
                errors = 0;
                News::Datagram { socket: id, from, data: buffer.take(len) }
            }
            Err(error) if errors < ERRORS => {
                // A send may have taken the error of the socket, but never what is told: whoever is woken for it finds nothing to read.
                let undelivered = undelivered::take(socket.get_ref());
                let is_told = !undelivered.is_empty();
                for (to, cause) in undelivered {
                    if news.send(News::Undelivered { socket: id, to, cause }).await.is_err() {
                        return;
                    }
                }
                if error.kind() != ErrorKind::WouldBlock {
                    errors = if is_told { 0 } else { errors + 1 };
                    tracing::debug!(%id, %error, "reading a datagram failed");
                    smol::future::yield_now().await;
                } else if !is_told && socket.readable().await.is_err() {
                    errors += 1;
                }
                continue;
            }
            Err(error) => {
                let _ = news.send(News::SocketBroken { socket: id, cause: close_cause(&error) }).await;
                return;
            }
        };
        if news.send(told).await.is_err() {
            return;
        }
    }
}
