//! The benchmark, in short: that it measures everything, and says so in the shape that is documented.

use std::fs;

use serde_json::Value;
use tempfile::NamedTempFile;

use crate::bench_json::{cases, check, figures, parse};
use crate::tool::Tool;

/// What is there of rings and bare regions of the benchmark in process `pid`.
pub(crate) fn left_over(pid: u32) -> Vec<String> {
    let is_its = |name: &String| name.contains(&format!("bench-{pid}-"));
    fs::read_dir("/dev/shm")
        .expect("there is a directory of shared memory")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(is_its)
        .collect()
}

/// Runs it with few and short rounds. Returns its standard output and error.
#[track_caller]
fn quick(arguments: &[&str]) -> (String, String) {
    let arguments = [&["bench", "--quick"], arguments].concat();
    let bench = Tool::start(&arguments, b"");
    let pid = bench.pid();
    let finished = bench.finish().expect_code(0);
    assert_eq!(left_over(pid), [""; 0]);
    let stdout = String::from_utf8(finished.stdout).expect("it is text");
    (stdout, finished.stderr)
}

/// The results of a run, checked.
#[track_caller]
fn results(arguments: &[&str]) -> Value {
    let results = parse(&quick(&[&["--json"], arguments].concat()).0);
    check(&results);
    results
}

const TIMES: [&str; 6] = ["mean", "p50", "p90", "p99", "p99.9", "max"];

#[test]
fn round_trips_of_every_kind_and_size() {
    let results = results(&["rtt", "--sizes", "8,100,2K"]);
    let expected = ["8", "100", "2,048"]
        .map(|size| ["polling", "by default", "asleep"].map(|how| format!("{how}, {size} bytes")));
    assert_eq!(cases(&results), expected.concat());
    for case in results["cases"].as_array().unwrap() {
        assert_eq!(figures(case), TIMES, "{case}");
        let limit = match (case["wait"].as_str(), case["payload_bytes"].as_u64()) {
            (Some("low-cpu"), _) => "bare futex",
            (_, Some(8 | 100)) => "bare cache line",
            _ => "bare copy",
        };
        assert_eq!(case["limit"], limit, "{case}");
        let distribution = &case["distribution"];
        assert!(distribution["samples"].as_u64() > Some(0), "{case}");
    }
}

#[test]
fn a_rate_adds_latencies_of_one_way() {
    let results = results(&["rtt", "--rate", "500", "--wait", "balanced,low-cpu"]);
    let names = cases(&results);
    let paced = "one way at 500/s, by default, 56 bytes";
    assert_eq!(names.len(), 4, "{names:?}");
    assert_eq!(names[2], paced);
    assert_eq!(results["settings"]["rate_per_s"], 500);
    for case in &results["cases"].as_array().unwrap()[2..] {
        assert_eq!(figures(case), [&TIMES[..], &["sent"]].concat());
        let sent = &case["figures"][TIMES.len()];
        assert_eq!(sent["unit"], "records/s");
        assert!(sent["value"]["max"].as_f64() <= Some(500.0), "{sent}");
        // Of ten milliseconds, five messages each round, and none is left out.
        let samples = case["distribution"]["samples"].as_u64().unwrap();
        assert!(samples <= 10, "{case}");
        assert!(samples == 10 || case["note"].is_string(), "{case}");
    }
}

#[test]
fn a_rate_that_cannot_be_kept_is_told() {
    // No memory is so fast.
    let payload = ["--sizes", "256K", "--duration", "0.002"];
    let arguments = ["rtt", "--rate", "10000000", "--wait", "low-cpu"];
    let arguments = [&arguments[..], &payload].concat();
    let results = results(&arguments);
    let note = results["cases"][1]["note"].as_str().unwrap_or_default();
    assert!(note.contains("did not keep the rate"), "{results:#}");
    let (table, _) = quick(&arguments);
    assert!(table.contains("did not keep the rate"), "{table}");
}

#[test]
fn throughput_of_single_sends_and_batches() {
    let results = results(&["throughput", "--sizes", "8,1000,16K", "--capacity", "64K"]);
    // Two of the longest do not fit into a quarter of the ring.
    let expected = [
        "8 bytes, single sends",
        "8 bytes, batches",
        "1,000 bytes, single sends",
        "1,000 bytes, batches",
        "16,384 bytes, single sends",
    ];
    assert_eq!(cases(&results), expected);
    assert_eq!(results["settings"]["capacity_bytes"], 65536);
    for case in results["cases"].as_array().unwrap() {
        assert_eq!(figures(case), ["records", "bytes"]);
        let median = |figure: usize| case["figures"][figure]["value"]["median"].as_f64();
        let size = case["payload_bytes"].as_f64().unwrap();
        let bytes = median(0).unwrap() * size;
        assert!((bytes / median(1).unwrap() - 1.0).abs() < 1e-9, "{case}");
    }
}

#[test]
fn many_producers_beside_one() {
    let results = results(&["mpsc", "--producers", "3"]);
    assert_eq!(
        cases(&results),
        ["1 producer, 64 bytes", "3 producers, 64 bytes"]
    );
    for case in results["cases"].as_array().unwrap() {
        assert_eq!(figures(case), ["records", "bytes", "fairness", "scaling"]);
        for share in case["figures"][2]["value"]["rounds"].as_array().unwrap() {
            assert!((0.0..=1.0).contains(&share.as_f64().unwrap()), "{case}");
        }
    }
    let rates = |case: usize| &results["cases"][case]["figures"][0]["value"]["rounds"];
    let scaling = &results["cases"][1]["figures"][3]["value"]["rounds"];
    for round in 0..2 {
        let at = |rounds: &Value| rounds[round].as_f64().unwrap();
        let expected = at(rates(1)) / at(rates(0));
        assert!((at(scaling) / expected - 1.0).abs() < 1e-9, "{results:#}");
    }
}

#[test]
fn wakes_and_openings() {
    let results = results(&["wake", "open"]);
    let expected = [
        "send that wakes, 8 bytes",
        "sleeper awake, 8 bytes",
        "send that wakes nobody, 8 bytes",
        "create, attach both roles, close",
        "attach to a ring in use, close",
    ];
    assert_eq!(cases(&results), expected);
    let all = results["cases"].as_array().unwrap();
    assert!(all[..3].iter().all(|case| figures(case) == TIMES));
    let of_opening = [&["rate"], &TIMES[..]].concat();
    assert!(all[3..].iter().all(|case| figures(case) == of_opening));
}

#[test]
fn everything_by_default_in_one_table() {
    let (all, stderr) = quick(&["--sizes", "64", "--rounds", "1", "--duration", "0.001"]);
    assert_eq!(stderr, "");
    for title in ["rtt: ", "throughput: ", "mpsc: ", "wake: ", "open: "] {
        assert!(all.contains(&format!("\n{title}")), "{all}");
    }
    for limit in [
        "bare cache line",
        "bare futex",
        "bare stream",
        "bare store",
        "bare system calls",
    ] {
        assert!(all.contains(limit), "{all}");
    }
    let (same, _) = quick(&[
        "all",
        "--sizes",
        "64",
        "--rounds",
        "1",
        "--duration",
        "0.001",
    ]);
    // The figures differ, but not the lines.
    assert_eq!(all.lines().count(), same.lines().count());
}

#[test]
fn one_core_does_as_well_and_is_told() {
    let core = mapring_limits::cores().unwrap()[0].to_string();
    let arguments = ["mpsc", "wake", "--producers", "2", "--cores", &core];
    let results = results(&arguments);
    let notes = results["notes"].as_array().unwrap();
    assert!(notes[0].as_str().unwrap().contains("1 core, 2 processes"));
    assert!(notes[1].as_str().unwrap().contains("1 core, 3 processes"));
    let (table, _) = quick(&arguments);
    assert!(table.contains("1 core, 3 processes"), "{table}");
}

#[test]
fn a_page_needs_nothing_else() {
    let page = NamedTempFile::new().unwrap();
    let file = page.path().to_str().unwrap();
    let sizes = ["--sizes", "64,256"];
    let (table, _) = quick(&[&["--html", file, "--rounds", "1"], &sizes[..]].concat());
    let page = fs::read_to_string(file).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    // Two each of round trips, wakes and producers, one of openings, two of throughput.
    assert_eq!(page.matches("<svg").count(), 9);
    assert_eq!(page.matches("</svg>").count(), 9);
    let links = page.matches("http").count();
    assert_eq!(
        links,
        page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count()
    );
    for part in ["<script", "<link", "<img", "url(", "@import", "src="] {
        assert!(!page.contains(part), "{part}");
    }
    assert!(page.contains("prefers-color-scheme: dark"));
    for case in [
        "polling, 64 bytes",
        "256 bytes, batches",
        "8 producers, 64 bytes",
    ] {
        assert!(table.contains(case) && page.contains(case), "{case}");
    }
}

#[test]
fn results_are_kept_and_compared_with() {
    let saved = NamedTempFile::new().unwrap();
    let file = saved.path().to_str().unwrap();
    let (table, _) = quick(&["wake", "--rounds", "5", "--save", file]);
    assert!(table.contains("sleeper awake, 8 bytes") && !table.contains("Changes since"));
    check(&parse(&fs::read_to_string(file).unwrap()));

    let again = ["wake", "rtt", "--rounds", "5", "--compare", file];
    let (table, _) = quick(&again);
    let changes = table.split("Changes since").nth(1).expect("changes");
    assert!(changes.contains(file), "{changes}");
    for verdict_of in ["p50 ", "p99.9 "] {
        let is_it = |line: &&str| line.trim().starts_with(verdict_of);
        let lines: Vec<_> = changes.lines().filter(is_it).collect();
        assert_eq!(lines.len(), 3, "{changes}");
        for line in lines {
            let verdict = line.split_whitespace().last().unwrap();
            assert!(["noise", "better", "worse"].contains(&verdict), "{line}");
        }
    }
    assert_eq!(changes.matches("was not measured then").count(), 3);

    // With the JSON on standard output, changes are told elsewhere; few rounds tell nothing.
    let (json, stderr) = quick(&["wake", "--json", "--compare", file]);
    check(&parse(&json));
    assert!(stderr.contains("too few rounds"), "{stderr}");
}

#[test]
fn json_in_a_file_leaves_the_table() {
    let json = NamedTempFile::new().unwrap();
    let file = json.path().to_str().unwrap();
    let (table, _) = quick(&["open", &format!("--json={file}")]);
    assert!(table.contains("create, attach both roles, close"));
    check(&parse(&fs::read_to_string(file).unwrap()));
}

#[track_caller]
fn fails(arguments: &[&str], code: i32, because: &str) {
    let arguments = [&["bench"], arguments].concat();
    let finished = Tool::start(&arguments, b"").finish().expect_code(code);
    assert!(finished.stderr.contains(because), "{}", finished.stderr);
    assert_eq!(finished.stdout, b"");
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let all = "[possible values: all, rtt, throughput, mpsc, wake, open]";
    fails(&["speed"], 2, all);
    fails(
        &["--sizes", "7"],
        2,
        "7 is not from 8 to 262,144, a quarter",
    );
    fails(
        &["--sizes", "8,1M"],
        2,
        "1,048,576 is not from 8 to 262,144",
    );
    fails(&["--sizes", "many"], 2, "like 4096, 64K or 1M");
    fails(&["--capacity", "5000"], 2, "5000");
    fails(&["--cores", "100000"], 2, "100000 is none of those");
    fails(&["--producers", "0"], 2, "1..=64");
    fails(&["--producers", "65"], 2, "1..=64");
    fails(&["--rounds", "0"], 2, "1..=1000");
    fails(&["--duration", "0"], 2, "must be more than 0");
    fails(&["--warm-up=-1"], 2, "negative");
    fails(&["--rate", "0"], 2, "1..=10000000");
    fails(
        &["--wait", "soon"],
        2,
        "[possible values: busy-spin, balanced, low-cpu]",
    );
}

#[test]
fn files_that_cannot_be_are_told_before() {
    // A run of all of it takes longer than a test waits.
    let long = ["--duration", "100"];
    let fails = |arguments: &[&str], because: &str| {
        fails(&[&long[..], arguments].concat(), 1, because);
    };
    fails(
        &["--html", "/nowhere/page.html"],
        "there is no folder /nowhere",
    );
    fails(&["--save", "/tmp"], "/tmp is a folder");
    fails(&["--json=/nowhere/results"], "there is no folder /nowhere");
    fails(
        &["--compare", "/nowhere/results"],
        "cannot read /nowhere/results",
    );
    let other = NamedTempFile::new().unwrap();
    let file = other.path().to_str().unwrap();
    fails(&["--compare", file], "has no results of a benchmark");
    fs::write(file, r#"{"schema": "mapring-bench", "version": 0}"#).unwrap();
    fails(
        &["--compare", file],
        "has results of mapring-bench 0, not of mapring-bench 1",
    );
    fs::write(file, r#"{"schema": "mapring-bench", "version": 1}"#).unwrap();
    fails(&["--compare", file], "cannot understand");
}
