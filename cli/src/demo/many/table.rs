//! How it went, by producer.

use std::io::{self, Write};

use indicatif::HumanCount;

use super::seen::Seen;

/// How it went for one producer.
pub(super) struct Outcome<'a> {
    seen: &'a Seen,
    pid: u32,
    /// Records that it is known to have committed, if it was killed.
    known: Option<u64>,
}

impl<'a> Outcome<'a> {
    pub(super) fn new(seen: &'a Seen, pid: u32, known: Option<u64>) -> Self {
        Self { seen, pid, known }
    }

    /// As people count.
    pub(super) fn number(&self) -> u32 {
        self.seen.producer + 1
    }

    /// Whether all that was committed has arrived: what the producer said that it had sent, or at
    /// least what the killed one had counted.
    fn is_complete(&self) -> bool {
        match self.known {
            Some(known) => self.seen.end.is_none() && self.seen.records >= known,
            None => self.seen.end == Some(self.seen.records),
        }
    }

    pub(super) fn is_good(&self) -> bool {
        self.is_complete() && self.seen.in_order && self.seen.intact
    }

    fn sent(&self) -> String {
        match (self.known, self.seen.end) {
            (Some(known), _) => format!("≥ {}", HumanCount(known)),
            (None, Some(sent)) => HumanCount(sent).to_string(),
            (None, None) => "unknown".to_owned(),
        }
    }
}

pub(super) fn print(out: &mut impl Write, outcomes: &[Outcome<'_>]) -> io::Result<()> {
    writeln!(
        out,
        "\n  producer  process          sent    received  in order  intact  complete"
    )?;
    for outcome in outcomes {
        let seen = outcome.seen;
        writeln!(
            out,
            "  {:>8} {:>8} {:>13} {:>11}  {:<8}  {:<6}  {}{}",
            outcome.number(),
            outcome.pid,
            outcome.sent(),
            HumanCount(seen.records).to_string(),
            yes_or_no(seen.in_order),
            yes_or_no(seen.intact),
            yes_or_no(outcome.is_complete()),
            if outcome.known.is_some() {
                ", killed"
            } else {
                ""
            },
        )?;
    }
    writeln!(out)
}

fn yes_or_no(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "NO" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(records: u64, end: Option<u64>) -> Seen {
        let mut seen = Seen::new(0);
        (seen.records, seen.end) = (records, end);
        seen
    }

    #[test]
    fn who_lives_must_have_said_as_much_as_arrived() {
        let is_good = |records, end| Outcome::new(&seen(records, end), 1, None).is_good();
        assert!(is_good(7, Some(7)));
        assert!(!is_good(6, Some(7)) && !is_good(8, Some(7)) && !is_good(7, None));
    }

    #[test]
    fn of_who_was_killed_what_it_had_counted_must_have_arrived() {
        let is_good = |records, end| Outcome::new(&seen(records, end), 1, Some(7)).is_good();
        assert!(is_good(7, None) && is_good(9, None));
        assert!(!is_good(6, None) && !is_good(7, Some(7)));
    }

    #[test]
    fn out_of_order_or_changed_is_not_good() {
        let mut wrong = [seen(7, Some(7)), seen(7, Some(7))];
        wrong[0].in_order = false;
        wrong[1].intact = false;
        for seen in wrong {
            assert!(!Outcome::new(&seen, 1, None).is_good());
        }
    }
}
