//! One TCP listener: a task that accepts.

use std::io::{ErrorKind, Result};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use async_io::{Async, Timer};
use sipsimple_core::id::SocketId;
use sipsimple_core::transport::Port;
use smol::channel::Sender;
use smol::{LocalExecutor, Task};

use super::close_cause::close_cause;
use super::{News, bind};

/// How long to wait when the system has no more file descriptors: others must close first.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// A listening TCP socket. Dropping it closes it; connections that it accepted live on.
#[derive(Debug)]
pub(crate) struct Listener {
    local: SocketAddr,
    task: Task<()>,
}

impl Listener {
    pub(crate) fn bind(
        id: SocketId,
        addr: IpAddr,
        port: Port,
        executor: &LocalExecutor<'static>,
        news: &Sender<News>,
    ) -> Result<Self> {
        let listener = bind::listener(addr, port)?;
        let local = listener.get_ref().local_addr()?;
        Ok(Self { local, task: executor.spawn(accept(id, listener, news.clone())) })
    }

    /// The address that it is bound to.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Closes it; the port is free when this returns.
    pub(crate) async fn close(self) {
        self.task.cancel().await;
    }
}

async fn accept(id: SocketId, listener: Async<std::net::TcpListener>, news: Sender<News>) {
    loop {
        let told = match listener.accept().await {
            Ok((stream, peer)) => News::Accepted { on: id, stream, peer },
            // The peer gave up before it was accepted.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => continue,
            Err(error) if is_exhausted(&error) => {
                tracing::warn!(%id, %error, "cannot accept connections for now");
                Timer::after(EXHAUSTED).await;
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

fn is_exhausted(error: &std::io::Error) -> bool {
    #[cfg(unix)]
    if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS)) {
        return true;
    }
    error.kind() == ErrorKind::OutOfMemory
}
