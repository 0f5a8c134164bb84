//! The findings: what is wrong with a producer's messages, the usual causes, and the fix.

mod causes;
mod diagnosis;

use crate::examine::symptom::Symptom;
use crate::examine::tally::Tally;
use crate::finding::diagnosis::{Diagnosis, diagnose};
use crate::message::System;
use crate::report::Finding;

/// What the messages of one producer to one destination show.
pub(crate) fn findings(
    system: System,
    destination: &str,
    producer: &str,
    tally: &Tally,
) -> Vec<Finding> {
    let diagnosed = Symptom::ALL.into_iter().filter_map(|symptom| {
        let messages = tally.count(symptom);
        if messages == 0 {
            return None;
        }
        let Diagnosis {
            code,
            severity,
            what,
            causes,
            fix,
        } = diagnose(symptom, system, tally)?;
        Some(Finding {
            code,
            symptom: Some(symptom.code()),
            severity,
            destination: destination.to_owned(),
            producer: producer.to_owned(),
            messages,
            of: tally.messages,
            what,
            causes: causes.into_iter().map(str::to_owned).collect(),
            fix: fix.to_owned(),
            example: tally.example(symptom).cloned(),
        })
    });
    diagnosed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spans::failure_mode::FailureMode;

    /// Each code has a line in the page to which the README sends its readers.
    #[test]
    fn each_code_is_in_the_page() {
        let page = include_str!("../../TRACE-ENDS-AT-THE-QUEUE.md");
        let table = page.split("## Every finding").nth(1).unwrap();
        let tally = Tally::default();
        let diagnoses = Symptom::ALL
            .into_iter()
            .filter_map(|symptom| diagnose(symptom, System::Nats, &tally));
        let codes = diagnoses.map(|diagnosis| diagnosis.code);
        let modes = FailureMode::ALL.into_iter().map(FailureMode::code);
        // What these two need is not in an empty tally.
        let others = ["sometimes-not-injected", "frozen-context"];
        for code in codes.chain(modes).chain(others) {
            assert!(table.contains(&format!("\n| `{code}` |")), "{code}");
        }
    }
}
