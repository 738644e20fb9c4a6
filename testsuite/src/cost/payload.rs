//! Bodies in XML: parse and type, write.

use std::hint::black_box;

use sipsimple_core::limits::Limits;
use sipsimple_core::payload::presence::Presence;
use sipsimple_core::payload::resource_lists::{DisplayName, Entry, Item, List, ResourceLists};

use super::{Round, Work};

/// A presence document of two kilobytes.
const PRESENCE: &[u8] = include_bytes!("../../../vectors/payload/rfc4480/4.xml");

/// The pieces of work of this file.
pub const WORKS: &[Work] = &[
    Work { name: "pidf_parse", unit: "document", units: 1, target: None, prepare: presence },
    Work { name: "resource_lists_parse", unit: "contact", units: CONTACTS as u64, target: None, prepare: contacts },
    Work {
        name: "resource_lists_write",
        unit: "contact",
        units: CONTACTS as u64,
        target: None,
        prepare: write_contacts,
    },
];

const CONTACTS: usize = 200;

fn presence() -> Round {
    let limits = Limits::default();
    Box::new(move || {
        black_box(Presence::parse(PRESENCE, &limits).expect("a presence document"));
    })
}

/// A list of 200 contacts with names.
fn lists() -> ResourceLists {
    let entry = |number: usize| {
        let display_name = DisplayName { language: None, text: format!("Contact {number}") };
        let uri = format!("sip:contact{number}@example.com");
        Item::Entry(Entry { uri, display_name: Some(display_name), ..Entry::default() })
    };
    let items = (0..CONTACTS).map(entry).collect();
    ResourceLists {
        lists: vec![List { name: Some("friends".into()), items, ..List::default() }],
        ..ResourceLists::default()
    }
}

fn contacts() -> Round {
    let (limits, text) = (Limits::default(), lists().write());
    Box::new(move || {
        black_box(ResourceLists::parse(text.as_bytes(), &limits).expect("resource lists"));
    })
}

fn write_contacts() -> Round {
    let lists = lists();
    Box::new(move || {
        black_box(lists.write());
    })
}
