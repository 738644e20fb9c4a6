//! TigerVNC's Xvnc, a display that is only seen by VNC, and what is painted on it, by the X protocol.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use des::cipher::BlockCipherEncrypt;

use super::rfb::{self, Picture};
use crate::peer::{Running, find, free_port};

const WIDTH: u16 = 800;
const HEIGHT: u16 = 600;
/// What VNC servers hide the passwords in their files with.
const FILE_KEY: [u8; 8] = [23, 82, 107, 6, 35, 78, 88, 7];
const LIMIT: Duration = Duration::from_secs(20);

/// A display.
pub(crate) struct Display {
    _server: Running,
    pub(crate) address: SocketAddr,
    painter: Painter,
}

impl Display {
    /// A display, with a password if one is given; none where the server is not installed.
    pub(crate) fn start(password: Option<&str>) -> Option<Self> {
        let xvnc = find("Xvnc")?;
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port("127.0.0.1");
        let (rfb_port, size) = (port.to_string(), format!("{WIDTH}x{HEIGHT}"));
        let mut args = vec!["-displayfd", "1", "-rfbport", &rfb_port, "-localhost=1", "-geometry", &size];
        args.extend(["-depth", "24", "-nolisten", "tcp", "-ac", "-nocursor"]);
        let file = folder.path().join("password").display().to_string();
        if let Some(password) = password {
            let mut hidden = rfb::key(password);
            rfb::cipher(FILE_KEY).encrypt_block((&mut hidden).into());
            std::fs::write(&file, hidden).expect("a file");
            args.extend(["-SecurityTypes", "VncAuth", "-PasswordFile", &file]);
        } else {
            args.extend(["-SecurityTypes", "None"]);
        }
        let server = Running::start_in(&xvnc, &args, folder);
        let start = Instant::now();
        let number: u32 = loop {
            if let Some(number) = server.output().lines().find_map(|line| line.parse().ok()) {
                break number;
            }
            assert!(start.elapsed() < LIMIT, "Xvnc does not start:\n{}", server.output());
            thread::sleep(Duration::from_millis(20));
        };
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Some(Self { _server: server, address, painter: Painter::connect(number) })
    }

    /// Paints noise, other noise for every seed, all over the screen.
    pub(crate) fn paint(&mut self, seed: u32) -> Picture {
        let mut state = seed;
        let mut pixels = vec![0; usize::from(WIDTH) * usize::from(HEIGHT) * 4];
        for pixel in pixels.chunks_exact_mut(4) {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [_, blue, green, red] = state.to_le_bytes();
            pixel.copy_from_slice(&[blue, green, red, 0]);
        }
        self.painter.paint(&pixels);
        Picture { width: WIDTH.into(), height: HEIGHT.into(), pixels }
    }
}

/// A client of the display: when the last one leaves, the display is wiped.
struct Painter {
    stream: UnixStream,
    root: [u8; 4],
    context: [u8; 4],
}

impl Painter {
    fn connect(number: u32) -> Self {
        let mut stream = UnixStream::connect(format!("/tmp/.X11-unix/X{number}")).expect("the display");
        stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
        stream.write_all(&[b'l', 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0]).expect("it is written");
        let mut head = [0; 8];
        stream.read_exact(&mut head).expect("an answer");
        assert_eq!(head[0], 1, "the display is refused");
        let mut setup = vec![0; usize::from(u16::from_le_bytes([head[6], head[7]])) * 4];
        stream.read_exact(&mut setup).expect("an answer");
        let vendor = usize::from(u16::from_le_bytes([setup[16], setup[17]]));
        let screen = 32 + vendor.next_multiple_of(4) + usize::from(setup[21]) * 8;
        let context = setup[4..8].try_into().expect("4 bytes");
        let root = setup[screen..screen + 4].try_into().expect("4 bytes");
        let mut painter = Self { stream, root, context };
        // CreateGC
        painter.request([55, 0], &[&context, &root, &[0; 4]]);
        painter
    }

    fn request(&mut self, head: [u8; 2], rest: &[&[u8]]) {
        let rest = rest.concat();
        let len = u16::try_from(rest.len() / 4 + 1).expect("a request of no more than 256 KiB");
        self.stream.write_all(&[&head[..], &len.to_le_bytes(), &rest].concat()).expect("it is written");
    }

    fn paint(&mut self, pixels: &[u8]) {
        let rows = 50_u16;
        for (number, part) in (0..).zip(pixels.chunks(usize::from(WIDTH) * usize::from(rows) * 4)) {
            let size = [WIDTH.to_le_bytes(), rows.to_le_bytes(), [0; 2], (number * rows).to_le_bytes()].concat();
            // PutImage, at depth 24
            let (root, context) = (self.root, self.context);
            self.request([72, 2], &[&root, &context, &size, &[0, 24, 0, 0], part]);
        }
        // GetInputFocus: when it is answered, all is painted.
        self.request([43, 0], &[]);
        let mut answer = [0; 32];
        self.stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(answer[0], 1, "the display refuses what is painted");
    }
}
