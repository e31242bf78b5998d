//! The report, in Markdown.

use std::fmt::{self, Write};

use super::table::{Cell, Table, tables};
use crate::results::{Entry, Results};

/// All of it: how it was measured, the tables, the contestants. `plot` is where the picture is, seen
/// from where this is.
pub(crate) fn report(results: &Results, plot: Option<&str>) -> String {
    let mut text = String::from("# mapring and its peers\n\n");
    let machine = &results.machine;
    let _ = writeln!(
        text,
        "{}, {} cores, {}, load {:.2} before; {}. Medians of {} interleaved rounds of {} seconds a\n\
         measurement, in brackets the least and the most; × is the median of the ratios to the raw limit,\n\
         taken within each round. Taken by `peers/run`, which writes this file.\n",
        machine.processor,
        machine.cores,
        machine.kernel,
        machine.load,
        machine.date,
        results.rounds,
        results.seconds
    );
    if let Some(plot) = plot {
        let _ = writeln!(text, "![All of them, as bars]({plot})\n");
    }
    text.push_str(HOW);
    for table in tables(results) {
        let _ = writeln!(text, "\n## {}\n\n{}\n", table.title, capital(table.unit));
        text.push_str(&of_table(&table, Cell::text));
    }
    text.push_str("\n## Who they are\n\n");
    text.push_str("| | version | between | used by |\n|---|---|---|---|\n");
    for entry in &results.entries {
        text.push_str(&of_entry(entry));
    }
    let left_out = results.left_out.iter();
    let left_out = left_out.map(|(name, why)| format!("{name}: {why}"));
    text.push_str(&list("Left out of this run", left_out));
    let answers = &results.answers;
    text.push_str(&list("Cannot on this machine", &answers.cannot));
    text.push_str(&list("Failed", &answers.failed));
    text
}

/// Nothing, if there is nothing.
fn list(title: &str, items: impl IntoIterator<Item = impl fmt::Display>) -> String {
    let lines: String = items
        .into_iter()
        .map(|item| format!("- {}\n", marked(&item.to_string())))
        .collect();
    if lines.is_empty() {
        return lines;
    }
    format!("\n{title}:\n\n{lines}")
}

/// A table: a dash is what a contestant does not offer. `text` says what stands in a cell.
pub(super) fn of_table(table: &Table, text: impl Fn(Cell) -> String) -> String {
    let mut lines = format!("| | | {} |\n", table.columns.join(" | "));
    lines.push_str(&"|---".repeat(table.columns.len() + 2));
    lines.push_str("|\n");
    for row in &table.rows {
        let cells: Vec<_> = row.cells.iter().map(|cell| text(*cell)).collect();
        let _ = writeln!(
            lines,
            "| {} | {} | {} |",
            marked(row.name),
            row.between,
            cells.join(" | ")
        );
    }
    lines
}

fn of_entry(entry: &Entry) -> String {
    let between = if entry.between_processes {
        "processes"
    } else {
        "threads"
    };
    format!(
        "| [{}]({}) | {} | {between} | {} |\n",
        marked(entry.name),
        entry.link,
        entry.version,
        entry.usage
    )
}

/// The name, with what is a name in a program set as code.
fn marked(name: &str) -> String {
    let is_code = |word: &str| {
        let letters = word.as_bytes();
        let mut pairs = letters.windows(2);
        word.contains('_')
            || pairs.any(|two| two[0].is_ascii_lowercase() && two[1].is_ascii_uppercase())
    };
    let words = name.split(' ').map(|word| {
        if is_code(word) {
            format!("`{word}`")
        } else {
            word.to_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), rest.as_str())
}

const HOW: &str = "\
T is between two threads of one process, P between processes. The producer and the consumer are on
two cores; more producers share the cores that are left. Each contestant has about 1 MiB of room, as
far as it can be told, and is used as its documentation says is fastest: how, the head of its file in
`peers/src/contestants/` says. Everybody's payloads are written by the sender and read by the
receiver, all of their bytes, and their order is checked, in every measurement. A stream is timed by
its receiver from the time when an eighth of it has arrived; so is a round trip, by who asks. A dash
is what a contestant does not offer, \"cannot\" what a limit of this machine keeps it from. Lower is better for round trips, higher for all others.
";

#[cfg(test)]
mod tests {
    use super::super::table::tests::results;
    use super::*;

    #[test]
    fn the_report_says_where_when_who_and_what() {
        let text = report(&results(), Some("peers.svg"));
        for part in [
            "some | processor, 2 cores, Linux 1",
            "2026-01-02",
            "](peers.svg)",
            "| other | P | – | 150 (120 to 990) ×1.50 |",
            "| [other](https://example.org) | 1.0 | processes | as it is |",
            "Cannot on this machine:\n\n- other at many-to-one-2: it is small",
            "Failed:\n\n- other at many-to-one-1: it fell over",
            "- absent: nobody built it",
        ] {
            assert!(text.contains(part), "no {part:?} in\n{text}");
        }
    }

    #[test]
    fn names_of_programs_are_code() {
        for (name, text) in [
            ("raw limit", "raw limit"),
            ("POSIX mq", "POSIX mq"),
            ("DPDK rte_ring", "DPDK `rte_ring`"),
            ("crossbeam ArrayQueue", "crossbeam `ArrayQueue`"),
        ] {
            assert_eq!(marked(name), text);
        }
    }

    #[test]
    fn rows_are_as_wide_as_the_header() {
        for table in tables(&results()) {
            let text = of_table(&table, Cell::text);
            let widths = text.lines().map(|line| line.matches('|').count());
            let widths: Vec<_> = widths.collect();
            assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
        }
    }
}
