//! What the agent tells a media path, and what the path tells the agent.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ice;
use crate::random::Seed;
use crate::rtp::srtp::MasterKey;
use crate::sdp::Direction;
use crate::sip::Text;
use crate::transport::CloseCause;

/// Commands of the agent to the driver's media task about one stream (`Effect::Media`), in this order: one `Prepare`, one `Start`, any `Update`, `Hold` and `SendDtmf`, one `Stop`. `Stop` may come at any time after `Prepare`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Command {
    /// Bind the sockets and gather candidates; answered by [`Event::Ready`] or [`Event::Failed`].
    Prepare(Setup),
    /// Packets may flow; answered by [`Event::Started`] or [`Event::Failed`].
    Start(Parameters),
    /// Go on with other parameters.
    Update(Parameters),
    /// Queue a DTMF digit (RFC 4733): `0`–`9`, `*`, `#`, `A`–`D`.
    SendDtmf {
        /// The digit.
        digit: char,
        /// How long it sounds.
        duration: Duration,
    },
    /// Hear nobody and be heard by nobody, or do so again: while on hold, silence is sent where the direction sends.
    Hold(bool),
    /// Send RTCP BYE, close the sockets and forget the stream.
    Stop,
}

/// What a media path needs before it may bind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// The local address to bind.
    pub local: IpAddr,
    /// The lowest and the highest port to try, both included; RTP takes an even one and RTCP the next (RFC 3550 section 11). `(0, 0)` lets the system pick any two.
    pub ports: (u16, u16),
    /// Everything random on this path comes from this seed.
    pub seed: Seed,
    /// The synchronisation source of the packets that this path sends.
    pub ssrc: u32,
    /// The canonical name in RTCP SDES (RFC 3550 section 6.5.1).
    pub cname: Text,
    /// ICE, where it is to be tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ice: Option<Box<Ice>>,
}

/// How ICE is tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ice {
    /// Who makes the offer controls.
    pub role: ice::Role,
    /// The servers that tell and lend addresses.
    pub servers: ice::Servers,
}

/// What the two sides agreed on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// Where RTP goes: what the remote SDP says. `None` while there is nowhere to send (address 0.0.0.0, port 0).
    pub remote_rtp: Option<SocketAddr>,
    /// Where RTCP goes: `a=rtcp` or the port after RTP's (RFC 3605). The same address as RTP's means that both share one socket (RFC 5761).
    pub remote_rtcp: Option<SocketAddr>,
    /// Our direction: whether this path sends and receives.
    pub direction: Direction,
    /// The formats agreed on, best first; the first is the one that is sent. Never empty.
    pub formats: Vec<Format>,
    /// RFC 4733 events, when both sides know them.
    pub telephone_event: Option<TelephoneEvent>,
    /// Comfort noise (RFC 3389), when both sides know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comfort_noise: Option<ComfortNoise>,
    /// Whether silence is described by comfort noise and not sent, where the peer knows it.
    #[serde(default)]
    pub suppress_silence: bool,
    /// Milliseconds of media in each packet sent.
    pub ptime: u32,
    /// Whether RTP may latch once to another source than the SDP's (design decision 15).
    pub symmetric: bool,
    /// How long no packet may come while receiving before [`Event::NoRtp`]; `None` never tells.
    pub timeout: Option<Duration>,
    /// The keys of SRTP; without them packets are as they are. With them no other packet is understood, and none is sent open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub srtp: Option<Box<Keys>>,
    /// What the peer tells of itself for ICE. Without it, and without [`Setup::ice`], packets go where the descriptions say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ice: Option<Box<ice::Exchange>>,
}

/// The master keys of SRTP (RFC 4568).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// For what this side sends.
    pub send: MasterKey,
    /// For what the peer sends.
    pub receive: MasterKey,
}

/// One codec as the two sides number it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// The payload type in packets that we send: the remote SDP's number.
    pub send_payload: u8,
    /// The payload type in packets that we receive: the local SDP's number.
    pub receive_payload: u8,
    /// The encoding name, as in `PCMU`; compared in any case.
    pub encoding: Text,
    /// Clock rate of the RTP timestamp in Hz.
    pub clock_rate: u32,
    /// Channels.
    pub channels: u8,
    /// The remote side's format parameters, for what we send.
    pub remote_fmtp: Option<Text>,
    /// The local side's format parameters, for what we receive.
    pub local_fmtp: Option<Text>,
}

/// How RFC 4733 events are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelephoneEvent {
    /// The payload type in packets that we send.
    pub send_payload: u8,
    /// The payload type in packets that we receive.
    pub receive_payload: u8,
    /// Clock rate in Hz.
    pub clock_rate: u32,
}

/// How comfort noise (RFC 3389) is numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComfortNoise {
    /// The payload type in packets that we send.
    pub send_payload: u8,
    /// The payload type in packets that we receive.
    pub receive_payload: u8,
    /// Clock rate in Hz: that of the codecs whose pauses it fills.
    pub clock_rate: u32,
}

/// One of the two flows of an RTP session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// Media packets.
    Rtp,
    /// Control packets.
    Rtcp,
}

/// A local address on which a component can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The component.
    pub component: Component,
    /// The address.
    pub address: SocketAddr,
}

/// What a media path tells the agent (`Input::Media`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The sockets are bound, and candidates gathered where ICE is to be tried, of which [`Event::Ice`] has told: one address for each component.
    Ready {
        /// The local addresses.
        candidates: Vec<Candidate>,
    },
    /// Packets may flow. Where ICE is done, it has ended.
    Started,
    /// News of ICE.
    Ice(Box<ice::Event>),
    /// The path cannot be prepared, or cannot go on.
    Failed(CloseCause),
    /// The peer pressed a key (RFC 4733).
    Dtmf {
        /// The digit: `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
    },
    /// No packet came for the time in [`Parameters::timeout`], or for the first 5 s of it, although the direction receives.
    NoRtp {
        /// Whether any packet has ever come.
        got_any: bool,
    },
    /// The first packet came, or packets now come from another address.
    Source(SocketAddr),
    /// A report, after each RTCP interval and at the end.
    Stats(Box<Statistics>),
}

/// Counters of a media path (AudioStream.statistics of the reference).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// What was received.
    pub rx: StreamStatistics,
    /// What was sent; loss and jitter are what the peer's RTCP reports say.
    pub tx: StreamStatistics,
    /// The last round-trip time that RTCP measured.
    pub round_trip: Option<Duration>,
}

/// Counters of one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamStatistics {
    /// RTP packets of the source that is heard, those that came late or twice included.
    pub packets: u64,
    /// Payload bytes, without headers.
    pub bytes: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Datagrams that came too late, were not understood or were not the peer's; or that were not sent because too many waited.
    pub discarded: u64,
    /// Packets that came after one with a higher sequence number.
    pub reordered: u64,
    /// Packets that came twice.
    pub duplicate: u64,
    /// Interarrival jitter (RFC 3550 section 6.4.1).
    pub jitter: Duration,
}
