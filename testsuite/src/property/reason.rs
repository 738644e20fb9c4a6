//! RSN: why something ends (RFC 3326).
//!
//! - RSN-1: what hosts write can be read: a protocol, a cause that is a number, words between quotes.

use crate::model::Step;
use crate::sip::param;

use super::{Property, Seen, Violations};

/// Watches Reason fields.
#[derive(Debug, Default)]
pub struct Reason;

impl Property for Reason {
    fn seen(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        if !matches!(seen.step, Step::RequestSent { .. } | Step::ResponseSent { .. }) {
            return;
        }
        for value in seen.sight.sip.list("reason") {
            let protocol = value.split(';').next().unwrap_or_default().trim();
            let known = matches!(protocol, "SIP" | "Q.850");
            broken.unless(known, "RSN-1", seen, format!("{protocol} is no protocol"));
            let cause = param(value, "cause").flatten().map(str::parse::<u16>);
            let fits = match cause {
                None => true,
                Some(Ok(cause)) if protocol == "SIP" => (100..700).contains(&cause),
                Some(Ok(cause)) => cause < 128,
                Some(Err(_)) => false,
            };
            broken.unless(fits, "RSN-1", seen, "the cause is out of its range");
            let text = param(value, "text").flatten();
            let quoted = |text: &str| text.len() >= 2 && text.starts_with('"') && text.ends_with('"');
            broken.unless(text.is_none_or(quoted), "RSN-1", seen, "the words are not quoted");
        }
    }
}
