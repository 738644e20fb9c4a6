//! Reading of big-endian fields from the front of a datagram, shared by RTP and RTCP.

use bytes::{Buf, Bytes};

/// Takes `len` bytes off the front, if there are as many.
pub(super) fn take(data: &mut Bytes, len: usize) -> Option<Bytes> {
    (len <= data.len()).then(|| data.split_to(len))
}

/// Takes one byte off the front.
pub(super) fn take_u8(data: &mut Bytes) -> Option<u8> {
    data.try_get_u8().ok()
}

/// Takes two bytes off the front.
pub(super) fn take_u16(data: &mut Bytes) -> Option<u16> {
    data.try_get_u16().ok()
}

/// Takes four bytes off the front.
pub(super) fn take_u32(data: &mut Bytes) -> Option<u32> {
    data.try_get_u32().ok()
}

/// Takes eight bytes off the front.
pub(super) fn take_u64(data: &mut Bytes) -> Option<u64> {
    data.try_get_u64().ok()
}

/// The whole words of `data`.
pub(super) fn words(data: &[u8]) -> impl Iterator<Item = u32> {
    data.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word))
}
