//! Files, which only the driver can read and write.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::sip::Text;

/// A question about a file, as the application named it. Questions about one file are answered in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileQuestion {
    /// What does it hold from one byte on? Fewer bytes than were asked for where it ends.
    Read {
        /// The file.
        file: Text,
        /// The first byte, counted from 0.
        at: u64,
        /// How many.
        len: u64,
    },
    /// Write these bytes to it; it is made if it is not there.
    Write {
        /// The file.
        file: Text,
        /// Where the first byte goes, counted from 0.
        at: u64,
        /// The bytes.
        #[serde(
            serialize_with = "crate::trace::data::serialize",
            deserialize_with = "crate::trace::data::deserialize"
        )]
        data: Bytes,
    },
}

/// The answer to a question about a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileAnswer {
    /// What it holds.
    Read(
        #[serde(
            serialize_with = "crate::trace::data::serialize",
            deserialize_with = "crate::trace::data::deserialize"
        )]
        Bytes,
    ),
    /// So many bytes were written.
    Written(u64),
    /// It could not be done, for this reason.
    Failed(Text),
}
