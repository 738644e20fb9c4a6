//! What tests of codecs run on: a signal that swells and fades, and a fingerprint of what came out.

/// So many samples of noise under an envelope, the same on every machine.
pub(super) fn swelling_noise(len: usize) -> Vec<i16> {
    let (mut state, mut low) = (12_345u32, 0i32);
    (0..len)
        .map(|at| {
            state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            // The low frequencies prevail, as in speech.
            low += ((state >> 16) as i32 - 32_768 - low) >> 2;
            let swell = (at / 7 % 512) as i32;
            ((low * swell.min(512 - swell)) >> 8).clamp(-32_768, 32_767) as i16
        })
        .collect()
}

/// FNV-1a of 64 bits.
pub(super) fn fingerprint(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
