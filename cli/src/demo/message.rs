//! What the two processes of the demo say to each other.

use anyhow::{Context, Result};

/// Longest payload of a stream.
pub(crate) const LONGEST: usize = 64 << 10;
/// Length of a payload that goes there and back: with its header, it is one cache line.
pub(crate) const ECHO: usize = 56;

/// Tag: bytes to be copied and counted.
pub(crate) const PLAIN: u32 = 0;
/// Tag: bytes to be copied, counted and hashed.
pub(crate) const HASHED: u32 = 1;
/// Tag: the stream has ended; to be answered with a [`Report`].
pub(crate) const END: u32 = 2;
/// Tag: a [`Block`] of round trips comes next.
pub(crate) const BLOCK: u32 = 3;
/// Tag: the other process is ready.
pub(crate) const READY: u32 = 4;
/// Tag: a [`Report`].
pub(crate) const REPORT: u32 = 5;
/// Tag: a payload that goes there and back.
pub(crate) const ROUND: u32 = 6;
/// Tag: a [`Block`] of round trips comes next, between two that sleep.
pub(crate) const SLEEPING_BLOCK: u32 = 7;

/// What a stream looked like to its receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    /// SHA-256 of what was to be hashed.
    pub(crate) digest: [u8; 32],
}

impl Report {
    pub(crate) const SIZE: usize = 48;

    pub(crate) fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..8].copy_from_slice(&self.records.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.bytes.to_le_bytes());
        bytes[16..].copy_from_slice(&self.digest);
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Ok(Self {
            records: word(bytes, 0)?,
            bytes: word(bytes, 1)?,
            digest: bytes
                .get(16..48)
                .and_then(|digest| digest.try_into().ok())
                .context("a report is too short")?,
        })
    }
}

/// So many round trips without a ring, then as many through the rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Number of the first one; they are counted through, from one.
    pub(crate) first: u64,
    pub(crate) rounds: u64,
}

impl Block {
    pub(crate) const SIZE: usize = 16;

    pub(crate) fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..8].copy_from_slice(&self.first.to_le_bytes());
        bytes[8..].copy_from_slice(&self.rounds.to_le_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Ok(Self {
            first: word(bytes, 0)?,
            rounds: word(bytes, 1)?,
        })
    }
}

fn word(bytes: &[u8], index: usize) -> Result<u64> {
    bytes
        .get(8 * index..8 * index + 8)
        .and_then(|word| word.try_into().ok())
        .map(u64::from_le_bytes)
        .context("a message is too short")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_way() {
        let report = Report {
            records: 3,
            bytes: 1 << 40,
            digest: [7; 32],
        };
        assert_eq!(Report::from_bytes(&report.to_bytes()).unwrap(), report);
        let block = Block {
            first: 9,
            rounds: 1000,
        };
        assert_eq!(Block::from_bytes(&block.to_bytes()).unwrap(), block);
        assert!(Report::from_bytes(&[0; 47]).is_err());
        assert!(Block::from_bytes(&[0; 15]).is_err());
    }
}
