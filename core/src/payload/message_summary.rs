//! Message waiting (RFC 3842 section 5.2): `application/simple-message-summary`.
//!
//! ```text
//! Messages-Waiting: yes
//! Message-Account: sip:alice@example.com
//! Voice-Message: 4/8 (1/2)
//! ```
//!
//! Lines that are none of these are skipped: messaging systems add their own.

use serde::{Deserialize, Serialize};

use super::mime::{Entity, Field, Lines, is_name_byte};
use super::{Error, Fault};
use crate::limits::Limits;

/// How many messages of one class there are. A number that is larger than a counter holds is its largest (RFC 3842 section 3.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// New ones.
    pub new: u32,
    /// Old ones.
    pub old: u32,
    /// New and old ones that are urgent, if that is told.
    pub urgent: Option<(u32, u32)>,
}

/// The messages that wait in an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageSummary {
    /// Whether there are messages.
    pub messages_waiting: bool,
    /// The URI of the account, if it is told.
    pub account: Option<String>,
    /// The counts by message-context-class (RFC 3458), in lower case: `voice-message`. In their order, each class once.
    pub summaries: Vec<(String, Counts)>,
    /// The header fields of new messages, one list for each message (RFC 3842 section 3.5).
    pub messages: Vec<Vec<Field>>,
}

impl MessageSummary {
    /// The content type of such a body.
    pub const CONTENT_TYPE: &'static str = "application/simple-message-summary";

    /// The counts of a class.
    #[must_use]
    pub fn counts(&self, class: &str) -> Option<Counts> {
        self.summaries.iter().find(|(known, _)| known.eq_ignore_ascii_case(class)).map(|(_, counts)| *counts)
    }

    /// Reads a body.
    ///
    /// # Errors
    /// When it exceeds a limit, or does not say whether there are messages.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Error> {
        if bytes.len() > limits.payload_bytes {
            return Err(Error::new(limits.payload_bytes, Fault::TooLong));
        }
        let mut this = Self::default();
        let mut waiting = None;
        let mut lines = Lines::new(bytes, 0);
        let mut fields = 0;
        while let Some((line, at)) = lines.next_line() {
            fields += 1;
            if fields > limits.header_fields {
                return Err(Error::new(at, Fault::TooManyFields));
            }
            let line = std::str::from_utf8(line).map_err(|_| Error::new(at, Fault::NotUtf8))?;
            if line.trim_ascii().is_empty() {
                if waiting.is_some() {
                    break;
                }
                continue;
            }
            let Some((name, value)) = line.split_once(':') else { continue };
            let (name, value) = (name.trim_ascii(), value.trim_ascii());
            if name.is_empty() || !name.bytes().all(is_name_byte) {
                continue;
            }
            if name.eq_ignore_ascii_case("Messages-Waiting") {
                let is_waiting = match value {
                    value if value.eq_ignore_ascii_case("yes") => true,
                    value if value.eq_ignore_ascii_case("no") => false,
                    _ => return Err(Error::new(at, Fault::Value("Messages-Waiting".into()))),
                };
                if waiting.replace(is_waiting).is_some() {
                    return Err(Error::new(at, Fault::Repeated("Messages-Waiting")));
                }
            } else if name.eq_ignore_ascii_case("Message-Account") {
                // Some put the URI between brackets, though the RFC forbids it.
                let uri = value.strip_prefix('<').and_then(|uri| uri.strip_suffix('>')).unwrap_or(value);
                this.account = Some(uri.to_owned());
            } else if let Some(counts) = counts(value)
                && this.counts(name).is_none()
            {
                this.summaries.push((name.to_ascii_lowercase(), counts));
            }
        }
        this.messages = messages(bytes, lines.at(), limits)?;
        this.messages_waiting = waiting.ok_or_else(|| Error::new(bytes.len(), Fault::Missing("Messages-Waiting")))?;
        Ok(this)
    }

    /// Writes the body.
    #[must_use]
    pub fn write(&self) -> String {
        let mut head = Entity::default();
        head = head.with("Messages-Waiting", if self.messages_waiting { "yes" } else { "no" });
        if let Some(account) = &self.account {
            head = head.with("Message-Account", account);
        }
        for (class, Counts { new, old, urgent }) in &self.summaries {
            let urgent = urgent.map_or_else(String::new, |(new, old)| format!(" ({new}/{old})"));
            head = head.with(&title_case(class), &format!("{new}/{old}{urgent}"));
        }
        let mut out = Vec::new();
        head.write(&mut out);
        for fields in &self.messages {
            Entity { fields: fields.clone(), body: bytes::Bytes::new() }.write(&mut out);
        }
        // The last empty line separates nothing.
        out.truncate(out.len().saturating_sub(2));
        String::from_utf8(out).unwrap_or_default()
    }
}

/// `voice-message` as it is usually written.
fn title_case(class: &str) -> String {
    let mut upper = true;
    class.chars().map(|c| if std::mem::replace(&mut upper, c == '-') { c.to_ascii_uppercase() } else { c }).collect()
}

/// `4/8 (1/2)`, with spaces anywhere between.
fn counts(value: &str) -> Option<Counts> {
    let (plain, urgent) = match value.split_once('(') {
        Some((plain, urgent)) => (plain, Some(pair(urgent.trim_ascii_end().strip_suffix(')')?)?)),
        None => (value, None),
    };
    let (new, old) = pair(plain)?;
    Some(Counts { new, old, urgent })
}

fn pair(text: &str) -> Option<(u32, u32)> {
    let (new, old) = text.split_once('/')?;
    Some((count(new)?, count(old)?))
}

fn count(text: &str) -> Option<u32> {
    let digits = text.trim_ascii();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u32::MAX))
}

/// The header fields of messages, an empty line between the messages.
fn messages(bytes: &[u8], at: usize, limits: &Limits) -> Result<Vec<Vec<Field>>, Error> {
    let bytes = bytes::Bytes::copy_from_slice(bytes);
    let mut messages = Vec::new();
    let mut at = at;
    let mut fields = 0;
    while at < bytes.len() {
        let entity = Entity::read(&bytes, at, limits)?;
        fields += entity.fields.len();
        if fields > limits.header_fields {
            return Err(Error::new(at, Fault::TooManyFields));
        }
        at = bytes.len() - entity.body.len();
        if !entity.fields.is_empty() {
            messages.push(entity.fields);
        }
    }
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<MessageSummary, Error> {
        MessageSummary::parse(text.as_bytes(), &Limits::default())
    }

    /// The body of RFC 3842 section 4.1, message F9.
    const WITH_MESSAGES: &str = "Messages-Waiting: yes\r\nMessage-Account: sip:alice@vmail.example.com\r\nVoice-Message: 4/8 (1/2)\r\n\r\n\
        To: <alice@atlanta.example.com>\r\nFrom: <bob@biloxi.example.com>\r\nSubject: carpool tomorrow?\r\n\r\n\
        To: <alice@example.com>\r\nFrom: <cathy-the-bob@example.com>\r\nSubject: HELP! at home\r\n ill\r\n";

    #[test]
    fn a_summary_with_the_fields_of_messages_is_read() {
        let summary = parse(WITH_MESSAGES).unwrap();
        assert!(summary.messages_waiting);
        assert_eq!(summary.account.as_deref(), Some("sip:alice@vmail.example.com"));
        assert_eq!(summary.counts("Voice-Message"), Some(Counts { new: 4, old: 8, urgent: Some((1, 2)) }));
        assert_eq!(summary.messages.len(), 2);
        assert_eq!(summary.messages[1][2], Field { name: "Subject".to_owned(), value: "HELP! at home ill".to_owned() });
        assert_eq!(parse(&summary.write()), Ok(summary));
    }

    #[test]
    fn a_summary_is_written() {
        let summary = MessageSummary {
            messages_waiting: true,
            account: Some("sip:alice@example.com".to_owned()),
            summaries: vec![
                ("voice-message".to_owned(), Counts { new: 2, old: 8, urgent: Some((0, 2)) }),
                ("fax-message".to_owned(), Counts { new: 0, old: 1, urgent: None }),
            ],
            messages: vec![],
        };
        assert_eq!(
            summary.write(),
            "Messages-Waiting: yes\r\nMessage-Account: sip:alice@example.com\r\nVoice-Message: 2/8 (0/2)\r\nFax-Message: 0/1\r\n"
        );
    }

    #[test]
    fn what_servers_send_is_read() {
        let summary = parse("\nmessages-WAITING : no\nMessage-Account: <sip:a@b>\nVoice-Message : 0 / 99999999999 ( 0/0 )\nX: y\nnonsense").unwrap();
        assert!(!summary.messages_waiting);
        assert_eq!(summary.account.as_deref(), Some("sip:a@b"));
        assert_eq!(
            summary.summaries,
            [("voice-message".to_owned(), Counts { new: 0, old: u32::MAX, urgent: Some((0, 0)) })]
        );
    }

    #[test]
    fn what_is_no_summary_is_refused() {
        for (text, at, fault) in [
            ("", 0, Fault::Missing("Messages-Waiting")),
            ("Voice-Message: 1/0\r\n", 20, Fault::Missing("Messages-Waiting")),
            ("Messages-Waiting: perhaps\r\n", 0, Fault::Value("Messages-Waiting".into())),
            ("Messages-Waiting: no\r\nMessages-Waiting: yes\r\n", 22, Fault::Repeated("Messages-Waiting")),
        ] {
            assert_eq!(parse(text), Err(Error { at, fault }), "{text}");
        }
        let long = "Messages-Waiting: no\r\n".to_owned() + &"X: y\r\n".repeat(300);
        assert_eq!(parse(&long).expect_err("too many").fault, Fault::TooManyFields);
    }

    #[test]
    fn what_a_program_gives_cannot_add_lines() {
        let summary =
            MessageSummary { account: Some("sip:a\r\nVoice-Message: 1/1".to_owned()), ..MessageSummary::default() };
        assert_eq!(parse(&summary.write()).unwrap().summaries, []);
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "(Messages-Waiting: yes\r\n|Voice-Message:|[0-9]{1,12}|[/(): ]|\r\n|\n|[a-z\u{e9}]){0,40}") {
            if let Ok(summary) = parse(&text) {
                prop_assert_eq!(parse(&summary.write()), Ok(summary));
            }
        }
    }
}
