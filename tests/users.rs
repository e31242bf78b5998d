//! Two users, of whom neither trusts what the other has made.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::{fs, io, ptr};

use mapring::{Distrust, OpenError, TryRecvError, spsc};

use common::{Child, Name, hear, role, say};

/// A payload.
const PAYLOAD: [u8; 256] = [7; 256];

/// Somebody who is not root.
const OTHER: u32 = 54_321;

/// Becomes [`OTHER`], for ever.
fn become_other() {
    // SAFETY: a list of none; nothing in this process relies on what groups it is in.
    let groups = unsafe { libc::setgroups(0, ptr::null()) };
    // SAFETY: takes numbers only, as above.
    let group = unsafe { libc::setresgid(OTHER, OTHER, OTHER) };
    // SAFETY: takes numbers only; nothing in this process relies on who it is.
    let user = unsafe { libc::setresuid(OTHER, OTHER, OTHER) };
    let done = [groups, group, user];
    assert_eq!(done, [0; 3], "{}", io::Error::last_os_error());
}

/// How the owner of what stands at the place is not whom one trusts: "owner expected".
#[track_caller]
fn distrust<T>(result: Result<T, OpenError>) -> String {
    match result.map(drop) {
        Err(OpenError::Untrusted {
            reason: Distrust::Owner { owner, expected },
            ..
        }) => format!("{owner} {expected}"),
        other => panic!("{other:?}"),
    }
}

/// What a user is told who meets another's region, by each way to use it.
fn distrusts(name: &str, mode: u32) -> [String; 4] {
    let options = spsc::Options::new().capacity(4096).mode(mode);
    [
        distrust(options.open(name)),
        distrust(options.create(name)),
        distrust(options.create_or_open(name)),
        distrust(options.remove(name)),
    ]
}

/// Role: as another user, says how it is told of a region that is not its own; or creates one, and
/// uses it when told.
#[test]
fn role_other_user() {
    let Some(arguments) = role() else { return };
    become_other();
    let (name, mode) = (&arguments[1], arguments[2].parse().unwrap());
    if arguments[0] == "visit" {
        return say(distrusts(name, mode).join(", "));
    }
    let options = spsc::Options::new().capacity(4096).mode(mode);
    let ring = options.create(name).unwrap();
    say("created");
    hear();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    producer.try_send(5, &PAYLOAD).unwrap();
    let received = consumer.try_recv(&mut [0; 256]).unwrap();
    assert_eq!(received.tag, 5);
    say("works");
}

#[test]
fn two_users_do_not_trust_each_others_regions() {
    if !rustix::process::geteuid().is_root() {
        println!("not run: only root can become another user");
        return;
    }
    // Also where everybody may read and write the file.
    for mode in [0o600, 0o666] {
        let name = Name::new(&format!("users-{mode:o}"));
        let options = spsc::Options::new().capacity(4096).mode(mode);
        let ring = options.create(&name).unwrap();
        let before = fs::read(ring.path()).unwrap();
        let visitor = Child::start("role_other_user", &["visit", &name, &mode.to_string()]);
        visitor.expect(&[(); 4].map(|()| format!("0 {OTHER}")).join(", "));
        visitor.finish();
        assert!(fs::read(ring.path()).unwrap() == before, "it was touched");
        let mut consumer = ring.consumer().unwrap();
        ring.producer().unwrap().try_send(4, b"goes on").unwrap();
        assert_eq!(consumer.try_recv(&mut Vec::new()).unwrap().tag, 4);
        assert_eq!(
            consumer.try_recv(&mut Vec::new()),
            Err(TryRecvError::Disconnected)
        );

        // And somebody who is at the name first.
        let name = Name::new(&format!("squatter-{mode:o}"));
        let mut squatter = Child::start("role_other_user", &["squat", &name, &mode.to_string()]);
        squatter.expect("created");
        let before = fs::read(name.path()).unwrap();
        assert_eq!(
            distrusts(&name, mode),
            [(); 4].map(|()| format!("{OTHER} 0"))
        );
        assert!(fs::read(name.path()).unwrap() == before, "it was touched");
        squatter.tell("go on");
        squatter.expect("works");
        squatter.finish();
    }
}
