//! The demo, in short.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use crate::tool::{Tool, eventually};

/// The names of the demo's rings that are in `/dev/shm`, of the process `pid`.
fn rings_of(pid: u32) -> Vec<String> {
    let prefix = format!("mapring.demo-{pid}-");
    fs::read_dir("/dev/shm")
        .expect("there is a directory of shared memory")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(&prefix))
        .collect()
}

#[test]
fn both_sides_have_the_same_bytes_and_nothing_stays() {
    let demo = Tool::start(&["demo", "--bytes", "300K", "--seconds", "0.1"], b"");
    let pid = demo.pid();
    let stdout = String::from_utf8(demo.finish().expect_code(0).stdout).unwrap();
    let hash_of = |side: &str| {
        let line = stdout.lines().find(|line| line.trim().starts_with(side));
        line.unwrap_or_else(|| panic!("no {side} in {stdout}"))
            .split_whitespace()
            .nth(1)
            .unwrap()
            .to_owned()
    };
    assert_eq!(hash_of("sender").len(), 64);
    assert_eq!(hash_of("sender"), hash_of("receiver"));
    for other in ["raw", "futex"] {
        let times = times_beside(&stdout, other);
        let ratio = number_behind(&times, "ratio of the medians ");
        assert!(ratio > 0.0, "{stdout}");
        let trips = times.lines().find(|line| line.contains("round trips"));
        let trips = trips.and_then(|line| line.split_whitespace().next());
        assert!(number(trips.expect("how many")) > 0, "{stdout}");
    }
    for line in stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert_eq!(rings_of(pid), [""; 0]);
}

/// The rest of the text from the table of times on in whose second column those of `other` are.
fn times_beside(stdout: &str, other: &str) -> String {
    let is_title = |line: &&str| line.split_whitespace().eq(["mapring", other]);
    let lines: Vec<_> = stdout.lines().skip_while(|line| !is_title(line)).collect();
    assert!(!lines.is_empty(), "no {other} in {stdout}");
    lines.join("\n")
}

/// The first number behind these words.
fn number_behind(text: &str, words: &str) -> f64 {
    let found = text.split(words).nth(1);
    let number = found.and_then(|rest| rest.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("no number behind {words} in {text}"))
}

/// Starts a demo, and reads until its two processes sleep in turn. Returns the rest of its output.
fn start_until_asleep() -> (Child, BufReader<ChildStdout>) {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_mapring"))
        .args(["demo", "--bytes", "300K", "--seconds", "4"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the tool starts");
    let mut stdout = BufReader::new(demo.stdout.take().expect("it has a standard output"));
    let mut line = String::new();
    while !line.contains("sleeps until it is woken") {
        line.clear();
        assert_ne!(stdout.read_line(&mut line).expect("it can be read"), 0);
    }
    (demo, stdout)
}

/// What else they print, until both have ended.
fn read_to_the_end(mut stdout: BufReader<ChildStdout>) -> String {
    let reader = thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    eventually("the end of both processes", || reader.is_finished());
    let text = reader.join().expect("it has ended");
    text.expect("it can be read")
}

#[test]
fn a_demo_that_is_killed_asleep_leaves_nothing() {
    let (mut demo, stdout) = start_until_asleep();
    demo.kill().unwrap();
    demo.wait().unwrap();
    // The end of the text is that of the other process, which notices by itself.
    let text = read_to_the_end(stdout);
    assert!(!text.contains("futex"), "{text}");
}

#[test]
fn a_demo_whose_other_process_is_killed_asleep_fails() {
    let (mut demo, stdout) = start_until_asleep();
    let pid = demo.id();
    let children = format!("/proc/{pid}/task/{pid}/children");
    let children = fs::read_to_string(children).unwrap();
    let child = children.trim().parse().ok().and_then(Pid::from_raw);
    kill_process(child.expect("one child"), Signal::KILL).unwrap();
    let text = read_to_the_end(stdout);
    assert!(!text.contains("futex"), "{text}");
    let code = demo.wait().unwrap().code();
    assert!(matches!(code, Some(1 | 3)), "{code:?}");
}

#[test]
fn a_killed_demo_leaves_nothing() {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_mapring"))
        .args(["demo", "--bytes", "1G"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(demo.stdout.take().unwrap());
    // It prints when both processes are there.
    let mut text = String::new();
    stdout.read_line(&mut text).unwrap();
    // No name is left that could stay when both are killed.
    assert_eq!(rings_of(demo.id()), [""; 0]);
    demo.kill().unwrap();
    demo.wait().unwrap();
    // The end of the text is that of the other process, which notices by itself.
    stdout.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("Two processes") && !text.contains("ratio"));
}

#[test]
fn the_hash_is_that_of_the_file_repeated() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), b"abc").unwrap();
    let arguments = ["demo", "--bytes", "4", "--seconds", "0.05"];
    let demo = Tool::start(
        &[&arguments[..], &[file.path().to_str().unwrap()]].concat(),
        b"",
    );
    let stdout = String::from_utf8(demo.finish().expect_code(0).stdout).unwrap();
    // SHA-256 of "abcabc".
    let hash = "bbb59da3af939f7af5f360f2ceb80a496e3bae1cd87dde426db0ae40677e1c2c";
    assert_eq!(stdout.matches(hash).count(), 2, "{stdout}");
}

#[test]
fn a_file_with_nothing_in_it_is_an_error() {
    let stderr = Tool::start(&["demo", "/dev/null"], b"")
        .finish()
        .expect_code(1)
        .stderr;
    assert!(stderr.contains("is empty"), "{stderr}");
}

/// The rows of the table, of so many producers: producer, process, records that arrived, verdicts.
fn rows(stdout: &str, count: usize) -> Vec<Vec<&str>> {
    let table = stdout.lines().skip_while(|line| !line.contains("in order"));
    let rows = table.skip(1).take(count);
    rows.map(|row| row.split_whitespace().collect()).collect()
}

/// A number as it is printed, with commas.
fn number(text: &str) -> u64 {
    text.replace(',', "").parse().expect("a number")
}

#[test]
fn one_of_many_producers_is_killed_and_the_others_are_complete() {
    let demo = Tool::start(&["demo", "--producers", "3", "--seconds", "0.4"], b"");
    let pid = demo.pid();
    let stdout = String::from_utf8(demo.finish().expect_code(0).stdout).unwrap();
    let rows = rows(&stdout, 3);
    for row in &rows {
        assert!(row.ends_with(&["yes", "yes", "yes"]) || row.ends_with(&["killed"]));
    }
    let of_the_dead = rows.iter().filter(|row| row.contains(&"killed"));
    assert_eq!(of_the_dead.count(), 1, "{stdout}");
    let (killed, pid_of_killed) = stdout
        .lines()
        .find_map(|line| line.strip_suffix(", is killed (SIGKILL)"))
        .and_then(|line| line.split("producer ").nth(1))
        .and_then(|line| line.split_once(", process "))
        .unwrap_or_else(|| panic!("nobody is killed in {stdout}"));
    let row = rows.iter().find(|row| row[0] == killed).unwrap();
    assert!(
        row[1] == pid_of_killed && row.contains(&"killed"),
        "{stdout}"
    );
    // Who lives sent as many as arrived, and some; the sum is that of all.
    let mut sum = 0;
    for row in &rows {
        let arrived = number(row[if row[0] == killed { 4 } else { 3 }]);
        assert!(arrived > 0, "{stdout}");
        if row[0] != killed {
            assert_eq!(number(row[2]), arrived, "{stdout}");
        }
        sum += arrived;
    }
    let total = stdout
        .lines()
        .find_map(|line| line.split_once(" records arrived"));
    assert_eq!(number(total.unwrap().0), sum, "{stdout}");
    assert!(stdout.contains("skipped"), "{stdout}");
    for line in stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert_eq!(rings_of(pid), [""; 0]);
}

#[test]
fn a_killed_demo_of_many_producers_leaves_nothing() {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_mapring"))
        .args(["demo", "--producers", "2", "--seconds", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(demo.stdout.take().unwrap());
    let mut stderr = BufReader::new(demo.stderr.take().unwrap());
    // It prints when all processes are there.
    let mut text = String::new();
    stdout.read_line(&mut text).unwrap();
    assert_eq!(rings_of(demo.id()), [""; 0]);
    demo.kill().unwrap();
    demo.wait().unwrap();
    // The end of the errors is that of the producers, who notice by themselves.
    stderr.read_to_string(&mut String::new()).unwrap();
    stdout.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("2 producers") && !text.contains("arrived"));
}
