//! ChannelData: a peer's datagram behind four bytes (RFC 8656 section 12.4).

use bytes::{BufMut, Bytes, BytesMut};

/// The numbers of channels.
pub const NUMBERS: std::ops::RangeInclusive<u16> = 0x4000..=0x4fff;

/// Puts data into a channel. `None` when it is too long to be told.
#[must_use]
pub fn wrap(number: u16, data: &[u8]) -> Option<Bytes> {
    let length = u16::try_from(data.len()).ok()?;
    let mut message = BytesMut::with_capacity(4 + data.len());
    message.put_u16(number);
    message.put_u16(length);
    message.put_slice(data);
    Some(message.freeze())
}

/// Takes data out of a channel: its number, and the data, behind which there may be padding.
#[must_use]
pub fn unwrap(message: &Bytes) -> Option<(u16, Bytes)> {
    let (&[a, b, c, d], rest) = message.split_first_chunk::<4>()?;
    let (number, length) = (u16::from_be_bytes([a, b]), usize::from(u16::from_be_bytes([c, d])));
    if !NUMBERS.contains(&number) || length > rest.len() || rest.len() - length > 3 {
        return None;
    }
    Some((number, message.slice(4..4 + length)))
}
