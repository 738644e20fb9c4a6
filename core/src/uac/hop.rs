//! Where a request goes next, and the name under which its answer comes back.

use crate::sip::Uri;
use crate::transport::Route;

/// A usage's own name for a request that it sent: responses and the end of its transaction come back under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u32);

impl Ticket {
    /// The name of the `number`th request.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }
}

/// Where a request goes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Hop {
    /// To the route that was chosen: by the application, or by locating the server.
    Route(Route),
    /// To what this URI names; over the flow that the usage has already, where that is a connection to there.
    Uri(Uri),
}
