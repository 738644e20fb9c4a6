//! Changes of documents (RFC 5874): `application/xcap-diff+xml`.
//!
//! What has changed is told by ETags. Patches within a document change are kept as elements: the prefixes within their selectors, which need the
//! declarations of the document that they came in, are not. Whoever follows a change fetches the document.

use crate::payload::xml::name::XCAP_DIFF;
use crate::payload::xml::record::{choice, document, record};
use crate::payload::xml::{Attribute, Element};

record! {
    /// A document that was created, changed or removed (RFC 5874 section 4).
    #[derive(Default)]
    pub struct DocumentChange = XCAP_DIFF, "document" {
        /// Its path below the root, percent-encoded.
        pub selector: String = attribute("sel"),
        /// Its ETag now; none when it was removed.
        pub new_etag: Option<String> = attribute("new-etag"),
        /// Its ETag before; none when it was created.
        pub previous_etag: Option<String> = attribute("previous-etag"),
        /// Attributes of extensions.
        pub more: Vec<Attribute> = more,
        /// Only the ETag has changed.
        pub body_not_changed: bool = flag(XCAP_DIFF, "body-not-changed"),
        /// Patches.
        pub patches: Vec<Element> = extensions,
    }

    /// An element of a document (RFC 5874 section 4).
    #[derive(Default)]
    pub struct ElementChange = XCAP_DIFF, "element" {
        /// Its path below the root, percent-encoded.
        pub selector: String = attribute("sel"),
        /// Whether it is there.
        pub exists: Option<bool> = attribute("exists"),
        /// Attributes of extensions.
        pub more: Vec<Attribute> = more,
        /// The element.
        pub content: Vec<Element> = extensions,
    }

    /// An attribute in a document (RFC 5874 section 4).
    #[derive(Default)]
    pub struct AttributeChange = XCAP_DIFF, "attribute" {
        /// Its path below the root, percent-encoded.
        pub selector: String = attribute("sel"),
        /// Whether it is there.
        pub exists: Option<bool> = attribute("exists"),
        /// Attributes of extensions.
        pub more: Vec<Attribute> = more,
        /// Its value.
        pub value: String = text,
    }

    /// A document.
    #[derive(Default)]
    pub struct XcapDiff = XCAP_DIFF, "xcap-diff" {
        /// The root of the server that the selectors are relative to.
        pub xcap_root: String = attribute("xcap-root"),
        /// Attributes of extensions.
        pub more: Vec<Attribute> = more,
        /// What has changed, in its order.
        pub changes: Vec<Change> = node,
    }
}

choice! {
    /// What has changed.
    pub enum Change = "change" {
        /// A document.
        Document(DocumentChange),
        /// An element.
        Element(ElementChange),
        /// An attribute.
        Attribute(AttributeChange),
    }
}

impl XcapDiff {
    /// The selectors of the documents that something has changed in, without what stands behind `/~~/`.
    pub fn documents(&self) -> impl Iterator<Item = &str> {
        self.changes.iter().filter_map(|change| {
            let selector = match change {
                Change::Document(document) => &document.selector,
                Change::Element(element) => &element.selector,
                Change::Attribute(attribute) => &attribute.selector,
                Change::Other(_) => return None,
            };
            Some(selector.split_once("/~~").map_or(selector.as_str(), |(document, _)| document))
        })
    }
}

document!(XcapDiff, "application/xcap-diff+xml");
