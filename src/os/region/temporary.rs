//! Files that have a name of their own until they are regions, where the file system makes none
//! without a name.
//!
//! Such a file gets its region's name instead, or, where the file system cannot rename without replacing
//! another, besides. Then whoever opens the region takes the temporary name away, if its maker has
//! not come to that.
//!
//! A kill can leave one. Whoever makes another for the same region deletes it: nobody has a lock on
//! it. One that is being made is locked from the start; its maker looks whether it still has its
//! name behind that, for somebody may have come between the two.
//!
//! No region is taken for what a kill has left: the name of one does not start with a dot, and none
//! is made at a path that ends in such a name. Another program's file is left alone unless it looks
//! like a region that was begun, or like a whole one.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};

use crate::error::OpenError;
use crate::layout;
use crate::os::lock::{self, Lock};
use crate::ring::attach;

use super::header_page::HeaderPage;
use super::name;
use super::place::Place;
use super::temporary_name;

/// The name of such a file. Dropping it takes the name away.
pub(super) struct Temporary(PathBuf);

impl Temporary {
    /// Makes a file of no bytes for a region at `place`, after deleting what was left of others.
    /// Returns `None` when somebody took it for one of these.
    pub(super) fn create(place: &Place, mode: Mode) -> Result<Option<(OwnedFd, Self)>, OpenError> {
        delete_abandoned(place);
        let mut random = [0; 8];
        rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())
            .map_err(|error| place.io("find a temporary name for")(error.into()))?;
        let name = temporary_name::of(place.path(), u64::from_ne_bytes(random));
        let path = place.directory().join(name);
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = rustix::fs::open(&path, flags, mode)
            .map_err(|error| place.io("create a file for")(error.into()))?;
        let temporary = Self(path);
        let locked = lock::try_set(file.as_fd(), layout::USE_LOCK, Lock::Read);
        let is_kept = locked.map_err(place.io("lock"))?
            && name::is_of(&temporary.0, file.as_fd()).map_err(place.io("look at"))?;
        Ok(is_kept.then_some((file, temporary)))
    }

    /// The name.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // It may have got the region's name instead.
        let _ = rustix::fs::unlink(&self.0);
    }
}

/// All files that have such names for this region. What cannot be listed is left alone.
fn all(place: &Place) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(place.directory()).into_iter().flatten();
    let entries = entries
        .flatten()
        .filter(|entry| temporary_name::region_of(&entry.file_name()) == place.path().file_name());
    entries.map(|entry| entry.path())
}

/// Takes the temporary name of a region away that has its own already: where no file can be renamed
/// without replacing another, it has both until its maker does this, or else for ever.
pub(super) fn take_second_name(place: &Place, region: BorrowedFd<'_>) {
    for path in all(place) {
        // What goes wrong here leaves two names, which nobody trusts.
        let _ = name::take_from(&path, region);
    }
}

/// Deletes all files of such names for this region that nobody is making.
fn delete_abandoned(place: &Place) {
    for path in all(place) {
        // What goes wrong here leaves a file that holds no region, and is in nobody's way.
        let _ = delete_if_abandoned(place, &path);
    }
}

fn delete_if_abandoned(place: &Place, path: &Path) -> io::Result<()> {
    let flags =
        OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = rustix::fs::open(path, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    let is_own = stat.st_uid == rustix::process::geteuid().as_raw();
    if !is_file || !is_own || !lock::try_set(file.as_fd(), layout::USE_LOCK, Lock::Write)? {
        return Ok(());
    }
    // A killed maker may have left it without bytes, with nothing but zeros, begun, or as a whole
    // region. What else it may be is not to be deleted.
    let size = rustix::fs::fstat(&file)?.st_size as u64;
    let page = HeaderPage::read(&file)?;
    let region = attach::verify(&page, size).ok();
    if region.is_some() || attach::is_unfinished(&page) {
        name::take_from(path, file.as_fd())?;
    }
    // It may have become the region meanwhile, and its last user may have closed it: who found this
    // lock in the way, and left it to its holder (R5).
    if region.is_some_and(|region| !region.persistent) {
        name::take_from(place.path(), file.as_fd())?;
    }
    Ok(())
}
