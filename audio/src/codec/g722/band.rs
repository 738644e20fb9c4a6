//! One band: quantisation, the step that adapts to the signal, and the prediction of the next sample (G.722 sections 3.2 to 3.6, 6.2).

use super::Mode;
use super::qmf::BAND;

/// Decision levels of the low band's quantiser.
const LEVELS: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339,
    1458, 1612, 1765, 1980, 2195, 2557, 2919,
];
/// What the 16 coarser intervals of the low band stand for: the predictor uses only four of the six bits.
const LOW_4: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];
/// What 32 intervals of the low band stand for, of a decoder that knows five of the six bits.
const LOW_5: [i32; 32] = [
    -280, -280, -23352, -17560, -14120, -11664, -9752, -8184, -6864, -5712, -4696, -3784, -2960, -2208, -1520, -880,
    23352, 17560, 14120, 11664, 9752, 8184, 6864, 5712, 4696, 3784, 2960, 2208, 1520, 880, 280, -280,
];
/// What the 64 intervals of the low band stand for.
const LOW_6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576,
    -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040,
    -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
    4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];
/// What the four intervals of the high band stand for.
const HIGH_2: [i32; 4] = [-7408, -1616, 7408, 1616];
/// How much the logarithm of the low band's step changes, by the coarser interval.
const LOW_STEPS: [i32; 16] = [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60];
/// The same for the high band.
const HIGH_STEPS: [i32; 4] = [798, -214, 798, -214];
/// Powers of two by thirty-seconds, from 2^11 on.
const POWERS: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025,
    3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

/// Brings a sum into 16 bits.
pub(super) fn saturate(value: i32) -> i32 {
    value.clamp(-0x8000, 0x7fff)
}

/// The coder or decoder of one band.
#[derive(Debug)]
pub(super) struct Band {
    /// Logarithm of the step; its largest value, and what the shift of the step starts from.
    log_step: i32,
    most: i32,
    shift: i32,
    step: i32,
    predictor: Predictor,
}

/// Predicts the next sample by two poles and six zeros.
#[derive(Debug, Default)]
struct Predictor {
    /// The last two sums of differences and zeros, newest first.
    partial: [i32; 2],
    /// The last two reconstructed samples, newest first.
    samples: [i32; 2],
    poles: [i32; 2],
    /// The last six differences, newest first.
    differences: [i32; 6],
    zeros: [i32; 6],
    /// What the zeros alone give, and the whole prediction.
    by_zeros: i32,
    prediction: i32,
}

impl Band {
    pub(super) fn low() -> Self {
        Self { log_step: 0, most: 18_432, shift: 8, step: 32, predictor: Predictor::default() }
    }

    pub(super) fn high() -> Self {
        Self { log_step: 0, most: 22_528, shift: 10, step: 8, predictor: Predictor::default() }
    }

    /// Six bits.
    pub(super) fn encode_low(&mut self, sample: i32) -> u8 {
        let difference = saturate(sample - self.predictor.prediction);
        let size = if difference < 0 { -(difference + 1) } else { difference };
        let interval = LEVELS.iter().take_while(|level| size >= (**level * self.step) >> 12).count();
        // The codes go down from 61 for the smallest positive difference, and from 31 for the negative ones but the first two.
        let code = match (difference < 0, interval) {
            (true, 0) => 63,
            (true, 1) => 62,
            (true, _) => 33 - interval,
            (false, _) => 61 - interval,
        };
        // Below 64.
        let code = u8::try_from(code).unwrap_or(0);
        self.adapt_low(code);
        code
    }

    /// Takes six bits, looks at as many as the mode has, and gives the sample of the band.
    pub(super) fn decode_low(&mut self, code: u8, mode: Mode) -> i32 {
        let code = code & 0x3f;
        let interval = match mode {
            Mode::Kbit64 => LOW_6[usize::from(code)],
            Mode::Kbit56 => LOW_5[usize::from(code >> 1)],
            Mode::Kbit48 => LOW_4[usize::from(code >> 2)],
        };
        let difference = (self.step * interval) >> 15;
        let sample = (self.predictor.prediction + difference).clamp(*BAND.start(), *BAND.end());
        self.adapt_low(code);
        sample
    }

    fn adapt_low(&mut self, code: u8) {
        let coarse = usize::from(code >> 2 & 0x0f);
        let difference = (self.step * LOW_4[coarse]) >> 15;
        self.adapt(LOW_STEPS[coarse], difference);
    }

    /// Two bits.
    pub(super) fn encode_high(&mut self, sample: i32) -> u8 {
        let difference = saturate(sample - self.predictor.prediction);
        let size = if difference < 0 { -(difference + 1) } else { difference };
        let large = size >= (564 * self.step) >> 12;
        let code = match (difference < 0, large) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        self.decode_high(code);
        code
    }

    /// Takes two bits and gives the sample of the band.
    pub(super) fn decode_high(&mut self, code: u8) -> i32 {
        let code = usize::from(code & 3);
        let difference = (self.step * HIGH_2[code]) >> 15;
        let sample = (self.predictor.prediction + difference).clamp(*BAND.start(), *BAND.end());
        self.adapt(HIGH_STEPS[code], difference);
        sample
    }

    fn adapt(&mut self, change: i32, difference: i32) {
        self.log_step = (((self.log_step * 127) >> 7) + change).clamp(0, self.most);
        let power = POWERS[(self.log_step >> 6 & 31).unsigned_abs() as usize];
        let shift = self.shift - (self.log_step >> 11);
        self.step = if shift < 0 { power << -shift } else { power >> shift } << 2;
        self.predictor.update(difference);
    }
}

impl Predictor {
    fn update(&mut self, difference: i32) {
        let sample = saturate(self.prediction + difference);
        let partial = saturate(self.by_zeros + difference);
        self.move_poles(partial);
        let gain = if difference == 0 { 0 } else { 128 };
        for (zero, before) in self.zeros.iter_mut().zip(self.differences) {
            let towards = if (before < 0) == (difference < 0) { gain } else { -gain };
            *zero = saturate(towards + ((*zero * 32_640) >> 15));
        }
        self.partial = [partial, self.partial[0]];
        self.samples = [sample, self.samples[0]];
        self.differences.rotate_right(1);
        self.differences[0] = difference;
        let product = |factor: i32, value: i32| (factor * saturate(2 * value)) >> 15;
        let by_poles = saturate(product(self.poles[0], self.samples[0]) + product(self.poles[1], self.samples[1]));
        let terms = self.zeros.iter().zip(self.differences).map(|(zero, before)| product(*zero, before));
        self.by_zeros = saturate(terms.sum());
        self.prediction = saturate(by_poles + self.by_zeros);
    }

    fn move_poles(&mut self, partial: i32) {
        let same = self.partial.map(|before| (before < 0) == (partial < 0));
        let first = saturate(4 * self.poles[0]);
        let first = if same[0] { (-first).min(0x7fff) } else { first };
        let second = if same[1] { 128 } else { -128 };
        let second = (second + (first >> 7) + ((self.poles[1] * 32_512) >> 15)).clamp(-12_288, 12_288);
        let limit = saturate(15_360 - second);
        let first = if same[0] { 192 } else { -192 };
        let first = saturate(first + ((self.poles[0] * 32_640) >> 15)).clamp(-limit, limit);
        self.poles = [first, second];
    }
}
