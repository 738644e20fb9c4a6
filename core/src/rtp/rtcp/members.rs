//! The participants of a session other than ourselves (RFC 3550 sections 6.2.1, 6.3.3 to 6.3.5).

use std::time::Duration;

use super::schedule::Counts;
use crate::time::Instant;

/// The most that are kept. A session of one call has one other member; behind a mixer, as many as it names. Further ones are not counted: reports come a little too often then.
const MAX_MEMBERS: usize = 256;

#[derive(Clone, Copy, Debug)]
struct Member {
    ssrc: u32,
    heard: Instant,
    /// When its last data packet came, while it is a sender.
    sent: Option<Instant>,
}

/// The table of valid members, by SSRC.
#[derive(Clone, Debug, Default)]
pub struct Members {
    /// Sorted by SSRC.
    table: Vec<Member>,
}

impl Members {
    /// A control packet came from this source, or it contributed to a data packet.
    pub fn heard(&mut self, now: Instant, ssrc: u32) {
        if let Some(member) = self.entry(now, ssrc) {
            member.heard = now;
        }
    }

    /// A data packet came from this source.
    pub fn sent(&mut self, now: Instant, ssrc: u32) {
        if let Some(member) = self.entry(now, ssrc) {
            member.heard = now;
            member.sent = Some(now);
        }
    }

    fn entry(&mut self, now: Instant, ssrc: u32) -> Option<&mut Member> {
        let index = match self.table.binary_search_by_key(&ssrc, |member| member.ssrc) {
            Ok(index) => index,
            Err(_) if self.table.len() >= MAX_MEMBERS => return None,
            Err(index) => {
                self.table.insert(index, Member { ssrc, heard: now, sent: None });
                index
            }
        };
        self.table.get_mut(index)
    }

    /// This source said goodbye, or is ours now.
    pub fn remove(&mut self, ssrc: u32) {
        self.table.retain(|member| member.ssrc != ssrc);
    }

    /// Forgets members silent for `member`, and that others are senders after they sent no data for `sender` (RFC 3550 section 6.3.5).
    pub fn expire(&mut self, now: Instant, member: Duration, sender: Duration) {
        self.table.retain(|entry| now - entry.heard <= member);
        for entry in &mut self.table {
            entry.sent = entry.sent.filter(|sent| now - *sent <= sender);
        }
    }

    /// Whether this source is a member.
    #[must_use]
    pub fn contains(&self, ssrc: u32) -> bool {
        self.table.binary_search_by_key(&ssrc, |member| member.ssrc).is_ok()
    }

    /// How many there are with ourselves, who have sent data lately or not.
    #[must_use]
    pub fn counts(&self, we_sent: bool) -> Counts {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Counts {
            members: 1 + count(self.table.len()),
            senders: u32::from(we_sent) + count(self.table.iter().filter(|member| member.sent.is_some()).count()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1000)
    }

    #[test]
    fn members_and_senders_are_counted_with_ourselves() {
        let mut members = Members::default();
        assert_eq!(members.counts(false), Counts { members: 1, senders: 0 });
        members.heard(seconds(0), 9);
        members.sent(seconds(0), 3);
        members.sent(seconds(1), 3);
        assert_eq!(members.counts(true), Counts { members: 3, senders: 2 });
        members.remove(3);
        assert_eq!(members.counts(true), Counts { members: 2, senders: 1 });
        assert!(members.contains(9) && !members.contains(3));
    }

    #[test]
    fn silence_ends_sending_first_and_membership_later() {
        let mut members = Members::default();
        members.sent(seconds(0), 1);
        members.heard(seconds(8), 1);
        members.heard(seconds(20), 2);
        let (member, sender) = (Duration::from_secs(25), Duration::from_secs(10));
        members.expire(seconds(10), member, sender);
        assert_eq!(members.counts(false).senders, 1);
        members.expire(seconds(11), member, sender);
        assert_eq!(members.counts(false), Counts { members: 3, senders: 0 });
        members.expire(seconds(34), member, sender);
        assert!(!members.contains(1) && members.contains(2));
    }

    #[test]
    fn a_flood_of_sources_does_not_grow_the_table() {
        let mut members = Members::default();
        for ssrc in 0..10_000 {
            members.heard(seconds(0), ssrc);
        }
        assert_eq!(members.counts(false).members, 257);
        members.heard(seconds(9), 5);
        members.expire(seconds(9), Duration::from_secs(5), Duration::ZERO);
        assert_eq!(members.counts(false).members, 2);
    }
}
