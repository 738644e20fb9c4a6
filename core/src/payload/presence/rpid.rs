//! Rich presence (RFC 4480): what a person does, how they feel, where they are, and more, within presence documents.

use super::super::xml::name::{RPID, XML};
use super::super::xml::record::{marks, record, words};
use super::super::xml::{Attribute, Element};
use crate::time::Utc;

marks! {
    /// What a person does (RFC 4480 section 3.2).
    pub enum Activity in RPID {
        /// `unknown`.
        Unknown = "unknown",
        /// `appointment`.
        Appointment = "appointment",
        /// `away`.
        Away = "away",
        /// `breakfast`.
        Breakfast = "breakfast",
        /// `busy`.
        Busy = "busy",
        /// `dinner`.
        Dinner = "dinner",
        /// `holiday`.
        Holiday = "holiday",
        /// `in-transit`.
        InTransit = "in-transit",
        /// `looking-for-work`.
        LookingForWork = "looking-for-work",
        /// `meal`.
        Meal = "meal",
        /// `meeting`.
        Meeting = "meeting",
        /// `on-the-phone`.
        OnThePhone = "on-the-phone",
        /// `performance`.
        Performance = "performance",
        /// `permanent-absence`.
        PermanentAbsence = "permanent-absence",
        /// `playing`.
        Playing = "playing",
        /// `presentation`.
        Presentation = "presentation",
        /// `shopping`.
        Shopping = "shopping",
        /// `sleeping`.
        Sleeping = "sleeping",
        /// `spectator`.
        Spectator = "spectator",
        /// `steering`.
        Steering = "steering",
        /// `travel`.
        Travel = "travel",
        /// `tv`.
        Tv = "tv",
        /// `vacation`.
        Vacation = "vacation",
        /// `working`.
        Working = "working",
        /// `worship`.
        Worship = "worship",
    }
}

marks! {
    /// How a person feels (RFC 4480 section 3.3).
    pub enum Feeling in RPID {
        /// `unknown`.
        Unknown = "unknown",
        /// `afraid`.
        Afraid = "afraid",
        /// `amazed`.
        Amazed = "amazed",
        /// `angry`.
        Angry = "angry",
        /// `annoyed`.
        Annoyed = "annoyed",
        /// `anxious`.
        Anxious = "anxious",
        /// `ashamed`.
        Ashamed = "ashamed",
        /// `bored`.
        Bored = "bored",
        /// `brave`.
        Brave = "brave",
        /// `calm`.
        Calm = "calm",
        /// `cold`.
        Cold = "cold",
        /// `confused`.
        Confused = "confused",
        /// `contented`.
        Contented = "contented",
        /// `cranky`.
        Cranky = "cranky",
        /// `curious`.
        Curious = "curious",
        /// `depressed`.
        Depressed = "depressed",
        /// `disappointed`.
        Disappointed = "disappointed",
        /// `disgusted`.
        Disgusted = "disgusted",
        /// `distracted`.
        Distracted = "distracted",
        /// `embarrassed`.
        Embarrassed = "embarrassed",
        /// `excited`.
        Excited = "excited",
        /// `flirtatious`.
        Flirtatious = "flirtatious",
        /// `frustrated`.
        Frustrated = "frustrated",
        /// `grumpy`.
        Grumpy = "grumpy",
        /// `guilty`.
        Guilty = "guilty",
        /// `happy`.
        Happy = "happy",
        /// `hot`.
        Hot = "hot",
        /// `humbled`.
        Humbled = "humbled",
        /// `humiliated`.
        Humiliated = "humiliated",
        /// `hungry`.
        Hungry = "hungry",
        /// `hurt`.
        Hurt = "hurt",
        /// `impressed`.
        Impressed = "impressed",
        /// `in_awe`.
        InAwe = "in_awe",
        /// `in_love`.
        InLove = "in_love",
        /// `indignant`.
        Indignant = "indignant",
        /// `interested`.
        Interested = "interested",
        /// `invincible`.
        Invincible = "invincible",
        /// `jealous`.
        Jealous = "jealous",
        /// `lonely`.
        Lonely = "lonely",
        /// `mean`.
        Mean = "mean",
        /// `moody`.
        Moody = "moody",
        /// `nervous`.
        Nervous = "nervous",
        /// `neutral`.
        Neutral = "neutral",
        /// `offended`.
        Offended = "offended",
        /// `playful`.
        Playful = "playful",
        /// `proud`.
        Proud = "proud",
        /// `relieved`.
        Relieved = "relieved",
        /// `remorseful`.
        Remorseful = "remorseful",
        /// `restless`.
        Restless = "restless",
        /// `sad`.
        Sad = "sad",
        /// `sarcastic`.
        Sarcastic = "sarcastic",
        /// `serious`.
        Serious = "serious",
        /// `shocked`.
        Shocked = "shocked",
        /// `shy`.
        Shy = "shy",
        /// `sick`.
        Sick = "sick",
        /// `sleepy`.
        Sleepy = "sleepy",
        /// `stressed`.
        Stressed = "stressed",
        /// `surprised`.
        Surprised = "surprised",
        /// `thirsty`.
        Thirsty = "thirsty",
        /// `worried`.
        Worried = "worried",
    }
}

marks! {
    /// What noise there is (RFC 4480 section 3.4).
    pub enum Audible in RPID {
        /// `noisy`.
        Noisy = "noisy",
        /// `ok`.
        Ok = "ok",
        /// `quiet`.
        Quiet = "quiet",
        /// `unknown`.
        Unknown = "unknown",
    }
}

marks! {
    /// What light there is (RFC 4480 section 3.4).
    pub enum Visible in RPID {
        /// `toobright`.
        Toobright = "toobright",
        /// `ok`.
        Ok = "ok",
        /// `dark`.
        Dark = "dark",
        /// `unknown`.
        Unknown = "unknown",
    }
}

marks! {
    /// Whether text can be read and written (RFC 4480 section 3.4).
    pub enum Readable in RPID {
        /// `uncomfortable`.
        Uncomfortable = "uncomfortable",
        /// `inappropriate`.
        Inappropriate = "inappropriate",
        /// `ok`.
        Ok = "ok",
        /// `unknown`.
        Unknown = "unknown",
    }
}

marks! {
    /// Who another contact is to the person (RFC 4480 section 3.7).
    pub enum Kin in RPID {
        /// `assistant`.
        Assistant = "assistant",
        /// `associate`.
        Associate = "associate",
        /// `family`.
        Family = "family",
        /// `friend`.
        Friend = "friend",
        /// `self`.
        Oneself = "self",
        /// `supervisor`.
        Supervisor = "supervisor",
        /// `unknown`.
        Unknown = "unknown",
    }
}

marks! {
    /// What kind of service it is (RFC 4480 section 3.8).
    pub enum Service in RPID {
        /// `courier`.
        Courier = "courier",
        /// `electronic`.
        Electronic = "electronic",
        /// `freight`.
        Freight = "freight",
        /// `in-person`.
        InPerson = "in-person",
        /// `postal`.
        Postal = "postal",
        /// `unknown`.
        Unknown = "unknown",
    }
}

marks! {
    /// The sphere of life that a person is in (RFC 4480 section 3.9).
    pub enum Role in RPID {
        /// `home`.
        Home = "home",
        /// `work`.
        Work = "work",
        /// `unknown`.
        Unknown = "unknown",
    }
}

marks! {
    /// The kind of place (RFC 4480 section 3.5); those of RFC 4589 are elements of an extension.
    pub enum Place in RPID {
    }
}

words! {
    /// Whether somebody uses it (RFC 4480 section 3.12).
    pub enum Usage {
        /// Used, or used within the threshold.
        Active = "active",
        /// Not used for longer than that.
        Idle = "idle",
    }
}

record! {
    /// A remark.
    #[derive(Default)]
    pub struct Note = RPID, "note" {
        /// Its language.
        pub language: Option<String> = attribute(XML, "lang"),
        /// Its text.
        pub text: String = text,
    }

    /// What a person does (RFC 4480 section 3.2).
    #[derive(Default)]
    pub struct Activities = RPID, "activities" {
        /// Names it within the document.
        pub id: Option<String> = attribute("id"),
        /// From when it holds.
        pub from: Option<Utc> = attribute("from"),
        /// Until when it holds.
        pub until: Option<Utc> = attribute("until"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// Remarks.
        pub notes: Vec<Note> = node,
        /// The activities.
        pub activities: Vec<Activity> = node,
    }

    /// How a person feels (RFC 4480 section 3.3).
    #[derive(Default)]
    pub struct Mood = RPID, "mood" {
        /// Names it within the document.
        pub id: Option<String> = attribute("id"),
        /// From when it holds.
        pub from: Option<Utc> = attribute("from"),
        /// Until when it holds.
        pub until: Option<Utc> = attribute("until"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// Remarks.
        pub notes: Vec<Note> = node,
        /// The feelings.
        pub feelings: Vec<Feeling> = node,
    }

    /// The `audio` of a place (RFC 4480 section 3.4).
    #[derive(Default)]
    pub struct PlaceAudio = RPID, "audio" {
        /// How it is.
        pub is: Vec<Audible> = node,
    }

    /// The `video` of a place (RFC 4480 section 3.4).
    #[derive(Default)]
    pub struct PlaceVideo = RPID, "video" {
        /// How it is.
        pub is: Vec<Visible> = node,
    }

    /// The `text` of a place (RFC 4480 section 3.4).
    #[derive(Default)]
    pub struct PlaceText = RPID, "text" {
        /// How it is.
        pub is: Vec<Readable> = node,
    }

    /// How suitable a place is for communication (RFC 4480 section 3.4).
    #[derive(Default)]
    pub struct PlaceIs = RPID, "place-is" {
        /// Names it within the document.
        pub id: Option<String> = attribute("id"),
        /// From when it holds.
        pub from: Option<Utc> = attribute("from"),
        /// Until when it holds.
        pub until: Option<Utc> = attribute("until"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// Remarks.
        pub notes: Vec<Note> = node,
        /// For sound.
        pub audio: Option<PlaceAudio> = node,
        /// For pictures.
        pub video: Option<PlaceVideo> = node,
        /// For text.
        pub text: Option<PlaceText> = node,
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// What kind of place it is (RFC 4480 section 3.5).
    #[derive(Default)]
    pub struct PlaceType = RPID, "place-type" {
        /// Names it within the document.
        pub id: Option<String> = attribute("id"),
        /// From when it holds.
        pub from: Option<Utc> = attribute("from"),
        /// Until when it holds.
        pub until: Option<Utc> = attribute("until"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// Remarks.
        pub notes: Vec<Note> = node,
        /// The kinds.
        pub places: Vec<Place> = node,
    }

    /// Which kinds of communication others can overhear least (RFC 4480 section 3.6).
    #[derive(Default)]
    pub struct Privacy = RPID, "privacy" {
        /// Names it within the document.
        pub id: Option<String> = attribute("id"),
        /// From when it holds.
        pub from: Option<Utc> = attribute("from"),
        /// Until when it holds.
        pub until: Option<Utc> = attribute("until"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// Remarks.
        pub notes: Vec<Note> = node,
        /// Nobody knows.
        pub unknown: bool = flag(RPID, "unknown"),
        /// Not sound.
        pub audio: bool = flag(RPID, "audio"),
        /// Not text.
        pub text: bool = flag(RPID, "text"),
        /// Not pictures.
        pub video: bool = flag(RPID, "video"),
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }

    /// Who another contact is to the person (RFC 4480 section 3.7).
    #[derive(Default)]
    pub struct Relationship = RPID, "relationship" {
        /// Remarks.
        pub notes: Vec<Note> = node,
        /// Who.
        pub kin: Vec<Kin> = node,
    }

    /// What kind of service it is (RFC 4480 section 3.8).
    #[derive(Default)]
    pub struct ServiceClass = RPID, "service-class" {
        /// Remarks.
        pub notes: Vec<Note> = node,
        /// The kinds.
        pub services: Vec<Service> = node,
    }

    /// The sphere of life that a person is in (RFC 4480 section 3.9).
    #[derive(Default)]
    pub struct Sphere = RPID, "sphere" {
        /// Names it within the document.
        pub id: Option<String> = attribute("id"),
        /// From when it holds.
        pub from: Option<Utc> = attribute("from"),
        /// Until when it holds.
        pub until: Option<Utc> = attribute("until"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// The spheres.
        pub roles: Vec<Role> = node,
    }

    /// A picture of the status (RFC 4480 section 3.10).
    #[derive(Default)]
    pub struct StatusIcon = RPID, "status-icon" {
        /// Names it within the document.
        pub id: Option<String> = attribute("id"),
        /// From when it holds.
        pub from: Option<Utc> = attribute("from"),
        /// Until when it holds.
        pub until: Option<Utc> = attribute("until"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// The URI of the picture.
        pub uri: String = text,
    }

    /// How far local time is from UTC (RFC 4480 section 3.11).
    #[derive(Default)]
    pub struct TimeOffset = RPID, "time-offset" {
        /// Names it within the document.
        pub id: Option<String> = attribute("id"),
        /// From when it holds.
        pub from: Option<Utc> = attribute("from"),
        /// Until when it holds.
        pub until: Option<Utc> = attribute("until"),
        /// A name of the time zone.
        pub description: Option<String> = attribute("description"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// Minutes.
        pub minutes: i32 = text,
    }

    /// Whether somebody uses a device or service (RFC 4480 section 3.12).
    pub struct UserInput = RPID, "user-input" {
        /// Names it within the document.
        pub id: Option<String> = attribute("id"),
        /// Seconds without use after which it is idle.
        pub idle_threshold: Option<u32> = attribute("idle-threshold"),
        /// When it was last used.
        pub last_input: Option<Utc> = attribute("last-input"),
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// Whether it is used.
        pub usage: Usage = text,
    }
}
