//! What protects and opens packets, under the session keys of one protocol.

use std::fmt;

use aes::cipher::consts::U16;
use aes::cipher::{BlockCipherEncrypt, BlockSizeUser, KeyInit};
use aes::{Aes128Enc, Aes256Enc};
use bytes::{BufMut, BytesMut};
use zeroize::Zeroizing;

use super::counter::{AUTH_KEY_LEN, Counter};
use super::derive::{Label, derive};
use super::galois::Galois;
use super::{MasterKey, Mki, Suite};

/// AES with a key of either length, as far as it encrypts: neither mode ever decrypts a block.
pub(super) trait Cipher: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit + Send {}

impl<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit + Send> Cipher for C {}

/// One way to protect packets. `header` are the bytes at the front that stay as they are.
///
/// What opens looks at nothing but the tag first: when it is wrong, what is in the buffer is nobody's.
pub(super) trait Transform: Send {
    /// Encrypts and appends the trailer. False when the cipher cannot do as much.
    fn seal_rtp(&self, packet: &mut BytesMut, header: usize, place: Place, mki: Option<Mki>) -> bool;
    /// The same for control packets; the index goes into the trailer.
    fn seal_rtcp(&self, packet: &mut BytesMut, place: Place, mki: Option<Mki>) -> bool;
    /// Checks the tag, decrypts, and cuts off the trailer. False when the tag is wrong.
    fn open_rtp(&self, packet: &mut BytesMut, header: usize, place: Place, mki: Option<Mki>) -> bool;
    /// The word with the E flag and the index, if the packet is long enough for a whole trailer.
    fn rtcp_word(&self, packet: &[u8], mki: Option<Mki>) -> Option<u32>;
    /// The same for control packets, of which this is the word with the E flag and the index.
    fn open_rtcp(&self, packet: &mut BytesMut, ssrc: u32, word: u32, mki: Option<Mki>) -> bool;
}

/// Which packet of all it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) ssrc: u32,
    /// The roll-over counter and the sequence number; the 31 bits of SRTCP.
    pub(super) index: u64,
}

/// Which of the two protocols a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Rtp,
    Rtcp,
}

/// The transform of this protocol under this key. `None` never comes with a key that has the length of its suite.
pub(super) fn transform(master: &MasterKey, protocol: Protocol) -> Option<Box<dyn Transform>> {
    let (key_label, auth_label, salt_label) = match protocol {
        Protocol::Rtp => (Label::RtpKey, Label::RtpAuth, Label::RtpSalt),
        Protocol::Rtcp => (Label::RtcpKey, Label::RtcpAuth, Label::RtcpSalt),
    };
    let suite = master.suite();
    let mut key = Zeroizing::new([0; 32]);
    let key = key.get_mut(..suite.key_len())?;
    derive(master, key_label, key);
    let mut salt = Zeroizing::new([0; 14]);
    derive(master, salt_label, &mut *salt);
    let mut auth = Zeroizing::new([0; AUTH_KEY_LEN]);
    derive(master, auth_label, &mut *auth);
    let tag_len = suite.tag_len(protocol);
    Some(match suite {
        Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 => {
            Box::new(Counter::<Aes128Enc>::new(key, *salt, &*auth, tag_len)?)
        }
        Suite::Aes256CmHmacSha1_80 | Suite::Aes256CmHmacSha1_32 => {
            Box::new(Counter::<Aes256Enc>::new(key, *salt, &*auth, tag_len)?)
        }
        Suite::AeadAes128Gcm => Box::new(Galois::<Aes128Enc>::new(key, *salt.first_chunk()?)?),
        Suite::AeadAes256Gcm => Box::new(Galois::<Aes256Enc>::new(key, *salt.first_chunk()?)?),
    })
}

impl fmt::Debug for dyn Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transform(..)")
    }
}

/// Appends the identifier.
pub(super) fn put_mki(packet: &mut BytesMut, mki: Option<Mki>) {
    if let Some(mki) = mki {
        packet.put_slice(mki.bytes().get(..usize::from(mki.len)).unwrap_or_default());
    }
}

/// Bytes that the identifier takes.
pub(super) fn mki_len(mki: Option<Mki>) -> usize {
    mki.map_or(0, |mki| usize::from(mki.len))
}
