//! The two sockets of an RTP session: RTP on an even port, RTCP on the next (RFC 3550 section 11).

use std::io::{Error, ErrorKind, Result};
use std::net::{IpAddr, UdpSocket};

use async_io::Async;
use sipsimple_core::transport::Port;

use crate::network::bind_udp;

/// How often the system is asked for a pair of ports of its choice.
const TRIES: usize = 64;

/// Hands out ports round robin, so that packets of a stream that has ended do not reach the one that follows it.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    /// The range that was asked for last, and where to look next in it.
    next: Option<((u16, u16), u16)>,
}

/// The sockets of RTP and RTCP.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) rtp: Async<UdpSocket>,
    pub(crate) rtcp: Async<UdpSocket>,
}

impl Ports {
    /// Binds the next free pair whose two ports lie in `range`, both ends included; any pair for `(0, 0)`.
    pub(crate) fn bind(&mut self, local: IpAddr, range: (u16, u16)) -> Result<Pair> {
        if range == (0, 0) {
            return any(local);
        }
        let (first, last) = rtp_ports(range).ok_or(ErrorKind::AddrInUse)?;
        let pairs = (last - first) / 2 + 1;
        let start = match self.next {
            Some((of, next)) if of == range => next,
            _ => first,
        };
        for offset in 0..pairs {
            // The place in the ring of pairs: all fits, as no place is beyond `last`.
            let place = (u32::from(start - first) / 2 + u32::from(offset)) % u32::from(pairs);
            let port = first + u16::try_from(place * 2).unwrap_or(0);
            match pair(local, port) {
                Ok(pair) => {
                    self.next = Some((range, if port == last { first } else { port + 2 }));
                    return Ok(pair);
                }
                Err(error) if is_taken(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Err(ErrorKind::AddrInUse.into())
    }
}

/// A pair that the system picks: it picks one port, and the pair around it is tried.
fn any(local: IpAddr) -> Result<Pair> {
    let mut last = Error::from(ErrorKind::AddrInUse);
    for _ in 0..TRIES {
        let picked = bind_udp(local, Port::Random)?;
        let port = picked.get_ref().local_addr()?.port();
        let pair = if port % 2 == 0 {
            bind_udp(local, Port::Fixed(port.saturating_add(1))).map(|rtcp| Pair { rtp: picked, rtcp })
        } else {
            bind_udp(local, Port::Fixed(port - 1)).map(|rtp| Pair { rtp, rtcp: picked })
        };
        match pair {
            Ok(pair) => return Ok(pair),
            Err(error) if is_taken(&error) => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

fn pair(local: IpAddr, port: u16) -> Result<Pair> {
    Ok(Pair { rtp: bind_udp(local, Port::Fixed(port))?, rtcp: bind_udp(local, Port::Fixed(port + 1))? })
}

fn is_taken(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied)
}

/// The lowest and the highest port for RTP in a range.
fn rtp_ports((low, high): (u16, u16)) -> Option<(u16, u16)> {
    let first = low.max(1).checked_next_multiple_of(2)?;
    let last = high.checked_sub(1)? & !1;
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn numbers(pair: &Pair) -> (u16, u16) {
        let port = |socket: &Async<UdpSocket>| socket.get_ref().local_addr().unwrap().port();
        (port(&pair.rtp), port(&pair.rtcp))
    }

    /// An even port with `count` free ports from it, freed a moment ago.
    fn free(count: u16) -> u16 {
        for _ in 0..100 {
            let first = numbers(&any(V4).unwrap()).0;
            let all: Result<Vec<_>> = (0..count).map(|n| bind_udp(V4, Port::Fixed(first.saturating_add(n)))).collect();
            if all.is_ok() {
                return first;
            }
        }
        panic!("no {count} ports in a row are free")
    }

    #[test]
    fn the_system_picks_even_and_odd() {
        for local in [V4, IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            let (rtp, rtcp) = numbers(&Ports::default().bind(local, (0, 0)).unwrap());
            assert_eq!((rtp % 2, rtcp), (0, rtp + 1));
        }
    }

    #[test]
    fn pairs_go_round_robin_and_skip_what_is_taken() {
        let first = free(6);
        let range = (first - 1, first + 6);
        let mut ports = Ports::default();
        let one = ports.bind(V4, range).unwrap();
        assert_eq!(numbers(&one), (first, first + 1));
        drop(one);
        // Free again, but its turn comes last.
        let two = ports.bind(V4, range).unwrap();
        assert_eq!(numbers(&two), (first + 2, first + 3));
        let taken = bind_udp(V4, Port::Fixed(first + 5)).unwrap();
        let three = ports.bind(V4, range).unwrap();
        assert_eq!(numbers(&three), (first, first + 1));
        assert_eq!(ports.bind(V4, range).unwrap_err().kind(), ErrorKind::AddrInUse);
        drop(taken);
        assert_eq!(numbers(&ports.bind(V4, range).unwrap()), (first + 4, first + 5));
    }

    #[test]
    fn a_range_without_a_pair_is_refused() {
        for range in [(50_001, 50_002), (50_000, 50_000), (50_010, 50_000), (65_535, 65_535), (0, 1)] {
            let error = Ports::default().bind(V4, range).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddrInUse, "{range:?}");
        }
    }
}
