//! Where a response goes, by the top Via of its request (RFC 3261 section 18.2.2, RFC 3581 section 4).

use std::net::{IpAddr, SocketAddr};

use super::{Route, Transport};
use crate::sip::Via;

/// Where the response to a request goes that came as a datagram from `peer`: to `maddr`; or, if `rport` was asked for, to where it came from; or
/// to the address it came from and the port of the sent-by.
///
/// That is what `received` says where it is there, and what the sent-by says where it is not; but `received` and the value of `rport` may
/// have been written by the peer, and what we know is not asked of it.
pub(super) fn datagram_target(via: &Via, peer: SocketAddr) -> SocketAddr {
    let group = via.maddr().and_then(|host| host.ip()).filter(|group| group.is_ipv4() == peer.is_ipv4());
    let port = via.port.unwrap_or_else(|| Transport::Udp.default_port());
    if let Some(group) = group {
        return SocketAddr::new(group, port);
    }
    let mut target = peer;
    if via.rport().is_none() {
        target.set_port(port);
    }
    target
}

/// Where a connection is opened for a response when the one its request came on is gone: to `received`, or the sent-by, and the port of the
/// sent-by. `None` when the Via names a host that would have to be looked up, or a transport without connections.
pub(super) fn stream_target(via: &Via) -> Option<Route> {
    let transport: Transport = via.transport.parse().ok()?;
    let address = via.received().or_else(|| via.host.ip())?;
    let port = via.port.unwrap_or_else(|| transport.default_port());
    transport.is_reliable().then_some(Route { address, port, transport })
}

/// Transport, address and port as our own Vias carry them; `None` for a name, which they never do.
pub(super) fn sent_by(via: &Via) -> Option<(Transport, IpAddr, u16)> {
    let transport: Transport = via.transport.parse().ok()?;
    Some((transport, via.host.ip()?, via.port.unwrap_or_else(|| transport.default_port())))
}
