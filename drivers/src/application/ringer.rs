//! Ring tones (seed class RingtoneConfiguration): what sounds here while a call waits to be answered, and while the other side's device rings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sipsimple_audio::engine::{Engine, MixerId, PortId};
use sipsimple_audio::rate::SampleRate;
use sipsimple_audio::ringtone::RingtoneConfiguration;
use sipsimple_audio::wave::{Wave, WaveError, WavePlayer};
use sipsimple_core::id::SessionId;
use sipsimple_core::session::{SessionEvent, SessionState};
use sipsimple_core::sip::{NameAddr, Text};

use super::{Application, AudioError};
use crate::event_loop::Command;
use crate::media::Link;

/// The ring tones, read from their files.
#[derive(Debug, Default)]
pub(crate) struct Tones {
    config: RingtoneConfiguration,
    waves: BTreeMap<PathBuf, Wave>,
}

impl Tones {
    fn read(config: RingtoneConfiguration, rate: SampleRate) -> Result<Self, WaveError> {
        let mut waves = BTreeMap::new();
        for file in config.ringtones() {
            waves.insert(file.to_owned(), Wave::open(file)?.at_rate(rate).map_err(WaveError::Rate)?);
        }
        Ok(Self { config, waves })
    }

    fn inbound(&self, from: &Text) -> Option<Wave> {
        let from = NameAddr::parse(from).ok();
        let uri = from.as_ref().and_then(|from| from.uri.as_sip());
        let file = match uri {
            Some(uri) => self.config.get_ringtone_for_sipuri(uri),
            None => self.config.default_inbound_ringtone.as_deref(),
        };
        self.wave(file)
    }

    fn outbound(&self) -> Option<Wave> {
        self.wave(self.config.outbound_ringtone.as_deref())
    }

    fn wave(&self, file: Option<&Path>) -> Option<Wave> {
        self.waves.get(file?).cloned()
    }
}

/// Plays the ring tones of the calls.
#[derive(Debug)]
pub(crate) struct Ringer {
    tones: Tones,
    rate: SampleRate,
    /// The calls that sound, and in which mixer.
    sounding: BTreeMap<SessionId, MixerId>,
    /// Their players, as the media thread knows them.
    ports: Arc<Mutex<BTreeMap<SessionId, PortId>>>,
}

impl Ringer {
    pub(crate) fn new(rate: SampleRate) -> Self {
        Self { tones: Tones::default(), rate, sounding: BTreeMap::new(), ports: Arc::default() }
    }

    /// These are the ring tones from now on.
    pub(crate) fn set(&mut self, tones: Tones) {
        self.tones = tones;
    }

    /// Takes news of a session.
    pub(crate) fn follow(&mut self, session: SessionId, news: &SessionEvent, media: &Link) {
        match news {
            SessionEvent::NewIncoming { remote_identity, .. } => {
                let wave = self.tones.inbound(remote_identity);
                self.start(session, MixerId::ALERT, wave, media);
            }
            SessionEvent::GotRingIndication => {
                let wave = self.tones.outbound();
                self.start(session, MixerId::VOICE, wave, media);
            }
            SessionEvent::WillStart
            | SessionEvent::DidFail { .. }
            | SessionEvent::DidEnd { .. }
            | SessionEvent::ChangedState { state: SessionState::Accepting | SessionState::Terminating, .. } => {
                self.stop(session, media);
            }
            _ => {}
        }
    }

    fn start(&mut self, session: SessionId, mixer: MixerId, wave: Option<Wave>, media: &Link) {
        let Some(wave) = wave.filter(|_| !self.sounding.contains_key(&session)) else { return };
        self.sounding.insert(session, mixer);
        let (rate, ports) = (self.rate, Arc::clone(&self.ports));
        media.run(mixer, move |engine: &mut Engine, _| {
            let mut player = WavePlayer::from_wave(wave, rate).loop_count(0);
            player.start();
            // In a crowd without room it is silent.
            if let Ok(port) = engine.add_port(player) {
                let _ = engine.connect(port, engine.device_port());
                ports.lock().unwrap_or_else(PoisonError::into_inner).insert(session, port);
            }
        });
    }

    fn stop(&mut self, session: SessionId, media: &Link) {
        let Some(mixer) = self.sounding.remove(&session) else { return };
        let ports = Arc::clone(&self.ports);
        media.run(mixer, move |engine: &mut Engine, _| {
            if let Some(port) = ports.lock().unwrap_or_else(PoisonError::into_inner).remove(&session) {
                engine.remove_port(port);
            }
        });
    }
}

impl Application {
    /// The ring tones (attribute `ringtone_config` of seed 000's SessionManager).
    #[must_use]
    pub fn ringtone_config(&self) -> RingtoneConfiguration {
        self.ringtones.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on these ring tones sound: those of callers in the alert mixer, until their calls are answered or over; that for the other side's
    /// device in the voice mixer, for the device here alone. The files are read now.
    ///
    /// # Errors
    /// When a file cannot be read, or the application has stopped: the ring tones are those of before.
    pub fn set_ringtone_config(&self, config: RingtoneConfiguration) -> Result<(), AudioError> {
        let tones = Tones::read(config.clone(), self.sample_rate())?;
        self.commands.try_send(Command::Ringtones(tones)).map_err(|_| AudioError::Stopped)?;
        *self.ringtones.lock().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }
}
