//! The engine: a mixer with everything plugged into it, and the legs of calls.
//!
//! ```text
//!              ┌──────────────────────── tick ────────────────────────┐
//! path ─► playout ─► ┐                                   ┌ ─► packetizer ─► path
//! player, tone ────► ├─► slots ─► mixer (connections,    ┼ ─► recorder
//! device ──────────► ┘            bridges) ─► slots ────►┘ ─► device
//! ```
//!
//! An engine is one mixer: an application has one for its calls and another for ring tones. Whoever runs it moves bytes
//! and keeps the time, and nothing more:
//!
//! 1. On `Command::Prepare` it binds the sockets of the stream, calls [`Engine::add_leg`] and [`Leg::bound`], which leads to `Event::Ready`.
//! 2. All other commands go to [`Engine::command`].
//! 3. What a socket receives goes to [`Engine::datagram`].
//! 4. Every 20 ms it calls [`Engine::tick`], with the time that this tick was due. The timers of the paths are served by it.
//! 5. After each of these it takes what [`Leg::poll_transmit`] has to send and what [`Leg::poll_event`] has for the agent:
//!    of that leg, or after a tick of all [`Engine::legs_mut`]. A leg that [is finished](Leg::is_finished) is
//!    [removed](Engine::remove_leg), and its sockets are closed.
//!
//! What is plugged in and connected may change between any two ticks.

mod converter;
mod event;
mod id;
mod leg;
mod stream;

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};

use sipsimple_core::id::StreamId;
use sipsimple_core::time::Instant;

use crate::bridge::{BridgeError, BridgeId, Bridges, Member};
use crate::codec::Codecs;
use crate::conference::Conferences;
use crate::device::{AudioDevice, NullDevice, Processing};
use crate::mixer::{AudioMixer, MixerFull, Slot, SlotSet, UnusedSlot, Volume};
use crate::port::{AudioPort, PortEvent, Roles};
use crate::rate::SampleRate;
use crate::resample::UnsupportedRatio;

use converter::Converter;

pub use event::AudioEvent;
pub use id::{MixerId, PortId};
pub use leg::{Leg, LegError};
pub use stream::{NoLeg, PlayError, Recorded, RecordingError};

/// Events that wait for the application; what only tells of slots is shed beyond it.
const MAX_EVENTS: usize = 4_096;

/// How an engine is made.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Which of the mixers of the application it is.
    pub mixer: MixerId,
    /// Samples per second of the mixer.
    pub sample_rate: SampleRate,
    /// Slots of the mixer beside the device's, at most 1,023. A leg takes one, and one each for what it plays and records.
    pub slot_count: usize,
    /// The codecs of the legs.
    pub codecs: Codecs,
    /// What is done with the sound of the microphone. [`AudioDevice::processing`] changes it.
    pub processing: Processing,
}

impl Default for EngineConfig {
    /// The voice mixer at 8,000 Hz with 254 slots and all codecs.
    fn default() -> Self {
        Self {
            mixer: MixerId::VOICE,
            sample_rate: SampleRate::default(),
            slot_count: AudioMixer::SLOT_COUNT,
            codecs: Codecs::default(),
            processing: Processing::NONE,
        }
    }
}

/// A mixer, its device, players, recorders and bridges, and the legs of calls.
#[derive(Debug)]
pub struct Engine {
    id: MixerId,
    codecs: Codecs,
    mixer: AudioMixer,
    device: AudioDevice,
    /// What is plugged into each slot but the device's.
    plugs: Vec<Option<Plug>>,
    slots: BTreeMap<PortId, Slot>,
    next_port: u64,
    bridges: Bridges,
    conferences: Conferences,
    /// The bridges changed since the connections were made.
    rewire: bool,
    legs: BTreeMap<StreamId, Leg>,
    events: VecDeque<AudioEvent>,
}

/// Why something cannot be plugged into a mixer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlugError {
    /// All slots are in use.
    #[error("{0}")]
    Full(#[from] MixerFull),
    /// It was made for a mixer of another rate: a device, or a port whose rate nothing joins to the mixer's.
    #[error("made for {port:?}, but the mixer runs at {mixer:?}")]
    Rate {
        /// The rate it was made for.
        port: SampleRate,
        /// The mixer's rate.
        mixer: SampleRate,
    },
}

/// What is plugged into a slot.
#[derive(Debug)]
struct Plug {
    id: PortId,
    slot: Slot,
    port: Plugged,
    /// Joins the port to the mixer, where it was made for another rate.
    converter: Option<Converter>,
}

#[derive(Debug)]
enum Plugged {
    /// A port of the application's, which takes it away again itself.
    Own(Box<dyn AudioPort>),
    /// A port that goes when it has ended.
    Passing(Box<dyn AudioPort>),
    /// The samples of a leg.
    Leg(Roles),
}

impl Engine {
    /// An engine without device.
    #[must_use]
    pub fn new(config: EngineConfig) -> Self {
        let mixer = AudioMixer::new(config.sample_rate, config.slot_count);
        let mut device = AudioDevice::default();
        device.processing = config.processing;
        Self {
            id: config.mixer,
            codecs: config.codecs,
            device,
            plugs: std::iter::repeat_with(|| None).take(mixer.slot_count() + 1).collect(),
            slots: BTreeMap::from([(PortId::device(config.mixer), Slot::DEVICE)]),
            next_port: 1,
            bridges: Bridges::default(),
            conferences: Conferences::default(),
            rewire: false,
            legs: BTreeMap::new(),
            events: VecDeque::new(),
            mixer,
        }
    }

    /// The mixer, to look at: slots, connections, volumes, mutes.
    #[must_use]
    pub const fn mixer(&self) -> &AudioMixer {
        &self.mixer
    }

    /// Samples per second of the mixer, and so of everything plugged into it.
    #[must_use]
    pub const fn sample_rate(&self) -> SampleRate {
        self.mixer.sample_rate()
    }

    /// The codecs of the legs.
    #[must_use]
    pub const fn codecs(&self) -> &Codecs {
        &self.codecs
    }

    /// The device.
    #[must_use]
    pub const fn device(&self) -> &AudioDevice {
        &self.device
    }

    /// The device, to mute it.
    pub const fn device_mut(&mut self) -> &mut AudioDevice {
        &mut self.device
    }

    /// The name of the device as a port, for bridges.
    #[must_use]
    pub const fn device_port(&self) -> PortId {
        PortId::device(self.id)
    }

    /// Puts another device in the place of the old one, which is dropped. Slots, connections and mutes stay.
    ///
    /// # Errors
    ///
    /// [`PlugError::Rate`].
    pub fn set_device(&mut self, device: impl AudioPort) -> Result<(), PlugError> {
        self.set_open_device(Box::new(device))
    }

    /// The same for a device of any kind.
    ///
    /// # Errors
    ///
    /// [`PlugError::Rate`].
    pub fn set_open_device(&mut self, device: Box<dyn AudioPort>) -> Result<(), PlugError> {
        let mixer = self.sample_rate();
        match device.sample_rate() {
            Some(port) if port != mixer => return Err(PlugError::Rate { port, mixer }),
            Some(_) | None => self.device.replace(device),
        }
        Ok(())
    }

    /// Runs at another rate from now on. What is plugged in and connected stays so: legs code anew, ports that were made for another rate are
    /// resampled. A device of another rate falls silent until another one is set.
    ///
    /// # Errors
    ///
    /// When the rate of a port cannot be joined to it; nothing changes.
    pub fn set_sample_rate(&mut self, rate: SampleRate) -> Result<(), UnsupportedRatio> {
        let converters = self.plugs.iter().flatten().map(|plug| plug.port.converter(rate));
        let mut converters: VecDeque<_> = converters.collect::<Result<_, _>>()?;
        self.mixer.set_sample_rate(rate);
        for plug in self.plugs.iter_mut().flatten() {
            plug.converter = converters.pop_front().flatten();
        }
        if self.device.device().sample_rate().is_some_and(|made_for| made_for != rate) {
            self.device.replace(Box::new(NullDevice));
        }
        for leg in self.legs.values_mut() {
            leg.code_anew(&self.codecs, rate);
        }
        Ok(())
    }

    /// Plugs a port in. It is connected to nothing yet.
    ///
    /// # Errors
    ///
    /// [`PlugError`].
    pub fn add_port(&mut self, port: impl AudioPort) -> Result<PortId, PlugError> {
        self.plug_port(port, Plugged::Own)
    }

    fn plug_port(
        &mut self,
        port: impl AudioPort,
        kind: impl FnOnce(Box<dyn AudioPort>) -> Plugged,
    ) -> Result<PortId, PlugError> {
        self.plug(kind(Box::new(port)))
    }

    fn plug(&mut self, port: Plugged) -> Result<PortId, PlugError> {
        let mixer = self.sample_rate();
        let made_for = port.made_for().unwrap_or(mixer);
        let converter = port.converter(mixer).map_err(|_| PlugError::Rate { port: made_for, mixer })?;
        let slot = self.mixer.add_slot()?;
        let id = PortId::new(self.id, self.next_port);
        self.next_port += 1;
        self.slots.insert(id, slot);
        self.plugs[slot.index()] = Some(Plug { id, slot, port, converter });
        Ok(id)
    }

    /// Pulls a port out of the mixer and of all bridges, and gives it back. `None` for what is not a port of [`Engine::add_port`], or gone.
    pub fn remove_port(&mut self, id: PortId) -> Option<Box<dyn AudioPort>> {
        match self.plugs.get(self.slots.get(&id)?.index()) {
            Some(Some(Plug { port: Plugged::Own(_), .. })) => self.unplug(id),
            _ => None,
        }
    }

    fn unplug(&mut self, id: PortId) -> Option<Box<dyn AudioPort>> {
        let slot = self.slots.remove(&id)?;
        self.tell_slots(id, slot, self.mixer.roles(slot), Roles::NONE);
        self.mixer.remove_slot(slot);
        self.bridges.forget(id);
        self.rewire = true;
        match self.plugs[slot.index()].take()?.port {
            Plugged::Own(port) | Plugged::Passing(port) => Some(port),
            Plugged::Leg(_) => None,
        }
    }

    /// A port of this kind; `None` when it is gone or of another kind.
    #[must_use]
    pub fn port<P: AudioPort>(&self, id: PortId) -> Option<&P> {
        match &self.plugs.get(self.slots.get(&id)?.index())?.as_ref()?.port {
            Plugged::Own(port) | Plugged::Passing(port) => (&**port as &dyn Any).downcast_ref(),
            Plugged::Leg(_) => None,
        }
    }

    /// A port of this kind, to start or stop it; `None` when it is gone or of another kind.
    pub fn port_mut<P: AudioPort>(&mut self, id: PortId) -> Option<&mut P> {
        match &mut self.plugs.get_mut(self.slots.get(&id)?.index())?.as_mut()?.port {
            Plugged::Own(port) | Plugged::Passing(port) => (&mut **port as &mut dyn Any).downcast_mut(),
            Plugged::Leg(_) => None,
        }
    }

    /// The slot of a port or of the device, whether it has a role at present or not.
    #[must_use]
    pub fn slot(&self, id: PortId) -> Option<Slot> {
        self.slots.get(&id).copied()
    }

    /// The slot by which a port consumes (IAudioPort), as of the last tick.
    #[must_use]
    pub fn consumer_slot(&self, id: PortId) -> Option<Slot> {
        self.slot(id).filter(|slot| self.mixer.roles(*slot).consumer)
    }

    /// The slot by which a port produces (IAudioPort), as of the last tick.
    #[must_use]
    pub fn producer_slot(&self, id: PortId) -> Option<Slot> {
        self.slot(id).filter(|slot| self.mixer.roles(*slot).producer)
    }

    /// Lets one port hear another, or itself; beside what bridges connect.
    ///
    /// # Errors
    ///
    /// [`BridgeError::NoPort`].
    pub fn connect(&mut self, source: PortId, destination: PortId) -> Result<(), BridgeError> {
        let (from, to) = (self.find(source)?, self.find(destination)?);
        self.mixer.connect_slots(from, to).map_err(|UnusedSlot(_)| BridgeError::NoPort(source))
    }

    /// Takes back [`Engine::connect`]. What bridges connect stays connected.
    ///
    /// # Errors
    ///
    /// [`BridgeError::NoPort`].
    pub fn disconnect(&mut self, source: PortId, destination: PortId) -> Result<(), BridgeError> {
        let (from, to) = (self.find(source)?, self.find(destination)?);
        self.mixer.disconnect_slots(from, to).map_err(|UnusedSlot(_)| BridgeError::NoPort(source))
    }

    fn find(&self, id: PortId) -> Result<Slot, BridgeError> {
        self.slot(id).ok_or(BridgeError::NoPort(id))
    }

    /// Sets the volume of what a port produces.
    ///
    /// # Errors
    ///
    /// [`BridgeError::NoPort`].
    pub fn set_input_volume(&mut self, port: PortId, volume: Volume) -> Result<(), BridgeError> {
        let slot = self.find(port)?;
        self.mixer.set_input_volume(slot, volume).map_err(|UnusedSlot(_)| BridgeError::NoPort(port))
    }

    /// Sets the volume of what a port hears.
    ///
    /// # Errors
    ///
    /// [`BridgeError::NoPort`].
    pub fn set_output_volume(&mut self, port: PortId, volume: Volume) -> Result<(), BridgeError> {
        let slot = self.find(port)?;
        self.mixer.set_output_volume(slot, volume).map_err(|UnusedSlot(_)| BridgeError::NoPort(port))
    }

    /// Mutes what a port produces; its volume is kept for later.
    ///
    /// # Errors
    ///
    /// [`BridgeError::NoPort`].
    pub fn set_muted(&mut self, port: PortId, muted: bool) -> Result<(), BridgeError> {
        let slot = self.find(port)?;
        self.mixer.set_muted(slot, muted).map_err(|UnusedSlot(_)| BridgeError::NoPort(port))
    }

    pub(crate) const fn conferences(&self) -> &Conferences {
        &self.conferences
    }

    pub(crate) const fn conferences_mut(&mut self) -> &mut Conferences {
        &mut self.conferences
    }

    /// A new bridge without members.
    pub fn add_bridge(&mut self) -> BridgeId {
        self.bridges.create()
    }

    /// Takes a bridge apart.
    ///
    /// # Errors
    ///
    /// [`BridgeError::NoBridge`].
    pub fn remove_bridge(&mut self, bridge: BridgeId) -> Result<(), BridgeError> {
        self.rewire = true;
        self.bridges.delete(bridge)
    }

    /// Adds a port or another bridge to a bridge (AudioBridge.add): it hears and is heard by everything in it. Once is enough.
    ///
    /// # Errors
    ///
    /// [`BridgeError::NoBridge`]; [`BridgeError::NoPort`], also for a port of another mixer; [`BridgeError::NotATree`].
    pub fn bridge(&mut self, bridge: BridgeId, member: impl Into<Member>) -> Result<(), BridgeError> {
        let member = member.into();
        if let Member::Port(port) = member {
            self.find(port)?;
        }
        self.rewire = true;
        self.bridges.add(bridge, member)
    }

    /// Removes a port or a bridge from a bridge (AudioBridge.remove).
    ///
    /// # Errors
    ///
    /// [`BridgeError::NoBridge`], [`BridgeError::NotAMember`].
    pub fn unbridge(&mut self, bridge: BridgeId, member: impl Into<Member>) -> Result<(), BridgeError> {
        self.rewire = true;
        self.bridges.remove(bridge, member.into())
    }

    /// Removes all members of a bridge (AudioBridge.stop).
    ///
    /// # Errors
    ///
    /// [`BridgeError::NoBridge`].
    pub fn stop_bridge(&mut self, bridge: BridgeId) -> Result<(), BridgeError> {
        self.rewire = true;
        self.bridges.stop(bridge)
    }

    /// The members of a bridge.
    ///
    /// # Errors
    ///
    /// [`BridgeError::NoBridge`].
    pub fn bridge_members(&self, bridge: BridgeId) -> Result<Vec<Member>, BridgeError> {
        self.bridges.members(bridge).map(Iterator::collect)
    }

    /// 20 ms go by: every leg plays what its path has for it, every producer speaks, everything is mixed, every consumer hears,
    /// and every leg sends. `now` is when the tick is due, not when the caller gets round to it, so that a late tick is not heard.
    pub fn tick(&mut self, now: Instant) {
        self.receive(now);
        self.produce();
        if self.rewire {
            self.wire();
        }
        self.mixer.mix();
        self.consume();
        self.send(now);
        self.collect();
    }

    /// Whether a tick would do nothing: there is no leg, and no port produces or consumes. What is started or plugged in ends that.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.legs.is_empty() && self.plugs.iter().flatten().all(|plug| plug.roles() == Roles::NONE)
    }

    /// The next event, oldest first.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<AudioEvent> {
        if self.events.is_empty() {
            // A player that cannot be started says so without a tick.
            self.collect();
        }
        self.events.pop_front()
    }

    fn produce(&mut self) {
        let roles = self.device.roles();
        self.set_roles(self.device_port(), Slot::DEVICE, roles);
        if let (true, Some(frame)) = (roles.producer, self.mixer.input(Slot::DEVICE)) {
            self.device.produce(frame);
        }
        for index in 0..self.plugs.len() {
            let Some(plug) = &mut self.plugs[index] else { continue };
            let roles = plug.roles();
            if let (Plugged::Own(port) | Plugged::Passing(port), true, Some(frame)) =
                (&mut plug.port, roles.producer, self.mixer.input(plug.slot))
            {
                match &mut plug.converter {
                    Some(converter) => converter.produce(&mut **port, frame),
                    None => port.produce(frame),
                }
            }
            let (id, slot) = (plug.id, plug.slot);
            self.set_roles(id, slot, roles);
        }
    }

    /// The device hears every frame; other ports only frames in which something is connected to them.
    fn consume(&mut self) {
        if let (true, Some(frame)) = (self.mixer.roles(Slot::DEVICE).consumer, self.mixer.output(Slot::DEVICE)) {
            self.device.consume(frame);
        }
        for plug in self.plugs.iter_mut().flatten() {
            if let (Plugged::Own(port) | Plugged::Passing(port), true, Some(frame)) =
                (&mut plug.port, self.mixer.hears(plug.slot), self.mixer.output(plug.slot))
            {
                match &mut plug.converter {
                    Some(converter) => converter.consume(&mut **port, frame),
                    None => port.consume(frame),
                }
            }
        }
    }

    /// Gathers the news of the ports.
    fn collect(&mut self) {
        while let Some(event) = self.device.poll_event() {
            self.events.push_back(AudioEvent::Port { port: PortId::device(self.id), event });
        }
        for index in 0..self.plugs.len() {
            let mut ended = None;
            let Some(plug) = &mut self.plugs[index] else { continue };
            let passing = matches!(plug.port, Plugged::Passing(_));
            let (Plugged::Own(port) | Plugged::Passing(port)) = &mut plug.port else { continue };
            while let Some(event) = port.poll_event() {
                if passing && is_end(&event) {
                    ended = Some((plug.id, failure(&event)));
                }
                self.events.push_back(AudioEvent::Port { port: plug.id, event });
            }
            if let Some((id, failure)) = ended {
                self.passed(id, failure);
            }
        }
    }

    /// Makes the connections of the bridges.
    fn wire(&mut self) {
        self.rewire = false;
        let mut heard = vec![SlotSet::default(); self.plugs.len()];
        for ports in self.bridges.trees() {
            let mut tree = SlotSet::default();
            ports.iter().filter_map(|port| self.slots.get(port)).for_each(|slot| tree.insert(*slot));
            for slot in tree.iter() {
                heard[slot.index()] = heard[slot.index()].union(&tree.without(slot));
            }
        }
        for slot in self.slots.values() {
            self.mixer.set_bridged(*slot, heard[slot.index()]);
        }
    }

    fn set_roles(&mut self, id: PortId, slot: Slot, roles: Roles) {
        let before = self.mixer.roles(slot);
        if before != roles {
            self.mixer.set_roles(slot, roles);
            self.tell_slots(id, slot, before, roles);
        }
    }

    fn tell_slots(&mut self, port: PortId, slot: Slot, before: Roles, now: Roles) {
        if before != now && self.events.len() < MAX_EVENTS {
            self.events.push_back(AudioEvent::AudioPortDidChangeSlots {
                port,
                consumer_slot_changed: before.consumer != now.consumer,
                producer_slot_changed: before.producer != now.producer,
                old_consumer_slot: before.consumer.then_some(slot),
                new_consumer_slot: now.consumer.then_some(slot),
                old_producer_slot: before.producer.then_some(slot),
                new_producer_slot: now.producer.then_some(slot),
            });
        }
    }
}

impl Plugged {
    /// The rate that it was made for; none fits any.
    fn made_for(&self) -> Option<SampleRate> {
        match self {
            Self::Own(port) | Self::Passing(port) => port.sample_rate(),
            Self::Leg(_) => None,
        }
    }

    /// What joins it to a mixer of this rate, if anything is needed.
    fn converter(&self, mixer: SampleRate) -> Result<Option<Converter>, UnsupportedRatio> {
        self.made_for()
            .filter(|made_for| *made_for != mixer)
            .map(|made_for| Converter::new(made_for, mixer))
            .transpose()
    }
}

impl Plug {
    fn roles(&self) -> Roles {
        match &self.port {
            Plugged::Own(port) | Plugged::Passing(port) => port.roles(),
            Plugged::Leg(roles) => *roles,
        }
    }
}

/// What went wrong with a port.
fn failure(event: &PortEvent) -> Option<String> {
    match event {
        PortEvent::WavePlayerDidFail { error } | PortEvent::WaveRecorderDidFail { error } => Some(error.to_string()),
        PortEvent::WavePlayerDidStart
        | PortEvent::WavePlayerDidEnd
        | PortEvent::ToneGeneratorDidFinishPlaying
        | PortEvent::AudioDeviceDidFail => None,
    }
}

/// Whether this was the last a port had to tell.
const fn is_end(event: &PortEvent) -> bool {
    match event {
        PortEvent::WavePlayerDidEnd | PortEvent::WavePlayerDidFail { .. } | PortEvent::WaveRecorderDidFail { .. } => {
            true
        }
        PortEvent::WavePlayerDidStart | PortEvent::ToneGeneratorDidFinishPlaying | PortEvent::AudioDeviceDidFail => {
            false
        }
    }
}
