//! Benchmarks that are ended early leave nothing behind, and say why they ended.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

use crate::bench::left_over;
use crate::tool::{Tool, eventually};

/// A benchmark that measures for long, in each of the ways to wait: over bare words, bare futexes, a
/// bare stream that this side or the other side sends, and system calls.
const LONG: [&str; 5] = ["rtt", "wake", "throughput", "mpsc", "open"];

/// What the system says of a process, in one of its files.
fn read(pid: Pid, file: &str) -> String {
    let path = format!("/proc/{}/{file}", pid.as_raw_pid());
    fs::read_to_string(path).unwrap_or_default()
}

/// The processes that a benchmark has started.
fn others(bench: &Tool) -> Vec<Pid> {
    let pid = bench.pid();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap_or_default();
    let pids = children.split_whitespace();
    pids.filter_map(|pid| Pid::from_raw(pid.parse().ok()?))
        .collect()
}

/// Starts one with long turns, and waits until it measures. Returns it and its other processes.
fn start(question: &str) -> (Tool, Vec<Pid>) {
    let arguments = ["bench", question, "--duration", "1000", "--sizes", "64"];
    let bench = Tool::start(&arguments, b"");
    eventually("another process", || !others(&bench).is_empty());
    let other = others(&bench)[0];
    eventually("something that both have", || {
        let maps = read(other, "maps");
        maps.contains("mapring.bench-") || maps.contains("mapring-limits")
    });
    if ["rtt", "wake"].contains(&question) {
        eventually("the end of the names", || {
            let maps = read(other, "maps");
            let rings = maps.lines().filter(|line| line.contains("mapring.bench-"));
            let mut rings = rings.peekable();
            rings.peek().is_some() && rings.all(|ring| ring.ends_with("(deleted)"))
        });
    }
    if question == "wake" {
        // The bare futexes come first, and whoever waits for them sleeps.
        eventually("many sleeps", || {
            let status = read(other, "status");
            let mut lines = status.lines();
            let sleeps = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            sleeps.and_then(|count| count.trim().parse().ok()) > Some(50_u32)
        });
    }
    let others = others(&bench);
    (bench, others)
}

/// Waits until they have ended; whether they were reaped is not theirs to say.
#[track_caller]
fn are_gone(pids: &[Pid]) {
    eventually("the end of the other processes", || {
        pids.iter().all(|pid| {
            let stat = read(*pid, "stat");
            let state = stat.rsplit(')').next().unwrap_or_default().trim();
            state.is_empty() || state.starts_with('Z')
        })
    });
}

#[test]
fn an_interrupted_benchmark_leaves_nothing() {
    for question in LONG {
        let (bench, others) = start(question);
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
        let (bench, others) = start(question);
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
    let (mut bench, others) = start("rtt");
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
