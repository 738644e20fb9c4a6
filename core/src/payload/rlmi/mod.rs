//! Notifications of resource lists (RFC 4662): `multipart/related` with `application/rlmi+xml` as its root.
//!
//! [`List`] is the root, [`ListNotification`] the whole body, [`Resources`] what is known from all notifications of a subscription. A list within
//! a list is an instance whose body is a notification itself.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::mime::Entity;
use super::multipart::Multipart;
use super::versioned::{Merge, judge, merge_rows};
use super::xml::name::{RLMI, XML};
use super::xml::record::{document, record, words};
use super::xml::{Attribute, Element};
use super::{Error, Fault};
use crate::limits::Limits;
use crate::sip::MediaType;

words! {
    /// The state of the subscription to a resource (RFC 4662 section 5.4).
    pub enum InstanceState {
        /// It is allowed.
        Active = "active",
        /// Nobody has decided yet.
        Pending = "pending",
        /// It has ended.
        Terminated = "terminated",
    }
}

record! {
    /// A name of a list or resource (RFC 4662 section 5.2).
    #[derive(Default)]
    pub struct Name = RLMI, "name" {
        /// Its language.
        pub language: Option<String> = attribute(XML, "lang"),
        /// The name.
        pub text: String = text,
    }

    /// One of the subscriptions to a resource (RFC 4662 section 5.4).
    pub struct Instance = RLMI, "instance" {
        /// Names it within the resource.
        pub id: String = attribute("id"),
        /// Its state.
        pub state: InstanceState = attribute("state"),
        /// Why it ended.
        pub reason: Option<String> = attribute("reason"),
        /// The Content-ID of the part with its state.
        pub cid: Option<String> = attribute("cid"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// A resource (RFC 4662 section 5.3).
    pub struct Resource = RLMI, "resource" {
        /// Its URI.
        pub uri: String = attribute("uri"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// Its names.
        pub names: Vec<Name> = node,
        /// The subscriptions to it.
        pub instances: Vec<Instance> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// A list (RFC 4662 section 5.2).
    pub struct List = RLMI, "list" {
        /// Its URI.
        pub uri: String = attribute("uri"),
        /// One more than that of the notification before.
        pub version: u64 = attribute("version"),
        /// Whether all resources are told of.
        pub full_state: bool = attribute("fullState"),
        /// The Content-ID of the part with the state of the list itself.
        pub cid: Option<String> = attribute("cid"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// Its names.
        pub names: Vec<Name> = node,
        /// Its resources.
        pub resources: Vec<Resource> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }
}

document!(List, "application/rlmi+xml");

/// A notification of a list: the list, and the parts that its instances name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListNotification {
    /// The list.
    pub list: List,
    /// All parts, that of the list among them.
    pub multipart: Multipart,
}

impl ListNotification {
    /// Reads a body whose `Content-Type` is this.
    ///
    /// # Errors
    /// When it is no multipart body, or its root is no list. Parts that the list names and that are not there are no error.
    pub fn parse(content_type: &MediaType, body: &Bytes, limits: &Limits) -> Result<Self, Error> {
        let multipart = Multipart::parse(content_type, body, limits)?;
        let root = multipart.root(content_type).ok_or(Error { at: 0, fault: Fault::Missing("root") })?;
        if !root.content_type().is_some_and(|kind| kind.is(List::CONTENT_TYPE)) {
            return Err(Error::new(0, Fault::Root("list")));
        }
        let at = offset(body, &root.body);
        let list = List::parse(&root.body, limits).map_err(|error| Error { at: error.at + at, ..error })?;
        Ok(Self { list, multipart })
    }
}

/// Where a slice of a body begins in it.
fn offset(body: &Bytes, part: &Bytes) -> usize {
    (part.as_ptr() as usize).saturating_sub(body.as_ptr() as usize)
}

/// What is known of one subscription to a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceInfo {
    /// Names it within the resource.
    pub id: String,
    /// Its state.
    pub state: InstanceState,
    /// Why it ended.
    pub reason: Option<String>,
    /// The state of the resource, as it came last; none when none came, or when all bodies would be larger than [`Limits::state_bytes`].
    pub body: Option<Entity>,
}

/// What is known of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceInfo {
    /// Its URI.
    pub uri: String,
    /// Its names.
    pub names: Vec<Name>,
    /// The subscriptions to it.
    pub instances: Vec<InstanceInfo>,
}

/// The resources that are known from all notifications of a subscription (RFC 4662 section 4.6). A new subscription begins with a new one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    version: Option<u64>,
    resources: Vec<ResourceInfo>,
}

impl Resources {
    /// The resources. Subscriptions that the last notification told to have ended are among theirs once more.
    #[must_use]
    pub fn resources(&self) -> &[ResourceInfo] {
        &self.resources
    }

    /// Merges a notification. A resource that it tells of is replaced; the body of an instance is kept when it names none.
    pub fn apply(&mut self, notification: &ListNotification, limits: &Limits) -> Merge {
        let list = &notification.list;
        let merge = judge(self.version, list.version, list.full_state);
        if merge != Merge::Applied {
            return merge;
        }
        self.version = Some(list.version);
        for resource in &mut self.resources {
            resource.instances.retain(|instance| instance.state != InstanceState::Terminated);
        }
        let known = if list.full_state { std::mem::take(&mut self.resources) } else { Vec::new() };
        let news = list.resources.iter().map(|resource| info(resource, &notification.multipart, limits)).collect();
        merge_rows(&mut self.resources, news, limits.state_rows, |resource| resource.uri.clone(), update);
        if list.full_state {
            // Bodies outlive a full list that does not repeat them.
            let mut old = known
                .into_iter()
                .map(|resource| (resource.uri.clone(), resource))
                .collect::<std::collections::BTreeMap<_, _>>();
            for resource in &mut self.resources {
                if let Some(old) = old.remove(&resource.uri) {
                    keep_bodies(&old, resource);
                }
            }
        }
        bound(&mut self.resources, limits.state_bytes);
        merge
    }
}

/// Drops the bodies that do not fit into so many bytes, those of the first resources last.
fn bound(resources: &mut [ResourceInfo], mut room: usize) {
    for instance in resources.iter_mut().flat_map(|resource| &mut resource.instances) {
        let Some(entity) = &instance.body else { continue };
        match room.checked_sub(entity.size()) {
            Some(left) => room = left,
            None => instance.body = None,
        }
    }
}

fn info(resource: &Resource, multipart: &Multipart, limits: &Limits) -> ResourceInfo {
    let body = |cid: &Option<String>| {
        // A copy, so that a part does not keep the whole notification alive.
        let part = multipart.part(cid.as_deref()?.trim_start_matches('<').trim_end_matches('>'))?;
        Some(Entity { fields: part.fields.clone(), body: Bytes::copy_from_slice(&part.body) })
    };
    let instances = resource.instances.iter().take(limits.parts).map(|instance| InstanceInfo {
        id: instance.id.clone(),
        state: instance.state,
        reason: instance.reason.clone(),
        body: body(&instance.cid),
    });
    ResourceInfo { uri: resource.uri.clone(), names: resource.names.clone(), instances: instances.collect() }
}

fn update(known: &mut ResourceInfo, mut new: ResourceInfo) {
    keep_bodies(known, &mut new);
    *known = new;
}

/// Gives instances without a body the one that they had.
fn keep_bodies(old: &ResourceInfo, new: &mut ResourceInfo) {
    let bodies: std::collections::BTreeMap<_, _> =
        old.instances.iter().map(|instance| (instance.id.as_str(), &instance.body)).collect();
    for instance in &mut new.instances {
        if instance.body.is_none()
            && instance.state == InstanceState::Active
            && let Some(body) = bodies.get(instance.id.as_str())
        {
            instance.body.clone_from(body);
        }
    }
}
