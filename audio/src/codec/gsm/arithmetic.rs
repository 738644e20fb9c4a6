//! The basic operations of the standard (section 5.1): 16 and 32 bits, saturated.

/// The product of two fractions, rounded.
pub(super) fn mult_r(a: i16, b: i16) -> i16 {
    narrow((i32::from(a) * i32::from(b) + 0x4000) >> 15)
}

/// The product of two fractions, cut off.
pub(super) fn mult(a: i16, b: i16) -> i16 {
    narrow((i32::from(a) * i32::from(b)) >> 15)
}

/// Brings a number into 16 bits.
pub(super) fn narrow(value: i32) -> i16 {
    i16::try_from(value.clamp(i32::from(i16::MIN), i32::from(i16::MAX))).unwrap_or(0)
}

/// The size of a number, that of -32,768 cut to 32,767.
pub(super) const fn size(value: i16) -> i16 {
    value.saturating_abs()
}

/// A number with the sign of another.
pub(super) const fn signed(size: i16, like: i16) -> i16 {
    if like < 0 { size.saturating_neg() } else { size }
}

/// How far a number can be moved left until its top bit is next to the sign. 0 for 0.
pub(super) const fn norm(value: i32) -> u32 {
    match value {
        0 => 0,
        ..0 => (!value).leading_zeros() - 1,
        1.. => value.leading_zeros() - 1,
    }
}

/// The quotient of two positive numbers, the first not the larger, as a fraction of 15 bits.
pub(super) fn divide(numerator: i16, denominator: i16) -> i16 {
    if numerator >= denominator {
        return i16::MAX;
    }
    narrow((i32::from(numerator) << 15) / i32::from(denominator))
}
