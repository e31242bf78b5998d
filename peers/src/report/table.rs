//! The tables, before they are written in one form or another.

use crate::question::{Mode, Question};
use crate::results::{Entry, Results, Spread, Unanswered};

/// A table: some questions to all who answer one of them.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) title: &'static str,
    /// What its numbers are.
    pub(super) unit: &'static str,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Row>,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    /// `T` for threads, `P` for processes.
    pub(super) between: char,
    pub(super) cells: Vec<Cell>,
}

/// What a contestant answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell {
    /// It does not offer that.
    None,
    /// It offers that, but not on this machine.
    Cannot,
    Failed,
    Figure {
        spread: Spread,
        /// To the raw limit; the median.
        ratio: Option<f64>,
    },
}

const TIMES: &str = "nanoseconds; × that of the raw limit";
const RATES: &str = "million records a second; × that of the raw limit";

/// All of them.
pub(super) fn tables(results: &Results) -> Vec<Table> {
    let trips = [
        Question::RoundTrip { bytes: 56 },
        Question::RoundTrip { bytes: 64 },
    ];
    let stream = |mode| [8, 64, 1024, 16384].map(|bytes| Question::Stream { bytes, mode });
    let many = [1, 2, 4, 8].map(|producers| Question::ManyToOne { producers });
    let tables = [
        table(results, "Round trip, both sides polling", TIMES, &trips),
        table(
            results,
            "Round trip, 64 bytes, both sides asleep",
            TIMES,
            &[Question::Asleep],
        ),
        table(
            results,
            "One way, one record a call on both sides",
            RATES,
            &stream(Mode::Single),
        ),
        table(
            results,
            "One way, one record a call sent, received in bulk",
            RATES,
            &stream(Mode::Drain),
        ),
        table(
            results,
            "One way, many records a call on both sides",
            RATES,
            &stream(Mode::Batch),
        ),
        table(results, "Many to one, 64 bytes", RATES, &many),
    ];
    let tables = tables.into_iter();
    tables.filter(|table| !table.rows.is_empty()).collect()
}

/// The answers to these questions, of those who answer at least one of them.
pub(super) fn table(
    results: &Results,
    title: &'static str,
    unit: &'static str,
    questions: &[Question],
) -> Table {
    let mut rows = Vec::new();
    for entry in &results.entries {
        let cells: Vec<_> = questions
            .iter()
            .map(|question| cell(results, entry, *question))
            .collect();
        if cells.iter().any(|cell| *cell != Cell::None) {
            rows.push(Row {
                name: entry.name,
                between: if entry.between_processes { 'P' } else { 'T' },
                cells,
            });
        }
    }
    Table {
        title,
        unit,
        columns: questions.iter().map(|question| label(*question)).collect(),
        rows,
    }
}

fn label(question: Question) -> String {
    match question {
        Question::RoundTrip { bytes } | Question::Stream { bytes, .. } => match bytes {
            1024.. => format!("{} KiB", bytes / 1024),
            _ => format!("{bytes} bytes"),
        },
        Question::Asleep => "64 bytes".to_owned(),
        Question::ManyToOne { producers: 1 } => "1 producer".to_owned(),
        Question::ManyToOne { producers } => format!("{producers} producers"),
    }
}

/// What this contestant answered to this question.
pub(super) fn cell(results: &Results, entry: &Entry, question: Question) -> Cell {
    let answers = &results.answers;
    let among = |them: &[Unanswered]| them.iter().any(|it| it.is_of(entry.name, question));
    if among(&answers.cannot) {
        return Cell::Cannot;
    }
    if among(&answers.failed) {
        return Cell::Failed;
    }
    let mut figures = answers.figures.iter();
    let figure =
        figures.find(|figure| figure.contestant == entry.name && figure.question == question);
    let Some((figure, spread)) = figure.and_then(|figure| Some((figure, figure.spread()?))) else {
        return Cell::None;
    };
    let ratio = figure.ratio().map(|ratio| ratio.median);
    Cell::Figure { spread, ratio }
}

impl Cell {
    /// As text: the median, the least and the most, and the ratio.
    pub(super) fn text(self) -> String {
        self.with(|spread| {
            let [median, least, most] = [spread.median, spread.least, spread.most].map(number);
            format!("{median} ({least} to {most})")
        })
    }

    /// As text: the median and the ratio.
    pub(super) fn median(self) -> String {
        self.with(|spread| number(spread.median))
    }

    /// As text: what `say` says of a figure, and the ratio.
    fn with(self, say: impl Fn(Spread) -> String) -> String {
        match self {
            Self::None => "–".to_owned(),
            Self::Cannot => "cannot".to_owned(),
            Self::Failed => "failed".to_owned(),
            Self::Figure { spread, ratio } => {
                let ratio = ratio.map(|ratio| format!(" ×{}", number(ratio)));
                say(spread) + &ratio.unwrap_or_default()
            }
        }
    }
}

/// With three digits or so.
pub(super) fn number(value: f64) -> String {
    match value {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        0.1.. => format!("{value:.2}"),
        0.001.. => format!("{value:.4}"),
        _ => format!("{value:.1e}"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::machine::Machine;
    use crate::results::{Answers, Figure};

    /// Made up: two contestants, of which one fails at one question and cannot be asked others.
    pub(in super::super) fn results() -> Results {
        let entry = |name, between_processes| Entry {
            name,
            version: "1.0".to_owned(),
            link: "https://example.org",
            usage: "as it is",
            between_processes,
        };
        let figure = |contestant: &str, question, nanoseconds: [f64; 3]| Figure {
            contestant: contestant.to_owned(),
            question,
            nanoseconds: nanoseconds.to_vec(),
            limit: vec![100.0; 3],
        };
        let single = Question::Stream {
            bytes: 64,
            mode: Mode::Single,
        };
        Results {
            machine: Machine {
                processor: "some | processor".to_owned(),
                cores: 2,
                kernel: "Linux 1".to_owned(),
                load: 0.1,
                date: "2026-01-02".to_owned(),
            },
            rounds: 3,
            seconds: 0.2,
            entries: vec![entry("raw limit", false), entry("other", true)],
            answers: Answers {
                figures: vec![
                    figure("raw limit", Question::RoundTrip { bytes: 64 }, [100.0; 3]),
                    figure(
                        "other",
                        Question::RoundTrip { bytes: 64 },
                        [150.0, 120.0, 990.0],
                    ),
                    figure("raw limit", single, [100.0; 3]),
                    figure("other", single, [200.0, 250.0, 500.0]),
                    figure(
                        "raw limit",
                        Question::ManyToOne { producers: 1 },
                        [100.0; 3],
                    ),
                ],
                cannot: vec![Unanswered::new(
                    "other",
                    Question::ManyToOne { producers: 2 },
                    &"it is small",
                )],
                failed: vec![Unanswered::new(
                    "other",
                    Question::ManyToOne { producers: 1 },
                    &"it fell over",
                )],
            },
            left_out: vec![("absent", "nobody built it")],
        }
    }

    #[test]
    fn cells_say_figures_failures_and_nothing() {
        let results = results();
        let other = &results.entries[1];
        let text = |question| cell(&results, other, question).text();
        assert_eq!(
            text(Question::RoundTrip { bytes: 64 }),
            "150 (120 to 990) ×1.50"
        );
        assert_eq!(text(Question::Asleep), "–");
        assert_eq!(text(Question::ManyToOne { producers: 1 }), "failed");
        assert_eq!(text(Question::ManyToOne { producers: 2 }), "cannot");
        let mode = Mode::Single;
        assert_eq!(
            text(Question::Stream { bytes: 64, mode }),
            "4.00 (2.00 to 5.00) ×0.40"
        );
    }

    #[test]
    fn tables_leave_out_what_nobody_was_asked() {
        let tables = tables(&results());
        let titles: Vec<_> = tables.iter().map(|table| table.title).collect();
        assert_eq!(titles.len(), 3, "{titles:?}");
        assert_eq!(tables[2].rows.len(), 2);
        assert_eq!(tables[2].columns[0], "1 producer");
    }
}
