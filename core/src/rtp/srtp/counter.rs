//! AES in counter mode with HMAC-SHA1 (RFC 3711 section 4, RFC 6188).
//!
//! ```text
//!  RTP   header │ encrypted │ MKI │ tag                 tag over header, encrypted, roll-over counter
//!  RTCP  header │ encrypted │ E, index │ MKI │ tag      tag over all in front of the MKI
//! ```

use aes::cipher::{InnerIvInit, StreamCipher, StreamCipherCoreWrapper};
use bytes::{BufMut, BytesMut};
use ctr::CtrCore;
use ctr::flavors::Ctr128BE;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use zeroize::Zeroize;

use super::transform::{Cipher, Place, Transform, mki_len, put_mki};
use super::{ENCRYPTED, INDEX_LEN, Mki, RTCP_HEADER};

/// Bytes of the key of HMAC-SHA1 (RFC 3711 section 5.2).
pub(super) const AUTH_KEY_LEN: usize = 20;

/// Counter mode and an HMAC.
pub(super) struct Counter<C> {
    cipher: C,
    salt: [u8; 14],
    mac: Hmac<Sha1>,
    tag_len: usize,
}

/// Applies the key stream that starts at this counter block.
pub(super) fn key_stream<C: Cipher>(cipher: &C, block: [u8; 16], data: &mut [u8]) {
    let core = CtrCore::<&C, Ctr128BE>::inner_iv_init(cipher, &block.into());
    StreamCipherCoreWrapper::from_core(core).apply_keystream(data);
}

impl<C: Cipher> Counter<C> {
    pub(super) fn new(key: &[u8], salt: [u8; 14], auth: &[u8], tag_len: usize) -> Option<Self> {
        let cipher = C::new_from_slice(key).ok()?;
        Some(Self { cipher, salt, mac: Hmac::new_from_slice(auth).ok()?, tag_len })
    }

    /// Encrypts, or decrypts, what is behind the header (RFC 3711 section 4.1.1).
    fn crypt(&self, place: Place, data: Option<&mut [u8]>) {
        let mut block = [0; 16];
        for (to, from) in block.iter_mut().zip(self.salt) {
            *to = from;
        }
        let block = u128::from_be_bytes(block) ^ u128::from(place.ssrc) << 64 ^ u128::from(place.index) << 16;
        key_stream(&self.cipher, block.to_be_bytes(), data.unwrap_or_default());
    }

    fn put_tag(&self, packet: &mut BytesMut, more: &[u8], mki: Option<Mki>) {
        let tag = self.mac.clone().chain_update(&*packet).chain_update(more).finalize().into_bytes();
        put_mki(packet, mki);
        packet.put_slice(tag.get(..self.tag_len).unwrap_or_default());
    }

    /// Whether the tag at the end is right, in a time that does not depend on where it differs; cuts off what is behind the first `len` bytes.
    fn take_tag(&self, packet: &mut BytesMut, len: usize, more: &[u8]) -> bool {
        let tag = packet.len().checked_sub(self.tag_len).and_then(|at| packet.get(at..));
        let (Some(signed), Some(tag)) = (packet.get(..len), tag) else { return false };
        let genuine = self.mac.clone().chain_update(signed).chain_update(more).verify_truncated_left(tag).is_ok();
        packet.truncate(len);
        genuine
    }

    fn trailer(&self, mki: Option<Mki>) -> usize {
        self.tag_len + mki_len(mki)
    }
}

impl<C: Cipher> Transform for Counter<C> {
    fn seal_rtp(&self, packet: &mut BytesMut, header: usize, place: Place, mki: Option<Mki>) -> bool {
        self.crypt(place, packet.get_mut(header..));
        self.put_tag(packet, &roll_over(place.index), mki);
        true
    }

    fn seal_rtcp(&self, packet: &mut BytesMut, place: Place, mki: Option<Mki>) -> bool {
        self.crypt(place, packet.get_mut(RTCP_HEADER..));
        packet.put_u32(ENCRYPTED | u32::try_from(place.index).unwrap_or(u32::MAX));
        self.put_tag(packet, &[], mki);
        true
    }

    fn open_rtp(&self, packet: &mut BytesMut, header: usize, place: Place, mki: Option<Mki>) -> bool {
        let len = packet.len().checked_sub(self.trailer(mki)).filter(|len| *len >= header);
        let genuine = len.is_some_and(|len| self.take_tag(packet, len, &roll_over(place.index)));
        if genuine {
            self.crypt(place, packet.get_mut(header..));
        }
        genuine
    }

    fn rtcp_word(&self, packet: &[u8], mki: Option<Mki>) -> Option<u32> {
        let end = packet.len().checked_sub(self.trailer(mki))?;
        let start = end.checked_sub(INDEX_LEN).filter(|start| *start >= RTCP_HEADER)?;
        packet.get(start..end)?.first_chunk().map(|word| u32::from_be_bytes(*word))
    }

    fn open_rtcp(&self, packet: &mut BytesMut, ssrc: u32, word: u32, mki: Option<Mki>) -> bool {
        let len = packet.len().saturating_sub(self.trailer(mki));
        if !self.take_tag(packet, len, &[]) {
            return false;
        }
        packet.truncate(len.saturating_sub(INDEX_LEN));
        if word & ENCRYPTED != 0 {
            self.crypt(Place { ssrc, index: u64::from(word & !ENCRYPTED) }, packet.get_mut(RTCP_HEADER..));
        }
        true
    }
}

/// The bits of an index that are not in the packet, as the tag covers them.
fn roll_over(index: u64) -> [u8; 4] {
    u32::try_from(index >> 16).unwrap_or(u32::MAX).to_be_bytes()
}

impl<C> Drop for Counter<C> {
    /// Cipher and HMAC overwrite their own keys.
    fn drop(&mut self) {
        self.salt.zeroize();
    }
}
