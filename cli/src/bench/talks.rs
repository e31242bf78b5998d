//! Contestants that exchange single messages.

use anyhow::Result;
use mapring::spsc::Options;
use mapring_limits::{FutexPingPong, PingPong};

use super::part::{Channel, Part, Role, Waiting};
use super::stage::{Contestant, Stage};

/// Records of single messages are aligned to cache lines, so that a short one is on one line.
const ALIGN: u64 = 64;
/// Bytes of a limit's file that are not its buffer.
const HEAD: usize = 4096;

/// The ways there and back.
pub(super) type Ways = (Channel, Channel);

/// Over a bare word in each direction.
pub(super) fn words(stage: &mut Stage<'_>) -> Result<Ways> {
    let mut word = || {
        let file = stage.file(PingPong::SIZE)?;
        Ok::<_, anyhow::Error>(Channel::Word { file })
    };
    Ok((word()?, word()?))
}

/// Over a bare futex in each direction.
pub(super) fn futexes(stage: &mut Stage<'_>) -> Result<Ways> {
    let mut futex = || {
        let file = stage.file(FutexPingPong::SIZE)?;
        Ok::<_, anyhow::Error>(Channel::Futex { file })
    };
    Ok((futex()?, futex()?))
}

/// Over a bare buffer in each direction.
pub(super) fn buffers(stage: &mut Stage<'_>, size: usize) -> Result<Ways> {
    let mut buffer = || {
        let file = stage.file(HEAD + size)?;
        Ok::<_, anyhow::Error>(Channel::Buffer { file, size })
    };
    Ok((buffer()?, buffer()?))
}

/// Over a ring in each direction.
pub(super) fn rings(stage: &mut Stage<'_>, size: usize, waiting: Waiting) -> Result<Ways> {
    let options = Options::new()
        .capacity(stage.plan.capacity as u64)
        .max_payload(size as u64)
        .record_align(ALIGN);
    let mut ring = || {
        let name = stage.ring(&options)?;
        Ok::<_, anyhow::Error>(Channel::Ring {
            name,
            size,
            waiting,
        })
    };
    Ok((ring()?, ring()?))
}

/// One that plays `here` in this process and `there` in another one.
pub(super) fn contestant(
    stage: &mut Stage<'_>,
    (here, there): (Role, Role),
    (to, from): Ways,
) -> Result<Contestant> {
    let part = |role| Part::Talk {
        role,
        there: to.clone(),
        back: from.clone(),
    };
    stage.contestant(&part(here), &[part(there)])
}
