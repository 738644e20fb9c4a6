//! What a hostile peer may do to transactions, dialogs, authentication and connections. An agent whose tables are small is attacked while a friend's call
//! goes on: no panic, at most one reply per packet, caps that hold, everything forgotten in the end, and a call that goes on as before.
//!
//! | subject | where |
//! |---|---|
//! | INVITEs whose connections close or whose branches repeat | `flood` |
//! | floods of requests, calls that nobody acknowledges, SUBSCRIBEs that nobody ends | `flood` |
//! | forks without end, of calls and of subscriptions | `forks` |
//! | redirections without end, REFER and Replaces unasked for | `consent` |
//! | spoofed responses, CANCEL and BYE of somebody else | `spoofed` |
//! | challenges to an answered call, or of another realm | `challenges` |
//! | challenges without end, huge or of unknown algorithms | `challenges` |
//! | requests outside of any dialog or subscription | `consent` |
//! | subscription states at the edge, NOTIFY after the end | `states` |
//! | times at the edge: Session-Expires, Min-SE, Expires, Retry-After | `numbers` |
//! | numbers at the edge: RSeq, CSeq | `numbers` |
//! | streams that stall, never end or are too many | `streams` |
//! | certificates of another name | the tests of the drivers (`tls`) and of the core's transport |
//!
//! The numbers of PIDF, dialog-info and the like are in the core's tests of payloads.

mod challenges;
mod consent;
mod flood;
mod forks;
mod numbers;
mod spoofed;
mod states;
mod streams;
mod victim;
