//! The file behind a region: made so that nobody sees it half-made, opened so
//! that nobody else's file is taken for it.

use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, FallocateFlags, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::error::{Distrust, OpenError};

use super::place::Place;
use super::temporary::{self, Temporary};

/// A file that has its size and its space, but not yet the name of a region.
pub(super) struct Unnamed {
    pub(super) file: OwnedFd,
    /// Where the file system cannot make a file without a name: the one it has meanwhile.
    temporary: Option<Temporary>,
}

impl Unnamed {
    /// Makes a file of `size` zero bytes, with exactly these permissions.
    /// All of its space is taken at once: a full file system is an error here, not a signal later.
    /// Returns `None` when it must be tried again.
    pub(super) fn new(place: &Place, size: u64, mode: u32) -> Result<Option<Self>, OpenError> {
        let Some(unnamed) = Self::empty(place)? else {
            return Ok(None);
        };
        rustix::fs::fchmod(&unnamed.file, Mode::from_raw_mode(mode))
            .map_err(|error| place.io("set the mode of")(error.into()))?;
        unnamed.take_space(size).map_err(|error| {
            match error.raw_os_error().map(Errno::from_raw_os_error) {
                Some(Errno::NOSPC | Errno::DQUOT) => OpenError::NoSpace {
                    path: place.path().to_owned(),
                    size,
                },
                _ => place.io("take space for")(error),
            }
        })?;
        Ok(Some(unnamed))
    }

    fn empty(place: &Place) -> Result<Option<Self>, OpenError> {
        let private = Mode::RUSR | Mode::WUSR;
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match rustix::fs::open(place.directory(), flags, private) {
            Ok(file) => Ok(Some(Self {
                file,
                temporary: None,
            })),
            // Not every file system can (EOPNOTSUPP), nor every kernel (EISDIR).
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
                let created = Temporary::create(place, private)?;
                Ok(created.map(|(file, temporary)| Self {
                    file,
                    temporary: Some(temporary),
                }))
            }
            Err(error) => Err(place.io("create a file for")(error.into())),
        }
    }

    fn take_space(&self, size: u64) -> io::Result<()> {
        // Beyond this limit the system does not only refuse: it sends a signal that kills.
        let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize);
        if limit.current.is_some_and(|limit| size > limit) {
            return Err(Errno::FBIG.into());
        }
        loop {
            return match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), 0, size) {
                Ok(()) => Ok(()),
                Err(Errno::INTR) => continue,
                // The file system has no such call: write the zeros.
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                    let mut file = std::fs::File::from(self.file.try_clone()?);
                    io::copy(&mut io::Read::take(io::repeat(0), size), &mut file)?;
                    file.flush()
                }
                Err(error) => Err(error.into()),
            };
        }
    }

    /// Gives it its name. Returns `None`, and the file is gone, when something has that name already.
    pub(super) fn link(self, place: &Place) -> Result<Option<OwnedFd>, OpenError> {
        let linked = match &self.temporary {
            // Never over somebody else's file.
            Some(temporary) => match rustix::fs::renameat_with(
                CWD,
                temporary.path(),
                CWD,
                place.path(),
                RenameFlags::NOREPLACE,
            ) {
                // Not every file system can (EINVAL), nor every kernel (ENOSYS). Then it has two
                // names, until the temporary one is dropped.
                Err(Errno::INVAL | Errno::NOSYS) => {
                    rustix::fs::linkat(CWD, temporary.path(), CWD, place.path(), AtFlags::empty())
                }
                other => other,
            },
            None => {
                let through_proc = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                match rustix::fs::linkat(
                    CWD,
                    through_proc,
                    CWD,
                    place.path(),
                    AtFlags::SYMLINK_FOLLOW,
                ) {
                    // No /proc here: by descriptor, which not every kernel grants to everybody.
                    Err(Errno::NOENT) => {
                        rustix::fs::linkat(&self.file, "", CWD, place.path(), AtFlags::EMPTY_PATH)
                    }
                    other => other,
                }
            }
        };
        match linked {
            Ok(()) => Ok(Some(self.file)),
            Err(Errno::EXIST) => Ok(None),
            Err(error) => Err(place.io("give a name to")(error.into())),
        }
    }
}

/// A file that somebody made, and its size.
pub(super) struct Existing {
    pub(super) file: OwnedFd,
    pub(super) size: u64,
}

/// Opens the file at `place`, if there is one, and checks that it can only be
/// the caller's own: no link, a regular file of this user, with this mode and one name.
pub(super) fn open_existing(place: &Place, mode: u32) -> Result<Option<Existing>, OpenError> {
    // NONBLOCK: a FIFO must not make the call wait.
    let flags =
        OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let untrusted = |reason| OpenError::Untrusted {
        path: place.path().to_owned(),
        reason,
    };
    let file = match rustix::fs::open(place.path(), flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => {
            // What stands there says more than the error does.
            if let Ok(stat) = rustix::fs::lstat(place.path()) {
                check(&stat, mode).map_err(untrusted)?;
            }
            return Err(place.io("open")(error.into()));
        }
    };
    let look = || rustix::fs::fstat(&file).map_err(|error| place.io("look at")(error.into()));
    let mut stat = look()?;
    let mut checked = check(&stat, mode);
    // The second may be the one that it had before it was a region.
    if checked == Err(Distrust::Links { links: 2 }) {
        temporary::take_second_name(place, file.as_fd());
        stat = look()?;
        checked = check(&stat, mode);
    }
    checked.map_err(untrusted)?;
    Ok(Some(Existing {
        file,
        size: stat.st_size as u64,
    }))
}

fn check(stat: &rustix::fs::Stat, mode: u32) -> Result<(), Distrust> {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => None,
        FileType::Symlink => return Err(Distrust::SymbolicLink),
        FileType::Directory => Some("directory"),
        FileType::Fifo => Some("FIFO"),
        FileType::Socket => Some("socket"),
        _ => Some("device"),
    };
    if let Some(kind) = kind {
        return Err(Distrust::FileType { kind });
    }
    let expected = rustix::process::geteuid().as_raw();
    if stat.st_uid != expected {
        return Err(Distrust::Owner {
            owner: stat.st_uid,
            expected,
        });
    }
    let found = stat.st_mode & 0o7777;
    if found != mode {
        return Err(Distrust::Mode {
            mode: found,
            expected: mode,
        });
    }
    // None at all is an orphan, which the caller finds out about after locking it.
    // The kernel's type for their number is not the same on every architecture.
    #[allow(clippy::useless_conversion)]
    let links = u64::from(stat.st_nlink);
    if links > 1 {
        return Err(Distrust::Links { links });
    }
    Ok(())
}
