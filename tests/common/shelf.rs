//! A directory with one place for a region in it.

use std::fs;
use std::io;
use std::mem;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use mapring::layout::{self, Word};
use mapring::spsc::Options;

use super::directory;

/// A directory for one test, and the place of the region called `ring` in it.
#[derive(Debug)]
pub(crate) struct Shelf {
    directory: tempfile::TempDir,
}

impl Shelf {
    pub(crate) fn new() -> Self {
        Self {
            directory: directory(),
        }
    }

    /// With a region that nobody uses, and that stays.
    pub(crate) fn with_region() -> Self {
        let shelf = Self::new();
        let ring = shelf.options().persistent(true).create("ring");
        drop(ring.expect("a region"));
        shelf
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The directory, as a role's argument.
    pub(crate) fn argument(&self) -> &str {
        self.directory().to_str().expect("a path in UTF-8")
    }

    pub(crate) fn options(&self) -> Options {
        let options = Options::new().directory(self.directory());
        options.capacity(4096).max_payload(256)
    }

    /// The place.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory().join("mapring.ring")
    }

    /// Changes a word of the region's file.
    pub(crate) fn poke(&self, word: Word, value: u64) {
        let file = fs::File::options().write(true).open(self.path());
        let written = file.and_then(|file| {
            let bytes = value.to_le_bytes();
            file.write_all_at(&bytes, word.offset() as u64)
        });
        written.expect("a file to write to");
    }
}

/// Checks that the text of an error names each of `parts`.
#[track_caller]
pub(crate) fn assert_text(error: &impl std::fmt::Display, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }
}

/// Somebody who uses a file as a region, until it is dropped.
#[derive(Debug)]
pub(crate) struct User(fs::File);

impl User {
    pub(crate) fn of(path: &Path) -> Self {
        let file = fs::File::open(path).expect("a file to use");
        set_use_lock(&file, libc::F_RDLCK);
        Self(file)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        // Closing would not do: a process that is just being started may have the file open still.
        set_use_lock(&self.0, libc::F_UNLCK);
    }
}

/// Whether anybody uses a file as a region, or has it for itself.
pub(crate) fn is_in_use(file: &fs::File) -> bool {
    let lock = lock_use(file, libc::F_OFD_GETLK, libc::F_WRLCK);
    lock.l_type != libc::F_UNLCK as libc::c_short
}

fn set_use_lock(file: &fs::File, kind: libc::c_int) {
    lock_use(file, libc::F_OFD_SETLK, kind);
}

fn lock_use(file: &fs::File, command: libc::c_int, kind: libc::c_int) -> libc::flock {
    // SAFETY: numbers only, of which zero is a value.
    let mut lock = unsafe { mem::zeroed::<libc::flock>() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = layout::USE_LOCK as libc::off_t;
    lock.l_len = 1;
    // SAFETY: the commands take a pointer to a `flock`, which lives for the whole call.
    let done = unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut lock) };
    assert_eq!(done, 0, "{}", io::Error::last_os_error());
    lock
}
