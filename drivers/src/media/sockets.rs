//! The two bound sockets of a leg, and the tasks that read them.

use std::cell::RefCell;
use std::io::{ErrorKind, Result};
use std::net::UdpSocket;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use async_io::Async;
use sipsimple_core::id::StreamId;
use sipsimple_core::media::{Candidate, Component, Transmit};
use smol::{LocalExecutor, Task};

use super::legs::Legs;
use super::ports::Pair;

/// Errors in a row after which a socket is not read any more.
const ERRORS: u32 = 64;

/// The sockets of a leg. Dropping them closes them.
#[derive(Debug)]
pub(super) struct Sockets {
    rtp: Arc<Async<UdpSocket>>,
    rtcp: Arc<Async<UdpSocket>>,
    _readers: [Task<()>; 2],
}

impl Sockets {
    /// Reads the sockets of the leg of `stream` from now on.
    pub(super) fn new(
        pair: Pair,
        stream: StreamId,
        legs: &Rc<RefCell<Legs>>,
        executor: &LocalExecutor<'static>,
    ) -> Self {
        let (rtp, rtcp) = (Arc::new(pair.rtp), Arc::new(pair.rtcp));
        let reader = |component, socket: &Arc<_>| {
            executor.spawn(read(stream, component, Arc::clone(socket), Rc::downgrade(legs)))
        };
        let _readers = [reader(Component::Rtp, &rtp), reader(Component::Rtcp, &rtcp)];
        Self { rtp, rtcp, _readers }
    }

    /// The addresses that they are bound to.
    pub(super) fn candidates(&self) -> Result<Vec<Candidate>> {
        [(Component::Rtp, &self.rtp), (Component::Rtcp, &self.rtcp)]
            .into_iter()
            .map(|(component, socket)| Ok(Candidate { component, address: socket.get_ref().local_addr()? }))
            .collect()
    }

    /// Sends a datagram. One for which the system has no room is lost, as media that is late is worth nothing.
    pub(super) fn send(&self, Transmit { component, to, data }: &Transmit) {
        let socket = match component {
            Component::Rtp => &self.rtp,
            Component::Rtcp => &self.rtcp,
        };
        if let Err(error) = socket.get_ref().send_to(data, to) {
            tracing::trace!(%to, %error, "a media packet could not be sent");
        }
    }
}

async fn read(stream: StreamId, component: Component, socket: Arc<Async<UdpSocket>>, legs: Weak<RefCell<Legs>>) {
    let mut errors = 0;
    loop {
        let received = socket
            .read_with(|socket| match legs.upgrade() {
                Some(legs) => legs.borrow_mut().buffer.receive(socket),
                None => Err(ErrorKind::BrokenPipe.into()),
            })
            .await;
        let Some(legs) = legs.upgrade() else { return };
        match received {
            Ok((data, from)) => {
                errors = 0;
                legs.borrow_mut().datagram(stream, component, from, data);
            }
            Err(error) if error.kind() == ErrorKind::InvalidData => {}
            Err(error) => {
                errors += 1;
                if errors > ERRORS {
                    tracing::warn!(%stream, %error, "a media socket cannot be read");
                    return;
                }
                drop(legs);
                smol::future::yield_now().await;
            }
        }
    }
}
