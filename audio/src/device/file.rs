//! A device made of files: speaks from one, hears into another.

use crate::port::{AudioPort, PortEvent, Roles};
use crate::rate::SampleRate;
use crate::wave::{WaveError, WavePlayer, WaveRecorder};

/// A device whose microphone is a [`WavePlayer`] and whose loudspeaker is a [`WaveRecorder`].
#[derive(Debug)]
pub struct FileDevice {
    input: Option<WavePlayer>,
    output: Option<WaveRecorder>,
}

impl FileDevice {
    /// Starts both.
    ///
    /// # Errors
    ///
    /// [`WaveError`] when the output cannot be written. An input that cannot be read is told by an event.
    pub fn new(input: Option<WavePlayer>, output: Option<WaveRecorder>) -> Result<Self, WaveError> {
        let mut device = Self { input, output };
        if let Some(output) = &mut device.output {
            output.start()?;
        }
        if let Some(input) = &mut device.input {
            input.start();
        }
        Ok(device)
    }

    /// Closes the output.
    ///
    /// # Errors
    ///
    /// [`WaveError`] when the last of it cannot be written.
    pub fn stop(&mut self) -> Result<(), WaveError> {
        if let Some(input) = &mut self.input {
            input.stop();
        }
        self.output.as_mut().map_or(Ok(()), WaveRecorder::stop)
    }
}

impl AudioPort for FileDevice {
    fn roles(&self) -> Roles {
        Roles {
            producer: self.input.as_ref().is_some_and(WavePlayer::is_active),
            consumer: self.output.as_ref().is_some_and(WaveRecorder::is_active),
        }
    }

    fn sample_rate(&self) -> Option<SampleRate> {
        let input = self.input.as_ref().and_then(AudioPort::sample_rate);
        input.or_else(|| self.output.as_ref().and_then(AudioPort::sample_rate))
    }

    fn produce(&mut self, frame: &mut [i16]) {
        match &mut self.input {
            Some(input) => input.produce(frame),
            None => frame.fill(0),
        }
    }

    fn consume(&mut self, frame: &[i16]) {
        if let Some(output) = &mut self.output {
            output.consume(frame);
        }
    }

    fn poll_event(&mut self) -> Option<PortEvent> {
        let of_input = self.input.as_mut().and_then(AudioPort::poll_event);
        of_input.or_else(|| self.output.as_mut().and_then(AudioPort::poll_event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::AudioDevice;
    use crate::wave::Wave;

    #[test]
    fn speaks_from_one_file_and_hears_into_another() {
        const RATE: SampleRate = SampleRate::HZ_8000;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("heard.wav");
        let input = WavePlayer::from_wave(Wave::new(8_000, vec![5; 200]), RATE);
        let mut device = FileDevice::new(Some(input), Some(WaveRecorder::new(&path, RATE))).unwrap();
        assert_eq!(device.roles(), Roles::BOTH);
        let mut frame = [0; 160];
        for _ in 0..2 {
            device.produce(&mut frame);
            device.consume(&[9; 160]);
        }
        assert_eq!((frame[39], frame[40]), (5, 0));
        assert_eq!(device.roles(), Roles::CONSUMER);
        assert!(matches!(device.poll_event(), Some(PortEvent::WavePlayerDidStart)));
        assert!(matches!(device.poll_event(), Some(PortEvent::WavePlayerDidEnd)));
        device.stop().unwrap();
        assert_eq!(device.roles(), Roles::NONE);
        assert_eq!(Wave::open(&path).unwrap().samples(), [9; 320]);
    }

    #[test]
    fn mutes_take_the_roles_away() {
        let directory = tempfile::tempdir().unwrap();
        let recorder = WaveRecorder::new(directory.path().join("heard.wav"), SampleRate::HZ_8000);
        let player = WavePlayer::from_wave(Wave::new(8_000, vec![5; 2_000]), SampleRate::HZ_8000);
        let mut device = AudioDevice::new(FileDevice::new(Some(player), Some(recorder)).unwrap());
        for (input_muted, output_muted) in [(false, false), (true, false), (false, true), (true, true)] {
            device.input_muted = input_muted;
            device.output_muted = output_muted;
            assert_eq!(device.roles(), Roles { producer: !input_muted, consumer: !output_muted });
        }
        device.replace(Box::new(crate::device::NullDevice));
        device.input_muted = false;
        assert_eq!(device.roles(), Roles::NONE);
    }
}
