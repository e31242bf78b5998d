//! Creating a region where that is hard: under a umask, in a full or read-only file
//! system, on a system that lacks a call, and killed in the middle.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use mapring::spsc::Options;
use mapring::{OpenError, Origin};
use rustix::fs::Mode;

use common::seccomp::refuse;
use common::shelf::{Shelf, assert_text};
use common::{Child, DEADLINE, Random, count, files_in, role, say};

/// Role: creates regions under a umask; says the mode of each file.
#[test]
fn role_create_under_umask() {
    let Some(arguments) = role() else { return };
    let umask = u32::from_str_radix(&arguments[1], 8).unwrap();
    rustix::process::umask(Mode::from_raw_mode(umask));
    for mode in [0o600, 0o660, 0o666] {
        let options = Options::new().directory(&arguments[0]).mode(mode);
        let ring = options.create("ring").unwrap();
        let found = fs::metadata(ring.path()).unwrap().mode() & 0o7777;
        say(format!("{found:o}"));
        options.open("ring").unwrap();
    }
}

#[test]
fn the_umask_does_not_matter() {
    for umask in ["077", "000", "777"] {
        let shelf = Shelf::new();
        let child = Child::start("role_create_under_umask", &[shelf.argument(), umask]);
        for mode in ["600", "660", "666"] {
            child.expect(mode);
        }
        child.finish();
    }
}

#[test]
fn a_directory_that_is_not_there() {
    let shelf = Shelf::new();
    let missing = shelf.directory().join("missing");
    let options = Options::new().directory(&missing);
    let place = missing.join("mapring.ring");
    let text = place.to_str().unwrap();

    let error = options.open("ring").unwrap_err();
    assert_text(&error, &[text]);
    assert!(matches!(error, OpenError::NotFound { path } if path == place));
    assert!(!options.remove("ring").unwrap());
    let error = options.create("ring").unwrap_err();
    assert_text(&error, &[text, "create", "No such file"]);
    let OpenError::Io { path, source, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!((path, source.kind()), (place, ErrorKind::NotFound));
    assert!(!missing.exists());
}

/// Starts a role that mounts something on `shelf`, in a mount namespace of its own, or says
/// that this cannot be done here.
fn start_with_own_mounts(role: &str, shelf: &Shelf) -> Option<Child> {
    // Some systems permit the namespace and refuse to mount anything in it.
    let permitted = |flags: &str| {
        let mount = ["mount", "-t", "tmpfs", "tmpfs", shelf.argument()];
        let tried = Command::new("unshare").arg(flags).args(mount).output();
        tried.is_ok_and(|output| output.status.success())
    };
    let Some(flags) = ["-m", "-Urm"].into_iter().find(|flags| permitted(flags)) else {
        println!("not run: neither `unshare -m` nor `unshare -Urm` may mount a tmpfs here");
        return None;
    };
    let mut command = Command::new("unshare");
    command.arg(flags).arg(std::env::current_exe().unwrap());
    Some(Child::start_by(command, role, &[shelf.argument()]))
}

fn mount_tmpfs(directory: &Path, options: &std::ffi::CStr) {
    let flags = rustix::mount::MountFlags::empty();
    rustix::mount::mount("tmpfs", directory, "tmpfs", flags, options).unwrap();
}

/// The largest capacity that this build can map.
const LARGEST: u64 = if usize::BITS < 64 { 1 << 29 } else { 1 << 40 };

/// The largest record alignment, in bytes.
const LARGEST_ALIGN: u64 = 128;

/// Role: creates regions in a file system of 64 KiB.
#[test]
fn role_fill_a_file_system() {
    let Some(arguments) = role() else { return };
    let directory = Path::new(&arguments[0]);
    mount_tmpfs(directory, c"size=64k");
    let options = Options::new().directory(directory).max_payload(256);
    for capacity in [64 << 10, 1 << 20, LARGEST] {
        let error = options.clone().capacity(capacity).create("ring");
        let error = error.unwrap_err();
        let place = directory.join("mapring.ring");
        // The ring, four pages before it and one for a record that overruns.
        let needed: u64 = capacity + 5 * 4096;
        assert_text(
            &error,
            &["no space", place.to_str().unwrap(), &needed.to_string()],
        );
        let OpenError::NoSpace { path, size } = error else {
            panic!("{error:?}");
        };
        assert_eq!((path, size), (place, needed));
        assert!(files_in(directory).is_empty());
    }
    // By default a payload may be an eighth of the ring, but no longer than any claim can be.
    let options_of_default_payload = Options::new().directory(directory).capacity(LARGEST);
    let error = options_of_default_payload.create("ring").unwrap_err();
    let longest = ((1_u64 << 30) - 1 - 2 * LARGEST_ALIGN).min(LARGEST / 8);
    let needed = LARGEST + 4 * 4096 + (8 + longest).next_multiple_of(4096);
    let OpenError::NoSpace { size, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(size, needed);
    // What fits is usable to the last byte: the space was taken at once.
    let ring = options.capacity(4096).create("ring").unwrap();
    let rest = fs::write(directory.join("rest"), [1; 64 << 10]);
    assert_eq!(rest.unwrap_err().kind(), ErrorKind::StorageFull);
    let mut producer = ring.producer().unwrap();
    let mut consumer = ring.consumer().unwrap();
    for tag in 0..1000 {
        producer.try_send(tag, &[7; 256]).unwrap();
        assert_eq!(consumer.try_recv(&mut [0; 256]).unwrap().tag, tag);
    }
    say("passed");
}

#[test]
fn a_full_file_system_is_an_error_at_create() {
    let shelf = Shelf::new();
    if let Some(child) = start_with_own_mounts("role_fill_a_file_system", &shelf) {
        child.expect("passed");
        child.finish();
    }
}

/// Role: creates a region in a file system that is full, and then no more.
#[test]
fn role_wait_for_space() {
    let Some(arguments) = role() else { return };
    let directory = Path::new(&arguments[0]);
    mount_tmpfs(directory, c"size=64k");
    let filler = directory.join("filler");
    fs::write(&filler, [1; 64 << 10]).unwrap();
    let options = Options::new().directory(directory).max_payload(256);
    let options = options.capacity(4096);
    let begin = Instant::now();
    let error = options.create("ring").unwrap_err();
    assert!(matches!(error, OpenError::NoSpace { .. }), "{error:?}");
    // It has slept for a millisecond again and again, for somebody might have freed some.
    let waited = begin.elapsed();
    assert!(waited >= Duration::from_millis(40), "{waited:?}");
    fs::remove_file(filler).unwrap();
    options.create("ring").unwrap();
    say("passed");
}

#[test]
fn a_file_system_is_full_only_if_it_stays_so_for_a_moment() {
    let shelf = Shelf::new();
    if let Some(child) = start_with_own_mounts("role_wait_for_space", &shelf) {
        child.expect("passed");
        child.finish();
    }
}

/// Role: creates a region in a file system that cannot be written to.
#[test]
fn role_create_read_only() {
    let Some(arguments) = role() else { return };
    let directory = Path::new(&arguments[0]);
    mount_tmpfs(directory, c"size=64k,ro");
    let options = Options::new().directory(directory);
    let error = options.create("ring").unwrap_err();
    let place = directory.join("mapring.ring");
    assert_text(&error, &["create", place.to_str().unwrap(), "Read-only"]);
    let OpenError::Io { path, source, .. } = error else {
        panic!("{error:?}");
    };
    let kind = source.kind();
    assert_eq!((path, kind), (place, ErrorKind::ReadOnlyFilesystem));
    let error = options.open("ring").unwrap_err();
    assert!(matches!(error, OpenError::NotFound { .. }), "{error:?}");
    say("passed");
}

#[test]
fn a_read_only_file_system_is_an_error_at_create() {
    let shelf = Shelf::new();
    if let Some(child) = start_with_own_mounts("role_create_read_only", &shelf) {
        child.expect("passed");
        child.finish();
    }
}

#[test]
fn a_directory_without_permission_is_an_error_at_create() {
    if rustix::process::geteuid().is_root() {
        println!("not run: to root every directory is permitted");
        return;
    }
    let shelf = Shelf::new();
    let mode = |bits| fs::Permissions::from_mode(bits);
    fs::set_permissions(shelf.directory(), mode(0o500)).unwrap();
    let error = shelf.options().create("ring").unwrap_err();
    fs::set_permissions(shelf.directory(), mode(0o700)).unwrap();
    assert_text(&error, &["create", shelf.path().to_str().unwrap()]);
    let OpenError::Io { source, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(source.kind(), ErrorKind::PermissionDenied);
}

/// Role: creates, uses and closes one region, again and again. It is killed long before the
/// deadline, which is for one whose test was killed itself.
#[test]
fn role_create_and_close() {
    let Some(arguments) = role() else { return };
    let options = Options::new().directory(&arguments[0]);
    let options = options.capacity(4096).max_payload(64);
    say("ready");
    let end = Instant::now() + DEADLINE;
    while Instant::now() < end {
        let ring = options.create_or_open("ring").unwrap();
        // Another one may have it.
        if let Ok(mut producer) = ring.producer() {
            // It may be full.
            let _ = producer.try_send(1, b"some bytes");
        }
    }
}

#[test]
fn a_kill_at_any_moment_leaves_no_region_or_a_whole_one() {
    let shelf = Shelf::new();
    let mut random = Random::new();
    for _ in 0..count("MAPRING_KILLS", 300) / 2 {
        // Two at once, so that one also meets what the other left.
        let start = |()| Child::start("role_create_and_close", &[shelf.argument()]);
        for child in [(); 2].map(start) {
            child.expect("ready");
            thread::sleep(Duration::from_micros(random.below(3000)));
            child.kill();
        }
        let files = files_in(shelf.directory());
        let one_at_most = files.is_empty() || files == ["mapring.ring"];
        assert!(one_at_most, "more was left: {files:?}");
        // Half a region would be another error; a whole one that nobody uses is cleaned up.
        let error = shelf.options().open("ring").unwrap_err();
        assert!(matches!(error, OpenError::NotFound { .. }), "{error}");
        assert!(files_in(shelf.directory()).is_empty());
    }
}

/// Role: creates and uses a region where the system refuses calls. Of each the arguments
/// give four numbers: the call, one of its arguments, the bits of it that matter, the error.
#[test]
fn role_create_without_a_system_call() {
    let Some(arguments) = role() else { return };
    let numbers = arguments[1..].iter().map(|number| number.parse().unwrap());
    let numbers: Vec<u32> = numbers.collect();
    for refused in numbers.chunks(4) {
        refuse(refused[0], refused[1], refused[2], refused[3]);
    }
    let directory = Path::new(&arguments[0]);
    let options = Options::new().directory(directory);
    let options = options.capacity(64 << 10).max_payload(1000);

    let ring = options.create("ring").unwrap();
    assert_eq!(files_in(directory), ["mapring.ring"]);
    let file = fs::metadata(ring.path()).unwrap();
    assert_eq!(file.mode() & 0o7777, 0o600);
    assert_eq!(file.nlink(), 1);
    assert!(file.blocks() * 512 >= file.len(), "no space was taken");

    let error = options.create("ring").unwrap_err();
    assert!(matches!(error, OpenError::AlreadyExists { .. }), "{error}");
    let second = options.create_or_open("ring").unwrap();
    assert_eq!(second.origin(), Origin::Opened);
    ring.producer().unwrap().try_send(1, b"bytes").unwrap();
    let received = second.consumer().unwrap().try_recv(&mut [0; 5]);
    assert_eq!(received.unwrap().tag, 1);
    assert_eq!(files_in(directory), ["mapring.ring"]);
    drop((ring, second));
    assert!(files_in(directory).is_empty());

    // What was begun and cannot be finished leaves nothing.
    refuse(libc::SYS_fallocate as u32, 0, 0, libc::ENOSPC as u32);
    let error = options.create("ring").unwrap_err();
    assert!(matches!(error, OpenError::NoSpace { .. }), "{error}");
    assert!(files_in(directory).is_empty());
    say("passed");
}

#[test]
fn a_system_that_lacks_a_call_will_do() {
    // A file system without files that have no name, and a kernel that does not know them.
    let unnamed = |error| {
        [
            (libc::SYS_openat, 2, libc::O_TMPFILE, error),
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            (libc::SYS_open, 1, libc::O_TMPFILE, error),
        ]
    };
    for error in [libc::EOPNOTSUPP, libc::EISDIR] {
        create_without(&unnamed(error));
    }
    // Nor can it rename without replacing, or the kernel has no call for that.
    for error in [libc::EINVAL, libc::ENOSYS] {
        let flag = libc::RENAME_NOREPLACE as i32;
        let mut refused = unnamed(libc::EOPNOTSUPP).to_vec();
        refused.push((libc::SYS_renameat2, 4, flag, error));
        create_without(&refused);
    }
    // A file system that cannot take space ahead.
    create_without(&[(libc::SYS_fallocate, 0, 0, libc::EOPNOTSUPP)]);
    // No /proc.
    create_without(&[(libc::SYS_linkat, 4, libc::AT_SYMLINK_FOLLOW, libc::ENOENT)]);
}

fn create_without(refused: &[(libc::c_long, u8, i32, i32)]) {
    let shelf = Shelf::new();
    let numbers = refused.iter().flat_map(|&(call, argument, bits, error)| {
        [call.to_string(), argument.to_string()]
            .into_iter()
            .chain([bits, error].map(|number| number.to_string()))
    });
    let arguments: Vec<_> = [shelf.argument().to_owned()]
        .into_iter()
        .chain(numbers)
        .collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let child = Child::start("role_create_without_a_system_call", &arguments);
    child.expect("passed");
    child.finish();
}
