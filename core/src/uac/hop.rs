//! Where a request goes next, and the name under which its answer comes back.

use std::net::SocketAddr;

use crate::sip::{NameAddr, Uri};
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

/// A place that a request can go to, and our address toward it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located {
    /// The place.
    pub route: Route,
    /// Our address and port, as the place sees them.
    pub local: SocketAddr,
}

/// A place to send one request to.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Where.
    pub hop: Hop,
    /// Our Contact toward there; `None` leaves the request as it is.
    pub contact: Option<NameAddr>,
}
