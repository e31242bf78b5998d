//! How long something took, each time.

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Longer ones count as that, in nanoseconds: ten minutes.
const LONGEST: u64 = 600_000_000_000;
/// Digits that are kept.
const DIGITS: u8 = 3;

/// Times in nanoseconds. Between processes, they travel as pairs of a time and how often it was so.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Times(Histogram<u64>);

impl Times {
    /// None yet.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(Histogram::new_with_bounds(1, LONGEST, DIGITS)?))
    }

    /// One more. What a coarse clock takes for no time at all counts as a nanosecond.
    #[inline]
    pub(crate) fn record(&mut self, nanoseconds: u64) {
        self.0.saturating_record(nanoseconds.max(1));
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The time that this part of them did not exceed.
    pub(crate) fn at_quantile(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64
    }

    /// The mean of all.
    pub(crate) fn mean(&self) -> f64 {
        self.0.mean()
    }

    /// Adds those of another measurement.
    pub(crate) fn add(&mut self, other: &Self) -> Result<()> {
        Ok(self.0.add(&other.0)?)
    }
}

impl Serialize for Times {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counts = self.0.iter_recorded();
        serializer.collect_seq(counts.map(|at| (at.value_iterated_to(), at.count_at_value())))
    }
}

impl<'de> Deserialize<'de> for Times {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut times = Self::new().map_err(de::Error::custom)?;
        for (nanoseconds, count) in Vec::<(u64, u64)>::deserialize(deserializer)? {
            let counted = times.0.record_n(nanoseconds, count);
            counted.map_err(de::Error::custom)?;
        }
        Ok(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(all: impl IntoIterator<Item = u64>) -> Times {
        let mut times = Times::new().unwrap();
        all.into_iter().for_each(|time| times.record(time));
        times
    }

    #[test]
    fn quantiles_are_those_of_the_times() {
        let times = of(1..=1000);
        for (quantile, expected) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1000.0)] {
            assert_eq!(times.at_quantile(quantile), expected);
        }
        assert_eq!((times.count(), times.mean()), (1000, 500.5));
    }

    #[test]
    fn no_time_is_less_than_a_nanosecond_or_more_than_the_longest() {
        let times = of([0, u64::MAX]);
        assert_eq!((times.count(), times.at_quantile(0.5)), (2, 1.0));
        assert!(times.at_quantile(1.0) >= LONGEST as f64);
    }

    #[test]
    fn they_travel_without_a_loss() {
        let times = of([1, 1, 7, 1_000_003, LONGEST, u64::MAX]);
        let text = serde_json::to_string(&times).unwrap();
        let arrived: Times = serde_json::from_str(&text).unwrap();
        for quantile in [0.0, 0.33, 0.5, 0.66, 0.8, 1.0] {
            let at = |times: &Times| times.at_quantile(quantile);
            assert_eq!(at(&arrived), at(&times));
        }
        assert_eq!(arrived.count(), 6);
    }

    #[test]
    fn sums_have_all() {
        let mut sum = of([1, 2]);
        sum.add(&of([1000])).unwrap();
        assert_eq!((sum.count(), sum.at_quantile(1.0)), (3, 1000.0));
    }
}
