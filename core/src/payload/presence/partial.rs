//! Partial presence (RFC 5262, RFC 5263): `application/pidf-diff+xml`, whole documents and patches of them, in versions.

use super::Presence;
use crate::limits::Limits;
use crate::payload::versioned::{Merge, judge};
use crate::payload::xml::name::{Name, PIDF, PIDF_DIFF};
use crate::payload::xml::patch::{self, Prefixes};
use crate::payload::xml::record::Node;
use crate::payload::xml::{Content, Element};
use crate::payload::{Error, Fault};

/// A document: all of the presence, or what has changed.
#[derive(Clone, Debug)]
pub struct PidfDiff {
    version: u64,
    full: bool,
    root: Element,
    prefixes: Prefixes,
}

impl PidfDiff {
    /// The content type of such a document.
    pub const CONTENT_TYPE: &'static str = "application/pidf-diff+xml";

    /// Reads a document. Whether its patches fit is known when they are applied.
    ///
    /// # Errors
    /// When it is not well-formed, exceeds a limit, is not such a document, or has no version.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Error> {
        let (root, prefixes) = Element::parse_declared(bytes, limits)?;
        let full = root.name.is(PIDF_DIFF, "pidf-full");
        if !full && !root.name.is(PIDF_DIFF, "pidf-diff") {
            return Err(Error::new(root.at, Fault::Root("pidf-diff")));
        }
        let version = root.attribute("version").ok_or_else(|| Error::new(root.at, Fault::Missing("version")))?;
        let version = version.trim_ascii().parse().map_err(|_| Error::new(root.at, Fault::Value("version".into())))?;
        Ok(Self { version, full, root, prefixes })
    }
}

/// The presence that is known from all documents of a subscription (RFC 5263 section 4.5). A new subscription begins with a new one.
#[derive(Clone, Debug, Default)]
pub struct PartialPresence {
    version: Option<u64>,
    root: Option<Element>,
}

impl PartialPresence {
    /// Merges a document; with the presence that it adds up to, where it has changed. A patch that does not fit is a gap.
    pub fn apply(&mut self, document: PidfDiff, limits: &Limits) -> (Merge, Option<Presence>) {
        let merge = judge(self.version, document.version, document.full);
        if merge != Merge::Applied {
            return (merge, None);
        }
        let root = if document.full {
            let mut root = document.root;
            root.name = Name::new(PIDF, "presence");
            root.attributes.retain(|attribute| !attribute.name.is("", "version"));
            Some(root)
        } else {
            self.root.take().and_then(|mut root| {
                let mut operations = document.root.elements();
                operations.try_for_each(|operation| patch::apply(&mut root, operation, &document.prefixes)).ok()?;
                Some(root)
            })
        };
        let root = root.filter(|root| fits(root, limits));
        let presence = root.clone().and_then(|root| Presence::read(root).ok());
        if presence.is_none() {
            // What is known is of no use any more.
            *self = Self::default();
            return (Merge::Gap, None);
        }
        self.version = Some(document.version);
        self.root = root;
        (Merge::Applied, presence)
    }
}

/// Whether a document that patches made is no larger than one that is read.
fn fits(root: &Element, limits: &Limits) -> bool {
    let (mut elements, mut bytes) = (0_usize, 0_usize);
    let mut open = vec![root];
    while let Some(element) = open.pop() {
        elements += 1;
        bytes += element.name.local.len();
        bytes += element.attributes.iter().map(|known| known.name.local.len() + known.value.len()).sum::<usize>();
        for content in &element.content {
            match content {
                Content::Element(inner) => open.push(inner),
                Content::Text(text) => bytes += text.len(),
            }
        }
    }
    elements <= limits.xml_elements && bytes <= limits.payload_bytes
}
