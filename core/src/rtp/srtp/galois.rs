//! AES in Galois counter mode (RFC 7714).
//!
//! ```text
//!  RTP   header │ encrypted │ tag │ MKI                 associated data: the header
//!  RTCP  header │ encrypted │ tag │ E, index │ MKI      associated data: header, E and index
//!        packet as it is    │ tag │ E, index │ MKI      associated data: packet, E and index   (E is 0)
//! ```

use aes::cipher::consts::U12;
use aes_gcm::AesGcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use bytes::{BufMut, BytesMut};
use zeroize::Zeroize;

use super::transform::{Cipher, Place, Transform, mki_len, put_mki};
use super::{ENCRYPTED, INDEX_LEN, Mki, RTCP_HEADER};

/// Bytes of the tag.
pub(super) const TAG_LEN: usize = 16;
/// Bytes of the associated data of an encrypted control packet.
const RTCP_ASSOCIATED: usize = RTCP_HEADER + INDEX_LEN;

/// Galois counter mode.
pub(super) struct Galois<C> {
    cipher: AesGcm<C, U12>,
    salt: [u8; 12],
}

impl<C: Cipher> Galois<C> {
    pub(super) fn new(key: &[u8], salt: [u8; 12]) -> Option<Self> {
        Some(Self { cipher: AesGcm::new_from_slice(key).ok()?, salt })
    }

    /// The initialisation vector (RFC 7714 sections 8.1 and 9.1).
    fn nonce(&self, place: Place) -> [u8; 12] {
        let whole = u128::from(place.ssrc) << 48 | u128::from(place.index);
        let mut nonce = self.salt;
        for (to, from) in nonce.iter_mut().zip(whole.to_be_bytes().into_iter().skip(4)) {
            *to ^= from;
        }
        nonce
    }

    fn seal(&self, place: Place, associated: &[u8], data: &mut [u8]) -> Option<[u8; TAG_LEN]> {
        let nonce = self.nonce(place).into();
        self.cipher.encrypt_inout_detached(&nonce, associated, data.into()).ok().map(Into::into)
    }

    /// Decrypts, if the tag is right.
    fn open(&self, place: Place, associated: &[u8], data: &mut [u8], tag: [u8; TAG_LEN]) -> bool {
        let nonce = self.nonce(place).into();
        self.cipher.decrypt_inout_detached(&nonce, associated, data.into(), &tag.into()).is_ok()
    }
}

impl<C: Cipher> Transform for Galois<C> {
    fn seal_rtp(&self, packet: &mut BytesMut, header: usize, place: Place, mki: Option<Mki>) -> bool {
        let Some((associated, data)) = packet.split_at_mut_checked(header) else { return false };
        let Some(tag) = self.seal(place, associated, data) else { return false };
        packet.put_slice(&tag);
        put_mki(packet, mki);
        true
    }

    fn seal_rtcp(&self, packet: &mut BytesMut, place: Place, mki: Option<Mki>) -> bool {
        let word = ENCRYPTED | u32::try_from(place.index).unwrap_or(u32::MAX);
        let Some((header, data)) = packet.split_first_chunk_mut() else { return false };
        let Some(tag) = self.seal(place, &associated(header, word), data) else { return false };
        packet.put_slice(&tag);
        packet.put_u32(word);
        put_mki(packet, mki);
        true
    }

    fn open_rtp(&self, packet: &mut BytesMut, header: usize, place: Place, mki: Option<Mki>) -> bool {
        packet.truncate(packet.len().saturating_sub(mki_len(mki)));
        let Some(tag) = take_tag(packet, header) else { return false };
        let Some((associated, data)) = packet.split_at_mut_checked(header) else { return false };
        self.open(place, associated, data, tag)
    }

    fn rtcp_word(&self, packet: &[u8], mki: Option<Mki>) -> Option<u32> {
        let end = packet.len().checked_sub(mki_len(mki))?;
        let start = end.checked_sub(INDEX_LEN).filter(|start| *start >= RTCP_HEADER + TAG_LEN)?;
        packet.get(start..end)?.first_chunk().map(|word| u32::from_be_bytes(*word))
    }

    fn open_rtcp(&self, packet: &mut BytesMut, ssrc: u32, word: u32, mki: Option<Mki>) -> bool {
        packet.truncate(packet.len().saturating_sub(INDEX_LEN + mki_len(mki)));
        let Some(tag) = take_tag(packet, RTCP_HEADER) else { return false };
        let place = Place { ssrc, index: u64::from(word & !ENCRYPTED) };
        if word & ENCRYPTED == 0 {
            // The buffer has room for it where the tag was.
            packet.put_u32(word);
            let genuine = self.open(place, packet, &mut [], tag);
            packet.truncate(packet.len().saturating_sub(INDEX_LEN));
            return genuine;
        }
        let Some((header, data)) = packet.split_first_chunk_mut() else { return false };
        self.open(place, &associated(header, word), data, tag)
    }
}

/// Cuts the tag off the end, if there is one behind the header.
fn take_tag(packet: &mut BytesMut, header: usize) -> Option<[u8; TAG_LEN]> {
    let len = packet.len().checked_sub(TAG_LEN).filter(|len| *len >= header)?;
    let tag = packet.last_chunk().copied()?;
    packet.truncate(len);
    Some(tag)
}

fn associated(header: &[u8; RTCP_HEADER], word: u32) -> [u8; RTCP_ASSOCIATED] {
    let mut associated = [0; RTCP_ASSOCIATED];
    for (to, from) in associated.iter_mut().zip(header.iter().copied().chain(word.to_be_bytes())) {
        *to = from;
    }
    associated
}

impl<C> Drop for Galois<C> {
    /// The cipher overwrites its own key.
    fn drop(&mut self) {
        self.salt.zeroize();
    }
}
