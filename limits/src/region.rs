//! The system calls that a named region cannot do without.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{AtFlags, CWD, FallocateFlags, FlockOperation, Mode, OFlags};

/// A file with a name, its space taken, mapped and locked: what a region of shared memory is when
/// nothing is in it, nothing is checked and nobody races for it. Dropping it closes it; its name
/// stays, see [`BareRegion::remove`].
#[derive(Debug)]
pub struct BareRegion {
    path: PathBuf,
    file: File,
    map: MmapRaw,
}

impl BareRegion {
    /// Creates one of `size` bytes at `path`: `open` (`O_TMPFILE`), `fallocate`, `mmap`, a lock,
    /// and `linkat`, after which others see it.
    ///
    /// # Errors
    /// What the system says, above all that there is something at `path`.
    pub fn create(path: &Path, size: u64) -> io::Result<Self> {
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR)?);
        rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, size)?;
        let region = Self::map_and_lock(path, file)?;
        let by_descriptor = format!("/proc/self/fd/{}", region.file.as_raw_fd());
        rustix::fs::linkat(CWD, by_descriptor, CWD, path, AtFlags::SYMLINK_FOLLOW)?;
        Ok(region)
    }

    /// Opens the one at `path`: `open`, `fstat`, `mmap` and a lock.
    ///
    /// # Errors
    /// What the system says, above all that there is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).write(true).open(path)?;
        Self::map_and_lock(path, file)
    }

    fn map_and_lock(path: &Path, file: File) -> io::Result<Self> {
        let map = MmapOptions::new().map_raw(&file)?;
        // Shared, as the count of those who use a region is kept.
        rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockShared)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            map,
        })
    }

    /// Its size in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.map.len()
    }

    /// Closes it and takes its name away.
    ///
    /// # Errors
    /// What the system says, above all that its name is gone.
    pub fn remove(self) -> io::Result<()> {
        rustix::fs::unlink(&self.path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_until_it_is_removed() {
        let name = format!("mapring-limits-{}", std::process::id());
        let path = Path::new("/dev/shm").join(name);
        assert!(BareRegion::open(&path).is_err());
        let region = BareRegion::create(&path, 10_000).unwrap();
        assert_eq!(region.size(), 10_000);
        assert!(BareRegion::create(&path, 10_000).is_err());
        assert_eq!(BareRegion::open(&path).unwrap().size(), 10_000);
        region.remove().unwrap();
        assert!(!path.exists());
    }
}
