//! Rules of who may see what (RFC 4745): `application/auth-policy+xml`, with those for presence (RFC 5025), the conditions of the Open Mobile
//! Alliance, and those for dialog information.
//!
//! A rule applies when all its conditions hold. A condition that nobody understands does not hold, so unknown ones are kept and never dropped.

mod condition;
#[cfg(test)]
mod tests;
mod transformation;

pub use condition::{
    AnonymousRequest, Condition, Except, ExternalEntry, ExternalList, FalseCondition, Identity, IdentityMember, Many,
    One, OtherIdentity, Sphere, Validity,
};
pub use transformation::{
    ProvideDevices, ProvidePersons, ProvideServices, ProvideUnknownAttribute, ProvideUserInput, Transformations,
};

use super::xml::name::{AGP_COMMON_POLICY, COMMON_POLICY, DIALOG_RULES, PRES_RULES};
use super::xml::record::{document, record, words};
use super::xml::{Attribute, Element};
use super::{Error, Fault};
use crate::limits::Limits;

words! {
    /// What becomes of a subscription (RFC 5025 section 3.2.1); the later one prevails when several rules apply.
    pub enum SubHandling {
        /// It is refused.
        Block = "block",
        /// The user is asked.
        Confirm = "confirm",
        /// It seems to be accepted, and nothing true is told.
        PoliteBlock = "polite-block",
        /// It is accepted.
        Allow = "allow",
    }
}

record! {
    /// The conditions of a rule (RFC 4745 section 7).
    #[derive(Default)]
    pub struct Conditions = COMMON_POLICY, "conditions" {
        /// The conditions.
        pub conditions: Vec<Condition> = node,
    }

    /// The actions of a rule (RFC 4745 section 8).
    #[derive(Default)]
    pub struct Actions = COMMON_POLICY, "actions" {
        /// What becomes of a subscription to presence.
        pub sub_handling: Option<SubHandling> = leaf(PRES_RULES, "sub-handling"),
        /// What becomes of a subscription to dialogs.
        pub dialog_sub_handling: Option<SubHandling> = leaf(DIALOG_RULES, "sub-handling"),
        /// Other actions.
        pub extensions: Vec<Element> = extensions,
    }

    /// A rule (RFC 4745 section 6).
    #[derive(Default)]
    pub struct Rule = COMMON_POLICY, "rule" {
        /// Its id, that of no other rule.
        pub id: String = attribute("id"),
        /// Attributes of extensions.
        pub more: Vec<Attribute> = more,
        /// When it applies; without any, always.
        pub conditions: Option<Conditions> = node,
        /// What then is done.
        pub actions: Option<Actions> = node,
        /// What then is shown.
        pub transformations: Option<Transformations> = node,
        /// Its name for people.
        pub display_name: Option<String> = leaf(AGP_COMMON_POLICY, "display-name"),
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// A document (RFC 4745 section 6).
    #[derive(Default)]
    pub struct Ruleset = COMMON_POLICY, "ruleset" {
        /// Attributes of extensions.
        pub more: Vec<Attribute> = more,
        /// The rules.
        pub rules: Vec<Rule> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }
}

impl Ruleset {
    /// The content type of such a document.
    pub const CONTENT_TYPE: &'static str = "application/auth-policy+xml";

    /// Reads a document.
    ///
    /// # Errors
    /// When it is not well-formed, exceeds a limit, is not such a document, or gives two rules one id.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Error> {
        let this = Self::read_document(bytes, limits)?;
        let mut seen = std::collections::BTreeSet::new();
        if this.rules.iter().all(|rule| seen.insert(rule.id.as_str())) {
            Ok(this)
        } else {
            Err(Error::new(0, Fault::Repeated("id")))
        }
    }

    /// The rule with this id.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }
}

document!(Ruleset);
