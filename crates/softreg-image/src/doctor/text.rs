//! The report as calm text for a terminal: what is there, what is wrong, what will happen.

use std::fmt;

use super::Report;

/// How many entries of a list are written out.
const SHOWN: usize = 5;
/// How many classes are written out.
const SHOWN_CLASSES: usize = 12;
/// Columns a line may take.
const WIDTH: usize = 88;

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{} ({})", self.spec, self.source)?;
        writeln!(out)?;
        let formats: Vec<String> =
            self.formats.iter().map(|(name, count)| format!("{count} {name}")).collect();
        line(out, "Pictures", &format!("{} ({})", self.pictures, formats.join(", ")))?;
        let sizes: Vec<String> = self
            .sizes
            .common
            .iter()
            .map(|size| format!("{}x{} ({})", size.width, size.height, size.count))
            .collect();
        line(out, "Sizes", &listed(&sizes, self.sizes.distinct))?;
        if self.sizes.distinct > 1 {
            let ((w, h), (wide, high)) = (self.sizes.smallest, self.sizes.largest);
            line(out, "", &format!("smallest {w}x{h}, largest {wide}x{high}"))?;
        }
        for (name, count) in [
            ("Transparent", self.transparent),
            ("Grey", self.grey),
            ("Animated", self.animated),
            ("One colour", self.flat),
            ("Hidden", self.hidden),
            ("Own output", self.written),
        ] {
            if count > 0 {
                line(out, name, &count.to_string())?;
            }
        }
        if !self.classes.is_empty() {
            let classes: Vec<String> = self
                .classes
                .iter()
                .take(SHOWN_CLASSES)
                .map(|class| format!("{} ({})", class.name, class.count))
                .collect();
            line(
                out,
                "Classes",
                &format!("{}: {}", self.classes.len(), listed(&classes, self.classes.len())),
            )?;
            if let Some(class) = &self.smallest_class {
                line(out, "", &format!("smallest: {} ({})", class.name, class.count))?;
            }
        }
        if let Some(guess) = &self.sheets {
            let cells = guess.cells;
            let what =
                format!("sprite sheets of {cells} cells: train on '{}' to learn these", guess.spec);
            line(out, "Looks like", &what)?;
        }
        if !self.ignored.is_empty() {
            let endings: Vec<String> = self
                .ignored
                .iter()
                .map(|(ending, count)| match ending.as_str() {
                    "" => format!("{count} without extension"),
                    ending => format!("{count} .{ending}"),
                })
                .collect();
            line(out, "Not pictures", &endings.join(", "))?;
        }
        groups(out, "Exact copies", &self.duplicates)?;
        match &self.near_duplicates {
            Some(near) => groups(out, "Near copies", near)?,
            None => line(out, "Near copies", "not searched for in this many pictures")?,
        }
        for (title, all) in [("Unreadable", &self.unreadable), ("Left out of sheets", &self.cells)]
        {
            if all.is_empty() {
                continue;
            }
            writeln!(out)?;
            writeln!(out, "{title} ({})", all.len())?;
            for skipped in all.iter().take(SHOWN * 4) {
                writeln!(out, "  {}: {}", shown(&skipped.name), shown(&skipped.reason))?;
            }
            more(out, all.len(), SHOWN * 4)?;
        }
        writeln!(out)?;
        writeln!(out, "What training will do")?;
        for sentence in &self.plan {
            wrapped(out, "  - ", "    ", sentence)?;
        }
        Ok(())
    }
}

fn line(out: &mut fmt::Formatter<'_>, name: &str, value: &str) -> fmt::Result {
    wrapped(out, &format!("{name:<14}"), &" ".repeat(14), value)
}

fn groups(out: &mut fmt::Formatter<'_>, name: &str, groups: &[Vec<String>]) -> fmt::Result {
    if groups.is_empty() {
        return line(out, name, "none");
    }
    let pictures: usize = groups.iter().map(Vec::len).sum();
    let noun = if groups.len() == 1 { "group" } else { "groups" };
    line(out, name, &format!("{pictures} pictures in {} {noun}", groups.len()))?;
    for group in groups.iter().take(SHOWN) {
        let names = listed(&group[..group.len().min(SHOWN)], group.len());
        wrapped(out, "  - ", "    ", &names)?;
    }
    more(out, groups.len(), SHOWN)
}

fn more(out: &mut fmt::Formatter<'_>, count: usize, shown: usize) -> fmt::Result {
    if count > shown { writeln!(out, "    and {} more", count - shown) } else { Ok(()) }
}

/// The entries with commas, and how many there are beyond them.
fn listed(shown: &[String], count: usize) -> String {
    let rest = count - shown.len();
    let tail = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    shown.join(", ") + &tail
}

/// Text with what would steer a terminal written out: names of files may hold it.
fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

fn wrapped(out: &mut fmt::Formatter<'_>, first: &str, next: &str, text: &str) -> fmt::Result {
    let (mut line, text) = (first.to_owned(), shown(text));
    let mut empty = true;
    for word in text.split(' ') {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(out, "{line}")?;
            line = next.to_owned();
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    writeln!(out, "{}", line.trim_end())
}
