//! What has changed since an earlier run.

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use indicatif::HumanDuration;

use super::report::{Better, Case, Figure, Report};
use super::spread::Spread;
use super::table::shown;

/// With fewer rounds, in either run, their range says little.
const ENOUGH_ROUNDS: usize = 5;

/// What is to be thought of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Within what the rounds of one run differ by.
    Noise,
    Better,
    Worse,
    TooFewRounds,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Noise => "noise",
            Self::Better => "better",
            Self::Worse => "worse",
            Self::TooFewRounds => "too few rounds",
        })
    }
}

impl Verdict {
    /// Of two figures that mean the same. They are judged by their ratios to the limit, if they have
    /// these: the machine may have become slower as a whole.
    fn of(before: &Figure, now: &Figure) -> Self {
        let (old, new) = match (&before.ratio, &now.ratio) {
            (Some(old), Some(new)) => (old, new),
            _ => (&before.value, &now.value),
        };
        if old.rounds.len().min(new.rounds.len()) < ENOUGH_ROUNDS {
            Self::TooFewRounds
        } else if old.has(new.median) || new.has(old.median) {
            Self::Noise
        } else if (new.median < old.median) == (now.better == Better::Less) {
            Self::Better
        } else {
            Self::Worse
        }
    }
}

/// Prints each figure that both runs have, and whether it has changed.
pub(super) fn print(
    out: &mut impl Write,
    since: &str,
    before: &Report,
    now: &Report,
) -> io::Result<()> {
    let between = now.started_s.saturating_sub(before.started_s);
    writeln!(
        out,
        "\nChanges since {since}, {} before. Judged by the ratio to the limit, where there is one.",
        HumanDuration(Duration::from_secs(between))
    )?;
    for difference in differences(before, now) {
        writeln!(out, "{difference}")?;
    }
    for case in &now.cases {
        writeln!(out, "\n  {}: {}", case.question.name(), case.name)?;
        match before.find(case.question, &case.name) {
            Some(old) => print_case(out, old, case)?,
            None => writeln!(out, "    was not measured then")?,
        }
    }
    Ok(())
}

/// Why figures may differ that have not changed.
fn differences(before: &Report, now: &Report) -> Vec<String> {
    let mut differences = Vec::new();
    let mut compare = |what: &str, then: String, now: String| {
        if then != now {
            differences.push(format!("Another {what}: {then} then, {now} now."));
        }
    };
    let machine = |report: &Report| {
        let machine = &report.machine;
        let cpu = machine.cpu.as_deref().unwrap_or("unknown processor");
        format!("{cpu}, {} cores", machine.cores)
    };
    compare("machine", machine(before), machine(now));
    let kernel = |report: &Report| report.machine.kernel.clone().unwrap_or_default();
    compare("kernel", kernel(before), kernel(now));
    let capacity = |report: &Report| format!("{} bytes", report.settings.capacity_bytes);
    compare("capacity", capacity(before), capacity(now));
    let cores = |report: &Report| super::plan::list(&report.settings.cores);
    compare("choice of cores", cores(before), cores(now));
    differences
}

fn print_case(out: &mut impl Write, before: &Case, now: &Case) -> io::Result<()> {
    for figure in &now.figures {
        let Some(old) = before.figure(&figure.name) else {
            continue;
        };
        let ratio = match (&old.ratio, &figure.ratio) {
            (Some(old), Some(new)) => format!(
                "ratio {:.2} to {:.2} ({})",
                old.median,
                new.median,
                change(old, new)
            ),
            _ => String::new(),
        };
        writeln!(
            out,
            "    {:<9}{:>11} to {:<11} {:>8}   {ratio:<28} {}",
            figure.name,
            shown(old.value.median, old.unit),
            shown(figure.value.median, figure.unit),
            change(&old.value, &figure.value),
            Verdict::of(old, figure)
        )?;
    }
    Ok(())
}

/// How much the median has changed.
fn change(before: &Spread, now: &Spread) -> String {
    format!("{:+.1} %", (now.median / before.median - 1.0) * 100.0)
}

#[cfg(test)]
mod tests {
    use super::super::report::Unit;
    use super::*;

    fn times(rounds: &[f64]) -> Figure {
        Figure::less("p50", Unit::Nanoseconds, rounds.into())
    }

    fn rates(rounds: &[f64]) -> Figure {
        Figure::more("records", Unit::RecordsPerSecond, rounds.into())
    }

    const OLD: [f64; 5] = [98.0, 99.0, 100.0, 101.0, 102.0];
    const LESS: [f64; 5] = [90.0, 91.0, 92.0, 93.0, 94.0];

    #[test]
    fn what_the_rounds_differ_by_is_noise() {
        assert_eq!(Verdict::of(&times(&OLD), &times(&OLD)), Verdict::Noise);
        // One round as before, or as now, does not make it noise; the median does.
        let mut overlapping = LESS;
        overlapping[4] = 99.0;
        let changed = Verdict::of(&times(&OLD), &times(&overlapping));
        assert_eq!(changed, Verdict::Better);
        overlapping[4] = 101.0;
        let noise = Verdict::of(&times(&OLD), &times(&overlapping));
        assert_eq!(noise, Verdict::Noise);
    }

    #[test]
    fn which_way_is_good_depends_on_the_figure() {
        let of = |old: &Figure, new: &Figure| Verdict::of(old, new);
        assert_eq!(of(&times(&OLD), &times(&LESS)), Verdict::Better);
        assert_eq!(of(&times(&LESS), &times(&OLD)), Verdict::Worse);
        assert_eq!(of(&rates(&OLD), &rates(&LESS)), Verdict::Worse);
        assert_eq!(of(&rates(&LESS), &rates(&OLD)), Verdict::Better);
    }

    #[test]
    fn a_machine_that_became_slower_as_a_whole_is_no_change() {
        let before = times(&OLD).beside(vec![50.0, 49.0, 50.0, 51.0, 50.0]);
        let twice = |rounds: &[f64; 5]| rounds.map(|figure| 2.0 * figure).to_vec();
        let now = times(&twice(&OLD)).beside(twice(&[50.0, 49.0, 50.0, 51.0, 50.0]));
        assert_eq!(Verdict::of(&before, &now), Verdict::Noise);
        let without = Verdict::of(&times(&OLD), &times(&twice(&OLD)));
        assert_eq!(without, Verdict::Worse);
    }

    #[test]
    fn few_rounds_tell_nothing() {
        let few = Verdict::of(&times(&OLD[1..]), &times(&LESS));
        assert_eq!(few, Verdict::TooFewRounds);
    }

    #[test]
    fn a_change_is_in_per_cent_of_before() {
        let change = change(&Spread::of(vec![200.0]), &Spread::of(vec![190.0]));
        assert_eq!(change, "-5.0 %");
    }
}
