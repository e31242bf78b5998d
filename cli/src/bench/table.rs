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
    writeln!(out, "\n  {:<40} {:>16}   ratio", case.name, case.limit)?;
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
    let range = format!("({} to {})", shown(value.min), shown(value.max));
    let limit = figure.limit.as_ref().map(|limit| shown(limit.median));
    let ratio = figure.ratio.as_ref().map(ratio);
    let line = format!(
        "    {:<9}{:>11} {:<24} {:>9}   {}",
        figure.name,
        shown(value.median),
        range,
        limit.unwrap_or_default(),
        ratio.unwrap_or_default(),
    );
    writeln!(out, "{}", line.trim_end())
}

/// A ratio and its range.
fn ratio(spread: &Spread) -> String {
    let [median, min, max] = [spread.median, spread.min, spread.max].map(short);
    format!("{median} ({min} to {max})")
}

/// A figure with its unit, in a few characters.
pub(super) fn shown(figure: f64, unit: Unit) -> String {
    match unit {
        Unit::Nanoseconds => scaled(figure, &[(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")]),
        Unit::RecordsPerSecond | Unit::OperationsPerSecond => scaled(
            figure,
            &[(1e9, "G/s"), (1e6, "M/s"), (1e3, "k/s"), (1.0, "/s")],
        ),
        Unit::BytesPerSecond => scaled(
            figure,
            &[(1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s"), (1.0, "B/s")],
        ),
        Unit::Ratio => short(figure),
    }
}

/// In the first of these units that it has ten of, or else the last: so many digits are exact enough.
fn scaled(figure: f64, units: &[(f64, &str)]) -> String {
    let least = if units.last().is_some_and(|(_, unit)| *unit == "ns") {
        10.0
    } else {
        1.0
    };
    let unit = units.iter().find(|(scale, _)| figure >= least * scale);
    let (scale, unit) = unit.or(units.last()).copied().unwrap_or((1.0, ""));
    format!("{} {unit}", short(figure / scale))
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
