//! Files that survive crashes, and the thread that keeps them.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

use sipsimple_core::limits::Limits;
use sipsimple_core::outbox::Outbox;
use sipsimple_core::settings::{Backend, ConfigurationManager, ObjectClass, Output, SettingsEvent, SipSimpleSettings};
use tempfile::TempDir;

use super::whole_file::Step;
use super::*;

const MAX: usize = 1 << 20;

fn place() -> (TempDir, WholeFile) {
    let directory = tempfile::tempdir().unwrap();
    let file = WholeFile::new(directory.path().join("a/b/config"));
    (directory, file)
}

fn content(file: &WholeFile) -> Option<Vec<u8>> {
    file.read(MAX).unwrap().map(|bytes| bytes.to_vec())
}

fn files(path: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn what_is_written_is_read() {
    let (_directory, file) = place();
    assert_eq!(content(&file), None);
    file.write(b"first, and longer").unwrap();
    file.write(b"second").unwrap();
    assert_eq!(content(&file), Some(b"second".to_vec()));
    assert_eq!(file.read(3).unwrap().unwrap().as_slice(), b"seco", "one more than allowed");
    assert_eq!(files(file.path()), [file.path()]);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_it_and_a_link_stays_one() {
    use std::os::unix::fs::PermissionsExt;
    let (directory, file) = place();
    file.write(b"secret").unwrap();
    std::fs::set_permissions(file.path(), PermissionsExt::from_mode(0o644)).unwrap();
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(file.path(), &link).unwrap();
    WholeFile::new(&link).write(b"secret too").unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(content(&file), Some(b"secret too".to_vec()));
    assert_eq!(std::fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_crash_at_any_point_leaves_the_old_or_the_new() {
    let old = b"old".repeat(50_000);
    let new = b"new!".repeat(50_000);
    let mut steps = Vec::new();
    for crash in 0.. {
        let (_directory, file) = place();
        file.write(&old).unwrap();
        let mut count = 0;
        let result = file.replace(&new, &mut None, |step| {
            count += 1;
            if count > crash {
                return Err(Error::other("crash"));
            }
            steps.push(step);
            Ok(())
        });
        let renamed = steps.contains(&Step::Rename);
        let found = content(&file).unwrap();
        assert!(found == if renamed { &*new } else { &*old }, "after {steps:?}");
        assert_eq!(files(file.path()), [file.path()], "what is left over is removed, after {steps:?}");
        file.write(b"goes on").unwrap();
        assert_eq!(content(&file), Some(b"goes on".to_vec()));
        if result.is_ok() {
            break;
        }
        steps.clear();
    }
    let pieces = [65_536, 65_536, 65_536, 3_392].map(Step::Write);
    let expected = [&[Step::Create][..], &pieces, &[Step::Sync, Step::Rename, Step::SyncDirectory]].concat();
    assert_eq!(steps, expected);
}

#[test]
fn a_failure_leaves_the_old_and_nothing_else() {
    let (directory, file) = place();
    file.write(b"old").unwrap();
    // A directory cannot be replaced by a file.
    let in_the_way = WholeFile::new(directory.path().join("a/b"));
    in_the_way.write(b"new").unwrap_err();
    assert_eq!(files(in_the_way.path()), [in_the_way.path()]);
    assert_eq!(in_the_way.read(MAX).unwrap_err().kind(), ErrorKind::IsADirectory);
    assert_eq!(content(&file), Some(b"old".to_vec()));
}

/// The settings of the application, on disk.
struct Desk {
    manager: ConfigurationManager,
    out: Outbox<Output>,
    io: FileIo,
    done: std::sync::mpsc::Receiver<Done>,
}

impl Desk {
    fn new(file: &WholeFile) -> Self {
        let (tell, done) = channel();
        let io = FileIo::start(file.clone(), move |news| tell.send(news).unwrap()).unwrap();
        let mut manager = ConfigurationManager::new(&Limits::default());
        manager.register::<SipSimpleSettings>();
        let mut desk = Self { manager, out: Outbox::new(), io, done };
        desk.manager.start(Backend::Driver, &mut desk.out);
        desk.turn();
        desk.manager.open::<SipSimpleSettings>("", &mut desk.out).unwrap();
        desk
    }

    /// Does what is asked until nothing more is, and returns the news.
    fn turn(&mut self) -> Vec<SettingsEvent> {
        let mut news = Vec::new();
        loop {
            while let Some(output) = self.out.pop() {
                match output {
                    Output::Load => self.io.read(MAX),
                    Output::Persist(text) => self.io.write(text),
                    Output::Event(event) => news.push(event),
                }
            }
            if self.manager.is_quiescent() {
                return news;
            }
            match self.done.recv_timeout(Duration::from_secs(30)).unwrap() {
                Done::Read(Ok(bytes)) => self.manager.loaded(Ok(bytes.as_ref().map(|bytes| &bytes[..]))).unwrap(),
                Done::Read(Err(error)) => panic!("{error}"),
                Done::Written(result) => {
                    self.manager.persisted(result.map_err(|error| error.to_string().into()), &mut self.out);
                }
            }
        }
    }

    fn save(&mut self, port: u16) -> Vec<&'static str> {
        self.manager.get_mut::<SipSimpleSettings>("").unwrap().sip.udp_port = port;
        self.manager.save(&SipSimpleSettings::key(""), &mut self.out).unwrap();
        self.turn().iter().map(|event| event.names()[0]).collect()
    }
}

#[test]
fn settings_are_kept_on_disk() {
    let (_directory, file) = place();
    let mut desk = Desk::new(&file);
    let created = ["CFGSettingsObjectWasActivated", "CFGSettingsObjectWasCreated", "CFGSettingsObjectDidChange"];
    assert_eq!(desk.save(5060), created);
    assert_eq!(desk.save(5070), ["CFGSettingsObjectDidChange"]);
    drop(desk);
    let desk = Desk::new(&file);
    assert_eq!(desk.manager.get::<SipSimpleSettings>("").unwrap().sip.udp_port, 5070);
}

#[test]
fn settings_that_cannot_be_written_are_told() {
    let (directory, file) = place();
    let mut desk = Desk::new(&file);
    // Where the directory should be there is a file.
    std::fs::write(directory.path().join("a"), "").unwrap();
    let failed = ["CFGSettingsObjectDidChange", "CFGManagerSaveFailed"];
    assert_eq!(desk.save(5060)[2..], failed);
    std::fs::remove_file(directory.path().join("a")).unwrap();
    assert_eq!(desk.save(5070), ["CFGSettingsObjectDidChange"]);
}

#[test]
fn what_was_asked_for_is_done_before_the_thread_ends() {
    let (_directory, file) = place();
    let io = FileIo::start(file.clone(), drop).unwrap();
    for number in 0..20 {
        io.write(number.to_string().into());
    }
    drop(io);
    assert_eq!(content(&file), Some(b"19".to_vec()));
}

/// What is told of a file that is hashed, up to the last.
fn hashed(path: &Path, act: impl FnOnce(&Hashing)) -> Vec<FileHashEvent> {
    let (sender, news) = channel();
    let hashing = Hashing::start(FileHashId(3), path.into(), None, move |event| sender.send(event).unwrap()).unwrap();
    act(&hashing);
    assert_eq!(hashing.id(), FileHashId(3));
    std::iter::from_fn(|| news.recv_timeout(Duration::from_secs(30)).ok()).collect()
}

#[test]
fn a_file_is_hashed_with_progress() {
    use sipsimple_core::msrp::{FileHasher, HashAlgorithm};

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.txt");
    for len in [0, 1, 3_000_000, 5 << 20] {
        let content = vec![7; len];
        std::fs::write(&path, &content).unwrap();
        let mut hasher = FileHasher::new(HashAlgorithm::Sha1);
        hasher.update(&content);
        let mut events = hashed(&path, |_| {});
        let Some(FileHashEvent::DidInitialize { selector }) = events.pop() else { panic!("{events:?}") };
        assert_eq!((selector.name.as_deref(), selector.size), (Some("a.txt"), Some(len as u64)));
        assert_eq!((selector.content_type.as_deref(), selector.hash), (Some("text/plain"), Some(hasher.finish())));
        let progress = |event: &FileHashEvent| match event {
            FileHashEvent::HashProgress { processed, total } => (*processed, *total),
            other => panic!("{other:?}"),
        };
        let steps: Vec<(u64, u64)> = events.iter().map(progress).collect();
        let total = len as u64;
        assert!(steps.len() <= 100 && steps.is_sorted() && steps.iter().all(|(_, of)| *of == total), "{steps:?}");
        assert_eq!(steps.last().map_or(0, |(processed, _)| *processed), total);
    }
}

#[test]
fn hashing_is_cancelled() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("large");
    // Of a file without blocks, so large that nobody waits for its hash.
    std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let events = hashed(&path, Hashing::cancel);
    assert_eq!(events.last(), Some(&FileHashEvent::DidNotInitialize { reason: "Cancelled".into() }));
    Hashing::start(FileHashId(0), directory.path().join("nowhere"), None, drop).unwrap_err();
    assert_eq!(
        Hashing::start(FileHashId(0), directory.path().into(), None, drop).unwrap_err().kind(),
        ErrorKind::IsADirectory
    );
}

/// Whatever is written to this device finds no room.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    use sipsimple_core::id::AskId;
    use sipsimple_core::stream::{FileAnswer, FileQuestion};

    let (sender, answers) = channel();
    let files = TransferFiles::start(move |ask, answer| sender.send((ask, answer)).unwrap()).unwrap();
    files.ask(AskId::from_u64(0), FileQuestion::Write { file: "/dev/full".into(), at: 0, data: "x".into() });
    let (_, answer) = answers.recv_timeout(Duration::from_secs(10)).unwrap();
    let FileAnswer::Failed(reason) = answer else { panic!("{answer:?}") };
    assert!(reason.starts_with("No space left on device"), "{reason}");
}

/// Bytes stand where they belong also beyond the numbers of 32 bits.
#[test]
fn a_file_is_larger_than_four_gibibytes() {
    use sipsimple_core::id::AskId;
    use sipsimple_core::stream::{FileAnswer, FileQuestion};

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("large");
    let file = sipsimple_core::sip::Text::from(path.to_str().unwrap());
    let (sender, answers) = channel();
    let files = TransferFiles::start(move |_, answer| sender.send(answer).unwrap()).unwrap();
    let at = (5 << 30) + 1;
    files.ask(AskId::from_u64(0), FileQuestion::Write { file: file.clone(), at, data: "end".into() });
    files.ask(AskId::from_u64(1), FileQuestion::Read { file, at: at - 1, len: 10 });
    let next = || answers.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!((next(), next()), (FileAnswer::Written(3), FileAnswer::Read("\0end".into())));
    assert_eq!(std::fs::metadata(path).unwrap().len(), at + 3);
}

#[test]
fn files_of_transfers_are_read_and_written_in_order() {
    use sipsimple_core::id::AskId;
    use sipsimple_core::stream::{FileAnswer, FileQuestion};

    let directory = tempfile::tempdir().unwrap();
    let file = sipsimple_core::sip::Text::from(directory.path().join("file").to_str().unwrap());
    let (sender, answers) = channel();
    let files = TransferFiles::start(move |ask, answer| sender.send((ask.as_u64(), answer)).unwrap()).unwrap();
    let read = |at, len| FileQuestion::Read { file: file.clone(), at, len };
    let write = |at, data: &'static [u8]| FileQuestion::Write { file: file.clone(), at, data: data.into() };
    let questions = [read(0, 1), write(0, b"abcd"), write(6, b"gh"), write(4, b"ef"), read(2, 100), read(8, 1)];
    for (number, question) in (0..).zip(questions) {
        files.ask(AskId::from_u64(number), question);
    }
    let all: Vec<(u64, FileAnswer)> = (0..6).map(|_| answers.recv_timeout(Duration::from_secs(10)).unwrap()).collect();
    assert!(matches!(all[0], (0, FileAnswer::Failed(_))), "it is not there");
    let rest = [
        (1, FileAnswer::Written(4)),
        (2, FileAnswer::Written(2)),
        (3, FileAnswer::Written(2)),
        (4, FileAnswer::Read("cdefgh".into())),
        (5, FileAnswer::Read("".into())),
    ];
    assert_eq!(all[1..], rest);
}
