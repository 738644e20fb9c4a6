//! What is known of a conference from all documents of a subscription (RFC 4575 section 4.6).
//!
//! An element that is full replaces what is known, one that is deleted removes it, one that is partial is merged: its elements without keys are
//! replaced, those with keys are replaced, removed or merged by key. What is kept is always full.

use serde::{Deserialize, Serialize};

use super::{ConferenceInfo, Endpoint, SidebarsByRef, SidebarsByVal, State, User, Users};
use crate::limits::Limits;
use crate::payload::versioned::{Merge, judge, merge_rows};
use crate::payload::xml::Element;

/// A conference. A new subscription begins with a new one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conference {
    version: Option<u64>,
    known: ConferenceInfo,
    ended: bool,
}

impl Conference {
    /// All that is known, as a full document; the empty one when nothing is.
    #[must_use]
    pub const fn info(&self) -> &ConferenceInfo {
        &self.known
    }

    /// Whether the conference has ceased to exist. The subscription should be ended.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Merges a document.
    pub fn apply(&mut self, document: ConferenceInfo, limits: &Limits) -> Merge {
        let state = document.state.unwrap_or(State::Full);
        let merge = judge(self.version, document.version, state != State::Partial);
        if merge != Merge::Applied {
            return merge;
        }
        self.version = Some(document.version);
        match state {
            State::Full => {
                self.ended = false;
                self.known = ConferenceInfo { state: None, ..document };
            }
            State::Deleted => {
                self.ended = true;
                self.known =
                    ConferenceInfo { entity: document.entity, version: document.version, ..ConferenceInfo::default() };
            }
            State::Partial => self.merge(document, limits.state_rows),
        }
        merge
    }

    fn merge(&mut self, new: ConferenceInfo, most: usize) {
        let known = &mut self.known;
        known.version = new.version;
        replace(&mut known.description, new.description);
        replace(&mut known.host_info, new.host_info);
        replace(&mut known.conference_state, new.conference_state);
        container(&mut known.users, new.users, most, users);
        container(&mut known.sidebars_by_ref, new.sidebars_by_ref, most, sidebars_by_ref);
        container(&mut known.sidebars_by_val, new.sidebars_by_val, most, sidebars_by_val);
        extensions(&mut known.extensions, new.extensions, most);
    }
}

/// An element that is replaced as a whole, if it is told of.
fn replace<T>(known: &mut Option<T>, new: Option<T>) {
    if new.is_some() {
        *known = new;
    }
}

/// Something that has a state.
trait Stated {
    fn state(&self) -> Option<State>;
    fn clear(&mut self);
}

macro_rules! stated {
    ($($type:ty)*) => {$(
        impl Stated for $type {
            fn state(&self) -> Option<State> {
                self.state
            }

            fn clear(&mut self) {
                self.state = None;
            }
        }
    )*};
}

stated! { Users User Endpoint SidebarsByRef SidebarsByVal }

/// An element with a state that is there once.
fn container<T: Stated + Default>(
    known: &mut Option<T>,
    new: Option<T>,
    most: usize,
    merge: impl FnOnce(&mut T, T, usize),
) {
    let Some(mut new) = new else { return };
    match new.state().unwrap_or(State::Full) {
        State::Full => {
            new.clear();
            *known = Some(new);
        }
        State::Deleted => *known = None,
        State::Partial => merge(known.get_or_insert_default(), new, most),
    }
}

/// Elements with a state that are told apart by their entity.
fn keyed<T: Stated>(
    known: &mut Vec<T>,
    news: Vec<T>,
    most: usize,
    key: impl Fn(&T) -> Option<String> + Copy,
    merge: impl Fn(&mut T, T),
) {
    let gone: std::collections::BTreeSet<_> =
        news.iter().filter(|new| new.state() == Some(State::Deleted)).map(key).collect();
    known.retain(|row| !gone.contains(&key(row)));
    let news = news.into_iter().filter(|new| new.state() != Some(State::Deleted)).collect();
    merge_rows(known, news, most, key, |row, mut new| match new.state() {
        Some(State::Partial) => merge(row, new),
        Some(State::Full | State::Deleted) | None => {
            new.clear();
            *row = new;
        }
    });
    for row in known {
        row.clear();
    }
}

fn users(known: &mut Users, new: Users, most: usize) {
    keyed(&mut known.users, new.users, most, |user| user.entity.clone(), |known, new| user(known, new, most));
    extensions(&mut known.extensions, new.extensions, most);
}

fn user(known: &mut User, new: User, most: usize) {
    replace(&mut known.display_text, new.display_text);
    replace(&mut known.associated_aors, new.associated_aors);
    replace(&mut known.roles, new.roles);
    replace(&mut known.languages, new.languages);
    replace(&mut known.cascaded_focus, new.cascaded_focus);
    let merge = |known: &mut Endpoint, new| endpoint(known, new, most);
    keyed(&mut known.endpoints, new.endpoints, most, |endpoint| endpoint.entity.clone(), merge);
    extensions(&mut known.extensions, new.extensions, most);
}

fn endpoint(known: &mut Endpoint, new: Endpoint, most: usize) {
    replace(&mut known.display_text, new.display_text);
    replace(&mut known.referred, new.referred);
    replace(&mut known.status, new.status);
    replace(&mut known.joining_method, new.joining_method);
    replace(&mut known.joining_info, new.joining_info);
    replace(&mut known.disconnection_method, new.disconnection_method);
    replace(&mut known.disconnection_info, new.disconnection_info);
    replace(&mut known.call_info, new.call_info);
    merge_rows(&mut known.media, new.media, most, |medium| medium.id.clone(), |known, new| *known = new);
    extensions(&mut known.extensions, new.extensions, most);
}

fn sidebars_by_ref(known: &mut SidebarsByRef, new: SidebarsByRef, most: usize) {
    merge_rows(&mut known.entries, new.entries, most, |entry| entry.uri.clone(), |known, new| *known = new);
}

/// Sidebars are not taken apart: each is replaced or removed as a whole.
fn sidebars_by_val(known: &mut SidebarsByVal, new: SidebarsByVal, most: usize) {
    let key = |entry: &Element| entry.attribute("entity").map(str::to_owned);
    let is_gone = |entry: &Element| entry.attribute("state") == Some("deleted");
    let gone: std::collections::BTreeSet<_> = new.entries.iter().filter(|entry| is_gone(entry)).map(key).collect();
    known.entries.retain(|entry| !gone.contains(&key(entry)));
    let news = new.entries.into_iter().filter(|entry| !is_gone(entry)).collect();
    merge_rows(&mut known.entries, news, most, key, |known, new| *known = new);
}

/// Elements of extensions have no keys here: one of a name replaces those of that name.
fn extensions(known: &mut Vec<Element>, new: Vec<Element>, most: usize) {
    let names: std::collections::BTreeSet<_> = new.iter().map(|element| element.name.clone()).collect();
    known.retain(|element| !names.contains(&element.name));
    let room = most.saturating_sub(known.len());
    known.extend(new.into_iter().take(room));
}
