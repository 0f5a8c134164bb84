//! The suite's tests of `traceparent`; [`cases`](super::cases) names the source.

use super::Expected::{NotTrace, ParentNot, Trace};
use super::Since::Level1;
use super::cases::{ID, PARENT, SAMPLED, Test, read, refused, request, test};

pub(super) fn tests() -> Vec<Test> {
    let id = "1234567890123456789012345678901";
    vec![
        test(
            "test_both_traceparent_and_tracestate_missing",
            Level1,
            vec![request(&[], [])],
        ),
        test(
            "test_traceparent_included_tracestate_missing",
            Level1,
            vec![request(
                &[("traceparent", SAMPLED)],
                [Trace(ID), ParentNot(PARENT)],
            )],
        ),
        test(
            "test_traceparent_duplicated",
            Level1,
            vec![request(
                &[
                    (
                        "traceparent",
                        "00-12345678901234567890123456789011-1234567890123456-01",
                    ),
                    ("traceparent", SAMPLED),
                ],
                [NotTrace("12345678901234567890123456789011"), NotTrace(ID)],
            )],
        ),
        test(
            "test_traceparent_header_name",
            Level1,
            vec![
                request(&[("trace-parent", SAMPLED)], [NotTrace(ID)]),
                request(&[("trace.parent", SAMPLED)], [NotTrace(ID)]),
            ],
        ),
        test(
            "test_traceparent_header_name_valid_casing",
            Level1,
            read(&[
                ("TraceParent", SAMPLED),
                ("TrAcEpArEnT", SAMPLED),
                ("TRACEPARENT", SAMPLED),
            ]),
        ),
        test(
            "test_traceparent_version_0x00",
            Level1,
            refused(&[
                &format!("{SAMPLED}."),
                &format!("{SAMPLED}-what-the-future-will-be-like"),
            ]),
        ),
        test("test_traceparent_version_0xcc", Level1, {
            let later = SAMPLED.replacen("00", "cc", 1);
            let mut requests = read(&[
                ("traceparent", &later),
                (
                    "traceparent",
                    &format!("{later}-what-the-future-will-be-like"),
                ),
            ]);
            requests.extend(refused(&[&format!("{later}.what-the-future-will-be-like")]));
            requests
        }),
        test(
            "test_traceparent_version_0xff",
            Level1,
            refused(&[&SAMPLED.replacen("00", "ff", 1)]),
        ),
        test(
            "test_traceparent_version_illegal_characters",
            Level1,
            refused(&[
                &SAMPLED.replacen("00", ".0", 1),
                &SAMPLED.replacen("00", "0.", 1),
            ]),
        ),
        test(
            "test_traceparent_version_too_long",
            Level1,
            refused(&[
                &SAMPLED.replacen("00", "000", 1),
                &SAMPLED.replacen("00", "0000", 1),
            ]),
        ),
        test(
            "test_traceparent_version_too_short",
            Level1,
            refused(&[&SAMPLED.replacen("00", "0", 1)]),
        ),
        test(
            "test_traceparent_trace_id_all_zero",
            Level1,
            vec![request(
                &[(
                    "traceparent",
                    &SAMPLED.replace(ID, "00000000000000000000000000000000"),
                )],
                [NotTrace("00000000000000000000000000000000")],
            )],
        ),
        test(
            "test_traceparent_trace_id_illegal_characters",
            Level1,
            vec![
                request(
                    &[(
                        "traceparent",
                        &SAMPLED.replace(ID, ".2345678901234567890123456789012"),
                    )],
                    [NotTrace(".2345678901234567890123456789012")],
                ),
                request(
                    &[(
                        "traceparent",
                        &SAMPLED.replace(ID, "1234567890123456789012345678901."),
                    )],
                    [NotTrace("1234567890123456789012345678901.")],
                ),
            ],
        ),
        test(
            "test_traceparent_trace_id_too_long",
            Level1,
            vec![request(
                &[(
                    "traceparent",
                    &SAMPLED.replace(ID, "123456789012345678901234567890123"),
                )],
                [
                    NotTrace("123456789012345678901234567890123"),
                    NotTrace(ID),
                    NotTrace("23456789012345678901234567890123"),
                ],
            )],
        ),
        test(
            "test_traceparent_trace_id_too_short",
            Level1,
            vec![request(
                &[("traceparent", &SAMPLED.replace(ID, id))],
                [NotTrace("1234567890123456789012345678901")],
            )],
        ),
        test(
            "test_traceparent_parent_id_all_zero",
            Level1,
            refused(&["00-12345678901234567890123456789012-0000000000000000-01"]),
        ),
        test(
            "test_traceparent_parent_id_illegal_characters",
            Level1,
            refused(&[
                "00-12345678901234567890123456789012-.234567890123456-01",
                "00-12345678901234567890123456789012-123456789012345.-01",
            ]),
        ),
        test(
            "test_traceparent_parent_id_too_long",
            Level1,
            refused(&["00-12345678901234567890123456789012-12345678901234567-01"]),
        ),
        test(
            "test_traceparent_parent_id_too_short",
            Level1,
            refused(&["00-12345678901234567890123456789012-123456789012345-01"]),
        ),
        test(
            "test_traceparent_trace_flags_illegal_characters",
            Level1,
            refused(&[
                "00-12345678901234567890123456789012-1234567890123456-.0",
                "00-12345678901234567890123456789012-1234567890123456-0.",
            ]),
        ),
        test(
            "test_traceparent_trace_flags_too_long",
            Level1,
            refused(&["00-12345678901234567890123456789012-1234567890123456-001"]),
        ),
        test(
            "test_traceparent_trace_flags_too_short",
            Level1,
            refused(&["00-12345678901234567890123456789012-1234567890123456-1"]),
        ),
        test(
            "test_traceparent_ows_handling",
            Level1,
            read(&[
                ("traceparent", &format!(" {SAMPLED}")),
                ("traceparent", &format!("\t{SAMPLED}")),
                ("traceparent", &format!("{SAMPLED} ")),
                ("traceparent", &format!("{SAMPLED}\t")),
                ("traceparent", &format!("\t {SAMPLED} \t")),
            ]),
        ),
    ]
}
