//! The registrations of an address of record (RFC 3680): `application/reginfo+xml`, with the GRUUs of RFC 5628.

use super::versioned::{Row, Table, Versioned, merge_rows};
use super::watcherinfo::State;
use super::xml::name::{GRUU_INFO, REGINFO, XML};
use super::xml::record::{document, record, words};
use super::xml::{Attribute, Element};

words! {
    /// The state of an address of record (RFC 3680 section 5.1).
    pub enum RegistrationState {
        /// No contact was ever registered.
        Init = "init",
        /// Contacts are registered.
        Active = "active",
        /// All contacts are gone.
        Terminated = "terminated",
    }
}

words! {
    /// The state of a contact (RFC 3680 section 5.1).
    pub enum ContactState {
        /// It is registered.
        Active = "active",
        /// It is not registered any more.
        Terminated = "terminated",
    }
}

words! {
    /// What brought a contact into its state (RFC 3680 section 4.7.1).
    pub enum Event {
        /// It was registered.
        Registered = "registered",
        /// It was put there by the administration.
        Created = "created",
        /// It was registered again.
        Refreshed = "refreshed",
        /// Its time was shortened by the administration.
        Shortened = "shortened",
        /// It was not registered again in time.
        Expired = "expired",
        /// It was removed, and may be registered again at once.
        Deactivated = "deactivated",
        /// It was removed, and may be registered again later.
        Probation = "probation",
        /// It was removed by its user.
        Unregistered = "unregistered",
        /// It was removed, and may not be registered again.
        Rejected = "rejected",
    } or other
}

record! {
    /// The name of a contact.
    pub struct DisplayName = REGINFO, "display-name" {
        /// Its language.
        pub language: Option<String> = attribute(XML, "lang"),
        /// The name.
        pub text: String = text,
    }

    /// A parameter of the Contact header field that the others do not tell.
    pub struct UnknownParam = REGINFO, "unknown-param" {
        /// Its name.
        pub name: String = attribute("name"),
        /// Its value.
        pub value: String = text,
    }

    /// The public GRUU of a contact (RFC 5628 section 4).
    pub struct PubGruu = GRUU_INFO, "pub-gruu" {
        /// The URI.
        pub uri: String = attribute("uri"),
    }

    /// The temporary GRUU of a contact (RFC 5628 section 4).
    pub struct TempGruu = GRUU_INFO, "temp-gruu" {
        /// The URI.
        pub uri: String = attribute("uri"),
        /// The CSeq of the first REGISTER that it is of.
        pub first_cseq: u64 = attribute("first-cseq"),
    }

    /// A contact (RFC 3680 section 5.1).
    pub struct Contact = REGINFO, "contact" {
        /// Names it.
        pub id: String = attribute("id"),
        /// Its state.
        pub state: ContactState = attribute("state"),
        /// What brought it there.
        pub event: Event = attribute("event"),
        /// Seconds since it was registered first.
        pub duration_registered: Option<u64> = attribute("duration-registered"),
        /// Seconds until it expires.
        pub expires: Option<u64> = attribute("expires"),
        /// Seconds after which it may be registered again.
        pub retry_after: Option<u64> = attribute("retry-after"),
        /// How much it is preferred, as it is written.
        pub q: Option<String> = attribute("q"),
        /// The Call-ID of its REGISTER.
        pub call_id: Option<String> = attribute("callid"),
        /// The CSeq of its REGISTER.
        pub cseq: Option<u64> = attribute("cseq"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// The URI.
        pub uri: String = leaf(REGINFO, "uri"),
        /// The name.
        pub display_name: Option<DisplayName> = node,
        /// Parameters.
        pub unknown_params: Vec<UnknownParam> = node,
        /// The public GRUU.
        pub pub_gruu: Option<PubGruu> = node,
        /// The temporary GRUU.
        pub temp_gruu: Option<TempGruu> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// An address of record (RFC 3680 section 5.1).
    pub struct Registration = REGINFO, "registration" {
        /// The address.
        pub aor: String = attribute("aor"),
        /// Names it.
        pub id: String = attribute("id"),
        /// Its state.
        pub state: RegistrationState = attribute("state"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// Its contacts.
        pub contacts: Vec<Contact> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// A document (RFC 3680 section 5.1).
    pub struct RegInfo = REGINFO, "reginfo" {
        /// One more than that of the document before.
        pub version: u64 = attribute("version"),
        /// Whether it tells everything.
        pub state: State = attribute("state"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// The addresses of record.
        pub registrations: Vec<Registration> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }
}

document!(RegInfo, "application/reginfo+xml");

/// The addresses of record, from all documents of a subscription (RFC 3680 section 5.2).
pub type Registrations = Table<Registration>;

impl Versioned for RegInfo {
    type Row = Registration;

    fn into_rows(self) -> (u64, bool, Vec<Registration>) {
        (self.version, self.state == State::Full, self.registrations)
    }
}

impl Row for Registration {
    type Key = String;

    fn key(&self) -> String {
        self.id.clone()
    }

    fn settle(&mut self) {
        self.contacts.retain(|contact| contact.state != ContactState::Terminated);
    }

    fn update(&mut self, new: Self, most: usize) {
        let replace = |known: &mut Contact, new| *known = new;
        let mut contacts = std::mem::take(&mut self.contacts);
        merge_rows(&mut contacts, new.contacts, most, |contact| contact.id.clone(), replace);
        *self = Self { contacts, ..new };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::payload::versioned::Merge;

    fn parse(text: &str) -> RegInfo {
        RegInfo::parse(text.as_bytes(), &Limits::default()).unwrap()
    }

    #[test]
    fn the_call_flow_is_followed() {
        let limits = Limits::default();
        let mut known = Registrations::default();
        let first = parse(include_str!("../../../vectors/payload/rfc3680/6.xml"));
        assert_eq!(known.apply(first.clone(), &limits), Merge::Applied);
        assert_eq!(known.rows()[0].state, RegistrationState::Init);
        let second = parse(include_str!("../../../vectors/payload/rfc3680/6-2.xml"));
        assert_eq!(known.apply(second, &limits), Merge::Applied);
        let registration = &known.rows()[0];
        assert_eq!((registration.state, registration.contacts.len()), (RegistrationState::Active, 1));
        assert_eq!(registration.contacts[0].uri, "sip:joe@pc34.example.com");
        assert_eq!(known.apply(first, &limits), Merge::Stale);
        let gone = "<reginfo xmlns='urn:ietf:params:xml:ns:reginfo' version='2' state='partial'><registration aor='sip:joe@example.com' id='a7' \
                    state='terminated'><contact id='76' state='terminated' event='expired'><uri>x</uri></contact></registration></reginfo>";
        assert_eq!(known.apply(parse(gone), &limits), Merge::Applied);
        assert_eq!(known.rows()[0].contacts[0].event, Event::Expired);
        let later = "<reginfo xmlns='urn:ietf:params:xml:ns:reginfo' version='3' state='partial'/>";
        assert_eq!(known.apply(parse(later), &limits), Merge::Applied);
        assert_eq!(known.rows()[0].contacts, []);
        let missed = "<reginfo xmlns='urn:ietf:params:xml:ns:reginfo' version='5' state='partial'/>";
        assert_eq!(known.apply(parse(missed), &limits), Merge::Gap);
    }
}
