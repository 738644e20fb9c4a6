//! One connection, plain or protected by TLS: a task that reads when it is granted bytes, a task that writes what it is given.
//!
//! ```text
//!   Open ──► opening ──connected──► open ──Close(Flush)──► flushing ──flushed──► closed, lingering
//!               │                    │                        │
//!               └── failed, Close ───┴── peer, error, Abort ──┴── error, 5 s ──► closed
//! ```

use std::io::{ErrorKind, Result};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use async_io::{Async, Timer};
use bytes::Bytes;
use futures_lite::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, FutureExt};
use sipsimple_core::id::ConnId;
use sipsimple_core::transport::{CloseCause, TlsInfo};
use smol::channel::{Receiver, Sender};
use smol::{LocalExecutor, Task};
use socket2::SockRef;

use super::close_cause::close_cause;
use super::read_buffer::ReadBuffer;
use super::stream::{Socket, Stream};
use super::tls::{self, Handshake};
use super::{News, bind};

/// How long the last bytes may take to leave, and how long after them the peer may take to close its side.
const FLUSH: Duration = Duration::from_secs(5);

/// A connection. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Connection {
    /// `None` once the connection is flushing.
    chunks: Option<Sender<Bytes>>,
    phase: Phase,
    /// Bytes that wait to be written.
    waiting: usize,
    /// Ends a flush that takes too long.
    _hurry: Option<Task<()>>,
}

#[derive(Debug)]
enum Phase {
    Opening { queue: Receiver<Bytes>, _task: Task<()> },
    Open(Live),
}

#[derive(Debug)]
struct Live {
    socket: Socket,
    tls: Option<TlsInfo>,
    grants: Sender<usize>,
    /// Whether the reading task was granted bytes and has not told of any yet.
    reading: bool,
    _reader: Task<()>,
    writer: Task<()>,
}

impl Connection {
    /// Opens a connection; `News::Opened` or `News::Closed` follows.
    pub(crate) fn open(
        id: ConnId,
        (to, from): (SocketAddr, Option<IpAddr>),
        handshake: Option<Handshake>,
        executor: &LocalExecutor<'static>,
        news: &Sender<News>,
    ) -> Self {
        let opening = async move {
            let stream = bind::connect(to, from).await?;
            match handshake {
                Some(handshake) => Stream::protected(stream, to, handshake).await,
                None => Ok(Stream::plain(stream)),
            }
        };
        Self::opening(id, opening, executor, news)
    }

    /// A connection that a peer opened.
    pub(crate) fn accepted(
        id: ConnId,
        stream: Async<TcpStream>,
        executor: &LocalExecutor<'static>,
        news: &Sender<News>,
    ) -> Self {
        let (chunks, queue) = smol::channel::unbounded();
        let live = Live::start(id, Stream::plain(stream), queue, executor, news);
        Self { chunks: Some(chunks), phase: Phase::Open(live), waiting: 0, _hurry: None }
    }

    /// A connection that a peer opened and that is to be protected; `News::Opened` or `News::Closed` follows.
    pub(crate) fn protect(
        id: ConnId,
        (stream, peer): (Async<TcpStream>, SocketAddr),
        handshake: Handshake,
        executor: &LocalExecutor<'static>,
        news: &Sender<News>,
    ) -> Self {
        Self::opening(id, Stream::protected(stream, peer, handshake), executor, news)
    }

    fn opening(
        id: ConnId,
        opening: impl Future<Output = Result<Stream>> + 'static,
        executor: &LocalExecutor<'static>,
        news: &Sender<News>,
    ) -> Self {
        let (chunks, queue) = smol::channel::unbounded();
        let news = news.clone();
        let task = executor.spawn(async move {
            let told = match opening.await {
                Ok(stream) => News::Opened { conn: id, stream: Box::new(stream) },
                Err(error) => News::Closed { conn: id, cause: cause(&error) },
            };
            let _ = news.send(told).await;
        });
        Self { chunks: Some(chunks), phase: Phase::Opening { queue, _task: task }, waiting: 0, _hurry: None }
    }

    /// The connection is open now.
    pub(crate) fn opened(
        &mut self,
        id: ConnId,
        stream: Stream,
        executor: &LocalExecutor<'static>,
        news: &Sender<News>,
    ) {
        if let Phase::Opening { queue, .. } = &self.phase {
            self.phase = Phase::Open(Live::start(id, stream, queue.clone(), executor, news));
        }
    }

    /// The local and the peer's address.
    pub(crate) fn addresses(&self) -> Result<(SocketAddr, SocketAddr)> {
        let socket = self.socket().ok_or(ErrorKind::NotConnected)?.get_ref();
        Ok((socket.local_addr()?, socket.peer_addr()?))
    }

    /// What the TLS handshake told, once.
    pub(crate) fn take_tls(&mut self) -> Option<TlsInfo> {
        match &mut self.phase {
            Phase::Open(live) => live.tls.take(),
            Phase::Opening { .. } => None,
        }
    }

    /// Lets the connection read up to `budget` bytes, once. Nothing happens when it may read already, and at 0.
    pub(crate) fn grant(&mut self, budget: usize) {
        if let Phase::Open(live) = &mut self.phase
            && !live.reading
            && budget > 0
        {
            live.reading = live.grants.try_send(budget).is_ok();
        }
    }

    /// The reading task told of what it was granted.
    pub(crate) fn has_read(&mut self) {
        if let Phase::Open(live) = &mut self.phase {
            live.reading = false;
        }
    }

    /// Writes `data` after what was written before. The queue is bounded by the credit that the core spends.
    pub(crate) fn write(&mut self, data: Bytes) {
        let len = data.len();
        if self.chunks.as_ref().is_some_and(|chunks| chunks.try_send(data).is_ok()) {
            self.waiting += len;
        }
    }

    /// The writing task told of what it has written.
    pub(crate) fn has_written(&mut self, len: usize) {
        self.waiting = self.waiting.saturating_sub(len);
    }

    /// Whether nothing waits to be written.
    pub(crate) fn is_flushed(&self) -> bool {
        self.waiting == 0
    }

    /// Begins to close in good order; `News::Flushed` or `News::Closed` follows. False when it is not open: it is
    /// closed by dropping it.
    pub(crate) fn flush(&mut self, id: ConnId, executor: &LocalExecutor<'static>, news: &Sender<News>) -> bool {
        if self.chunks.take().is_some() {
            let news = news.clone();
            self._hurry = Some(executor.spawn(async move {
                pause(FLUSH).await;
                let _ = news.send(News::Closed { conn: id, cause: CloseCause::TimedOut }).await;
            }));
        }
        matches!(self.phase, Phase::Open(_))
    }

    /// Whether the core has asked to close it: what is read then concerns nobody.
    pub(crate) fn is_flushing(&self) -> bool {
        self.chunks.is_none()
    }

    /// Closes it at once: the peer sees a reset.
    pub(crate) fn abort(self) {
        if let Some(socket) = self.socket() {
            let _ = SockRef::from(socket.get_ref()).set_linger(Some(Duration::ZERO));
        }
    }

    /// Writes what is left to write, and says that nothing follows.
    pub(crate) async fn finish(self) {
        if let Self { chunks, phase: Phase::Open(Live { writer, .. }), .. } = self {
            drop(chunks);
            writer.await;
        }
    }

    /// Writes what is left to write, then waits for the peer to close its side, both for a time: closing before that
    /// could make the system throw away what the peer has not read yet.
    pub(crate) async fn linger(self) {
        let Self { chunks, phase: Phase::Open(Live { mut socket, writer, .. }), .. } = self else { return };
        drop(chunks);
        let discard = async {
            writer.await;
            let mut buffer = [0; 1024];
            while matches!(socket.read(&mut buffer).await, Ok(len) if len > 0) {}
        };
        discard.or(pause(FLUSH)).await;
    }

    fn socket(&self) -> Option<&Socket> {
        match &self.phase {
            Phase::Open(live) => Some(&live.socket),
            Phase::Opening { .. } => None,
        }
    }
}

impl Live {
    fn start(
        id: ConnId,
        stream: Stream,
        queue: Receiver<Bytes>,
        executor: &LocalExecutor<'static>,
        news: &Sender<News>,
    ) -> Self {
        let Stream { socket, reader, writer, tls } = stream;
        let (grants, granted) = smol::channel::bounded(1);
        let _reader = executor.spawn(read(id, reader, granted, news.clone()));
        let writer = executor.spawn(write(id, writer, queue, news.clone()));
        Self { socket, tls, grants, reading: false, _reader, writer }
    }
}

async fn pause(time: Duration) {
    Timer::after(time).await;
}

/// What the core is told of an error.
fn cause(error: &std::io::Error) -> CloseCause {
    tls::close_cause(error).unwrap_or_else(|| close_cause(error))
}

async fn read(id: ConnId, mut stream: impl AsyncRead + Unpin, granted: Receiver<usize>, news: Sender<News>) {
    let mut buffer = ReadBuffer::new();
    let cause = loop {
        let Ok(budget) = granted.recv().await else { return };
        match stream.read(buffer.space(budget)).await {
            Ok(0) => break CloseCause::Peer,
            Ok(len) => {
                if news.send(News::Data { conn: id, data: buffer.take(len) }).await.is_err() {
                    return;
                }
            }
            Err(error) => break cause(&error),
        }
    };
    let _ = news.send(News::Closed { conn: id, cause }).await;
}

async fn write(id: ConnId, mut stream: impl AsyncWrite + Unpin, queue: Receiver<Bytes>, news: Sender<News>) {
    let told = match write_queue(id, &mut stream, &queue, &news).await {
        Ok(()) => News::Flushed { conn: id },
        Err(error) => News::Closed { conn: id, cause: cause(&error) },
    };
    let _ = news.send(told).await;
}

/// Writes until the connection flushes and the queue is empty; then says that nothing follows.
async fn write_queue(
    id: ConnId,
    stream: &mut (impl AsyncWrite + Unpin),
    queue: &Receiver<Bytes>,
    news: &Sender<News>,
) -> Result<()> {
    while let Ok(data) = queue.recv().await {
        stream.write_all(&data).await?;
        stream.flush().await?;
        let _ = news.send(News::Drained { conn: id, len: data.len() }).await;
    }
    stream.close().await
}
