//! Random sets, resets, saves, renames, deletions, failures and restarts against a model of a few maps.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const IDS: [&str; 3] = ["a@example.com", "b@example.com", "c@example.com"];

/// Settings of an account with values that they take and values that they do not.
const SETTINGS: [(&str, &[&str], &[&str]); 6] = [
    ("enabled", &["true", "false"], &["maybe", ""]),
    ("display_name", &["", "Alice", "a, \"b\" # c"], &["a\nb"]),
    ("rtp.audio_codec_list", &["", "PCMA", "PCMA, G722"], &["a b"]),
    ("sip.register_interval", &["600", "0", "60"], &["-1", "x"]),
    ("sip.outbound_proxy", &["", "proxy.example.com:5070;transport=tcp"], &["a:0"]),
    ("nat_traversal.msrp_relay", &["", "relay.example.com"], &[";"]),
];

#[derive(Clone, Debug)]
enum Step {
    Open(usize),
    Set(usize, usize, usize),
    SetBad(usize, usize, usize),
    Reset(usize, usize),
    Rename(usize, usize),
    Save(usize),
    Delete(usize),
    Persisted(bool),
    Restart,
}

fn steps() -> impl Strategy<Value = Step> {
    let (id, setting) = (0..IDS.len(), 0..SETTINGS.len());
    prop_oneof![
        3 => id.clone().prop_map(Step::Open),
        6 => (id.clone(), setting.clone(), 0..3_usize).prop_map(|(id, setting, value)| Step::Set(id, setting, value)),
        1 => (id.clone(), setting.clone(), 0..2_usize).prop_map(|(id, setting, value)| Step::SetBad(id, setting, value)),
        2 => (id.clone(), setting).prop_map(|(id, setting)| Step::Reset(id, setting)),
        2 => (id.clone(), id.clone()).prop_map(|(id, new)| Step::Rename(id, new)),
        5 => id.clone().prop_map(Step::Save),
        1 => id.prop_map(Step::Delete),
        3 => any::<bool>().prop_map(Step::Persisted),
        1 => Just(Step::Restart),
    ]
}

type Values = BTreeMap<&'static str, String>;

#[derive(Clone, Default)]
struct Live {
    now: Values,
    saved: Values,
    new_id: Option<usize>,
    is_stored: bool,
}

/// What should be.
#[derive(Default)]
struct Model {
    live: BTreeMap<usize, Live>,
    /// What is in memory, and what the driver had stored last.
    memory: BTreeMap<usize, Values>,
    disk: BTreeMap<usize, Values>,
    /// What is being stored, and whose changes are in it.
    storing: Option<(BTreeMap<usize, Values>, Vec<String>)>,
    waiting: Vec<String>,
}

fn defaults() -> Values {
    SETTINGS.iter().map(|(name, _, _)| (*name, default(name))).collect()
}

fn default(name: &str) -> String {
    match name {
        "enabled" => "false",
        "sip.register_interval" => "600",
        _ => "",
    }
    .to_owned()
}

fn changes(old: &Values, new: &Values) -> String {
    let changed = new.iter().filter(|(name, value)| old.get(*name) != Some(*value));
    changed.map(|(name, value)| format!(" {name}: {} -> {value}", old[name])).collect()
}

impl Model {
    fn store(&mut self, note: String, told: &mut Vec<String>) {
        self.waiting.push(note);
        self.flush(told);
    }

    fn flush(&mut self, told: &mut Vec<String>) {
        if self.storing.is_none() && !self.waiting.is_empty() {
            self.storing = Some((self.memory.clone(), std::mem::take(&mut self.waiting)));
            told.push("Persist".to_owned());
        }
    }

    fn is_taken(&self, id: usize) -> bool {
        self.live.contains_key(&id) || self.memory.contains_key(&id)
    }
}

fn show(output: Output) -> String {
    let changes = |modified: &Modifications| -> String {
        modified.iter().map(|(name, change)| format!(" {name}: {} -> {}", change.old, change.new)).collect()
    };
    let id = |object: &ObjectKey| object.id.clone().unwrap();
    match output {
        Output::Load => "Load".to_owned(),
        Output::Persist(_) => "Persist".to_owned(),
        Output::Event(event) => {
            let name = event.names()[0];
            match event {
                SettingsEvent::DidChange { object, modified } => {
                    format!("{name} {}{}", id(&object), changes(&modified))
                }
                SettingsEvent::SaveFailed { object, modified, exception } => {
                    format!("{name} {}{} {exception}", id(&object), changes(&modified))
                }
                SettingsEvent::DidChangeId { old_id, new_id, .. } => format!("{name} {old_id} {new_id}"),
                SettingsEvent::WasActivated { object }
                | SettingsEvent::WasCreated { object }
                | SettingsEvent::WasDeleted { object } => format!("{name} {}", id(&object)),
                SettingsEvent::LoadFailed { error, .. } => panic!("{error}"),
            }
        }
    }
}

/// What is written last, as the driver has it.
struct Disk {
    stored: String,
    storing: String,
}

fn run(steps: Vec<Step>) {
    let mut model = Model::default();
    let mut disk = Disk { stored: String::new(), storing: String::new() };
    let mut desk = Desk::stored("");
    for step in steps {
        let mut told = Vec::new();
        match step {
            Step::Open(id) => {
                desk.open::<AccountSettings>(IDS[id]);
                if !model.live.contains_key(&id) {
                    let values = model.memory.get(&id).cloned().unwrap_or_else(defaults);
                    let is_stored = model.memory.contains_key(&id);
                    model.live.insert(id, Live { now: values.clone(), saved: values, new_id: None, is_stored });
                    told.push(format!("CFGSettingsObjectWasActivated {}", IDS[id]));
                }
            }
            Step::Set(id, setting, value) => {
                let (name, good, _) = SETTINGS[setting];
                let text = good[value % good.len()];
                let key = AccountSettings::key(IDS[id]);
                if let Some(record) = desk.manager.record_mut(&key) {
                    record.set_text(name, text).unwrap();
                }
                if let Some(live) = model.live.get_mut(&id) {
                    live.now.insert(name, text.to_owned());
                }
            }
            Step::SetBad(id, setting, value) => {
                let (name, _, bad) = SETTINGS[setting];
                if let Some(record) = desk.manager.record_mut(&AccountSettings::key(IDS[id])) {
                    let error = record.set_text(name, bad[value % bad.len()]).unwrap_err();
                    assert!(error.to_string().starts_with(&format!("{name}: '")), "{error}");
                }
            }
            Step::Reset(id, setting) => {
                let name = SETTINGS[setting].0;
                if let Some(record) = desk.manager.record_mut(&AccountSettings::key(IDS[id])) {
                    record.reset(name).unwrap();
                }
                if let Some(live) = model.live.get_mut(&id) {
                    live.now.insert(name, default(name));
                }
            }
            Step::Rename(id, new) => {
                let result = desk.manager.rename(&AccountSettings::key(IDS[id]), IDS[new]);
                let is_ok = model.live.contains_key(&id) && (id == new || !model.is_taken(new));
                assert_eq!(result.is_ok(), is_ok, "{result:?}");
                if let Some(live) = model.live.get_mut(&id).filter(|_| is_ok) {
                    live.new_id = (id != new).then_some(new);
                }
            }
            Step::Save(id) => {
                let result = desk.manager.save(&AccountSettings::key(IDS[id]), &mut desk.out);
                let new_id = model.live.get(&id).and_then(|live| live.new_id);
                let is_ok = model.live.contains_key(&id) && new_id.is_none_or(|new| !model.is_taken(new));
                assert_eq!(result.is_ok(), is_ok, "{result:?}");
                if let Some(mut live) = model.live.get(&id).cloned().filter(|_| is_ok) {
                    let (is_new, change) = (!live.is_stored, changes(&live.saved, &live.now));
                    let at = new_id.unwrap_or(id);
                    if let Some(new) = live.new_id.take() {
                        model.live.remove(&id);
                        model.memory.remove(&id);
                        told.push(format!("CFGSettingsObjectDidChangeID {} {}", IDS[id], IDS[new]));
                    }
                    if is_new {
                        told.push(format!("CFGSettingsObjectWasCreated {}", IDS[at]));
                    }
                    if !change.is_empty() {
                        told.push(format!("CFGSettingsObjectDidChange {}{change}", IDS[at]));
                    }
                    live.saved = live.now.clone();
                    live.is_stored = true;
                    model.live.insert(at, live.clone());
                    if is_new || !change.is_empty() || new_id.is_some() {
                        model.memory.insert(at, live.now);
                        model.store(format!("CFGManagerSaveFailed {}{change} broken", IDS[at]), &mut told);
                    }
                }
            }
            Step::Delete(id) => {
                let result = desk.manager.delete(&AccountSettings::key(IDS[id]), &mut desk.out);
                assert_eq!(result.is_ok(), model.live.contains_key(&id));
                if let Some(live) = model.live.remove(&id) {
                    told.push(format!("CFGSettingsObjectWasDeleted {}", IDS[id]));
                    if live.is_stored {
                        model.memory.remove(&id);
                        model.store(format!("CFGManagerSaveFailed {} broken", IDS[id]), &mut told);
                    }
                }
            }
            Step::Persisted(is_ok) => {
                if let Some((content, notes)) = model.storing.take() {
                    if is_ok {
                        desk.manager.persisted(Ok(()), &mut desk.out);
                        model.disk = content;
                        disk.stored = std::mem::take(&mut disk.storing);
                    } else {
                        desk.manager.persisted(Err("broken".into()), &mut desk.out);
                        told.extend(notes);
                    }
                    model.flush(&mut told);
                }
            }
            Step::Restart => {
                desk = Desk::stored(&disk.stored);
                let stored = std::mem::take(&mut model.disk);
                model = Model { memory: stored.clone(), disk: stored, ..Model::default() };
            }
        }
        let outputs = desk.outputs();
        if let Some(Output::Persist(text)) = outputs.last() {
            disk.storing = text.to_string();
        }
        assert_eq!(outputs.into_iter().map(show).collect::<Vec<_>>(), told);
        check(&desk, &model);
    }
}

fn check(desk: &Desk, model: &Model) {
    let stored: Vec<_> = desk.manager.stored_ids::<AccountSettings>();
    assert_eq!(stored, model.memory.keys().map(|id| IDS[*id]).collect::<Vec<_>>());
    assert_eq!(desk.manager.records().count(), model.live.len());
    assert_eq!(desk.manager.is_quiescent(), model.storing.is_none());
    for (id, live) in &model.live {
        let record = desk.manager.record(&AccountSettings::key(IDS[*id])).unwrap();
        for (name, value) in &live.now {
            assert_eq!(record.value(name).unwrap().to_string(), *value, "{name}");
            let is_stored = *value != default(name);
            assert_eq!(record.stored().contains_key(*name), is_stored, "{name}");
        }
        let is_dirty = !live.is_stored || live.new_id.is_some() || live.now != live.saved;
        assert_eq!(record.is_dirty(), is_dirty);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn settings_do_what_the_model_does(steps in proptest::collection::vec(steps(), 1..60)) {
        run(steps);
    }
}
