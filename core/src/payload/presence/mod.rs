//! Presence (RFC 3863): `application/pidf+xml`, with the data model (RFC 4479), rich presence (RFC 4480), contact
//! information (RFC 4482) and capabilities (RFC 5196).
//!
//! A document is about one presentity. It holds services (`tuple`), the person and their devices. Locations and other extensions are kept as
//! elements. The XCAP usage `pidf-manipulation` (RFC 4827) has the same documents.

pub mod caps;
mod partial;
#[cfg(test)]
mod partial_tests;
mod priority;
pub mod rpid;
#[cfg(test)]
mod tests;

pub use partial::{PartialPresence, PidfDiff};
pub use priority::Priority;

use super::xml::name::{CIPID, DATA_MODEL, PIDF, RPID, XML};
use super::xml::record::{document, record, words};
use super::xml::{Attribute, Content, Element};
use super::{Error, Fault};
use crate::limits::Limits;
use crate::time::Utc;

words! {
    /// Whether instant messages, or whatever the contact is for, are accepted (RFC 3863 section 4.1.4).
    pub enum Basic {
        /// They are.
        Open = "open",
        /// They are not.
        Closed = "closed",
    }
}

record! {
    /// A remark in a presence document or a tuple.
    #[derive(Default)]
    pub struct Note = PIDF, "note" {
        /// Its language.
        pub language: Option<String> = attribute(XML, "lang"),
        /// Its text.
        pub text: String = text,
    }

    /// A remark about a person or a device.
    #[derive(Default)]
    pub struct ModelNote = DATA_MODEL, "note" {
        /// Its language.
        pub language: Option<String> = attribute(XML, "lang"),
        /// Its text.
        pub text: String = text,
    }

    /// The status of a service (RFC 3863 section 4.1.3).
    #[derive(Default)]
    pub struct Status = PIDF, "status" {
        /// Whether it is open.
        pub basic: Option<Basic> = leaf(PIDF, "basic"),
        /// Other statuses.
        pub extensions: Vec<Element> = extensions,
    }

    /// How to reach a service (RFC 3863 section 4.1.5).
    #[derive(Default)]
    pub struct Contact = PIDF, "contact" {
        /// How much it is preferred.
        pub priority: Option<Priority> = attribute("priority"),
        /// The URI.
        pub uri: String = text,
    }

    /// A service (RFC 3863 section 4.1.2, RFC 4479 section 3.2).
    #[derive(Default)]
    pub struct Tuple = PIDF, "tuple" {
        /// Names it within the document.
        pub id: String = attribute("id"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// Its status.
        pub status: Status = node,
        /// The class of information that it belongs to (RFC 4480 section 3.1).
        pub class: Option<String> = leaf(RPID, "class"),
        /// What others cannot overhear.
        pub privacy: Vec<rpid::Privacy> = node,
        /// Whose contact it is.
        pub relationship: Option<rpid::Relationship> = node,
        /// What kind of service it is.
        pub service_class: Option<rpid::ServiceClass> = node,
        /// Pictures of the status.
        pub status_icons: Vec<rpid::StatusIcon> = node,
        /// Whether it is used.
        pub user_input: Option<rpid::UserInput> = node,
        /// What it can do.
        pub capabilities: Option<caps::ServiceCapabilities> = node,
        /// The devices that it runs on.
        pub devices: Vec<String> = leaf(DATA_MODEL, "deviceID"),
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
        /// How to reach it.
        pub contact: Option<Contact> = node,
        /// Remarks.
        pub notes: Vec<Note> = node,
        /// When it was last changed.
        pub timestamp: Option<Utc> = leaf(PIDF, "timestamp"),
    }

    /// The human being (RFC 4479 section 3.3).
    #[derive(Default)]
    pub struct Person = DATA_MODEL, "person" {
        /// Names it within the document.
        pub id: String = attribute("id"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// What they do.
        pub activities: Vec<rpid::Activities> = node,
        /// How they feel.
        pub moods: Vec<rpid::Mood> = node,
        /// How suitable the place is.
        pub place_is: Vec<rpid::PlaceIs> = node,
        /// What kind of place it is.
        pub place_types: Vec<rpid::PlaceType> = node,
        /// What others cannot overhear.
        pub privacy: Vec<rpid::Privacy> = node,
        /// Their sphere of life.
        pub spheres: Vec<rpid::Sphere> = node,
        /// Pictures of the status.
        pub status_icons: Vec<rpid::StatusIcon> = node,
        /// How far local time is from UTC.
        pub time_offsets: Vec<rpid::TimeOffset> = node,
        /// Whether they use anything.
        pub user_input: Option<rpid::UserInput> = node,
        /// The class of information that it belongs to (RFC 4480 section 3.1).
        pub class: Option<String> = leaf(RPID, "class"),
        /// A URI of a vCard (RFC 4482).
        pub card: Option<String> = leaf(CIPID, "card"),
        /// How to call them (RFC 4482).
        pub display_name: Option<String> = leaf(CIPID, "display-name"),
        /// A URI of a home page (RFC 4482).
        pub homepage: Option<String> = leaf(CIPID, "homepage"),
        /// A URI of a picture of them (RFC 4482).
        pub icon: Option<String> = leaf(CIPID, "icon"),
        /// A URI of a map (RFC 4482).
        pub map: Option<String> = leaf(CIPID, "map"),
        /// A URI of a sound (RFC 4482).
        pub sound: Option<String> = leaf(CIPID, "sound"),
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
        /// Remarks.
        pub notes: Vec<ModelNote> = node,
        /// When it was last changed.
        pub timestamp: Option<Utc> = leaf(DATA_MODEL, "timestamp"),
    }

    /// A device (RFC 4479 section 3.4).
    #[derive(Default)]
    pub struct Device = DATA_MODEL, "device" {
        /// Names it within the document.
        pub id: String = attribute("id"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// The class of information that it belongs to (RFC 4480 section 3.1).
        pub class: Option<String> = leaf(RPID, "class"),
        /// Whether it is used.
        pub user_input: Option<rpid::UserInput> = node,
        /// What it can do.
        pub capabilities: Option<caps::DeviceCapabilities> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
        /// Which device it is: a URN.
        pub device: String = leaf(DATA_MODEL, "deviceID"),
        /// Remarks.
        pub notes: Vec<ModelNote> = node,
        /// When it was last changed.
        pub timestamp: Option<Utc> = leaf(DATA_MODEL, "timestamp"),
    }

    /// A presence document (RFC 3863 section 4.1.1).
    #[derive(Default)]
    pub struct Presence = PIDF, "presence" {
        /// Whose presence it is.
        pub entity: String = attribute("entity"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// Services.
        pub tuples: Vec<Tuple> = node,
        /// Remarks.
        pub notes: Vec<Note> = node,
        /// The person. The model knows one; several are one that is told of several times.
        pub persons: Vec<Person> = node,
        /// Devices.
        pub devices: Vec<Device> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }
}

impl Presence {
    /// The content type of such a document.
    pub const CONTENT_TYPE: &'static str = "application/pidf+xml";

    /// Reads a document.
    ///
    /// # Errors
    /// When it is not well-formed, exceeds a limit, is not a presence document, or gives an id twice.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Error> {
        let this = Self::read_document(bytes, limits)?;
        let tuples = this.tuples.iter().map(|tuple| tuple.id.as_str());
        let persons = this.persons.iter().map(|person| person.id.as_str());
        let devices = this.devices.iter().map(|device| device.id.as_str());
        let mut seen = std::collections::BTreeSet::new();
        if tuples.chain(persons).chain(devices).all(|id| seen.insert(id)) {
            Ok(this)
        } else {
            Err(Error::new(0, Fault::Repeated("id")))
        }
    }

    /// The basic status of the presentity: open if any service is (RFC 3863 section 3.2 leaves it to the watcher). None when no service has one.
    #[must_use]
    pub fn basic(&self) -> Option<Basic> {
        self.tuples.iter().filter_map(|tuple| tuple.status.basic).min()
    }
}

impl Tuple {
    /// Whether an extension of it must be understood (RFC 3863 section 4.2.4): whoever does not understand it must disregard that extension.
    #[must_use]
    pub fn must_understand(&self) -> bool {
        self.extensions.iter().chain(&self.status.extensions).any(must_understand)
    }
}

/// Whether this or anything within it is marked so.
fn must_understand(element: &Element) -> bool {
    let is_marked = |attribute: &Attribute| {
        attribute.name.is(PIDF, "mustUnderstand") && matches!(attribute.value.trim_ascii(), "1" | "true")
    };
    element.attributes.iter().any(is_marked)
        || element.content.iter().any(|content| match content {
            Content::Element(element) => must_understand(element),
            Content::Text(_) => false,
        })
}

document!(Presence);
