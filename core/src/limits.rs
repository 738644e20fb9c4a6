//! Limits on everything that a peer, the network or the application could make grow.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The limits of an agent. A full queue or table sheds what is new, counts it, and answers where an answer is due; endings always have room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one SIP message's start line and headers. More is answered with 513 or closes the connection.
    pub head_bytes: usize,
    /// Bytes of one SIP message's body on a stream. More is answered with 413 or closes the connection.
    pub body_bytes: usize,
    /// Header fields of one message, list members not counted apart.
    pub header_fields: usize,
    /// Bytes of a Request-URI. More is answered with 414.
    pub uri_bytes: usize,
    /// Members of one comma-separated header list that are looked at.
    pub list_members: usize,
    /// How long the rest of a message that has begun on a stream may take.
    pub message_time: Duration,
    /// Local addresses that are remembered, by the remote address they are seen from. When there are more, all are asked for anew.
    pub local_addresses: usize,
    /// Open connections, both ways. For a further one an idle one is closed; an accepted one for which there is none is closed at once.
    pub connections: usize,
    /// Connections accepted from one source, an IPv4 address or an IPv6 network of 64 bits. For a further one, one of its idle ones is closed.
    pub connections_per_source: usize,
    /// Accepted connections whose TLS handshake is not over. A further one is closed at once.
    pub handshakes: usize,
    /// How long a connection may be idle before it is closed; calls in progress keep theirs.
    pub connection_idle: Duration,
    /// How long an accepted connection may be idle that has not carried any message.
    pub connection_silent: Duration,
    /// How long a connection may take to open.
    pub connection_open: Duration,
    /// Bytes that wait to be written on one connection. More fails the message.
    pub write_bytes: usize,
    /// Bytes that one connection may feed before the driver drains effects; what [`read_budget`](crate::agent::Agent::read_budget) starts from.
    pub read_bytes: usize,
    /// Transactions, client and server together. A further request is answered with 503.
    pub transactions: usize,
    /// Server transactions of one source, an IPv4 address or an IPv6 network of 64 bits. A further request from there is answered with 503.
    pub transactions_per_source: usize,
    /// Sessions. A further INVITE is answered with 503.
    pub sessions: usize,
    /// Subscriptions both ways, publications, messages under way and registrations. A further SUBSCRIBE is answered with 503.
    pub usages: usize,
    /// Messages to one recipient that wait for the one under way.
    pub waiting_messages: usize,
    /// Those of whom it is kept whether they, or we to them, compose a message.
    pub conversations: usize,
    /// Incoming sessions that nobody has answered yet.
    pub unanswered_sessions: usize,
    /// Early dialogs that one INVITE may fork into, more of which are ignored; and 2xx of other forks that are acknowledged and ended at once: of
    /// more than that, one in T1.
    pub forks: usize,
    /// Bytes of a session description.
    pub sdp_bytes: usize,
    /// Media lines of a session description.
    pub sdp_media: usize,
    /// Attributes of one media line.
    pub sdp_attributes: usize,
    /// Bytes of a DNS message.
    pub dns_message: usize,
    /// Questions and records of a DNS message, all sections together.
    pub dns_records: usize,
    /// Aliases that lead from a name to its records.
    pub dns_aliases: usize,
    /// Hosts of one SRV record set that are looked at, best priority first.
    pub dns_targets: usize,
    /// DNS questions that one lookup may ask; what it does not know by then it goes without.
    pub dns_questions: usize,
    /// DNS questions of one lookup that are on their way at once.
    pub dns_questions_at_once: usize,
    /// Lookups that are under way. A further one is refused.
    pub dns_lookups: usize,
    /// DNS answers that are kept.
    pub dns_cache: usize,
    /// Bytes of a body that is not a session description: an XML document, a message summary, a CPIM message, a multipart body.
    pub payload_bytes: usize,
    /// Elements within one another in an XML document, the root counted.
    pub xml_depth: usize,
    /// Elements of an XML document.
    pub xml_elements: usize,
    /// Attributes of one element, declarations of namespaces counted.
    pub xml_attributes: usize,
    /// Declarations of namespaces that are in force at one element.
    pub xml_namespaces: usize,
    /// Bytes of an MSRP message that is put together before it is delivered. More is answered with 413.
    pub msrp_message_bytes: usize,
    /// MSRP messages of one session that are under way to us at once. A further one is answered with 413.
    pub msrp_messages: usize,
    /// Gaps in an MSRP message that is under way to us. More is answered with 413.
    pub msrp_gaps: usize,
    /// Messages of one MSRP session that wait to be sent. A further one is refused until there is room.
    pub msrp_waiting: usize,
    /// Bytes of those.
    pub msrp_waiting_bytes: usize,
    /// Connections to our MSRP listeners that have not told their session yet. The oldest makes room for a further one.
    pub msrp_strangers: usize,
    /// MSRP requests on one connection that wait for their response. Further chunks wait until there are fewer.
    pub msrp_transactions: usize,
    /// Bytes written to an MSRP connection that the system has not taken. More waits, so that what is urgent can go first.
    pub msrp_window: usize,
    /// Bytes of an MSRP message that may wait for their answer where the way to the receiver is long; 2 MiB may where it is not.
    pub msrp_unanswered: usize,
    /// Bytes of the icon of a file that is offered. A larger one is not looked at, and not sent.
    pub icon_bytes: usize,
    /// Parts of a multipart body.
    pub parts: usize,
    /// Rows of one kind that the documents of a subscription may add up to: users of a conference, watchers, dialogs, contacts, resources.
    pub state_rows: usize,
    /// Bytes of the bodies that the notifications of a list of resources may add up to.
    pub state_bytes: usize,
    /// Effects that wait for the driver; beyond it new datagrams are shed.
    pub effects: usize,
    /// Events that wait for the application; beyond it new datagrams are shed.
    pub events: usize,
    /// Bytes of the stored settings.
    pub settings_bytes: usize,
    /// How long the driver may take to answer a question or to prepare a media path.
    pub ask_time: Duration,
    /// How long the driver may take to read or write a part of a file.
    pub file_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 32 * 1024,
            body_bytes: 256 * 1024,
            header_fields: 256,
            uri_bytes: 8 * 1024,
            list_members: 128,
            message_time: Duration::from_secs(32),
            local_addresses: 1024,
            connections: 1024,
            connections_per_source: 512,
            handshakes: 256,
            connection_idle: Duration::from_secs(300),
            connection_silent: Duration::from_secs(32),
            connection_open: Duration::from_secs(10),
            write_bytes: 1024 * 1024,
            read_bytes: 128 * 1024,
            transactions: 16 * 1024,
            transactions_per_source: 12 * 1024,
            sessions: 4096,
            usages: 16 * 1024,
            waiting_messages: 256,
            conversations: 1024,
            unanswered_sessions: 1024,
            forks: 16,
            sdp_bytes: 64 * 1024,
            sdp_media: 32,
            sdp_attributes: 512,
            dns_message: 64 * 1024,
            dns_records: 1024,
            dns_aliases: 8,
            dns_targets: 64,
            dns_questions: 512,
            dns_questions_at_once: 32,
            dns_lookups: 512,
            dns_cache: 1024,
            payload_bytes: 256 * 1024,
            xml_depth: 64,
            xml_elements: 16 * 1024,
            xml_attributes: 64,
            xml_namespaces: 64,
            msrp_message_bytes: 1024 * 1024,
            msrp_messages: 64,
            msrp_gaps: 1024,
            msrp_waiting: 1024,
            msrp_waiting_bytes: 4 * 1024 * 1024,
            msrp_strangers: 64,
            msrp_transactions: 1024,
            msrp_window: 64 * 1024,
            msrp_unanswered: 32 * 1024 * 1024,
            icon_bytes: 16 * 1024,
            parts: 512,
            state_rows: 4096,
            state_bytes: 4 << 20,
            effects: 16 * 1024,
            events: 64 * 1024,
            settings_bytes: 4 * 1024 * 1024,
            ask_time: Duration::from_secs(5),
            file_time: Duration::from_secs(60),
        }
    }
}
