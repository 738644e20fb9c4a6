//! Two media threads talk over loopback sockets, in real time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use sipsimple_audio::measure;
use sipsimple_audio::port::Capture;
use sipsimple_audio::rate::SampleRate;
use sipsimple_audio::tone::sine;
use sipsimple_audio::wave::{Wave, WavePlayer};
use sipsimple_core::media::{Component, Format, Parameters, Setup, TelephoneEvent};
use sipsimple_core::random::Seed;
use sipsimple_core::sdp::Direction;

use super::*;

const STREAM: StreamId = StreamId::from_u64(5);

/// Long enough for a loaded machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is captured: 0.4 s.
const SAMPLES: usize = 3200;

/// The next news of the stream that the filter wants.
fn next<T>(link: &Link, wanted: impl Fn(Event) -> Option<T>) -> T {
    loop {
        let late = async {
            Timer::after(PATIENCE).await;
            panic!("nothing happened")
        };
        match smol::block_on(link.news.recv().or(late)) {
            Ok(News::Path { stream, event }) => {
                assert_eq!(stream, STREAM);
                if let Some(found) = wanted(event) {
                    return found;
                }
            }
            Ok(News::Audio(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Runs something on the engine and waits for what it returns.
fn on_engine<R: Send + 'static>(link: &Link, run: impl FnOnce(&mut Engine) -> R + Send + 'static) -> R {
    let (reply, answer) = std::sync::mpsc::sync_channel(1);
    let run = Box::new(move |engine: &mut Engine, _| reply.send(run(engine)).unwrap());
    link.orders.try_send(Order::Run(MixerId::VOICE, run)).unwrap();
    answer.recv().unwrap()
}

/// A media thread with a prepared leg, and the address of its RTP.
fn prepared(local: IpAddr, number: u64) -> (Link, SocketAddr) {
    let link = start(Clock::start(), EngineConfig::default()).unwrap();
    let ssrc = u32::try_from(number).unwrap();
    let setup = Setup { local, ports: (0, 0), seed: Seed::from_u64(number), ssrc, cname: "test".into(), ice: None };
    link.command(STREAM, Command::Prepare(setup));
    let candidates = next(&link, |event| match event {
        Event::Ready { candidates } => Some(candidates),
        other => panic!("not ready: {other:?}"),
    });
    let [rtp, rtcp] = candidates[..] else { panic!("{candidates:?}") };
    assert_eq!((rtp.component, rtcp.component), (Component::Rtp, Component::Rtcp));
    assert_eq!(rtp.address.ip(), local);
    assert_eq!((rtp.address.port() % 2, rtcp.address.port()), (0, rtp.address.port() + 1));
    (link, rtp.address)
}

fn begin(link: &Link, remote: SocketAddr) {
    let format = Format {
        send_payload: 0,
        receive_payload: 0,
        encoding: "PCMU".into(),
        clock_rate: 8000,
        channels: 1,
        remote_fmtp: None,
        local_fmtp: None,
    };
    let parameters = Parameters {
        remote_rtp: Some(remote),
        remote_rtcp: Some(SocketAddr::new(remote.ip(), remote.port() + 1)),
        direction: Direction::SendRecv,
        formats: vec![format],
        telephone_event: Some(TelephoneEvent { send_payload: 101, receive_payload: 101, clock_rate: 8000 }),
        comfort_noise: None,
        suppress_silence: false,
        ptime: 20,
        symmetric: true,
        timeout: None,
        srtp: None,
        ice: None,
    };
    link.command(STREAM, Command::Start(parameters));
    next(link, |event| (event == Event::Started).then_some(()));
}

#[test]
fn a_tone_and_a_digit_arrive() {
    for local in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        let ((speaker, from), (listener, to)) = (prepared(local, 1), prepared(local, 2));
        begin(&listener, from);
        begin(&speaker, to);
        let wave = Wave::new(8000, sine(440.0, -12.0, 8000, 8000));
        let player = WavePlayer::from_wave(wave, SampleRate::default()).loop_count(0);
        on_engine(&speaker, move |engine| engine.play(STREAM, player).map(drop)).unwrap();
        assert_eq!(next(&listener, |event| if let Event::Source(from) = event { Some(from) } else { None }), from);
        let capture = on_engine(&listener, |engine| {
            let capture = engine.add_port(Capture::new(SAMPLES)).unwrap();
            engine.connect(engine.leg(STREAM).unwrap().port(), capture).unwrap();
            capture
        });
        let heard = loop {
            let samples =
                on_engine(&listener, move |engine| engine.port::<Capture>(capture).unwrap().samples().to_vec());
            if samples.len() >= SAMPLES {
                break samples;
            }
            std::thread::yield_now();
        };
        // A machine under load may delay packets, so that some are lost: what is asked for is a tone, not a perfect one.
        let tone = measure::tone(&heard, 8000, 440.0);
        assert!(tone.level > -18.0 && tone.ratio > 3.0, "{tone:?}");
        speaker.command(STREAM, Command::SendDtmf { digit: '#', duration: Duration::from_millis(60) });
        assert_eq!(next(&listener, |event| if let Event::Dtmf { digit } = event { Some(digit) } else { None }), '#');
    }
}

#[test]
fn a_stopped_leg_says_what_it_counted_and_frees_its_ports() {
    let (link, local) = prepared(IpAddr::V4(Ipv4Addr::LOCALHOST), 3);
    begin(&link, local);
    link.command(STREAM, Command::Stop);
    next(&link, |event| matches!(event, Event::Stats(_)).then_some(()));
    let bound = || std::net::UdpSocket::bind(local).is_ok();
    let start = std::time::Instant::now();
    while !bound() {
        assert!(start.elapsed() < PATIENCE, "{local} is still bound");
        std::thread::yield_now();
    }
}

#[test]
fn a_leg_without_ports_fails() {
    let link = start(Clock::start(), EngineConfig::default()).unwrap();
    let setup = Setup {
        local: IpAddr::V4(Ipv4Addr::LOCALHOST),
        ports: (50_001, 50_002),
        seed: Seed::from_u64(1),
        ssrc: 1,
        cname: "test".into(),
        ice: None,
    };
    link.command(STREAM, Command::Prepare(setup));
    let cause = next(&link, |event| if let Event::Failed(cause) = event { Some(cause) } else { None });
    assert_eq!(cause, sipsimple_core::transport::CloseCause::AddressUnavailable);
}

#[test]
fn a_stopped_thread_ends_its_news_and_answers_nobody() {
    let (link, _) = prepared(IpAddr::V4(Ipv4Addr::LOCALHOST), 4);
    link.orders.try_send(Order::Stop).unwrap();
    smol::block_on(async { while link.news.recv().await.is_ok() {} });
    assert!(link.orders.is_closed());
}
