//! The legs of the calls, with their sockets.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use sipsimple_audio::engine::Engine;
use sipsimple_core::id::StreamId;
use sipsimple_core::media::{Command, Component, Event, Setup};
use sipsimple_core::time::Instant;
use sipsimple_core::transport::CloseCause;
use smol::LocalExecutor;
use smol::channel::Sender;

use super::buffer::PacketBuffer;
use super::ports::Ports;
use super::sockets::Sockets;
use super::{News, Run};
use crate::clock::Clock;
use crate::network::close_cause;

/// The engine, and the sockets of its legs.
#[derive(Debug)]
pub(super) struct Legs {
    clock: Clock,
    engine: Engine,
    sockets: BTreeMap<StreamId, Sockets>,
    ports: Ports,
    news: Sender<News>,
    pub(super) buffer: PacketBuffer,
}

impl Legs {
    pub(super) fn new(clock: Clock, engine: Engine, news: Sender<News>) -> Self {
        let (sockets, ports, buffer) = (BTreeMap::new(), Ports::default(), PacketBuffer::default());
        Self { clock, engine, sockets, ports, news, buffer }
    }

    /// Whether there is anybody to hear or to be heard: then the engine is to tick.
    pub(super) fn is_busy(&self) -> bool {
        !self.sockets.is_empty()
    }

    /// Does what the agent asks of a stream.
    pub(super) fn command(
        legs: &Rc<RefCell<Self>>,
        executor: &LocalExecutor<'static>,
        stream: StreamId,
        command: Command,
    ) {
        match command {
            Command::Prepare(setup) => match Self::prepare(legs, executor, stream, &setup) {
                Ok(()) => legs.borrow_mut().drain(stream),
                Err(cause) => legs.borrow().tell(stream, Event::Failed(cause)),
            },
            command => legs.borrow_mut().go_on(stream, &command),
        }
    }

    fn prepare(
        legs: &Rc<RefCell<Self>>,
        executor: &LocalExecutor<'static>,
        stream: StreamId,
        setup: &Setup,
    ) -> Result<(), CloseCause> {
        let mut this = legs.borrow_mut();
        let pair = this.ports.bind(setup.local, setup.ports).map_err(|error| close_cause(&error))?;
        let sockets = Sockets::new(pair, stream, legs, executor);
        let candidates = sockets.candidates().map_err(|error| close_cause(&error))?;
        let now = this.clock.now();
        this.engine
            .add_leg(stream, setup, now, Clock::utc())
            .map_err(|full| CloseCause::Other(full.to_string().into()))?;
        this.sockets.insert(stream, sockets);
        if let Some(leg) = this.engine.leg_mut(stream) {
            leg.bound(now, candidates);
        }
        Ok(())
    }

    fn go_on(&mut self, stream: StreamId, command: &Command) {
        self.engine.command(self.clock.now(), stream, command);
        self.drain(stream);
        if *command == Command::Stop {
            // In a crowd its BYE would have to wait for its turn: then it leaves without.
            self.engine.remove_leg(stream);
            self.sockets.remove(&stream);
        }
        self.tell_audio();
    }

    /// A datagram came for a stream.
    pub(super) fn datagram(&mut self, stream: StreamId, component: Component, from: SocketAddr, data: Bytes) {
        self.engine.datagram(self.clock.now(), stream, component, from, data);
        self.drain(stream);
    }

    /// 20 ms go by.
    pub(super) fn tick(&mut self, due: Instant) {
        self.engine.tick(due);
        for (stream, leg) in self.engine.legs_mut() {
            let Some(sockets) = self.sockets.get(&stream) else { continue };
            while let Some(transmit) = leg.poll_transmit() {
                sockets.send(&transmit);
            }
            while let Some(event) = leg.poll_event() {
                let _ = self.news.try_send(News::Path { stream, event });
            }
        }
        self.tell_audio();
    }

    /// Runs something on the engine, for the application.
    pub(super) fn run(&mut self, run: Run) {
        run(&mut self.engine, self.clock.now());
        self.tell_audio();
    }

    fn drain(&mut self, stream: StreamId) {
        let (Some(leg), Some(sockets)) = (self.engine.leg_mut(stream), self.sockets.get(&stream)) else { return };
        while let Some(transmit) = leg.poll_transmit() {
            sockets.send(&transmit);
        }
        while let Some(event) = leg.poll_event() {
            let _ = self.news.try_send(News::Path { stream, event });
        }
    }

    fn tell(&self, stream: StreamId, event: Event) {
        let _ = self.news.try_send(News::Path { stream, event });
    }

    fn tell_audio(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            let _ = self.news.try_send(News::Audio(event));
        }
    }
}
