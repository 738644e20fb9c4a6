//! Indication of message composition (RFC 3994): `application/im-iscomposing+xml`.

use super::xml::name::IM_IS_COMPOSING;
use super::xml::record::{document, record};
use super::xml::{Attribute, Element, Value};
use crate::time::Utc;

/// Whether somebody is writing (RFC 3994 section 3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A message is being composed.
    Active,
    /// Nothing is; also what an unknown word means.
    #[default]
    Idle,
}

impl Value for State {
    fn read(text: &str) -> Option<Self> {
        Some(if text.trim_ascii() == "active" { Self::Active } else { Self::Idle })
    }

    fn write(&self) -> String {
        match self {
            Self::Active => "active".to_owned(),
            Self::Idle => "idle".to_owned(),
        }
    }
}

record! {
    /// The status of a composer (RFC 3994 section 5).
    #[derive(Default)]
    pub struct IsComposing = IM_IS_COMPOSING, "isComposing" {
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// Whether a message is being composed.
        pub state: State = leaf(IM_IS_COMPOSING, "state"),
        /// When the composer was last active.
        pub last_active: Option<Utc> = leaf(IM_IS_COMPOSING, "lastactive"),
        /// What is composed: a media type such as `text`, or a top-level type alone.
        pub content_type: Option<String> = leaf(IM_IS_COMPOSING, "contenttype"),
        /// Seconds after which an active state lapses unless it is refreshed.
        pub refresh: Option<u32> = leaf(IM_IS_COMPOSING, "refresh"),
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }
}

document!(IsComposing, "application/im-iscomposing+xml");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::payload::Fault;

    fn parse(content: &str) -> Result<IsComposing, crate::payload::Error> {
        let text = format!("<isComposing xmlns='{IM_IS_COMPOSING}'>{content}</isComposing>");
        IsComposing::parse(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn an_indication_is_written_in_the_order_of_the_schema() {
        let indication = IsComposing {
            state: State::Active,
            last_active: Some(Utc { unix_millis: 1_043_664_180_000 }),
            content_type: Some("text/plain".to_owned()),
            refresh: Some(90),
            ..IsComposing::default()
        };
        assert_eq!(
            indication.write(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<isComposing xmlns=\"urn:ietf:params:xml:ns:im-iscomposing\">\
             <state>active</state><lastactive>2003-01-27T10:43:00Z</lastactive><contenttype>text/plain</contenttype>\
             <refresh>90</refresh></isComposing>\n"
        );
        assert_eq!(IsComposing::parse(indication.write().as_bytes(), &Limits::default()), Ok(indication));
    }

    #[test]
    fn an_unknown_state_is_idle() {
        assert_eq!(parse("<state>thinking</state>").unwrap().state, State::Idle);
        assert_eq!(parse("<state> active\n</state>").unwrap().state, State::Active);
    }

    #[test]
    fn extensions_are_kept() {
        let indication = parse("<state>idle</state><x xmlns='urn:x' y='1'>z</x>").unwrap();
        assert_eq!(indication.extensions, [Element::new("urn:x", "x").with_attribute("y", "1").with_text("z")]);
        assert_eq!(IsComposing::parse(indication.write().as_bytes(), &Limits::default()), Ok(indication));
    }

    #[test]
    fn what_is_no_indication_is_refused() {
        for (content, fault) in [
            ("", Fault::Missing("state")),
            ("<state xmlns=''>active</state>", Fault::Missing("state")),
            ("<state>idle</state><state>active</state>", Fault::Repeated("state")),
            ("<state>idle</state><refresh>-1</refresh>", Fault::Value("refresh".into())),
            ("<state>idle</state><lastactive>now</lastactive>", Fault::Value("lastactive".into())),
        ] {
            assert_eq!(parse(content).expect_err(content).fault, fault, "{content}");
        }
        let other = IsComposing::parse(b"<isComposing/>", &Limits::default()).expect_err("no namespace");
        assert_eq!(other.fault, Fault::Root("isComposing"));
    }
}
