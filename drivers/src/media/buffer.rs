//! One buffer that all media sockets are read into.

use std::io::{Error, ErrorKind, Result};
use std::net::{SocketAddr, UdpSocket};

use bytes::{Bytes, BytesMut};

/// Bytes of the longest packet that is taken: more than fits an Ethernet frame. Longer datagrams are dropped.
const PACKET: usize = 2048;

/// Bytes that are taken from the system at once. They are used again when the packets in them are gone.
const CHUNK: usize = 64 * 1024;

/// The buffer. What is read is split off, so that a packet costs neither a copy nor an allocation of its own.
#[derive(Debug, Default)]
pub(super) struct PacketBuffer {
    space: BytesMut,
}

impl PacketBuffer {
    /// Reads a datagram.
    pub(super) fn receive(&mut self, socket: &UdpSocket) -> Result<(Bytes, SocketAddr)> {
        if self.space.len() <= PACKET {
            self.space.clear();
            self.space.reserve(CHUNK);
            self.space.resize(CHUNK, 0);
        }
        let (len, from) = socket.recv_from(&mut self.space[..=PACKET])?;
        if len > PACKET {
            return Err(Error::from(ErrorKind::InvalidData));
        }
        Ok((self.space.split_to(len).freeze(), from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_whole_and_stay_as_they_are() {
        let (to, from) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let mut buffer = PacketBuffer::default();
        let mut packets = Vec::new();
        for n in 0..100_u8 {
            let sent = vec![n; PACKET - usize::from(n)];
            from.send_to(&sent, to.local_addr().unwrap()).unwrap();
            let (packet, source) = buffer.receive(&to).unwrap();
            assert_eq!(source, from.local_addr().unwrap());
            packets.push((packet, sent));
        }
        assert!(packets.iter().all(|(packet, sent)| packet == sent));
    }

    #[test]
    fn a_datagram_that_is_too_long_is_refused() {
        let (to, from) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let mut buffer = PacketBuffer::default();
        for len in [PACKET + 1, 60_000] {
            from.send_to(&vec![1; len], to.local_addr().unwrap()).unwrap();
            assert_eq!(buffer.receive(&to).unwrap_err().kind(), ErrorKind::InvalidData);
        }
        from.send_to(b"next", to.local_addr().unwrap()).unwrap();
        assert_eq!(buffer.receive(&to).unwrap().0, "next");
    }
}
