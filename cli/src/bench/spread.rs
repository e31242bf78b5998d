//! What is said of the same figure in several rounds.

use serde::{Deserialize, Serialize};

/// A figure of each round, and what is said of all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    /// In the order in which they were measured; one at least.
    pub(super) rounds: Vec<f64>,
}

impl Spread {
    /// Of the figures of all rounds.
    ///
    /// # Panics
    /// When there are none.
    pub(super) fn of(rounds: Vec<f64>) -> Self {
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Self {
            median: low + (high - low) / 2.0,
            min: sorted[0],
            max: sorted[sorted.len() - 1],
            rounds,
        }
    }

    /// The ratios to another figure, each within one round.
    pub(super) fn ratios_to(&self, other: &Self) -> Self {
        let pairs = self.rounds.iter().zip(&other.rounds);
        Self::of(pairs.map(|(own, other)| own / other).collect())
    }

    /// Whether a figure is within what the rounds differ by.
    pub(super) fn has(&self, figure: f64) -> bool {
        (self.min..=self.max).contains(&figure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let spread = Spread::of(vec![5.0, 1.0, 2.0]);
        assert_eq!((spread.median, spread.min, spread.max), (2.0, 1.0, 5.0));
        assert_eq!(spread.rounds, [5.0, 1.0, 2.0]);
        assert_eq!(Spread::of(vec![4.0, 1.0, 2.0, 9.0]).median, 3.0);
        assert_eq!(Spread::of(vec![7.0]).median, 7.0);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine is twice as slow in the second round; so are both.
        let own = Spread::of(vec![20.0, 10.0, 22.0]);
        let limit = Spread::of(vec![10.0, 5.0, 10.0]);
        let ratios = own.ratios_to(&limit);
        assert_eq!(ratios.rounds, [2.0, 2.0, 2.2]);
        assert_eq!(ratios.median, 2.0);
    }

    #[test]
    fn the_ends_are_within() {
        let spread = Spread::of(vec![1.0, 3.0]);
        assert!(spread.has(1.0) && spread.has(3.0));
        assert!(!spread.has(0.9) && !spread.has(3.1));
    }
}
