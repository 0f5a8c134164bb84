//! The rules that a field can break, and where each is written.

/// A rule of a specification, or a limit of those who read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Rule {
    /// The `traceparent` is empty.
    TraceparentEmpty,
    TraceparentShort,
    TraceparentDash,
    VersionDigits,
    VersionFf,
    TraceIdDigits,
    TraceIdZero,
    ParentIdDigits,
    ParentIdZero,
    FlagsDigits,
    /// Version 00 ends with its flags.
    TraceparentLong,
    /// What a higher version has more begins with a dash.
    HigherVersionDash,
    TracestateEquals,
    TracestateKeyStart,
    TracestateKeyCharacter,
    TracestateKeyLong,
    /// The specification allows the key, and OpenTelemetry's type does not.
    TracestateKeyRefused,
    TracestateValueEmpty,
    TracestateValueCharacter,
    TracestateValueLong,
    TracestateMembers,
    TracestateLong,
    BaggageEquals,
    BaggageKeyEmpty,
    BaggageKeyCharacter,
    BaggageValueCharacter,
    BaggagePropertyKey,
    BaggagePropertyValue,
    BaggageMembers,
    BaggageLong,
}

/// What a reader does without, because a rule is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    Traceparent,
    Tracestate,
    Member,
    Property,
}

impl Loss {
    /// In a sentence.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Loss::Traceparent => {
                "The traceparent is ignored, and with it the tracestate: the receiver starts a new trace."
            }
            Loss::Tracestate => "The whole tracestate is ignored. The traceparent still counts.",
            Loss::Member => "This member is ignored. The others count.",
            Loss::Property => "This property is ignored. Its member counts.",
        }
    }
}

const LEVEL_2: &str = "W3C Trace Context Level 2";
const BAGGAGE: &str = "W3C Baggage";
const TRACE_STATE: &str = "OpenTelemetry for Rust, TraceState";

impl Rule {
    /// In kebab case, for `--json`.
    pub(crate) fn name(self) -> &'static str {
        self.row().0
    }

    pub(crate) fn specification(self) -> &'static str {
        self.row().1
    }

    /// The section's number and heading.
    pub(crate) fn section(self) -> &'static str {
        self.row().2
    }

    /// The rule in a sentence.
    pub(crate) fn sentence(self) -> &'static str {
        self.row().3
    }

    pub(crate) fn loss(self) -> Loss {
        match self {
            rule if rule < Rule::TracestateEquals => Loss::Traceparent,
            rule if rule < Rule::BaggageEquals => Loss::Tracestate,
            Rule::BaggagePropertyKey | Rule::BaggagePropertyValue => Loss::Property,
            _ => Loss::Member,
        }
    }

    #[rustfmt::skip]
    const fn row(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Rule::TraceparentEmpty => ("traceparent-empty", LEVEL_2, "3.2.2 traceparent Header Field Values",
                "A traceparent has a version and what belongs to it; this one is empty."),
            Rule::TraceparentShort => ("traceparent-short", LEVEL_2, "3.2.2.2 version-format",
                "A traceparent has 55 characters: 2 of version, 32 of trace id, 16 of parent id, 2 of flags, and 3 dashes. This one ends too early."),
            Rule::TraceparentDash => ("traceparent-dash", LEVEL_2, "3.2.2 traceparent Header Field Values",
                "A dash separates the fields, at the bytes 2, 35 and 52."),
            Rule::VersionDigits => ("version-digits", LEVEL_2, "3.2.2.1 version",
                "The version is 2 hexadecimal digits in lower case."),
            Rule::VersionFf => ("version-ff", LEVEL_2, "3.2.2.1 version",
                "The version ff is forbidden."),
            Rule::TraceIdDigits => ("trace-id-digits", LEVEL_2, "3.2.2.3 trace-id",
                "The trace id is 32 hexadecimal digits in lower case."),
            Rule::TraceIdZero => ("trace-id-zero", LEVEL_2, "3.2.2.3 trace-id",
                "A trace id of zeros only is invalid."),
            Rule::ParentIdDigits => ("parent-id-digits", LEVEL_2, "3.2.2.4 parent-id",
                "The parent id is 16 hexadecimal digits in lower case."),
            Rule::ParentIdZero => ("parent-id-zero", LEVEL_2, "3.2.2.4 parent-id",
                "A parent id of zeros only is invalid."),
            Rule::FlagsDigits => ("flags-digits", LEVEL_2, "3.2.2.5 trace-flags",
                "The flags are 2 hexadecimal digits in lower case."),
            Rule::TraceparentLong => ("traceparent-long", LEVEL_2, "3.2.2.2 version-format",
                "A traceparent of version 00 ends with its flags, at 55 characters."),
            Rule::HigherVersionDash => ("higher-version-dash", LEVEL_2, "3.2.4 Versioning of traceparent",
                "In a version above 00, a dash follows the flags, or nothing."),
            Rule::TracestateEquals => ("tracestate-equals", LEVEL_2, "3.3.2.2 list-members",
                "A member is a key, `=` and a value."),
            Rule::TracestateKeyStart => ("tracestate-key-start", LEVEL_2, "3.3.2.2.1 Key",
                "A key begins with a letter in lower case or a digit."),
            Rule::TracestateKeyCharacter => ("tracestate-key-character", LEVEL_2, "3.3.2.2.1 Key",
                "A key has letters in lower case, digits, `_`, `-`, `*`, `/` and `@`, and no space before the `=`."),
            Rule::TracestateKeyLong => ("tracestate-key-long", LEVEL_2, "3.3.2.2.1 Key",
                "A key has at most 256 characters."),
            Rule::TracestateKeyRefused => ("tracestate-key-refused", TRACE_STATE, "key",
                "Level 2 allows this key, and OpenTelemetry's type refuses it: a key has one `@` at most, behind it at most 13 characters, and the first of them is a letter or a digit."),
            Rule::TracestateValueEmpty => ("tracestate-value-empty", LEVEL_2, "3.3.2.2.2 Value",
                "A value is not empty, and not of spaces only."),
            Rule::TracestateValueCharacter => ("tracestate-value-character", LEVEL_2, "3.3.2.2.2 Value",
                "A value has printable ASCII without `,` and `=`."),
            Rule::TracestateValueLong => ("tracestate-value-long", LEVEL_2, "3.3.2.2.2 Value",
                "A value has at most 256 characters."),
            Rule::TracestateMembers => ("tracestate-members", LEVEL_2, "3.3.2 tracestate Header Field Values",
                "A tracestate has at most 32 members."),
            Rule::TracestateLong => ("tracestate-long", LEVEL_2, "3.3.3.1 tracestate Limits",
                "512 characters have to travel; otel-messaging reads 8,192 bytes, all lines together."),
            Rule::BaggageEquals => ("baggage-equals", BAGGAGE, "3.3.1 Definition",
                "A member is a key, `=` and a value."),
            Rule::BaggageKeyEmpty => ("baggage-key-empty", BAGGAGE, "3.3.1.2 key",
                "A key is not empty."),
            Rule::BaggageKeyCharacter => ("baggage-key-character", BAGGAGE, "3.3.1.2 key",
                "A key is a token: visible ASCII without any of ( ) , / : ; < = > ? @ [ \\ ] { } \"."),
            Rule::BaggageValueCharacter => ("baggage-value-character", BAGGAGE, "3.3.1.3 value",
                "A value has visible ASCII without `\"`, `,`, `;` and `\\`. Other characters are percent-encoded, a space is %20."),
            Rule::BaggagePropertyKey => ("baggage-property-key", BAGGAGE, "3.3.1.4 property",
                "A property begins with a key, which is a token: visible ASCII without any of ( ) , / : ; < = > ? @ [ \\ ] { } \"."),
            Rule::BaggagePropertyValue => ("baggage-property-value", BAGGAGE, "3.3.1.4 property",
                "The value of a property has visible ASCII without `\"`, `,`, `;` and `\\`. Other characters are percent-encoded."),
            Rule::BaggageMembers => ("baggage-members", BAGGAGE, "3.3.2 Limits",
                "64 members have to travel; otel-messaging reads no more keys."),
            Rule::BaggageLong => ("baggage-long", BAGGAGE, "3.3.2 Limits",
                "8,192 bytes have to travel; otel-messaging reads no more, without white space around keys and values."),
        }
    }
}
