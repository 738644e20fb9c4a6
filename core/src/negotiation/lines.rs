//! Writing the media lines of offers and answers (RFC 3264 sections 5.1, 6.1 and 8).

use crate::sdp::{Builder, Direction, Media, RtpFormat, Session, Time, address_type, is_rtp, is_token};
use crate::sip::Text;
use crate::sip::decimal::{Address, Digits};

use super::codec::{Codec, Numbers};
use super::local::{Description, Formats};
use super::negotiator::Choice;

/// Writes the line of an offer. `peer` are the formats of the peer's own line, whose numbers are better not used for others.
/// False when there is no format.
pub(super) fn offer(builder: &mut Builder, wish: &Description, numbers: &mut Numbers, peer: &[RtpFormat<'_>]) -> bool {
    let line = (&*wish.media, &*wish.protocol);
    match &wish.formats {
        Formats::Rtp(codecs) if is_rtp(&wish.protocol) => {
            let codecs = number(codecs.iter().map(|codec| (codec, None)), numbers, peer);
            if !codecs.is_empty() {
                write(builder, wish, line, wish.direction, &codecs, &[]);
            }
            !codecs.is_empty()
        }
        Formats::Opaque(formats) if !is_rtp(&wish.protocol) && !formats.is_empty() => {
            write(builder, wish, line, wish.direction, &[], formats);
            true
        }
        Formats::Rtp(_) | Formats::Opaque(_) => false,
    }
}

/// Writes the line of an answer. False when there is no format in common.
pub(super) fn answer(
    builder: &mut Builder,
    wish: &Description,
    theirs: &Media<'_>,
    numbers: &mut Numbers,
    choice: Choice,
) -> bool {
    let line = (theirs.media_type(), theirs.protocol());
    let direction = wish.direction.answer_to(theirs.direction());
    match &wish.formats {
        Formats::Rtp(codecs) if theirs.is_rtp() => {
            let offered = theirs.rtp_formats();
            let codecs = number(common(codecs, &offered, choice).into_iter(), numbers, &offered);
            if !codecs.is_empty() {
                write(builder, wish, line, direction, &codecs, &[]);
            }
            !codecs.is_empty()
        }
        Formats::Opaque(formats) if !theirs.is_rtp() && !formats.is_empty() => {
            write(builder, wish, line, direction, &[], formats);
            true
        }
        Formats::Rtp(_) | Formats::Opaque(_) => false,
    }
}

/// What a line says also when it is closed: which file, and which transfer of it (RFC 5547 sections 8.1 and 8.3).
const KEPT: [&str; 2] = ["file-selector", "file-transfer-id"];

/// Writes the line of a refused or removed stream: port 0, and one format because the grammar wants one.
pub(super) fn close(builder: &mut Builder, media: &Media<'_>) {
    let format = media.formats().find(|format| is_token(format)).unwrap_or("0");
    builder.media(media.media_type(), 0, media.protocol(), [format]);
    for name in KEPT {
        if let Some(value) = media.attribute(name) {
            builder.attribute(name, value);
        }
    }
}

/// Writes the times of the offer, which the answer has to equal (RFC 3264 section 6).
pub(super) fn times(builder: &mut Builder, offer: &Session) {
    let mut times = offer.times().peekable();
    if times.peek().is_none() {
        builder.time(0, 0);
    }
    for Time { start, stop } in times {
        builder.time(start, stop);
    }
}

/// This side's codecs that are offered, with the number of the offer: one or all, and the events of RFC 4733 at their clock
/// rates, or the first events in common when the rates differ; and comfort noise at their clock rates. Nothing when this side has codecs and not one is offered.
fn common<'a>(codecs: &'a [Codec], offered: &[RtpFormat<'_>], choice: Choice) -> Vec<(&'a Codec, Option<u8>)> {
    let find = |codec: &'a Codec| codec.find(offered).map(|format| (codec, Some(format.payload)));
    let is_codec = |codec: &&Codec| !codec.is_companion();
    let most = match choice {
        Choice::First => 1,
        Choice::All => usize::MAX,
    };
    let mut common: Vec<_> = codecs.iter().filter(is_codec).filter_map(find).take(most).collect();
    if common.is_empty() && codecs.iter().any(|codec| is_codec(&codec)) {
        return common;
    }
    let chosen = common.len();
    for event in codecs.iter().filter(|codec| codec.is_telephone_event()) {
        if common.iter().take(chosen).any(|(codec, _)| codec.clock_rate == event.clock_rate) {
            common.extend(find(event));
        }
    }
    if common.len() == chosen {
        common.extend(codecs.iter().filter(|codec| codec.is_telephone_event()).find_map(find));
    }
    for noise in codecs.iter().filter(|codec| codec.is_comfort_noise()) {
        if common.iter().take(chosen).any(|(codec, _)| codec.clock_rate == noise.clock_rate) {
            common.extend(find(noise));
        }
    }
    common
}

/// Gives each codec its number: that of the offer, if there is one.
fn number<'a>(
    codecs: impl Iterator<Item = (&'a Codec, Option<u8>)>,
    numbers: &mut Numbers,
    peer: &[RtpFormat<'_>],
) -> Vec<(u8, &'a Codec)> {
    let mut used = Vec::new();
    let mut numbered = Vec::new();
    for (codec, offered) in codecs {
        if let Some(payload) = numbers.give(codec, offered, &used, peer) {
            used.push(payload);
            numbered.push((payload, codec));
        }
    }
    numbered
}

/// Writes the section of a line in use. The order of its attributes: RTCP, formats, packet times, direction, all others.
fn write(
    builder: &mut Builder,
    wish: &Description,
    (media, protocol): (&str, &str),
    direction: Direction,
    codecs: &[(u8, &Codec)],
    opaque: &[Text],
) {
    if codecs.is_empty() {
        builder.media(media, wish.port, protocol, opaque);
    } else {
        builder.rtp_media(media, wish.port, protocol, codecs.iter().map(|(payload, _)| *payload));
    }
    if let Some(title) = &wish.title {
        builder.title(title);
    }
    if let Some(address) = wish.address {
        builder.connection(address);
    }
    if let Some(port) = wish.rtcp_port {
        match wish.address {
            Some(address) => builder.attribute(
                "rtcp",
                Some(
                    &[Digits::of(port).as_str(), " IN ", address_type(address), " ", Address::of(address).as_str()]
                        .concat(),
                ),
            ),
            None => builder.number("rtcp", u32::from(port)),
        };
    }
    for (payload, codec) in codecs {
        builder.rtpmap(*payload, &codec.encoding, codec.clock_rate, codec.channels);
        if let Some(fmtp) = &codec.fmtp {
            builder.fmtp(*payload, fmtp);
        }
    }
    for (name, time) in [("ptime", wish.ptime), ("maxptime", wish.maxptime)] {
        if let Some(time) = time {
            builder.number(name, time);
        }
    }
    if !codecs.is_empty() || direction != Direction::SendRecv {
        builder.direction(direction);
    }
    for attribute in &wish.attributes {
        builder.attribute(&attribute.name, attribute.value.as_deref());
    }
}
