//! The tree of everything stored: groups of groups and settings, by name.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use zeroize::Zeroize;

use super::value::Value;

/// What a name of a group stands for.
#[derive(Clone, PartialEq, Eq)]
pub enum Node {
    /// A stored value.
    Setting(Value),
    /// More names.
    Group(BTreeMap<String, Self>),
}

impl fmt::Debug for Node {
    /// Names only: any text may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(_) => f.write_str("…"),
            Self::Group(members) => members.fmt(f),
        }
    }
}

/// The tree of everything stored. What it forgets is overwritten in memory.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tree {
    pub(super) root: BTreeMap<String, Node>,
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(f)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.root.values_mut().for_each(wipe);
    }
}

fn wipe(node: &mut Node) {
    match node {
        Node::Setting(Value::Text(text)) => text.zeroize(),
        Node::Setting(Value::List(items)) => items.zeroize(),
        Node::Setting(Value::None | Value::Secret(_)) => {}
        Node::Group(members) => members.values_mut().for_each(wipe),
    }
}

/// A name on the way stands for a setting, not for a group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is a setting, not a group")]
pub struct NotAGroup(String);

impl Tree {
    /// The node at this path.
    #[must_use]
    pub fn get<S: AsRef<str>>(&self, path: &[S]) -> Option<&Node> {
        let (last, groups) = path.split_last()?;
        self.group(groups)?.get(last.as_ref())
    }

    fn group<S: AsRef<str>>(&self, path: &[S]) -> Option<&BTreeMap<String, Node>> {
        path.iter().try_fold(&self.root, |members, name| match members.get(name.as_ref()) {
            Some(Node::Group(members)) => Some(members),
            Some(Node::Setting(_)) | None => None,
        })
    }

    fn group_mut<S: AsRef<str>>(&mut self, path: &[S]) -> Option<&mut BTreeMap<String, Node>> {
        path.iter().try_fold(&mut self.root, |members, name| match members.get_mut(name.as_ref()) {
            Some(Node::Group(members)) => Some(members),
            Some(Node::Setting(_)) | None => None,
        })
    }

    /// The names in the group at this path, sorted; none where there is no group.
    pub fn names<S: AsRef<str>>(&self, path: &[S]) -> impl Iterator<Item = &str> {
        self.group(path).into_iter().flat_map(|members| members.keys().map(String::as_str))
    }

    /// Makes sure that there is a group at this path.
    ///
    /// # Errors
    /// When a name of the path stands for a setting.
    pub fn add_group<S: AsRef<str>>(&mut self, path: &[S]) -> Result<(), NotAGroup> {
        self.make_group(path).map(drop)
    }

    fn make_group<S: AsRef<str>>(&mut self, path: &[S]) -> Result<&mut BTreeMap<String, Node>, NotAGroup> {
        path.iter().try_fold(&mut self.root, |members, name| {
            match members.entry(name.as_ref().to_owned()).or_insert_with(|| Node::Group(BTreeMap::new())) {
                Node::Group(members) => Ok(members),
                Node::Setting(_) => Err(NotAGroup(name.as_ref().to_owned())),
            }
        })
    }

    /// Stores a value instead of what stands at this path, and makes the groups that lead to it.
    ///
    /// # Errors
    /// When a name on the way stands for a setting.
    pub fn set<S: AsRef<str>>(&mut self, path: &[S], value: Value) -> Result<(), NotAGroup> {
        let Some((last, groups)) = path.split_last() else { return Err(NotAGroup(String::new())) };
        match self.make_group(groups)?.entry(last.as_ref().to_owned()) {
            Entry::Vacant(entry) => {
                entry.insert(Node::Setting(value));
            }
            Entry::Occupied(mut entry) => {
                let mut old = entry.insert(Node::Setting(value));
                wipe(&mut old);
            }
        }
        Ok(())
    }

    /// Removes what is at this path. False when nothing is.
    pub fn remove<S: AsRef<str>>(&mut self, path: &[S]) -> bool {
        let Some((last, groups)) = path.split_last() else { return false };
        let removed = self.group_mut(groups).and_then(|members| members.remove(last.as_ref()));
        removed.map(|mut node| wipe(&mut node)).is_some()
    }

    /// Removes the setting at this path, and the groups that it leaves empty down to the one `keep` names deep.
    pub(super) fn unset<S: AsRef<str>>(&mut self, path: &[S], keep: usize) {
        self.remove(path);
        for len in (keep + 1..path.len()).rev() {
            let Some(groups) = path.get(..len) else { return };
            if self.group(groups).is_some_and(BTreeMap::is_empty) {
                self.remove(groups);
            }
        }
    }

    /// Gives another name to what is at this path. False when nothing is, or when the name is taken.
    pub fn rename<S: AsRef<str>>(&mut self, path: &[S], name: &str) -> bool {
        let Some((last, groups)) = path.split_last() else { return false };
        let Some(members) = self.group_mut(groups) else { return false };
        if members.contains_key(name) {
            return false;
        }
        let Some(node) = members.remove(last.as_ref()) else { return false };
        members.insert(name.to_owned(), node);
        true
    }
}
