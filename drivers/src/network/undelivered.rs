//! Datagrams of ours that the network says it cannot deliver (RFC 3261 section 18.4). Linux tells on request, for each by its destination.

use std::io::Result;
use std::net::{SocketAddr, UdpSocket};

use sipsimple_core::transport::CloseCause;

/// Asks to be told.
#[cfg(target_os = "linux")]
pub(super) fn ask(socket: &UdpSocket) -> Result<()> {
    use nix::sys::socket::setsockopt;
    use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};

    let set = if socket.local_addr()?.is_ipv4() {
        setsockopt(socket, Ipv4RecvErr, &true)
    } else {
        setsockopt(socket, Ipv6RecvErr, &true)
    };
    set.map_err(Into::into)
}

/// What has been told since, oldest first: at most a few at a time.
#[cfg(target_os = "linux")]
pub(super) fn take(socket: &UdpSocket) -> Vec<(SocketAddr, CloseCause)> {
    use std::io::{Error, IoSliceMut};
    use std::os::fd::AsRawFd;

    use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg};

    use super::close_cause::close_cause;

    /// Where an error comes from: ICMP, and ICMP for IPv6 (linux/errqueue.h).
    const ICMP: u8 = 2;
    const ICMP6: u8 = 3;
    const AT_ONCE: usize = 64;

    let mut told = Vec::new();
    for _ in 0..AT_ONCE {
        let (mut data, mut control) = ([0; 1], nix::cmsg_space!([u8; 128]));
        let mut buffers = [IoSliceMut::new(&mut data)];
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let Ok(message) = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut buffers, Some(&mut control), flags)
        else {
            break;
        };
        let to = message.address.as_ref().and_then(|address| {
            let v4 = address.as_sockaddr_in().map(|address| SocketAddr::V4((*address).into()));
            v4.or_else(|| address.as_sockaddr_in6().map(|address| SocketAddr::V6((*address).into())))
        });
        let error = message.cmsgs().ok().and_then(|mut all| {
            all.find_map(|control| match control {
                ControlMessageOwned::Ipv4RecvErr(error, _) | ControlMessageOwned::Ipv6RecvErr(error, _) => Some(error),
                _ => None,
            })
        });
        let (Some(to), Some(error)) = (to, error) else { continue };
        // Unreachable, and parameter problems; not that it took too long, or must be shorter.
        let counts = match (error.ee_origin, error.ee_type, error.ee_code) {
            (ICMP, 3, code) => code != 4,
            (ICMP, 12, _) | (ICMP6, 1 | 4, _) => true,
            _ => false,
        };
        if counts && let Ok(errno) = i32::try_from(error.ee_errno) {
            told.push((to, close_cause(&Error::from_raw_os_error(errno))));
        }
    }
    told
}

/// Nobody to ask.
#[cfg(not(target_os = "linux"))]
pub(super) fn ask(_: &UdpSocket) -> Result<()> {
    Ok(())
}

/// Nothing is told.
#[cfg(not(target_os = "linux"))]
pub(super) fn take(_: &UdpSocket) -> Vec<(SocketAddr, CloseCause)> {
    Vec::new()
}
