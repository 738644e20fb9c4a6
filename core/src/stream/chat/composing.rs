//! Who is writing, as the other side tells it: somebody who does not say so again in time, or has sent the message, writes no longer (RFC 3994
//! section 3.3).

use std::collections::BTreeMap;

use crate::message::Watched;
use crate::payload::composing::IsComposing;
use crate::payload::cpim::Address;
use crate::time::Instant;

/// Those who are watched; of more the news is passed on, and nobody waits for more.
const MOST: usize = 256;

/// Those who are writing.
#[derive(Debug, Default)]
pub(super) struct Writing {
    /// By their URIs; and to whom they write.
    who: BTreeMap<String, (Watched, Address, Vec<Address>)>,
}

impl Writing {
    /// Somebody said whether he writes.
    pub(super) fn told(&mut self, now: Instant, said: &IsComposing, sender: &Address, recipients: &[Address]) {
        if self.who.len() < MOST || self.who.contains_key(&sender.uri) {
            let fresh = || (Watched::default(), sender.clone(), recipients.to_vec());
            self.who.entry(sender.uri.clone()).or_insert_with(fresh).0.told(now, said);
        }
        self.who.retain(|_, (watched, ..)| watched.deadline().is_some());
    }

    /// A message of somebody came.
    pub(super) fn wrote(&mut self, sender: &Address) {
        self.who.remove(&sender.uri);
    }

    /// When the next one counts as writing no longer.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.who.values().filter_map(|(watched, ..)| watched.deadline()).min()
    }

    /// Those who write no longer, and to whom they wrote.
    pub(super) fn over(&mut self, now: Instant) -> Vec<(Address, Vec<Address>)> {
        let over = self.who.extract_if(.., |_, (watched, ..)| watched.timeout(now));
        over.map(|(_, (_, sender, recipients))| (sender, recipients)).collect()
    }
}
