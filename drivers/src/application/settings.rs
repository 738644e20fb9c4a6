//! The settings that an application starts with.

use std::path::PathBuf;

use sipsimple_audio::device::Processing;
use sipsimple_audio::engine::EngineConfig;
use sipsimple_audio::rate::SampleRate;
use sipsimple_core::agent::{Config, Listen};
use sipsimple_core::random::Seed;
use sipsimple_core::settings::Audio;
use sipsimple_core::transport::{Port, Route};

use crate::network::TlsSettings;

/// What an application starts with. The default binds no socket, plays to no sound card and writes no trace.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The configuration of the agent. Where it names no name servers, those of the system are used.
    pub config: Config,
    /// The file that the trace goes to, readable by its owner only; `None` for no trace. A trace holds passwords and keys.
    pub trace: Option<PathBuf>,
    /// Where all chance comes from; `None` draws it from the operating system.
    pub seed: Option<Seed>,
    /// The mixer of the calls and its codecs. It runs at the rate that `audio.sample_rate` has by default, 44,100 Hz, and does not resample what codecs of
    /// another rate code where it is given that rate: 8,000 Hz for PCMU, PCMA and GSM, 16,000 for G.722, 48,000 for opus. The stored rate and processing go first.
    pub audio: EngineConfig,
    /// The certificates, keys and authorities of TLS.
    pub tls: TlsSettings,
    /// The directory that the settings are stored in, in the file `config`; `None` keeps them in memory. The configuration gives their defaults.
    pub directory: Option<PathBuf>,
}

/// Slots of the mixer: a call takes one, and one more each for what it plays and records.
const SLOTS: usize = 1023;

impl Default for Settings {
    fn default() -> Self {
        let Audio { tail_length, sample_rate, .. } = Audio::default();
        let audio = EngineConfig {
            slot_count: SLOTS,
            // A mixer runs at every rate that the setting takes.
            sample_rate: SampleRate::new(sample_rate.hz()).unwrap_or_default(),
            processing: Processing { tail_length: tail_length.duration(), ..Processing::NONE },
            ..EngineConfig::default()
        };
        Self { config: Config::default(), trace: None, seed: None, audio, tls: TlsSettings::default(), directory: None }
    }
}

impl Settings {
    /// Those that are stored in this directory, which need not exist: with their accounts, and with the sockets that they speak of.
    #[must_use]
    pub fn stored_in(directory: impl Into<PathBuf>) -> Self {
        Self { directory: Some(directory.into()), ..Self::default() }
    }

    /// Settings with these sockets for SIP. Port 0 lets the system pick one.
    #[must_use]
    pub fn listening(on: impl IntoIterator<Item = Route>) -> Self {
        let mut settings = Self::default();
        settings.config.listen = on.into_iter().map(listen).collect();
        settings
    }
}

/// The socket that this route leads to, seen from the side that binds it. Port 0 lets the system pick one.
#[must_use]
pub const fn listen(route: Route) -> Listen {
    let port = if route.port == 0 { Port::Random } else { Port::Fixed(route.port) };
    Listen { transport: route.transport, address: route.address, port }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_0_is_picked_by_the_system() {
        let settings = Settings::listening(["udp:127.0.0.1:0".parse().unwrap(), "tcp:[::1]:5060".parse().unwrap()]);
        let ports: Vec<Port> = settings.config.listen.iter().map(|listen| listen.port).collect();
        assert_eq!(ports, [Port::Random, Port::Fixed(5060)]);
    }
}
