//! What can be wrong with a region, or with what stands in its place.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::layout;

/// A region says of itself what this build cannot work with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// The first word is not that of a region, or its creator has not finished.
    #[error("not a mapring region: it starts with {found:#018x}")]
    Magic {
        /// The first eight bytes, as a little-endian word.
        found: u64,
    },
    /// Made by another version.
    #[error("the region has layout version {found}, this build needs version {expected}")]
    Version {
        /// The region's version.
        found: u64,
        /// The version of this build.
        expected: u64,
    },
    /// Made on a machine of the other byte order.
    #[error("the region has the byte order mark {found:#018x}, this machine {expected:#018x}")]
    Endian {
        /// The region's mark.
        found: u64,
        /// This machine's mark.
        expected: u64,
    },
    /// Same version, but the fields stand elsewhere.
    #[error("the region's layout hash is {found:#018x}, that of this build {expected:#018x}")]
    Hash {
        /// The region's hash.
        found: u64,
        /// This build's hash.
        expected: u64,
    },
    /// A capacity that no region can have.
    #[error(
        "capacity is {capacity} bytes; it must be a power of two from {} to {}",
        layout::MIN_CAPACITY,
        layout::MAX_CAPACITY
    )]
    Capacity {
        /// The capacity asked for or found, in bytes.
        capacity: u64,
    },
    /// Longer payloads than the ring can carry.
    #[error(
        "max_payload is {max_payload} bytes; a ring of {capacity} bytes carries at most {limit}"
    )]
    MaxPayload {
        /// The longest payload asked for or found, in bytes.
        max_payload: u64,
        /// The ring's capacity, in bytes.
        capacity: u64,
        /// The most that this capacity allows, in bytes.
        limit: u64,
    },
    /// An alignment that no record can have.
    #[error(
        "record_align is {record_align} bytes; it must be a power of two from {} to {}",
        layout::WORD,
        layout::MAX_RECORD_ALIGN
    )]
    RecordAlign {
        /// The alignment asked for or found, in bytes.
        record_align: u64,
    },
    /// Another field holds a value that it cannot have.
    #[error("the region's {field} is {found}, which no region can have")]
    Field {
        /// The field's name.
        field: &'static str,
        /// What it holds.
        found: u64,
    },
    /// The file is not as long as the region in it.
    #[error("the region is {found} bytes long, but its header says {expected}")]
    Size {
        /// Bytes there are.
        found: u64,
        /// Bytes there should be.
        expected: u64,
    },
}

/// Why a file at a region's place is not used: somebody else may be behind it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Distrust {
    /// It is a symbolic link.
    #[error("it is a symbolic link")]
    SymbolicLink,
    /// It is a directory, a FIFO, a socket or a device.
    #[error("it is a {kind}, not a regular file")]
    FileType {
        /// What it is.
        kind: &'static str,
    },
    /// It belongs to somebody else.
    #[error("it belongs to user {owner}, not to user {expected}")]
    Owner {
        /// The file's user id.
        owner: u32,
        /// This process's effective user id.
        expected: u32,
    },
    /// Its permissions are not those asked for.
    #[error("its mode is {mode:04o}, not {expected:04o}")]
    Mode {
        /// The file's permission bits.
        mode: u32,
        /// The ones that were asked for.
        expected: u32,
    },
    /// It has a second name.
    #[error("it has {links} hard links, not one")]
    Links {
        /// How many.
        links: u64,
    },
}

/// Why a region could not be created or opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The name cannot be that of a region.
    #[error("the name {name:?} {reason}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The options ask for a region that cannot be.
    #[error("cannot create {}: {source}", path.display())]
    Options {
        /// Where it would have been.
        path: PathBuf,
        /// What cannot be.
        source: LayoutError,
    },
    /// `create`, and there is a region already: in use, or one that can be resumed.
    #[error("there is a region at {} already", path.display())]
    AlreadyExists {
        /// The region's file.
        path: PathBuf,
    },
    /// Permission bits that no region can have.
    #[error(
        "a mode of {mode:04o} cannot be: the owner must read and write, and 0777 is all there is"
    )]
    Mode {
        /// The bits that were asked for.
        mode: u32,
    },
    /// The handle was made by the parent of this process.
    #[error("this handle belongs to the process that forked this one")]
    Forked,
    /// `remove`, and somebody uses the region.
    #[error("the region at {} is in use", path.display())]
    InUse {
        /// The region's file.
        path: PathBuf,
    },
    /// `open`, and there is no region.
    #[error("there is no region at {}", path.display())]
    NotFound {
        /// The region's file.
        path: PathBuf,
    },
    /// The file system cannot hold the region.
    #[error("no space for {size} bytes at {}", path.display())]
    NoSpace {
        /// The region's file.
        path: PathBuf,
        /// Bytes needed.
        size: u64,
    },
    /// There is something that is not to be trusted.
    #[error("{} is not to be trusted: {reason}", path.display())]
    Untrusted {
        /// What is there.
        path: PathBuf,
        /// What is wrong with it.
        reason: Distrust,
    },
    /// There is something that is not a region of this version.
    #[error("cannot use {}: {source}", path.display())]
    Layout {
        /// The region's file.
        path: PathBuf,
        /// What differs.
        source: LayoutError,
    },
    /// There is a region, but not the one that the options describe.
    #[error("{} has a {field} of {found}, not of {expected}", path.display())]
    Mismatch {
        /// The region's file.
        path: PathBuf,
        /// What differs.
        field: &'static str,
        /// What the region has.
        found: u64,
        /// What the options ask for.
        expected: u64,
    },
    /// The region is of the other kind: of one producer (SPSC), or of many (MPSC).
    #[error("{} is an {found} ring, not an {expected} ring", path.display())]
    Kind {
        /// The region's file.
        path: PathBuf,
        /// What it is.
        found: &'static str,
        /// What was asked for.
        expected: &'static str,
    },
    /// Whoever sleeps in this region relies on `membarrier`, and this process may not make that call.
    #[error("{} needs membarrier: {source}", path.display())]
    Fences {
        /// The region's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others kept replacing the region, or kept its use lock, for a second.
    #[error("{} keeps changing: gave up after {attempts} attempts", path.display())]
    Contended {
        /// The region's file.
        path: PathBuf,
        /// How often it was tried.
        attempts: u32,
    },
    /// The system refused a step.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
