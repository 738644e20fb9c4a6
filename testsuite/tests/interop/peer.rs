//! Running programs: ours and the peers.

use std::fs;
use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// Codecs after which a sound is as loud as before, as `--codec` takes them.
pub(crate) const PLAIN_CODECS: &str = "PCMU,PCMA";
/// The addresses that each test runs on.
pub(crate) const LOOPBACKS: [&str; 2] = ["127.0.0.1", "::1"];

/// Finds a peer's program. Without it the test is to return, unless peers are required.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps servers in a folder that only root looks into.
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join(program)).find(|file| file.is_file());
    if found.is_none() {
        let required = std::env::var("SIPSIMPLE_REQUIRE_PEERS").is_ok_and(|value| value == "1");
        assert!(!required, "{program} is not installed, and SIPSIMPLE_REQUIRE_PEERS is 1");
        eprintln!("skipped: {program} is not installed");
    }
    found
}

/// Whether this machine has this loopback address. Without it the test says so and is to return, unless peers are required.
pub(crate) fn has_address(address: &str) -> bool {
    let ip: IpAddr = address.parse().expect("an address");
    let has = UdpSocket::bind((ip, 0)).is_ok();
    if !has {
        let required = std::env::var("SIPSIMPLE_REQUIRE_PEERS").is_ok_and(|value| value == "1");
        assert!(!required, "this machine has no {address}, and SIPSIMPLE_REQUIRE_PEERS is 1");
        eprintln!("skipped: this machine has no {address}");
    }
    has
}

/// Our own program, built if it is not.
pub(crate) fn sipsimple() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let test = std::env::current_exe().expect("the test's own path");
        // target/PROFILE/deps/interop-…
        let folder = test.parent().and_then(Path::parent).expect("the folder of the profile");
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "sipsimple-drivers", "--bin", "sipsimple"]);
        if folder.ends_with("release") {
            build.arg("--release");
        }
        let status = build.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo runs");
        assert!(status.success(), "sipsimple does not build");
        folder.join("sipsimple")
    })
}

/// The first of six ports, an even one, free for UDP and TCP on this address now. No two calls of this process get the same. (SIPp takes four for its media.)
pub(crate) fn free_port(address: &str) -> u16 {
    static NEXT: Mutex<u16> = Mutex::new(0);
    let ip: IpAddr = address.parse().expect("an address");
    let mut next = NEXT.lock().expect("no test died here");
    if *next == 0 {
        // Runs side by side begin at different places.
        *next = 20_000 + u16::try_from(std::process::id() % 500).unwrap_or(0) * 20;
    }
    loop {
        let port = *next;
        *next = if port > 31_000 { 20_000 } else { port + 6 };
        let free = |port| UdpSocket::bind((ip, port)).is_ok() && TcpListener::bind((ip, port)).is_ok();
        if (port..port + 6).all(free) {
            return port;
        }
    }
}

/// Waits until some program has this port, over UDP or TCP.
pub(crate) fn wait_until_bound(address: &str, port: u16) {
    let ip: IpAddr = address.parse().expect("an address");
    let start = Instant::now();
    while UdpSocket::bind((ip, port)).is_ok() && TcpListener::bind((ip, port)).is_ok() {
        assert!(start.elapsed() < Duration::from_secs(20), "nothing has taken port {port} of {address}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A host and port as a URI or SIPp writes them.
pub(crate) fn host_port(address: &str, port: u16) -> String {
    SocketAddr::new(address.parse().expect("an address"), port).to_string()
}

/// A program that runs, with its output in a file; killed when dropped.
pub(crate) struct Running {
    name: String,
    child: Child,
    output: PathBuf,
    _folder: tempfile::TempDir,
}

impl Running {
    /// Starts it in a folder of its own.
    pub(crate) fn start(program: &Path, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::start_in(program, args, folder)
    }

    /// Starts it in this folder.
    pub(crate) fn start_in(program: &Path, args: &[&str], folder: tempfile::TempDir) -> Self {
        let output = folder.path().join("output");
        let file = fs::File::create(&output).expect("a file");
        let child = Command::new(program)
            .args(args)
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let name = format!("{} {}", program.display(), args.join(" "));
        Self { name, child, output, _folder: folder }
    }

    /// Types a line.
    pub(crate) fn say(&mut self, line: &str) {
        let typed = self.child.stdin.as_mut().expect("it has an input");
        writeln!(typed, "{line}").expect("it listens");
    }

    /// The folder it runs in.
    pub(crate) fn folder(&self) -> &Path {
        self.output.parent().expect("the folder of the output")
    }

    /// The number that the system gave it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    pub(crate) fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.output).unwrap_or_default()).into_owned()
    }

    /// Waits until it has printed this.
    pub(crate) fn wait_for(&mut self, text: &str, limit: Duration) {
        let start = Instant::now();
        while !self.output().contains(text) {
            let over = self.child.try_wait().expect("its state");
            assert!(
                over.is_none() && start.elapsed() < limit,
                "{}: did not print '{text}' in {limit:?} ({over:?}):\n{}",
                self.name,
                self.output()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until it ends.
    pub(crate) fn wait(&mut self, limit: Duration) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("its state") {
                return status;
            }
            if start.elapsed() > limit {
                let _ = self.child.kill();
                panic!("{}: did not end in {limit:?}:\n{}", self.name, self.output());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until it ends, and demands that it ended well.
    pub(crate) fn succeed(&mut self, limit: Duration) {
        let status = self.wait(limit);
        assert!(status.success(), "{}: {status}\n{}", self.name, self.output());
    }

    /// Asks it to end (SIGTERM), and waits until it has.
    pub(crate) fn terminate(&mut self, limit: Duration) -> ExitStatus {
        self.ask_to_end();
        self.wait(limit)
    }

    /// Asks a peer to end, and kills one that hangs meanwhile, which is no fault of ours.
    pub(crate) fn dismiss(&mut self, limit: Duration) {
        self.ask_to_end();
        let start = Instant::now();
        while self.child.try_wait().expect("its state").is_none() {
            if start.elapsed() > limit {
                eprintln!("{}: did not end in {limit:?}, and is killed", self.name);
                let _ = self.child.kill();
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn ask_to_end(&self) {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
        assert!(asked.success(), "{} is gone already:\n{}", self.name, self.output());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
