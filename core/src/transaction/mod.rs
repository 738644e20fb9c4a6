//! Transactions (RFC 3261 section 17, RFC 6026, RFC 4320): four machines and their table.
//!
//! A machine takes what happened and the time, and says in [`Action`]s what follows: it knows neither sockets nor its peers among the
//! transactions. The [`Table`] owns all machines of an agent, finds the one that a message is for, and speaks with the transaction user
//! above it in [`Output`]s.
//!
//! | | client | server |
//! |---|---|---|
//! | INVITE | [`InviteClient`] | [`InviteServer`] |
//! | other | [`NonInviteClient`] | [`NonInviteServer`] |
//!
//! The table does nothing by itself: it is given the time with each call, and called again when [`Table::deadline`] has come.
//!
//! ```
//! use sipsimple_core::limits::Limits;
//! use sipsimple_core::outbox::Outbox;
//! use sipsimple_core::random::{Random, Seed};
//! use sipsimple_core::sip::{Method, Request, Via};
//! use sipsimple_core::time::Instant;
//! use sipsimple_core::transaction::{End, Output, Table, Timer, Timers};
//!
//! // Ways are named by whatever can be compared: here by numbers.
//! let mut table: Table<u8> = Table::new(Timers::default(), &Limits::default(), &mut Random::new(&Seed::from_u64(1)));
//! let mut out = Outbox::new();
//!
//! let via = Via::new("UDP", "192.0.2.1".parse()?, None).with_param("branch", Some("z9hG4bK74bf9"));
//! let options = Request::build(Method::Options, &"sip:bob@biloxi.com".parse()?).header(&via).finish()?;
//! let id = table.request(Instant::ZERO, options, 1, false, &mut out)?;
//! assert!(matches!(out.pop(), Some(Output::Send { flow: 1, .. })));
//! assert_eq!(table.deadline(), Some((Instant::from_millis(500), Timer::E)));
//!
//! // Nobody answers.
//! while let Some((at, _)) = table.deadline() {
//!     table.timeout(at, &mut out);
//! }
//! let last = std::iter::from_fn(|| out.pop()).last();
//! assert!(matches!(last, Some(Output::Ended { id: ended, end: End::Timeout }) if ended == id));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod derived;
mod invite_client;
mod invite_server;
mod key;
mod machine;
mod non_invite_client;
mod non_invite_server;
mod output;
mod retransmission;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod timers;
mod trying;

pub use invite_client::InviteClient;
pub use invite_server::InviteServer;
pub use non_invite_client::NonInviteClient;
pub use non_invite_server::NonInviteServer;
pub use output::{Output, StartError};
pub use state::{Action, End, Kind, RespondError, State};
pub use table::{Arrival, Table};
pub use timers::{Timer, Timers};
pub use trying::Trying;
