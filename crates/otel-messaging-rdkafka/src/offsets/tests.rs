//! What is stored, compared with a plain list of what happened.

use super::Offsets;
use super::assignment::Assignment;
use super::store::Store;
use crate::settle::{Settlement, Settler};
use crate::{HasAssignment, SettlingContext};
use futures_util::FutureExt;
use otel_messaging::consumer::Settle;
use proptest::prelude::*;
use rdkafka::consumer::{BaseConsumer, CommitMode, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, TopicPartitionList};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::thread;

const TOPIC: &str = "orders";

/// What a consumer has stored, as librdkafka does: for the partitions that it has.
#[derive(Default)]
struct Stored(Mutex<BTreeMap<i32, Option<i64>>>);

impl Store for Stored {
    fn store(&self, topic: &str, partition: i32, next: i64) -> KafkaResult<()> {
        assert_eq!(topic, TOPIC);
        let mut all = self.0.lock().expect("not poisoned");
        let Some(stored) = all.get_mut(&partition) else {
            return Err(state());
        };
        assert!(stored.is_none_or(|stored| stored < next), "forward only");
        *stored = Some(next);
        Ok(())
    }

    fn commit(&self, _mode: CommitMode) -> KafkaResult<()> {
        Ok(())
    }
}

fn state() -> KafkaError {
    KafkaError::StoreOffset(RDKafkaErrorCode::State)
}

fn list(partition: i32) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    list.add_partition(TOPIC, partition);
    list
}

fn settle(settler: &Settler, settlement: Settlement) -> KafkaResult<()> {
    let settled = settler.settle(&settlement).now_or_never();
    settled.expect("it does not wait")
}

#[derive(Debug, Clone)]
enum Step {
    Poll(usize),
    /// One of the messages that were polled and not settled.
    Settle(prop::sample::Index, bool),
    /// One of the messages that were left, in the program.
    Retry(prop::sample::Index),
    SeekBack(usize, prop::sample::Index),
    Revoke(usize),
    Assign(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (partition, index) = (0_usize..2, any::<prop::sample::Index>);
    prop_oneof![
        6 => partition.clone().prop_map(Step::Poll),
        6 => (index(), prop::bool::weighted(0.7)).prop_map(|(of, is_ok)| Step::Settle(of, is_ok)),
        2 => index().prop_map(Step::Retry),
        1 => (partition.clone(), index()).prop_map(|(of, to)| Step::SeekBack(of, to)),
        1 => partition.clone().prop_map(Step::Revoke),
        2 => partition.prop_map(Step::Assign),
    ]
}

/// A message that was registered and not settled.
struct Open {
    partition: usize,
    offset: i64,
    /// The assignment that it came with.
    epoch: usize,
    settler: Settler,
}

/// A partition as the reference has it: nothing but lists.
#[derive(Default)]
struct Reference {
    /// The offsets that there are.
    log: Vec<i64>,
    /// Where the next poll reads in the log.
    position: usize,
    epoch: usize,
    is_assigned: bool,
    /// Since the assignment: what was registered (`false`) and what was finished (`true`), in this order.
    events: Vec<(i64, bool)>,
    /// What a handler returned `Ok` for, ever.
    handled: BTreeSet<i64>,
    /// What was stored since the assignment.
    stored: Option<i64>,
    /// What the group has committed: what was stored last. After a step back right behind an assignment, that
    /// is less than before.
    committed: Option<i64>,
}

impl Reference {
    /// What may be stored by now: the lowest offset that is not finished since it was registered last.
    fn storable(&self) -> Option<i64> {
        let registered: BTreeSet<i64> = self.events.iter().map(|event| event.0).collect();
        let is_open = |offset: &i64| {
            let last = self.events.iter().rfind(|event| event.0 == *offset);
            last.is_some_and(|event| !event.1)
        };
        let lowest = registered.iter().copied().find(is_open);
        lowest.or(registered.last().map(|last| last + 1))
    }
}

struct Program {
    assignment: Assignment,
    stored: Arc<Stored>,
    partitions: Vec<Reference>,
    open: Vec<Open>,
    left: Vec<Open>,
}

impl Program {
    fn new(gaps: &[Vec<u8>]) -> Self {
        let log = |gaps: &Vec<u8>| {
            let offsets = gaps.iter().scan(-1, |offset, gap| {
                *offset += 1 + i64::from(*gap);
                Some(*offset)
            });
            Reference {
                log: offsets.collect(),
                ..Reference::default()
            }
        };
        Self {
            assignment: Assignment::default(),
            stored: Arc::default(),
            partitions: gaps.iter().map(log).collect(),
            open: Vec::new(),
            left: Vec::new(),
        }
    }

    fn register(&mut self, of: usize, offset: i64) {
        let number = i32::try_from(of).expect("small");
        let partition = self.assignment.register(TOPIC, number, offset);
        let store: Arc<dyn Store> = self.stored.clone();
        let reference = &mut self.partitions[of];
        reference.events.push((offset, false));
        self.open.push(Open {
            partition: of,
            offset,
            epoch: reference.epoch,
            settler: Settler::new(partition, offset, store),
        });
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Poll(of) => {
                let reference = &mut self.partitions[of];
                if !reference.is_assigned || reference.position == reference.log.len() {
                    return;
                }
                let offset = reference.log[reference.position];
                reference.position += 1;
                self.register(of, offset);
            }
            Step::Settle(which, is_ok) if !self.open.is_empty() => {
                let open = self.open.swap_remove(which.index(self.open.len()));
                self.settle(open, is_ok);
            }
            Step::Retry(which) if !self.left.is_empty() => {
                let left = self.left.swap_remove(which.index(self.left.len()));
                if self.partitions[left.partition].epoch == left.epoch {
                    self.register(left.partition, left.offset);
                }
            }
            Step::SeekBack(of, to) => {
                let reference = &mut self.partitions[of];
                if reference.is_assigned && reference.position > 0 {
                    reference.position = to.index(reference.position);
                }
            }
            Step::Revoke(of) => self.revoke(of),
            Step::Assign(of) => self.assign(of),
            Step::Settle(..) | Step::Retry(_) => {}
        }
    }

    fn settle(&mut self, open: Open, is_ok: bool) {
        let reference = &mut self.partitions[open.partition];
        let is_stale = reference.epoch != open.epoch;
        if !is_ok {
            settle(&open.settler, Settlement::Leave).expect("nothing is asked for");
            self.left.push(open);
            return;
        }
        reference.handled.insert(open.offset);
        let settled = settle(&open.settler, Settlement::Store);
        if is_stale {
            assert_eq!(settled, Err(state()));
            return;
        }
        settled.expect("stored");
        reference.events.push((open.offset, true));
        let first = reference.events[0].0;
        let storable = reference.storable().filter(|next| *next > first);
        if storable > reference.stored {
            reference.stored = storable;
            reference.committed = storable;
        }
    }

    fn revoke(&mut self, of: usize) {
        let reference = &mut self.partitions[of];
        if std::mem::take(&mut reference.is_assigned) {
            reference.epoch += 1;
            reference.events.clear();
            reference.stored = None;
            let number = i32::try_from(of).expect("small");
            let rebalance = list(number);
            self.assignment
                .pre_rebalance(&Rebalance::Revoke(&rebalance));
            self.stored.0.lock().expect("not poisoned").remove(&number);
        }
    }

    fn assign(&mut self, of: usize) {
        let reference = &mut self.partitions[of];
        if !std::mem::replace(&mut reference.is_assigned, true) {
            let number = i32::try_from(of).expect("small");
            let rebalance = list(number);
            self.assignment
                .pre_rebalance(&Rebalance::Assign(&rebalance));
            let start = reference.committed.unwrap_or_default();
            reference.position = reference.log.partition_point(|offset| *offset < start);
            self.stored
                .0
                .lock()
                .expect("not poisoned")
                .insert(number, None);
        }
    }

    /// What is stored is what the reference says, and all messages before it were handled.
    fn assert(&self) {
        let stored = self.stored.0.lock().expect("not poisoned");
        for (number, reference) in (0..).zip(&self.partitions) {
            let stored = stored.get(&number).copied().flatten();
            assert_eq!(stored, reference.stored);
            let committed = reference.committed.unwrap_or_default();
            for offset in reference.log.iter().filter(|offset| **offset < committed) {
                assert!(reference.handled.contains(offset), "{offset} is lost");
            }
        }
    }

    /// Reads and handles everything that is left.
    fn finish(mut self) {
        for of in 0..self.partitions.len() {
            self.assign(of);
            while self.partitions[of].position < self.partitions[of].log.len() {
                self.run(Step::Poll(of));
            }
        }
        for left in std::mem::take(&mut self.left) {
            if self.partitions[left.partition].epoch == left.epoch {
                self.register(left.partition, left.offset);
            }
        }
        for open in std::mem::take(&mut self.open) {
            self.settle(open, true);
            self.assert();
        }
        for reference in &self.partitions {
            let end = reference.log.last().map(|last| last + 1);
            assert_eq!(reference.committed, end);
        }
    }
}

proptest! {
    #[test]
    fn no_offset_is_stored_past_a_message_that_was_not_handled(
        gaps in prop::collection::vec(prop::collection::vec(0_u8..3, 0..20), 2),
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let mut program = Program::new(&gaps);
        for step in steps {
            program.run(step);
            program.assert();
        }
        program.finish();
    }
}

#[test]
fn nothing_is_stored_once_a_partition_is_revoked() {
    const EACH: i64 = 200;
    for _ in 0..20 {
        let (assignment, stored) = (Assignment::default(), Arc::new(Stored::default()));
        stored.0.lock().expect("not poisoned").insert(0, None);
        let settlers: Vec<_> = (0..EACH)
            .map(|offset| {
                let partition = assignment.register(TOPIC, 0, offset);
                Settler::new(partition, offset, stored.clone())
            })
            .collect();
        let last = thread::scope(|scope| {
            for part in settlers.chunks(50) {
                scope.spawn(move || {
                    for settler in part {
                        // `Stored` panics on a step back.
                        let settled = settle(settler, Settlement::Store);
                        assert!(settled.is_ok() || settled == Err(state()));
                    }
                });
            }
            let revoked = list(0);
            assignment.pre_rebalance(&Rebalance::Revoke(&revoked));
            *stored
                .0
                .lock()
                .expect("not poisoned")
                .get(&0)
                .expect("there")
        });
        let at_the_end = stored.0.lock().expect("not poisoned")[&0];
        assert_eq!(last, at_the_end);
    }
}

#[test]
fn a_failed_message_that_stays_keeps_only_itself() {
    let assignment = Assignment::default();
    let stored = Arc::new(Stored::default());
    stored.0.lock().expect("not poisoned").insert(0, None);
    let first = assignment.register(TOPIC, 0, 0);
    for offset in 1..1_000 {
        let partition = assignment.register(TOPIC, 0, offset);
        let settler = Settler::new(partition, offset, stored.clone());
        settle(&settler, Settlement::Store).expect("held back");
    }
    assert_eq!(first.pending(), 1);
    assert_eq!(stored.0.lock().expect("not poisoned")[&0], None);
    let settler = Settler::new(first, 0, stored.clone());
    settle(&settler, Settlement::Store).expect("stored");
    assert_eq!(stored.0.lock().expect("not poisoned")[&0], Some(1_000));
}

#[test]
fn a_store_that_fails_is_made_up_for_by_the_next() {
    let assignment = Assignment::default();
    let stored = Arc::new(Stored::default());
    let settlers = [0, 1].map(|offset| {
        let partition = assignment.register(TOPIC, 0, offset);
        Settler::new(partition, offset, stored.clone())
    });
    // The client does not have the partition, and no callback said so.
    assert_eq!(settle(&settlers[0], Settlement::Store), Err(state()));
    stored.0.lock().expect("not poisoned").insert(0, None);
    settle(&settlers[1], Settlement::Store).expect("stored");
    assert_eq!(stored.0.lock().expect("not poisoned")[&0], Some(2));
}

#[test]
fn a_configuration_that_stores_by_itself_is_refused() {
    let create = |config: &ClientConfig| {
        let context = SettlingContext::default();
        let consumer: BaseConsumer<_> = config.create_with_context(context).expect("a consumer");
        Offsets::new(Arc::new(consumer)).map(drop)
    };
    let mut config = ClientConfig::new();
    let error = create(&config)
        .expect_err("librdkafka's default")
        .to_string();
    assert_eq!(
        error,
        "Client config error: offsets are stored before their messages are handled, set it to false: \
         enable.auto.offset.store true"
    );
    config.set("enable.auto.offset.store", "true");
    assert_eq!(create(&config).expect_err("set").to_string(), error);
    config.set("enable.auto.offset.store", "false");
    create(&config).expect("offsets");
}

#[test]
fn an_error_of_a_rebalance_forgets_all() {
    let context = SettlingContext::default();
    let assignment = context.assignment();
    let stored: Arc<Stored> = Arc::default();
    let settler = Settler::new(assignment.register(TOPIC, 0, 0), 0, stored);
    assert_eq!(assignment.only_topic().as_deref(), Some(TOPIC));
    let error = KafkaError::Rebalance(RDKafkaErrorCode::Fail);
    assignment.pre_rebalance(&Rebalance::Error(error));
    assert_eq!(settle(&settler, Settlement::Store), Err(state()));
    assert_eq!(assignment.only_topic(), None);
}
