use super::*;
use proptest::prelude::*;

#[test]
fn a_refusal_counts_from_its_size_on_and_for_ten_minutes() {
    let mut sizes = Sizes::default();
    assert!(!sizes.refuses("orders", usize::MAX, 7));
    sizes.refuse("orders", 200, 7);
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
    sizes.refuse("orders", 200, 0);
    assert!(!sizes.refuses("orders.", 200, 0));
    sizes.accept("invoices", 200, 0);
    assert!(sizes.refuses("orders", 200, 0));
}

#[test]
fn a_success_of_at_least_that_size_lifts() {
    let mut sizes = Sizes::default();
    sizes.refuse("orders", 200, 0);
    sizes.accept("orders", 199, 1);
    assert!(sizes.refuses("orders", 200, 1));
    sizes.accept("orders", 200, 1);
    assert!(!sizes.refuses("orders", 200, 1));
}

#[test]
fn a_name_that_is_too_long_is_not_kept() {
    let mut sizes = Sizes::default();
    sizes.refuse(&"x".repeat(LONGEST + 1), 200, 0);
    assert!(sizes.known.is_empty());
    sizes.refuse(&"x".repeat(LONGEST), 200, 0);
    assert_eq!(sizes.known.len(), 1);
}

/// The oldest gives its place.
#[test]
fn there_are_256_destinations_at_most() {
    let mut sizes = Sizes::default();
    let name = |number: usize| format!("orders.{number}");
    for number in 0..CAPACITY + 10 {
        sizes.refuse(&name(number), 200, number as u64);
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
    Accept(usize),
    Ask(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let size = || 0..6_usize;
    prop_oneof![
        size().prop_map(Step::Refuse),
        size().prop_map(Step::Accept),
        size().prop_map(Step::Ask),
    ]
}

proptest! {
    /// Against a list of all that happened at one destination, read from its end.
    #[test]
    fn as_the_list_of_all_that_happened(
        steps in prop::collection::vec((0..3_usize, 0..400_u64, step()), 0..60),
    ) {
        let mut sizes = Sizes::default();
        let mut happened: Vec<Vec<(u64, Step)>> = vec![Vec::new(); 3];
        let mut now = 0;
        for (place, later, step) in steps {
            now += later;
            let destination = ["orders", "invoices", "letters"][place];
            match step {
                Step::Refuse(size) => sizes.refuse(destination, size, now),
                Step::Accept(size) => sizes.accept(destination, size, now),
                Step::Ask(size) => {
                    let expected = refuses(&happened[place], size, now);
                    prop_assert_eq!(sizes.refuses(destination, size, now), expected);
                }
            }
            happened[place].push((now, step));
            prop_assert!(sizes.known.len() <= 3);
        }
    }
}

fn refuses(happened: &[(u64, Step)], size: usize, now: u64) -> bool {
    let mut smallest: Option<(usize, u64)> = None;
    for (time, step) in happened {
        smallest = smallest.filter(|(_, since)| time - since < LIFETIME);
        match *step {
            Step::Refuse(size) => {
                smallest = Some(match smallest {
                    Some((known, since)) if known < size => (known, since),
                    _ => (size, *time),
                });
            }
            Step::Accept(size) => smallest = smallest.filter(|(known, _)| *known > size),
            Step::Ask(_) => {}
        }
    }
    smallest.is_some_and(|(known, since)| size >= known && now - since < LIFETIME)
}
