//! Messages in their wrapping: `message/cpim` and plain MSRP, and the notifications that they ask for.

use bytes::Bytes;

use crate::limits::Limits;
use crate::payload::cpim::{self, Address, Field, FieldName};
use crate::payload::imdn::{self, DeliveryNotification, DisplayNotification, Disposition, Imdn};
use crate::payload::mime::Entity;
use crate::payload::multipart::Multipart;
use crate::sip::{MediaType, NameAddr, Text};

use super::super::Context;
use super::event::{ChatMessage, Notified, ReceivedMessage};

/// What the names of messages begin with whose fate is not told.
pub(super) const ASIDE: &str = "aside-";

/// Whether a message has such a name.
pub(super) fn is_aside(id: &str) -> bool {
    id.starts_with(ASIDE)
}

/// Whether this can be the name of a message.
pub(super) fn is_id(id: &str) -> bool {
    (4..=32).contains(&id.len())
        && !is_aside(id)
        && id.starts_with(|first: char| first.is_ascii_alphanumeric())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+%=".contains(&byte))
}

fn address(identity: &NameAddr) -> Address {
    Address { name: identity.display_name.as_ref().map(|name| name.to_string()), uri: identity.uri.to_string() }
}

/// The peer, to whom messages go.
pub(super) fn peer(cx: &Context<'_>) -> Address {
    address(&cx.session.remote_identity)
}

const fn word(notified: Notified) -> Option<&'static str> {
    match notified {
        Notified::Delivered => Some("positive-delivery"),
        Notified::NotDelivered => Some("negative-delivery"),
        Notified::Displayed => Some("display"),
        Notified::Processed => Some("processing"),
        Notified::Forbidden => None,
    }
}

/// A message as `message/cpim`.
pub(super) fn wrap(cx: &Context<'_>, message: &ChatMessage) -> Bytes {
    let to = if message.recipients.is_empty() { vec![peer(cx)] } else { message.recipients.clone() };
    let mut fields = message.additional_headers.clone();
    let asked: Vec<&str> = message.notifications.iter().copied().filter_map(word).collect();
    if !asked.is_empty() {
        let field = |name: &str, value: String| Field {
            name: FieldName::new(imdn::CPIM_NAMESPACE, name),
            language: None,
            value,
        };
        fields.push(field("Message-ID", message.id.to_string()));
        fields.push(field("Disposition-Notification", asked.join(", ")));
    }
    let is_text = message.content_type.starts_with("text/") && !message.content_type.contains(';');
    let content_type =
        if is_text { format!("{}; charset=utf-8", message.content_type) } else { message.content_type.to_string() };
    cpim::Message {
        from: Some(address(&cx.session.local_identity)),
        to,
        cc: message.courtesy_recipients.clone(),
        subjects: message.subjects.clone(),
        date_time: Some(message.timestamp.unwrap_or(cx.utc)),
        required: message.required.clone(),
        fields,
        content: if content_type == Imdn::CONTENT_TYPE {
            Entity::new(&content_type, message.content.clone()).with("Content-Disposition", "notification")
        } else {
            Entity::new(&content_type, message.content.clone())
        },
    }
    .write()
}

/// A message that came, out of its wrapping.
pub(super) fn unwrap(cx: &Context<'_>, id: Text, content_type: &Text, content: Bytes) -> Result<ReceivedMessage, ()> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(cpim::Message::CONTENT_TYPE) {
        return Ok(ReceivedMessage {
            id,
            sender: peer(cx),
            recipients: vec![address(&cx.session.local_identity)],
            courtesy_recipients: Vec::new(),
            subjects: Vec::new(),
            timestamp: cx.utc,
            required: Vec::new(),
            additional_headers: Vec::new(),
            content_type: content_type.clone(),
            content,
            cpim: false,
        });
    }
    let message = cpim::Message::parse(&content, &cx.config.limits).map_err(drop)?;
    let content_type = message.content.field("Content-Type").ok_or(())?;
    Ok(ReceivedMessage {
        id,
        sender: message.from.unwrap_or_else(|| peer(cx)),
        recipients: message.to,
        courtesy_recipients: message.cc,
        subjects: message.subjects,
        timestamp: message.date_time.unwrap_or(cx.utc),
        required: message.required,
        additional_headers: message.fields,
        content_type: content_type.into(),
        content: message.content.body,
        cpim: true,
    })
}

/// What became of a message, as a notification tells it.
pub(super) fn notified(said: &Imdn) -> Option<Notified> {
    let delivery = said.delivery.as_ref().map(|told| &told.status);
    let display = said.display.as_ref().map(|told| &told.status);
    let processing = said.processing.as_ref().map(|told| &told.status);
    match delivery.or(display).or(processing)?.dispositions.first()? {
        Disposition::Delivered => Some(Notified::Delivered),
        Disposition::Displayed => Some(Notified::Displayed),
        Disposition::Processed | Disposition::Stored => Some(Notified::Processed),
        Disposition::Failed | Disposition::Error => Some(Notified::NotDelivered),
        Disposition::Forbidden => Some(Notified::Forbidden),
        Disposition::Words(_) | Disposition::Extension(_) => None,
    }
}

/// The notifications that a message is of which a list server has collected several (RFC 5438 section 8.3); none when it is something else.
pub(super) fn aggregated(message: &ReceivedMessage, limits: &Limits) -> Vec<Imdn> {
    let kind = MediaType::parse(&message.content_type).ok().filter(|kind| kind.is("multipart/mixed"));
    let Some(Ok(parts)) = kind.map(|kind| Multipart::parse(&kind, &message.content, limits)) else {
        return Vec::new();
    };
    let read = |part: &Entity| {
        let is_it = part.content_type().is_some_and(|kind| kind.is(Imdn::CONTENT_TYPE));
        if is_it { Imdn::parse(&part.body, limits).ok() } else { None }
    };
    parts.parts.iter().map(read).collect::<Option<_>>().unwrap_or_default()
}

/// A field of RFC 5438 that a message has.
fn field<'a>(message: &'a ReceivedMessage, name: &str) -> Option<&'a str> {
    let is_it = |field: &&Field| field.name.name == name && field.name.namespace == imdn::CPIM_NAMESPACE;
    message.additional_headers.iter().find(is_it).map(|field| field.value.as_str())
}

/// Whether the sender of a message wants to be told this.
pub(super) fn asks_for(message: &ReceivedMessage, what: Notified) -> bool {
    let wanted = field(message, "Disposition-Notification").unwrap_or_default();
    word(what).is_some_and(|word| wanted.split(',').any(|asked| asked.trim().eq_ignore_ascii_case(word)))
}

/// The notification that a message asks for, if it does, and says this (RFC 5438 section 7.2.1). It asks for none itself, and goes back the way
/// that the message asks for.
pub(super) fn notification(
    cx: &mut Context<'_>,
    message: &ReceivedMessage,
    what: Notified,
    said: Disposition,
) -> Option<ChatMessage> {
    if !asks_for(message, what) {
        return None;
    }
    let status = imdn::Status { dispositions: vec![said] };
    let mut notification = Imdn {
        message_id: field(message, "Message-ID")?.to_owned(),
        date_time: message.timestamp,
        recipient_uri: Some(address(&cx.session.local_identity).uri),
        ..Imdn::default()
    };
    if what == Notified::Displayed {
        notification.display = Some(DisplayNotification { status, ..DisplayNotification::default() });
    } else {
        notification.delivery = Some(DeliveryNotification { status, ..DeliveryNotification::default() });
    }
    let content = Bytes::from(notification.write());
    let mut answer = ChatMessage::new(cx.random.token(16), Imdn::CONTENT_TYPE, content);
    let named = |name: &str, value: &str| Field {
        name: FieldName::new(imdn::CPIM_NAMESPACE, name),
        language: None,
        value: value.to_owned(),
    };
    answer.additional_headers.push(named("Message-ID", &answer.id));
    let recorded = FieldName::new(imdn::CPIM_NAMESPACE, "IMDN-Record-Route");
    let routes = message.additional_headers.iter().filter(|field| field.name == recorded);
    answer.additional_headers.extend(routes.map(|route| named("IMDN-Route", &route.value)));
    answer.recipients = vec![message.sender.clone()];
    Some(answer)
}
