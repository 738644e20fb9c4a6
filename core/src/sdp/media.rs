//! One media section of a session description: an `m=` line and what follows it (RFC 8866 section 5.14).

use std::fmt;

use super::attribute::{Fmtp, Rtcp, Rtpmap, payload_type};
use super::line::{Bandwidth, Connection, Fields, MediaLine, number, trim};
use super::payload::StaticPayload;
use super::session::{Line, Session, split_attribute};
use super::{Attribute, Direction};

/// A media section.
#[derive(Clone, Copy)]
pub struct Media<'a> {
    session: &'a Session,
    /// The media line's type, port, protocol and formats.
    line: MediaLine<'a>,
    /// The lines after it.
    lines: &'a [Line],
}

/// An RTP format of a media section: a payload type and what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpFormat<'a> {
    /// The payload type, 0 to 127.
    pub payload: u8,
    /// The encoding's name, from `a=rtpmap` or from RFC 3551.
    pub encoding: &'a str,
    /// Clock rate of the RTP timestamp in Hz; never 0.
    pub clock_rate: u32,
    /// Channels; never 0.
    pub channels: u8,
    /// The parameters of its `a=fmtp`.
    pub fmtp: Option<&'a str>,
}

impl<'a> Media<'a> {
    /// The section of these lines, the first of which is its `m=` line.
    pub(super) fn new(session: &'a Session, section: &'a [Line]) -> Option<Self> {
        let (first, lines) = section.split_first()?;
        let line = MediaLine::checked(session.value(*first)).ok()?;
        Some(Self { session, line, lines })
    }

    /// The description that this is a section of.
    #[must_use]
    pub const fn session(&self) -> &'a Session {
        self.session
    }

    /// The media type: `audio`, `message`, `application` …
    #[must_use]
    pub const fn media_type(&self) -> &'a str {
        self.line.media
    }

    /// The port; 0 when the stream is refused or removed.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.line.port
    }

    /// How many ports there are from [`port`](Self::port) on; 1 unless the line says otherwise.
    #[must_use]
    pub const fn port_count(&self) -> u32 {
        self.line.port_count
    }

    /// The transport protocol: `RTP/AVP`, `TCP/MSRP` …
    #[must_use]
    pub const fn protocol(&self) -> &'a str {
        self.line.protocol
    }

    /// The formats, best first; what they mean depends on the protocol.
    pub fn formats(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        Fields::new(self.line.formats).map(|(_, format)| format)
    }

    /// Whether the protocol is RTP of any profile.
    #[must_use]
    pub fn is_rtp(&self) -> bool {
        is_rtp(self.line.protocol)
    }

    /// The section's title (`i=`).
    #[must_use]
    pub fn title(&self) -> Option<&'a str> {
        self.values(b'i').next()
    }

    /// Where media is to be sent: the first `c=` of this section, or else the session's.
    #[must_use]
    pub fn connection(&self) -> Option<Connection<'a>> {
        let own = self.values(b'c').next().and_then(|value| Connection::read(value).ok());
        own.or_else(|| self.session.connection())
    }

    /// The bandwidths of this section.
    pub fn bandwidths(&self) -> impl Iterator<Item = Bandwidth<'a>> + use<'a> {
        self.values(b'b').filter_map(|value| Bandwidth::read(value).ok())
    }

    /// The attributes of this section, in their order: name, and what follows the colon.
    pub fn attributes(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + use<'a> {
        self.values(b'a').map(split_attribute)
    }

    /// The first attribute of this name in this section: `Some(None)` when it has no value.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<Option<&'a str>> {
        self.session.find_attribute(self.lines, name)
    }

    /// The first attribute of this name in this section, or else the session's.
    #[must_use]
    pub fn inherited_attribute(&self, name: &str) -> Option<Option<&'a str>> {
        self.attribute(name).or_else(|| self.session.attribute(name))
    }

    /// The direction: this section's, or else the session's, or else both ways (RFC 8866 section 6.7).
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.session.find_direction(self.lines).or_else(|| self.session.direction()).unwrap_or_default()
    }

    /// Milliseconds of media in a packet that this side would like to receive (RFC 8866 section 6.4); never 0.
    #[must_use]
    pub fn ptime(&self) -> Option<u32> {
        self.milliseconds("ptime")
    }

    /// The most milliseconds of media in a packet (RFC 8866 section 6.5); never 0.
    #[must_use]
    pub fn maxptime(&self) -> Option<u32> {
        self.milliseconds("maxptime")
    }

    fn milliseconds(&self, name: &str) -> Option<u32> {
        let value = self.attribute(name)??;
        number(trim(value)).and_then(|time| u32::try_from(time).ok()).filter(|time| *time > 0)
    }

    /// Where RTCP is to be sent, when the section says (RFC 3605).
    #[must_use]
    pub fn rtcp(&self) -> Option<Rtcp> {
        self.attribute("rtcp").flatten().and_then(Rtcp::read)
    }

    /// The RTP formats, in the order of the media line.
    ///
    /// Formats that are no payload type, and dynamic ones without a readable `a=rtpmap`, are left out; so are repetitions,
    /// so that there are at most 128. Of two attributes for the same payload type the first counts. Linear in the section's length.
    #[must_use]
    pub fn rtp_formats(&self) -> Vec<RtpFormat<'a>> {
        let mut formats = Vec::with_capacity(self.line.formats.bytes().filter(|b| *b == b' ').count().min(127) + 1);
        let mut places = [u8::MAX; 128];
        for payload in self.formats().filter_map(payload_type) {
            if let Some(place) = places.get_mut(usize::from(payload)).filter(|place| **place == u8::MAX) {
                *place = u8::try_from(formats.len()).unwrap_or(u8::MAX);
                formats.push(RtpFormat { payload, encoding: "", clock_rate: 0, channels: 0, fmtp: None });
            }
        }
        let place_of = |payload: u8| places.get(usize::from(payload)).map_or(usize::MAX, |place| usize::from(*place));
        for attribute in self.values(b'a') {
            // Looking at the first letter spares most attributes the comparison.
            match attribute.as_bytes().first() {
                Some(b'r') => {
                    let map = attribute.strip_prefix("rtpmap:").and_then(Rtpmap::read);
                    let format = map.and_then(|map| formats.get_mut(place_of(map.payload)));
                    if let (Some(map), Some(format)) = (map, format.filter(|format| format.clock_rate == 0)) {
                        (format.encoding, format.clock_rate, format.channels) =
                            (map.encoding, map.clock_rate, map.channels);
                    }
                }
                Some(b'f') => {
                    let fmtp = attribute.strip_prefix("fmtp:").and_then(Fmtp::read);
                    let payload = fmtp.and_then(|fmtp| payload_type(fmtp.format));
                    let format = payload.and_then(|payload| formats.get_mut(place_of(payload)));
                    if let (Some(fmtp), Some(format)) = (fmtp, format.filter(|format| format.fmtp.is_none())) {
                        format.fmtp = Some(fmtp.parameters);
                    }
                }
                _ => {}
            }
        }
        for format in formats.iter_mut().filter(|format| format.clock_rate == 0) {
            if let Some(known) = StaticPayload::of_number(format.payload) {
                (format.encoding, format.clock_rate, format.channels) =
                    (known.encoding, known.clock_rate, known.channels);
            }
        }
        formats.retain(|format| format.clock_rate != 0);
        formats
    }

    /// Whether the two sections have the same lines, and the session level gives them the same address and direction.
    #[must_use]
    pub fn same_as(&self, other: &Media<'_>) -> bool {
        self.line == other.line
            && self.session.contents(self.lines).eq(other.session.contents(other.lines))
            && self.connection() == other.connection()
            && self.direction() == other.direction()
    }

    fn values(&self, kind: u8) -> impl Iterator<Item = &'a str> + use<'a> {
        self.session.values(self.lines, kind)
    }
}

impl fmt::Debug for Media<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Media").field("line", &self.line).finish_non_exhaustive()
    }
}

impl From<(&str, Option<&str>)> for Attribute {
    fn from((name, value): (&str, Option<&str>)) -> Self {
        Self { name: name.into(), value: value.map(Into::into) }
    }
}

/// Whether a protocol is RTP of any profile: one of its parts is `RTP`.
pub(crate) fn is_rtp(protocol: &str) -> bool {
    protocol.split('/').any(|part| part.eq_ignore_ascii_case("RTP"))
}
