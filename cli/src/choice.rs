//! Words of the command line that stand for a value of the library.

use clap::ValueEnum;
use clap::builder::PossibleValue;
use mapring::{WaitStrategy, Wakeups};

/// A word, and what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice<T> {
    word: &'static str,
    help: &'static str,
    pub(crate) value: T,
}

/// A value that is chosen by a word.
pub(crate) trait Chosen: Copy + PartialEq + 'static {
    /// All that can be chosen, in the order in which help tells of them.
    const CHOICES: &'static [Choice<Self>];
}

impl<T> Choice<T> {
    const fn new(word: &'static str, value: T, help: &'static str) -> Self {
        Self { word, help, value }
    }
}

impl<T: Chosen> ValueEnum for Choice<T> {
    fn value_variants<'a>() -> &'a [Self] {
        T::CHOICES
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.word).help(self.help))
    }
}

impl Chosen for WaitStrategy {
    const CHOICES: &'static [Choice<Self>] = &[
        Choice::new("busy-spin", Self::BusySpin, "Never sleeps"),
        Choice::new("balanced", Self::Balanced, "Spins a little, then sleeps"),
        Choice::new("low-cpu", Self::LowCpu, "Sleeps at once"),
    ];
}

impl Chosen for Wakeups {
    const CHOICES: &'static [Choice<Self>] = &[
        Choice::new(
            "none",
            Self::None,
            "Nobody: who sleeps looks again by itself",
        ),
        Choice::new("futex", Self::Futex, "The other side, by a futex"),
        Choice::new("event", Self::Event, "The other side, by an event"),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That each word stands for one value, which no other stands for.
    fn words_and_values_differ<T: Chosen + std::fmt::Debug>() {
        for (index, choice) in T::CHOICES.iter().enumerate() {
            for other in &T::CHOICES[..index] {
                assert_ne!(choice.word, other.word);
                assert_ne!(choice.value, other.value);
            }
        }
    }

    #[test]
    fn a_word_stands_for_one_value() {
        words_and_values_differ::<WaitStrategy>();
        words_and_values_differ::<Wakeups>();
    }
}
