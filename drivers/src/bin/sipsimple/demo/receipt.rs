//! Whether what was said and sent in the demo's exchange has arrived.

use std::fmt;

use serde_json::{Value, json};
use sipsimple_core::msrp::FileHash;

/// What was sent and what was got, compared.
#[derive(Debug)]
pub(super) struct Receipt {
    /// What was sent.
    of: &'static str,
    /// How it came, as a part of a sentence.
    words: String,
    good: bool,
}

impl Receipt {
    /// Compares what each side said with what the other one got.
    pub(super) fn of_chat(said: [&str; 2], got: [&[String]; 2]) -> Self {
        let [by_caller, by_callee] = said;
        let good = got == [&[by_callee.to_owned()], &[by_caller.to_owned()]];
        let words = if good {
            "chat both ways".into()
        } else {
            format!("in the chat alice got {:?}, bob got {:?}", got[0], got[1])
        };
        Self { of: "chat", words, good }
    }

    /// Compares the hash of what was sent with that of what is stored; each with its size.
    pub(super) fn of_file(name: &str, sent: &(u64, FileHash), stored: &(u64, FileHash)) -> Self {
        let (good, size, hash) = (sent == stored, stored.0, &stored.1);
        let words = if good {
            format!("bob got the file {name}, {size} bytes, hashes equal: {hash}")
        } else {
            format!("bob got the file {name}, {size} bytes with {hash} instead of {} with {}", sent.0, sent.1)
        };
        Self { of: "file", words, good }
    }

    /// It has not come.
    pub(super) const fn missing(of: &'static str, words: String) -> Self {
        Self { of, words, good: false }
    }

    /// What is wrong, as a part of a sentence.
    pub(super) fn fault(&self) -> Option<String> {
        (!self.good).then(|| self.words.clone())
    }

    /// The same for programs.
    pub(super) fn data(&self) -> Value {
        json!({ "of": self.of, "words": self.words, "good": self.good })
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} over msrp: {}", if self.good { "good" } else { "BAD " }, self.words)
    }
}

#[cfg(test)]
mod tests {
    use sipsimple_core::msrp::HashAlgorithm;

    use super::*;

    fn file(size: u64, byte: u8) -> (u64, FileHash) {
        (size, FileHash { algorithm: HashAlgorithm::Sha1, digest: vec![byte; 20] })
    }

    #[test]
    fn a_file_is_good_when_its_hash_and_its_size_are_those_of_what_was_sent() {
        let good = Receipt::of_file("a.bin", &file(9, 1), &file(9, 1));
        assert_eq!(good.fault(), None);
        assert!(
            good.to_string().starts_with("good over msrp: bob got the file a.bin, 9 bytes, hashes equal: sha-1:01:")
        );
        for stored in [file(9, 2), file(8, 1)] {
            let bad = Receipt::of_file("a.bin", &file(9, 1), &stored);
            assert!(bad.fault().is_some_and(|fault| fault.contains("instead of 9 with sha-1:01:")));
            assert!(bad.to_string().starts_with("BAD "));
        }
    }

    #[test]
    fn a_chat_is_good_when_each_got_what_the_other_said_and_nothing_else() {
        let said = ["a", "b"];
        let of = |alice: &[&str], bob: &[&str]| {
            let got = [alice, bob].map(|got| got.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
            Receipt::of_chat(said, [&got[0], &got[1]]).fault()
        };
        assert_eq!(of(&["b"], &["a"]), None);
        assert!(of(&["a"], &["b"]).is_some());
        assert!(of(&["b"], &[]).is_some_and(|fault| fault == r#"in the chat alice got ["b"], bob got []"#));
        assert!(of(&["b", "b"], &["a"]).is_some());
    }
}
