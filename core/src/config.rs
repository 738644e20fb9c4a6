//! The configuration of an agent, and the context of a call.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::dns::DnsConfig;
use crate::limits::Limits;
use crate::msrp::Endpoint;
use crate::package::{Package, default_packages};
use crate::random::Random;
use crate::settings::kind::LogLevel;
use crate::sip::Text;
use crate::time::{Instant, Utc};
use crate::transaction::Timers;
use crate::transport::{Fingerprint, Port, TlsConfig, Transport};

/// The configuration of an agent. It is part of a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Config {
    /// What the User-Agent and Server headers say, and the `s=` line of SDP (setting `user_agent`).
    pub user_agent: Text,
    /// The URN of this device, as in `urn:uuid:…` (setting `instance_id`): with one, registrations ask for a GRUU and name their flow (RFC 5627, RFC 5626).
    pub instance_id: Option<Text>,
    /// The sockets to bind at the start.
    pub listen: Vec<Listen>,
    /// T1, T2, T4 (RFC 3261 section 17.1.1.1).
    pub timers: Timers,
    /// How long a proposal may go unanswered before it is cancelled (setting `sip.invite_timeout`); `None` waits for ever.
    pub invite_timeout: Option<Duration>,
    /// Whether provisional responses must be reliable (RFC 3262): our INVITEs require it, and we send all of ours so where the caller supports it. Otherwise it is supported, and done when the caller requires it or a response carries a session description.
    pub reliable_provisionals: bool,
    /// Session timers (RFC 4028).
    pub session_timer: SessionTimer,
    /// How long a media stream may take to start.
    pub media_stream_timeout: Duration,
    /// How long `end` and `reject` wait for the peer before the session is reported as ended; the protocol machines below linger on as the RFC says.
    pub end_timeout: Duration,
    /// Bytes above which a request leaves UDP for TCP (RFC 3261 section 18.1.1): 1300, or 200 below the path's MTU where that is known.
    pub datagram_bytes: usize,
    /// The event packages that are known: others are answered with 489 (RFC 6665).
    pub packages: Vec<Package>,
    /// TLS for SIP; without it no TLS socket can be bound (`tls.*` of the seeds' SIPSimpleSettings).
    pub tls: Option<TlsConfig>,
    /// How much is told for logs (setting `logs.level`).
    pub log_level: LogLevel,
    /// Whether every SIP message that comes and goes is an event (setting `logs.trace_sip`).
    pub trace_sip: bool,
    /// Name servers and lookups.
    pub dns: DnsConfig,
    /// RTP.
    pub rtp: RtpConfig,
    /// MSRP.
    pub msrp: MsrpConfig,
    /// Limits on everything.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            user_agent: Text::from_static(concat!("sipsimple ", env!("CARGO_PKG_VERSION"))),
            instance_id: None,
            listen: Vec::new(),
            timers: Timers::default(),
            invite_timeout: Some(Duration::from_secs(90)),
            reliable_provisionals: false,
            session_timer: SessionTimer::default(),
            media_stream_timeout: Duration::from_secs(15),
            end_timeout: Duration::from_secs(1),
            datagram_bytes: 1300,
            packages: default_packages(),
            tls: None,
            log_level: LogLevel::ALL,
            trace_sip: false,
            dns: DnsConfig::default(),
            rtp: RtpConfig::default(),
            msrp: MsrpConfig::default(),
            limits: Limits::default(),
        }
    }
}

/// Session timers (RFC 4028): sessions whose peer is gone without a word end by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionTimer {
    /// Whether they are understood at all.
    pub enabled: bool,
    /// The interval that our INVITEs ask for, in seconds; `None` leaves it to the peer.
    pub expires: Option<u32>,
    /// The shortest interval that is accepted, in seconds; never less than 90.
    pub min_se: u32,
}

impl Default for SessionTimer {
    fn default() -> Self {
        Self { enabled: true, expires: Some(1800), min_se: 90 }
    }
}

/// A socket to bind for SIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listen {
    /// The transport.
    pub transport: Transport,
    /// The local address; unspecified for all.
    pub address: IpAddr,
    /// The port.
    pub port: Port,
}

/// The codecs where nobody says which, best first (setting `rtp.audio_codec_list`): of the reference's, opus stands for speex (design decision 9).
pub(crate) const AUDIO_CODECS: [&str; 4] = ["opus", "G722", "PCMU", "PCMA"];

/// Settings of RTP (`rtp.*` of the seeds' SIPSimpleSettings).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RtpConfig {
    /// The address that RTP is bound to; without it the one that leads to the peer.
    pub local_address: Option<IpAddr>,
    /// The lowest and the highest port, both included; `(0, 0)` lets the system pick.
    pub port_range: (u16, u16),
    /// How long no packet may come before that is reported.
    pub timeout: Option<Duration>,
    /// Whether RTP may latch once to another source than the SDP's (design decision 15).
    pub symmetric: bool,
    /// Whether silence is suppressed: described by comfort noise (RFC 3389) and not sent, where the peer knows that.
    pub silence_suppression: bool,
    /// Encoding names, best first. A codec that is not built in is skipped.
    pub audio_codecs: Vec<Text>,
}

impl Default for RtpConfig {
    fn default() -> Self {
        Self {
            local_address: None,
            port_range: (50_000, 50_500),
            timeout: Some(Duration::from_secs(30)),
            symmetric: true,
            silence_suppression: false,
            audio_codecs: AUDIO_CODECS.map(Text::from_static).to_vec(),
        }
    }
}

/// MSRP (`msrp.*` of the seeds' SIPSimpleSettings).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MsrpConfig {
    /// The address in our URIs (setting `msrp.local_ip`); without it the one that leads to the peer.
    pub address: Option<IpAddr>,
    /// The port to listen on (setting `msrp.local_port`).
    pub port: Port,
    /// The fingerprints of the certificates that the driver shows: descriptions carry them (RFC 8122).
    pub fingerprints: Vec<Fingerprint>,
    /// Whether every frame that comes and goes is an event (setting `logs.trace_msrp`).
    pub trace: bool,
}

impl Default for MsrpConfig {
    fn default() -> Self {
        Self { address: None, port: Port::Random, fingerprints: Vec::new(), trace: false }
    }
}

/// What comes with every call into the rooms below the agent: the time, the date, chance, and the configuration.
#[derive(Debug)]
pub struct Context<'a> {
    /// Now.
    pub now: Instant,
    /// The date.
    pub utc: Utc,
    /// Chance.
    pub random: &'a mut Random,
    /// The configuration.
    pub config: &'a Config,
    /// The MSRP sessions of all streams, on connections that they share.
    pub msrp: &'a mut Endpoint,
}

/// The context of a room that is tried alone: at this time, with this chance and configuration, and without MSRP sessions.
#[cfg(test)]
macro_rules! context {
    ($now:expr, $random:expr, $config:expr) => {
        $crate::config::Context {
            now: $now,
            utc: $crate::time::Utc::default(),
            random: &mut $random,
            config: &$config,
            msrp: &mut $crate::msrp::Endpoint::new(),
        }
    };
}
#[cfg(test)]
pub(crate) use context;
