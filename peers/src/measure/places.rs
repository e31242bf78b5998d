//! Which core is whose.

use std::io;

use anyhow::{Context, Result};
use mapring_limits::{cores, pin};

/// The consumer, or who asks, has the first core; the producers, or who answers, share the others,
/// the last one first. With one core, nobody is pinned.
#[derive(Debug)]
pub(crate) struct Places {
    cores: Vec<usize>,
}

impl Places {
    /// For the cores that this thread may run on now, before it is pinned.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { cores: cores()? })
    }

    /// That of the consumer.
    pub(crate) fn consumer(&self) -> Option<usize> {
        match self.cores.as_slice() {
            [first, _, ..] => Some(*first),
            _ => None,
        }
    }

    /// That of this producer.
    pub(crate) fn producer(&self, number: usize) -> Option<usize> {
        let others = self.cores.get(1..)?;
        others.iter().rev().cycle().nth(number).copied()
    }
}

/// Keeps this thread there.
///
/// # Errors
/// What the system says.
pub(crate) fn stay(core: Option<usize>) -> Result<()> {
    let Some(core) = core else { return Ok(()) };
    pin(core).with_context(|| format!("cannot run on core {core}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn producers_share_all_but_the_first_core() {
        let places = Places {
            cores: vec![0, 2, 5],
        };
        assert_eq!(places.consumer(), Some(0));
        let producers: Vec<_> = (0..4).map(|number| places.producer(number)).collect();
        assert_eq!(producers, [Some(5), Some(2), Some(5), Some(2)]);
    }

    #[test]
    fn with_one_core_nobody_is_pinned() {
        let places = Places { cores: vec![3] };
        assert_eq!(places.consumer(), None);
        assert_eq!(places.producer(0), None);
    }
}
