//! Which side did something.

use serde::{Deserialize, Serialize};

/// Which side did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Originator {
    /// This side.
    Local,
    /// The other side.
    Remote,
}
