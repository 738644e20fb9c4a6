//! The services that a resource list server makes of lists (RFC 4826 section 4).

use serde::{Deserialize, Serialize};

use super::{DisplayName, Item, is_sound, is_unique};
use crate::limits::Limits;
use crate::payload::xml::name::RLS_SERVICES;
use crate::payload::xml::record::{Node, document, record};
use crate::payload::xml::{Attribute, Element, Name};
use crate::payload::{Error, Fault};

record! {
    /// A list that stands within a service; what it holds is that of a [`List`](super::List).
    #[derive(Default)]
    pub struct ServiceList = RLS_SERVICES, "list" {
        /// Its name.
        pub name: Option<String> = attribute("name"),
        /// Attributes of extensions.
        pub more: Vec<Attribute> = more,
        /// Its name for people.
        pub display_name: Option<DisplayName> = node,
        /// What it holds, in its order.
        pub items: Vec<Item> = node,
    }

    /// A reference to a list.
    #[derive(Default)]
    pub struct ResourceList = RLS_SERVICES, "resource-list" {
        /// An HTTP URI, percent-encoded.
        pub uri: String = text,
    }

    /// The event packages of a service.
    #[derive(Default)]
    pub struct Packages = RLS_SERVICES, "packages" {
        /// Their names.
        pub packages: Vec<String> = leaf(RLS_SERVICES, "package"),
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// A service: a URI to subscribe to instead of all that its list holds (RFC 4826 section 4.1).
    #[derive(Default)]
    pub struct Service = RLS_SERVICES, "service" {
        /// The URI, that of no other service.
        pub uri: String = attribute("uri"),
        /// Attributes of extensions.
        pub more: Vec<Attribute> = more,
        /// The list, or a reference to it.
        pub list: Option<ListOrUri> = node,
        /// The event packages that it is for; all when there are none.
        pub packages: Option<Packages> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// A document (RFC 4826 section 4.1).
    #[derive(Default)]
    pub struct RlsServices = RLS_SERVICES, "rls-services" {
        /// Attributes of extensions.
        pub more: Vec<Attribute> = more,
        /// The services.
        pub services: Vec<Service> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }
}

/// The list of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListOrUri {
    /// The list itself.
    List(ServiceList),
    /// Where it is.
    Uri(ResourceList),
}

impl Node for ListOrUri {
    const WHAT: &'static str = "list";

    fn is(name: &Name) -> bool {
        ServiceList::is(name) || ResourceList::is(name)
    }

    fn read(element: Element) -> Result<Self, Error> {
        if ServiceList::is(&element.name) {
            ServiceList::read(element).map(Self::List)
        } else {
            ResourceList::read(element).map(Self::Uri)
        }
    }

    fn write(&self) -> Element {
        match self {
            Self::List(list) => list.write(),
            Self::Uri(list) => list.write(),
        }
    }
}

impl RlsServices {
    /// The content type of such a document.
    pub const CONTENT_TYPE: &'static str = "application/rls-services+xml";

    /// Reads a document.
    ///
    /// # Errors
    /// When it is not well-formed, exceeds a limit, is not such a document, or gives two services one URI (RFC 4826 section 4.4.5).
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Error> {
        let this = Self::read_document(bytes, limits)?;
        if !is_unique(this.services.iter().map(|service| service.uri.as_str())) {
            return Err(Error::new(0, Fault::Repeated("uri")));
        }
        let is_good = this.services.iter().filter_map(|service| service.list.as_ref()).all(|list| match list {
            ListOrUri::List(list) => is_sound(&list.items),
            ListOrUri::Uri(_) => true,
        });
        if is_good { Ok(this) } else { Err(Error::new(0, Fault::Repeated("name"))) }
    }
}

document!(RlsServices);
