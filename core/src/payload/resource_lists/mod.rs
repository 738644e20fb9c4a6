//! Resource lists and the services made of them (RFC 4826): `application/resource-lists+xml`, `application/rls-services+xml`.
//!
//! The order of entries, lists and references within a list is kept. Attributes of entries in the namespace of AG Projects
//! (`attributes/attribute`) are typed; the lists that the Open Mobile Alliance names (`oma_buddylist` …) are lists like others.

mod services;
#[cfg(test)]
mod tests;

pub use services::{ListOrUri, Packages, ResourceList, RlsServices, Service, ServiceList};

use super::xml::name::{AGP_RESOURCE_LISTS, RESOURCE_LISTS, XML};
use super::xml::record::{choice, document, record};
use super::xml::{Attribute, Element};
use super::{Error, Fault};
use crate::limits::Limits;

record! {
    /// A name for people (RFC 4826 section 3.1).
    #[derive(Default)]
    pub struct DisplayName = RESOURCE_LISTS, "display-name" {
        /// Its language.
        pub language: Option<String> = attribute(XML, "lang"),
        /// The name.
        pub text: String = text,
    }

    /// An attribute of an entry: a name and a value of the application. A value that is absent is not the same as an empty one.
    #[derive(Default)]
    pub struct EntryAttribute = AGP_RESOURCE_LISTS, "attribute" {
        /// Its name.
        pub name: String = attribute("name"),
        /// Its value, unless it is nil.
        pub value: Option<String> = attribute("value"),
        /// Other attributes.
        pub attributes: Vec<Attribute> = more,
        /// Text, where the value is written so.
        pub text: String = text,
    }

    /// The attributes of an entry.
    #[derive(Default)]
    pub struct EntryAttributes = AGP_RESOURCE_LISTS, "attributes" {
        /// The attributes.
        pub attributes: Vec<EntryAttribute> = node,
    }

    /// Somebody (RFC 4826 section 3.1).
    #[derive(Default)]
    pub struct Entry = RESOURCE_LISTS, "entry" {
        /// Their URI.
        pub uri: String = attribute("uri"),
        /// Attributes of extensions.
        pub more: Vec<Attribute> = more,
        /// Their name.
        pub display_name: Option<DisplayName> = node,
        /// Attributes that applications gave them.
        pub attributes: Option<EntryAttributes> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// A reference to an entry of another list on the same server (RFC 4826 section 3.1).
    #[derive(Default)]
    pub struct EntryRef = RESOURCE_LISTS, "entry-ref" {
        /// A relative URI, percent-encoded.
        pub reference: String = attribute("ref"),
        /// Attributes of extensions.
        pub more: Vec<Attribute> = more,
        /// A name.
        pub display_name: Option<DisplayName> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// A reference to another list (RFC 4826 section 3.1).
    #[derive(Default)]
    pub struct External = RESOURCE_LISTS, "external" {
        /// An HTTP URI, percent-encoded.
        pub anchor: Option<String> = attribute("anchor"),
        /// Attributes of extensions.
        pub more: Vec<Attribute> = more,
        /// A name.
        pub display_name: Option<DisplayName> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// A list (RFC 4826 section 3.1).
    #[derive(Default)]
    pub struct List = RESOURCE_LISTS, "list" {
        /// Its name, that of no other list beside it.
        pub name: Option<String> = attribute("name"),
        /// Attributes of extensions.
        pub more: Vec<Attribute> = more,
        /// Its name for people.
        pub display_name: Option<DisplayName> = node,
        /// What it holds, in its order.
        pub items: Vec<Item> = node,
    }

    /// A document (RFC 4826 section 3.1).
    #[derive(Default)]
    pub struct ResourceLists = RESOURCE_LISTS, "resource-lists" {
        /// Attributes of extensions.
        pub more: Vec<Attribute> = more,
        /// The lists.
        pub lists: Vec<List> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }
}

choice! {
    /// What a list holds.
    pub enum Item = "item" {
        /// Somebody.
        Entry(Entry),
        /// A reference to an entry.
        EntryRef(EntryRef),
        /// A list within the list.
        List(List),
        /// A reference to another list.
        External(External),
    }
}

impl ResourceLists {
    /// The content type of such a document.
    pub const CONTENT_TYPE: &'static str = "application/resource-lists+xml";

    /// Reads a document.
    ///
    /// # Errors
    /// When it is not well-formed, exceeds a limit, is not such a document, or gives two lists beside each other one name, or a list one entry
    /// twice (RFC 4826 section 3.4.5).
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Error> {
        let this = Self::read_document(bytes, limits)?;
        let lists = || this.lists.iter();
        if is_unique(lists().filter_map(|list| list.name.as_deref())) && lists().all(List::is_sound) {
            Ok(this)
        } else {
            Err(Error::new(0, Fault::Repeated("name")))
        }
    }
}

impl List {
    /// The entries directly in it.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        entries(&self.items)
    }

    fn is_sound(&self) -> bool {
        is_sound(&self.items)
    }
}

fn entries(items: &[Item]) -> impl Iterator<Item = &Entry> {
    items.iter().filter_map(|item| match item {
        Item::Entry(entry) => Some(entry),
        Item::EntryRef(_) | Item::List(_) | Item::External(_) | Item::Other(_) => None,
    })
}

/// Whether names, entries and references stand once each; as deep as documents may be.
fn is_sound(items: &[Item]) -> bool {
    let lists = || {
        items.iter().filter_map(|item| match item {
            Item::List(list) => Some(list),
            Item::Entry(_) | Item::EntryRef(_) | Item::External(_) | Item::Other(_) => None,
        })
    };
    let references = items.iter().filter_map(|item| match item {
        Item::EntryRef(reference) => Some(reference.reference.as_str()),
        Item::Entry(_) | Item::List(_) | Item::External(_) | Item::Other(_) => None,
    });
    let anchors = items.iter().filter_map(|item| match item {
        Item::External(external) => external.anchor.as_deref(),
        Item::Entry(_) | Item::List(_) | Item::EntryRef(_) | Item::Other(_) => None,
    });
    is_unique(entries(items).map(|entry| entry.uri.as_str()))
        && is_unique(lists().filter_map(|list| list.name.as_deref()))
        && is_unique(references)
        && is_unique(anchors)
        && lists().all(List::is_sound)
}

fn is_unique<'a>(mut names: impl Iterator<Item = &'a str>) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    names.all(|name| seen.insert(name))
}

document!(ResourceLists);
