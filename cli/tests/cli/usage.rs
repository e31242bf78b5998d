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
fn how_to_wait_is_one_of_a_few_words() {
    let name = Name::new("usage-wait");
    let words = "[possible values: busy-spin, balanced, low-cpu]";
    for how in ["soon", "BALANCED", ""] {
        refused(&["recv", &name, "--wait", how], words);
    }
    refused(
        &["send", &name, "--wakeups", "bell"],
        "[possible values: none, futex",
    );
    refused(
        &["stat", &name, "--wait", "balanced"],
        "unexpected argument",
    );
}

#[test]
fn many_senders_must_be_asked_for() {
    let name = Name::new("usage-mpsc");
    refused(&["send", &name, "--producers", "2"], "--mpsc");
    refused(&["recv", &name, "--mpsc", "--producers", "0"], "1..=1024");
    refused(
        &["recv", &name, "--mpsc", "--producers", "1025"],
        "1..=1024",
    );
}

#[test]
fn a_demo_of_many_producers_has_at_least_two_and_no_file() {
    refused(&["demo", "--producers", "1"], "2..=64");
    refused(&["demo", "--producers", "65"], "2..=64");
    refused(&["demo", "--producers", "2", "file"], "cannot be used with");
    refused(
        &["demo", "--producers", "2", "--bytes", "1M"],
        "cannot be used with",
    );
}

#[test]
fn a_ring_to_look_at_must_be_named_exactly_once() {
    refused(&["stat"], "<NAME>");
    refused(&["stat", "name", "--at", "path"], "cannot be used with");
    refused(&["stat", "a/b"], "has a slash in it");
}

#[test]
fn help_tells_of_every_command_but_those_of_other_processes() {
    let help = Tool::start(&["help"], b"").finish().expect_code(0).stdout;
    let help = String::from_utf8(help).unwrap();
    for command in ["send", "recv", "stat", "demo", "bench"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
    }
    assert!(
        !help.contains("demo-p") && !help.contains("bench-p"),
        "{help}"
    );
    for command in ["send", "recv"] {
        let help = Tool::start(&["help", command], b"").finish();
        let help = String::from_utf8(help.expect_code(0).stdout).unwrap();
        assert!(help.contains("--mpsc") && help.contains("--producers"));
        for words in [
            "--wait ",
            "[default: balanced]",
            "low-cpu:",
            "--wakeups ",
            "futex:",
        ] {
            assert!(help.contains(words), "no {words} in {help}");
        }
    }
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

#[test]
fn help_tells_what_a_benchmark_compares_with() {
    let help = Tool::start(&["bench", "--help"], b"")
        .finish()
        .expect_code(0);
    let help = String::from_utf8(help.stdout).unwrap();
    for words in [
        "[QUESTION]...",
        "--rate <NUMBER>",
        "coordinated",
        "The limits:",
        "--json[=<FILE>]",
    ] {
        assert!(help.contains(words), "no {words} in {help}");
    }
    for question in ["all", "rtt", "throughput", "mpsc", "wake", "open"] {
        assert!(
            help.contains(&format!("- {question}:")),
            "no {question} in {help}"
        );
    }
}
