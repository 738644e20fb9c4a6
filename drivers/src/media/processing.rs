//! What the settings say of the microphone's sound.

use sipsimple_audio::device::Processing;
use sipsimple_core::settings::Audio;

/// Takes over the settings of these names.
pub(crate) fn process_as_set(processing: &mut Processing, is_set: impl Fn(&str) -> bool, audio: &Audio) {
    if is_set("audio.tail_length") {
        processing.tail_length = audio.tail_length.duration();
    }
    if is_set("audio.noise_suppression") {
        processing.noise_suppression = audio.noise_suppression;
    }
    if is_set("audio.gain_control") {
        processing.gain_control = audio.gain_control;
    }
}
