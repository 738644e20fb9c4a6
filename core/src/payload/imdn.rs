//! Instant message disposition notification (RFC 5438): `message/imdn+xml`.

use super::xml::name::IMDN;
use super::xml::record::{document, marks, record};
use super::xml::{Attribute, Element};
use crate::time::Utc;

/// The namespace of the CPIM header fields that ask for notifications (RFC 5438 section 6.2).
pub const CPIM_NAMESPACE: &str = "urn:ietf:params:imdn";

marks! {
    /// What became of a message (RFC 5438 section 11.1).
    pub enum Disposition in IMDN {
        /// It was delivered to the recipient's user agent.
        Delivered = "delivered",
        /// It was displayed.
        Displayed = "displayed",
        /// An intermediary has processed it.
        Processed = "processed",
        /// An intermediary has stored it.
        Stored = "stored",
        /// It could not be delivered.
        Failed = "failed",
        /// The recipient does not want to tell.
        Forbidden = "forbidden",
        /// Something went wrong.
        Error = "error",
    }
}

record! {
    /// The status within a notification.
    #[derive(Default)]
    pub struct Status = IMDN, "status" {
        /// What became of the message; one, though the schema would let extensions stand beside it.
        pub dispositions: Vec<Disposition> = node,
    }

    /// That a message was delivered, or not (RFC 5438 section 7.2.1.1).
    #[derive(Default)]
    pub struct DeliveryNotification = IMDN, "delivery-notification" {
        /// The status.
        pub status: Status = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// That a message was displayed, or not (RFC 5438 section 7.2.1.2).
    #[derive(Default)]
    pub struct DisplayNotification = IMDN, "display-notification" {
        /// The status.
        pub status: Status = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// That a message was processed by an intermediary (RFC 5438 section 8.1).
    #[derive(Default)]
    pub struct ProcessingNotification = IMDN, "processing-notification" {
        /// The status.
        pub status: Status = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// A notification (RFC 5438 section 11.1).
    #[derive(Default)]
    pub struct Imdn = IMDN, "imdn" {
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// The Message-ID of the message.
        pub message_id: String = leaf(IMDN, "message-id"),
        /// The DateTime of the message.
        pub date_time: Utc = leaf(IMDN, "datetime"),
        /// Who the recipient is.
        pub recipient_uri: Option<String> = leaf(IMDN, "recipient-uri"),
        /// To whom the message was first sent.
        pub original_recipient_uri: Option<String> = leaf(IMDN, "original-recipient-uri"),
        /// The subject of the message.
        pub subject: Option<String> = leaf(IMDN, "subject"),
        /// What became of its delivery.
        pub delivery: Option<DeliveryNotification> = node,
        /// Whether it was displayed.
        pub display: Option<DisplayNotification> = node,
        /// What an intermediary did.
        pub processing: Option<ProcessingNotification> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }
}

document!(Imdn, "message/imdn+xml");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::payload::Fault;

    #[test]
    fn the_examples_are_read() {
        let parse = |text: &str| Imdn::parse(text.as_bytes(), &Limits::default()).unwrap();
        let delivered = parse(include_str!("../../../vectors/payload/rfc5438/7.2.1.1.xml"));
        assert_eq!(delivered.message_id, "34jk324j");
        assert_eq!(delivered.original_recipient_uri.as_deref(), Some("im:bob@example.com"));
        assert_eq!(
            delivered.delivery.as_ref().map(|told| told.status.dispositions.clone()),
            Some(vec![Disposition::Delivered])
        );
        let displayed = parse(include_str!("../../../vectors/payload/rfc5438/7.2.1.2.xml"));
        assert_eq!(
            displayed.display.as_ref().map(|told| told.status.dispositions.clone()),
            Some(vec![Disposition::Displayed])
        );
        let processed = parse(include_str!("../../../vectors/payload/rfc5438/8.1.xml"));
        assert_eq!(
            processed.processing.as_ref().map(|told| told.status.dispositions.clone()),
            Some(vec![Disposition::Processed])
        );
        for imdn in [delivered, displayed, processed] {
            assert_eq!(parse(&imdn.write()), imdn);
        }
    }

    #[test]
    fn a_notification_names_its_message() {
        let text = format!("<imdn xmlns='{IMDN}'><datetime>2008-04-04T12:16:49-05:00</datetime></imdn>");
        let error = Imdn::parse(text.as_bytes(), &Limits::default()).expect_err("no message");
        assert_eq!(error.fault, Fault::Missing("message-id"));
    }
}
