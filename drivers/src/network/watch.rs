//! Watches the machine's addresses, and whether it slept.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use async_io::Timer;
use sipsimple_core::agent::NetworkChange;
use smol::channel::Sender;

use super::News;

/// How often it looks.
pub(super) const EVERY: Duration = Duration::from_secs(3);

/// A clock that went on for so much longer than we waited: the machine slept.
const SLEPT: Duration = Duration::from_secs(30);

/// Tells every change of what `addresses` says, and that the machine slept.
pub(super) async fn watch(news: Sender<News>, every: Duration, mut addresses: impl FnMut() -> BTreeSet<IpAddr>) {
    let mut known = addresses();
    loop {
        let before = SystemTime::now();
        Timer::after(every).await;
        let slept = before.elapsed().is_ok_and(|waited| waited > every + SLEPT);
        let now = addresses();
        let changed = now != known;
        known = now;
        let change = match (slept, changed) {
            (true, _) => NetworkChange::Woke,
            (false, true) => NetworkChange::Addresses,
            (false, false) => continue,
        };
        if news.send(News::Changed(change)).await.is_err() {
            return;
        }
    }
}

/// The machine's addresses, those that lead nowhere else left out.
pub(super) fn addresses() -> BTreeSet<IpAddr> {
    let all = if_addrs::get_if_addrs().unwrap_or_default();
    all.into_iter().filter(|interface| !interface.is_loopback() && !interface.is_link_local()).map(|i| i.ip()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_told_and_nothing_else() {
        let [here, there]: [IpAddr; 2] = ["192.0.2.1", "192.0.2.2"].map(|ip| ip.parse().unwrap());
        let mut seen = vec![vec![], vec![here, there], vec![here, there], vec![there, here], vec![here], vec![here]];
        let (sender, news) = smol::channel::bounded(9);
        let look = move || seen.pop().unwrap_or_default().into_iter().collect();
        let watching = watch(sender, Duration::from_millis(1), look);
        let told = async {
            for _ in 0..2 {
                assert!(matches!(news.recv().await, Ok(News::Changed(NetworkChange::Addresses))));
            }
            Timer::after(Duration::from_millis(50)).await;
            assert!(news.is_empty());
        };
        smol::block_on(futures_lite::future::or(watching, told));
    }
}
