//! Who watches somebody (RFC 3858): `application/watcherinfo+xml`, of the event packages that end in `.winfo` (RFC 3857).

use super::versioned::{Row, Table, Versioned, merge_rows};
use super::xml::name::{WATCHERINFO, XML};
use super::xml::record::{document, record, words};
use super::xml::{Attribute, Element};

words! {
    /// Whether a document tells everything, or what has changed.
    pub enum State {
        /// Everything.
        Full = "full",
        /// What has changed.
        Partial = "partial",
    }
}

words! {
    /// The state of a subscription (RFC 3857 section 4.7.1).
    pub enum Status {
        /// Nobody has decided yet whether it is allowed.
        Pending = "pending",
        /// It is allowed.
        Active = "active",
        /// It ended before anybody decided.
        Waiting = "waiting",
        /// It has ended.
        Terminated = "terminated",
    }
}

words! {
    /// What brought a subscription into its state (RFC 3857 section 4.7.1).
    pub enum Event {
        /// It began.
        Subscribe = "subscribe",
        /// It was allowed.
        Approved = "approved",
        /// It was ended, and may begin again at once.
        Deactivated = "deactivated",
        /// It was ended, and may begin again later.
        Probation = "probation",
        /// It was refused.
        Rejected = "rejected",
        /// It was not refreshed.
        Timeout = "timeout",
        /// Nobody decided in time.
        Giveup = "giveup",
        /// What it watched exists no more.
        Noresource = "noresource",
    } or other
}

record! {
    /// A watcher (RFC 3858 section 4.3).
    pub struct Watcher = WATCHERINFO, "watcher" {
        /// Names the subscription.
        pub id: String = attribute("id"),
        /// Its state.
        pub status: Status = attribute("status"),
        /// What brought it there.
        pub event: Event = attribute("event"),
        /// The name of the watcher.
        pub display_name: Option<String> = attribute("display-name"),
        /// Seconds until it ends.
        pub expiration: Option<u64> = attribute("expiration"),
        /// Seconds since it began.
        pub duration_subscribed: Option<u64> = attribute("duration-subscribed"),
        /// The language of the name.
        pub language: Option<String> = attribute(XML, "lang"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// The URI of the watcher.
        pub uri: String = text,
    }

    /// The watchers of a resource (RFC 3858 section 4.2).
    pub struct WatcherList = WATCHERINFO, "watcher-list" {
        /// Who is watched.
        pub resource: String = attribute("resource"),
        /// By which event package.
        pub package: String = attribute("package"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// The watchers.
        pub watchers: Vec<Watcher> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// A document (RFC 3858 section 4.1).
    pub struct WatcherInfo = WATCHERINFO, "watcherinfo" {
        /// One more than that of the document before.
        pub version: u64 = attribute("version"),
        /// Whether it tells everything.
        pub state: State = attribute("state"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// The resources.
        pub lists: Vec<WatcherList> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }
}

document!(WatcherInfo, "application/watcherinfo+xml");

/// The resources and their watchers, from all documents of a subscription (RFC 3858 section 5).
pub type Watchers = Table<WatcherList>;

impl Versioned for WatcherInfo {
    type Row = WatcherList;

    fn into_rows(self) -> (u64, bool, Vec<WatcherList>) {
        (self.version, self.state == State::Full, self.lists)
    }
}

impl Row for WatcherList {
    type Key = (String, String);

    fn key(&self) -> Self::Key {
        (self.resource.clone(), self.package.clone())
    }

    fn settle(&mut self) {
        self.watchers.retain(|watcher| watcher.status != Status::Terminated);
    }

    fn update(&mut self, new: Self, most: usize) {
        let replace = |known: &mut Watcher, new| *known = new;
        merge_rows(&mut self.watchers, new.watchers, most, |watcher| watcher.id.clone(), replace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::payload::Fault;
    use crate::payload::versioned::Merge;

    fn document(version: u64, state: State, watchers: &[(&str, Status)]) -> WatcherInfo {
        let watchers = watchers.iter().map(|(id, status)| {
            format!("<watcher id='{id}' status='{}' event='subscribe'>sip:{id}@example.com</watcher>", status.as_str())
        });
        let text = format!(
            "<watcherinfo xmlns='{WATCHERINFO}' version='{version}' state='{}'><watcher-list resource='sip:a@b' package='presence'>{}\
             </watcher-list></watcherinfo>",
            state.as_str(),
            watchers.collect::<String>()
        );
        WatcherInfo::parse(text.as_bytes(), &Limits::default()).unwrap()
    }

    fn known(watchers: &Watchers) -> Vec<(&str, Status)> {
        watchers
            .rows()
            .iter()
            .flat_map(|list| &list.watchers)
            .map(|watcher| (watcher.id.as_str(), watcher.status))
            .collect()
    }

    #[test]
    fn partial_documents_are_merged() {
        use State::{Full, Partial};
        use Status::{Active, Pending, Terminated};
        let limits = Limits::default();
        let mut watchers = Watchers::default();
        assert_eq!(watchers.apply(document(0, Partial, &[("x", Active)]), &limits), Merge::Gap);
        assert_eq!(watchers.apply(document(0, Full, &[("x", Active), ("y", Pending)]), &limits), Merge::Applied);
        assert_eq!(watchers.apply(document(1, Partial, &[("y", Active), ("z", Pending)]), &limits), Merge::Applied);
        assert_eq!(known(&watchers), [("x", Active), ("y", Active), ("z", Pending)]);
        assert_eq!(watchers.apply(document(1, Partial, &[("y", Terminated)]), &limits), Merge::Stale);
        assert_eq!(watchers.apply(document(3, Partial, &[("y", Terminated)]), &limits), Merge::Gap);
        assert_eq!(known(&watchers), [("x", Active), ("y", Active), ("z", Pending)]);
        assert_eq!(watchers.apply(document(2, Partial, &[("y", Terminated)]), &limits), Merge::Applied);
        assert_eq!(known(&watchers), [("x", Active), ("y", Terminated), ("z", Pending)]);
        assert_eq!(watchers.apply(document(3, Partial, &[]), &limits), Merge::Applied);
        assert_eq!(known(&watchers), [("x", Active), ("z", Pending)]);
        assert_eq!(watchers.apply(document(9, Full, &[("w", Active)]), &limits), Merge::Applied);
        assert_eq!(known(&watchers), [("w", Active)]);
    }

    #[test]
    fn a_server_cannot_make_the_table_grow() {
        let limits = Limits { state_rows: 3, ..Limits::default() };
        let mut watchers = Watchers::default();
        assert_eq!(watchers.apply(document(0, State::Full, &[]), &limits), Merge::Applied);
        for version in 1..10 {
            let id = version.to_string();
            assert_eq!(
                watchers.apply(document(version, State::Partial, &[(&id, Status::Active)]), &limits),
                Merge::Applied
            );
        }
        assert_eq!(known(&watchers).len(), 3);
    }

    #[test]
    fn the_example_survives() {
        let text = include_str!("../../../vectors/payload/rfc3858/5.xml");
        let document = WatcherInfo::parse(text.as_bytes(), &Limits::default()).unwrap();
        let watcher = &document.lists[0].watchers[1];
        assert_eq!((watcher.status, watcher.display_name.as_deref()), (Status::Pending, Some("Mr. Subscriber")));
        assert_eq!(watcher.uri, "sip:userB@example.org");
        assert_eq!(WatcherInfo::parse(document.write().as_bytes(), &Limits::default()), Ok(document));
    }

    #[test]
    fn unknown_states_are_refused_and_unknown_events_are_not() {
        let text = |status: &str| {
            format!(
                "<watcherinfo xmlns='{WATCHERINFO}' version='0' state='full'><watcher-list resource='a' package='b'>\
                 <watcher id='c' status='{status}' event='dinner'>d</watcher></watcher-list></watcherinfo>"
            )
        };
        let document = WatcherInfo::parse(text("active").as_bytes(), &Limits::default()).unwrap();
        assert_eq!(document.lists[0].watchers[0].event, Event::Other("dinner".to_owned()));
        let error = WatcherInfo::parse(text("asleep").as_bytes(), &Limits::default()).expect_err("a status");
        assert_eq!(error.fault, Fault::Value("status".into()));
    }
}
