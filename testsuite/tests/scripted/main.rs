//! Properties of transactions, dialogs, offers and answers, told by a scripted peer: what an agent sends is compared message by message and to
//! the millisecond. The watchers of [`property`](sipsimple_testsuite::property) look on.
//!
//! | file | properties |
//! |---|---|
//! | `client` | ICT, NCT, UAC: client transactions |
//! | `server` | IST, NST: server transactions |
//! | `matching` | MAT, VIA |
//! | `transport` | TRN |
//! | `uas` | UAS |
//! | `cancel` | CAN |
//! | `dialog` | DLG |
//! | `offer_answer` | OA |
//! | `proposals` | re-INVITEs at the level of sessions: refusals, holds, what ends what |
//! | `endings` | what a BYE, a CANCEL or silence ends, in each state of a session |
//! | `races` | the races of RFC 5407 |
//! | `chaos` | all of them, with a peer and a network that do anything |

mod cancel;
mod chaos;
mod client;
mod dialog;
mod endings;
mod late_offer;
mod manager;
mod matching;
mod offer_answer;
mod proposals;
mod races;
mod scene;
mod server;
mod told;
mod transport;
mod uas;
