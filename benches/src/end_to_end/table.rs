//! The lines as Markdown.

use crate::line::{Allocated, Line, RATE, TOLERANCE};
use anyhow::Result;
use benches::report::verdict;
use std::fmt::Write;

/// All tables, for the machine that is described.
pub(crate) fn tables(lines: &[Line], machine: &str) -> Result<String> {
    let mut text = format!("Measured on {machine}.\n\n");
    rates(&mut text, lines)?;
    allocations(&mut text, lines)?;
    payloads(&mut text, lines)?;
    Ok(text)
}

/// A line for who waits.
pub(crate) fn shortly(line: &Line) -> String {
    let (ratio, [_, by_hand, ours]) = (line.ratio(), line.allocated);
    format!(
        "{}: {:.2} of the rate by hand ({:.2} to {:.2}), {:.1} allocations ({:.1} by hand)",
        line.name, ratio.median, ratio.least, ratio.most, ours.times, by_hand.times
    )
}

fn rates(text: &mut String, lines: &[Line]) -> Result<()> {
    let rounds = lines.first().map_or(0, |line| line.rates.len());
    writeln!(
        text,
        "Messages per second, the median of {rounds} rounds; ours by the rate by hand, of each pair:\n"
    )?;
    text.push_str("| work | bare | by hand | ours | ratio | range | to reach | | CPU, in µs |\n");
    text.push_str("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: |\n");
    for line in lines {
        let [bare, by_hand, ours] = [0, 1, 2].map(|way| line.rate(way).median);
        let ratio = line.ratio();
        writeln!(
            text,
            "| {} | {bare:.0} | {by_hand:.0} | {ours:.0} | {:.2} | {:.2} to {:.2} | {RATE} | {} | {} |",
            line.name,
            ratio.median,
            ratio.least,
            ratio.most,
            verdict(line.is_fast()),
            cpu(line),
        )?;
    }
    text.push('\n');
    Ok(())
}

/// Of a message: bare, by hand and ours.
fn cpu(line: &Line) -> String {
    let micros = [0, 1, 2].map(|way| format!("{:.1}", line.cpu(way).median * 1e6));
    micros.join(" / ")
}

fn allocations(text: &mut String, lines: &[Line]) -> Result<()> {
    text.push_str("Allocations and, behind the slash, allocated bytes for each message:\n\n");
    text.push_str("| work | bare | by hand | ours | ours beyond by hand |\n");
    text.push_str("| --- | ---: | ---: | ---: | ---: |\n");
    for line in lines {
        let [bare, by_hand, ours] = line.allocated;
        writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            line.name,
            show(bare),
            show(by_hand),
            show(ours),
            show(Allocated {
                times: ours.times - by_hand.times,
                bytes: ours.bytes - by_hand.bytes,
            }),
        )?;
    }
    text.push('\n');
    Ok(())
}

fn payloads(text: &mut String, lines: &[Line]) -> Result<()> {
    text.push_str(
        "Bytes that ours allocates for each message beyond the bare client, by the payload:\n\n",
    );
    text.push_str("| work | 100 B | 10 KiB | 100 KiB | 1 MiB | |\n");
    text.push_str("| --- | ---: | ---: | ---: | ---: | --- |\n");
    for line in lines {
        write!(text, "| {} |", line.name)?;
        for size in [100, 10 << 10, 100 << 10, 1 << 20] {
            match line.payloads.iter().find(|(of, _)| *of == size) {
                Some((_, bytes)) => write!(text, " {bytes:.0} |")?,
                None => text.push_str(" |"),
            }
        }
        let verdict = if line.leaves_the_payload() {
            "not copied"
        } else {
            "**copied**"
        };
        writeln!(text, " {verdict} |")?;
    }
    writeln!(
        text,
        "\n\"Not copied\": the figures of a row differ by at most {TOLERANCE} bytes."
    )?;
    Ok(())
}

fn show(allocated: Allocated) -> String {
    format!("{:.1} / {:.0}", allocated.times, allocated.bytes)
}
