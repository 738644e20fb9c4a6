//! RTCP of the path: reports and goodbyes in both directions, members, collisions of SSRCs (RFC 3550 sections 6.3, 6.4, 8.2).

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::{CONTROL_ROOM, MAX_QUEUE, Path, State};
use crate::media::Component;
use crate::random::Random;
use crate::rtp::ntp::{NtpClock, SentReports};
use crate::rtp::rtcp::{self, Compound, Counts, ItemKind, Members, Packet, ReportBlock, Schedule, SenderInfo};
use crate::sip::Text;
use crate::time::{Instant, Utc};

/// What all members may use for RTCP, in bytes a second: 5 % of the 80 kbit/s that G.711 takes with its headers (RFC 3550 section 6.2).
const BANDWIDTH: u32 = 500;
/// Bytes of a first report with its headers.
const FIRST_SIZE: usize = 120;
/// Bytes of IPv4 and UDP headers.
const OVERHEAD_V4: usize = 28;
/// Bytes of IPv6 and UDP headers.
const OVERHEAD_V6: usize = 48;
/// Addresses that our own SSRC came from.
const MAX_CONFLICTS: usize = 4;
/// How long such an address must be silent to be forgotten: about ten report intervals (RFC 3550 section 8.2).
const CONFLICT_TIME: Duration = Duration::from_secs(50);

/// An address that packets with our SSRC came from.
#[derive(Debug)]
struct Conflict {
    component: Component,
    from: SocketAddr,
    last: Instant,
}

/// The state of RTCP.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) members: Members,
    schedule: Schedule,
    cname: Text,
    clock: NtpClock,
    sent_reports: SentReports,
    conflicts: Vec<Conflict>,
    /// Whether any RTCP was sent; one who was never heard does not say goodbye (RFC 3550 section 6.3.7).
    reported: bool,
    /// Where the remote description says RTCP goes, or last said.
    remote: Option<SocketAddr>,
    /// Where the peer's reports come from, when that is not where the description says.
    latched: Option<(Component, SocketAddr)>,
    armed: bool,
    /// Packets lost on their way to the peer under earlier SSRCs.
    lost_before: u64,
    /// The same under this one, in the peer's last report.
    lost: u64,
}

impl Control {
    pub(super) fn new(random: &mut Random, cname: Text, now: Instant, utc: Utc) -> Self {
        Self {
            members: Members::default(),
            schedule: Schedule::new(now, random, BANDWIDTH, FIRST_SIZE),
            cname,
            clock: NtpClock::new(now, utc),
            sent_reports: SentReports::default(),
            conflicts: Vec::new(),
            reported: false,
            remote: None,
            latched: None,
            armed: true,
            lost_before: 0,
            lost: 0,
        }
    }

    /// The session begins: the first report is timed from now on.
    pub(super) fn join(&mut self, now: Instant, random: &mut Random) {
        self.schedule = Schedule::new(now, random, BANDWIDTH, FIRST_SIZE);
    }

    /// The latch may move again; it is forgotten if the remote description names another address.
    pub(super) fn negotiated(&mut self, remote: Option<SocketAddr>) {
        self.armed = true;
        if let Some(remote) = remote
            && self.remote.replace(remote) != Some(remote)
        {
            self.latched = None;
        }
    }

    pub(super) const fn due(&self) -> Instant {
        self.schedule.due()
    }
}

impl Path {
    /// A datagram that looks like RTCP, or came where RTCP does.
    pub(super) fn control_datagram(&mut self, now: Instant, component: Component, from: SocketAddr, data: Bytes) {
        let size = data.len() + overhead(from);
        let Ok(compound) = Compound::parse(data) else { return self.drop_received() };
        let Some(reporter) = compound.reporter() else { return self.drop_received() };
        if !self.is_peer(component, from, reporter) {
            return self.drop_received();
        }
        if reporter == self.writer.ssrc {
            self.drop_received();
            self.collision(now, Component::Rtcp, from);
            return;
        }
        if self.control.members.contains(reporter) {
            self.control.members.heard(now, reporter);
        }
        let mut byes = 0;
        for packet in compound.packets() {
            match packet {
                Packet::SenderReport(report) => {
                    if let Some(current) = &mut self.sources.current
                        && current.reception.ssrc() == report.ssrc
                    {
                        current.reception.sender_report(now, report.info.ntp);
                    }
                    self.reports_came(now, report.reports.iter());
                }
                Packet::ReceiverReport(report) => self.reports_came(now, report.reports.iter()),
                Packet::SourceDescription(description) => {
                    for chunk in description.chunks() {
                        if chunk.ssrc != self.writer.ssrc && chunk.cname().is_some() {
                            self.control.members.heard(now, chunk.ssrc);
                        }
                    }
                }
                Packet::Bye(bye) => {
                    for source in bye.sources() {
                        self.control.members.remove(source);
                        byes += 1;
                    }
                }
                Packet::App(_) | Packet::Unknown(_) => {}
            }
        }
        self.watch.reported();
        self.control.schedule.received(size, byes);
        let members = self.counts(now).members;
        self.control.schedule.shrink(now, members);
    }

    /// Whether RTCP from this address is the peer's: it comes from where the description or the latch of RTP says, or else from the same host and the same source as the media. The first that does is where ours goes from then on.
    fn is_peer(&mut self, component: Component, from: SocketAddr, reporter: u32) -> bool {
        let control = &mut self.control;
        let latched = control.latched == Some((component, from));
        if latched || self.parameters.remote_rtcp == Some(from) {
            control.armed = false;
            return true;
        }
        if self.sources.trusts(from) {
            return true;
        }
        let same = self.sources.current.as_ref().is_some_and(|current| {
            current.from.ip() == from.ip() && current.reception.ssrc() == reporter && self.sources.trusts(current.from)
        });
        if control.armed && same {
            control.latched = Some((component, from));
            control.armed = false;
            return true;
        }
        false
    }

    /// What the peer says of our packets.
    fn reports_came(&mut self, now: Instant, blocks: impl Iterator<Item = ReportBlock>) {
        let arrival = self.control.clock.at(now);
        for block in blocks.filter(|block| block.ssrc == self.writer.ssrc) {
            let tx = &mut self.statistics.tx;
            self.control.lost = u64::try_from(block.lost).unwrap_or(0);
            tx.lost = self.control.lost_before + self.control.lost;
            tx.jitter = self.writer.duration(block.jitter);
            if let Some(time) = self.control.sent_reports.answered(arrival, block.last_sr, block.delay) {
                self.statistics.round_trip = Some(time);
            }
        }
    }

    /// Our SSRC came from the peer's address: another one uses it, or our packets come back. The first time for each address we take another (RFC 3550 section 8.2); after that the address is taken for a loop, whose packets are heard only where nothing else comes (see `source`).
    pub(super) fn collision(&mut self, now: Instant, component: Component, from: SocketAddr) {
        if self.state != State::Running {
            return;
        }
        let conflicts = &mut self.control.conflicts;
        let known = |conflict: &&mut Conflict| conflict.component == component && conflict.from == from;
        if let Some(conflict) = conflicts.iter_mut().find(known) {
            conflict.last = now;
            return;
        }
        if conflicts.len() >= MAX_CONFLICTS {
            conflicts.remove(0);
        }
        conflicts.push(Conflict { component, from, last: now });
        if self.is_heard() {
            self.send_report(now, true);
        }
        let mut ssrc = self.random.u32();
        while ssrc == self.writer.ssrc || self.control.members.contains(ssrc) {
            ssrc = self.random.u32();
        }
        self.writer.rename(ssrc);
        self.control.reported = false;
        self.control.lost_before += std::mem::take(&mut self.control.lost);
    }

    /// The report timer.
    pub(super) fn report_if_due(&mut self, now: Instant) {
        if now < self.control.due() {
            return;
        }
        self.control.conflicts.retain(|conflict| now - conflict.last <= CONFLICT_TIME);
        let counts = self.counts(now);
        let (member, sender) = (self.control.schedule.member_timeout(counts), self.control.schedule.sender_timeout());
        self.control.members.expire(now, member, sender);
        let (counts, we_sent) = (self.counts(now), self.we_sent(now));
        self.control.schedule.shrink(now, counts.members);
        if self.control.schedule.expire(now, &mut self.random, counts, we_sent) {
            let size = self.send_report(now, false);
            self.control.schedule.sent(now, &mut self.random, counts, we_sent, size);
            self.tell_statistics();
        }
    }

    /// Says goodbye; false when the BYE has to wait for its turn.
    pub(super) fn leave(&mut self, now: Instant) -> bool {
        if !self.is_heard() {
            return true;
        }
        let members = self.counts(now).members;
        let at_once = self.control.schedule.leave(now, &mut self.random, members, FIRST_SIZE);
        if at_once {
            self.send_report(now, true);
        }
        at_once
    }

    /// The timer of a BYE that waits.
    pub(super) fn leave_if_due(&mut self, now: Instant) {
        if now < self.control.due() {
            return;
        }
        let counts = self.counts(now);
        if self.control.schedule.expire(now, &mut self.random, counts, false) {
            self.send_report(now, true);
            self.state = State::Stopped;
        }
    }

    /// Whether anybody may know of this SSRC.
    const fn is_heard(&self) -> bool {
        self.control.reported || self.writer.packets > 0
    }

    fn we_sent(&self, now: Instant) -> bool {
        self.writer.sent_at.is_some_and(|sent| now - sent <= self.control.schedule.sender_timeout())
    }

    fn counts(&self, now: Instant) -> Counts {
        self.control.members.counts(self.we_sent(now))
    }

    /// Writes a report with our CNAME, and a goodbye if we leave, and queues it if there is where to send it. Bytes on the wire.
    fn send_report(&mut self, now: Instant, bye: bool) -> usize {
        let ssrc = self.writer.ssrc;
        let block = match &mut self.sources.current {
            Some(current) if current.reception.heard_since_report() => Some(current.reception.report(now)),
            Some(_) | None => None,
        };
        let stamp = self.control.clock.at(now);
        let we_sent = self.we_sent(now);
        let info = SenderInfo {
            ntp: stamp,
            timestamp: self.writer.timestamp_at(now),
            packets: self.writer.packets,
            octets: self.writer.octets,
        };
        let mut writer = rtcp::Writer::new(&mut self.buffer);
        if we_sent {
            writer.sender_report(ssrc, &info, block.as_slice());
        } else {
            writer.receiver_report(ssrc, block.as_slice());
        }
        writer.source_description(ssrc, &[(ItemKind::Cname, self.control.cname.as_str())]);
        if bye {
            writer.bye(&[ssrc], None);
        }
        let size = self.buffer.len();
        let Some((component, to)) = self.control_destination() else {
            self.buffer.clear();
            return size + OVERHEAD_V4;
        };
        if self.transmit(now, component, to, MAX_QUEUE + CONTROL_ROOM) {
            self.control.reported = true;
            if we_sent {
                self.control.sent_reports.sent(stamp);
            }
        }
        size + overhead(to)
    }

    /// Where RTCP goes. It shares RTP's socket and follows its latch when the description gives one address for both (RFC 5761).
    fn control_destination(&self) -> Option<(Component, SocketAddr)> {
        let remote = self.parameters.remote_rtcp?;
        let symmetric = self.parameters.symmetric;
        if self.parameters.remote_rtp == Some(remote) {
            return Some((Component::Rtp, self.sources.latched().filter(|_| symmetric).unwrap_or(remote)));
        }
        Some(self.control.latched.filter(|_| symmetric).unwrap_or((Component::Rtcp, remote)))
    }
}

/// Bytes of the lower layers' headers (RFC 3550 section 6.2).
const fn overhead(peer: SocketAddr) -> usize {
    match peer {
        SocketAddr::V4(_) => OVERHEAD_V4,
        SocketAddr::V6(_) => OVERHEAD_V6,
    }
}
