//! A session description as it was received or built: its text and an index of its lines (RFC 8866 section 5).

use std::fmt;
use std::sync::Arc;

use crate::limits::Limits;

use super::attribute::without_key;
use super::line::{Bandwidth, Connection, Origin, Time, split_at_byte};
use super::media::Media;
use super::parse::{self, ParseError};
use super::{Builder, Direction};

/// A session description.
///
/// It is a copy of the body and an index of its lines: nothing is lost or put into another order, unknown attributes
/// included, and a clone copies nothing. Lines are typed when they are asked for; those with fields are known to read, attributes are not.
///
/// ```
/// use sipsimple_core::limits::Limits;
/// use sipsimple_core::sdp::{Direction, Session};
///
/// let body = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\na=sendonly\r\n";
/// let session = Session::parse(body.as_bytes(), &Limits::default()).unwrap();
/// let audio = session.media().next().unwrap();
/// assert_eq!(audio.port(), 5004);
/// assert_eq!(audio.direction(), Direction::SendOnly);
/// assert_eq!(audio.rtp_formats()[0].encoding, "PCMU");
/// assert_eq!(session.to_string(), body);
/// ```
#[derive(Clone)]
pub struct Session {
    text: Arc<str>,
    lines: Arc<[Line]>,
}

/// Where the value of a line is, and which type of line it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    start: u32,
    length: u32,
    kind: u8,
}

impl Line {
    /// The line of type `kind` whose value is the `length` bytes from `start`. A text beyond 4 GiB has no lines: the parser refuses it.
    pub(super) fn new(kind: u8, start: usize, length: usize) -> Self {
        Self { start: u32::try_from(start).unwrap_or(u32::MAX), length: u32::try_from(length).unwrap_or(0), kind }
    }
}

impl Session {
    pub(super) fn new(text: &str, lines: &[Line]) -> Self {
        Self { text: text.into(), lines: lines.into() }
    }

    /// Reads a body. Bytes that are not UTF-8, such as a name in another character set, become `?`, one for one.
    ///
    /// # Errors
    /// Names the byte at which the body is not a session description, or exceeds a limit; one bad line spoils the whole body.
    pub fn parse(body: &[u8], limits: &Limits) -> Result<Self, ParseError> {
        parse::parse(body, limits)
    }

    /// Starts a description that is built line by line, with `v=0` and this `o=`.
    #[must_use]
    pub fn builder(origin: &Origin<'_>) -> Builder {
        Builder::new(origin)
    }

    /// The body: what was received, or what is to be sent.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Who made the description, and which version of it this is.
    #[must_use]
    pub fn origin(&self) -> Option<Origin<'_>> {
        self.session_value(b'o').and_then(|value| Origin::read(value).ok())
    }

    /// The session's name (`s=`); empty when there is none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.session_value(b's').unwrap_or_default()
    }

    /// Where media is to be sent unless its own section says otherwise.
    #[must_use]
    pub fn connection(&self) -> Option<Connection<'_>> {
        self.session_value(b'c').and_then(|value| Connection::read(value).ok())
    }

    /// When the session is active: one for each `t=` that is not empty.
    pub fn times(&self) -> impl Iterator<Item = Time> + '_ {
        self.values(self.session_lines(), b't').filter_map(|value| Time::read(value).ok())
    }

    /// The bandwidths of the whole session.
    pub fn bandwidths(&self) -> impl Iterator<Item = Bandwidth<'_>> {
        self.values(self.session_lines(), b'b').filter_map(|value| Bandwidth::read(value).ok())
    }

    /// The attributes of the whole session, in their order: name, and what follows the colon.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.values(self.session_lines(), b'a').map(split_attribute)
    }

    /// The first attribute of this name of the whole session: `Some(None)` when it has no value.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<Option<&str>> {
        self.find_attribute(self.session_lines(), name)
    }

    /// The direction that the session level gives to media that give none.
    #[must_use]
    pub fn direction(&self) -> Option<Direction> {
        self.find_direction(self.session_lines())
    }

    /// The media sections, in their order.
    pub fn media(&self) -> impl Iterator<Item = Media<'_>> {
        let mut rest = self.lines.get(self.session_lines().len()..).unwrap_or_default();
        std::iter::from_fn(move || {
            let (_, after) = rest.split_first()?;
            let length = 1 + after.iter().take_while(|line| line.kind != b'm').count();
            let (section, others) = rest.split_at_checked(length)?;
            rest = others;
            Media::new(self, section)
        })
    }

    /// The media section of this slot, counted from 0.
    #[must_use]
    pub fn media_at(&self, slot: usize) -> Option<Media<'_>> {
        self.media().nth(slot)
    }

    /// How many media sections there are.
    #[must_use]
    pub fn media_count(&self) -> usize {
        self.lines.iter().filter(|line| line.kind == b'm').count()
    }

    /// Every line in its order: its type letter and its value.
    pub fn lines(&self) -> impl Iterator<Item = (char, &str)> {
        self.lines.iter().map(|line| (char::from(line.kind), self.value(*line)))
    }

    /// Whether the two descriptions are the same but for the `o=` line.
    #[must_use]
    pub fn same_but_origin(&self, other: &Self) -> bool {
        self.contents(&self.lines).filter(not_origin).eq(other.contents(&other.lines).filter(not_origin))
    }

    pub(super) fn session_lines(&self) -> &[Line] {
        let length = self.lines.iter().take_while(|line| line.kind != b'm').count();
        self.lines.get(..length).unwrap_or_default()
    }

    pub(super) fn value(&self, line: Line) -> &str {
        let start = usize::try_from(line.start).unwrap_or(usize::MAX);
        let length = usize::try_from(line.length).unwrap_or(usize::MAX);
        self.text.get(start..start.saturating_add(length)).unwrap_or_default()
    }

    /// Type and value of each of these lines.
    pub(super) fn contents<'a>(&'a self, lines: &'a [Line]) -> impl Iterator<Item = (u8, &'a str)> {
        lines.iter().map(|line| (line.kind, self.value(*line)))
    }

    pub(super) fn values<'a>(&'a self, lines: &'a [Line], kind: u8) -> impl Iterator<Item = &'a str> {
        lines.iter().filter(move |line| line.kind == kind).map(|line| self.value(*line))
    }

    fn session_value(&self, kind: u8) -> Option<&str> {
        self.values(self.session_lines(), kind).next()
    }

    pub(super) fn find_attribute<'a>(&'a self, lines: &'a [Line], name: &str) -> Option<Option<&'a str>> {
        lines.iter().filter(|line| line.kind == b'a').find_map(|line| {
            let attribute = self.value(*line).as_bytes();
            let is_it = attribute.first() == name.as_bytes().first()
                && attribute.strip_prefix(name.as_bytes()).is_some_and(|rest| matches!(rest, [] | [b':', ..]));
            if is_it { Some(self.value(*line).get(name.len() + 1..)) } else { None }
        })
    }

    pub(super) fn find_direction(&self, lines: &[Line]) -> Option<Direction> {
        // All four names have eight letters.
        lines
            .iter()
            .filter(|line| line.kind == b'a' && line.length == 8)
            .find_map(|line| Direction::from_attribute(self.value(*line)))
    }
}

/// An attribute's name, and what follows the colon.
pub(super) fn split_attribute(attribute: &str) -> (&str, Option<&str>) {
    split_at_byte(attribute, b':').map_or((attribute, None), |(name, value)| (name, Some(value)))
}

fn not_origin(line: &(u8, &str)) -> bool {
    line.0 != b'o'
}

impl PartialEq for Session {
    /// Whether the lines are the same, however they end.
    fn eq(&self, other: &Self) -> bool {
        self.contents(&self.lines).eq(other.contents(&other.lines))
    }
}

impl Eq for Session {}

impl fmt::Display for Session {
    /// Prints each line with CRLF at its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().try_for_each(|(kind, value)| write!(f, "{kind}={value}\r\n"))
    }
}

impl fmt::Debug for Session {
    /// Prints the lines without the keys in them (`k=`, `a=crypto`, `a=ice-pwd`), so that no key reaches a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        for (kind, value) in self.lines() {
            match (kind, split_attribute(value)) {
                ('k', _) => list.entry(&format_args!("k=..")),
                ('a', (name, Some(value))) => list.entry(&format_args!("a={name}:{}", without_key(name, value))),
                _ => list.entry(&format_args!("{kind}={value}")),
            };
        }
        list.finish()
    }
}
