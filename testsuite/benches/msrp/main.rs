//! MSRP over loopback sockets, between two applications in this process, next to what it stands on, in one run: the raw socket with the same chunk, the
//! hash, the disk. Rates are of one run; what can be compared between runs are the parts in per cent.
//!
//! `cargo bench -p sipsimple-testsuite --bench msrp`, behind it `-- MIB` for files of another size than 1024 MiB
//!
//! | line | what it is |
//! |---|---|
//! | memory to sink | a file that is in memory is sent, and thrown away where it comes; of the raw socket |
//! | whole transfer | a file goes from disk to disk, and its hash is checked; of the slowest of socket, hash and disk |
//! | memory | the most that this process has held, with both sides in it, above what it held before |
//! | chat | messages of 40 bytes, each with a report of success |

mod pair;
mod raw;

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use pair::Pair;
use sipsimple_core::msrp::{FileHash, FileHasher, HashAlgorithm};

/// Bytes of one write to a raw socket: what the driver is given at once.
const CHUNK: usize = 64 * 1024;
/// Chat messages.
const MESSAGES: u64 = 20_000;

fn main() {
    // cargo gives `--bench`, too.
    let size = std::env::args().skip(1).find_map(|argument| argument.parse::<u64>().ok()).unwrap_or(1024);
    let size = size * 1024 * 1024;
    let folder = tempfile::tempdir().expect("a folder");
    let certificate = raw::certificate(folder.path());
    let (hash, hashing) = hash(size);
    let writing = write(&folder.path().join("written"), size);
    println!("{} MiB; hash {}; disk {}", size >> 20, rate(size, hashing), rate(size, writing));
    for (name, certificate) in [("TCP", None), ("TLS", Some(&certificate))] {
        let socket = certificate.map_or_else(|| raw::tcp(size), |certificate| raw::tls(size, certificate));
        println!("{name}: raw socket {}", rate(size, socket));
        let pair = Pair::new(certificate);
        let before = memory();
        // A file without blocks is read out of memory.
        let source = folder.path().join("source");
        File::create(&source).and_then(|file| file.set_len(size)).expect("a file");
        let sent = pair.transfer(&source, size, None, None);
        println!("{name}: memory to sink {}, {} of the raw socket", rate(size, sent), part(socket, sent));
        println!("{name}: memory {:.1} MiB", mebibytes(memory().saturating_sub(before)));
        let slowest = socket.max(hashing).max(writing);
        let whole = pair.transfer(&source, size, Some(hash.clone()), Some(&folder.path().join("come")));
        println!("{name}: whole transfer {}, {} of the slowest of the three", rate(size, whole), part(slowest, whole));
        let chat = pair.chat(MESSAGES);
        println!("{name}: chat {:.0} messages a second", seconds(MESSAGES) / chat.as_secs_f64());
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn seconds(count: u64) -> f64 {
    count as f64
}

fn mebibytes(bytes: u64) -> f64 {
    seconds(bytes) / (1024.0 * 1024.0)
}

fn rate(bytes: u64, time: Duration) -> String {
    format!("{:.0} MB/s", seconds(bytes) / time.as_secs_f64() / 1e6)
}

fn part(of: Duration, time: Duration) -> String {
    format!("{:.0} %", of.as_secs_f64() / time.as_secs_f64() * 100.0)
}

/// The hash of a file of so many zeros, and how long it takes.
fn hash(size: u64) -> (FileHash, Duration) {
    let (begun, piece) = (Instant::now(), vec![0; 1024 * 1024]);
    let mut hasher = FileHasher::new(HashAlgorithm::Sha1);
    for _ in 0..size / (1024 * 1024) {
        hasher.update(&piece);
    }
    (hasher.finish(), begun.elapsed())
}

/// How long it takes to write a file, without waiting for the disk itself: as the driver does.
fn write(path: &Path, size: u64) -> Duration {
    use std::io::Write;
    let (begun, piece) = (Instant::now(), vec![0; CHUNK]);
    let mut file = File::create(path).expect("a file");
    for _ in 0..size / CHUNK as u64 {
        file.write_all(&piece).expect("room on the disk");
    }
    let time = begun.elapsed();
    std::fs::remove_file(path).expect("it is there");
    time
}

/// The most memory that this process has held, in bytes; 0 where the system does not tell.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
}
