//! The short table in another document, between two marks.

use anyhow::{Context, Result};

use super::markdown::of_table;
use super::table::{Cell, table};
use crate::question::{Mode, Question};
use crate::results::Results;

/// What stands before and after the table.
const MARKS: (&str, &str) = ("<!-- peers -->\n", "<!-- end of peers -->");

/// The document with the table of these results in the place of what was between the marks.
///
/// # Errors
/// When there are no such marks.
pub(crate) fn replace(document: &str, results: &Results) -> Result<String> {
    let (start, end) = MARKS;
    let (before, rest) = document.split_once(start).context(missing(start))?;
    let (_, after) = rest.split_once(end).context(missing(end))?;
    Ok(format!("{before}{start}{}{end}{after}", short(results)))
}

fn missing(mark: &str) -> String {
    format!("it has no line {:?}", mark.trim_end())
}

fn short(results: &Results) -> String {
    let mode = |mode| Question::Stream { bytes: 64, mode };
    let mut table = table(
        results,
        "",
        "",
        &[
            Question::RoundTrip { bytes: 64 },
            Question::Asleep,
            mode(Mode::Single),
            mode(Mode::Drain),
            mode(Mode::Batch),
            Question::ManyToOne { producers: 4 },
        ],
    );
    let columns = [
        "round trip, ns",
        "asleep, ns",
        "one a call, M/s",
        "sent one a call, drained, M/s",
        "in batches, M/s",
        "4 producers, M/s",
    ];
    table.columns = columns.map(str::to_owned).to_vec();
    let machine = &results.machine;
    format!(
        "\n{}, {} cores, {}, 64 bytes; medians of {} rounds, × the median of the ratios to the\n\
         raw limit in each; M/s: million records a second:\n\n{}\n",
        machine.processor,
        machine.cores,
        machine.date,
        results.rounds,
        of_table(&table, Cell::median)
    )
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::results;
    use super::*;

    #[test]
    fn what_was_between_the_marks_is_replaced() {
        let document = "a\n<!-- peers -->\nold\n<!-- end of peers -->\nb\n";
        let once = replace(document, &results()).unwrap();
        assert!(once.starts_with("a\n<!-- peers -->\n") && once.ends_with("-->\nb\n"));
        assert!(!once.contains("old") && once.contains("| other | P | 150 ×1.50 |"));
        assert_eq!(replace(&once, &results()).unwrap(), once);
    }

    #[test]
    fn without_marks_it_is_an_error() {
        assert!(replace("a\n", &results()).is_err());
        assert!(replace("a\n<!-- peers -->\n", &results()).is_err());
    }
}
