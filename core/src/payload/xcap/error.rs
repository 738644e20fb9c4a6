//! Why a server refused a request with 409 (RFC 4825 section 11): `application/xcap-error+xml`.

use crate::payload::xml::name::XCAP_ERROR;
use crate::payload::xml::record::{choice, document, record};

record! {
    /// The document would not be one of its schema.
    #[derive(Default)]
    pub struct SchemaValidationError = XCAP_ERROR, "schema-validation-error" {
        /// Words for people.
        pub phrase: Option<String> = attribute("phrase"),
    }

    /// The body is no element.
    #[derive(Default)]
    pub struct NotXmlFrag = XCAP_ERROR, "not-xml-frag" {
        /// Words for people.
        pub phrase: Option<String> = attribute("phrase"),
    }

    /// What was put could not be got back from there.
    #[derive(Default)]
    pub struct CannotInsert = XCAP_ERROR, "cannot-insert" {
        /// Words for people.
        pub phrase: Option<String> = attribute("phrase"),
    }

    /// The body is no value of an attribute.
    #[derive(Default)]
    pub struct NotXmlAttValue = XCAP_ERROR, "not-xml-att-value" {
        /// Words for people.
        pub phrase: Option<String> = attribute("phrase"),
    }

    /// The body is not well-formed.
    #[derive(Default)]
    pub struct NotWellFormed = XCAP_ERROR, "not-well-formed" {
        /// Words for people.
        pub phrase: Option<String> = attribute("phrase"),
    }

    /// The document would break a rule of its application usage.
    #[derive(Default)]
    pub struct ConstraintFailure = XCAP_ERROR, "constraint-failure" {
        /// Words for people.
        pub phrase: Option<String> = attribute("phrase"),
    }

    /// The selector would still select something.
    #[derive(Default)]
    pub struct CannotDelete = XCAP_ERROR, "cannot-delete" {
        /// Words for people.
        pub phrase: Option<String> = attribute("phrase"),
    }

    /// The document would not be UTF-8.
    #[derive(Default)]
    pub struct NotUtf8 = XCAP_ERROR, "not-utf-8" {
        /// Words for people.
        pub phrase: Option<String> = attribute("phrase"),
    }

    /// What is selected has no parent.
    #[derive(Default)]
    pub struct NoParent = XCAP_ERROR, "no-parent" {
        /// Words for people.
        pub phrase: Option<String> = attribute("phrase"),
        /// The closest ancestor that there is.
        pub ancestor: Option<String> = leaf(XCAP_ERROR, "ancestor"),
    }

    /// What is there already.
    #[derive(Default)]
    pub struct Exists = XCAP_ERROR, "exists" {
        /// Where its value stands.
        pub field: String = attribute("field"),
        /// Values that are free.
        pub alternatives: Vec<String> = leaf(XCAP_ERROR, "alt-value"),
    }

    /// A name or URI is taken.
    #[derive(Default)]
    pub struct UniquenessFailure = XCAP_ERROR, "uniqueness-failure" {
        /// Words for people.
        pub phrase: Option<String> = attribute("phrase"),
        /// What is taken.
        pub exists: Vec<Exists> = node,
    }

    /// A document.
    pub struct XcapError = XCAP_ERROR, "xcap-error" {
        /// Why; an element of an extension is among the others.
        pub cause: Cause = node,
    }
}

choice! {
    /// Why a request was refused.
    pub enum Cause = "error element" {
        /// The document would not be one of its schema.
        SchemaValidationError(SchemaValidationError),
        /// The body is no element.
        NotXmlFrag(NotXmlFrag),
        /// What was put could not be got back from there.
        CannotInsert(CannotInsert),
        /// The body is no value of an attribute.
        NotXmlAttValue(NotXmlAttValue),
        /// The body is not well-formed.
        NotWellFormed(NotWellFormed),
        /// The document would break a rule of its application usage.
        ConstraintFailure(ConstraintFailure),
        /// The selector would still select something.
        CannotDelete(CannotDelete),
        /// The document would not be UTF-8.
        NotUtf8(NotUtf8),
        /// What is selected has no parent.
        NoParent(NoParent),
        /// A name or URI is taken.
        UniquenessFailure(UniquenessFailure),
    }
}

impl Cause {
    /// The words for people, if there are any.
    #[must_use]
    pub fn phrase(&self) -> Option<&str> {
        match self {
            Self::SchemaValidationError(cause) => cause.phrase.as_deref(),
            Self::NotXmlFrag(cause) => cause.phrase.as_deref(),
            Self::CannotInsert(cause) => cause.phrase.as_deref(),
            Self::NotXmlAttValue(cause) => cause.phrase.as_deref(),
            Self::NotWellFormed(cause) => cause.phrase.as_deref(),
            Self::ConstraintFailure(cause) => cause.phrase.as_deref(),
            Self::CannotDelete(cause) => cause.phrase.as_deref(),
            Self::NotUtf8(cause) => cause.phrase.as_deref(),
            Self::NoParent(cause) => cause.phrase.as_deref(),
            Self::UniquenessFailure(cause) => cause.phrase.as_deref(),
            Self::Other(element) => element.attribute("phrase"),
        }
    }
}

document!(XcapError, "application/xcap-error+xml");
