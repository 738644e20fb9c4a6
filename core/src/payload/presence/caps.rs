//! What a service or device can do (RFC 5196): `servcaps` and `devcaps` within presence documents.
//!
//! A capability is a yes or no, a list of what is supported and what is not, or something that is kept as an element.

use crate::payload::xml::Element;
use crate::payload::xml::name::CAPS;
use crate::payload::xml::record::record;

record! {
    /// What is supported: each value is the name of an element.
    #[derive(Default)]
    pub struct Supported = CAPS, "supported" {
        /// The values.
        pub values: Vec<Element> = extensions,
    }

    /// What is not supported: each value is the name of an element.
    #[derive(Default)]
    pub struct NotSupported = CAPS, "notsupported" {
        /// The values.
        pub values: Vec<Element> = extensions,
    }
}

/// Capabilities that are sets of values.
macro_rules! sets {
    ($($(#[$doc:meta])* $name:ident = $local:literal;)*) => {
        record! {$(
            $(#[$doc])*
            #[derive(Default)]
            pub struct $name = CAPS, $local {
                /// What is supported.
                pub supported: Option<Supported> = node,
                /// What is not.
                pub not_supported: Option<NotSupported> = node,
            }
        )*}

        $(impl $name {
            /// Whether this value is supported; none when nothing is told of it.
            #[must_use]
            pub fn supports(&self, value: &str) -> Option<bool> {
                let tells = |values: &[Element]| values.iter().any(|element| element.name.local == value);
                if self.supported.as_ref().is_some_and(|told| tells(&told.values)) {
                    return Some(true);
                }
                self.not_supported.as_ref().filter(|told| tells(&told.values)).map(|_| false)
            }
        })*
    };
}

sets! {
    /// `personal` or `business`.
    Classes = "class";
    /// Which way media flow at a time: `full`, `half`, `receive-only`, `send-only`.
    Duplexes = "duplex";
    /// Event packages.
    EventPackages = "event-packages";
    /// SIP option tags.
    ExtensionTags = "extensions";
    /// SIP methods.
    Methods = "methods";
    /// Schemes of URIs.
    Schemes = "schemes";
    /// Who answers: `principal`, `attendant`, `msg-taker`, `information`.
    Actors = "actor";
    /// `fixed` or `mobile`.
    Mobilities = "mobility";
}

record! {
    /// What a service can do (RFC 5196 section 3.2).
    #[derive(Default)]
    pub struct ServiceCapabilities = CAPS, "servcaps" {
        /// Data of applications.
        pub application: Option<bool> = leaf(CAPS, "application"),
        /// Audio.
        pub audio: Option<bool> = leaf(CAPS, "audio"),
        /// It is a machine.
        pub automata: Option<bool> = leaf(CAPS, "automata"),
        /// Control of media.
        pub control: Option<bool> = leaf(CAPS, "control"),
        /// Data.
        pub data: Option<bool> = leaf(CAPS, "data"),
        /// It is a focus of conferences.
        pub is_focus: Option<bool> = leaf(CAPS, "isfocus"),
        /// Messages.
        pub message: Option<bool> = leaf(CAPS, "message"),
        /// Text.
        pub text: Option<bool> = leaf(CAPS, "text"),
        /// Video.
        pub video: Option<bool> = leaf(CAPS, "video"),
        /// Who answers.
        pub actor: Option<Actors> = node,
        /// For what it is used.
        pub class: Option<Classes> = node,
        /// Which way media flow.
        pub duplex: Option<Duplexes> = node,
        /// Event packages.
        pub event_packages: Option<EventPackages> = node,
        /// SIP option tags.
        pub option_tags: Option<ExtensionTags> = node,
        /// SIP methods.
        pub methods: Option<Methods> = node,
        /// Schemes of URIs.
        pub schemes: Option<Schemes> = node,
        /// What it is, in words.
        pub descriptions: Vec<String> = leaf(CAPS, "description"),
        /// Other capabilities.
        pub extensions: Vec<Element> = extensions,
    }

    /// What a device can do (RFC 5196 section 3.3).
    #[derive(Default)]
    pub struct DeviceCapabilities = CAPS, "devcaps" {
        /// Whether it stays in its place.
        pub mobility: Option<Mobilities> = node,
        /// What it is, in words.
        pub descriptions: Vec<String> = leaf(CAPS, "description"),
        /// Other capabilities.
        pub extensions: Vec<Element> = extensions,
    }
}
