//! A small RFB client (RFC 6143): fetches the whole picture of a screen, without encoding.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use des::Des;
use des::cipher::{Array, BlockCipherEncrypt, KeyInit};

const NONE: u8 = 1;
const VNC_AUTHENTICATION: u8 = 2;
const RAW: usize = 0;
/// 32 bits for each pixel, 24 of them of colour, little-endian, true colour, 8 bits each for blue, green, red.
const PIXELS: [u8; 16] = [32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0];
const LIMIT: Duration = Duration::from_secs(30);

/// A picture, four bytes for each pixel: blue, green, red, and one that tells nothing and is 0.
#[derive(PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: Vec<u8>,
}

/// DES as VNC keys it: the bits of each byte in the other order (RFC 6143 section 7.2.2).
pub(crate) fn cipher(key: [u8; 8]) -> Des {
    Des::new(&Array::from(key.map(u8::reverse_bits)))
}

/// A password as a key: cut, or filled up with zeros.
pub(crate) fn key(password: &str) -> [u8; 8] {
    let mut key = [0; 8];
    key.iter_mut().zip(password.bytes()).for_each(|(byte, of)| *byte = of);
    key
}

/// A client that is connected.
pub(crate) struct Client {
    stream: TcpStream,
    width: usize,
    height: usize,
}

impl Client {
    /// Connects, with the password if it is asked for one.
    pub(crate) fn connect(to: SocketAddr, password: Option<&str>) -> Self {
        let stream = TcpStream::connect(to).expect("a connection");
        stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
        let mut client = Self { stream, width: 0, height: 0 };
        assert_eq!(&client.read::<12>(), b"RFB 003.008\n");
        client.write(b"RFB 003.008\n");
        let [count] = client.read();
        let kinds = client.bytes(count.into());
        match password {
            Some(password) => {
                assert_eq!(kinds, [VNC_AUTHENTICATION]);
                client.write(&kinds);
                let mut challenge = client.read::<16>();
                for block in challenge.chunks_exact_mut(8) {
                    let block: &mut [u8; 8] = block.try_into().expect("8 bytes");
                    cipher(key(password)).encrypt_block(block.into());
                }
                client.write(&challenge);
            }
            None => {
                assert_eq!(kinds, [NONE]);
                client.write(&kinds);
            }
        }
        assert_eq!(client.number(), 0, "it is refused");
        // Others may look on.
        client.write(&[1]);
        (client.width, client.height) = (client.short(), client.short());
        client.read::<16>();
        let name = client.number();
        client.bytes(name);
        client.write(&[&[0; 4], &PIXELS[..]].concat());
        client.write(&[2, 0, 0, 1, 0, 0, 0, 0]);
        client
    }

    /// Fetches the whole picture, as it is now.
    pub(crate) fn fetch(&mut self) -> Picture {
        let short = |number: usize| u16::try_from(number).expect("a short number").to_be_bytes();
        let ask = [&[3, 0, 0, 0, 0, 0][..], &short(self.width), &short(self.height)].concat();
        self.write(&ask);
        let mut pixels = vec![0; self.width * self.height * 4];
        let mut seen = vec![false; self.width * self.height];
        while seen.contains(&false) {
            match self.read() {
                [0] => self.update(&mut pixels, &mut seen),
                // A bell.
                [2] => {}
                // A clipboard.
                [3] => {
                    self.read::<3>();
                    let len = self.number();
                    self.bytes(len);
                }
                [other] => panic!("a message of type {other}"),
            }
        }
        Picture { width: self.width, height: self.height, pixels }
    }

    fn update(&mut self, pixels: &mut [u8], seen: &mut [bool]) {
        self.read::<1>();
        for _ in 0..self.short() {
            let (x, y, width, height) = (self.short(), self.short(), self.short(), self.short());
            assert_eq!(self.number(), RAW);
            for row in y..y + height {
                let (from, to) = (row * self.width + x, row * self.width + x + width);
                let line = self.bytes(width * 4);
                pixels[from * 4..to * 4].copy_from_slice(&line);
                seen[from..to].fill(true);
            }
        }
        pixels.iter_mut().skip(3).step_by(4).for_each(|byte| *byte = 0);
    }

    fn write(&mut self, data: &[u8]) {
        self.stream.write_all(data).expect("it is written");
    }

    fn read<const N: usize>(&mut self) -> [u8; N] {
        let mut data = [0; N];
        self.stream.read_exact(&mut data).expect("it is read");
        data
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut data = vec![0; len];
        self.stream.read_exact(&mut data).expect("it is read");
        data
    }

    fn short(&mut self) -> usize {
        u16::from_be_bytes(self.read()).into()
    }

    fn number(&mut self) -> usize {
        u32::from_be_bytes(self.read()) as usize
    }
}
