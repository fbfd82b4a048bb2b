//! Aligned columns for a terminal.

/// A table whose last column is wrapped.
pub(crate) struct Table {
    /// One word above each column.
    pub heads: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// A row of a [`Table`].
pub(crate) struct Row {
    /// One text for each column.
    pub cells: Vec<String>,
    /// More lines below the last column.
    pub below: Vec<String>,
}

/// Columns of characters that a line may take.
const WIDTH: usize = 100;
/// Spaces between columns.
const GAP: usize = 2;

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let last = self.heads.len().saturating_sub(1);
        let widths: Vec<usize> = (0..last)
            .map(|i| {
                let cells = self.rows.iter().map(|row| length(&row.cells[i]));
                cells.chain([length(&self.heads[i])]).max().unwrap_or(0) + GAP
            })
            .collect();
        let indent: usize = widths.iter().sum();
        let line = |f: &mut std::fmt::Formatter<'_>, cells: &[String], below: &[String]| {
            for (cell, width) in cells.iter().zip(&widths) {
                write!(f, "{cell}{}", " ".repeat(width - length(cell)))?;
            }
            let texts = cells.get(last).into_iter().chain(below);
            let lines = texts.flat_map(|text| wrap(text, WIDTH - indent));
            for (i, text) in lines.enumerate() {
                let start = if i == 0 { 0 } else { indent };
                writeln!(f, "{}{text}", " ".repeat(start))?;
            }
            Ok(())
        };
        line(f, &self.heads, &[])?;
        self.rows.iter().try_for_each(|row| line(f, &row.cells, &row.below))
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// Lines of at most `width` characters, broken at spaces.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if length(line) + 1 + length(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_and_the_last_is_wrapped() {
        let cells = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        let long = "word ".repeat(40).trim_end().to_owned();
        let rows = vec![Row { cells: cells("σ²", &long), below: vec!["more".to_owned()] }];
        let text = Table { heads: cells("NAME", "WHAT"), rows }.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "NAME  WHAT");
        assert!(lines[1].starts_with("σ²    word"), "{text}");
        assert!(
            lines[2].starts_with("      word") && lines.last() == Some(&"      more"),
            "{text}"
        );
        assert!(lines.iter().all(|line| length(line) <= WIDTH));
        assert_eq!(text.matches("word").count(), 40);
    }
}
