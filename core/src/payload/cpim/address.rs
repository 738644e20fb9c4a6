//! Addresses of From, To and cc (RFC 3862 sections 4.1 to 4.3).

use serde::{Deserialize, Serialize};

use super::escape;

/// Somebody: a name, if there is one, and a URI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The name.
    pub name: Option<String>,
    /// The URI.
    pub uri: String,
}

impl Address {
    /// An address without a name.
    #[must_use]
    pub fn new(uri: impl Into<String>) -> Self {
        Self { name: None, uri: uri.into() }
    }

    /// Reads `"Alice" <sip:alice@example.com>`, `Winnie the Pooh <im:pooh@example.com>`, or a URI alone, which some send. A URI without a scheme,
    /// which some send too, is taken as a SIP URI.
    pub(super) fn read(value: &str) -> Option<Self> {
        let value = value.trim_ascii();
        let (name, uri) = match value.strip_suffix('>') {
            Some(rest) => {
                let (name, uri) = rest.rsplit_once('<')?;
                (name.trim_ascii(), uri)
            }
            None => ("", value),
        };
        let uri = uri.trim_ascii();
        if uri.is_empty() || !uri.chars().all(is_uri_char) {
            return None;
        }
        let name = match name.strip_prefix('"') {
            Some(quoted) => quoted.strip_suffix('"')?,
            None => name,
        };
        let name = (!name.is_empty()).then(|| escape::undo(name));
        let has_scheme = uri.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme));
        let uri = if has_scheme { uri.to_owned() } else { format!("sip:{uri}") };
        Some(Self { name, uri })
    }

    pub(super) fn write(&self, out: &mut String) {
        if let Some(name) = self.name.as_ref().filter(|name| !name.is_empty()) {
            out.push('"');
            escape::push(out, name, true);
            out.push_str("\" ");
        }
        out.push('<');
        push_uri(out, &self.uri);
        out.push('>');
    }
}

/// Appends a URI without what could end it.
pub(super) fn push_uri(out: &mut String, uri: &str) {
    out.extend(uri.chars().filter(|c| is_uri_char(*c)));
}

pub(super) fn is_uri_char(c: char) -> bool {
    !c.is_control() && !c.is_whitespace() && !matches!(c, '<' | '>' | '"' | '\\')
}

/// A host and port, `example.com:5060`, has no scheme though it has a colon.
fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-'))
}
