//! How much of a message may be unanswered: more where the way is long, and no more where the receiver is slow.

use std::time::Duration;

use super::super::window::{Haste, Pace, Window};

const CHUNK: u64 = 256 * 1024;
const LEAST: u64 = 2 * 1024 * 1024;
const MOST: usize = 32 * 1024 * 1024;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Sends what may be sent; how much.
fn fill(window: &mut Window) -> u64 {
    let mut sent = 0;
    while window.is_open() {
        window.sent(CHUNK);
        sent += CHUNK;
    }
    sent
}

#[test]
fn on_a_long_way_it_doubles_each_round_up_to_the_most() {
    let (mut window, mut pace) = (Window::new(MOST), Pace::default());
    let mut under_way = fill(&mut window);
    assert_eq!(under_way, LEAST);
    for round in 1..8 {
        for _ in 0..under_way / CHUNK {
            window.answered(CHUNK, pace.judge(millis(100)));
        }
        under_way = fill(&mut window);
        assert_eq!(under_way, (LEAST << round).min(MOST as u64), "{round}");
    }
}

#[test]
fn it_is_not_larger_for_who_does_not_use_it() {
    let mut window = Window::new(MOST);
    for _ in 0..100 {
        window.sent(CHUNK);
        window.answered(CHUNK, Haste::Soon);
    }
    assert_eq!(fill(&mut window), LEAST);
}

#[test]
fn a_slow_receiver_gets_no_more_and_loses_what_it_had() {
    let (mut window, mut pace) = (Window::new(MOST), Pace::default());
    assert_eq!(pace.judge(millis(100)), Haste::Soon);
    // The first came through, and from then on each waits.
    let mut under_way = fill(&mut window);
    for took in [300, 900, 2000] {
        for _ in 0..under_way / CHUNK {
            window.answered(CHUNK, pace.judge(millis(took)));
        }
        under_way = fill(&mut window);
        assert_eq!(under_way, LEAST, "{took}");
    }
    let mut window = Window::new(MOST);
    for _ in 0..3 {
        for _ in 0..fill(&mut window) / CHUNK {
            window.answered(CHUNK, Haste::Soon);
        }
    }
    let grown = fill(&mut window);
    assert!(grown > 4 * LEAST, "{grown}");
    for _ in 0..grown / CHUNK {
        window.answered(CHUNK, Haste::Late);
    }
    assert_eq!(fill(&mut window), LEAST);
}

#[test]
fn on_a_short_way_it_is_as_large_as_it_need_be() {
    let mut pace = Pace::default();
    for took in [0, 1, 0, 2, 5, 1] {
        assert_eq!(pace.judge(millis(took)), Haste::Whenever, "{took}");
    }
    assert_eq!(pace.judge(millis(50)), Haste::Late);
}

#[test]
fn the_limit_may_be_less_than_what_is_always_allowed_otherwise() {
    let mut window = Window::new(300_000);
    assert_eq!(fill(&mut window), 2 * CHUNK);
    window.answered(CHUNK, Haste::Late);
    window.answered(CHUNK, Haste::Soon);
    assert_eq!(fill(&mut window), 2 * CHUNK);
}
