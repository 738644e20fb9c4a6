//! RTCP (RFC 3550 section 6): compound packets, the table of members, and when reports are due.

mod compound;
mod members;
mod packet;
mod schedule;
mod write;

pub use compound::{Compound, CompoundError, Packets};
pub use members::Members;
pub use packet::{
    App, Bye, Chunk, Item, ItemKind, Packet, ReceiverReport, ReportBlock, ReportBlocks, SenderInfo, SenderReport,
    SourceDescription, Unknown,
};
pub use schedule::{Counts, Schedule};
pub use write::Writer;

/// Packet types of RTCP (RFC 3550 section 12.1).
mod packet_type {
    pub(super) const SENDER_REPORT: u8 = 200;
    pub(super) const RECEIVER_REPORT: u8 = 201;
    pub(super) const SOURCE_DESCRIPTION: u8 = 202;
    pub(super) const BYE: u8 = 203;
    pub(super) const APP: u8 = 204;
}
