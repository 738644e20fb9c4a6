//! Media, on a thread of its own: signalling never delays audio, and audio never delays signalling.
//!
//! The agent's loop hands over the commands of `Effect::Media` and takes back what the packet paths tell. The thread binds
//! the sockets of RTP and RTCP, moves datagrams between them and the legs of one [`Engine`], and calls the engine every
//! 20 ms. It serves all calls: sockets are read when they are ready, by tasks of one executor. A second engine, without
//! calls, plays what is to alert people.

mod buffer;
mod legs;
mod metronome;
mod ports;
mod processing;
mod sockets;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::io::Result;
use std::rc::Rc;

use async_io::Timer;
use futures_lite::FutureExt;
use sipsimple_audio::bridge::BridgeId;
use sipsimple_audio::engine::{AudioEvent, Engine, EngineConfig, MixerId};
use sipsimple_audio::mixer::Volume;
use sipsimple_audio::rate::SampleRate;
use sipsimple_core::id::StreamId;
use sipsimple_core::media::Command;
pub(crate) use sipsimple_core::media::Event;
use sipsimple_core::settings::{Audio, Modifications};
use sipsimple_core::time::Instant;
use smol::LocalExecutor;
use smol::channel::{Receiver, Sender};

use crate::clock::Clock;
use legs::Legs;
use metronome::Metronome;
pub(crate) use processing::process_as_set;

/// What is asked of the media thread.
pub(crate) enum Order {
    /// A command of the agent to the packet path of a stream.
    Path { stream: StreamId, command: Command },
    /// Run this on the engine of this mixer, for the application.
    Run(MixerId, Run),
    /// Close everything and end.
    Stop,
}

/// Slots of the mixer of alerts: ringtones are few.
const ALERTS: usize = 63;

/// Something to run on an engine.
pub(crate) type Run = Box<dyn FnOnce(&mut Engine, Instant) + Send>;

/// What the media thread tells.
#[derive(Debug)]
pub(crate) enum News {
    /// News of the packet path of a stream.
    Path { stream: StreamId, event: Event },
    /// News of the engine.
    Audio(AudioEvent),
}

/// The ends of the media thread's channels. The thread ends when it is told to, or nobody is left to tell it anything;
/// the news end with it.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) orders: Sender<Order>,
    pub(crate) news: Receiver<News>,
    /// The bridges that the devices of the mixers of voice and alerts are in.
    pub(crate) bridges: [BridgeId; 2],
}

impl Link {
    /// Passes on a command of the agent.
    pub(crate) fn command(&self, stream: StreamId, command: Command) {
        let _ = self.orders.try_send(Order::Path { stream, command });
    }

    /// Keeps ringtones quiet, or does not.
    pub(crate) fn set_silent(&self, silent: bool) {
        let volume = Volume::from_percent(if silent { 0 } else { 100 });
        self.run(MixerId::ALERT, move |engine: &mut Engine, _| {
            // An engine has its device always.
            let _ = engine.set_output_volume(engine.device_port(), volume);
        });
    }

    /// Both mixers run at this rate.
    pub(crate) fn set_sample_rate(&self, rate: SampleRate) {
        for mixer in [MixerId::VOICE, MixerId::ALERT] {
            self.run(mixer, move |engine: &mut Engine, _| {
                if let Err(error) = engine.set_sample_rate(rate) {
                    tracing::warn!(%error, "the mixer keeps its sample rate");
                }
            });
        }
    }

    /// Does with the microphone's sound what these settings say now.
    pub(crate) fn set_processing(&self, modified: &Modifications, audio: &Audio) {
        let (modified, audio) = (modified.clone(), audio.clone());
        self.run(MixerId::VOICE, move |engine: &mut Engine, _| {
            process_as_set(&mut engine.device_mut().processing, |name| modified.contains_key(name), &audio);
        });
    }

    /// Runs this on the engine of this mixer.
    pub(crate) fn run(&self, mixer: MixerId, run: impl FnOnce(&mut Engine, Instant) + Send + 'static) {
        let _ = self.orders.try_send(Order::Run(mixer, Box::new(run)));
    }
}

/// An engine whose device is in a bridge.
fn bridged(config: EngineConfig) -> (Engine, BridgeId) {
    let mut engine = Engine::new(config);
    let bridge = engine.add_bridge();
    // Both are there.
    let _ = engine.bridge(bridge, engine.device_port());
    (engine, bridge)
}

/// Starts the media thread.
pub(crate) fn start(clock: Clock, engine: EngineConfig) -> Result<Link> {
    let (orders, queue) = smol::channel::unbounded();
    let (sender, news) = smol::channel::unbounded();
    let (alert, alert_bridge) = bridged(EngineConfig { mixer: MixerId::ALERT, slot_count: ALERTS, ..engine.clone() });
    let (voice, voice_bridge) = bridged(engine);
    let run = move || run(clock, voice, alert, &queue, sender);
    std::thread::Builder::new().name("sipsimple-media".into()).spawn(run)?;
    Ok(Link { orders, news, bridges: [voice_bridge, alert_bridge] })
}

/// The media thread.
fn run(clock: Clock, voice: Engine, alert: Engine, orders: &Receiver<Order>, news: Sender<News>) {
    let executor = Rc::new(LocalExecutor::new());
    let legs = Rc::new(RefCell::new(Legs::new(clock, voice, alert, news)));
    let work = async {
        let mut metronome = Metronome::default();
        let mut timer = Timer::never();
        loop {
            let busy = legs.borrow().is_busy();
            match metronome.next(busy, clock.now()).and_then(|at| clock.system(at)) {
                Some(at) => timer.set_at(at),
                None => timer = Timer::never(),
            }
            let order = async { Some(orders.recv().await) };
            let tick = async {
                (&mut timer).await;
                None
            };
            // The sound goes first: it cannot wait, and orders can for the time of a tick.
            match tick.or(order).await {
                None => {
                    for due in metronome.due(clock.now()) {
                        legs.borrow_mut().tick(due);
                    }
                }
                Some(Ok(Order::Path { stream, command })) => {
                    Legs::command(&legs, &executor, stream, command);
                }
                Some(Ok(Order::Run(mixer, run))) => legs.borrow_mut().run(mixer, run),
                Some(Ok(Order::Stop) | Err(_)) => break,
            }
        }
    };
    smol::block_on(executor.run(work));
    // What nobody will do is dropped, so that nobody waits for it.
    orders.close();
    while orders.try_recv().is_ok() {}
}
