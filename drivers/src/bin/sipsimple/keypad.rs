//! The keys of a telephone, pressed one after the other.

use std::collections::VecDeque;
use std::time::Duration;

use sipsimple_core::time::Instant;

/// How long a DTMF digit sounds, and the time from the start of one to the start of the next. Switches want 40 ms and a
/// pause of 40 ms at least (ITU-T Q.24); people are slower.
pub(crate) const DIGIT: Duration = Duration::from_millis(160);
const DIGIT_TO_DIGIT: Duration = Duration::from_millis(320);

/// Keys that are still to be pressed.
#[derive(Debug, Default)]
pub(crate) struct Keypad {
    keys: VecDeque<char>,
    next: Option<Instant>,
}

impl Keypad {
    /// Presses these keys from this time on, after those that are still to be pressed.
    pub(crate) fn press(&mut self, at: Instant, keys: &[char]) {
        self.keys.extend(keys);
        if !self.keys.is_empty() {
            self.next.get_or_insert(at);
        }
    }

    /// When the next key is pressed.
    pub(crate) const fn due(&self) -> Option<Instant> {
        self.next
    }

    /// The key that is pressed now, if one is.
    pub(crate) fn tick(&mut self, now: Instant) -> Option<char> {
        let at = self.next.filter(|at| *at <= now)?;
        let key = self.keys.pop_front();
        // The key before it has to end, also when there is none to follow yet.
        self.next = (key.is_some()).then(|| at + DIGIT_TO_DIGIT);
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_pressed_one_after_the_other() {
        let at = Instant::from_millis;
        let mut keypad = Keypad::default();
        keypad.press(at(0), &[]);
        assert_eq!((keypad.due(), keypad.tick(at(9))), (None, None));
        keypad.press(at(500), &['1', '2']);
        assert_eq!(keypad.tick(at(499)), None);
        assert_eq!((keypad.tick(at(500)), keypad.due()), (Some('1'), Some(at(820))));
        keypad.press(at(600), &['#']);
        assert_eq!((keypad.tick(at(700)), keypad.tick(at(820)), keypad.tick(at(1140))), (None, Some('2'), Some('#')));
        // One that is pressed too soon after the last waits for its turn.
        keypad.press(at(1200), &['3']);
        assert_eq!((keypad.due(), keypad.tick(at(1460))), (Some(at(1460)), Some('3')));
        assert_eq!((keypad.tick(at(1780)), keypad.due()), (None, None));
    }
}
