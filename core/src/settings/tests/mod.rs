//! Tests of settings.

mod defaults;
mod extension;
mod format;
mod kinds;
mod media;
mod model;
mod storage;

use super::*;
use crate::limits::Limits;
use crate::outbox::Outbox;
use crate::sip::Text;

const ALICE: &str = "alice@example.com";

/// A manager with the classes of the seeds, and what it put out.
struct Desk {
    manager: ConfigurationManager,
    out: Outbox<Output>,
}

impl Desk {
    fn new() -> Self {
        let mut manager = ConfigurationManager::new(&Limits::default());
        manager.register::<SipSimpleSettings>();
        manager.register::<AccountSettings>();
        manager.register::<BonjourAccountSettings>();
        Self { manager, out: Outbox::new() }
    }

    /// One whose settings are in memory.
    fn in_memory() -> Self {
        let mut desk = Self::new();
        desk.manager.start(Backend::Memory, &mut desk.out);
        assert!(desk.outputs().is_empty());
        desk
    }

    /// One whose driver had stored this text.
    fn stored(text: &str) -> Self {
        let mut desk = Self::new();
        desk.manager.start(Backend::Driver, &mut desk.out);
        assert!(matches!(desk.outputs().as_slice(), [Output::Load]));
        desk.manager.loaded(Ok(Some(text.as_bytes()))).unwrap();
        desk
    }

    fn open<O: ObjectClass>(&mut self, id: &str) -> &mut Record {
        self.manager.open::<O>(id, &mut self.out).unwrap()
    }

    fn save(&mut self, key: &ObjectKey) {
        self.manager.save(key, &mut self.out).unwrap();
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.out.pop()).collect()
    }

    /// The news so far, and nothing else.
    fn events(&mut self) -> Vec<SettingsEvent> {
        let news = self.outputs().into_iter().map(|output| {
            let Output::Event(event) = output else { panic!("{output:?}") };
            event
        });
        news.collect()
    }

    /// The text to be stored, the last output.
    fn text(&mut self) -> String {
        match self.outputs().pop() {
            Some(Output::Persist(text)) => text.to_string(),
            other => panic!("{other:?}"),
        }
    }
}

fn alice() -> ObjectKey {
    AccountSettings::key(ALICE)
}

fn global() -> ObjectKey {
    SipSimpleSettings::key("")
}

fn modified(changes: &[(&str, &str, &str)]) -> Modifications {
    let change = |(name, old, new): &(&str, &str, &str)| {
        (String::from(*name), Modified { old: Value::from(*old), new: Value::from(*new) })
    };
    changes.iter().map(change).collect()
}
