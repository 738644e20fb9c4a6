//! What a call plays and records, `--play` and `--record`, and the devices that are spoken into and heard on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use sipsimple_audio::engine::Recorded;
use sipsimple_audio::wave::{Wave, WavePlayer};
use sipsimple_core::id::StreamId;
use sipsimple_drivers::{Application, AudioError};

use crate::client::Client;
use crate::failure::Failure;

/// Options of every command that has calls.
#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Options {
    /// Play this WAV file to the remote party, once
    #[arg(long, value_name = "WAV")]
    play: Option<PathBuf>,
    /// Record what the remote party says to this WAV file; a second call goes to FILE-2.wav, and so on
    #[arg(long, value_name = "WAV")]
    record: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) card: Card,
}

/// The devices that are spoken into and heard on.
#[derive(Clone, Debug, Default, Args)]
#[group(skip)]
pub(crate) struct Card {
    /// Speak into this device, as `sipsimple devices` names it; `none` for none. Default: what the system prefers
    #[arg(long, value_name = "DEVICE")]
    input: Option<String>,
    /// Hear calls on this device; `none` for none. Default: what the system prefers
    #[arg(long, value_name = "DEVICE")]
    output: Option<String>,
    /// Let nobody hear the microphone
    #[arg(long)]
    mute: bool,
}

/// What is played and where to record, with the file opened.
#[derive(Debug)]
pub(crate) struct Sound {
    play: Option<Wave>,
    record: Option<PathBuf>,
}

impl Sound {
    /// Reads the file that is to be played, before anybody is called.
    pub(crate) fn open(options: &Options) -> Result<Self, Failure> {
        let open = |file: &PathBuf| {
            Wave::open(file).map_err(|error| Failure::new(format!("cannot play {}: {error}", file.display())))
        };
        Ok(Self { play: options.play.as_ref().map(open).transpose()?, record: options.record.clone() })
    }

    /// Whether a file is played.
    pub(crate) const fn plays(&self) -> bool {
        self.play.is_some()
    }

    /// Begins to play and to record on the audio stream of the `call`th call, counted from 1. A file that cannot be
    /// recorded to does not disturb the call.
    pub(crate) fn start(&self, client: &mut Client, stream: StreamId, call: u64) -> Result<(), Failure> {
        if let Some(file) = &self.record {
            let file = numbered(file, call);
            match client.application.start_recording(stream, &file, Recorded::Received) {
                Err(AudioError::Wave(error)) => {
                    let words = format!("cannot record to {}: {error}", file.display());
                    client.not_written(client.application.now(), words);
                }
                done => still_there(done)?,
            }
        }
        let application = &client.application;
        if let Some(wave) = &self.play {
            let player = WavePlayer::from_wave(wave.clone(), application.sample_rate());
            still_there(application.play(stream, player).map(drop))?;
        }
        Ok(())
    }
}

/// Opens the sound card, while calls go on; `muted`, when something else speaks for us.
///
/// # Errors
/// When the application has stopped.
#[cfg(feature = "device")]
pub(crate) fn open_card(application: &Arc<Application>, card: &Card, muted: bool) -> Result<(), Failure> {
    use sipsimple_audio::device::SoundCards;
    use sipsimple_core::agent::Intent;
    use sipsimple_core::settings::{Change, ObjectClass, SipSimpleSettings};
    let change = |(setting, wanted): (&str, &Option<String>)| {
        let device = wanted.as_deref()?;
        Some(Change::typed(setting, if device == "none" { "" } else { device }))
    };
    let (input, output) = (&card.input, &card.output);
    let changes = [("audio.input_device", input), ("audio.output_device", output), ("audio.alert_device", output)];
    let changes = changes.into_iter().filter_map(change).collect();
    application.intend(Intent::ChangeSettings { object: SipSimpleSettings::key(""), changes })?;
    let muted = muted || card.mute;
    application.with_engine(move |engine, _| engine.device_mut().input_muted = muted)?;
    application.keep_devices(SoundCards);
    Ok(())
}

/// No sound card is built in.
///
/// # Errors
/// When one is asked for.
#[cfg(not(feature = "device"))]
pub(crate) fn open_card(_application: &Arc<Application>, card: &Card, _muted: bool) -> Result<(), Failure> {
    let named = [&card.input, &card.output].into_iter().flatten().any(|name| name != "none");
    // Without a microphone there is nothing to mute.
    if named {
        return Err(Failure::new("this program was built without sound cards: build it with --features device"));
    }
    Ok(())
}

/// A call may end while its sound begins: what is refused then is no failure.
pub(crate) fn still_there(done: Result<(), AudioError>) -> Result<(), Failure> {
    match done {
        Ok(()) | Err(AudioError::NoLeg(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The file of the `call`th call: the first has the name as given.
fn numbered(file: &Path, call: u64) -> PathBuf {
    if call <= 1 {
        return file.to_owned();
    }
    let mut name = file.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{call}"));
    if let Some(extension) = file.extension() {
        name.push(".");
        name.push(extension);
    }
    file.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_calls_have_files_of_their_own() {
        for (file, call, expected) in [
            ("/tmp/a.wav", 1, "/tmp/a.wav"),
            ("/tmp/a.wav", 2, "/tmp/a-2.wav"),
            ("a.b.wav", 10, "a.b-10.wav"),
            ("noise", 3, "noise-3"),
        ] {
            assert_eq!(numbered(Path::new(file), call), Path::new(expected));
        }
    }
}
