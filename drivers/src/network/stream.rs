//! An open stream, plain or protected by TLS: where it is read, where it is written, and the socket below.

use std::fmt;
use std::io::Result;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_io::Async;
use futures_lite::{AsyncRead, AsyncWrite};
use sipsimple_core::transport::TlsInfo;
#[cfg(any(target_os = "android", target_os = "linux"))]
use socket2::SockRef;

use super::tls::Handshake;

/// Bytes that the system takes and has not sent: what is urgent waits behind no more than these, however much may be under way.
#[cfg(any(target_os = "android", target_os = "linux"))]
const UNSENT: u32 = 64 * 1024;

/// An open stream.
pub(crate) struct Stream {
    /// The socket, to ask it for its addresses and to close it.
    pub(super) socket: Socket,
    pub(super) reader: Box<dyn AsyncRead + Unpin>,
    pub(super) writer: Box<dyn AsyncWrite + Unpin>,
    /// What the TLS handshake told.
    pub(super) tls: Option<TlsInfo>,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("socket", &self.socket).field("tls", &self.tls).finish_non_exhaustive()
    }
}

impl Stream {
    /// A plain stream.
    pub(super) fn plain(stream: Async<TcpStream>) -> Self {
        let socket = Socket::new(stream);
        Self { reader: Box::new(socket.clone()), writer: Box::new(socket.clone()), socket, tls: None }
    }

    /// A stream that is protected once the handshake is made.
    ///
    /// # Errors
    /// When it fails.
    pub(super) async fn protected(stream: Async<TcpStream>, peer: SocketAddr, handshake: Handshake) -> Result<Self> {
        let socket = Socket::new(stream);
        let (stream, info) = handshake.run(peer, socket.clone()).await?;
        let (reader, writer) = futures_lite::io::split(stream);
        Ok(Self { socket, reader: Box::new(reader), writer: Box::new(writer), tls: Some(info) })
    }
}

/// A TCP socket that is read and written from several places.
#[derive(Clone, Debug)]
pub(super) struct Socket(Arc<Async<TcpStream>>);

impl Socket {
    fn new(stream: Async<TcpStream>) -> Self {
        // A message is written whole: waiting for more would only delay it.
        let _ = stream.get_ref().set_nodelay(true);
        #[cfg(any(target_os = "android", target_os = "linux"))]
        let _ = SockRef::from(stream.get_ref()).set_tcp_notsent_lowat(UNSENT);
        Self(Arc::new(stream))
    }

    pub(super) fn get_ref(&self) -> &TcpStream {
        (*self.0).get_ref()
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<usize>> {
        Pin::new(&mut &*self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut &*self.0).poll_write(cx, data)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut &*self.0).poll_flush(cx)
    }

    /// Closes our side: the peer may still write.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(self.get_ref().shutdown(Shutdown::Write))
    }
}

#[cfg(all(test, any(target_os = "android", target_os = "linux")))]
mod tests;
