//! Files that have a name of their own until they are regions, where the file system makes none
//! without a name: what a killed maker leaves of them, and what only looks like that.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::fs::File;
use std::path::Path;

use mapring::spsc::Options;
use mapring::{OpenError, layout};

use common::seccomp::{refuse, refuse_unnamed_files};
use common::shelf::{Shelf, User, assert_text, is_in_use};
use common::traced::Traced;
use common::{Child, files_in, role, say};

/// Role: creates a region where every file has a name.
#[test]
fn role_create_with_a_temporary_name() {
    let Some(arguments) = role() else { return };
    refuse_unnamed_files();
    let options = Options::new().directory(&arguments[0]);
    drop(options.create("ring").unwrap());
    say("passed");
}

/// What a maker that is killed leaves: the bytes of its file, at each stage.
fn left_overs() -> [Vec<u8>; 4] {
    let shelf = Shelf::with_region();
    let whole = fs::read(shelf.path()).unwrap();
    let zeros = vec![0; whole.len()];
    // The magic is stored last; some other word has not been either.
    let mut begun = whole.clone();
    begun[layout::MAGIC_WORD.offset()..][..8].fill(0);
    begun[layout::CAPACITY.offset()..][..8].fill(0);
    [vec![], zeros, begun, whole]
}

/// Bytes of files that no maker leaves, under a name as if it had.
fn no_left_overs() -> Vec<Vec<u8>> {
    let [_, zeros, begun, whole] = left_overs();
    let with = |bytes: &[u8], word: layout::Word, value: u64| {
        let mut bytes = bytes.to_owned();
        bytes[word.offset()..][..8].copy_from_slice(&value.to_le_bytes());
        bytes
    };
    let last = layout::Word::at(layout::PAGE - 8);
    vec![
        b"of somebody else".to_vec(),
        // Another program's, which has a word where there is none,
        with(&zeros, layout::FENCES.next(), 1),
        with(&begun, last, 1),
        // or another one there,
        with(&begun, layout::VERSION_WORD, layout::VERSION + 1),
        with(&begun, layout::ENDIAN_WORD, 1),
        with(&begun, layout::LAYOUT_HASH, 1),
        with(&zeros, layout::MAGIC_WORD, 1),
        // or a region of a later version, or one that somebody has cut.
        with(&whole, layout::VERSION_WORD, layout::VERSION + 1),
        whole[..whole.len() - 1].to_vec(),
    ]
}

#[test]
fn what_only_looks_like_a_left_over_is_left_alone() {
    let shelf = Shelf::new();
    let at = |name: &str| shelf.directory().join(name);
    let numbered = |number: usize| format!(".mapring.ring.{number:016x}.new");
    // Files of other names, as a left over as can be.
    let others = [
        // Of a region that somebody else makes,
        ".mapring.other.0123456789abcdef.new",
        // regions themselves,
        "mapring.ring.0123456789abcdef.new",
        "mapring.ring.new",
        // and of other programs.
        ".mapring.ring.0123456789ABCDEF.new",
        ".mapring.ring.0123456789abcde.new",
        ".mapring.ring.00123456789abcdef.new",
        ".mapring.ring.0123456789abcdef.old",
        ".mapring.ring..new",
        ".mapring.ring.new",
        ".mapring.ring0123456789abcdef.new",
        ".ring.0123456789abcdef.new",
        "..0123456789abcdef.new",
        ".new",
    ];
    for name in others {
        fs::write(at(name), []).unwrap();
    }
    let mut expected: Vec<_> = others.map(str::to_owned).into();
    // Files of such names that hold something else,
    for (i, bytes) in no_left_overs().iter().enumerate() {
        expected.push(numbered(i));
        fs::write(at(&numbered(i)), bytes).unwrap();
    }
    // what is no file, and one that is being made.
    fs::create_dir(at(&numbered(0x101))).unwrap();
    std::os::unix::fs::symlink(at(others[0]), at(&numbered(0x102))).unwrap();
    fs::write(at(&numbered(0x103)), []).unwrap();
    let maker = User::of(&at(&numbered(0x103)));
    expected.extend([0x101, 0x102, 0x103].map(numbered));
    // That of another user, which only root can open.
    if rustix::process::geteuid().is_root() {
        fs::write(at(&numbered(0x104)), []).unwrap();
        std::os::unix::fs::chown(at(&numbered(0x104)), Some(65534), None).unwrap();
        expected.push(numbered(0x104));
    }
    expected.sort();
    // Last, what is to be deleted.
    for (i, bytes) in left_overs().iter().enumerate() {
        fs::write(at(&numbered(usize::MAX - i)), bytes).unwrap();
    }

    let create = || {
        let child = Child::start("role_create_with_a_temporary_name", &[shelf.argument()]);
        child.expect("passed");
        child.finish();
        files_in(shelf.directory())
    };
    assert_eq!(create(), expected);
    // It is killed.
    drop(maker);
    expected.retain(|name| *name != numbered(0x103));
    assert_eq!(create(), expected);
}

#[test]
fn no_region_is_made_where_it_would_be_taken_for_a_left_over() {
    let shelf = Shelf::new();
    let path = shelf.directory().join(".ring.0123456789abcdef.new");
    let options = shelf.options();
    let refused = [
        options.create_at(&path).unwrap_err(),
        options.open_at(&path).unwrap_err(),
        options.create_or_open_at(&path).unwrap_err(),
        options.remove_at(&path).unwrap_err(),
    ];
    for error in refused {
        let text = path.to_str().unwrap();
        assert_text(&error, &[text, "kept for files that are to become regions"]);
        assert!(matches!(error, OpenError::Name { .. }), "{error:?}");
    }
    // Names that are nearly like that are as good as others.
    for name in [
        ".ring.new",
        "ring.0123456789abcdef.new",
        "..0123456789abcdef.new",
    ] {
        let path = shelf.directory().join(name);
        drop(options.create_at(&path).unwrap());
        assert!(options.remove_at(&path).unwrap());
    }
    assert!(files_in(shelf.directory()).is_empty());
}

/// Role: lets a process open what another is making, and lock it when that has made, used and closed
/// it; then the first one fails.
#[test]
fn role_lock_what_is_being_closed() {
    let Some(arguments) = role() else { return };
    let directory = Path::new(&arguments[0]);
    refuse_unnamed_files();
    let options = Options::new().directory(directory);
    let options = options.persistent(arguments[1] == "persistent");

    let close = |options: Options| drop(options.create("ring").unwrap());
    let Some(mut maker) = Traced::start(|| options.clone(), close) else {
        return say("not traced");
    };
    let fail = |options: Options| {
        let error = options.create("ring").unwrap_err();
        assert_text(&error, &["set the mode of"]);
    };
    let prepare = || {
        refuse(libc::SYS_fchmod as u32, 0, 0, libc::EIO as u32);
        options.clone()
    };
    let mut other = Traced::start(prepare, fail).unwrap();

    let go_until = |process: &mut Traced, is_there: &dyn Fn(&Traced) -> bool| {
        while !is_there(process) {
            assert!(process.go_to_next_call(), "it has ended");
        }
    };
    go_until(&mut maker, &|_| !files_in(directory).is_empty());
    let path = directory.join(&files_in(directory)[0]);
    let file = File::options().read(true).write(true).open(&path).unwrap();
    go_until(&mut maker, &|_| is_in_use(&file));
    go_until(&mut other, &|other| other.has_open(&path));
    go_until(&mut maker, &|_| !path.exists() && !is_in_use(&file));
    assert_eq!(files_in(directory), ["mapring.ring"]);
    go_until(&mut other, &|_| is_in_use(&file));
    // It is refused the lock, and so leaves the file to who has it.
    while maker.go_to_next_call() {}
    while other.go_to_next_call() {}
    say("done");
}

#[test]
fn who_looks_at_a_left_over_that_became_a_region_deletes_what_its_last_user_cannot() {
    for (kind, left) in [("persistent", &["mapring.ring"][..]), ("not", &[])] {
        let shelf = Shelf::new();
        let arguments = [shelf.argument(), kind];
        let child = Child::start("role_lock_what_is_being_closed", &arguments);
        match child.line().as_str() {
            "not traced" => println!("not run: no process may trace another here"),
            line => {
                assert_eq!(line, "done");
                assert_eq!(files_in(shelf.directory()), left);
            }
        }
        child.finish();
    }
}
