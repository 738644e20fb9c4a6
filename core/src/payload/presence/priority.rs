//! How much a contact is preferred: a number from 0 to 1 with three decimals (RFC 3863 section 4.1.5).

use serde::{Deserialize, Serialize};

use super::super::xml::Value;

/// A priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Priority(u16);

impl Priority {
    /// So many thousandths, 1000 at most.
    #[must_use]
    pub const fn from_thousandths(thousandths: u16) -> Self {
        Self(if thousandths > 1000 { 1000 } else { thousandths })
    }

    /// Thousandths, 0 to 1000.
    #[must_use]
    pub const fn thousandths(self) -> u16 {
        self.0
    }
}

impl Value for Priority {
    /// More than three decimals are cut, though there should be none.
    fn read(text: &str) -> Option<Self> {
        let text = text.trim_ascii();
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) || (whole.is_empty() && fraction.is_empty()) {
            return None;
        }
        let digits = fraction.bytes().chain([b'0'; 3]).take(3);
        let thousandths = digits.fold(0, |value, digit| value * 10 + u16::from(digit - b'0'));
        match whole {
            "0" | "" => Some(Self(thousandths)),
            "1" if thousandths == 0 => Some(Self(1000)),
            _ => None,
        }
    }

    fn write(&self) -> String {
        let text = format!("{}.{:03}", self.0 / 1000, self.0 % 1000);
        let short = text.trim_end_matches('0');
        if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
    }
}
