//! Conferences (seed class AudioConference): the calls of an engine in one bridge, where everybody hears everybody else.
//!
//! A conference has a bridge with the device in it. To join, a stream gives up the device in its own bridge, which then
//! becomes part of the conference's: what is played to the stream and recorded of it goes on.

use std::collections::BTreeMap;

use sipsimple_core::id::StreamId;

use crate::bridge::{BridgeError, BridgeId};
use crate::engine::{Engine, NoLeg};

/// A conference of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConferenceId(u64);

/// A conference, to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioConference {
    bridge: BridgeId,
    streams: Vec<StreamId>,
    on_hold: bool,
}

/// Why a conference cannot be changed; it then stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConferenceError {
    /// There is no such conference in this engine.
    #[error("no such conference")]
    NoConference(ConferenceId),
    /// The stream has no audio.
    #[error("{0}")]
    NoLeg(#[from] NoLeg),
    /// The stream is not in the conference.
    #[error("{0} is not in the conference")]
    NotAMember(StreamId),
    /// The stream is in another conference, or its bridge is in another one.
    #[error("{0} is in another bridge")]
    Elsewhere(StreamId),
}

impl AudioConference {
    /// The bridge that connects everybody: what else is in it is heard by all of them, or hears all.
    #[must_use]
    pub const fn bridge(&self) -> BridgeId {
        self.bridge
    }

    /// The streams in it, in the order in which they joined. A stream that ends leaves.
    #[must_use]
    pub fn streams(&self) -> &[StreamId] {
        &self.streams
    }

    /// Whether the device is left out.
    #[must_use]
    pub const fn on_hold(&self) -> bool {
        self.on_hold
    }
}

/// All conferences of an engine.
#[derive(Debug, Default)]
pub(crate) struct Conferences {
    conferences: BTreeMap<ConferenceId, AudioConference>,
    next: u64,
}

impl Conferences {
    /// A stream has ended.
    pub(crate) fn forget(&mut self, stream: StreamId) {
        for conference in self.conferences.values_mut() {
            conference.streams.retain(|member| *member != stream);
        }
    }

    fn get(&mut self, id: ConferenceId) -> Result<&mut AudioConference, ConferenceError> {
        self.conferences.get_mut(&id).ok_or(ConferenceError::NoConference(id))
    }
}

impl Engine {
    /// A new conference, with the device alone.
    pub fn add_conference(&mut self) -> ConferenceId {
        let bridge = self.add_bridge();
        // The bridge is new, and the device is there.
        let _: Result<(), BridgeError> = self.bridge(bridge, self.device_port());
        let conferences = self.conferences_mut();
        let id = ConferenceId(conferences.next);
        conferences.next += 1;
        conferences.conferences.insert(id, AudioConference { bridge, streams: Vec::new(), on_hold: false });
        id
    }

    /// A conference.
    #[must_use]
    pub fn conference(&self, id: ConferenceId) -> Option<&AudioConference> {
        self.conferences().conferences.get(&id)
    }

    /// Ends a conference: its streams have the device again, each for itself.
    ///
    /// # Errors
    ///
    /// [`ConferenceError::NoConference`].
    pub fn remove_conference(&mut self, id: ConferenceId) -> Result<(), ConferenceError> {
        let AudioConference { bridge, streams, .. } = self.conferences_mut().get(id)?.clone();
        for stream in streams {
            self.leave_conference(id, stream)?;
        }
        self.conferences_mut().conferences.remove(&id);
        // The bridge lives as long as the conference.
        let _: Result<(), BridgeError> = self.remove_bridge(bridge);
        Ok(())
    }

    /// Takes a stream in (AudioConference.add). Once is enough.
    ///
    /// # Errors
    ///
    /// [`ConferenceError::NoConference`], [`ConferenceError::NoLeg`], [`ConferenceError::Elsewhere`].
    pub fn join_conference(&mut self, id: ConferenceId, stream: StreamId) -> Result<(), ConferenceError> {
        let conference = self.conferences_mut().get(id)?;
        let bridge = conference.bridge;
        if conference.streams.contains(&stream) {
            return Ok(());
        }
        let own = self.bridge_of(stream)?;
        self.bridge(bridge, own).map_err(|_| ConferenceError::Elsewhere(stream))?;
        // Whoever took the device out before wanted it so.
        let _: Result<(), BridgeError> = self.unbridge(own, self.device_port());
        self.conferences_mut().get(id)?.streams.push(stream);
        Ok(())
    }

    /// Lets a stream go (AudioConference.remove): it has the device for itself again.
    ///
    /// # Errors
    ///
    /// [`ConferenceError::NoConference`], [`ConferenceError::NotAMember`].
    pub fn leave_conference(&mut self, id: ConferenceId, stream: StreamId) -> Result<(), ConferenceError> {
        let conference = self.conferences_mut().get(id)?;
        let bridge = conference.bridge;
        let place = conference.streams.iter().position(|member| *member == stream);
        conference.streams.remove(place.ok_or(ConferenceError::NotAMember(stream))?);
        let own = self.bridge_of(stream)?;
        // A member's bridge is in the conference's, unless somebody took it out by hand.
        let _: Result<(), BridgeError> = self.unbridge(bridge, own);
        let _: Result<(), BridgeError> = self.bridge(own, self.device_port());
        Ok(())
    }

    /// Leaves the device out (AudioConference.hold), or takes it in again (AudioConference.unhold). The others go on, and their streams are not held.
    ///
    /// # Errors
    ///
    /// [`ConferenceError::NoConference`].
    pub fn hold_conference(&mut self, id: ConferenceId, on_hold: bool) -> Result<(), ConferenceError> {
        let conference = self.conferences_mut().get(id)?;
        conference.on_hold = on_hold;
        let (bridge, device) = (conference.bridge, self.device_port());
        // It is there already, or not any more.
        let _ = if on_hold { self.unbridge(bridge, device) } else { self.bridge(bridge, device) };
        Ok(())
    }
}
