//! Networks of a test's own, in namespaces of Linux: two hosts, each behind a symmetric NAT (RFC 4787 section 4.1: address and
//! port-dependent mapping), and between the NATs a router, where servers stand.
//!
//! ```text
//!  host 0 ── NAT 0 ──┐             ┌── NAT 1 ── host 1
//!  10.9.0.2    198.18.0.2 router 198.18.1.2    10.9.1.2
//!               198.18.0.1      198.18.1.1
//! ```

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::peer::{Running, find};

/// Where servers listen.
pub(crate) const ROUTER: &str = "198.18.0.1";
/// The addresses of the hosts.
pub(crate) const HOSTS: [&str; 2] = ["10.9.0.2", "10.9.1.2"];

/// The namespaces; they are gone when this is dropped.
pub(crate) struct Nats {
    ip: PathBuf,
    name: String,
}

impl Nats {
    /// Makes them. `None`, with a word about it, where that is not possible; then peers must not be required.
    pub(crate) fn new() -> Option<Self> {
        let (ip, nft) = (find("ip")?, find("nft")?);
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let nats = Self { ip, name: format!("sipsimple-{}-{number}", std::process::id()) };
        if !nats.may_make() {
            let required = std::env::var("SIPSIMPLE_REQUIRE_PEERS").is_ok_and(|value| value == "1");
            assert!(!required, "no network namespaces can be made here, and SIPSIMPLE_REQUIRE_PEERS is 1");
            eprintln!("skipped: no network namespaces can be made here (that is root's to do)");
            return None;
        }
        for side in 0..2 {
            nats.run(&format!("netns add {}", nats.nat(side)));
            nats.run(&format!("netns add {}", nats.host(side)));
            nats.join(&nats.router(), &format!("198.18.{side}.1/24"), &nats.nat(side), &format!("198.18.{side}.2/24"));
            nats.join(&nats.nat(side), &format!("10.9.{side}.1/24"), &nats.host(side), &format!("10.9.{side}.2/24"));
            nats.run(&format!("-n {} route add default via 198.18.{side}.1", nats.nat(side)));
            nats.run(&format!("-n {} route add default via 10.9.{side}.1", nats.host(side)));
            // Every pair of addresses gets a port of its own, drawn at random: what one server sees helps nobody else.
            let rules = "add table ip nat; add chain ip nat out { type nat hook postrouting priority 100; }; \
                         add rule ip nat out ip saddr 10.9.0.0/16 masquerade fully-random; add table ip filter; \
                         add chain ip filter in { type filter hook forward priority 0; policy drop; }; \
                         add rule ip filter in ip saddr 10.9.0.0/16 accept; \
                         add rule ip filter in ct state established,related accept";
            nats.run_in(&nats.nat(side), nft.to_str().expect("UTF-8"), &[rules]);
        }
        // What is for nobody goes to a NAT, which drops it without a word, as others do elsewhere: where a system refuses to send, coturn takes
        // back what it has lent.
        nats.run(&format!("-n {} route add default via 198.18.0.2", nats.router()));
        for namespace in [nats.router(), nats.nat(0), nats.nat(1)] {
            nats.run_in(&namespace, "sh", &["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]);
        }
        Some(nats)
    }

    /// Starts a program where servers stand.
    pub(crate) fn serve(&self, program: &Path, args: &[&str], folder: tempfile::TempDir) -> Running {
        self.start(&self.router(), program, args, folder)
    }

    /// Starts a program on one of the hosts.
    pub(crate) fn start_at(&self, side: usize, program: &Path, args: &[&str]) -> Running {
        self.start(&self.host(side), program, args, tempfile::tempdir().expect("a folder"))
    }

    /// Starts a program on one of the NATs: a host with a public address.
    pub(crate) fn start_outside(&self, side: usize, program: &Path, args: &[&str]) -> Running {
        self.start(&self.nat(side), program, args, tempfile::tempdir().expect("a folder"))
    }

    fn start(&self, namespace: &str, program: &Path, args: &[&str], folder: tempfile::TempDir) -> Running {
        let inside = ["netns", "exec", namespace, program.to_str().expect("a name in UTF-8")];
        Running::start_in(&self.ip, &[&inside[..], args].concat(), folder)
    }

    /// The first namespace, made without a word if it cannot be.
    fn may_make(&self) -> bool {
        let made = Command::new(&self.ip).args(["netns", "add", &self.router()]).output();
        made.is_ok_and(|made| made.status.success())
            && Command::new(&self.ip).args(["-n", &self.router(), "link", "set", "lo", "up"]).status().is_ok()
    }

    /// A wire between two namespaces.
    fn join(&self, left: &str, left_address: &str, right: &str, right_address: &str) {
        let wire = |address: &str| format!("w{}", address.replace(['.', '/'], "")).chars().take(14).collect::<String>();
        let (left_end, right_end) = (wire(left_address), wire(right_address));
        self.run(&format!("link add {left_end} netns {left} type veth peer name {right_end} netns {right}"));
        for (namespace, end, address) in [(left, left_end, left_address), (right, right_end, right_address)] {
            self.run(&format!("-n {namespace} addr add {address} dev {end}"));
            self.run(&format!("-n {namespace} link set {end} up"));
            self.run(&format!("-n {namespace} link set lo up"));
        }
    }

    fn run(&self, words: &str) {
        self.run_args(&words.split(' ').collect::<Vec<_>>());
    }

    fn run_in(&self, namespace: &str, program: &str, args: &[&str]) {
        self.run_args(&[&["netns", "exec", namespace, program], args].concat());
    }

    fn run_args(&self, args: &[&str]) {
        let done = Command::new(&self.ip).args(args).output().expect("ip runs");
        assert!(done.status.success(), "ip {}: {}", args.join(" "), String::from_utf8_lossy(&done.stderr));
    }

    fn router(&self) -> String {
        format!("{}-router", self.name)
    }

    fn nat(&self, side: usize) -> String {
        format!("{}-nat{side}", self.name)
    }

    fn host(&self, side: usize) -> String {
        format!("{}-host{side}", self.name)
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        for namespace in [self.host(0), self.host(1), self.nat(0), self.nat(1), self.router()] {
            let _ = Command::new(&self.ip).args(["netns", "del", &namespace]).output();
        }
    }
}

/// Waits until something in the namespace of this program has this port, over UDP or listening over TCP.
pub(crate) fn wait_until_bound(running: &Running, port: u16) {
    let start = Instant::now();
    let bound = || {
        ["udp", "tcp"].into_iter().any(|protocol| {
            let file = format!("/proc/{}/net/{protocol}", running.id());
            std::fs::read_to_string(file).unwrap_or_default().contains(&format!(":{port:04X} 00000000:0000"))
        })
    };
    while !bound() {
        assert!(start.elapsed() < Duration::from_secs(20), "nothing has taken port {port}:\n{}", running.output());
        std::thread::sleep(Duration::from_millis(20));
    }
}
