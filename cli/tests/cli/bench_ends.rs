//! Benchmarks that are ended early leave nothing behind, and say why they ended.

use std::fs;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::bench::left_over;
use crate::tool::{Tool, eventually};

/// A benchmark that measures for long, in each of the ways to wait: over bare words, bare futexes, a
/// bare stream that this side or the other side sends, and system calls.
const LONG: [&str; 5] = ["rtt", "wake", "throughput", "mpsc", "open"];

/// The processes that a benchmark has started.
fn others(pid: u32) -> Vec<Pid> {
    let children = format!("/proc/{pid}/task/{pid}/children");
    let children = fs::read_to_string(children).unwrap_or_default();
    let pids = children.split_whitespace();
    pids.filter_map(|pid| Pid::from_raw(pid.parse().ok()?))
        .collect()
}

/// Starts one, and waits until it measures. Returns it and its other processes.
fn start(arguments: &[&str]) -> (Tool, Vec<Pid>) {
    let bench = Tool::start(&[&["bench"], arguments].concat(), b"");
    let pid = bench.pid();
    eventually("another process", || !others(pid).is_empty());
    // Rings have names before, and when all have them they have none. It measures, or is about to.
    let mut had_names = false;
    if arguments[0] == "rtt" {
        eventually("a ring without a name", || {
            let has_names = !left_over(pid).is_empty();
            had_names |= has_names;
            had_names && !has_names
        });
    }
    (bench, others(pid))
}

#[track_caller]
fn are_gone(pids: &[Pid]) {
    eventually("the end of the other processes", || {
        pids.iter().all(|pid| test_kill_process(*pid).is_err())
    });
}

#[test]
fn an_interrupted_benchmark_leaves_nothing() {
    for question in LONG {
        let (bench, others) = start(&[question, "--duration", "1000", "--sizes", "64"]);
        let pid = bench.pid();
        bench.signal(Signal::INT);
        let stderr = bench.finish().expect_code(130).stderr;
        assert!(stderr.contains("interrupted"), "{stderr}");
        are_gone(&others);
        assert_eq!(left_over(pid), [""; 0]);
    }
}

#[test]
fn another_process_that_is_killed_is_named() {
    for question in LONG {
        let (bench, others) = start(&[question, "--duration", "1000", "--sizes", "64"]);
        let pid = bench.pid();
        kill_process(others[0], Signal::KILL).unwrap();
        let stderr = bench.finish().expect_code(1).stderr;
        let named = format!(
            "{question}: other process 1, process {}",
            others[0].as_raw_pid()
        );
        assert!(stderr.contains(&named), "{stderr}");
        assert!(stderr.contains("signal: 9"), "{stderr}");
        assert_eq!(left_over(pid), [""; 0]);
    }
}

#[test]
fn a_killed_benchmark_leaves_no_processes() {
    let (mut bench, others) = start(&["rtt", "--duration", "1000"]);
    let pid = bench.pid();
    bench.kill();
    are_gone(&others);
    assert_eq!(left_over(pid), [""; 0]);
}

#[test]
fn other_processes_are_of_a_benchmark_only() {
    let alone = Tool::start(&["bench-peer", "1"], b"").finish();
    let stderr = alone.expect_code(1).stderr;
    assert!(stderr.contains("the first process is gone"), "{stderr}");
}
