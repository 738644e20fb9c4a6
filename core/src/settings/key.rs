//! The names of objects of settings, and of their classes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::group::Group;
use super::value::BadValue;

/// Which object of settings: where it is stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    /// The group that it is stored in.
    pub group: String,
    /// Its id in that group; none when the group is the object.
    pub id: Option<String>,
}

impl ObjectKey {
    /// The path in the tree.
    pub(super) fn path(&self) -> Vec<&str> {
        std::iter::once(self.group.as_str()).chain(self.id.as_deref()).collect()
    }
}

impl fmt::Display for ObjectKey {
    /// As in `SIPSimpleSettings` and `Accounts/alice@example.com`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.group)?;
        self.id.as_ref().map_or(Ok(()), |id| write!(f, "/{id}"))
    }
}

/// How many objects a class has, and their names.
#[derive(Clone, Copy, Debug)]
pub enum Identity {
    /// One, which is the whole group.
    Global,
    /// One, of this id in the group.
    Fixed(&'static str),
    /// Any number; the function refuses what is no id of theirs.
    Each(fn(&str) -> Result<(), BadValue>),
}

/// A class of settings objects (the seeds' `SettingsObject`).
pub trait ObjectClass: Group + Default + Sized {
    /// The name of the class, as in `SIPSimpleSettings`.
    const NAME: &'static str;
    /// The group that its objects are stored in.
    const GROUP: &'static str;
    /// The names of its objects.
    const IDENTITY: Identity;
    /// Former names of settings, each with the one of now. Stored values move.
    const RENAMED: &'static [(&'static str, &'static str)] = &[];

    /// The key of the object with this id, which counts only when the class has more than one object.
    #[must_use]
    fn key(id: &str) -> ObjectKey {
        let id = match Self::IDENTITY {
            Identity::Global => None,
            Identity::Fixed(id) => Some(id.to_owned()),
            Identity::Each(_) => Some(id.to_owned()),
        };
        ObjectKey { group: Self::GROUP.to_owned(), id }
    }
}
