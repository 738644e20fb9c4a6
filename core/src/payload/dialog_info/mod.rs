//! The dialogs of a user agent (RFC 4235): `application/dialog-info+xml`.

#[cfg(test)]
mod tests;

use super::versioned::{Row, Table, Versioned};
use super::watcherinfo::State;
use super::xml::name::DIALOG_INFO;
use super::xml::record::{document, record, words};
use super::xml::{Attribute, Element};

words! {
    /// The state of a dialog (RFC 4235 section 3.7.1).
    pub enum DialogState {
        /// An INVITE was sent or received.
        Trying = "trying",
        /// A provisional response without a tag.
        Proceeding = "proceeding",
        /// A provisional response with a tag.
        Early = "early",
        /// Established.
        Confirmed = "confirmed",
        /// Ended.
        Terminated = "terminated",
    }
}

words! {
    /// What brought a dialog into its state (RFC 4235 section 3.7.1).
    pub enum Event {
        /// The caller gave up.
        Cancelled = "cancelled",
        /// The callee refused.
        Rejected = "rejected",
        /// Another dialog took its place.
        Replaced = "replaced",
        /// The user hung up.
        LocalBye = "local-bye",
        /// The other side hung up.
        RemoteBye = "remote-bye",
        /// A request within it failed.
        Error = "error",
        /// No answer came.
        Timeout = "timeout",
    } or other
}

words! {
    /// Who began a dialog (RFC 4235 section 4.1.1). The RFC's own examples have other words too.
    pub enum Direction {
        /// The user whose dialog it is.
        Initiator = "initiator",
        /// The other side.
        Recipient = "recipient",
    } or other
}

record! {
    /// The state of a dialog, and how it came about (RFC 4235 section 4.1.2).
    pub struct StateOf = DIALOG_INFO, "state" {
        /// What brought it there.
        pub event: Option<Event> = attribute("event"),
        /// The status code that did.
        pub code: Option<u16> = attribute("code"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// The state.
        pub state: DialogState = text,
    }

    /// The dialog that this one is to replace (RFC 4235 section 4.1.4).
    pub struct Replaces = DIALOG_INFO, "replaces" {
        /// Its Call-ID.
        pub call_id: String = attribute("call-id"),
        /// Its local tag.
        pub local_tag: String = attribute("local-tag"),
        /// Its remote tag.
        pub remote_tag: String = attribute("remote-tag"),
    }

    /// Who referred to the other side (RFC 4235 section 4.1.5).
    pub struct ReferredBy = DIALOG_INFO, "referred-by" {
        /// The name.
        pub display_name: Option<String> = attribute("display-name"),
        /// The URI.
        pub uri: String = text,
    }

    /// The route set (RFC 4235 section 4.1.6).
    pub struct RouteSet = DIALOG_INFO, "route-set" {
        /// The hops.
        pub hops: Vec<String> = leaf(DIALOG_INFO, "hop"),
    }

    /// Who a participant is (RFC 4235 section 4.1.6.1).
    #[derive(Default)]
    pub struct Identity = DIALOG_INFO, "identity" {
        /// The name.
        pub display_name: Option<String> = attribute("display-name"),
        /// Other attributes: the RFC's own examples, and some phones, call the name `display`.
        pub attributes: Vec<Attribute> = more,
        /// The URI.
        pub uri: String = text,
    }

    /// A parameter of a target, such as `+sip.rendering` (RFC 4235 section 4.1.6.2).
    pub struct Param = DIALOG_INFO, "param" {
        /// Its name.
        pub name: String = attribute("pname"),
        /// Its value.
        pub value: String = attribute("pval"),
    }

    /// Where a participant is reached (RFC 4235 section 4.1.6.2).
    pub struct Target = DIALOG_INFO, "target" {
        /// The URI.
        pub uri: String = attribute("uri"),
        /// Its parameters.
        pub params: Vec<Param> = node,
    }

    /// The session description of a participant (RFC 4235 section 4.1.6.3).
    pub struct SessionDescription = DIALOG_INFO, "session-description" {
        /// Its content type.
        pub content_type: String = attribute("type"),
        /// The description.
        pub text: String = text,
    }

    /// The user whose dialog it is (RFC 4235 section 4.1.6).
    #[derive(Default)]
    pub struct Local = DIALOG_INFO, "local" {
        /// Who.
        pub identity: Option<Identity> = node,
        /// Where.
        pub target: Option<Target> = node,
        /// What media.
        pub session_description: Option<SessionDescription> = node,
        /// The CSeq.
        pub cseq: Option<u64> = leaf(DIALOG_INFO, "cseq"),
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// The other side (RFC 4235 section 4.1.6).
    #[derive(Default)]
    pub struct Remote = DIALOG_INFO, "remote" {
        /// Who.
        pub identity: Option<Identity> = node,
        /// Where.
        pub target: Option<Target> = node,
        /// What media.
        pub session_description: Option<SessionDescription> = node,
        /// The CSeq.
        pub cseq: Option<u64> = leaf(DIALOG_INFO, "cseq"),
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// A dialog (RFC 4235 section 4.1.1).
    pub struct Dialog = DIALOG_INFO, "dialog" {
        /// Names it within the subscription.
        pub id: String = attribute("id"),
        /// Its Call-ID.
        pub call_id: Option<String> = attribute("call-id"),
        /// The tag of the user.
        pub local_tag: Option<String> = attribute("local-tag"),
        /// The tag of the other side.
        pub remote_tag: Option<String> = attribute("remote-tag"),
        /// Who began it.
        pub direction: Option<Direction> = attribute("direction"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// Its state.
        pub state: StateOf = node,
        /// Seconds since it began.
        pub duration: Option<u64> = leaf(DIALOG_INFO, "duration"),
        /// What it is to replace.
        pub replaces: Option<Replaces> = node,
        /// Who referred to the other side.
        pub referred_by: Option<ReferredBy> = node,
        /// The route set.
        pub route_set: Option<RouteSet> = node,
        /// The user.
        pub local: Option<Local> = node,
        /// The other side.
        pub remote: Option<Remote> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// A document (RFC 4235 section 4.1).
    pub struct DialogInfo = DIALOG_INFO, "dialog-info" {
        /// One more than that of the document before.
        pub version: u64 = attribute("version"),
        /// Whether it tells everything.
        pub state: State = attribute("state"),
        /// Whose dialogs they are.
        pub entity: String = attribute("entity"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// The dialogs.
        pub dialogs: Vec<Dialog> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }
}

document!(DialogInfo, "application/dialog-info+xml");

/// The dialogs, from all documents of a subscription (RFC 4235 section 4.3).
pub type Dialogs = Table<Dialog>;

impl Versioned for DialogInfo {
    type Row = Dialog;

    fn into_rows(self) -> (u64, bool, Vec<Dialog>) {
        (self.version, self.state == State::Full, self.dialogs)
    }
}

impl Row for Dialog {
    type Key = String;

    fn key(&self) -> String {
        self.id.clone()
    }

    fn is_over(&self) -> bool {
        self.state.state == DialogState::Terminated
    }
}
