//! Conferences (RFC 4575): `application/conference-info+xml`.
//!
//! [`ConferenceInfo`] is a document, [`Conference`] what is known from all documents of a subscription. Sidebars by value are kept as elements.

mod merge;
#[cfg(test)]
mod tests;

pub use merge::Conference;

use super::xml::name::CONFERENCE_INFO;
use super::xml::record::{document, record, words};
use super::xml::{Attribute, Element};
use crate::time::Utc;

words! {
    /// What an element tells (RFC 4575 section 4.4). Without the attribute it is `Full`.
    pub enum State {
        /// All that there is.
        Full = "full",
        /// What has changed.
        Partial = "partial",
        /// That it is gone.
        Deleted = "deleted",
    }
}

words! {
    /// How an endpoint takes part (RFC 4575 section 5.7.3).
    pub enum EndpointStatus {
        /// It has not joined yet.
        Pending = "pending",
        /// The focus is calling it.
        DialingOut = "dialing-out",
        /// It is calling the focus.
        DialingIn = "dialing-in",
        /// It rings.
        Alerting = "alerting",
        /// It hears and sends nothing.
        OnHold = "on-hold",
        /// It takes part.
        Connected = "connected",
        /// The focus does not mix what it sends.
        MutedViaFocus = "muted-via-focus",
        /// It is leaving.
        Disconnecting = "disconnecting",
        /// It has left.
        Disconnected = "disconnected",
    } or other
}

words! {
    /// How an endpoint joined (RFC 4575 section 5.7.4).
    pub enum JoiningMethod {
        /// It called the focus.
        DialedIn = "dialed-in",
        /// The focus called it.
        DialedOut = "dialed-out",
        /// It is the focus.
        FocusOwner = "focus-owner",
    } or other
}

words! {
    /// How an endpoint left (RFC 4575 section 5.7.6).
    pub enum DisconnectionMethod {
        /// By itself.
        Departed = "departed",
        /// It was removed.
        Booted = "booted",
        /// Something broke.
        Failed = "failed",
        /// It was busy.
        Busy = "busy",
    } or other
}

words! {
    /// Which way a medium flows, seen by the participant (RFC 4575 section 5.8.5).
    pub enum MediaStatus {
        /// It receives.
        Recvonly = "recvonly",
        /// It sends.
        Sendonly = "sendonly",
        /// Both.
        Sendrecv = "sendrecv",
        /// Neither.
        Inactive = "inactive",
    }
}

/// An element of an execution type: who did something, when and why.
macro_rules! executions {
    ($($(#[$doc:meta])* $name:ident = $local:literal;)*) => {
        record! {$(
            $(#[$doc])*
            #[derive(Default)]
            pub struct $name = CONFERENCE_INFO, $local {
                /// When.
                pub when: Option<Utc> = leaf(CONFERENCE_INFO, "when"),
                /// Why.
                pub reason: Option<String> = leaf(CONFERENCE_INFO, "reason"),
                /// The URI of who did it.
                pub by: Option<String> = leaf(CONFERENCE_INFO, "by"),
            }
        )*}
    };
}

executions! {
    /// How a URI was changed.
    Modified = "modified";
    /// How an endpoint was referred to the conference.
    Referred = "referred";
    /// How an endpoint joined.
    JoiningInfo = "joining-info";
    /// How an endpoint left.
    DisconnectionInfo = "disconnection-info";
}

/// An element with a list of URIs.
macro_rules! uri_lists {
    ($($(#[$doc:meta])* $name:ident = $local:literal;)*) => {
        record! {$(
            $(#[$doc])*
            #[derive(Default)]
            pub struct $name = CONFERENCE_INFO, $local {
                /// What it tells.
                pub state: Option<State> = attribute("state"),
                /// The URIs.
                pub entries: Vec<UriEntry> = node,
            }
        )*}
    };
}

uri_lists! {
    /// The URIs of a conference.
    ConfUris = "conf-uris";
    /// The URIs of services of a conference.
    ServiceUris = "service-uris";
    /// The URIs of a host.
    HostUris = "uris";
    /// Other addresses of a user.
    AssociatedAors = "associated-aors";
    /// Sidebars, by their URIs (RFC 4575 section 5.9.1).
    SidebarsByRef = "sidebars-by-ref";
}

record! {
    /// A URI and what it is for (RFC 4575 section 5.3.1).
    #[derive(Default)]
    pub struct UriEntry = CONFERENCE_INFO, "entry" {
        /// The URI.
        pub uri: String = leaf(CONFERENCE_INFO, "uri"),
        /// Its name.
        pub display_text: Option<String> = leaf(CONFERENCE_INFO, "display-text"),
        /// What it is for.
        pub purpose: Option<String> = leaf(CONFERENCE_INFO, "purpose"),
        /// How it was changed.
        pub modified: Option<Modified> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// A medium of a conference (RFC 4575 section 5.3.4).
    pub struct AvailableMedium = CONFERENCE_INFO, "entry" {
        /// Names it.
        pub label: String = attribute("label"),
        /// Its name for people.
        pub display_text: Option<String> = leaf(CONFERENCE_INFO, "display-text"),
        /// Its media type.
        pub kind: String = leaf(CONFERENCE_INFO, "type"),
        /// Which way it flows.
        pub status: Option<MediaStatus> = leaf(CONFERENCE_INFO, "status"),
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// The media of a conference.
    pub struct AvailableMedia = CONFERENCE_INFO, "available-media" {
        /// The media.
        pub entries: Vec<AvailableMedium> = node,
    }

    /// What a conference is (RFC 4575 section 5.3).
    #[derive(Default)]
    pub struct Description = CONFERENCE_INFO, "conference-description" {
        /// Its name.
        pub display_text: Option<String> = leaf(CONFERENCE_INFO, "display-text"),
        /// Its subject.
        pub subject: Option<String> = leaf(CONFERENCE_INFO, "subject"),
        /// More about it.
        pub free_text: Option<String> = leaf(CONFERENCE_INFO, "free-text"),
        /// Words to find it by, spaces between them.
        pub keywords: Option<String> = leaf(CONFERENCE_INFO, "keywords"),
        /// Its URIs.
        pub conf_uris: Option<ConfUris> = node,
        /// The URIs of its services.
        pub service_uris: Option<ServiceUris> = node,
        /// How many users may take part.
        pub maximum_user_count: Option<u32> = leaf(CONFERENCE_INFO, "maximum-user-count"),
        /// Its media.
        pub available_media: Option<AvailableMedia> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// Who hosts a conference (RFC 4575 section 5.4).
    #[derive(Default)]
    pub struct HostInfo = CONFERENCE_INFO, "host-info" {
        /// The name.
        pub display_text: Option<String> = leaf(CONFERENCE_INFO, "display-text"),
        /// A web page.
        pub web_page: Option<String> = leaf(CONFERENCE_INFO, "web-page"),
        /// URIs.
        pub uris: Option<HostUris> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// The state of a conference (RFC 4575 section 5.5).
    #[derive(Default)]
    pub struct ConferenceState = CONFERENCE_INFO, "conference-state" {
        /// How many users take part.
        pub user_count: Option<u32> = leaf(CONFERENCE_INFO, "user-count"),
        /// Whether it is going on.
        pub active: Option<bool> = leaf(CONFERENCE_INFO, "active"),
        /// Whether nobody can join any more.
        pub locked: Option<bool> = leaf(CONFERENCE_INFO, "locked"),
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// A medium of an endpoint (RFC 4575 section 5.8).
    #[derive(Default)]
    pub struct Medium = CONFERENCE_INFO, "media" {
        /// Names it.
        pub id: String = attribute("id"),
        /// Its name for people.
        pub display_text: Option<String> = leaf(CONFERENCE_INFO, "display-text"),
        /// Its media type.
        pub kind: Option<String> = leaf(CONFERENCE_INFO, "type"),
        /// The label of the medium of the conference.
        pub label: Option<String> = leaf(CONFERENCE_INFO, "label"),
        /// Its source, for RTP the SSRC.
        pub src_id: Option<String> = leaf(CONFERENCE_INFO, "src-id"),
        /// Which way it flows.
        pub status: Option<MediaStatus> = leaf(CONFERENCE_INFO, "status"),
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// The dialog of an endpoint with the focus (RFC 4575 section 5.7.9).
    #[derive(Default)]
    pub struct SipDialog = CONFERENCE_INFO, "sip" {
        /// Its name.
        pub display_text: Option<String> = leaf(CONFERENCE_INFO, "display-text"),
        /// Its Call-ID.
        pub call_id: String = leaf(CONFERENCE_INFO, "call-id"),
        /// Its From tag.
        pub from_tag: String = leaf(CONFERENCE_INFO, "from-tag"),
        /// Its To tag.
        pub to_tag: String = leaf(CONFERENCE_INFO, "to-tag"),
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// The call of an endpoint.
    #[derive(Default)]
    pub struct CallInfo = CONFERENCE_INFO, "call-info" {
        /// The dialog, if it is SIP.
        pub sip: Option<SipDialog> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// An endpoint of a user (RFC 4575 section 5.7).
    #[derive(Default)]
    pub struct Endpoint = CONFERENCE_INFO, "endpoint" {
        /// Its URI.
        pub entity: Option<String> = attribute("entity"),
        /// What it tells.
        pub state: Option<State> = attribute("state"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// Its name.
        pub display_text: Option<String> = leaf(CONFERENCE_INFO, "display-text"),
        /// Who referred it.
        pub referred: Option<Referred> = node,
        /// How it takes part.
        pub status: Option<EndpointStatus> = leaf(CONFERENCE_INFO, "status"),
        /// How it joined.
        pub joining_method: Option<JoiningMethod> = leaf(CONFERENCE_INFO, "joining-method"),
        /// When it joined.
        pub joining_info: Option<JoiningInfo> = node,
        /// How it left.
        pub disconnection_method: Option<DisconnectionMethod> = leaf(CONFERENCE_INFO, "disconnection-method"),
        /// When it left.
        pub disconnection_info: Option<DisconnectionInfo> = node,
        /// Its media.
        pub media: Vec<Medium> = node,
        /// Its call.
        pub call_info: Option<CallInfo> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// The roles of a user.
    pub struct Roles = CONFERENCE_INFO, "roles" {
        /// The roles.
        pub entries: Vec<String> = leaf(CONFERENCE_INFO, "entry"),
    }

    /// A user (RFC 4575 section 5.6).
    #[derive(Default)]
    pub struct User = CONFERENCE_INFO, "user" {
        /// Their URI.
        pub entity: Option<String> = attribute("entity"),
        /// What it tells.
        pub state: Option<State> = attribute("state"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// Their name.
        pub display_text: Option<String> = leaf(CONFERENCE_INFO, "display-text"),
        /// Their other addresses.
        pub associated_aors: Option<AssociatedAors> = node,
        /// Their roles.
        pub roles: Option<Roles> = node,
        /// Their languages, spaces between them.
        pub languages: Option<String> = leaf(CONFERENCE_INFO, "languages"),
        /// The conference that this user is, if it is one.
        pub cascaded_focus: Option<String> = leaf(CONFERENCE_INFO, "cascaded-focus"),
        /// Their endpoints.
        pub endpoints: Vec<Endpoint> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// The users of a conference (RFC 4575 section 5.6).
    #[derive(Default)]
    pub struct Users = CONFERENCE_INFO, "users" {
        /// What it tells.
        pub state: Option<State> = attribute("state"),
        /// The users.
        pub users: Vec<User> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// Sidebars with all that is known of them (RFC 4575 section 5.9.2).
    #[derive(Default)]
    pub struct SidebarsByVal = CONFERENCE_INFO, "sidebars-by-val" {
        /// What it tells.
        pub state: Option<State> = attribute("state"),
        /// The sidebars, of the type of the root.
        pub entries: Vec<Element> = extensions,
    }

    /// A document (RFC 4575 section 5.2).
    #[derive(Default)]
    pub struct ConferenceInfo = CONFERENCE_INFO, "conference-info" {
        /// The URI of the conference.
        pub entity: String = attribute("entity"),
        /// What it tells.
        pub state: Option<State> = attribute("state"),
        /// One more than that of the document before. The RFC demands it here, and lets it out of sidebars.
        pub version: u64 = attribute("version"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// What the conference is.
        pub description: Option<Description> = node,
        /// Who hosts it.
        pub host_info: Option<HostInfo> = node,
        /// Its state.
        pub conference_state: Option<ConferenceState> = node,
        /// Its users.
        pub users: Option<Users> = node,
        /// Its sidebars.
        pub sidebars_by_ref: Option<SidebarsByRef> = node,
        /// Its sidebars.
        pub sidebars_by_val: Option<SidebarsByVal> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }
}

document!(ConferenceInfo, "application/conference-info+xml");
