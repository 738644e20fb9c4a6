//! All settings: what is stored, the classes, and the live objects (seed class `ConfigurationManager`).
//!
//! ```text
//!              start, driver                 loaded                       save, delete
//!   Idle ────────────────────────► Loading ─────────► Ready ─────────────────────────────► Ready, Persist
//!     │                               ▲      Err        │ ▲                                        │
//!     └───────── start, memory ───────┼─────────────────┘ └──────────────── persisted ─────────────┘
//!                                     └── start again, after a failure
//! ```
//!
//! One text is stored at a time: what is saved meanwhile is stored next, together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::{ExtensionError, ObjectError, SaveError, SettingError};
use super::event::{Modifications, Output, SettingsEvent};
use super::format::{self, ParseError};
use super::group::Group;
use super::key::{Identity, ObjectClass, ObjectKey};
use super::record::Record;
use super::tree::{Node, Tree};
use super::value::Value;
use crate::limits::Limits;
use crate::outbox::Outbox;
use crate::sip::Text;

/// Where settings are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// Where the driver stores them.
    Driver,
    /// In memory: they are gone with the manager.
    Memory,
}

/// Why what is stored cannot be used. Nothing is overwritten.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// Nobody asked for it.
    #[error("the settings were not to be loaded")]
    NotAsked,
    /// It could not be read; the driver's words.
    #[error("the settings cannot be read: {0}")]
    Unreadable(Text),
    /// It is longer than the limits allow.
    #[error("the settings are longer than {0} bytes")]
    TooLong(usize),
    /// It cannot be understood.
    #[error("the settings cannot be understood: {0}")]
    Parse(#[from] ParseError),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Loading,
    Ready(Backend),
}

/// A class, and what it is made of.
#[derive(Debug)]
struct Class {
    group: &'static str,
    identity: Identity,
    renamed: &'static [(&'static str, &'static str)],
    /// The defaults of its own group, and of the extensions.
    parts: Vec<Box<dyn Group>>,
}

/// What was saved and is not known to be stored.
#[derive(Debug)]
struct Saving {
    object: ObjectKey,
    modified: Modifications,
}

/// All settings.
#[derive(Debug)]
pub struct ConfigurationManager {
    state: State,
    tree: Tree,
    classes: BTreeMap<&'static str, Class>,
    records: BTreeMap<ObjectKey, Record>,
    /// Being stored, and to be stored next.
    storing: Vec<Saving>,
    waiting: Vec<Saving>,
    max_bytes: usize,
}

impl ConfigurationManager {
    /// No settings yet, of no class.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            state: State::Idle,
            tree: Tree::default(),
            classes: BTreeMap::new(),
            records: BTreeMap::new(),
            storing: Vec::new(),
            waiting: Vec::new(),
            max_bytes: limits.settings_bytes,
        }
    }

    /// Adds a class. A second time changes nothing.
    pub fn register<O: ObjectClass>(&mut self) {
        self.classes.entry(O::NAME).or_insert_with(|| Class {
            group: O::GROUP,
            identity: O::IDENTITY,
            renamed: O::RENAMED,
            parts: vec![Box::new(O::default())],
        });
    }

    /// Grafts settings of the application onto a class, its live objects included. A group that the class has, too, is shared.
    ///
    /// # Errors
    /// When the class has a setting or a group where the extension has a setting, or the other way round.
    pub fn register_extension<O: ObjectClass, G: Group + Default>(
        &mut self,
        out: &mut Outbox<Output>,
    ) -> Result<(), ExtensionError> {
        let extension = G::default();
        let class = self.classes.get_mut(O::NAME).ok_or(ExtensionError::UnknownClass(O::NAME))?;
        let mut taken = None;
        extension.names("", &mut |name| {
            if taken.is_none() && class.parts.iter().any(|part| clashes(&**part, &name)) {
                taken = Some(name);
            }
        });
        if let Some(name) = taken {
            return Err(ExtensionError::Taken(name));
        }
        for record in self.records.values_mut().filter(|record| record.class == O::NAME) {
            record.graft(&extension);
            load(record, &self.tree, &names(&extension), out);
        }
        class.parts.push(Box::new(extension));
        Ok(())
    }

    /// Changes a default of a class, for the objects that become live from now on.
    ///
    /// # Errors
    /// When the class has no such setting, or it does not take the value; nothing changes.
    pub fn set_default<O: ObjectClass>(&mut self, name: &str, value: &Value) -> Result<(), SettingError> {
        let class = self.classes.get_mut(O::NAME);
        let setting = class.and_then(|class| class.parts.iter_mut().find_map(|part| part.setting_mut(name)));
        let setting = setting.ok_or_else(|| SettingError::Unknown(name.to_owned()))?;
        setting.assign(value).map_err(|error| SettingError::Bad { name: name.to_owned(), error })
    }

    /// Starts: what the driver has stored is loaded, or nothing is when settings are kept in memory. Only the first start counts, and one after loading failed.
    pub fn start(&mut self, backend: Backend, out: &mut Outbox<Output>) {
        if self.state == State::Idle {
            self.state = match backend {
                Backend::Memory => State::Ready(Backend::Memory),
                Backend::Driver => {
                    out.push(Output::Load);
                    State::Loading
                }
            };
        }
    }

    /// Whether objects can be opened.
    #[must_use]
    pub const fn is_loaded(&self) -> bool {
        matches!(self.state, State::Ready(_))
    }

    /// Whether nothing is being loaded or stored.
    #[must_use]
    pub fn is_quiescent(&self) -> bool {
        self.state != State::Loading && self.storing.is_empty()
    }

    /// The most bytes that may be stored.
    #[must_use]
    pub const fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// The driver has read what is stored; nothing, if nothing is.
    ///
    /// # Errors
    /// When it could not be read or understood. Then nothing is overwritten, and [`start`](Self::start) may be called again.
    pub fn loaded(&mut self, stored: Result<Option<&[u8]>, Text>) -> Result<(), LoadError> {
        if self.state != State::Loading {
            return Err(LoadError::NotAsked);
        }
        self.state = State::Idle;
        self.tree = match stored.map_err(LoadError::Unreadable)? {
            None => Tree::default(),
            Some(bytes) if bytes.len() > self.max_bytes => return Err(LoadError::TooLong(self.max_bytes)),
            Some(bytes) => format::parse(bytes)?,
        };
        self.state = State::Ready(Backend::Driver);
        Ok(())
    }

    /// What is stored.
    #[must_use]
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The ids of the stored objects of a class.
    #[must_use]
    pub fn stored_ids<O: ObjectClass>(&self) -> Vec<String> {
        if !matches!(O::IDENTITY, Identity::Each(_)) {
            return Vec::new();
        }
        let ids = self.tree.names(&[O::GROUP]).filter(|id| {
            let is_other = self.classes.values().any(|class| {
                class.group == O::GROUP && matches!(class.identity, Identity::Fixed(other) if other == *id)
            });
            !is_other && matches!(self.tree.get(&[O::GROUP, id]), Some(Node::Group(_)))
        });
        ids.map(str::to_owned).collect()
    }

    /// Makes the object with this id live: as it is stored, or new. There is one live object of an id.
    ///
    /// # Errors
    /// When settings are not loaded, the class is unknown, or the id is none of this class.
    pub fn open<O: ObjectClass>(&mut self, id: &str, out: &mut Outbox<Output>) -> Result<&mut Record, ObjectError> {
        if !self.is_loaded() {
            return Err(ObjectError::NotLoaded);
        }
        let class = self.classes.get(O::NAME).ok_or(ObjectError::UnknownClass(O::NAME))?;
        let key = O::key(id);
        if let Identity::Each(check) = O::IDENTITY {
            check(id).map_err(ObjectError::BadId)?;
            self.check_fixed(O::NAME, &key)?;
        }
        let record = self.records.entry(key.clone()).or_insert_with(|| {
            let is_stored = matches!(self.tree.get(&key.path()), Some(Node::Group(_)));
            migrate(&mut self.tree, &key, class.renamed);
            let mut record = Record::new(O::NAME, key.clone(), is_stored);
            for part in &class.parts {
                record.graft(&**part);
                load(&mut record, &self.tree, &names(&**part), out);
            }
            out.push(Output::Event(SettingsEvent::WasActivated { object: key.clone() }));
            record
        });
        if record.class == O::NAME { Ok(record) } else { Err(ObjectError::Taken(key)) }
    }

    /// Makes all stored objects of a class live. An id that is none of this class is told and skipped.
    ///
    /// # Errors
    /// When settings are not loaded, or the class is unknown.
    pub fn open_all<O: ObjectClass>(&mut self, out: &mut Outbox<Output>) -> Result<(), ObjectError> {
        if !matches!(O::IDENTITY, Identity::Each(_)) {
            return self.open::<O>("", out).map(drop);
        }
        for id in self.stored_ids::<O>() {
            match self.open::<O>(&id, out) {
                Ok(_) => {}
                Err(error @ (ObjectError::NotLoaded | ObjectError::UnknownClass(_))) => return Err(error),
                Err(error) => out.push(Output::Event(SettingsEvent::LoadFailed {
                    attribute: Text::new(),
                    container: O::key(&id),
                    error: error.to_string().into(),
                })),
            }
        }
        Ok(())
    }

    /// An id that is the only one of another class is taken.
    fn check_fixed(&self, name: &str, key: &ObjectKey) -> Result<(), ObjectError> {
        let is_taken = self.classes.iter().any(|(other, class)| {
            *other != name
                && class.group == key.group
                && matches!((class.identity, &key.id), (Identity::Fixed(fixed), Some(id)) if fixed == id)
        });
        if is_taken { Err(ObjectError::Taken(key.clone())) } else { Ok(()) }
    }

    /// The live objects.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    /// A live object, by the names of its settings.
    #[must_use]
    pub fn record(&self, key: &ObjectKey) -> Option<&Record> {
        self.records.get(key)
    }

    /// A live object, to be changed.
    #[must_use]
    pub fn record_mut(&mut self, key: &ObjectKey) -> Option<&mut Record> {
        self.records.get_mut(key)
    }

    /// A live object of a class. `id` counts only when the class has more than one.
    #[must_use]
    pub fn get<O: ObjectClass>(&self, id: &str) -> Option<&O> {
        self.record(&O::key(id))?.group()
    }

    /// A live object of a class, to be changed. `id` counts only when the class has more than one.
    #[must_use]
    pub fn get_mut<O: ObjectClass>(&mut self, id: &str) -> Option<&mut O> {
        self.record_mut(&O::key(id))?.group_mut()
    }

    /// Gives a live object another id, when it is saved.
    ///
    /// # Errors
    /// When there is no such object, its class names its objects otherwise, or the id is taken.
    pub fn rename(&mut self, key: &ObjectKey, id: &str) -> Result<(), ObjectError> {
        let record = self.records.get(key).ok_or_else(|| ObjectError::Unknown(key.clone()))?;
        match self.classes.get(record.class).map(|class| class.identity) {
            Some(Identity::Each(check)) => check(id).map_err(ObjectError::BadId)?,
            Some(Identity::Global | Identity::Fixed(_)) | None => return Err(ObjectError::Global(key.clone())),
        }
        let new = ObjectKey { id: Some(id.to_owned()), ..key.clone() };
        if new != *key {
            self.check_free(record.class, &new)?;
        }
        if let Some(record) = self.records.get_mut(key) {
            record.new_id = (new != *key).then(|| id.to_owned());
        }
        Ok(())
    }

    fn check_free(&self, class: &str, key: &ObjectKey) -> Result<(), ObjectError> {
        self.check_fixed(class, key)?;
        let is_taken = self.records.contains_key(key) || self.tree.get(&key.path()).is_some();
        if is_taken { Err(ObjectError::Taken(key.clone())) } else { Ok(()) }
    }

    /// Saves a live object: its new id first, then its settings that are not at their defaults. Nothing happens when nothing has changed.
    ///
    /// # Errors
    /// When there is no such object, its new id is taken by now, or two of its settings contradict each other; nothing changes.
    pub fn save(&mut self, key: &ObjectKey, out: &mut Outbox<Output>) -> Result<(), SaveError> {
        let record = self.records.get(key).ok_or_else(|| ObjectError::Unknown(key.clone()))?;
        record.check()?;
        if !record.is_dirty() {
            return Ok(());
        }
        let key = match record.new_id.clone() {
            Some(id) => self.move_record(key, id, out)?,
            None => key.clone(),
        };
        let Some(record) = self.records.get_mut(&key) else { return Ok(()) };
        let modified = record.modified();
        let is_new = !record.is_stored;
        let path = key.path();
        make_group(&mut self.tree, &path);
        let stored = record.stored();
        for name in record.names() {
            let setting: Vec<&str> = path.iter().copied().chain(name.split('.')).collect();
            match stored.get(&name) {
                Some(change) => store(&mut self.tree, &setting, change.new.clone()),
                None => self.tree.unset(&setting, path.len()),
            }
        }
        record.is_stored = true;
        record.settle();
        if is_new {
            out.push(Output::Event(SettingsEvent::WasCreated { object: key.clone() }));
        }
        if !modified.is_empty() {
            let (object, modified) = (key.clone(), modified.clone());
            out.push(Output::Event(SettingsEvent::DidChange { object, modified }));
        }
        self.persist(key, modified, out);
        Ok(())
    }

    fn move_record(&mut self, key: &ObjectKey, id: String, out: &mut Outbox<Output>) -> Result<ObjectKey, ObjectError> {
        let unknown = || ObjectError::Unknown(key.clone());
        let new = ObjectKey { id: Some(id.clone()), ..key.clone() };
        self.check_free(self.records.get(key).ok_or_else(unknown)?.class, &new)?;
        let mut record = self.records.remove(key).ok_or_else(unknown)?;
        self.tree.rename(&key.path(), &id);
        record.key = new.clone();
        record.new_id = None;
        self.records.insert(new.clone(), record);
        let (old_id, new_id) = (key.id.clone().unwrap_or_default().into(), id.into());
        out.push(Output::Event(SettingsEvent::DidChangeId { object: new.clone(), old_id, new_id }));
        Ok(new)
    }

    /// Deletes a live object, and what is stored of it.
    ///
    /// # Errors
    /// When there is no such object, or it is the only one of its class.
    pub fn delete(&mut self, key: &ObjectKey, out: &mut Outbox<Output>) -> Result<(), ObjectError> {
        let record = self.records.get(key).ok_or_else(|| ObjectError::Unknown(key.clone()))?;
        match self.classes.get(record.class).map(|class| class.identity) {
            Some(Identity::Each(_)) => {}
            Some(Identity::Global | Identity::Fixed(_)) | None => return Err(ObjectError::Global(key.clone())),
        }
        let is_stored = record.is_stored;
        self.records.remove(key);
        self.tree.unset(&key.path(), 0);
        out.push(Output::Event(SettingsEvent::WasDeleted { object: key.clone() }));
        if is_stored {
            self.persist(key.clone(), Modifications::new(), out);
        }
        Ok(())
    }

    fn persist(&mut self, object: ObjectKey, modified: Modifications, out: &mut Outbox<Output>) {
        if self.state == State::Ready(Backend::Driver) {
            self.waiting.push(Saving { object, modified });
            self.flush(out);
        }
    }

    fn flush(&mut self, out: &mut Outbox<Output>) {
        if !self.storing.is_empty() || self.waiting.is_empty() {
            return;
        }
        let text = format::write(&self.tree);
        let saving = std::mem::take(&mut self.waiting);
        if text.len() > self.max_bytes {
            fail(saving, &LoadError::TooLong(self.max_bytes).to_string().into(), out);
        } else {
            self.storing = saving;
            out.push(Output::Persist(text));
        }
    }

    /// The driver has stored what it was given last, or could not.
    pub fn persisted(&mut self, result: Result<(), Text>, out: &mut Outbox<Output>) {
        let stored = std::mem::take(&mut self.storing);
        if let Err(exception) = result {
            fail(stored, &exception, out);
        }
        self.flush(out);
    }
}

fn fail(savings: Vec<Saving>, exception: &Text, out: &mut Outbox<Output>) {
    for Saving { object, modified } in savings {
        let exception = exception.clone();
        out.push(Output::Event(SettingsEvent::SaveFailed { object, modified, exception }));
    }
}

fn names(group: &dyn Group) -> Vec<String> {
    let mut names = Vec::new();
    group.names("", &mut |name| names.push(name));
    names
}

/// Whether the group has a setting of this name, or a setting where the name has a group, or the other way round.
fn clashes(group: &dyn Group, name: &str) -> bool {
    let mut found = false;
    group.names("", &mut |other| {
        let leads = |to: &str, from: &str| to.strip_prefix(from).is_some_and(|rest| rest.starts_with('.'));
        found |= other == name || leads(&other, name) || leads(name, &other);
    });
    found
}

/// Moves what is stored under former names of settings, unless there is something under the name of now.
fn migrate(tree: &mut Tree, key: &ObjectKey, renamed: &[(&'static str, &'static str)]) {
    for (former, now) in renamed {
        let path = |name: &'static str| -> Vec<&str> { key.path().into_iter().chain(name.split('.')).collect() };
        let (former, now) = (path(former), path(now));
        if let Some(Node::Setting(value)) = tree.get(&former) {
            let value = value.clone();
            tree.unset(&former, key.path().len());
            if tree.get(&now).is_none() {
                store(tree, &now, value);
            }
        }
    }
}

/// Gives settings of an object what is stored for them.
fn load(record: &mut Record, tree: &Tree, names: &[String], out: &mut Outbox<Output>) {
    for name in names {
        let path: Vec<&str> = record.key.path().into_iter().chain(name.split('.')).collect();
        let result = match tree.get(&path) {
            None => Ok(()),
            Some(Node::Setting(value)) => record.set(name, value),
            Some(Node::Group(_)) => Err(SettingError::Unknown(format!("{name}, which is stored as a group"))),
        };
        if let Err(error) = result {
            out.push(Output::Event(SettingsEvent::LoadFailed {
                attribute: name.as_str().into(),
                container: record.key.clone(),
                error: error.to_string().into(),
            }));
        }
    }
    record.settle();
}

/// Makes a group in the tree; a stored setting that stands in its way is of no use to anybody.
fn make_group(tree: &mut Tree, path: &[&str]) {
    clear_way(tree, path);
    // The way is clear.
    let _ = tree.add_group(path);
}

fn store(tree: &mut Tree, path: &[&str], value: Value) {
    clear_way(tree, path.split_last().map_or(path, |(_, groups)| groups));
    // The way is clear.
    let _ = tree.set(path, value);
}

/// Removes stored settings that stand where groups are wanted.
fn clear_way(tree: &mut Tree, path: &[&str]) {
    for len in 1..=path.len() {
        let Some(part) = path.get(..len) else { return };
        if matches!(tree.get(part), Some(Node::Setting(_))) {
            tree.remove(part);
        }
    }
}
