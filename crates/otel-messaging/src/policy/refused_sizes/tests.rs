use super::*;
use proptest::prelude::*;

#[test]
fn a_refusal_counts_from_its_size_on_and_for_ten_minutes() {
    let mut sizes = Sizes::default();
    assert!(!sizes.refuses("orders", usize::MAX, 7));
    sizes.refuse("orders", 200, Unit::Message, 7);
    for (size, now, refuses) in [
        (199, 7, false),
        (200, 7, true),
        (usize::MAX, 606, true),
        (200, 607, false),
    ] {
        assert_eq!(sizes.refuses("orders", size, now), refuses, "{size} {now}");
    }
    assert!(sizes.known.is_empty(), "it is removed too");
}

#[test]
fn a_destination_is_refused_nothing_for_another() {
    let mut sizes = Sizes::default();
    sizes.refuse("orders", 200, Unit::Message, 0);
    assert!(!sizes.refuses("orders.", 200, 0));
    sizes.accept("invoices", 200, 0);
    assert!(sizes.refuses("orders", 200, 0));
}

#[test]
fn a_success_of_at_least_that_size_lifts() {
    let mut sizes = Sizes::default();
    sizes.refuse("orders", 200, Unit::Message, 0);
    sizes.accept("orders", 199, 1);
    assert!(sizes.refuses("orders", 200, 1));
    sizes.accept("orders", 200, 1);
    assert!(!sizes.refuses("orders", 200, 1));
}

/// In either order.
#[test]
fn of_refusals_that_come_together_the_largest_counts() {
    for together in [[70, 3_000], [3_000, 70]] {
        let mut sizes = Sizes::default();
        for (size, now) in together.into_iter().zip([7, 8]) {
            sizes.refuse("orders", size, Unit::Batch, now);
        }
        assert!(!sizes.refuses("orders", 2_999, 8));
        assert!(sizes.refuses("orders", 3_000, 8));
        // Later, and alone.
        sizes.refuse("orders", 1_000, Unit::Batch, 9);
        assert!(!sizes.refuses("orders", 999, 9));
        assert!(sizes.refuses("orders", 1_000, 9));
    }
}

/// A batch does not take away what was known before it.
#[test]
fn what_was_refused_before_a_batch_stays() {
    let mut sizes = Sizes::default();
    sizes.refuse("orders", 1_000, Unit::Batch, 0);
    for size in [70, 3_000] {
        sizes.refuse("orders", size, Unit::Batch, 599);
    }
    assert!(!sizes.refuses("orders", 999, 599));
    assert!(sizes.refuses("orders", 1_000, 599));
    assert!(!sizes.refuses("orders", 1_000, 600), "at its own time");
}

/// Other seconds are too early.
#[test]
fn now_and_then_a_message_that_can_be_repeated_goes() {
    let mut sizes = Sizes::default();
    sizes.refuse("orders", 200, Unit::Batch, 10);
    let tries = |from: u64, sizes: &mut Sizes| {
        let all = from..from + 200;
        let free = all.filter(|now| !sizes.refuses_repeatable("orders", 200, *now));
        free.collect::<Vec<_>>()
    };
    assert_eq!(tries(10, &mut sizes), [11, 13, 17, 25, 41, 73, 137, 201]);
    sizes.refuse("orders", 200, Unit::Batch, 210);
    assert_eq!(tries(210, &mut sizes), [265, 329, 393]);
    sizes.refuse("orders", 100, Unit::Batch, 410);
    assert_eq!(tries(410, &mut sizes)[..3], [411, 413, 417]);
    assert!(
        !sizes.refuses_repeatable("orders", 99, 610),
        "it is smaller"
    );
    sizes.accept("orders", 200, 610);
    assert!(!sizes.refuses("orders", 200, 610));
}

#[test]
fn a_name_that_is_too_long_is_not_kept() {
    let mut sizes = Sizes::default();
    sizes.refuse(&"x".repeat(LONGEST + 1), 200, Unit::Message, 0);
    assert!(sizes.known.is_empty());
    sizes.refuse(&"x".repeat(LONGEST), 200, Unit::Message, 0);
    assert_eq!(sizes.known.len(), 1);
}

/// The oldest gives its place.
#[test]
fn there_are_256_destinations_at_most() {
    let mut sizes = Sizes::default();
    let name = |number: usize| format!("orders.{number}");
    for number in 0..CAPACITY + 10 {
        sizes.refuse(&name(number), 200, Unit::Message, number as u64);
    }
    assert_eq!(sizes.known.len(), CAPACITY);
    for number in 0..CAPACITY + 10 {
        let refuses = sizes.refuses(&name(number), 200, 300);
        assert_eq!(refuses, number >= 10, "{number}");
    }
}

#[test]
fn it_is_empty_before_and_after() {
    let sizes = RefusedSizes::new();
    assert!(sizes.is_empty() && !sizes.refuses("orders", usize::MAX));
    sizes.note_refusal("orders", 200);
    assert!(!sizes.is_empty() && sizes.refuses("orders", 200));
    sizes.note_success("orders", 200);
    assert!(sizes.is_empty());
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Refuse(usize),
    RefuseBatch(usize),
    Accept(usize),
    Ask(usize),
    Try(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let size = || 0..6_usize;
    prop_oneof![
        size().prop_map(Step::Refuse),
        size().prop_map(Step::RefuseBatch),
        size().prop_map(Step::Accept),
        size().prop_map(Step::Ask),
        size().prop_map(Step::Try),
    ]
}

proptest! {
    /// Against a list of all that happened at one destination, read from its beginning.
    #[test]
    fn as_the_list_of_all_that_happened(
        steps in prop::collection::vec(
            (0..3_usize, prop_oneof![0..3_u64, 0..400_u64], step()),
            0..60,
        ),
    ) {
        let mut sizes = Sizes::default();
        let mut happened: Vec<Vec<(u64, Step)>> = vec![Vec::new(); 3];
        let mut tries: [Vec<u64>; 3] = Default::default();
        let mut now = 0;
        for (place, later, step) in steps {
            now += later;
            let destination = ["orders", "invoices", "letters"][place];
            match step {
                Step::Refuse(size) => sizes.refuse(destination, size, Unit::Message, now),
                Step::RefuseBatch(size) => sizes.refuse(destination, size, Unit::Batch, now),
                Step::Accept(size) => sizes.accept(destination, size, now),
                Step::Ask(size) => {
                    let expected = refuses(&happened[place], size, now);
                    prop_assert_eq!(sizes.refuses(destination, size, now), expected);
                }
                Step::Try(size) => {
                    let expected = refuses(&happened[place], size, now);
                    let refuses = sizes.refuses_repeatable(destination, size, now);
                    prop_assert!(expected || !refuses);
                    if expected && !refuses {
                        prop_assert!(!tries[place].contains(&now), "one a second at most");
                        tries[place].push(now);
                    }
                    let waited = happened[place].last().map_or(u64::MAX, |(last, _)| now - last);
                    prop_assert!(!refuses || waited <= LONGEST_PAUSE, "it may not wait for ever");
                }
            }
            happened[place].push((now, step));
            prop_assert!(sizes.known.len() <= 3);
        }
    }
}

/// Sizes that were refused, each with its second.
type Refused = Vec<(usize, u64)>;

fn refuses(happened: &[(u64, Step)], size: usize, now: u64) -> bool {
    // What counted before the last group of refusals, and this group.
    let (mut before, mut group): (Option<(usize, u64)>, Refused) = (None, Vec::new());
    for (time, step) in happened {
        if counting(before, &group).is_some_and(|(_, since)| time - since >= LIFETIME) {
            (before, group) = (None, Vec::new());
        }
        match *step {
            Step::Refuse(size) => {
                before = smaller(counting(before, &group), (size, *time));
                group.clear();
            }
            Step::RefuseBatch(size) => {
                if group.first().is_none_or(|(_, first)| time - first > 1) {
                    (before, group) = (counting(before, &group), Vec::new());
                }
                before = before.filter(|(_, since)| time - since < LIFETIME);
                group.push((size, *time));
            }
            Step::Accept(size) => {
                if counting(before, &group).is_some_and(|(known, _)| size >= known) {
                    (before, group) = (None, Vec::new());
                }
            }
            Step::Ask(_) | Step::Try(_) => {}
        }
    }
    counting(before, &group).is_some_and(|(known, since)| size >= known && now - since < LIFETIME)
}

/// The refusal that counts: the largest of the group, seen when the group's last refusal came, unless a
/// smaller one counted before.
fn counting(before: Option<(usize, u64)>, group: &Refused) -> Option<(usize, u64)> {
    let largest = group.iter().map(|(size, _)| *size).max();
    let last = group.last().map(|(_, time)| *time);
    match largest.zip(last) {
        Some(largest) => smaller(before, largest),
        None => before,
    }
}

fn smaller(known: Option<(usize, u64)>, new: (usize, u64)) -> Option<(usize, u64)> {
    Some(known.filter(|known| known.0 < new.0).unwrap_or(new))
}
