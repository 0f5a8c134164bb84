//! The symptoms that a message can show.

/// A symptom of one message. A message may show several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Symptom {
    Missing,
    /// Baggage or a tracestate without any traceparent.
    Orphaned,
    Malformed,
    /// A malformed traceparent beside a valid one.
    MalformedToo,
    OtherFormat,
    Contradicting,
    /// A name that an older nats-server made of `Traceparent`.
    Rewritten,
    /// A null, a number, a table in place of text.
    NotText,
    /// A byte array of AMQP in place of text.
    Binary,
    /// A name that is not in lower case.
    Spelling,
    /// A field in lower case and in another spelling, with one sender.
    BothSpellings,
    /// White space around a traceparent.
    Spaces,
    /// Equal fields, more than once.
    Repeated,
    /// Another format names another trace.
    FormatsDiffer,
    /// In the quotes of JSON.
    Quoted,
    EmptyTracestate,
    MalformedTracestate,
    MalformedBaggage,
    /// The context of the message before it, of the same producer.
    SameContext,
    Large,
    /// The flags 03, or higher.
    Flags03,
    Unsampled,
    /// Another format beside W3C's.
    OtherFormatToo,
    Baggage,
}

impl Symptom {
    pub(crate) const ALL: [Symptom; 24] = [
        Symptom::Missing,
        Symptom::Orphaned,
        Symptom::Malformed,
        Symptom::MalformedToo,
        Symptom::OtherFormat,
        Symptom::Contradicting,
        Symptom::Rewritten,
        Symptom::NotText,
        Symptom::Binary,
        Symptom::Spelling,
        Symptom::BothSpellings,
        Symptom::Spaces,
        Symptom::Repeated,
        Symptom::FormatsDiffer,
        Symptom::Quoted,
        Symptom::EmptyTracestate,
        Symptom::MalformedTracestate,
        Symptom::MalformedBaggage,
        Symptom::SameContext,
        Symptom::Large,
        Symptom::Flags03,
        Symptom::Unsampled,
        Symptom::OtherFormatToo,
        Symptom::Baggage,
    ];

    /// Its name in reports.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Symptom::Missing => "missing",
            Symptom::Orphaned => "baggage-without-traceparent",
            Symptom::Malformed => "malformed-traceparent",
            Symptom::MalformedToo => "malformed-beside-valid",
            Symptom::OtherFormat => "other-format",
            Symptom::Contradicting => "contradicting",
            Symptom::Rewritten => "rewritten-name",
            Symptom::NotText => "not-text",
            Symptom::Binary => "binary-value",
            Symptom::Spelling => "odd-spelling",
            Symptom::BothSpellings => "both-spellings",
            Symptom::Spaces => "surrounding-spaces",
            Symptom::Repeated => "repeated",
            Symptom::FormatsDiffer => "formats-differ",
            Symptom::Quoted => "json-quotes",
            Symptom::EmptyTracestate => "empty-tracestate",
            Symptom::MalformedTracestate => "malformed-tracestate",
            Symptom::MalformedBaggage => "malformed-baggage",
            Symptom::SameContext => "same-context",
            Symptom::Large => "large-context",
            Symptom::Flags03 => "flags-03",
            Symptom::Unsampled => "unsampled",
            Symptom::OtherFormatToo => "other-format-too",
            Symptom::Baggage => "baggage",
        }
    }
}

/// The symptoms of one message, each with the header that shows it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Symptoms {
    bits: u32,
    /// The places of those headers among the headers of the message.
    shown_by: [Option<u16>; Symptom::ALL.len()],
}

impl Symptoms {
    pub(crate) fn add(&mut self, symptom: Symptom, shown_by: Option<usize>) {
        if !self.has(symptom) {
            self.bits |= 1 << symptom as u32;
            let shown_by = shown_by.and_then(|place| u16::try_from(place).ok());
            self.shown_by[symptom as usize] = shown_by;
        }
    }

    pub(crate) fn has(&self, symptom: Symptom) -> bool {
        self.bits & 1 << symptom as u32 != 0
    }

    /// Whether readers differ in what they make of a context that has one of these.
    pub(crate) fn is_disputed(&self) -> bool {
        const DISPUTED: [Symptom; 7] = [
            Symptom::MalformedToo,
            Symptom::Spaces,
            Symptom::Binary,
            Symptom::Spelling,
            Symptom::Repeated,
            Symptom::Quoted,
            Symptom::Flags03,
        ];
        DISPUTED.into_iter().any(|symptom| self.has(symptom))
    }

    /// Each with the place of its header.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Symptom, Option<usize>)> {
        let all = Symptom::ALL.into_iter();
        let shown = all.filter(|symptom| self.has(*symptom));
        shown.map(|symptom| (symptom, self.shown_by[symptom as usize].map(usize::from)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_symptom_has_its_own_place() {
        for (place, symptom) in Symptom::ALL.into_iter().enumerate() {
            assert_eq!(symptom as usize, place);
            let mut symptoms = Symptoms::default();
            symptoms.add(symptom, Some(place));
            symptoms.add(symptom, None);
            let shown: Vec<_> = symptoms.iter().collect();
            assert_eq!(shown, [(symptom, Some(place))]);
        }
    }
}
