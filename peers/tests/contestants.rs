//! Every contestant moves what it is given, all of it, in order and unchanged.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::Command;

/// Runs the program, and returns what it printed and whether it succeeded.
fn run(args: &[&str]) -> (String, bool) {
    let program = env!("CARGO_BIN_EXE_mapring-peers");
    let output = Command::new(program).args(args).output().unwrap();
    let printed = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (printed.concat(), output.status.success())
}

/// The questions that the program says it asks.
fn questions() -> Vec<String> {
    let (list, _) = run(&["list"]);
    let mut lines = list.lines();
    let all = lines.find_map(|line| line.strip_prefix("questions: "));
    all.unwrap().split(' ').map(str::to_owned).collect()
}

fn all_pass(kind: &str) {
    let questions = questions().into_iter();
    let asked: Vec<_> = questions
        .filter(|question| question.starts_with(kind))
        .collect();
    assert!(!asked.is_empty(), "no question is called {kind}");
    let mut args = vec!["check"];
    for question in &asked {
        args.extend(["--question", question]);
    }
    let (printed, passed) = run(&args);
    assert!(passed, "{printed}");
    for question in &asked {
        let answered = printed.matches(question.as_str()).count();
        assert!(answered > 1, "only the limit answers {question}: {printed}");
    }
}

#[test]
fn round_trips() {
    all_pass("round-trip");
}

#[test]
fn round_trips_of_sleepers() {
    all_pass("asleep");
}

#[test]
fn streams_of_single_records() {
    all_pass("single");
}

#[test]
fn streams_received_in_bulk() {
    all_pass("drain");
}

#[test]
fn streams_in_batches() {
    all_pass("batch");
}

#[test]
fn many_to_one() {
    all_pass("many-to-one");
}

#[test]
fn who_does_not_exist_is_an_error() {
    let (printed, passed) = run(&["check", "--only", "nobody"]);
    assert!(!passed && printed.contains("nobody"), "{printed}");
}

/// All of it in small: the tables name both, and the files are written.
#[test]
fn a_run_writes_what_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let readme = path("readme.md");
    std::fs::write(&readme, "<!-- peers -->\n<!-- end of peers -->\n").unwrap();
    let (printed, passed) = run(&[
        "--rounds=2",
        "--time=0.01",
        "--only=raw limit",
        "--only=rtrb",
        "--question=round-trip-64",
        "--question=batch-64",
        &format!("--json={}", path("peers.json")),
        &format!("--markdown={}", path("peers.md")),
        &format!("--svg={}", path("peers.svg")),
        &format!("--readme={readme}"),
    ]);
    assert!(passed, "{printed}");
    for (file, part) in [
        ("peers.json", "\"batch-64\""),
        ("peers.md", "| rtrb | T |"),
        ("peers.md", "](peers.svg)"),
        ("peers.svg", "\nrtrb\n"),
        ("readme.md", "| rtrb | T |"),
    ] {
        let text = std::fs::read_to_string(path(file)).unwrap();
        assert!(text.contains(part), "no {part:?} in {file}:\n{text}");
    }
}
