//! `docs/faults.md` is about tests that exist, and has a row for every fault.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;

/// Reads a file of the project; `None` if there is none.
fn read(path: &str) -> Option<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).ok()
}

/// The cells of each row of the document's tables.
fn rows(document: &str) -> Vec<Vec<&str>> {
    let rows = document.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.map(|row| row.trim_end_matches('|').split('|').map(str::trim));
    let rows = cells.map(Iterator::collect::<Vec<_>>);
    rows.filter(|cells| cells[0] != "#").collect()
}

/// The tests that a text names, as `file::test` in quotes: each file, and its test.
fn tests_in(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter_map(|name| {
        let (file, test) = name.split_once("::")?;
        file.ends_with(".rs").then_some((file, test))
    })
}

/// Whether a source has a test of this name: marked as one, outside of comments.
fn has_test(source: &str, test: &str) -> bool {
    let start = format!("fn {test}(");
    let mut is_marked = false;
    for line in source.lines().map(str::trim) {
        if is_marked && line.starts_with(&start) {
            return true;
        }
        is_marked = line == "#[test]";
    }
    false
}

/// Every test that the document names and that does not exist.
fn missing(document: &str) -> Vec<String> {
    let mut missing = Vec::new();
    for (file, test) in tests_in(document) {
        let exists = read(file).is_some_and(|source| has_test(&source, test));
        if !exists {
            missing.push(format!("{file}::{test}"));
        }
    }
    missing
}

#[test]
fn every_test_that_the_document_names_exists() {
    let document = read("docs/faults.md").unwrap();
    assert!(tests_in(&document).count() > 0, "no test is named");
    assert_eq!(missing(&document), [""; 0]);
}

#[test]
fn a_test_that_does_not_exist_is_found() {
    let document = "`tests/faults.rs::no_such_test`, `tests/no_such_file.rs::a_test`, \
        `tests/faults.rs::has_test`, `tests/faults.rs::a_test_that_does_not_exist_is_found`";
    let expected = [
        "tests/faults.rs::no_such_test",
        "tests/no_such_file.rs::a_test",
        "tests/faults.rs::has_test",
    ];
    assert_eq!(missing(document), expected);
}

#[test]
fn every_fault_has_a_test_or_a_reason() {
    let document = read("docs/faults.md").unwrap();
    let rows = rows(&document);
    let numbers: Vec<_> = rows.iter().map(|cells| cells[0].to_owned()).collect();
    let faults = (1..=64).map(|number| number.to_string());
    let windows = (1..=5).map(|number| format!("W{number}"));
    let bugs = (1..=24).map(|number| format!("B{number}"));
    let expected: Vec<_> = faults.chain(windows).chain(bugs).collect();
    assert_eq!(numbers, expected);
    for cells in rows {
        let text = cells.join("|");
        let has_test = tests_in(&text).next().is_some();
        let has_reason = text.contains("not yet");
        assert!(has_test || has_reason, "{text}");
    }
}
