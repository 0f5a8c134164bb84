//! Findings that differ in nothing but the place.

use crate::report::{Finding, Severity};

/// A hundred producers with one mistake are told of it once.
#[derive(Debug)]
pub(crate) struct Group<'r> {
    pub(crate) severity: Severity,
    pub(crate) code: &'static str,
    /// `None` if it differs from finding to finding.
    pub(crate) what: Option<&'r str>,
    pub(crate) causes: &'r [String],
    pub(crate) fix: &'r str,
    /// At least one.
    pub(crate) findings: Vec<&'r Finding>,
}

/// The most severe first, otherwise in the order of the findings.
pub(crate) fn groups(findings: &[Finding]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for finding in findings {
        let same = groups.iter_mut().find(|group| {
            group.severity == finding.severity
                && group.code == finding.code
                && group.causes == finding.causes
                && group.fix == finding.fix
        });
        match same {
            Some(group) => {
                group.what = group.what.filter(|what| *what == finding.what);
                group.findings.push(finding);
            }
            None => groups.push(Group {
                severity: finding.severity,
                code: finding.code,
                what: Some(&finding.what),
                causes: &finding.causes,
                fix: &finding.fix,
                findings: vec![finding],
            }),
        }
    }
    groups.sort_by_key(|group| group.severity);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::finding;

    #[test]
    fn findings_with_one_fix_are_together_and_the_most_severe_are_first() {
        let mut findings = vec![
            finding("unsampled", Severity::Note, "a", 1, 1),
            finding("not-injected", Severity::Error, "a", 1, 1),
            finding("not-injected", Severity::Error, "b", 1, 1),
            finding("not-injected", Severity::Error, "c", 1, 1),
        ];
        findings[2].what = "Another sentence.".to_owned();
        findings[3].fix = "Another fix.".to_owned();
        let groups = groups(&findings);
        let seen = groups
            .iter()
            .map(|group| (group.code, group.what, group.findings.len()));
        let expected = [
            ("not-injected", None, 2),
            ("not-injected", Some(""), 1),
            ("unsampled", Some(""), 1),
        ];
        assert!(seen.eq(expected), "{groups:?}");
    }
}
