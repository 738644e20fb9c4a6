//! Sound cards, through cpal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{
    BufferSize, Device, ErrorKind, FromSample, Sample, SampleFormat, SizedSample, Stream, StreamConfig,
    SupportedBufferSize, SupportedStreamConfigRange,
};

use super::ring::{Input, Loudspeaker, Microphone, Output};
use super::system::{DeviceChoice, DeviceError, DeviceNames, DeviceWatch, Devices, OpenDevice, SoundSystem};
use crate::port::{AudioPort, PortEvent, Roles};
use crate::rate::SampleRate;

/// Channels of a card that is opened.
const MAX_CHANNELS: u16 = 32;
/// How long a stream may tell errors, and have no samples, until its device counts as gone.
const SILENCE: Duration = Duration::from_secs(1);
/// Rates that a card is opened with, best first: most run at the first by nature.
const RATES: [SampleRate; 5] =
    [SampleRate::HZ_48000, SampleRate::HZ_44100, SampleRate::HZ_32000, SampleRate::HZ_16000, SampleRate::HZ_8000];

impl DeviceNames {
    /// The devices that the system prefers now: to speak into, and to hear on.
    #[must_use]
    pub fn preferred() -> (Option<String>, Option<String>) {
        let host = cpal::default_host();
        let of = |device: Option<Device>| device.as_ref().and_then(name);
        (of(host.default_input_device()), of(host.default_output_device()))
    }

    /// Asks the system. Empty on a machine without sound. May take a while; not to be called where a tick is waited for.
    #[must_use]
    pub fn list() -> Self {
        let host = cpal::default_host();
        Self {
            input: host
                .input_devices()
                .map(|devices| devices.filter_map(|device| name(&device)).collect())
                .unwrap_or_default(),
            output: host
                .output_devices()
                .map(|devices| devices.filter_map(|device| name(&device)).collect())
                .unwrap_or_default(),
        }
    }
}

/// An open sound card: a microphone, a loudspeaker, or both, which may belong to different cards.
///
/// Neither side ever waits for the other: the callbacks of the card read and write rings of fixed size.
pub struct SoundCard {
    rate: SampleRate,
    input: Option<Side<Input>>,
    output: Option<Side<Output>>,
    failed: Arc<AtomicBool>,
    /// Whether it was told that it failed.
    told: bool,
}

/// One direction of a card.
struct Side<T> {
    name: String,
    ring: T,
    /// Runs until it is dropped.
    _stream: Stream,
}

/// A device with the configuration it is opened with.
struct Chosen {
    device: Device,
    name: String,
    config: StreamConfig,
    rate: SampleRate,
    format: SampleFormat,
}

/// The sound cards of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SoundCards;

impl SoundSystem for SoundCards {
    fn devices(&self) -> DeviceNames {
        DeviceNames::list()
    }

    fn preferred(&self) -> (Option<String>, Option<String>) {
        DeviceNames::preferred()
    }

    fn open(&self, devices: &Devices, rate: SampleRate) -> Result<OpenDevice, DeviceError> {
        let card = SoundCard::open(&devices.input, &devices.output, rate)?;
        let name = |name: Option<&str>| name.map(str::to_owned);
        let (input, output, watch) = (name(card.input_name()), name(card.output_name()), card.watch());
        Ok(OpenDevice { device: Box::new(card), input, output, watch })
    }
}

impl SoundCard {
    /// Opens the two directions for a mixer of this rate. When one of them cannot be opened, the other is used alone.
    /// Without any device on the machine, the system's default is silent, and no error.
    ///
    /// May take a while; not to be called where a tick is waited for.
    ///
    /// # Errors
    ///
    /// [`DeviceError::NoSuchDevice`] for a name that no device has, and any [`DeviceError`] when neither direction can be opened although at least one was asked for.
    pub fn open(input: &DeviceChoice, output: &DeviceChoice, rate: SampleRate) -> Result<Self, DeviceError> {
        let host = cpal::default_host();
        let failed = Arc::new(AtomicBool::new(false));
        let microphone = find(input, || host.default_input_device(), || names(host.input_devices()))?;
        let loudspeaker = find(output, || host.default_output_device(), || names(host.output_devices()))?;
        let input = microphone.map(|device| open_input(device, rate, &failed)).transpose();
        let output = loudspeaker.map(|device| open_output(device, rate, &failed)).transpose();
        let (input, output) = match (input, output) {
            (Err(error), Err(_) | Ok(None)) | (Ok(None), Err(error)) => return Err(error),
            (input, output) => (input.unwrap_or(None), output.unwrap_or(None)),
        };
        Ok(Self { rate, input, output, failed, told: false })
    }

    /// What tells whether it is gone.
    #[must_use]
    pub fn watch(&self) -> DeviceWatch {
        DeviceWatch::new(Arc::clone(&self.failed))
    }

    /// Name of the device that is spoken into.
    #[must_use]
    pub fn input_name(&self) -> Option<&str> {
        self.input.as_ref().map(|side| side.name.as_str())
    }

    /// Name of the device that is heard.
    #[must_use]
    pub fn output_name(&self) -> Option<&str> {
        self.output.as_ref().map(|side| side.name.as_str())
    }
}

impl AudioPort for SoundCard {
    fn roles(&self) -> Roles {
        Roles { producer: self.input.is_some(), consumer: self.output.is_some() }
    }

    fn sample_rate(&self) -> Option<SampleRate> {
        Some(self.rate)
    }

    fn is_microphone(&self) -> bool {
        self.input.is_some()
    }

    fn produce(&mut self, frame: &mut [i16]) {
        match &mut self.input {
            Some(side) => side.ring.produce(frame),
            None => frame.fill(0),
        }
    }

    fn consume(&mut self, frame: &[i16]) {
        if let Some(side) = &mut self.output {
            side.ring.consume(frame);
        }
    }

    fn poll_event(&mut self) -> Option<PortEvent> {
        let fails = !self.told && self.failed.load(Ordering::Relaxed);
        self.told |= fails;
        fails.then_some(PortEvent::AudioDeviceDidFail)
    }
}

impl std::fmt::Debug for SoundCard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SoundCard")
            .field("input", &self.input_name())
            .field("output", &self.output_name())
            .finish_non_exhaustive()
    }
}

fn name(device: &Device) -> Option<String> {
    device.description().ok().map(|description| description.name().to_owned())
}

fn names(devices: Result<impl Iterator<Item = Device>, cpal::Error>) -> Vec<Device> {
    devices.map(Iterator::collect).unwrap_or_default()
}

/// The device that was chosen, if any.
fn find(
    choice: &DeviceChoice,
    default: impl FnOnce() -> Option<Device>,
    all: impl FnOnce() -> Vec<Device>,
) -> Result<Option<Device>, DeviceError> {
    match choice {
        DeviceChoice::None => Ok(None),
        DeviceChoice::SystemDefault => Ok(default()),
        DeviceChoice::Named(wanted) => {
            let found = all().into_iter().find(|device| name(device).as_deref() == Some(wanted));
            found.map(Some).ok_or_else(|| DeviceError::NoSuchDevice(wanted.clone()))
        }
    }
}

fn open_input(device: Device, mixer: SampleRate, failed: &Arc<AtomicBool>) -> Result<Side<Input>, DeviceError> {
    let chosen = Chosen::new(device, |device| device.supported_input_configs().map(Iterator::collect))?;
    let (microphone, ring) = Input::new(chosen.rate, usize::from(chosen.config.channels), mixer)?;
    let stream = match chosen.format {
        SampleFormat::I16 => chosen.record::<i16>(microphone, failed),
        SampleFormat::F32 => chosen.record::<f32>(microphone, failed),
        SampleFormat::I32 => chosen.record::<i32>(microphone, failed),
        SampleFormat::U8 => chosen.record::<u8>(microphone, failed),
        _ => return Err(DeviceError::NoFormat(chosen.name)),
    };
    chosen.side(stream, ring)
}

fn open_output(device: Device, mixer: SampleRate, failed: &Arc<AtomicBool>) -> Result<Side<Output>, DeviceError> {
    let chosen = Chosen::new(device, |device| device.supported_output_configs().map(Iterator::collect))?;
    let (loudspeaker, ring) = Output::new(chosen.rate, usize::from(chosen.config.channels), mixer)?;
    let stream = match chosen.format {
        SampleFormat::I16 => chosen.play::<i16>(loudspeaker, failed),
        SampleFormat::F32 => chosen.play::<f32>(loudspeaker, failed),
        SampleFormat::I32 => chosen.play::<i32>(loudspeaker, failed),
        SampleFormat::U8 => chosen.play::<u8>(loudspeaker, failed),
        _ => return Err(DeviceError::NoFormat(chosen.name)),
    };
    chosen.side(stream, ring)
}

/// How gladly a format is taken, smaller is better; `None` for one that is not understood.
fn rank(format: SampleFormat) -> Option<u8> {
    let known = [SampleFormat::I16, SampleFormat::F32, SampleFormat::I32, SampleFormat::U8];
    known.iter().zip(0..).find(|(known, _)| **known == format).map(|(_, rank)| rank)
}

impl Chosen {
    /// Picks the configuration of a device: few channels, a usual rate, samples of 16 bits.
    fn new(
        device: Device,
        configs: impl FnOnce(&Device) -> Result<Vec<SupportedStreamConfigRange>, cpal::Error>,
    ) -> Result<Self, DeviceError> {
        let name = name(&device).unwrap_or_default();
        let configs =
            configs(&device).map_err(|error| DeviceError::Refused { name: name.clone(), reason: error.to_string() })?;
        let best = configs
            .iter()
            .filter(|config| (1..=MAX_CHANNELS).contains(&config.channels()))
            .filter_map(|config| {
                let (place, rate) = RATES.iter().enumerate().find(|(_, rate)| config.contains_rate(rate.hz()))?;
                Some(((place, config.channels().abs_diff(2), rank(config.sample_format())?), *rate, config))
            })
            .min_by_key(|(order, _, _)| *order);
        let Some((_, rate, config)) = best else { return Err(DeviceError::NoFormat(name)) };
        let frame = u32::try_from(rate.frame_len()).unwrap_or(u32::MAX);
        let buffer_size = match config.buffer_size() {
            SupportedBufferSize::Range { min, max } => BufferSize::Fixed(frame.clamp(*min, (*max).max(*min))),
            SupportedBufferSize::Unknown => BufferSize::Default,
        };
        let format = config.sample_format();
        let config = StreamConfig { channels: config.channels(), sample_rate: rate.hz(), buffer_size };
        Ok(Self { device, name, config, rate, format })
    }

    fn record<T>(&self, mut microphone: Microphone, failed: &Arc<AtomicBool>) -> Result<Stream, cpal::Error>
    where
        T: SizedSample,
        i16: FromSample<T>,
    {
        let health = Health::new(failed);
        let lives = health.lives();
        let take = move |samples: &[T], _: &cpal::InputCallbackInfo| {
            lives();
            microphone.take(samples);
        };
        self.device.build_input_stream(self.config, take, health.errors(), None)
    }

    fn play<T>(&self, mut loudspeaker: Loudspeaker, failed: &Arc<AtomicBool>) -> Result<Stream, cpal::Error>
    where
        T: SizedSample + Sample + FromSample<i16>,
    {
        let health = Health::new(failed);
        let lives = health.lives();
        let give = move |samples: &mut [T], _: &cpal::OutputCallbackInfo| {
            lives();
            loudspeaker.give(samples);
        };
        self.device.build_output_stream(self.config, give, health.errors(), None)
    }

    /// Starts the stream.
    fn side<T>(self, stream: Result<Stream, cpal::Error>, ring: T) -> Result<Side<T>, DeviceError> {
        let refused = |error: cpal::Error| DeviceError::Refused { name: self.name.clone(), reason: error.to_string() };
        let stream = stream.map_err(refused)?;
        stream.play().map_err(refused)?;
        Ok(Side { name: self.name, ring, _stream: stream })
    }
}

/// Judges a stream by what it tells: its device is gone when the system says so, or when there are errors and no samples for long. What passes by itself,
/// as a late callback, and the errors while a stream begins, do not count.
struct Health {
    /// A callback came since the last error.
    lived: Arc<AtomicBool>,
    gone: Arc<AtomicBool>,
    /// The first of the errors that came without a callback between them.
    since: Option<Instant>,
}

impl Health {
    fn new(gone: &Arc<AtomicBool>) -> Self {
        Self { lived: Arc::default(), gone: Arc::clone(gone), since: None }
    }

    /// What each callback is to say.
    fn lives(&self) -> impl Fn() + Send + 'static {
        let lived = Arc::clone(&self.lived);
        move || lived.store(true, Ordering::Relaxed)
    }

    fn failed(&mut self, now: Instant, kind: ErrorKind) {
        let since = self.since.filter(|_| !self.lived.swap(false, Ordering::Relaxed)).unwrap_or(now);
        self.since = Some(since);
        let is_gone = match kind {
            ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable | ErrorKind::StreamInvalidated => true,
            _ => now.saturating_duration_since(since) >= SILENCE,
        };
        if is_gone {
            self.gone.store(true, Ordering::Relaxed);
        }
    }

    /// What the errors of the stream go to.
    fn errors(mut self) -> impl FnMut(cpal::Error) + Send + 'static {
        move |error| self.failed(Instant::now(), error.kind())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_device_has_is_an_error() {
        let missing = DeviceChoice::Named("no such device".into());
        let error = SoundCard::open(&DeviceChoice::None, &missing, SampleRate::HZ_16000).unwrap_err();
        assert_eq!(error, DeviceError::NoSuchDevice("no such device".into()));
        let error = SoundCard::open(&missing, &DeviceChoice::None, SampleRate::HZ_16000).unwrap_err();
        assert_eq!(error, DeviceError::NoSuchDevice("no such device".into()));
    }

    #[test]
    fn a_stream_of_errors_and_nothing_else_is_gone() {
        // What happens at which time, in ms: an error, or a callback.
        let is_gone = |run: &[(u64, Option<ErrorKind>)]| {
            let (gone, begun) = (Arc::new(AtomicBool::new(false)), Instant::now());
            let mut health = Health::new(&gone);
            let lives = health.lives();
            for (at, what) in run {
                match what {
                    Some(kind) => health.failed(begun + Duration::from_millis(*at), *kind),
                    None => lives(),
                }
            }
            gone.load(Ordering::Relaxed)
        };
        let error = Some(ErrorKind::BackendError);
        assert!(!is_gone(&[(0, error), (200, error), (999, error)]));
        assert!(is_gone(&[(0, error), (200, error), (1_000, error)]));
        assert!(!is_gone(&[(0, error), (900, error), (950, None), (1_000, error), (1_900, error)]));
        assert!(is_gone(&[(0, error), (950, None), (1_000, error), (2_000, error)]));
        assert!(!is_gone(&[(0, None), (5_000, error), (5_900, error)]));
        assert!(is_gone(&[(0, Some(ErrorKind::DeviceNotAvailable))]));
    }

    #[test]
    fn no_device_is_silent_and_no_error() {
        let mut card = SoundCard::open(&DeviceChoice::None, &DeviceChoice::None, SampleRate::HZ_16000).unwrap();
        assert_eq!((card.input_name(), card.output_name()), (None, None));
        assert_eq!(card.roles(), Roles::NONE);
        let mut frame = [1; 320];
        card.produce(&mut frame);
        card.consume(&frame);
        assert_eq!(frame, [0; 320]);
        assert!(card.poll_event().is_none());
    }
}
