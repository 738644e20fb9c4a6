//! Names with their namespaces (Namespaces in XML 1.0).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The name of an element or attribute: a namespace, empty for none, and a local part. The prefix that stood for the namespace is not kept.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Name {
    /// The namespace; empty when the name is in none.
    pub namespace: Arc<str>,
    /// The name within the namespace.
    pub local: String,
}

impl Name {
    /// A name.
    #[must_use]
    pub fn new(namespace: &str, local: &str) -> Self {
        Self { namespace: Arc::from(namespace), local: local.to_owned() }
    }

    /// Whether it is this name.
    #[must_use]
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        self.local == local && &*self.namespace == namespace
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}{}", self.namespace, self.local)
    }
}

/// Whether this may be a local name: one that needs no escaping and cannot be taken for markup.
pub(crate) fn is_local_name(name: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_' || (!c.is_ascii() && is_char(c));
    let is_other = |c: char| is_first(c) || c.is_ascii_digit() || c == '-' || c == '.';
    let mut chars = name.chars();
    chars.next().is_some_and(is_first) && chars.all(is_other)
}

/// Whether a document may hold this character (XML 1.0 section 2.2).
pub(crate) const fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// The namespaces of the documents that this room knows, and the prefix each is written with.
macro_rules! namespaces {
    ($($(#[$doc:meta])* $name:ident = $uri:literal as $prefix:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $uri;)*

        /// The prefix that a namespace is usually written with.
        pub(crate) fn usual_prefix(namespace: &str) -> Option<&'static str> {
            match namespace {
                $($uri => Some($prefix),)*
                _ => None,
            }
        }
    };
}

namespaces! {
    /// `xml:lang` and its like.
    XML = "http://www.w3.org/XML/1998/namespace" as "xml";
    /// Presence (RFC 3863).
    PIDF = "urn:ietf:params:xml:ns:pidf" as "pidf";
    /// Partial presence (RFC 5262).
    PIDF_DIFF = "urn:ietf:params:xml:ns:pidf-diff" as "pd";
    /// The presence data model (RFC 4479).
    DATA_MODEL = "urn:ietf:params:xml:ns:pidf:data-model" as "dm";
    /// Rich presence (RFC 4480).
    RPID = "urn:ietf:params:xml:ns:pidf:rpid" as "rpid";
    /// Contact information (RFC 4482).
    CIPID = "urn:ietf:params:xml:ns:pidf:cipid" as "c";
    /// Capabilities (RFC 5196).
    CAPS = "urn:ietf:params:xml:ns:pidf:caps" as "caps";
    /// Indication of message composition (RFC 3994).
    IM_IS_COMPOSING = "urn:ietf:params:xml:ns:im-iscomposing" as "ic";
    /// Instant message disposition notification (RFC 5438).
    IMDN = "urn:ietf:params:xml:ns:imdn" as "imdn";
    /// Watcher information (RFC 3858).
    WATCHERINFO = "urn:ietf:params:xml:ns:watcherinfo" as "wi";
    /// Dialog information (RFC 4235).
    DIALOG_INFO = "urn:ietf:params:xml:ns:dialog-info" as "di";
    /// Conference information (RFC 4575).
    CONFERENCE_INFO = "urn:ietf:params:xml:ns:conference-info" as "ci";
    /// Registration information (RFC 3680).
    REGINFO = "urn:ietf:params:xml:ns:reginfo" as "ri";
    /// GRUUs in registration information (RFC 5628).
    GRUU_INFO = "urn:ietf:params:xml:ns:gruuinfo" as "gr";
    /// Meta-information of resource lists (RFC 4662).
    RLMI = "urn:ietf:params:xml:ns:rlmi" as "rl";
    /// Changes of XCAP documents (RFC 5874).
    XCAP_DIFF = "urn:ietf:params:xml:ns:xcap-diff" as "xd";
    /// Capabilities of an XCAP server (RFC 4825).
    XCAP_CAPS = "urn:ietf:params:xml:ns:xcap-caps" as "xc";
    /// Why an XCAP server refused (RFC 4825).
    XCAP_ERROR = "urn:ietf:params:xml:ns:xcap-error" as "xe";
    /// Resource lists (RFC 4826).
    RESOURCE_LISTS = "urn:ietf:params:xml:ns:resource-lists" as "rls";
    /// Services of a resource list server (RFC 4826).
    RLS_SERVICES = "urn:ietf:params:xml:ns:rls-services" as "rs";
    /// Rules of who may see what (RFC 4745).
    COMMON_POLICY = "urn:ietf:params:xml:ns:common-policy" as "cp";
    /// Rules for presence (RFC 5025).
    PRES_RULES = "urn:ietf:params:xml:ns:pres-rules" as "pr";
    /// The Open Mobile Alliance's conditions.
    OMA_COMMON_POLICY = "urn:oma:xml:xdm:common-policy" as "ocp";
    /// The Open Mobile Alliance's presence content, such as a picture.
    OMA_PRES_CONTENT = "urn:oma:xml:prs:pres-content" as "pc";
    /// Rules for dialog information.
    DIALOG_RULES = "http://openxcap.org/ns/dialog-rules" as "dr";
    /// Attributes of entries in resource lists.
    AGP_RESOURCE_LISTS = "urn:ag-projects:xml:ns:resource-lists" as "agp-rl";
    /// Conditions and names in rules.
    AGP_COMMON_POLICY = "urn:ag-projects:xml:ns:common-policy" as "agp-cp";
}
