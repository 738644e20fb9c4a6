//! Key derivation (RFC 3711 section 4.3, RFC 6188 section 3): the session keys from the master key, once; there is no key derivation rate.

use aes::cipher::KeyInit;
use aes::{Aes128Enc, Aes256Enc};

use super::MasterKey;
use super::counter::key_stream;

/// What a session key is for: the labels of RFC 3711 section 4.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    RtpKey = 0,
    RtpAuth = 1,
    RtpSalt = 2,
    RtcpKey = 3,
    RtcpAuth = 4,
    RtcpSalt = 5,
}

/// Fills `out` with the session key for this use.
pub(super) fn derive(master: &MasterKey, label: Label, out: &mut [u8]) {
    // The salt, with the label at its eighth byte, in front of the 16 bits of the block counter.
    let mut block = [0; 16];
    for (to, from) in block.iter_mut().zip(master.salt()) {
        *to = *from;
    }
    let block = (u128::from_be_bytes(block) ^ (label as u128) << 64).to_be_bytes();
    out.fill(0);
    let key = master.key();
    if let Ok(cipher) = Aes128Enc::new_from_slice(key) {
        key_stream(&cipher, block, out);
    } else if let Ok(cipher) = Aes256Enc::new_from_slice(key) {
        key_stream(&cipher, block, out);
    }
}
