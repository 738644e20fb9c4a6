//! The media thread.

use std::collections::BTreeMap;
use std::io::Result;

use sipsimple_core::id::StreamId;
use sipsimple_core::media::{Candidate, Command, Component, Event, Setup};
use smol::channel::Sender;

use super::ports::{Pair, Ports};
use super::{Link, News, Order};
use crate::clock::Clock;
use crate::network::close_cause;

/// Starts the media thread. It ends when the link is dropped.
pub(crate) fn start(_clock: Clock) -> Result<Link> {
    let (orders, queue) = smol::channel::unbounded();
    let (sender, news) = smol::channel::unbounded();
    let run = move || {
        let mut task = Task { ports: Ports::default(), legs: BTreeMap::new(), news: sender };
        while let Ok(Order::Path { stream, command }) = smol::block_on(queue.recv()) {
            task.command(stream, command);
        }
    };
    std::thread::Builder::new().name("sipsimple-media".into()).spawn(run)?;
    Ok(Link { orders, news })
}

struct Task {
    ports: Ports,
    legs: BTreeMap<StreamId, Pair>,
    news: Sender<News>,
}

impl Task {
    fn command(&mut self, stream: StreamId, command: Command) {
        let event = match command {
            Command::Prepare(setup) => {
                self.prepare(stream, &setup).unwrap_or_else(|error| Event::Failed(close_cause(&error)))
            }
            Command::Start(_) => Event::Started,
            Command::Stop => {
                self.legs.remove(&stream);
                return;
            }
            _ => return,
        };
        let _ = self.news.try_send(News::Path { stream, event });
    }

    fn prepare(&mut self, stream: StreamId, setup: &Setup) -> Result<Event> {
        let pair = self.ports.bind(setup.local, setup.ports)?;
        let candidates = vec![
            Candidate { component: Component::Rtp, address: pair.rtp.get_ref().local_addr()? },
            Candidate { component: Component::Rtcp, address: pair.rtcp.get_ref().local_addr()? },
        ];
        self.legs.insert(stream, pair);
        Ok(Event::Ready { candidates })
    }
}
