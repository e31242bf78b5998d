//! Wrong usage is 2, and says what is wrong.

use crate::tool::{Name, Tool};

#[track_caller]
fn refused(arguments: &[&str], because: &str) {
    let stderr = Tool::start(arguments, b"").finish().expect_code(2).stderr;
    assert!(stderr.contains(because), "{stderr}");
}

#[test]
fn a_ring_must_be_named_exactly_once() {
    refused(&["send"], "<NAME>");
    refused(&["recv"], "<NAME>");
    refused(&["send", "name", "file", "--at", "path"], "not both");
    refused(&["recv", "name", "--at", "path"], "cannot be used with");
}

#[test]
fn names_and_sizes_must_be_possible() {
    let name = Name::new("usage");
    refused(&["send", "a/b"], "has a slash in it");
    refused(&["recv", ""], "is empty");
    refused(
        &["recv", &name, "--capacity", "many"],
        "like 4096, 64K or 1M",
    );
    refused(&["recv", &name, "--capacity", "5000"], "5000");
    refused(&["send", &name, "--chunk", "0"], "at least 1");
    refused(
        &["send", &name, "--chunk", "9", "--lines"],
        "cannot be used with",
    );
    refused(&["send", &name, "--timeout=-1"], "negative");
}

#[test]
fn help_tells_the_exit_codes() {
    for command in [&["--help"][..], &["send", "--help"], &["recv", "--help"]] {
        let help = Tool::start(command, b"").finish().expect_code(0).stdout;
        let help = String::from_utf8(help).unwrap();
        assert!(help.contains("3  the other side died"), "{help}");
        assert!(!help.contains("demo-peer"), "{help}");
    }
}
