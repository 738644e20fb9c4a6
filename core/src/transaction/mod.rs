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
