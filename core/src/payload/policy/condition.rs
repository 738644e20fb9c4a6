//! The conditions of rules (RFC 4745 section 7, and those of the Open Mobile Alliance).

use serde::{Deserialize, Serialize};

use crate::payload::xml::name::{AGP_COMMON_POLICY, COMMON_POLICY, OMA_COMMON_POLICY};
use crate::payload::xml::record::{Node, choice, record};
use crate::payload::xml::{Attribute, Element, Name, Value};
use crate::payload::{Error, Fault};
use crate::time::Utc;

record! {
    /// One watcher.
    #[derive(Default)]
    pub struct One = COMMON_POLICY, "one" {
        /// Their URI.
        pub id: String = attribute("id"),
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// Who is excepted: one by `id`, or all of a domain.
    #[derive(Default)]
    pub struct Except = COMMON_POLICY, "except" {
        /// A domain.
        pub domain: Option<String> = attribute("domain"),
        /// A URI.
        pub id: Option<String> = attribute("id"),
    }

    /// All authenticated watchers, or all of a domain.
    #[derive(Default)]
    pub struct Many = COMMON_POLICY, "many" {
        /// The domain.
        pub domain: Option<String> = attribute("domain"),
        /// Who is excepted.
        pub excepts: Vec<Except> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// Who the watcher is; one match is enough (RFC 4745 section 7.1).
    #[derive(Default)]
    pub struct Identity = COMMON_POLICY, "identity" {
        /// Who.
        pub members: Vec<IdentityMember> = node,
    }

    /// In which sphere the presentity is (RFC 4745 section 7.3).
    #[derive(Default)]
    pub struct Sphere = COMMON_POLICY, "sphere" {
        /// The sphere.
        pub value: String = attribute("value"),
    }

    /// The watcher matches no other rule.
    #[derive(Default)]
    pub struct OtherIdentity = OMA_COMMON_POLICY, "other-identity" {}

    /// The watcher hides who they are.
    #[derive(Default)]
    pub struct AnonymousRequest = OMA_COMMON_POLICY, "anonymous-request" {}

    /// A list that watchers may be in.
    #[derive(Default)]
    pub struct ExternalEntry = OMA_COMMON_POLICY, "entry" {
        /// Where the list is: an HTTP URI, percent-encoded.
        pub anchor: Option<String> = attribute("anc"),
        /// Other attributes.
        pub attributes: Vec<Attribute> = more,
    }

    /// The watcher is in one of these lists.
    #[derive(Default)]
    pub struct ExternalList = OMA_COMMON_POLICY, "external-list" {
        /// The lists.
        pub entries: Vec<ExternalEntry> = node,
    }

    /// What no server understands, and so never holds.
    #[derive(Default)]
    pub struct FalseCondition = AGP_COMMON_POLICY, "false-condition" {}
}

choice! {
    /// Who a watcher may be.
    pub enum IdentityMember = "identity" {
        /// One.
        One(One),
        /// Many.
        Many(Many),
    }
}

choice! {
    /// A condition.
    pub enum Condition = "condition" {
        /// Who the watcher is.
        Identity(Identity),
        /// In which sphere the presentity is.
        Sphere(Sphere),
        /// When it is.
        Validity(Validity),
        /// The watcher matches no other rule.
        OtherIdentity(OtherIdentity),
        /// The watcher is in a list.
        ExternalList(ExternalList),
        /// The watcher hides who they are.
        AnonymousRequest(AnonymousRequest),
        /// Never.
        False(FalseCondition),
    }
}

/// When it is: in any of these intervals (RFC 4745 section 7.4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// From when, until when.
    pub intervals: Vec<(Utc, Utc)>,
}

impl Node for Validity {
    const WHAT: &'static str = "validity";

    fn is(name: &Name) -> bool {
        name.is(COMMON_POLICY, "validity")
    }

    fn read(element: Element) -> Result<Self, Error> {
        let mut intervals = Vec::new();
        let mut begin = None;
        for bound in element.elements() {
            let fail = |what: &'static str| Error::new(bound.at, Fault::Value(what.into()));
            let date = || Utc::parse_rfc3339(&bound.text());
            if bound.name.is(COMMON_POLICY, "from") && begin.is_none() {
                begin = Some(date().ok_or_else(|| fail("from"))?);
            } else if bound.name.is(COMMON_POLICY, "until")
                && let Some(begin) = begin.take()
            {
                intervals.push((begin, date().ok_or_else(|| fail("until"))?));
            } else {
                return Err(fail("validity"));
            }
        }
        if begin.is_some() {
            return Err(Error::new(element.at, Fault::Missing("until")));
        }
        Ok(Self { intervals })
    }

    fn write(&self) -> Element {
        self.intervals.iter().fold(Element::new(COMMON_POLICY, "validity"), |element, (from, until)| {
            element
                .with(Element::new(COMMON_POLICY, "from").with_text(from.write()))
                .with(Element::new(COMMON_POLICY, "until").with_text(until.write()))
        })
    }
}
