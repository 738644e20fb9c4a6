//! A request or response as news tell of it: what stood before its body (the MSRPData of the seeds' notifications).

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Head;
use crate::sip::Text;

/// The start line and the header fields of a request or response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk(Text);

impl Chunk {
    /// Of a request that was written, with the empty line behind its fields or without.
    pub(super) fn written(head: &Bytes) -> Self {
        let lines = head.strip_suffix(b"\r\n\r\n").map_or(head.len(), |lines| lines.len() + 2);
        let head = head.get(..lines).unwrap_or_default();
        Self(Text::from_utf8_lossy(Bytes::copy_from_slice(head)))
    }

    /// The lines, as they were on the wire, without what they were read from.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The lines taken apart. None when that is not what a chunk is made of.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        Head::index(self.0.as_bytes().clone(), false, usize::MAX)
    }
}

impl From<&Head> for Chunk {
    fn from(head: &Head) -> Self {
        Self(Text::from_utf8_lossy(Bytes::copy_from_slice(head.bytes())))
    }
}
