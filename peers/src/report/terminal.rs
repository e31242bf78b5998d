//! Tables for the terminal.

use std::fmt::Write;

use super::table::tables;
use crate::results::Results;

/// All tables, and who could not, failed or was left out, as text.
pub(crate) fn text(results: &Results) -> String {
    let mut text = String::new();
    for table in tables(results) {
        let names = table.rows.iter().map(|row| row.name.chars().count());
        let first = names.max().unwrap_or(0);
        let cells = table.rows.iter().flat_map(|row| &row.cells);
        let widths = cells.map(|cell| cell.text().chars().count());
        let width = widths.max().unwrap_or(0).max(12);
        let _ = writeln!(text, "{}: {}", table.title, table.unit);
        let _ = write!(text, "  {:first$}  ", "");
        for column in &table.columns {
            let _ = write!(text, "  {column:>width$}");
        }
        text.push('\n');
        for row in &table.rows {
            let _ = write!(text, "  {:first$} {}", row.name, row.between);
            for cell in &row.cells {
                let _ = write!(text, "  {:>width$}", cell.text());
            }
            text.push('\n');
        }
        text.push('\n');
    }
    for it in &results.answers.cannot {
        let _ = writeln!(text, "cannot: {it}");
    }
    for it in &results.answers.failed {
        let _ = writeln!(text, "failed: {it}");
    }
    for (name, why) in &results.left_out {
        let _ = writeln!(text, "left out: {name}: {why}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::results;
    use super::*;

    #[test]
    fn everything_is_there() {
        let text = text(&results());
        assert!(text.contains("other     P"), "{text}");
        assert!(text.contains("×0.40"), "{text}");
        assert!(text.contains("cannot: other at many-to-one-2: it is small"));
        assert!(text.contains("failed: other at many-to-one-1: it fell over"));
        assert!(text.contains("left out: absent: nobody built it"));
    }
}
