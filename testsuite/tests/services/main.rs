//! The services of RFC 5359 and the transfers of RFC 5589, between live agents: what goes over the wire between each two of them is what the RFC draws,
//! provisional 100s and proxies aside.
//!
//! | RFC 5359 | here |
//! |---|---|
//! | 2.1 hold, 2.2 consultation hold | `features` |
//! | 2.4 transfer unattended, 2.5 attended | `transfers`, as RFC 5589 has them |
//! | 2.7 forwarding unconditional | `features`: the caller's part, and that of whom it leads to |
//! | 2.8 forwarding on busy, 2.9 on no answer, 2.12 find-me | `features`: the part of who is called and is busy, or does not answer |
//! | 2.18 click to dial | `features` |
//!
//! The others are services of somebody else, or need what this user agent does not offer: music on hold (2.3) carries the descriptions
//! of one call over into another; transfer by instant message (2.6), screening (2.13, 2.14) and redial (2.17) are an application's; conferences of three (2.10,
//! 2.11) are mixed by an application, or joined with Join (RFC 3911); park (2.15) and pickup (2.16) replace dialogs that an application learned of.
//!
//! | RFC 5589 | here, in `transfers` |
//! |---|---|
//! | 6.2 basic transfer, 6.3.1 target busy, 6.3.2 no answer | each |
//! | 7.1 target exposed, 7.2 protected, 7.3 attended, 7.4 recovery, 7.6 semi-attended, 7.7 fallback | each |
//! | 8 Referred-By | in each |
//!
//! REFER goes out within the call (6.2), and not with Target-Dialog (6.1). 7.5 tries one target after the other where Contacts are not routable, 9 is
//! an ad hoc conference, 10 repeats the others, and 11 is about gateways.

mod features;
mod scene;
mod transfers;
