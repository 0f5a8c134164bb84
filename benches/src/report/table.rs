//! The results as Markdown.

use super::counts::Counts;
use super::results::{LINEAR, Line, METRICS, Results};
use crate::CLIENTS;
use crate::case::{Limit, RULES, Work};
use anyhow::{Context, Result};
use std::fmt::Write;
use std::path::Path;

/// What the bound may cost at most to be honest, give or take a tenth: measured when the work was
/// laid down. Inject and extract, trace context only; AMQP, Kafka and NATS.
const HONEST: [(&str, [u32; 3]); 2] = [
    ("inject, trace context only", [1077, 969, 2020]),
    ("extract, trace context only", [681, 788, 668]),
];

impl Results {
    /// All tables, for the machine that is described.
    pub fn tables(&self, machine: &str) -> Result<String> {
        let mut text = format!("Measured on {machine}.\n\n");
        self.honesty(&mut text)?;
        self.ratios(&mut text)?;
        self.calls(&mut text)?;
        self.polls(&mut text)?;
        self.metrics(&mut text)?;
        self.rules(&mut text)?;
        self.growth(&mut text)?;
        Ok(text)
    }

    fn honesty(&self, text: &mut String) -> Result<()> {
        text.push_str("The bound, in instructions:\n\n| work | client | bound | at most | |\n");
        text.push_str("| --- | --- | ---: | ---: | --- |\n");
        for (name, most) in HONEST {
            for line in self.lines.iter().filter(|line| line.row.name == name) {
                let most = f64::from(most[line.client]);
                let bound = line.bound.context("a row without a bound")?.instructions;
                let verdict = if bound <= most * 1.1 {
                    "honest"
                } else {
                    "**too high**"
                };
                let client = CLIENTS[line.client].1;
                writeln!(
                    text,
                    "| {name} | {client} | {bound:.0} | {most:.0} ± 10 % | {verdict} |"
                )?;
            }
        }
        text.push('\n');
        Ok(())
    }

    fn ratios(&self, text: &mut String) -> Result<()> {
        text.push_str(
            "Instructions and, behind the slash, allocations of each way; ratios to the bound:\n\n",
        );
        text.push_str("| work | client | bound | usual | ours | ratio | to reach | | default |\n");
        text.push_str("| --- | --- | ---: | ---: | ---: | ---: | ---: | --- | ---: |\n");
        for line in self.lines.iter().filter(|line| is_step(line)) {
            let ratio = match line.row.limit {
                Limit::Absolute(_) => String::new(),
                _ => format!("{:.2}", line.ratio(line.ours)),
            };
            let default = line
                .default
                .map_or_else(String::new, |default| match line.row.limit {
                    Limit::Absolute(_) => format!("{:.0}", default.instructions),
                    _ => format!("{:.2}", line.ratio(default)),
                });
            writeln!(
                text,
                "| {} | {} | {} | {} | {} | {ratio} | {} | {} | {default} |",
                line.row.name,
                CLIENTS[line.client].1,
                show(line.bound),
                show(line.usual),
                show(Some(line.ours)),
                figure(line),
                verdict(line.is_reached()),
            )?;
        }
        text.push('\n');
        Ok(())
    }

    fn calls(&self, text: &mut String) -> Result<()> {
        text.push_str("Whole calls, in instructions and, behind the slash, allocations; ratios of what is added to the ");
        text.push_str(
            "client's own call:\n\n| work | client | client alone | limit | by hand | ours | ",
        );
        text.push_str("ratio | to reach | | allocations more | default | forced |\n");
        text.push_str(
            "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: |\n",
        );
        for line in self.lines.iter().filter(|line| is_call(line)) {
            let (to_reach, verdict) = match line.row.limit {
                Limit::Added { .. } => (figure(line), verdict(line.is_reached())),
                _ => (String::new(), ""),
            };
            let default = line.default.map(|default| line.ratio(default));
            writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {:.2} | {to_reach} | {verdict} | {} | {} | {} |",
                line.row.name,
                CLIENTS[line.client].1,
                show(line.bare),
                show(line.wire),
                show(line.bound),
                show(Some(line.ours)),
                line.ratio(line.ours),
                shortly(line.more_allocations()),
                default.map_or_else(String::new, |default| format!("{default:.2}")),
                show(line.forced.filter(|forced| forced.allocations > Some(0.0))),
            )?;
        }
        text.push('\n');
        Ok(())
    }

    fn polls(&self, text: &mut String) -> Result<()> {
        text.push_str("Polls, and the handling of a message with `tracing`:\n\n");
        text.push_str("| work | client | `#[instrument]` | by hand | ours | ratio | to reach | | to by hand |\n");
        text.push_str("| --- | --- | ---: | ---: | ---: | ---: | ---: | --- | ---: |\n");
        for line in self.lines.iter().filter(|line| is_poll(line)) {
            let by_hand = line.bound.context("a poll without its bound")?;
            writeln!(
                text,
                "| {} | {} | {} | {} | {} | {:.2} | {} | {} | {:.2} |",
                line.row.name,
                CLIENTS[line.client].1,
                show(line.wire),
                show(line.bound),
                show(Some(line.ours)),
                line.ratio(line.ours),
                figure(line),
                verdict(line.is_reached()),
                line.ours.instructions / by_hand.instructions,
            )?;
        }
        text.push('\n');
        Ok(())
    }

    fn metrics(&self, text: &mut String) -> Result<()> {
        text.push_str(
            "What the metrics add to a call, in instructions and, behind the slash, allocations:\n\n",
        );
        text.push_str("| work | client | by hand | ours | ratio | to reach | |\n");
        text.push_str("| --- | --- | ---: | ---: | ---: | ---: | --- |\n");
        for line in self.metric_lines() {
            let ratio = line.ours.instructions / line.by_hand.instructions;
            writeln!(
                text,
                "| {} | {} | {} | {} | {ratio:.2} | {METRICS:.2} | {} |",
                line.call,
                CLIENTS[line.client].1,
                show(Some(line.by_hand)),
                show(Some(line.ours)),
                verdict((ratio * 100.0).round() / 100.0 <= METRICS),
            )?;
        }
        text.push('\n');
        Ok(())
    }

    fn rules(&self, text: &mut String) -> Result<()> {
        writeln!(
            text,
            "What {RULES} rules add to a call, in instructions and, behind the slash, allocations:\n"
        )?;
        text.push_str("| work | client | without | with | more | at most | |\n");
        text.push_str("| --- | --- | ---: | ---: | ---: | ---: | --- |\n");
        for rules in self.rule_lines() {
            writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} |",
                rules.line.row.name,
                CLIENTS[rules.line.client].1,
                show(Some(rules.without)),
                show(Some(rules.line.ours)),
                show(Some(rules.more())),
                rules.most,
                verdict(rules.is_reached()),
            )?;
        }
        text.push('\n');
        Ok(())
    }

    fn growth(&self, text: &mut String) -> Result<()> {
        text.push_str("Growth, in instructions of ours at three sizes:\n\n");
        text.push_str("| work | client | sizes | | | | a further entry | |\n");
        text.push_str("| --- | --- | --- | ---: | ---: | ---: | ---: | --- |\n");
        for line in &self.growths {
            let [a, b, c] = line.sizes;
            let [cost_a, cost_b, cost_c] = line.instructions;
            writeln!(
                text,
                "| {} | {} | {a}, {b}, {c} | {cost_a:.0} | {cost_b:.0} | {cost_c:.0} | {:.2} times | {} |",
                line.name,
                CLIENTS[line.client].1,
                line.factor(),
                if line.is_linear() {
                    "linear"
                } else {
                    "**not linear**"
                },
            )?;
        }
        writeln!(text, "\nLinear is a factor of at most {LINEAR}.")?;
        Ok(())
    }
}

fn is_step(line: &Line) -> bool {
    !is_call(line) && !is_poll(line) && !matches!(line.row.work, Work::Rules(_))
}

fn is_poll(line: &Line) -> bool {
    matches!(
        line.row.work,
        Work::Poll | Work::TracedPoll | Work::TracedProcess
    )
}

fn is_call(line: &Line) -> bool {
    matches!(line.row.work, Work::Call(..))
}

/// Instructions and allocations.
fn show(counts: Option<Counts>) -> String {
    counts.map_or_else(String::new, |counts| {
        let allocations = counts.allocations.unwrap_or(f64::NAN);
        format!("{:.0} / {}", counts.instructions, shortly(allocations))
    })
}

/// What has to be reached.
fn figure(line: &Line) -> String {
    let instructions = match line.row.limit {
        Limit::Absolute(most) => most.to_string(),
        Limit::Added {
            ratio,
            allocations: Some(more),
            ..
        } => return format!("{ratio:.2} / +{more}"),
        _ => format!("{:.2}", line.limit()),
    };
    match line.row.allocations {
        Some(most) => format!("{instructions} / {most}"),
        None => instructions,
    }
}

pub fn verdict(is_reached: bool) -> &'static str {
    if is_reached {
        "reached"
    } else {
        "**not reached**"
    }
}

fn shortly(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Puts the tables of a command between its marks in the document.
///
/// # Errors
///
/// When the document cannot be read or written, or has no marks.
pub fn write(document: &Path, command: &str, tables: &str) -> Result<()> {
    let begin = format!("<!-- {command} --write: from here -->\n");
    let end = format!("<!-- {command} --write: to here -->");
    let text = std::fs::read_to_string(document).with_context(|| document.display().to_string())?;
    let parts = text
        .split_once(&begin)
        .and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let (before, after) = parts.with_context(|| format!("no marks in {}", document.display()))?;
    std::fs::write(document, format!("{before}{begin}\n{tables}\n{end}{after}"))
        .with_context(|| document.display().to_string())
}
