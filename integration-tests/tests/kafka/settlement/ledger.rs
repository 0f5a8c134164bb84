//! What was handled of each partition, and that no commit is past anything else.

use super::shop::Handled;
use rdkafka::Message;
use rdkafka::message::OwnedMessage;
use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Mutex;
use std::time::Duration;

/// How often each message was tried and handled, by partition and offset.
#[derive(Default)]
pub(super) struct Ledger(Mutex<BTreeMap<(i32, i64), Tries>>);

#[derive(Default, Clone, Copy)]
struct Tries {
    begun: u32,
    handled: u32,
}

impl Ledger {
    /// A handler that takes its time. Some messages fail, panic, or never end, but only at first.
    pub(super) async fn handle(&self, message: &OwnedMessage) -> Handled {
        let key = (message.partition(), message.offset());
        let begun = {
            let mut all = self.0.lock().expect("not poisoned");
            let tries = all.entry(key).or_default();
            tries.begun += 1;
            tries.begun
        };
        // Different for neighbours, and the same in each run.
        let random = (key.1 * 37 + i64::from(key.0) * 11) % 23;
        tokio::time::sleep(Duration::from_millis(random.unsigned_abs() % 7)).await;
        match (random % 6, begun) {
            (0, 1) => return Err("not yet"),
            (1, 1) => panic!("as a handler may"),
            (2, 1) => pending().await,
            _ => {}
        }
        let mut all = self.0.lock().expect("not poisoned");
        all.entry(key).or_default().handled += 1;
        Ok(())
    }

    /// How many messages were handled at least once.
    pub(super) fn handled(&self) -> usize {
        let all = self.0.lock().expect("not poisoned");
        all.values().filter(|tries| tries.handled > 0).count()
    }

    /// How often a message was handled once more.
    pub(super) fn again(&self) -> u32 {
        let all = self.0.lock().expect("not poisoned");
        all.values()
            .map(|tries| tries.handled.saturating_sub(1))
            .sum()
    }

    /// Every message before the committed offset of its partition was handled. The offsets of the partitions
    /// have no gaps.
    pub(super) fn assert_committed(&self, committed: &[Option<i64>]) {
        // A copy: a failure poisons nothing that the handlers wait for.
        let all = self.0.lock().expect("not poisoned").clone();
        for (partition, committed) in (0..).zip(committed) {
            for offset in 0..committed.unwrap_or_default() {
                let tries = all.get(&(partition, offset)).copied().unwrap_or_default();
                assert!(
                    tries.handled > 0,
                    "committed {committed:?} of partition {partition}, and {offset} was not handled"
                );
            }
        }
    }
}
