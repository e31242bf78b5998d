//! Where threads run.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores that the calling thread may run on, in ascending order.
///
/// # Errors
/// What the system says.
pub fn cores() -> io::Result<Vec<usize>> {
    let allowed = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|core| allowed.is_set(*core))
        .collect())
}

/// Two of [`cores`] to measure between: the first and the last; none if there is only one.
///
/// Not the first two, because these may be siblings, two halves of one core that share its
/// caches: what they measure is faster than what two cores do. The first and the last are
/// siblings only where no others are allowed; where a machine has several sockets, they are
/// often on different ones, and what they measure is slower than within one.
///
/// # Errors
/// What the system says.
pub fn two_cores() -> io::Result<Option<(usize, usize)>> {
    Ok(match cores()?.as_slice() {
        [first, .., last] => Some((*first, *last)),
        _ => None,
    })
}

/// Keeps the calling thread on `core`.
///
/// # Errors
/// What the system says, above all when there is no such core or it is not allowed.
pub fn pin(core: usize) -> io::Result<()> {
    if core >= CpuSet::MAX_CPU {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut only = CpuSet::new();
    only.set(core);
    Ok(sched_setaffinity(None, &only)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_has_one_core() {
        let core = *cores().unwrap().last().unwrap();
        // In a thread of its own, because it stays pinned.
        let left = std::thread::spawn(move || {
            pin(core).unwrap();
            cores().unwrap()
        });
        assert_eq!(left.join().unwrap(), [core]);
    }

    #[test]
    fn two_cores_are_the_outermost_ones() {
        let all = cores().unwrap();
        let expected = (all.len() > 1).then(|| (all[0], all[all.len() - 1]));
        assert_eq!(two_cores().unwrap(), expected);
    }

    #[test]
    fn with_one_core_there_are_no_two() {
        let core = cores().unwrap()[0];
        // In a thread of its own, because it stays pinned.
        let pinned = std::thread::spawn(move || {
            pin(core).unwrap();
            two_cores().unwrap()
        });
        assert_eq!(pinned.join().unwrap(), None);
    }

    #[test]
    fn a_core_that_cannot_be_is_an_error() {
        assert!(pin(CpuSet::MAX_CPU).is_err());
        assert!(pin(CpuSet::MAX_CPU - 1).is_err());
    }
}
