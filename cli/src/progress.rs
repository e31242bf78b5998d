//! How far it is, for people.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Redraws a second.
const HZ: u8 = 10;

/// Counts what went by, and shows it on standard error when that is a terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    verb: &'static str,
    start: Instant,
    records: u64,
    bytes: u64,
}

impl Progress {
    /// `payload_is_on_terminal`: whether the terminal is needed for the data itself.
    pub(crate) fn new(
        verb: &'static str,
        total: Option<u64>,
        quiet: bool,
        payload_is_on_terminal: bool,
    ) -> Self {
        let is_shown = !quiet && !payload_is_on_terminal && io::stderr().is_terminal();
        Self {
            bar: is_shown.then(|| bar(total)),
            verb,
            start: Instant::now(),
            records: 0,
            bytes: 0,
        }
    }

    /// One more record went by. This only counts.
    #[inline]
    pub(crate) fn count(&mut self, bytes: usize) {
        self.records += 1;
        self.bytes += bytes as u64;
    }

    /// Shows the counts, unless they were shown a moment ago.
    pub(crate) fn show(&self) {
        if let Some(bar) = &self.bar {
            bar.set_position(self.bytes);
        }
    }

    /// Says something on standard error, shown or not.
    pub(crate) fn say(&self, text: &str) {
        // The terminal may be gone, which is no reason to panic.
        let say = || drop(writeln!(io::stderr(), "mapring: {text}"));
        match &self.bar {
            Some(bar) => bar.suspend(say),
            None => say(),
        }
    }

    /// Replaces the bar with one line about the whole.
    pub(crate) fn finish(self) {
        let Some(bar) = self.bar else { return };
        bar.finish_and_clear();
        let elapsed = self.start.elapsed();
        let a_second = self.bytes as f64 / elapsed.as_secs_f64().max(1e-9);
        eprintln!(
            "{} {} records, {} in {:.2} s ({}/s)",
            self.verb,
            HumanCount(self.records),
            HumanBytes(self.bytes),
            elapsed.as_secs_f64(),
            HumanBytes(a_second as u64),
        );
    }
}

/// Counts steps, and shows them on standard error when that is a terminal.
#[derive(Debug)]
pub(crate) struct Steps {
    bar: Option<ProgressBar>,
}

impl Steps {
    /// None of so many is done yet.
    pub(crate) fn new(title: &str, total: usize) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            styled(
                ProgressBar::new(total as u64),
                "{bar:30} {percent:>3}%  {msg}",
            )
        });
        if let Some(bar) = &bar {
            bar.set_message(title.to_owned());
        }
        Self { bar }
    }

    /// One more is done.
    pub(crate) fn count(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    match total {
        Some(total) => styled(
            ProgressBar::new(total),
            "{bar:30} {percent:>3}%  {binary_bytes} of {binary_total_bytes}  {binary_bytes_per_sec}",
        ),
        None => styled(
            ProgressBar::no_length(),
            "{spinner} {binary_bytes}  {binary_bytes_per_sec}",
        ),
    }
}

/// The bar, looking like that, on standard error.
fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(HZ));
    // The template is a constant; should it be wrong, the default style does as well.
    bar.set_style(
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar.enable_steady_tick(Duration::from_millis(1000 / u64::from(HZ)));
    bar
}
