//! Calls and registrations through proxies that record routes, challenge, fork and fail, over a network that loses, repeats, reorders and
//! delays. The watchers of [`property`](sipsimple_testsuite::property) look on.
//!
//! | file | what it tests |
//! |---|---|
//! | `calls` | calls through one proxy: route sets, challenges |
//! | `forks` | many callees at once |
//! | `failover` | two ways to the callee, of which the first fails (RFC 3263 section 4.3) |
//!
//! A failing run tells its seed; `SIPSIMPLE_SEED` runs it again.

mod calls;
mod failover;
mod forks;
mod scene;
