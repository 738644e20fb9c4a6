//! The capabilities of a server (RFC 4825 section 12): `application/xcap-caps+xml`.

use crate::payload::xml::Element;
use crate::payload::xml::name::XCAP_CAPS;
use crate::payload::xml::record::{document, record};

record! {
    /// The application usages.
    #[derive(Default)]
    pub struct Auids = XCAP_CAPS, "auids" {
        /// Their ids.
        pub auids: Vec<String> = leaf(XCAP_CAPS, "auid"),
    }

    /// The extensions.
    #[derive(Default)]
    pub struct ExtensionNames = XCAP_CAPS, "extensions" {
        /// Their names.
        pub extensions: Vec<String> = leaf(XCAP_CAPS, "extension"),
    }

    /// The namespaces.
    #[derive(Default)]
    pub struct Namespaces = XCAP_CAPS, "namespaces" {
        /// Their URIs.
        pub namespaces: Vec<String> = leaf(XCAP_CAPS, "namespace"),
    }

    /// A document.
    #[derive(Default)]
    pub struct XcapCaps = XCAP_CAPS, "xcap-caps" {
        /// The application usages.
        pub auids: Auids = node,
        /// The extensions.
        pub extensions: Option<ExtensionNames> = node,
        /// The namespaces. The schema demands them, and some servers leave them out.
        pub namespaces: Option<Namespaces> = node,
        /// Other elements.
        pub more: Vec<Element> = extensions,
    }
}

impl XcapCaps {
    /// Whether the server has this application usage.
    #[must_use]
    pub fn supports(&self, auid: &str) -> bool {
        self.auids.auids.iter().any(|known| known == auid)
    }
}

document!(XcapCaps, "application/xcap-caps+xml");
