//! Transfers of calls by REFER (RFC 3515): one side asks the other to call somebody else, and is told what comes of it.
//!
//! Both are state machines for one REFER inside the dialog of a call, whose INVITE usage sends and receives for them (RFC 5057). A [`Referral`] is
//! the REFER that we sent, a [`Referee`] one that came. The subscription that a REFER makes lives in them: it has one event, one
//! dialog and one end, and needs none of the [`subscription`](crate::subscription)'s own SUBSCRIBE. A REFER outside of any dialog makes a
//! [`Subscription`](crate::subscription::Subscription) where we send it, and a [`Notifier`](crate::notifier::Notifier) where it comes.
//!
//! | file | what it does |
//! |---|---|
//! | `referral` | a REFER that we sent: its answer, the NOTIFYs, 90 s |
//! | `referee` | a REFER that came: NOTIFYs one after the other |
//! | `target` | what Refer-To and Referred-By say |
//! | `sipfrag` | the status line in a NOTIFY (RFC 3420) |

mod referee;
mod referral;
mod sipfrag;
mod target;
#[cfg(test)]
mod tests;

pub use referee::{Notification, Referee};
pub use referral::{News, Referral};
pub use sipfrag::{CONTENT_TYPE, status_line, status_of};
pub use target::{BadRefer, ReferTarget, refer_to};
