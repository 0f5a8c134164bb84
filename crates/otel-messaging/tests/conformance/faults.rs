//! Every rule can be broken, and is the one that is named.

use crate::faulty::{Faulty, Headers, Marker};
use otel_messaging::conformance::{
    Duplicates, Entry, Rule, Subject, Violations, check, check_reading,
};

/// What is wrong with a carrier. Most faults are there for some names only, so that they break one rule
/// alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    BuildsNothing,
    ListsNothing,
    ListsNullAsEmpty,
    IgnoresCase,
    FoldsUnicode,
    FindsBeginnings,
    SkipsEqualValues,
    ReversesValues,
    RefusesEqual,
    TakesFirstOrder,
    ComparesEndsOnly,
    ReadsBeginningOfBytes,
    ReadsNullAsEmpty,
    StopsAtUnreadable,
    PanicsOnValue,
    KeysOfReadableValues,
    PanicsOnName,
    EachTakesFirst,
    EachIsCaseSensitive,
    EachIsNeverThere,
    EachFindsEarlyOnly,
    TracestateHasOneLine,
    BaggageIsCaseSensitive,
    TakesFirstTraceparent,
    PanicsOnTraceparent,
    ForgetsSenders,
    TakesMalformed,
    HidesOneBaggage,
    FindsEarlyOnly,
    KeysEndEarly,
    SetLeavesUnreadable,
    SetWritesUpperCase,
    SetTrims,
    SetCutsValue,
    RefusalLeavesOld,
    SetCutsName,
    SetPanics,
    RemoveLeavesNull,
    RemovesThreeNames,
    RemoveIsCaseSensitive,
    RemoveReorders,
    SetDropsEmpty,
    SetChangesBytes,
    SetEndsEarly,
    SetCutsTracestate,
    LeavesTitleCase,
    AddForgets,
    SetIsUpperCase,
    RoomIsUnlimited,
    RoomCountsReadable,
    RoomCountsEarlyOnly,
    RoomCountsCharacters,
    RoomForgetsNames,
    LargeTakesMore,
    BlockComesLate,
    BaggageGivesRoom,
    RemovedTakesRoom,
    RoomIsNeverUsedUp,
    RoomIsNeverTooSmall,
    RoomIsTooMuch,
    RoomOverflows,
    FirstCounts,
    LastCounts,
    LastTakesAllBaggage,
}

const FAULTS: &[(Rule, &[Fault])] = &[
    (
        Rule::Subject,
        &[
            Fault::BuildsNothing,
            Fault::ListsNothing,
            Fault::ListsNullAsEmpty,
        ],
    ),
    (Rule::LookUp, &[Fault::FoldsUnicode, Fault::FindsBeginnings]),
    (Rule::GetAll, &[Fault::ReversesValues]),
    (Rule::EqualDuplicates, &[Fault::RefusesEqual]),
    (
        Rule::DifferingDuplicates,
        &[Fault::TakesFirstOrder, Fault::ComparesEndsOnly],
    ),
    (
        Rule::Unreadable,
        &[
            Fault::ReadsBeginningOfBytes,
            Fault::ReadsNullAsEmpty,
            Fault::StopsAtUnreadable,
            Fault::PanicsOnValue,
        ],
    ),
    (
        Rule::Keys,
        &[Fault::KeysOfReadableValues, Fault::PanicsOnName],
    ),
    (
        Rule::GetEach,
        &[
            Fault::EachTakesFirst,
            Fault::EachIsCaseSensitive,
            Fault::EachIsNeverThere,
            Fault::EachFindsEarlyOnly,
        ],
    ),
    (
        Rule::Context,
        &[Fault::TracestateHasOneLine, Fault::BaggageIsCaseSensitive],
    ),
    (
        Rule::HostileContext,
        &[Fault::TakesFirstTraceparent, Fault::PanicsOnTraceparent],
    ),
    (
        Rule::FieldSets,
        &[Fault::ForgetsSenders, Fault::TakesMalformed],
    ),
    (Rule::Extractor, &[Fault::HidesOneBaggage]),
    (
        Rule::ReadAmongMany,
        &[Fault::FindsEarlyOnly, Fault::KeysEndEarly],
    ),
    (
        Rule::SetReplaces,
        &[Fault::SetLeavesUnreadable, Fault::SetWritesUpperCase],
    ),
    (Rule::ReadBack, &[Fault::SetTrims, Fault::SetCutsValue]),
    (
        Rule::SetRefuses,
        &[
            Fault::RefusalLeavesOld,
            Fault::SetCutsName,
            Fault::SetPanics,
        ],
    ),
    (Rule::Add, &[Fault::AddForgets]),
    (
        Rule::Remove,
        &[
            Fault::RemoveLeavesNull,
            Fault::RemovesThreeNames,
            Fault::RemoveIsCaseSensitive,
        ],
    ),
    (
        Rule::OthersKept,
        &[
            Fault::RemoveReorders,
            Fault::SetDropsEmpty,
            Fault::SetChangesBytes,
        ],
    ),
    (Rule::WriteAmongMany, &[Fault::SetEndsEarly]),
    (
        Rule::Room,
        &[
            Fault::RoomIsUnlimited,
            Fault::RoomCountsReadable,
            Fault::RoomCountsEarlyOnly,
            Fault::RoomCountsCharacters,
            Fault::RoomForgetsNames,
            Fault::LargeTakesMore,
            Fault::BlockComesLate,
            Fault::BaggageGivesRoom,
            Fault::RemovedTakesRoom,
            Fault::RoomIsNeverUsedUp,
            Fault::RoomIsNeverTooSmall,
            Fault::RoomIsTooMuch,
            Fault::RoomOverflows,
        ],
    ),
    (Rule::RoundTrip, &[Fault::SetCutsTracestate]),
    (Rule::StaleContext, &[Fault::LeavesTitleCase]),
    (Rule::Injector, &[Fault::SetIsUpperCase]),
];

fn rules(violations: &Violations) -> Vec<Rule> {
    violations
        .iter()
        .map(|violation| violation.rule())
        .collect()
}

fn broken(fault: Fault) -> Violations {
    match check(&Faulty(fault)) {
        Err(violations) => violations,
        Ok(_) => panic!("{fault:?} was not noticed"),
    }
}

#[test]
fn without_a_fault_every_rule_is_tried_and_kept() {
    assert_eq!(check(&Faulty(Fault::Nothing)).unwrap().untested(), []);
}

#[test]
fn each_fault_breaks_its_rule_and_no_other() {
    let tested: Vec<_> = FAULTS.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(tested, Rule::ALL);
    for (rule, faults) in FAULTS {
        for fault in *faults {
            let violations = broken(*fault);
            assert_eq!(rules(&violations), [*rule], "{fault:?} {violations}");
        }
    }
}

#[test]
fn the_first_of_many_broken_rules_is_the_cause() {
    assert_eq!(rules(&broken(Fault::IgnoresCase))[0], Rule::LookUp);
    assert_eq!(rules(&broken(Fault::SkipsEqualValues))[0], Rule::GetAll);
}

#[test]
fn a_violation_says_what_was_done_and_what_came_of_it() {
    let violations = broken(Fault::SetPanics);
    let violation = violations.iter().next().expect("one");
    assert_eq!(
        violation.case(),
        "headers [before: \"1\"], then set(\"\u{fc}\", \"7\"): a panic: not ASCII"
    );
    let text = format!("{violations:?}");
    assert!(
        text.contains("SetRefuses: `set` writes the given name"),
        "{text}"
    );
    // 64 KiB of a value are not.
    let text = broken(Fault::SetCutsValue).to_string();
    assert!(text.len() < 2_000, "{text}");
}

#[test]
fn reading_alone_is_tried_without_writing() {
    assert!(check_reading(&Faulty(Fault::SetPanics)).is_ok());
    let violations = check_reading(&Faulty(Fault::PanicsOnName)).unwrap_err();
    assert_eq!(rules(&violations), [Rule::Keys]);
}

/// Subjects that declare what counts among differing values.
struct First(Faulty);
struct Last(Faulty);

impl Subject for First {
    type Marker = Marker;
    type Headers = Headers;

    const DUPLICATES: Duplicates = Duplicates::FirstCounts;

    fn build(&self, entries: &[Entry<'_>]) -> Option<Headers> {
        self.0.build(entries)
    }

    fn list(&self, headers: &Headers) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.0.list(headers)
    }
}

impl Subject for Last {
    type Marker = Marker;
    type Headers = Headers;

    const DUPLICATES: Duplicates = Duplicates::LastCounts;

    fn build(&self, entries: &[Entry<'_>]) -> Option<Headers> {
        self.0.build(entries)
    }

    fn list(&self, headers: &Headers) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.0.list(headers)
    }
}

#[test]
fn what_counts_among_differing_values_is_the_subjects_to_declare() {
    check(&First(Faulty(Fault::FirstCounts))).unwrap();
    check(&Last(Faulty(Fault::LastCounts))).unwrap();
    let violations = check(&Last(Faulty(Fault::LastTakesAllBaggage))).unwrap_err();
    assert_eq!(rules(&violations), [Rule::FieldSets]);

    let expected = [
        Rule::DifferingDuplicates,
        Rule::HostileContext,
        Rule::FieldSets,
    ];
    assert_eq!(rules(&broken(Fault::FirstCounts)), expected);
    assert_eq!(rules(&broken(Fault::LastCounts)), expected);
    for wrong in [Fault::Nothing, Fault::LastCounts] {
        let violations = check(&First(Faulty(wrong))).unwrap_err();
        assert_eq!(rules(&violations), expected);
    }
}
