//! The rules of the floors, asserted from the sources: what may be named where.
//!
//! Code is looked at line by line, without texts and comments, as a list of words. That is not a
//! parser, and need not be: it must see what somebody writes by habit, not by malice.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Longest file, in lines.
const LONGEST: usize = 425;

/// The floors above the protocol and the system.
const FACE: [&str; 4] = [
    "crate::generic",
    "crate::mpsc",
    "crate::peer",
    "crate::spsc",
];

/// The folders of this workspace that have code in them.
const FOLDERS: [&str; 10] = [
    "src",
    "tests",
    "examples",
    "benches",
    "cli",
    "testing",
    "limits",
    "loom-tests",
    "fuzz",
    "peers",
];

/// A line of code without its quoted texts and its comment.
struct Line {
    /// Its path below `src`.
    file: String,
    number: usize,
    code: String,
}

impl Line {
    /// Its words and paths: `crate::os::lock` is one of them.
    fn words(&self) -> impl Iterator<Item = &str> {
        let within = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':');
        let words = self.code.split(move |c| !within(c));
        words.filter(|word| !word.is_empty())
    }

    /// The parts of its paths: `crate`, `os` and `lock`.
    fn parts(&self) -> impl Iterator<Item = &str> {
        self.words().flat_map(|word| word.split(':'))
    }

    fn violation(&self, rule: &str) -> String {
        format!(
            "src/{}:{}: {rule}: {}",
            self.file,
            self.number,
            self.code.trim()
        )
    }
}

/// All of the sources.
struct Sources {
    lines: Vec<Line>,
}

impl Sources {
    fn of(texts: &BTreeMap<String, String>) -> Self {
        let mut sources = Self { lines: Vec::new() };
        for (file, text) in texts {
            for (index, line) in text.lines().enumerate() {
                // What stands between quotes is text, not code.
                let code: String = line.split('"').step_by(2).collect();
                let code = code.split("//").next().unwrap_or_default();
                sources.lines.push(Line {
                    file: file.clone(),
                    number: index + 1,
                    code: code.to_owned(),
                });
            }
        }
        sources
    }

    fn below(&self, prefixes: &[&str]) -> impl Iterator<Item = &Line> {
        let prefixes: Vec<_> = prefixes.iter().map(ToString::to_string).collect();
        self.lines.iter().filter(move |line| {
            let is_below = |prefix: &String| line.file.starts_with(prefix.as_str());
            prefixes.iter().any(is_below)
        })
    }
}

/// Every breach of a rule, as `file:line: rule: code`.
fn violations(texts: &BTreeMap<String, String>) -> Vec<String> {
    let sources = Sources::of(texts);
    let mut found = Vec::new();
    pure_floors(&sources, &mut found);
    no_unsafe_but_in_os(&sources, &mut found);
    imports_point_down(&sources, &mut found);
    implementations_choose_no_ordering(&sources, &mut found);
    found
}

/// Every file of `folder` that is too long, as `file:lines: rule`.
fn too_long(folder: &str, texts: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    for (file, text) in texts {
        let lines = text.lines().count();
        if lines > LONGEST {
            found.push(format!(
                "{folder}/{file}:{lines}: longer than {LONGEST} lines"
            ));
        }
    }
    found
}

/// Floors 0 and 1 and the protocol know nothing of the system. An error may carry one of
/// the system's, and the path of a file.
fn pure_floors(sources: &Sources, found: &mut Vec<String>) {
    let pure = ["layout.rs", "error.rs", "memory.rs", "ring/"];
    let foreign = [
        "std", "libc", "rustix", "memmap2", "alloc", "thread", "time", "fs", "env", "net",
        "process",
    ];
    let of_errors = ["std::fmt", "std::io", "std::path::PathBuf"];
    for line in sources.below(&pure) {
        let allowed = |word: &&str| line.file == "error.rs" && of_errors.contains(word);
        let words = line.words().filter(|word| !allowed(word));
        let mut parts = words.flat_map(|word| word.split("::"));
        if parts.any(|part| foreign.contains(&part)) {
            found.push(line.violation("a pure floor names the system"));
        }
        // `ring` has a module `spsc` of its own; only from the root it is the public face.
        let above = |word: &str| is_below_any(word, &FACE) || is_below_any(word, &["crate::os"]);
        if line.words().any(above) {
            found.push(line.violation("a pure floor names a higher one"));
        }
    }
    let mut root = sources.below(&["ring/mod.rs"]);
    if !root.any(|line| line.code.trim() == "#![forbid(unsafe_code)]") {
        found.push("src/ring/mod.rs:1: the protocol does not forbid unsafe code".to_owned());
    }
}

fn is_below_any(word: &str, modules: &[&str]) -> bool {
    modules.iter().any(|module| {
        let rest = word.strip_prefix(module);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    })
}

/// The public face may vouch for peers in the one function whose caller does so.
fn no_unsafe_but_in_os(sources: &Sources, found: &mut Vec<String>) {
    let mut vouching = false;
    for line in &sources.lines {
        if line.number == 1 {
            vouching = false;
        }
        let indented = line.code.starts_with("    ");
        vouching |= indented && line.code.contains("unsafe fn trust_peers(");
        let is_unsafe = line.parts().any(|word| word == "unsafe");
        if is_unsafe && !vouching && !line.file.starts_with("os/") {
            found.push(line.violation("`unsafe` outside of `os`"));
        }
        vouching &= line.code.trim_end() != "    }";
    }
}

/// `os` stands next to `ring`. It may only lay and check the identity page, at the start
/// position it was given: a region must be whole before it has a name, so whoever makes
/// the file must be able to do that.
fn imports_point_down(sources: &Sources, found: &mut Vec<String>) {
    let of_identity = ["crate::ring::attach", "crate::ring::Position"];
    for line in sources.below(&["os/"]) {
        for word in line.words() {
            let of_ring = is_below_any(word, &["crate::ring", "super::ring"]);
            let allowed = is_below_any(word, &of_identity) && line.file.starts_with("os/region/");
            if of_ring && !allowed {
                found.push(line.violation("`os` names the protocol"));
            }
            if is_below_any(word, &FACE) {
                found.push(line.violation("`os` names the public face"));
            }
        }
        let records = ["RecordHeader", "Producer", "Consumer", "Claim", "Batch"];
        let role = |word: &str| word.starts_with("Role::");
        let mut words = line.words().filter(|word| !role(word));
        if words.any(|word| word.split("::").any(|part| records.contains(&part))) {
            found.push(line.violation("`os` knows of records"));
        }
    }
    let names = ["crate::spsc", "crate::mpsc"];
    let standing_on = [("peer.rs", &FACE[..]), ("generic/", &names[..])];
    for (file, above) in standing_on {
        for line in sources.below(&[file]) {
            if line.words().any(|word| is_below_any(word, above)) {
                found.push(line.violation("what the face stands on names the face"));
            }
        }
    }
}

/// Who carries out an access uses the ordering it was given. Only the copies of payloads
/// have one of their own: Relaxed, for a header orders them. And read-only memory permits no
/// other load, so there a fence takes the ordering that was given.
fn implementations_choose_no_ordering(sources: &Sources, found: &mut Vec<String>) {
    const ORDERINGS: [&str; 5] = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];
    let mut within = false;
    let mut read_only = false;
    let mut implementations = 0;
    for line in &sources.lines {
        if line.number == 1 {
            (within, read_only) = (false, false);
        }
        read_only |= line.code.starts_with("impl ReadMemory for MappedReadOnly ");
        let is_start = line.code.starts_with("impl")
            && (line.code.contains(" ReadMemory for ") || line.code.contains(" Memory for "));
        within |= is_start;
        implementations += usize::from(is_start);
        let named: Vec<_> = line
            .parts()
            .filter(|part| ORDERINGS.contains(part))
            .collect();
        let is_mapped = line.file == "os/mapped.rs";
        let allowed = |name: &&str| read_only && *name == "Relaxed";
        if (within || is_mapped) && !named.iter().all(allowed) {
            found.push(line.violation("an implementation of memory chooses an ordering"));
        }
        if line.file == "os/copy.rs" && named.iter().any(|name| *name != "Relaxed") {
            found.push(line.violation("a copy chooses an ordering other than Relaxed"));
        }
        let is_end = line.code.trim_end() == "}";
        within &= !is_end;
        read_only &= !is_end;
    }
    if implementations == 0 {
        found.push("src/os/mapped.rs:1: no implementation of memory was found".to_owned());
    }
}

/// The texts of the code in a folder of this workspace, by their paths below that folder.
fn texts_of(folder: &str) -> BTreeMap<String, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut texts = BTreeMap::new();
    let mut directories = vec![source.clone()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("target") {
                // What tools generate may have any length.
                continue;
            }
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let file = path.strip_prefix(&source).unwrap().to_str().unwrap();
                texts.insert(file.to_owned(), fs::read_to_string(&path).unwrap());
            }
        }
    }
    texts
}

/// The texts of this library, by their paths below `src`.
fn texts() -> BTreeMap<String, String> {
    texts_of("src")
}

#[test]
fn the_rules_of_the_floors_hold() {
    let found = violations(&texts());
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn no_file_is_too_long() {
    let mut found = Vec::new();
    for folder in FOLDERS {
        let texts = texts_of(folder);
        assert!(!texts.is_empty(), "no code in {folder}");
        found.extend(too_long(folder, &texts));
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn a_file_that_is_too_long_is_found() {
    let of = |lines| BTreeMap::from([("some.rs".to_owned(), "\n".repeat(lines))]);
    assert!(too_long("src", &of(LONGEST)).is_empty());
    assert_eq!(too_long("src", &of(LONGEST + 1)).len(), 1);
}

/// So that a package added to the workspace is not forgotten here.
#[test]
fn every_package_is_looked_at() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.join("Cargo.toml").exists() {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(FOLDERS.contains(&name), "{name} is not looked at");
        }
    }
}

#[test]
fn a_breach_of_each_rule_is_found() {
    // File, what is put before its last line (which closes something), and the rule it breaks.
    let system = "a pure floor names the system";
    let higher = "a pure floor names a higher one";
    let ordering = "an implementation of memory chooses an ordering";
    let breaches = [
        ("layout.rs", "use std::mem;", system),
        ("memory.rs", "use core::time::Duration;", system),
        ("ring/record.rs", "fn x() { libc::getpid(); }", system),
        ("ring/attach.rs", "use rustix::process::getpid;", system),
        ("ring/claim.rs", "fn x() { thread::yield_now(); }", system),
        ("error.rs", "use std::fs::File;", system),
        ("error.rs", "use std::path::Path;", system),
        ("ring/batch.rs", "use crate::os::mapped::Mapped;", higher),
        ("error.rs", "use crate::spsc::Options;", higher),
        ("memory.rs", "use crate::peer::Peer;", higher),
        (
            "ring/spsc/producer.rs",
            "fn x() { unsafe { y() } }",
            "`unsafe` outside of `os`",
        ),
        (
            "generic/producer.rs",
            "unsafe fn x() {}",
            "`unsafe` outside of `os`",
        ),
        (
            "peer.rs",
            "unsafe impl Send for Peer {}",
            "`unsafe` outside of `os`",
        ),
        (
            "os/mapped.rs",
            "use crate::ring::attach::verify;",
            "`os` names the protocol",
        ),
        (
            "os/region/open.rs",
            "use crate::ring::RecordHeader;",
            "`os` names the protocol",
        ),
        (
            "os/region/open.rs",
            "use crate::ring::spsc as protocol;",
            "`os` names the protocol",
        ),
        (
            "os/region/usage.rs",
            "use crate::spsc::Ring;",
            "`os` names the public face",
        ),
        (
            "os/wait.rs",
            "use crate::peer::Peer;",
            "`os` names the public face",
        ),
        ("os/wait.rs", "struct Producer;", "`os` knows of records"),
        (
            "peer.rs",
            "use crate::spsc::Options;",
            "what the face stands on names the face",
        ),
        (
            "peer.rs",
            "use crate::generic::Ring;",
            "what the face stands on names the face",
        ),
        (
            "generic/ring.rs",
            "use crate::mpsc::Options;",
            "what the face stands on names the face",
        ),
        (
            "os/region/mod.rs",
            "use crate::mpsc::Options;",
            "`os` names the public face",
        ),
        ("os/mapped.rs", "fn x() { y(Ordering::Relaxed) }", ordering),
        (
            "os/region/header_page.rs",
            "fn x() { y(Ordering::SeqCst) }",
            ordering,
        ),
        (
            "os/copy.rs",
            "fn x() { y(Acquire) }",
            "a copy chooses an ordering other than Relaxed",
        ),
    ];
    let texts = texts();
    for (file, breach, rule) in breaches {
        let text = &texts[file];
        let (before, last) = text.trim_end().rsplit_once('\n').unwrap();
        let broken = format!("{before}\n{breach}\n{last}\n");
        // On its own: what the other files say does not matter.
        let found = violations(&BTreeMap::from([(file.to_owned(), broken)]));
        let number = before.lines().count() + 1;
        let place = format!("src/{file}:{number}: {rule}");
        let is_found = found.iter().any(|one| one.starts_with(&place));
        assert!(is_found, "{breach:?} in {file} at {place}: {found:?}");
    }
}

#[test]
fn a_protocol_that_no_longer_forbids_unsafe_code_is_found() {
    let mut texts = texts();
    let text = texts.get_mut("ring/mod.rs").unwrap();
    *text = text.replace("#![forbid(unsafe_code)]", "");
    let expected = "src/ring/mod.rs:1: the protocol does not forbid unsafe code";
    assert_eq!(violations(&texts), [expected]);
}
