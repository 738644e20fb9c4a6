//! Values of attributes and of elements that hold text alone.

use crate::time::Utc;

/// A value that is written as text. What is written is read back as the same.
pub trait Value: Sized {
    /// Reads it; none when the text is not of its kind.
    fn read(text: &str) -> Option<Self>;

    /// Its text.
    fn write(&self) -> String;
}

impl Value for String {
    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    fn write(&self) -> String {
        self.clone()
    }
}

/// `xsd:boolean`.
impl Value for bool {
    fn read(text: &str) -> Option<Self> {
        match text.trim_ascii() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Value for $number {
            fn read(text: &str) -> Option<Self> {
                text.trim_ascii().parse().ok()
            }

            fn write(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

numbers! { u16 u32 u64 i32 }

/// `xsd:dateTime`.
impl Value for Utc {
    fn read(text: &str) -> Option<Self> {
        Self::parse_rfc3339(text)
    }

    fn write(&self) -> String {
        self.rfc3339()
    }
}
