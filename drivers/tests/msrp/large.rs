//! A large file between two processes: it arrives whole, in little memory, and goes on after its receiver was killed.
//!
//! It has 64 MiB, or as many as `SIPSIMPLE_LARGE_FILE_MIB` says.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use super::pki;
use super::waiting::{Waiting, sipsimple};

const MIB: u64 = 1024 * 1024;
/// What a process may take of memory at most, whatever the size of the file.
const MEMORY: u64 = 40 * MIB;

/// Bytes that follow no pattern, without end.
struct Noise(u64);

impl Read for Noise {
    fn read(&mut self, data: &mut [u8]) -> std::io::Result<usize> {
        for part in data.chunks_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            part.copy_from_slice(&self.0.to_le_bytes()[..part.len()]);
        }
        Ok(data.len())
    }
}

struct Scene {
    dir: tempfile::TempDir,
    size: u64,
    options: Vec<String>,
}

impl Scene {
    fn new(options: &[&str]) -> Self {
        Self::of(std::env::var("SIPSIMPLE_LARGE_FILE_MIB").map_or(64, |text| text.parse().unwrap()), options)
    }

    fn of(mib: u64, options: &[&str]) -> Self {
        let scene = Self {
            dir: tempfile::tempdir().unwrap(),
            size: mib * MIB,
            options: options.iter().map(|option| (*option).to_owned()).collect(),
        };
        let mut file = File::create(scene.file()).unwrap();
        std::io::copy(&mut Noise(88_172_645_463_325_252).take(scene.size), &mut file).unwrap();
        scene
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("film.mkv")
    }

    fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    fn receive(&self) -> Waiting {
        let store = self.store();
        let mut args = vec!["receive", "--dir", store.to_str().unwrap(), "--listen", "tcp:127.0.0.1:0", "--count", "1"];
        args.extend(self.options.iter().map(String::as_str));
        Waiting::start(&args)
    }

    fn send(&self, uri: &str, offset: u64) -> Child {
        let offset = offset.to_string();
        sipsimple()
            .arg("send")
            .arg(uri)
            .arg(self.file())
            .args(["--offset", &offset])
            .args(&self.options)
            .spawn()
            .unwrap()
    }

    fn assert_equal(&self) {
        let mut files = [self.file(), self.store().join("film.mkv")].map(|path| File::open(path).unwrap());
        assert_eq!(files[1].metadata().unwrap().len(), self.size);
        let mut parts = [vec![0; 65_536], vec![0; 65_536]];
        for _ in 0..self.size / 65_536 {
            for (file, part) in files.iter_mut().zip(&mut parts) {
                file.read_exact(part).unwrap();
            }
            assert!(parts[0] == parts[1], "another file has arrived");
        }
    }
}

/// The most memory that a process has had, as long as it runs.
fn watch(pid: u32) -> JoinHandle<u64> {
    let path = format!("/proc/{pid}/status");
    std::thread::spawn(move || {
        let mut most = 0;
        while let Ok(status) = std::fs::read_to_string(&path) {
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let Some(kib) = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()) else {
                break;
            };
            most = kib * 1024;
            std::thread::sleep(Duration::from_millis(5));
        }
        most
    })
}

/// The bytes that a line of progress tells.
fn bytes_of(line: &str) -> Option<u64> {
    line.split_once(" of ")?.0.rsplit(' ').next()?.parse().ok()
}

/// The receiver is killed in the middle; what the sender says.
fn interrupt(scene: &Scene) -> String {
    let mut receiver = scene.receive();
    let sender = scene.send(&receiver.uri, 0);
    let reached = (&mut receiver.lines)
        .map(Result::unwrap)
        .any(|line| line.contains("MB/s") && bytes_of(&line).is_some_and(|bytes| bytes * 10 >= scene.size * 4));
    assert!(reached, "the receiver has ended");
    receiver.signal("KILL");
    drop(receiver);
    let output = sender.wait_with_output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

fn transfer(scene: &Scene) {
    let receiver = scene.receive();
    let sender = scene.send(&receiver.uri, 0);
    let watches = [watch(sender.id()), watch(receiver.id())];
    let output = sender.wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && printed.contains("and its hash is right"), "{printed}");
    let lines: Vec<&str> =
        printed.lines().filter(|line| line.contains(" MB/s, ") && line.ends_with(" s left")).collect();
    assert!(lines.len() >= 5 && lines.iter().all(|line| bytes_of(line).is_some()), "{printed}");
    let ended = receiver.end();
    assert!(ended.code == Some(0) && ended.printed.contains("and its hash is right"), "{}", ended.printed);
    let most = watches.map(|watch| watch.join().unwrap());
    println!("{} bytes, memory of the sender and of the receiver at most: {most:?}", scene.size);
    assert!(most.iter().all(|bytes| (MIB..MEMORY).contains(bytes)), "{most:?} bytes of memory");
    scene.assert_equal();
    std::fs::remove_dir_all(scene.store()).unwrap();
}

fn resume(scene: &Scene) {
    let said = interrupt(scene);
    let offset = said.trim().rsplit_once("--offset ").and_then(|(_, bytes)| bytes.parse().ok());
    let offset: u64 = offset.unwrap_or_else(|| panic!("no offset: {said}"));
    let stored = scene.store().join("film.mkv").metadata().unwrap().len();
    println!("killed when {stored} bytes were stored; the sender resumes from {offset}");
    assert!(offset * 10 >= scene.size && offset <= stored && stored < scene.size, "{offset} of {stored} bytes");
    let receiver = scene.receive();
    let output = scene.send(&receiver.uri, offset).wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && printed.contains("and its hash is right"), "{printed}");
    let first = printed.lines().find(|line| line.contains(" MB/s, ")).and_then(bytes_of);
    assert!(first.is_some_and(|bytes| bytes > offset), "{printed}");
    let ended = receiver.end();
    assert!(ended.code == Some(0) && ended.printed.contains("and its hash is right"), "{}", ended.printed);
    scene.assert_equal();
}

#[test]
fn a_large_file_arrives_in_little_memory_and_resumes_after_its_receiver_was_killed() {
    let scene = Scene::new(&[]);
    transfer(&scene);
    resume(&scene);
}

#[test]
fn so_it_does_over_tls() {
    let pki = pki::Pki::new();
    let certificate = pki.self_signed("msrp.pem", &["127.0.0.1"]);
    let scene = Scene::new(&["--msrp", "tls", "--tls-cert", certificate.to_str().unwrap()]);
    transfer(&scene);
    resume(&scene);
}

/// Runs `sipsimple send` on a terminal (util-linux's `script` makes one); all that it showed.
fn on_a_terminal(uri: &str, file: &Path, typescript: &Path) -> String {
    let command = format!("{} send '{uri}' {}", env!("CARGO_BIN_EXE_sipsimple"), file.display());
    let done = Command::new("script")
        .args(["--quiet", "--return", "--command", &command])
        .arg(typescript)
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    let shown = std::fs::read_to_string(typescript).unwrap();
    assert!(done.success(), "{shown}");
    shown
}

#[test]
fn on_a_terminal_there_is_a_bar_with_the_rate_and_the_time_that_is_left() {
    let scene = Scene::of(64, &[]);
    let receiver = scene.receive();
    let shown = on_a_terminal(&receiver.uri, &scene.file(), &scene.dir.path().join("typescript"));
    let states: Vec<&str> =
        shown.split('\r').filter(|state| state.contains("/s, ") && state.contains(" left")).collect();
    assert!(states.len() > 1 && states.iter().all(|state| state.contains(['█', '░'])), "{shown}");
    assert!(states.iter().any(|state| state.contains(" of 64.00 MiB, ")), "{shown}");
    assert!(!shown.contains(" MB/s, "), "lines are for what is no terminal: {shown}");
    assert_eq!(receiver.end().code, Some(0));
}
