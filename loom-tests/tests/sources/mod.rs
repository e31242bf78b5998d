//! The sources of the protocol, as text: what names an ordering, and where.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The protocol's source files by name, such as `src/ring/attach.rs`.
pub(crate) fn sources() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sources = BTreeMap::new();
    let mut directories = vec!["src/ring".to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(root.join(&directory)).expect("a directory of sources") {
            let entry = entry.expect("a directory of sources");
            let name = format!("{directory}/{}", entry.file_name().display());
            if entry.path().is_dir() {
                directories.push(name);
            } else {
                let text = fs::read_to_string(entry.path()).expect("a source file");
                sources.insert(name, text);
            }
        }
    }
    sources
}

/// The numbers of the lines that name orderings stronger than Relaxed, or fences, and how many
/// each names. Comments and imports do not count.
pub(crate) fn count_by_line(text: &str) -> Vec<(usize, usize)> {
    const STRONGER: [&str; 6] = [
        "Acquire",
        "Release",
        "AcqRel",
        "SeqCst",
        "light_fence",
        "heavy_fence",
    ];
    let count = |line: &str| {
        let code = code_of(line);
        // A fence for the compiler only is none to loom, which keeps program order.
        if is_compiler_fence(code) {
            return 0;
        }
        code.split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|name| STRONGER.contains(name))
            .count()
    };
    let lines = text.lines().enumerate();
    lines
        .map(|(i, line)| (i + 1, count(line)))
        .filter(|&(_, count)| count > 0)
        .collect()
}

/// What a line is but for its comment; nothing if it is an import.
pub(crate) fn code_of(line: &str) -> &str {
    let code = line.split("//").next().unwrap_or_default();
    let is_import = code.trim_start().starts_with("use ");
    if is_import { "" } else { code }
}

/// Whether a line of code is a fence for the compiler alone.
pub(crate) fn is_compiler_fence(code: &str) -> bool {
    code.contains("compiler_fence(")
}

/// The functions that a text names in quotes, without what they are of.
pub(crate) fn functions_in(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let functions = quoted.filter(|name| !name.ends_with(".rs"));
    functions.map(|path| path.rsplit("::").next().unwrap_or(path))
}

/// The pair, such as `P1`, or `G3` of the fences, that the comment above a line names, and the lines of
/// that comment. The call may have begun a line or two before.
pub(crate) fn comment_above(text: &str, line: usize) -> Option<(&str, Vec<&str>)> {
    const FARTHEST: usize = 4;
    let before: Vec<_> = text.lines().take(line - 1).map(str::trim_start).collect();
    let farthest = before.len().saturating_sub(FARTHEST);
    (farthest..before.len()).rev().find_map(|first| {
        let (pair, _) = comment_of(before[first])?.split_once(':')?;
        let number = pair.strip_prefix(['P', 'G'])?;
        number.parse::<u32>().ok()?;
        let lines = before[first..].iter().copied().map_while(comment_of);
        Some((pair, lines.collect()))
    })
}

fn comment_of(line: &str) -> Option<&str> {
    line.strip_prefix("// ")
}

/// The function in which a line stands.
pub(crate) fn function_around(text: &str, line: usize) -> Option<&str> {
    let before: Vec<_> = text.lines().take(line).collect();
    before.iter().rev().find_map(|line| {
        let (_, rest) = line.split_once("fn ")?;
        rest.split(['(', '<']).next()
    })
}
