//! The lines of a trace, each sealed by a checksum over itself and all before it, so that a changed byte anywhere is noticed.

use super::Entry;

/// What stands between an entry and its checksum.
const SEAL: &str = ",\"sum\":\"";

/// The running checksum (FNV-1a, 64 bits): it finds damage, not malice.
#[derive(Clone, Copy, Debug)]
struct Checksum(u64);

impl Checksum {
    fn add(&mut self, text: &str) {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

impl Default for Checksum {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

/// Why a line of a trace cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// It has no checksum, or a wrong one: it, or one before it, was changed.
    #[error("its checksum is wrong: it, or a line before it, was changed")]
    Changed,
    /// It is not an entry of a trace.
    #[error(transparent)]
    NotAnEntry(#[from] serde_json::Error),
}

/// A line without its checksum.
pub(crate) fn content(line: &str) -> &str {
    line.rsplit_once(SEAL).map_or(line, |(content, _)| content)
}

/// Writes lines.
#[derive(Debug, Default)]
pub(crate) struct Sealer {
    checksum: Checksum,
}

impl Sealer {
    /// The line for an entry.
    pub(crate) fn seal(&mut self, entry: &Entry) -> Result<String, serde_json::Error> {
        let mut line = serde_json::to_string(entry)?;
        self.checksum.add(&line);
        line.pop();
        line.push_str(SEAL);
        line.push_str(&format!("{:016x}\"}}", self.checksum.0));
        Ok(line)
    }
}

/// Reads the lines of a trace, first to last.
///
/// ```
/// use sipsimple_core::trace::Reader;
///
/// assert!(Reader::default().read("{\"effect\":{}}").is_err());
/// ```
#[derive(Debug, Default)]
pub struct Reader {
    checksum: Checksum,
}

impl Reader {
    /// The entry of the next line, without its line break.
    ///
    /// # Errors
    /// When the line, or one before it, was changed, or is not an entry.
    pub fn read(&mut self, line: &str) -> Result<Entry, LineError> {
        let (entry, seal) = line.rsplit_once(SEAL).ok_or(LineError::Changed)?;
        let entry = format!("{entry}}}");
        self.checksum.add(&entry);
        if seal != format!("{:016x}\"}}", self.checksum.0) {
            return Err(LineError::Changed);
        }
        Ok(serde_json::from_str(&entry)?)
    }
}
