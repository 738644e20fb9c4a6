//! What this side says about a media line.

use std::net::IpAddr;

use crate::sdp::{Attribute, Direction, Media};
use crate::sip::Text;

use super::codec::Codec;

/// A media line as this side would like it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The media type: `audio`, `message` … An answer takes it from the offer.
    pub media: Text,
    /// The transport protocol: `RTP/AVP`, `TCP/MSRP` … An answer takes it from the offer.
    pub protocol: Text,
    /// The port; 0 offers a line that is not to be used, or refuses one.
    pub port: u16,
    /// The address, when it is another than the origin's.
    pub address: Option<IpAddr>,
    /// The title (`i=`).
    pub title: Option<Text>,
    /// The RTCP port, when it is to be said (RFC 3605).
    pub rtcp_port: Option<u16>,
    /// The formats, best first.
    pub formats: Formats,
    /// The direction that this side would like; an answer keeps to what the offer allows.
    pub direction: Direction,
    /// Milliseconds of media in a packet that this side would like to receive.
    pub ptime: Option<u32>,
    /// The most milliseconds of media in a packet.
    pub maxptime: Option<u32>,
    /// All other attributes, in their order.
    pub attributes: Vec<Attribute>,
}

/// The formats of a media line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Formats {
    /// Codecs, and events of RFC 4733, for RTP. They are matched with the other side's, and numbered by the negotiator.
    Rtp(Vec<Codec>),
    /// Formats of another protocol, such as MSRP's `*`, which nobody looks at.
    Opaque(Vec<Text>),
}

impl Description {
    /// An audio line over `RTP/AVP`.
    #[must_use]
    pub const fn audio(port: u16, codecs: Vec<Codec>) -> Self {
        Self::new("audio", "RTP/AVP", port, Formats::Rtp(codecs))
    }

    /// A line over another protocol than RTP, with the format `*`.
    #[must_use]
    pub fn opaque(media: &'static str, protocol: &'static str, port: u16, attributes: Vec<Attribute>) -> Self {
        let formats = Formats::Opaque(vec![Text::from_static("*")]);
        Self { attributes, ..Self::new(media, protocol, port, formats) }
    }

    /// A line that sends and receives, without anything that is optional.
    #[must_use]
    pub const fn new(media: &'static str, protocol: &'static str, port: u16, formats: Formats) -> Self {
        Self {
            media: Text::from_static(media),
            protocol: Text::from_static(protocol),
            port,
            address: None,
            title: None,
            rtcp_port: None,
            formats,
            direction: Direction::SendRecv,
            ptime: None,
            maxptime: None,
            attributes: Vec::new(),
        }
    }

    /// The same line with another direction.
    #[must_use]
    pub const fn with_direction(mut self, direction: Direction) -> Self {
        self.direction = direction;
        self
    }

    /// Reads back a media section of this side.
    #[must_use]
    pub fn from_media(media: &Media<'_>) -> Self {
        let session_address = media.session().connection().and_then(|connection| connection.ip());
        let address = media.connection().and_then(|connection| connection.ip());
        let formats = if media.is_rtp() {
            Formats::Rtp(media.rtp_formats().iter().map(Codec::from).collect())
        } else {
            Formats::Opaque(media.formats().map(Text::from).collect())
        };
        Self {
            media: media.media_type().into(),
            protocol: media.protocol().into(),
            port: media.port(),
            address: address.filter(|address| Some(*address) != session_address),
            title: media.title().map(Text::from),
            rtcp_port: media.rtcp().map(|rtcp| rtcp.port),
            formats,
            direction: media.direction(),
            ptime: media.ptime(),
            maxptime: media.maxptime(),
            attributes: media.attributes().filter(|(name, _)| !is_typed(name)).map(Attribute::from).collect(),
        }
    }
}

/// Whether an attribute is one of those that [`Description`] holds in a field of its own.
fn is_typed(name: &str) -> bool {
    matches!(name, "rtpmap" | "fmtp" | "rtcp" | "ptime" | "maxptime") || Direction::from_attribute(name).is_some()
}

/// What an offer says about one media line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalMedia {
    /// A new stream: it takes the first slot that is not in use, or one at the end.
    New(Description),
    /// This slot, counted from 0, is to be like this: a change of its stream, or a new stream in a slot that is not in use.
    At(usize, Description),
    /// The stream of this slot is removed.
    Removed(usize),
}

/// What an answer says about one media line of the offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalAnswer {
    /// This slot, counted from 0, is accepted, if there is a format in common.
    Accept(usize, Description),
    /// This slot is refused.
    Reject(usize),
}
