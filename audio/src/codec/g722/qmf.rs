//! The filters that split a signal into two bands of half its rate, and join them again (G.722 sections 3.1 and 4.4).

use super::band::saturate;

/// One half of the filter, which is symmetric.
const HALF: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];
/// What the low and the high band may be: 15 bits.
pub(super) const BAND: std::ops::RangeInclusive<i32> = -16_384..=16_383;

/// The last samples of a filter, older ones first, every other in its own row.
type Past = [[i32; 12]; 2];

/// Splits.
#[derive(Debug, Default)]
pub(super) struct Analysis(Past);

/// Joins.
#[derive(Debug, Default)]
pub(super) struct Synthesis(Past);

impl Analysis {
    /// The low and the high band of the next two samples.
    pub(super) fn split(&mut self, pair: [i16; 2]) -> (i32, i32) {
        let (even, odd) = filter(&mut self.0, pair.map(i32::from));
        let clamp = |value: i32| (value >> 14).clamp(*BAND.start(), *BAND.end());
        (clamp(odd + even), clamp(odd - even))
    }
}

impl Synthesis {
    /// The next two samples.
    pub(super) fn join(&mut self, low: i32, high: i32) -> [i16; 2] {
        let (first, second) = filter(&mut self.0, [low + high, low - high]);
        [second, first].map(|sum| i16::try_from(saturate(sum >> 11)).unwrap_or(0))
    }
}

/// Takes two samples in; the sums over the even and over the odd ones.
fn filter(past: &mut Past, new: [i32; 2]) -> (i32, i32) {
    for (row, new) in past.iter_mut().zip(new) {
        row.rotate_left(1);
        row[11] = new;
    }
    let even = past[0].iter().zip(HALF).map(|(sample, factor)| sample * factor).sum();
    let odd = past[1].iter().zip(HALF.iter().rev()).map(|(sample, factor)| sample * factor).sum();
    (even, odd)
}
