//! The results, for people.

use std::io::{self, Write};

use super::report::{Case, Figure, Report, Unit};
use super::spread::Spread;
use crate::args::Question;

/// Prints everything that was measured.
pub(super) fn print(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let settings = &report.settings;
    writeln!(
        out,
        "mapring {}: {}",
        report.mapring,
        report.machine.summary()
    )?;
    writeln!(
        out,
        "medians of {} rounds of {} s each, and the least and greatest of them",
        settings.rounds, settings.duration_s
    )?;
    for note in &report.notes {
        writeln!(out, "{note}")?;
    }
    for question in &settings.questions {
        writeln!(out, "\n{}", title(*question))?;
        let cases = report.cases.iter();
        for case in cases.filter(|case| case.question == *question) {
            print_case(out, case)?;
        }
    }
    Ok(())
}

/// A question, as a title.
pub(super) fn title(question: Question) -> &'static str {
    match question {
        Question::Rtt => "rtt: how long a message takes there and back",
        Question::Throughput => "throughput: how much goes one way",
        Question::Mpsc => "mpsc: how much goes one way, from many producers",
        Question::Wake => "wake: how long a wakeup takes",
        Question::Open => "open: how long a region takes to come and go",
    }
}

fn print_case(out: &mut impl Write, case: &Case) -> io::Result<()> {
    writeln!(out, "\n  {:<38} {:>17}   ratio", case.name, case.limit)?;
    for figure in &case.figures {
        print_figure(out, figure)?;
    }
    if let Some(note) = &case.note {
        writeln!(out, "    {note}")?;
    }
    Ok(())
}

fn print_figure(out: &mut impl Write, figure: &Figure) -> io::Result<()> {
    let shown = |figure_of: f64| shown(figure_of, figure.unit);
    let value = &figure.value;
    let range = range_in_unit_of_median(value, figure.unit);
    let limit = figure.limit.as_ref().map(|limit| shown(limit.median));
    let ratio = figure.ratio.as_ref().map(ratio);
    let line = format!(
        "    {:<9}{:>11} {:<20} {:>11}   {}",
        figure.name,
        shown(value.median),
        range,
        limit.unwrap_or_default(),
        ratio.unwrap_or_default(),
    );
    writeln!(out, "{}", line.trim_end())
}

/// The least and the greatest, without the unit, which is that of the median.
fn range_in_unit_of_median(spread: &Spread, unit: Unit) -> String {
    let (scale, _) = scale_of(spread.median, unit);
    let [min, max] = [spread.min, spread.max].map(|figure| short(figure / scale));
    format!("({min} to {max})")
}

/// A ratio and its range.
pub(super) fn ratio(spread: &Spread) -> String {
    let [median, min, max] = [spread.median, spread.min, spread.max].map(short);
    format!("{median} ({min} to {max})")
}

/// A figure with its unit, in a few characters.
pub(super) fn shown(figure: f64, unit: Unit) -> String {
    let (scale, unit) = scale_of(figure, unit);
    format!("{} {unit}", short(figure / scale))
        .trim_end()
        .to_owned()
}

/// What is one of the unit that such a figure is shown in, and what that is called.
fn scale_of(figure: f64, unit: Unit) -> (f64, &'static str) {
    let units = match unit {
        Unit::Nanoseconds => [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")],
        Unit::RecordsPerSecond | Unit::OperationsPerSecond => {
            [(1e9, "G/s"), (1e6, "M/s"), (1e3, "k/s"), (1.0, "/s")]
        }
        Unit::BytesPerSecond => [(1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s"), (1.0, "B/s")],
        Unit::Ratio => [(1.0, ""); 4],
    };
    let [.., smallest] = units;
    let fitting = units.iter().find(|(scale, _)| figure >= *scale);
    fitting.copied().unwrap_or(smallest)
}

/// A number with three digits or so.
fn short(number: f64) -> String {
    let digits = match number {
        0.0..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    format!("{number:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_shown_in_a_unit_that_fits() {
        let all = [
            (388.0, Unit::Nanoseconds, "388 ns"),
            (9_700.0, Unit::Nanoseconds, "9.70 µs"),
            (2e9, Unit::Nanoseconds, "2.00 s"),
            (145.2e6, Unit::RecordsPerSecond, "145 M/s"),
            (15.31e9, Unit::BytesPerSecond, "15.3 GB/s"),
            (0.5, Unit::OperationsPerSecond, "0.50 /s"),
            (1.0, Unit::Ratio, "1.00"),
        ];
        for (figure, unit, expected) in all {
            assert_eq!(shown(figure, unit), expected);
        }
    }

    #[test]
    fn a_range_is_in_the_unit_of_its_median() {
        let spread = Spread::of(vec![950.0, 1_100.0, 2_000_000.0]);
        let range = range_in_unit_of_median(&spread, Unit::Nanoseconds);
        assert_eq!(range, "(0.95 to 2000)");
    }
}
