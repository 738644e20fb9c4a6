use std::time::Duration;

use super::*;
use crate::time::Instant;

fn answer(last: u8) -> Answer {
    Ok(vec![Record { name: name("a.test"), ttl: 60, data: Data::A([192, 0, 2, last].into()) }])
}

#[test]
fn answers_are_kept_for_their_time_and_an_hour_at_most() {
    for (ttl, kept) in [(0, 0), (1, 1), (60, 60), (100_000, 3600)] {
        let mut cache = Cache::default();
        let start = Instant::from_millis(5);
        cache.insert(start, name("a.test"), Kind::A, answer(1), ttl, 10);
        assert_eq!(cache.get(start, &name("a.test"), Kind::Aaaa), None);
        let just_before = start + Duration::from_secs(kept).saturating_sub(Duration::from_nanos(1));
        assert_eq!(cache.get(just_before, &name("a.test"), Kind::A).is_some(), kept > 0, "{ttl}");
        assert_eq!(cache.get(start + Duration::from_secs(kept), &name("a.test"), Kind::A), None, "{ttl}");
        assert!(cache.is_empty());
    }
}

#[test]
fn absence_is_kept_too() {
    let mut cache = Cache::default();
    cache.insert(Instant::ZERO, name("a.test"), Kind::A, Err(Unanswered::NoName), 30, 10);
    assert_eq!(cache.get(Instant::ZERO, &name("a.test"), Kind::A), Some(Err(Unanswered::NoName)));
}

#[test]
fn the_newest_answer_counts() {
    let mut cache = Cache::default();
    cache.insert(Instant::ZERO, name("a.test"), Kind::A, answer(1), 30, 10);
    cache.insert(Instant::ZERO, name("a.test"), Kind::A, answer(2), 60, 10);
    assert_eq!(cache.get(Instant::from_millis(40_000), &name("a.test"), Kind::A), Some(answer(2)));
    cache.insert(Instant::from_millis(40_000), name("a.test"), Kind::A, answer(3), 0, 10);
    assert_eq!(cache.get(Instant::from_millis(40_000), &name("a.test"), Kind::A), None);
}

#[test]
fn a_full_cache_gives_up_what_ends_soonest() {
    let mut cache = Cache::default();
    for number in 0..100 {
        cache.insert(Instant::ZERO, name(&format!("a{number}.test")), Kind::A, answer(1), 200 - number, 10);
        assert!(cache.len() <= 10);
    }
    assert!(cache.get(Instant::ZERO, &name("a99.test"), Kind::A).is_some());
    assert!(cache.get(Instant::ZERO, &name("a0.test"), Kind::A).is_some());
    assert!(cache.get(Instant::ZERO, &name("a98.test"), Kind::A).is_none());
    cache.clear();
    assert!(cache.is_empty());
}
