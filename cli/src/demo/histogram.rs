//! Two distributions of times, side by side.

use std::io::{self, Write};
use std::time::Duration;

use hdrhistogram::Histogram;
use indicatif::HumanCount;

/// Characters of the longest bar.
const WIDTH: f64 = 24.0;
/// A bucket with less than this share of both is shown as one with the next.
const RARE: f64 = 0.002;

/// Prints percentiles, the ratio of the medians, and bars.
pub(crate) fn print(
    out: &mut impl Write,
    ring: &Histogram<u64>,
    raw: &Histogram<u64>,
) -> io::Result<()> {
    print_percentiles(out, "raw", ring, raw)?;
    writeln!(out, "\n  {:>9}  {:<31} raw", "up to", "mapring")?;
    for (until, ring_share, raw_share) in shares(ring, raw) {
        let label = until.map_or("longer".to_owned(), shown);
        writeln!(
            out,
            "  {label:>9}  {} {}",
            bar(ring_share),
            bar(raw_share).trim_end()
        )?;
    }
    Ok(())
}

/// Prints percentiles of the ring and of what it is compared with, and the ratio of the medians.
pub(crate) fn print_percentiles(
    out: &mut impl Write,
    other: &str,
    ring: &Histogram<u64>,
    raw: &Histogram<u64>,
) -> io::Result<()> {
    let at = |percentile| move |times: &Histogram<u64>| times.value_at_percentile(percentile);
    writeln!(out, "                 mapring {other:>10}")?;
    row(out, "p50", at(50.0), ring, raw)?;
    row(out, "p90", at(90.0), ring, raw)?;
    row(out, "p99", at(99.0), ring, raw)?;
    row(out, "p99.9", at(99.9), ring, raw)?;
    row(out, "max", Histogram::max, ring, raw)?;
    writeln!(
        out,
        "  ratio of the medians {:.2}",
        ratio_of_medians(ring, raw)
    )?;
    writeln!(
        out,
        "  {} round trips of each kind, in turns; a reading of the clock is included",
        HumanCount(ring.len())
    )
}

fn row(
    out: &mut impl Write,
    label: &str,
    value: impl Fn(&Histogram<u64>) -> u64,
    ring: &Histogram<u64>,
    raw: &Histogram<u64>,
) -> io::Result<()> {
    writeln!(
        out,
        "  {label:<9} {:>12} {:>10}",
        shown(value(ring)),
        shown(value(raw))
    )
}

fn ratio_of_medians(ring: &Histogram<u64>, raw: &Histogram<u64>) -> f64 {
    let median = |times: &Histogram<u64>| times.value_at_quantile(0.5) as f64;
    median(ring) / median(raw).max(1.0)
}

/// Nanoseconds, with three or four digits and a unit.
fn shown(nanoseconds: u64) -> String {
    match nanoseconds {
        0..10_000 => format!("{nanoseconds} ns"),
        10_000..10_000_000 => format!("{:.1} µs", nanoseconds as f64 / 1e3),
        _ => format!(
            "{:.1} ms",
            Duration::from_nanos(nanoseconds).as_secs_f64() * 1e3
        ),
    }
}

/// For each bucket its upper bound and its share of both; the last one has no bound.
fn shares(ring: &Histogram<u64>, raw: &Histogram<u64>) -> Vec<(Option<u64>, f64, f64)> {
    let share = |times: &Histogram<u64>, from, to| {
        times.count_between(from, to) as f64 / times.len().max(1) as f64
    };
    let mut rows = Vec::new();
    let mut from = 0;
    for until in bounds() {
        let (of_ring, of_raw) = (share(ring, from, until - 1), share(raw, from, until - 1));
        if of_ring >= RARE || of_raw >= RARE {
            rows.push((Some(until), of_ring, of_raw));
            from = until;
        }
    }
    let (of_ring, of_raw) = (share(ring, from, u64::MAX), share(raw, from, u64::MAX));
    if of_ring > 0.0 || of_raw > 0.0 {
        rows.push((None, of_ring, of_raw));
    }
    rows
}

/// Ever longer: about a quarter more each time.
fn bounds() -> impl Iterator<Item = u64> {
    const STEPS: [u64; 10] = [100, 125, 160, 200, 250, 320, 400, 500, 640, 800];
    let decades = std::iter::successors(Some(1), |decade| Some(decade * 10)).take(6);
    decades.flat_map(|decade| STEPS.map(|step| step * decade))
}

/// A bar and the share it stands for, always equally wide.
fn bar(share: f64) -> String {
    let len = (share * WIDTH).ceil() as usize;
    let percent = if share == 0.0 {
        String::new()
    } else if share < 0.001 {
        "<0.1%".to_owned()
    } else {
        format!("{:.1}%", share * 100.0)
    };
    format!("{percent:>6} {:<24}", "#".repeat(len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: impl IntoIterator<Item = u64>) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_bounds(1, 1_000_000, 3).unwrap();
        times
            .into_iter()
            .for_each(|time| histogram.record(time).unwrap());
        histogram
    }

    #[test]
    fn every_time_has_its_bucket() {
        let (ring, raw) = (of([130, 130, 1000, 90_000]), of(1..=100));
        let rows = shares(&ring, &raw);
        let total = rows
            .iter()
            .fold((0.0, 0.0), |sum, row| (sum.0 + row.1, sum.1 + row.2));
        assert!(
            (total.0 - 1.0).abs() < 1e-9 && (total.1 - 1.0).abs() < 1e-9,
            "{rows:?}"
        );
        let half = rows.iter().find(|row| row.1 == 0.5).unwrap();
        assert_eq!(half.0, Some(160));
    }

    #[test]
    fn a_bound_belongs_to_the_next_bucket() {
        let times = of([200]);
        let rows = shares(&times, &times);
        let full = rows.iter().find(|row| row.1 > 0.0).unwrap();
        assert_eq!(full.0, Some(250));
    }

    #[test]
    fn the_ratio_is_that_of_the_medians() {
        assert_eq!(
            ratio_of_medians(&of([1, 300, 9000]), &of([1, 200, 10_000])),
            1.5
        );
    }

    #[test]
    fn bars_are_equally_wide_and_never_hide_what_there_is() {
        for share in [0.0, 1e-9, 0.02, 0.5, 1.0] {
            assert_eq!(bar(share).chars().count(), 31, "{share}");
        }
        assert!(bar(1e-9).contains('#') && !bar(0.0).contains('#'));
    }
}
