//! The route set of a dialog (RFC 3261 sections 12.1 and 12.2.1.1).

use crate::sip::{Headers, NameAddr, Uri};

use super::DialogError;

/// The proxies that asked to stay between the two sides, nearest first. Frozen when the dialog is made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RouteSet {
    routes: Box<[NameAddr]>,
}

impl RouteSet {
    /// The Record-Route headers in order: the callee's view.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn in_order(message: &Headers) -> Result<Self, DialogError> {
        let routes: Result<Box<[_]>, _> =
            message.record_routes().map(|route| route.map(|route| route.detached())).collect();
        Ok(Self { routes: routes.map_err(|_| DialogError::BadRoute)? })
    }

    /// The Record-Route headers in reverse: the caller's view.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn reversed(message: &Headers) -> Result<Self, DialogError> {
        let mut set = Self::in_order(message)?;
        set.routes.reverse();
        Ok(set)
    }

    /// The URI of the nearest proxy.
    #[must_use]
    pub fn first(&self) -> Option<&Uri> {
        self.routes.first().map(|route| &route.uri)
    }

    /// How many proxies.
    #[must_use]
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// The Request-URI and the Route headers that lead to `target`. A nearest proxy without the `lr` parameter is a strict router: its URI goes
    /// into the request line, stripped of what is not allowed there, and the target comes last in the Route headers.
    #[must_use]
    pub fn address(&self, target: &Uri) -> (Uri, Vec<NameAddr>) {
        match self.routes.split_first() {
            Some((first, rest)) if !first.uri.as_sip().is_some_and(|uri| uri.is_loose_router()) => {
                let mut routes = rest.to_vec();
                routes.push(NameAddr::new(target.clone()));
                let uri = first.uri.as_sip().map_or_else(|| first.uri.clone(), |uri| Uri::Sip(uri.as_request_uri()));
                (uri, routes)
            }
            _ => (target.clone(), self.routes.to_vec()),
        }
    }
}
