//! Sockets: bound to an address and one of several ports, and opened from a local address.

use std::io::{Error, ErrorKind, Result};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};

use async_io::Async;
use sipsimple_core::transport::Port;
use socket2::{Domain, Protocol, Socket, Type};

/// Connections that wait to be accepted. Bursts of a few hundred calls come within a millisecond in load tests.
const BACKLOG: i32 = 1024;

/// Bytes the system is asked to keep of datagrams not yet read; it may grant less.
const DATAGRAM_BUFFER: usize = 1 << 20;

/// A bound UDP socket that does not block. An IPv6 socket carries IPv6 only, so that one for IPv4 may have the same port.
pub(crate) fn udp(addr: IpAddr, port: Port) -> Result<Async<UdpSocket>> {
    first_free(port, |port| {
        let socket = new(addr, Type::DGRAM, Protocol::UDP)?;
        // A smaller buffer than asked for is no reason to fail.
        let _ = socket.set_recv_buffer_size(DATAGRAM_BUFFER);
        socket.bind(&SocketAddr::new(addr, port).into())?;
        Async::new_nonblocking(socket.into())
    })
}

/// A TCP listener that does not block. A port whose last connections still linger may be bound again at once.
pub(crate) fn listener(addr: IpAddr, port: Port) -> Result<Async<TcpListener>> {
    first_free(port, |port| {
        let socket = new(addr, Type::STREAM, Protocol::TCP)?;
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::new(addr, port).into())?;
        socket.listen(BACKLOG)?;
        Async::new_nonblocking(socket.into())
    })
}

/// A connection to `to`, opened from the local address `from` if that matters.
pub(crate) async fn connect(to: SocketAddr, from: Option<IpAddr>) -> Result<Async<TcpStream>> {
    let socket = new(to.ip(), Type::STREAM, Protocol::TCP)?;
    if let Some(from) = from {
        socket.bind(&SocketAddr::new(from, 0).into())?;
    }
    match socket.connect(&to.into()) {
        Ok(()) => {}
        Err(error) if is_under_way(&error) => {}
        Err(error) => return Err(error),
    }
    let stream = Async::<TcpStream>::new_nonblocking(socket.into())?;
    stream.writable().await?;
    match stream.get_ref().take_error()? {
        Some(error) => Err(error),
        // Without an error, a connection that has a peer is open.
        None => stream.get_ref().peer_addr().map(|_| stream),
    }
}

/// The local address that packets to `toward` carry; `None` where there is no route. Nothing is sent.
#[must_use]
pub fn local_address(toward: SocketAddr) -> Option<IpAddr> {
    let any: SocketAddr = if toward.is_ipv4() { ([0; 4], 0).into() } else { ([0; 16], 0).into() };
    let socket = UdpSocket::bind(any).ok()?;
    // Some systems refuse port 0, and the route does not depend on the port: 9 is the discard service.
    let port = if toward.port() == 0 { 9 } else { toward.port() };
    let mut toward = toward;
    toward.set_port(port);
    socket.connect(toward).ok()?;
    socket.local_addr().ok().map(|local| local.ip())
}

fn new(addr: IpAddr, kind: Type, protocol: Protocol) -> Result<Socket> {
    let domain = if addr.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// Whether this is what a connection that does not block says first.
fn is_under_way(error: &Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(libc::EINPROGRESS) {
        return true;
    }
    error.kind() == ErrorKind::WouldBlock
}

/// Tries the ports until one is free.
fn first_free<T>(port: Port, mut bind: impl FnMut(u16) -> Result<T>) -> Result<T> {
    let (low, high) = match port {
        Port::Fixed(port) => return bind(port),
        Port::Random => return bind(0),
        Port::Range(low, high) => (low, high),
    };
    let mut last = Error::from(ErrorKind::AddrInUse);
    for port in low..=high {
        match bind(port) {
            Ok(bound) => return Ok(bound),
            Err(error) if matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied) => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn a_range_skips_what_is_taken() {
        let taken = udp(LOOPBACK, Port::Random).unwrap();
        let first = taken.get_ref().local_addr().unwrap().port();
        let error = udp(LOOPBACK, Port::Fixed(first)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let last = first.saturating_add(50);
        let port = udp(LOOPBACK, Port::Range(first, last)).unwrap().get_ref().local_addr().unwrap().port();
        assert!(port > first && port <= last, "{port} after {first}");
        assert_eq!(udp(LOOPBACK, Port::Range(first, first)).unwrap_err().kind(), ErrorKind::AddrInUse);
        assert_eq!(udp(LOOPBACK, Port::Range(9, 8)).unwrap_err().kind(), ErrorKind::AddrInUse);
    }

    #[test]
    fn an_address_that_is_not_ours_cannot_be_bound() {
        // TEST-NET-1 of RFC 5737: no machine has it.
        let error = listener(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), Port::Range(20_000, 20_010)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    }

    #[test]
    fn both_address_families_may_have_one_port() {
        let v6 = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        for _ in 0..20 {
            let first = udp(v6, Port::Random).unwrap();
            let port = first.get_ref().local_addr().unwrap().port();
            // The port may be taken on IPv4 by somebody else: then another one is tried.
            if udp(IpAddr::V4(Ipv4Addr::UNSPECIFIED), Port::Fixed(port)).is_ok() {
                return;
            }
        }
        panic!("no port was free for both");
    }

    #[test]
    fn the_local_address_is_that_of_the_route() {
        assert_eq!(local_address("127.0.0.1:5060".parse().unwrap()), Some(LOOPBACK));
        assert_eq!(local_address("127.0.0.1:0".parse().unwrap()), Some(LOOPBACK));
        assert_eq!(local_address("[::1]:5060".parse().unwrap()), Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
    }

    #[test]
    fn a_connection_comes_from_the_address_asked_for() {
        smol::block_on(async {
            let listener = listener(LOOPBACK, Port::Random).unwrap();
            let to = listener.get_ref().local_addr().unwrap();
            let stream = connect(to, Some(LOOPBACK)).await.unwrap();
            let (_, peer) = listener.accept().await.unwrap();
            assert_eq!(stream.get_ref().local_addr().unwrap(), peer);
            drop(listener);
            assert_eq!(connect(to, None).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        });
    }
}
