//! Contestants that take turns, and the table of what came of it.

use std::env;
use std::process;
use std::time::Duration;

/// Says what the tables are, and returns how many rounds are asked for: by `--rounds N`, or by
/// `--test`, which is one. Other arguments are those that cargo passes to every bench.
pub(crate) fn begin() -> usize {
    let asked = env::args().skip_while(|arg| arg != "--rounds").nth(1);
    let rounds = match asked.map(|count| count.parse()) {
        Some(Ok(count)) if count > 0 => count,
        Some(_) => {
            eprintln!("--rounds takes a number from 1 on");
            process::exit(2);
        }
        None if env::args().any(|arg| arg == "--test") => 1,
        None => 5,
    };
    println!("medians of {rounds} interleaved rounds; ratios are taken within a round\n");
    rounds
}

/// Million records a second.
pub(crate) fn rate(records: u64, took: Duration) -> f64 {
    records as f64 / took.as_secs_f64() / 1e6
}

/// Nanoseconds of one of so many rounds.
pub(crate) fn nanoseconds(rounds: u64, took: Duration) -> f64 {
    took.as_secs_f64() * 1e9 / rounds as f64
}

/// Runs all of them in turn and prints a line for each, with its ratio to the first
/// line and to that of the contestant called `peer`, if there is one.
pub(crate) fn table(title: &str, peer: &str, rounds: usize, runs: &[(&str, impl Fn() -> f64)]) {
    let mut figures = vec![Vec::new(); runs.len()];
    for _ in 0..rounds {
        for ((_, run), figures) in runs.iter().zip(&mut figures) {
            figures.push(run());
        }
    }
    let peer = runs.iter().position(|(name, _)| *name == peer);
    let heading = peer
        .map(|peer| format!("x {}", runs[peer].0))
        .unwrap_or_default();
    println!("{title:<50}{:<22}{heading}", "x first line");
    for ((name, _), own) in runs.iter().zip(&figures) {
        let to_first = ratio(own, &figures[0]);
        let to_peer = peer
            .map(|peer| ratio(own, &figures[peer]))
            .unwrap_or_default();
        println!(
            "  {name:<20}{:>12.2}                {to_first:<22}{to_peer}",
            percentile(own, 0.5)
        );
    }
    println!();
}

/// The median, least and largest of the ratios of each round.
fn ratio(own: &[f64], reference: &[f64]) -> String {
    let ratios: Vec<f64> = own
        .iter()
        .zip(reference)
        .map(|(own, other)| own / other)
        .collect();
    let [least, median, most] = [0.0, 0.5, 1.0].map(|part| percentile(&ratios, part));
    format!("{median:.2} ({least:.2} to {most:.2})")
}

fn percentile(figures: &[f64], part: f64) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * part) as usize]
}
