//! What of presence is shown (RFC 5025 section 3.3). What is not provided is not shown.

use crate::payload::xml::Element;
use crate::payload::xml::name::{COMMON_POLICY, PRES_RULES};
use crate::payload::xml::record::{record, words};

words! {
    /// What of the use of devices is shown (RFC 5025 section 3.3.2.11).
    pub enum ProvideUserInput {
        /// Nothing.
        False = "false",
        /// Whether they are used.
        Bare = "bare",
        /// And after which time they are taken as idle.
        Thresholds = "thresholds",
        /// Everything.
        Full = "full",
    }
}

record! {
    /// The services that are shown (RFC 5025 section 3.3.1.2).
    #[derive(Default)]
    pub struct ProvideServices = PRES_RULES, "provide-services" {
        /// All.
        pub all: bool = flag(PRES_RULES, "all-services"),
        /// Those with these URIs.
        pub uris: Vec<String> = leaf(PRES_RULES, "service-uri"),
        /// Those with URIs of these schemes.
        pub schemes: Vec<String> = leaf(PRES_RULES, "service-uri-scheme"),
        /// Those with these ids.
        pub occurrence_ids: Vec<String> = leaf(PRES_RULES, "occurrence-id"),
        /// Those of these classes.
        pub classes: Vec<String> = leaf(PRES_RULES, "class"),
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// The devices that are shown (RFC 5025 section 3.3.1.1).
    #[derive(Default)]
    pub struct ProvideDevices = PRES_RULES, "provide-devices" {
        /// All.
        pub all: bool = flag(PRES_RULES, "all-devices"),
        /// These.
        pub device_ids: Vec<String> = leaf(PRES_RULES, "deviceID"),
        /// Those with these ids.
        pub occurrence_ids: Vec<String> = leaf(PRES_RULES, "occurrence-id"),
        /// Those of these classes.
        pub classes: Vec<String> = leaf(PRES_RULES, "class"),
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// The persons that are shown (RFC 5025 section 3.3.1.3).
    #[derive(Default)]
    pub struct ProvidePersons = PRES_RULES, "provide-persons" {
        /// All.
        pub all: bool = flag(PRES_RULES, "all-persons"),
        /// Those with these ids.
        pub occurrence_ids: Vec<String> = leaf(PRES_RULES, "occurrence-id"),
        /// Those of these classes.
        pub classes: Vec<String> = leaf(PRES_RULES, "class"),
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// Whether an element of an extension is shown (RFC 5025 section 3.3.2.14).
    #[derive(Default)]
    pub struct ProvideUnknownAttribute = PRES_RULES, "provide-unknown-attribute" {
        /// Its namespace.
        pub namespace: String = attribute("ns"),
        /// Its name.
        pub name: String = attribute("name"),
        /// Whether.
        pub provide: bool = text,
    }

    /// What is shown (RFC 4745 section 9, RFC 5025 section 3.3).
    #[derive(Default)]
    pub struct Transformations = COMMON_POLICY, "transformations" {
        /// Which devices.
        pub provide_devices: Option<ProvideDevices> = node,
        /// Which persons.
        pub provide_persons: Option<ProvidePersons> = node,
        /// Which services.
        pub provide_services: Option<ProvideServices> = node,
        /// What they do.
        pub provide_activities: Option<bool> = leaf(PRES_RULES, "provide-activities"),
        /// Classes.
        pub provide_class: Option<bool> = leaf(PRES_RULES, "provide-class"),
        /// Which devices.
        pub provide_device_id: Option<bool> = leaf(PRES_RULES, "provide-deviceID"),
        /// How they feel.
        pub provide_mood: Option<bool> = leaf(PRES_RULES, "provide-mood"),
        /// How suitable the place is.
        pub provide_place_is: Option<bool> = leaf(PRES_RULES, "provide-place-is"),
        /// What kind of place it is.
        pub provide_place_type: Option<bool> = leaf(PRES_RULES, "provide-place-type"),
        /// What others cannot overhear.
        pub provide_privacy: Option<bool> = leaf(PRES_RULES, "provide-privacy"),
        /// Whose contacts there are.
        pub provide_relationship: Option<bool> = leaf(PRES_RULES, "provide-relationship"),
        /// Pictures of the status.
        pub provide_status_icon: Option<bool> = leaf(PRES_RULES, "provide-status-icon"),
        /// Their sphere of life.
        pub provide_sphere: Option<bool> = leaf(PRES_RULES, "provide-sphere"),
        /// Their time zone.
        pub provide_time_offset: Option<bool> = leaf(PRES_RULES, "provide-time-offset"),
        /// Remarks.
        pub provide_note: Option<bool> = leaf(PRES_RULES, "provide-note"),
        /// Whether devices are used.
        pub provide_user_input: Option<ProvideUserInput> = leaf(PRES_RULES, "provide-user-input"),
        /// Elements of extensions that are shown.
        pub provide_unknown_attributes: Vec<ProvideUnknownAttribute> = node,
        /// Everything of what is provided.
        pub provide_all_attributes: bool = flag(PRES_RULES, "provide-all-attributes"),
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }
}
