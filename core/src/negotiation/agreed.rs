//! What two descriptions, an offer and its answer, amount to.

use std::net::SocketAddr;
use std::time::Duration;

use crate::ice;
use crate::media::{ComfortNoise, Format, Keys, Parameters, TelephoneEvent};
use crate::sdp::{Direction, Media, RtpFormat, Session};
use crate::sip::Text;

use super::codec::{encoding, is_comfort_noise, is_companion, is_telephone_event, same};
use super::proposal::remote_direction;
use super::sdes;

/// What both sides agreed on, slot by slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// One for each media line: `None` when it is refused, removed or unusable.
    pub slots: Vec<Option<AgreedMedia>>,
    /// Slots that the peer's answer accepts without a format that this side knows: nothing can flow there, and they are to be removed by a new offer.
    pub unusable: Vec<usize>,
}

/// What both sides agreed on for one media line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreedMedia {
    /// Where RTP goes; `None` while there is nowhere to send: the address is 0.0.0.0, missing, or a name.
    pub remote_rtp: Option<SocketAddr>,
    /// Where RTCP goes: RTP's own port when both sides multiplex (RFC 5761), else what `a=rtcp` says (RFC 3605), else the port after RTP's.
    pub remote_rtcp: Option<SocketAddr>,
    /// The peer's host name and port, when its `c=` has a name in place of an address: it is to be looked up.
    pub remote_name: Option<(Text, u16)>,
    /// Whether this side sends and receives.
    pub direction: Direction,
    /// What the peer said for itself. An address of 0.0.0.0 takes receiving away.
    pub remote_direction: Direction,
    /// The formats in common, in the answer's order: the first is the one to send. Empty for protocols other than RTP, and for a line of events only.
    pub formats: Vec<Format>,
    /// The events of RFC 4733, at the first format's clock rate if that is in common.
    pub telephone_event: Option<TelephoneEvent>,
    /// Comfort noise of RFC 3389, at the clock rate of the first format that has any in common.
    pub comfort_noise: Option<ComfortNoise>,
    /// Milliseconds of media in each packet that this side sends.
    pub ptime: u32,
    /// The keys of SRTP, when both sides gave theirs (RFC 4568). Without them nothing is encrypted.
    pub srtp: Option<Box<Keys>>,
    /// What both sides tell of themselves for ICE, when both do it (RFC 8839).
    pub ice: Option<Box<ice::Exchange>>,
}

/// Milliseconds in a packet when nobody says (RFC 3551 section 4.2).
const DEFAULT_PTIME: u32 = 20;
/// What is more than this many milliseconds is not listened to.
const LONGEST_PTIME: u32 = 200;

impl Agreed {
    /// Whether no slot is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.iter().all(Option::is_none)
    }

    /// What was agreed on for this slot.
    #[must_use]
    pub fn slot(&self, slot: usize) -> Option<&AgreedMedia> {
        self.slots.get(slot).and_then(Option::as_ref)
    }

    /// Puts the two descriptions together, slot by slot.
    pub(super) fn new(local: &Session, remote: &Session, answer: Answer) -> Self {
        let mut agreed = Self { slots: Vec::new(), unusable: Vec::new() };
        for (slot, (ours, theirs)) in local.media().zip(remote.media()).enumerate() {
            let live = ours.port() != 0 && theirs.port() != 0;
            let media = if live { AgreedMedia::new(&ours, &theirs, answer) } else { None };
            if live && media.is_none() {
                agreed.unusable.push(slot);
            }
            agreed.slots.push(media);
        }
        agreed
    }
}

/// Whose description is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// This side's.
    Ours,
    /// The peer's.
    Theirs,
}

impl AgreedMedia {
    /// What the media path is to be told; `None` when there is no format, as for a protocol other than RTP.
    #[must_use]
    pub fn parameters(&self, symmetric: bool, timeout: Option<Duration>) -> Option<Parameters> {
        if self.formats.is_empty() {
            return None;
        }
        Some(Parameters {
            remote_rtp: self.remote_rtp,
            remote_rtcp: self.remote_rtcp,
            direction: self.direction,
            formats: self.formats.clone(),
            telephone_event: self.telephone_event,
            comfort_noise: self.comfort_noise,
            suppress_silence: false,
            ptime: self.ptime,
            symmetric,
            timeout,
            srtp: self.srtp.clone(),
            ice: self.ice.clone(),
        })
    }

    /// What two sections in use amount to; `None` for RTP without a format in common, and for SRTP without a key of both.
    fn new(ours: &Media<'_>, theirs: &Media<'_>, answer: Answer) -> Option<Self> {
        let mut formats = Vec::new();
        let mut telephone_event = None;
        let mut comfort_noise = None;
        let srtp = if theirs.is_rtp() { sdes::agreed(ours, theirs) } else { None };
        if theirs.is_rtp() {
            let common = common(&ours.rtp_formats(), &theirs.rtp_formats(), answer);
            formats = codecs(&common);
            telephone_event = events(&common, formats.first().map(|format| format.clock_rate));
            comfort_noise = formats.iter().find_map(|format| noise(&common, format.clock_rate));
            let open = srtp.is_none() && sdes::demands_srtp(ours);
            if open || (formats.is_empty() && telephone_event.is_none()) {
                return None;
            }
        }
        let said = ours.direction().answer_to(theirs.direction());
        let remote_direction = remote_direction(theirs);
        let connection = theirs.connection();
        let address = connection.and_then(|connection| connection.ip());
        let remote_rtp =
            address.filter(|address| !address.is_unspecified()).map(|address| SocketAddr::new(address, theirs.port()));
        let remote_name = connection.filter(|_| address.is_none()).map(|name| (name.address.into(), theirs.port()));
        Some(Self {
            remote_rtp,
            remote_rtcp: remote_rtp.and_then(|rtp| remote_rtcp(ours, theirs, rtp)),
            remote_name,
            direction: Direction::new(said.sends() && remote_direction.receives(), said.receives()),
            remote_direction,
            formats,
            telephone_event,
            comfort_noise,
            ptime: packet_time(ours, theirs),
            srtp,
            ice: exchange(ours, theirs, remote_rtp).map(Box::new),
        })
    }
}

/// The formats that both sides list, ours with theirs, in the answer's order. A number of either side counts once; of
/// several that are the same codec those with the same number belong together.
fn common<'o, 't>(
    ours: &[RtpFormat<'o>],
    theirs: &[RtpFormat<'t>],
    answer: Answer,
) -> Vec<(RtpFormat<'o>, RtpFormat<'t>)> {
    let mut pairs: Vec<(RtpFormat<'o>, RtpFormat<'t>)> = Vec::new();
    let mut add = |a: &RtpFormat<'o>, b: &RtpFormat<'t>| {
        if !pairs.iter().any(|(x, y)| x.payload == a.payload || y.payload == b.payload) {
            pairs.push((*a, *b));
        }
    };
    match answer {
        Answer::Ours => {
            for a in ours {
                let matches = |b: &&RtpFormat<'t>| same(a, b);
                let best = theirs.iter().filter(matches).find(|b| b.payload == a.payload);
                if let Some(b) = best.or_else(|| theirs.iter().find(matches)) {
                    add(a, b);
                }
            }
        }
        Answer::Theirs => {
            for b in theirs {
                let matches = |a: &&RtpFormat<'o>| same(a, b);
                let best = ours.iter().filter(matches).find(|a| a.payload == b.payload);
                if let Some(a) = best.or_else(|| ours.iter().find(matches)) {
                    add(a, b);
                }
            }
        }
    }
    pairs
}

fn codecs(common: &[(RtpFormat<'_>, RtpFormat<'_>)]) -> Vec<Format> {
    let codecs = common.iter().filter(|(ours, _)| !is_companion(ours.encoding));
    let format = |(ours, theirs): &(RtpFormat<'_>, RtpFormat<'_>)| Format {
        send_payload: theirs.payload,
        receive_payload: ours.payload,
        encoding: encoding(ours.encoding),
        clock_rate: ours.clock_rate,
        channels: ours.channels,
        remote_fmtp: theirs.fmtp.map(Text::from),
        local_fmtp: ours.fmtp.map(Text::from),
    };
    codecs.map(format).collect()
}

/// The events at this clock rate, or else the first.
fn events(common: &[(RtpFormat<'_>, RtpFormat<'_>)], clock_rate: Option<u32>) -> Option<TelephoneEvent> {
    let mut events = common.iter().filter(|(ours, _)| is_telephone_event(ours.encoding));
    let best = events.clone().find(|(ours, _)| Some(ours.clock_rate) == clock_rate);
    best.or_else(|| events.next()).map(|(ours, theirs)| TelephoneEvent {
        send_payload: theirs.payload,
        receive_payload: ours.payload,
        clock_rate: ours.clock_rate,
    })
}

/// Comfort noise at this clock rate.
fn noise(common: &[(RtpFormat<'_>, RtpFormat<'_>)], clock_rate: u32) -> Option<ComfortNoise> {
    let at_rate =
        |(ours, _): &&(RtpFormat<'_>, RtpFormat<'_>)| is_comfort_noise(ours.encoding) && ours.clock_rate == clock_rate;
    common.iter().find(at_rate).map(|(ours, theirs)| ComfortNoise {
        send_payload: theirs.payload,
        receive_payload: ours.payload,
        clock_rate,
    })
}

/// What both sides tell of themselves for ICE. Nothing when the stream's address is none of the peer's candidates: something on the way has changed it.
fn exchange(ours: &Media<'_>, theirs: &Media<'_>, rtp: Option<SocketAddr>) -> Option<ice::Exchange> {
    let ours = ice::Credentials::read(ours)?;
    match ice::Description::read(theirs, rtp) {
        ice::Support::Full(theirs) => Some(ice::Exchange { ours, theirs }),
        ice::Support::None | ice::Support::Mismatch => None,
    }
}

fn remote_rtcp(ours: &Media<'_>, theirs: &Media<'_>, rtp: SocketAddr) -> Option<SocketAddr> {
    if ours.attribute("rtcp-mux").is_some() && theirs.attribute("rtcp-mux").is_some() {
        return Some(rtp);
    }
    match theirs.rtcp() {
        Some(rtcp) => Some(SocketAddr::new(rtcp.address.unwrap_or_else(|| rtp.ip()), rtcp.port))
            .filter(|address| !address.ip().is_unspecified()),
        None => rtp.port().checked_add(1).map(|port| SocketAddr::new(rtp.ip(), port)),
    }
}

/// What the peer would like to receive, or else what this side would like, within the peer's limit.
fn packet_time(ours: &Media<'_>, theirs: &Media<'_>) -> u32 {
    let sane = |time: &u32| *time <= LONGEST_PTIME;
    let wanted = theirs.ptime().filter(sane).or_else(|| ours.ptime().filter(sane)).unwrap_or(DEFAULT_PTIME);
    theirs.maxptime().map_or(wanted, |most| wanted.min(most))
}
