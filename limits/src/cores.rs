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
    fn a_core_that_cannot_be_is_an_error() {
        assert!(pin(CpuSet::MAX_CPU).is_err());
        assert!(pin(CpuSet::MAX_CPU - 1).is_err());
    }
}
