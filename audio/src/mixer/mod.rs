//! The mixer (AudioMixer of the reference): slots, what is connected to what, and the sums.
//!
//! Every slot may produce a frame in each tick (its input) and hear one (its output): the sum of the inputs connected to it.
//! In a conference of n everybody hears all but himself, and summing n − 1 inputs n times would be quadratic. Instead,
//! slots are grouped by what they hear together with what they produce themselves; each group is summed once, and what a
//! member does not hear of itself is subtracted. Sums have 32 bits, so this is exact, and only the end result is clipped.

mod set;
mod volume;

use crate::port::Roles;
use crate::rate::SampleRate;

pub(crate) use set::SlotSet;
pub use volume::Volume;
use volume::saturate;

/// A place in a mixer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u16);

impl Slot {
    /// The slot of the device.
    pub const DEVICE: Self = Self(0);

    /// Below [`SlotSet::CAPACITY`].
    const fn new(number: u16) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl std::fmt::Display for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// All slots of the mixer are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all {slot_count} slots of the mixer are in use")]
pub struct MixerFull {
    /// How many slots it has.
    pub slot_count: usize,
}

/// A slot that nothing is plugged into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("slot {0} of the mixer is not in use")]
pub struct UnusedSlot(pub Slot);

/// Slots, connections and sums.
#[derive(Debug)]
pub struct AudioMixer {
    rate: SampleRate,
    slots: Vec<Channel>,
    used: usize,
    producers: SlotSet,
    consumers: SlotSet,
    /// The connections or the roles changed since the groups were made.
    changed: bool,
    /// Slots that hear something, those of one group side by side.
    listeners: Vec<Slot>,
    sum: Vec<i32>,
    /// Frames that were added up or handed out.
    #[cfg(test)]
    frames: usize,
}

/// One slot. Its frames are empty while it is not in use.
#[derive(Debug, Default)]
struct Channel {
    used: bool,
    /// What it hears by [`AudioMixer::connect_slots`].
    connected: SlotSet,
    /// What it hears by the bridges that it is in.
    bridged: SlotSet,
    /// What it hears and produces at present: equal in all slots of a group.
    group: SlotSet,
    /// Whether it is in its group only because it produces, and does not hear itself.
    deaf_to_itself: bool,
    input: Vec<i16>,
    output: Vec<i16>,
    input_volume: Volume,
    output_volume: Volume,
    muted: bool,
}

impl AudioMixer {
    /// Slots that a mixer has unless told otherwise, beside that of the device.
    pub const SLOT_COUNT: usize = 254;

    /// A mixer with `slot_count` slots (at most 1,023) beside that of the device, which is in use from the start.
    #[must_use]
    pub fn new(rate: SampleRate, slot_count: usize) -> Self {
        let len = slot_count.min(SlotSet::CAPACITY - 1) + 1;
        let mut mixer = Self {
            rate,
            slots: std::iter::repeat_with(Channel::default).take(len).collect(),
            used: 0,
            producers: SlotSet::default(),
            consumers: SlotSet::default(),
            changed: false,
            listeners: Vec::with_capacity(len),
            sum: vec![0; rate.frame_len()],
            #[cfg(test)]
            frames: 0,
        };
        mixer.open(Slot::DEVICE);
        mixer
    }

    /// Samples per second.
    #[must_use]
    pub const fn sample_rate(&self) -> SampleRate {
        self.rate
    }

    /// Mixes at another rate from now on. Slots, connections and volumes stay.
    pub fn set_sample_rate(&mut self, rate: SampleRate) {
        self.rate = rate;
        let len = rate.frame_len();
        self.sum = vec![0; len];
        for channel in self.slots.iter_mut().filter(|channel| channel.used) {
            (channel.input, channel.output) = (vec![0; len], vec![0; len]);
        }
    }

    /// Slots beside that of the device.
    #[must_use]
    pub const fn slot_count(&self) -> usize {
        self.slots.len() - 1
    }

    /// Slots in use beside that of the device.
    #[must_use]
    pub const fn used_slot_count(&self) -> usize {
        self.used
    }

    /// Takes the lowest slot that is not in use. It has no roles and no connections yet.
    ///
    /// # Errors
    ///
    /// [`MixerFull`].
    pub fn add_slot(&mut self) -> Result<Slot, MixerFull> {
        let index = self.slots.iter().position(|channel| !channel.used);
        let number = index.and_then(|index| u16::try_from(index).ok());
        let slot = Slot::new(number.ok_or_else(|| MixerFull { slot_count: self.slot_count() })?);
        self.open(slot);
        self.used += 1;
        Ok(slot)
    }

    fn open(&mut self, slot: Slot) {
        let len = self.rate.frame_len();
        self.slots[slot.index()] =
            Channel { used: true, input: vec![0; len], output: vec![0; len], ..Channel::default() };
    }

    /// Gives a slot back, with all its connections. That of the device stays in use and loses its connections only.
    pub fn remove_slot(&mut self, slot: Slot) {
        if self.channel(slot).is_err() {
            return;
        }
        for channel in &mut self.slots {
            channel.connected.remove(slot);
            channel.bridged.remove(slot);
        }
        self.set_roles(slot, Roles::NONE);
        self.changed = true;
        if slot == Slot::DEVICE {
            self.open(slot);
        } else {
            self.slots[slot.index()] = Channel::default();
            self.used -= 1;
        }
    }

    /// Whether the slot produces and consumes at present. What does not produce is not summed, what does not consume hears nothing; connections stay.
    pub fn set_roles(&mut self, slot: Slot, roles: Roles) {
        let before = (self.producers, self.consumers);
        if roles.producer {
            self.producers.insert(slot)
        } else {
            self.producers.remove(slot)
        }
        if roles.consumer {
            self.consumers.insert(slot)
        } else {
            self.consumers.remove(slot)
        }
        self.changed |= before != (self.producers, self.consumers);
    }

    /// Whether the slot produces and consumes at present.
    #[must_use]
    pub const fn roles(&self, slot: Slot) -> Roles {
        Roles { producer: self.producers.contains(slot), consumer: self.consumers.contains(slot) }
    }

    /// Lets a slot hear another, or itself. Once is enough.
    ///
    /// # Errors
    ///
    /// [`UnusedSlot`].
    pub fn connect_slots(&mut self, source: Slot, destination: Slot) -> Result<(), UnusedSlot> {
        self.channel(source)?;
        self.channel_mut(destination)?.connected.insert(source);
        self.changed = true;
        Ok(())
    }

    /// Takes back [`AudioMixer::connect_slots`]. Nothing happens when they are not connected by it.
    ///
    /// # Errors
    ///
    /// [`UnusedSlot`].
    pub fn disconnect_slots(&mut self, source: Slot, destination: Slot) -> Result<(), UnusedSlot> {
        self.channel(source)?;
        self.channel_mut(destination)?.connected.remove(source);
        self.changed = true;
        Ok(())
    }

    /// Replaces what a slot hears by its bridges.
    pub(crate) fn set_bridged(&mut self, destination: Slot, sources: SlotSet) {
        if let Ok(channel) = self.channel_mut(destination)
            && channel.bridged != sources
        {
            channel.bridged = sources;
            self.changed = true;
        }
    }

    /// All connections as (source, destination), sorted: those made one by one, and those of bridges between slots that have the roles for it.
    #[must_use]
    pub fn connected_slots(&self) -> Vec<(Slot, Slot)> {
        let mut pairs: Vec<_> = (0..)
            .map(Slot::new)
            .zip(&self.slots)
            .flat_map(|(destination, channel)| {
                let mut sources = channel.connected;
                if self.consumers.contains(destination) {
                    sources = sources.union(&channel.bridged.intersection(&self.producers));
                }
                sources.iter().map(move |source| (source, destination)).collect::<Vec<_>>()
            })
            .collect();
        pairs.sort_unstable();
        pairs
    }

    /// Volume of what the slot produces, and whether that is muted. 100 % for a slot not in use.
    #[must_use]
    pub fn input_volume(&self, slot: Slot) -> Volume {
        self.channel(slot).map_or(Volume::FULL, |channel| channel.input_volume)
    }

    /// Sets the volume of what the slot produces.
    ///
    /// # Errors
    ///
    /// [`UnusedSlot`].
    pub fn set_input_volume(&mut self, slot: Slot, volume: Volume) -> Result<(), UnusedSlot> {
        self.channel_mut(slot)?.input_volume = volume;
        Ok(())
    }

    /// Volume of what the slot hears. 100 % for a slot not in use.
    #[must_use]
    pub fn output_volume(&self, slot: Slot) -> Volume {
        self.channel(slot).map_or(Volume::FULL, |channel| channel.output_volume)
    }

    /// Sets the volume of what the slot hears.
    ///
    /// # Errors
    ///
    /// [`UnusedSlot`].
    pub fn set_output_volume(&mut self, slot: Slot, volume: Volume) -> Result<(), UnusedSlot> {
        self.channel_mut(slot)?.output_volume = volume;
        Ok(())
    }

    /// Whether what the slot produces is muted.
    #[must_use]
    pub fn muted(&self, slot: Slot) -> bool {
        self.channel(slot).is_ok_and(|channel| channel.muted)
    }

    /// Mutes what the slot produces; its volume is kept for later.
    ///
    /// # Errors
    ///
    /// [`UnusedSlot`].
    pub fn set_muted(&mut self, slot: Slot, muted: bool) -> Result<(), UnusedSlot> {
        self.channel_mut(slot)?.muted = muted;
        Ok(())
    }

    /// Where the frame that a slot produces goes. It keeps the samples of the last tick until they are overwritten.
    pub fn input(&mut self, slot: Slot) -> Option<&mut [i16]> {
        self.channel_mut(slot).ok().map(|channel| channel.input.as_mut_slice())
    }

    /// What a slot heard in the last [`AudioMixer::mix`].
    #[must_use]
    pub fn output(&self, slot: Slot) -> Option<&[i16]> {
        self.channel(slot).ok().map(|channel| channel.output.as_slice())
    }

    /// Whether the slot consumes, and anything that produces is connected to it; as of the last [`AudioMixer::mix`].
    #[must_use]
    pub fn hears(&self, slot: Slot) -> bool {
        self.channel(slot).is_ok_and(|channel| !channel.group.is_empty())
    }

    /// Sums the inputs into the outputs.
    pub fn mix(&mut self) {
        if self.changed {
            self.group();
        }
        for slot in self.producers.iter() {
            let channel = &mut self.slots[slot.index()];
            let volume = if channel.muted { Volume::SILENT } else { channel.input_volume };
            volume.apply(&mut channel.input);
        }
        let mut listeners = self.listeners.as_slice();
        while let Some(first) = listeners.first() {
            let group = self.slots[first.index()].group;
            self.sum.fill(0);
            for source in group.iter() {
                for (sum, sample) in self.sum.iter_mut().zip(&self.slots[source.index()].input) {
                    *sum += i32::from(*sample);
                }
                #[cfg(test)]
                {
                    self.frames += 1;
                }
            }
            let len = listeners.iter().take_while(|slot| self.slots[slot.index()].group == group).count();
            for slot in &listeners[..len] {
                self.slots[slot.index()].hear(&self.sum);
                #[cfg(test)]
                {
                    self.frames += 1;
                }
            }
            listeners = &listeners[len..];
        }
    }

    /// Finds out who hears the same.
    fn group(&mut self) {
        self.changed = false;
        self.listeners.clear();
        for (slot, channel) in (0..).map(Slot::new).zip(&mut self.slots) {
            let heard = channel.connected.union(&channel.bridged).intersection(&self.producers);
            channel.group = SlotSet::default();
            if heard.is_empty() || !self.consumers.contains(slot) {
                channel.output.fill(0);
                continue;
            }
            channel.group = heard;
            channel.deaf_to_itself = self.producers.contains(slot) && !heard.contains(slot);
            if channel.deaf_to_itself {
                channel.group.insert(slot);
            }
            self.listeners.push(slot);
        }
        let slots = &self.slots;
        self.listeners.sort_unstable_by(|a, b| (&slots[a.index()].group, a).cmp(&(&slots[b.index()].group, b)));
    }

    fn channel(&self, slot: Slot) -> Result<&Channel, UnusedSlot> {
        self.slots.get(slot.index()).filter(|channel| channel.used).ok_or(UnusedSlot(slot))
    }

    fn channel_mut(&mut self, slot: Slot) -> Result<&mut Channel, UnusedSlot> {
        self.slots.get_mut(slot.index()).filter(|channel| channel.used).ok_or(UnusedSlot(slot))
    }
}

impl Channel {
    /// Takes its part of the sum of its group.
    fn hear(&mut self, sum: &[i32]) {
        let volume = self.output_volume;
        let places = self.output.iter_mut().zip(sum).zip(&self.input);
        match (volume == Volume::FULL, self.deaf_to_itself) {
            (true, true) => places.for_each(|((place, sum), own)| *place = saturate(sum - i32::from(*own))),
            (true, false) => places.for_each(|((place, sum), _)| *place = saturate(*sum)),
            (false, true) => places.for_each(|((place, sum), own)| *place = volume.apply_to_sum(sum - i32::from(*own))),
            (false, false) => places.for_each(|((place, sum), _)| *place = volume.apply_to_sum(*sum)),
        }
    }
}

#[cfg(test)]
mod tests;
