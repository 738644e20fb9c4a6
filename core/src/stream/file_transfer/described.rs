//! What the media line of a file transfer says (RFC 5547 section 6): which transfer of which file, which part of it, its dates and its icon.

use crate::limits::Limits;
use crate::msrp::{FileDates, FileDetails, FileDisposition, FileIcon, FileRange, FileSelector};
use crate::payload::mime::Entity;
use crate::sdp::{Attribute, Media};
use crate::sip::{Part, Text};

use super::FileTransferSpec;

/// What is said of a file transfer.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) selector: FileSelector,
    /// Names the transfer: the same in all descriptions of it.
    pub(super) transfer_id: Option<Text>,
    pub(super) range: FileRange,
    /// Whether the peer has told a range: the answer repeats it, whatever it is.
    ranged: bool,
    pub(super) details: Box<FileDetails>,
    /// The Content-ID of the icon.
    icon_id: Option<Text>,
}

impl Described {
    /// As an application wants it.
    pub(super) fn wanted(spec: &FileTransferSpec) -> Self {
        Self {
            selector: spec.selector.clone(),
            transfer_id: None,
            range: FileRange::behind(spec.offset, spec.end),
            ranged: false,
            details: spec.details.clone(),
            icon_id: None,
        }
    }

    /// As the peer offers it.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn offered(media: &Media<'_>) -> Result<Self, Text> {
        let value = |name| media.attribute(name).flatten();
        let selector = selector(media).ok_or("its file selector does not read")?;
        if selector.is_empty() {
            return Err("it selects no file".into());
        }
        let range = match value("file-range").map(FileRange::parse) {
            None => FileRange::WHOLE,
            Some(Some(range)) if range.stop.is_none_or(|stop| selector.size.is_none_or(|size| stop <= size)) => range,
            Some(_) => return Err("its file range is not understood".into()),
        };
        Ok(Self {
            selector,
            transfer_id: value("file-transfer-id").map(Text::from),
            range,
            ranged: value("file-range").is_some(),
            details: Box::new(FileDetails {
                disposition: value("file-disposition").map(FileDisposition::parse).unwrap_or_default(),
                dates: value("file-date").and_then(FileDates::parse).unwrap_or_default(),
                icon: None,
            }),
            icon_id: value("file-icon").and_then(cid).map(Text::from),
        })
    }

    /// Gives names to what is yet without.
    pub(super) fn name(&mut self, mut token: impl FnMut() -> String) {
        if self.transfer_id.is_none() {
            self.transfer_id = Some(token().into());
        }
        if self.details.icon.is_some() && self.icon_id.is_none() {
            self.icon_id = Some(format!("{}@icon.invalid", token()).into());
        }
    }

    /// How many bytes stand before the part that is transferred.
    pub(super) const fn offset(&self) -> u64 {
        self.range.offset()
    }

    /// Behind which byte the transfer ends, if that is known.
    pub(super) fn end(&self) -> Option<u64> {
        self.range.stop.or(self.selector.size)
    }

    /// How many bytes are transferred, if that is known.
    pub(super) fn len(&self) -> Option<u64> {
        Some(self.end()?.saturating_sub(self.offset()))
    }

    /// Whether the transfer ends where the file does, so that the hash of the whole can be checked.
    pub(super) fn is_to_the_end(&self) -> bool {
        self.range.stop.is_none() || self.range.stop == self.selector.size
    }

    /// Takes from the peer's line what only the one who has the file knows.
    pub(super) fn learn(&mut self, media: &Media<'_>) {
        if let Some(answered) = selector(media) {
            self.selector.complete(answered);
        }
    }

    /// Whether the line of a later offer means this file and this part of it.
    pub(super) fn is_same_file(&self, media: &Media<'_>) -> bool {
        let range = media.attribute("file-range").flatten().map_or(Some(FileRange::WHOLE), FileRange::parse);
        let implied = |range: FileRange| (range.offset(), range.stop.or(self.selector.size));
        selector(media).is_some_and(|selector| self.selector.may_be(&selector))
            && range.map(implied) == Some(implied(self.range))
    }

    /// The attributes of the line. Its sender says more of a file; and of an icon only in the offer that brings it.
    pub(super) fn attributes(&self, sends: bool, offers: bool, brings_icon: bool) -> Vec<Attribute> {
        let mut attributes = vec![Attribute::new("file-selector", self.selector.sdp_repr())];
        let mut add = |name, value: String| attributes.push(Attribute::new(name, value));
        if let Some(id) = &self.transfer_id {
            add("file-transfer-id", id.to_string());
        }
        if sends && self.details.disposition != FileDisposition::Render {
            add("file-disposition", self.details.disposition.to_string());
        }
        if sends && offers && !self.details.dates.is_empty() {
            add("file-date", self.details.dates.to_string());
        }
        if let Some(id) = self.icon_id.as_ref().filter(|_| sends && offers && brings_icon) {
            add("file-icon", format!("cid:{id}"));
        }
        if self.ranged || self.range != FileRange::WHOLE {
            add("file-range", self.range.to_string());
        }
        attributes
    }

    /// The icon, as it goes along with the offer.
    pub(super) fn icon_part(&self) -> Option<Entity> {
        let (icon, id) = (self.details.icon.as_ref()?, self.icon_id.as_ref()?);
        let part = Entity::new(&icon.content_type, icon.content.clone());
        let part = part.with("Content-ID", &format!("<{id}>")).with("Content-Transfer-Encoding", "binary");
        Some(part.with("Content-Disposition", "icon"))
    }

    /// Finds the icon among what came along. One that is too large, encoded, or no picture is none.
    pub(super) fn find_icon(&mut self, limits: &Limits, parts: &[Part]) {
        let Some(id) = &self.icon_id else { return };
        let part = parts.iter().find(|part| part.content_id.as_ref() == Some(id));
        let part = part.filter(|part| !part.encoded && (1..=limits.icon_bytes).contains(&part.body.len()));
        self.details.icon = part.and_then(|part| {
            let kind = part.content_type.as_ref().filter(|own| own.kind.eq_ignore_ascii_case("image"))?;
            let content_type = format!("{}/{}", kind.kind, kind.subtype).into();
            // The message, which is larger, need not be kept for it.
            Some(FileIcon { content_type, content: bytes::Bytes::copy_from_slice(&part.body) })
        });
    }
}

/// The file that a media line names.
fn selector(media: &Media<'_>) -> Option<FileSelector> {
    FileSelector::parse(media.attribute("file-selector")?.unwrap_or_default()).ok()
}

/// The Content-ID that a `cid` URL means (RFC 2392 section 2).
fn cid(url: &str) -> Option<String> {
    let (scheme, id) = url.split_once(':')?;
    let id = if scheme.eq_ignore_ascii_case("cid") { crate::msrp::percent_decoded(id)? } else { return None };
    (!id.is_empty()).then_some(id)
}
