//! Event packages (RFC 6665 section 5): what can be subscribed to, notified of and published.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sip::{Builder, HeaderName, Kind, Text};

/// How many dialogs one SUBSCRIBE may make, when proxies fork it (RFC 6665 section 5.4.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forking {
    /// One: the NOTIFYs of the others are answered with 481.
    One,
    /// Several, each of which speaks for a part of the resource.
    Several,
}

/// An event package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Its name, as in Event headers.
    pub name: Text,
    /// The media types of its notifications, the package's own first.
    pub accept: Vec<Text>,
    /// What becomes of a SUBSCRIBE that is forked.
    pub forking: Forking,
    /// Whether incoming subscriptions to it are offered to the application; others are answered with 489. An `Allow-Events` header lists them.
    pub notifies: bool,
}

impl Package {
    /// A package that can be subscribed to.
    #[must_use]
    pub fn new(name: &str, accept: &[&str], forking: Forking) -> Self {
        let accept = accept.iter().map(|media_type| Text::from(*media_type)).collect();
        Self { name: Text::from(name), accept, forking, notifies: false }
    }

    /// The same, offered to others.
    #[must_use]
    pub fn with_notifier(mut self) -> Self {
        self.notifies = true;
        self
    }
}

/// The packages that are known without more ado: those of the reference, and those of RFC 3680, 4235, 4575 and 3515.
#[must_use]
pub fn default_packages() -> Vec<Package> {
    vec![
        // RFC 3856 sections 6.3 and 6.9; RFC 5263 for partial presence; RFC 4662 section 4.2 for lists of resources.
        Package::new(
            "presence",
            &["application/pidf+xml", "application/pidf-diff+xml", "application/rlmi+xml", "multipart/related"],
            Forking::One,
        ),
        // RFC 3857 section 4.9.
        Package::new("presence.winfo", &["application/watcherinfo+xml"], Forking::Several),
        Package::new("dialog.winfo", &["application/watcherinfo+xml"], Forking::Several),
        // RFC 3842 section 3.10.
        Package::new("message-summary", &["application/simple-message-summary"], Forking::Several),
        // RFC 5875 section 4.9.
        Package::new("xcap-diff", &["application/xcap-diff+xml"], Forking::One),
        // RFC 4235 section 3.9.
        Package::new("dialog", &["application/dialog-info+xml"], Forking::Several),
        // RFC 3680 section 4.9.
        Package::new("reg", &["application/reginfo+xml"], Forking::One),
        // RFC 4575 section 3.8.
        Package::new("conference", &["application/conference-info+xml"], Forking::One),
        // RFC 3515 section 3.9.
        Package::new("refer", &["message/sipfrag"], Forking::Several).with_notifier(),
    ]
}

/// The package of this name; its case matters (RFC 6665 section 8.2.1).
#[must_use]
pub fn find<'p>(packages: &'p [Package], name: &str) -> Option<&'p Package> {
    packages.iter().find(|package| package.name.as_str() == name)
}

/// What becomes of a SUBSCRIBE for a package that is forked; of one that is not known only one notifier is heard.
#[must_use]
pub fn forking(packages: &[Package], name: &str) -> Forking {
    find(packages, name).map_or(Forking::One, |package| package.forking)
}

/// The value of an `Allow-Events` header: the packages that we can be a notifier of (RFC 6665 section 4.4.4).
#[derive(Clone, Copy, Debug)]
pub struct AllowEvents<'p>(pub &'p [Package]);

impl fmt::Display for AllowEvents<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, package) in self.0.iter().filter(|package| package.notifies).enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { ", " }, package.name)?;
        }
        Ok(())
    }
}

impl AllowEvents<'_> {
    /// Adds the header to a message that makes a dialog, where there is something to say.
    pub fn on<M: Kind>(self, builder: Builder<M>) -> Builder<M> {
        if self.0.iter().any(|package| package.notifies) {
            builder.field(HeaderName::AllowEvents, self)
        } else {
            builder
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_with_their_case() {
        let packages = default_packages();
        assert_eq!(find(&packages, "presence").map(|package| package.forking), Some(Forking::One));
        assert_eq!(find(&packages, "Presence"), None);
        assert_eq!(find(&packages, "presence.winfo").map(|package| package.forking), Some(Forking::Several));
    }

    #[test]
    fn only_what_we_notify_of_is_allowed() {
        let mut packages = default_packages();
        assert_eq!(AllowEvents(&packages).to_string(), "refer");
        packages.push(Package::new("weather", &["text/plain"], Forking::One).with_notifier());
        packages.push(Package::new("tide", &["text/plain"], Forking::One).with_notifier());
        assert_eq!(AllowEvents(&packages).to_string(), "refer, weather, tide");
    }
}
