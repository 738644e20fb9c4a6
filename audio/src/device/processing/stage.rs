//! Sonora at work.

use std::time::Duration;

use sonora::config::{
    AdaptiveDigital, EchoCanceller, GainController2, HighPassFilter, MaxProcessingRate, NoiseSuppression,
    NoiseSuppressionLevel, Pipeline,
};
use sonora::{AudioProcessing, Config, StreamConfig};

use super::Processing;

/// Pieces of 10 ms in a frame: what sonora takes.
const PIECES: usize = 2;
/// Such pieces in a second.
const PIECES_PER_SECOND: usize = 100;

/// The processing of frames of one length.
#[derive(Debug)]
pub(super) struct Stage {
    processing: Processing,
    engine: AudioProcessing,
    /// What comes out of it.
    piece: Vec<i16>,
    /// Whether the loudspeaker has played since the microphone was last listened to.
    played: bool,
}

impl Stage {
    /// `None` when there is nothing to do, or when a piece of 10 ms is no whole number of samples.
    pub(super) fn new(processing: Processing, frame_len: usize) -> Option<Self> {
        if processing == Processing::NONE || !frame_len.is_multiple_of(PIECES) {
            return None;
        }
        let piece = frame_len / PIECES;
        let stream = StreamConfig::new(u32::try_from(piece * PIECES_PER_SECOND).ok()?, 1);
        let cancels = !processing.tail_length.is_zero();
        let pipeline =
            Pipeline { maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz, ..Pipeline::default() };
        let config = Config {
            pipeline,
            high_pass_filter: Some(HighPassFilter::default()),
            echo_canceller: cancels.then(EchoCanceller::default),
            noise_suppression: processing
                .noise_suppression
                .then(|| NoiseSuppression { level: NoiseSuppressionLevel::High, ..NoiseSuppression::default() }),
            gain_controller2: processing.gain_control.then(|| GainController2 {
                adaptive_digital: Some(AdaptiveDigital::default()),
                ..GainController2::default()
            }),
            ..Config::default()
        };
        let engine = AudioProcessing::builder().config(config).capture_config(stream).render_config(stream).build();
        Some(Self { processing, engine, piece: vec![0; piece], played: false })
    }

    pub(super) const fn processing(&self) -> Processing {
        self.processing
    }

    pub(super) fn frame_len(&self) -> usize {
        self.piece.len() * PIECES
    }

    pub(super) fn near(&mut self, frame: &mut [i16]) {
        if !std::mem::take(&mut self.played) && self.processing.tail_length > Duration::ZERO {
            // A loudspeaker that is muted is silent, and goes on.
            self.render(None);
        }
        for samples in frame.chunks_exact_mut(self.piece.len()) {
            if self.engine.process_capture_i16(samples, &mut self.piece).is_ok() {
                samples.copy_from_slice(&self.piece);
            }
        }
    }

    pub(super) fn far(&mut self, frame: &[i16]) {
        if self.processing.tail_length > Duration::ZERO {
            self.played = true;
            self.render(Some(frame));
        }
    }

    /// A frame is played, or silence.
    fn render(&mut self, frame: Option<&[i16]>) {
        const SILENCE: [i16; 960] = [0; 960];
        let len = self.piece.len();
        let frame = frame.or_else(|| SILENCE.get(..len * PIECES)).unwrap_or_default();
        for samples in frame.chunks_exact(len) {
            // What comes out is what went in; the lengths are right.
            let _ = self.engine.process_render_i16(samples, &mut self.piece);
        }
    }
}
