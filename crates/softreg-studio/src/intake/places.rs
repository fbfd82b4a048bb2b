//! Where uploaded files go: their labels as folders, under names that every system takes.

use super::Arrived;
use crate::problem::{Answer, Problem};
use crate::shelf::is_plain;
use softreg_run::claim;
use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

/// The parts of a name as the browser gives it.
fn parts(given: &str) -> Vec<&str> {
    given.split(['/', '\\']).filter(|part| !part.is_empty()).collect()
}

/// Whether a file, or a folder that it is in, is one that systems keep for themselves.
pub(super) fn is_hidden(given: &str) -> bool {
    parts(given).iter().any(|part| part.starts_with('.'))
}

/// Refuses names that lead elsewhere: no browser gives them.
///
/// # Errors
/// 400.
pub(super) fn check(arrived: &[Arrived]) -> Answer<()> {
    let leads = |given: &str| parts(given).is_empty() || parts(given).contains(&"..");
    match arrived.iter().find(|(given, _)| leads(given)) {
        Some((given, _)) => Err(Problem::wrong(format!("`{given}` is not a valid file name"))),
        None => Ok(()),
    }
}

/// Moves files into `folder`, which is made: each into that of its label, where it has one, and never over another.
///
/// As in training, a label is the first folder that not all have in common.
///
/// # Errors
/// When they cannot be moved.
pub(super) fn settle(folder: &Path, files: &[Arrived]) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let names: Vec<Vec<&str>> = files.iter().map(|(given, _)| parts(given)).collect();
    let folders = |name: &Vec<&str>| name.len().saturating_sub(1);
    let deepest = names.iter().map(folders).min().unwrap_or(0);
    let first = names.first().cloned().unwrap_or_default();
    let shared =
        (0..deepest).take_while(|i| names.iter().all(|name| name[*i] == first[*i])).count();
    let mut labels = Names::default();
    let mut within: HashMap<String, Names> = HashMap::new();
    for ((_, from), name) in files.iter().zip(&names) {
        let own = name.get(shared).filter(|_| folders(name) > shared);
        let label = own.map_or_else(String::new, |own| labels.of(own));
        let to = folder.join(&label);
        fs::create_dir_all(&to)?;
        let file = within.entry(label).or_default().reserve(&to, name.last().unwrap_or(&""))?;
        fs::rename(from, to.join(file))?;
    }
    Ok(())
}

/// Names of our own by given ones.
#[derive(Default)]
struct Names {
    own: HashMap<String, String>,
    /// Those of our own, in small letters.
    taken: HashSet<String>,
    /// How often a name was asked for.
    asked: HashMap<String, usize>,
}

impl Names {
    /// The name for a label, always the same.
    fn of(&mut self, given: &str) -> String {
        if let Some(own) = self.own.get(given) {
            return own.clone();
        }
        let mut numbered = (1..).map(|i| numbered(given, i));
        // The numbers do not end before the labels do.
        let own =
            numbered.find(|own| !self.taken.contains(&own.to_lowercase())).unwrap_or_default();
        self.taken.insert(own.to_lowercase());
        self.own.insert(given.to_owned(), own.clone());
        own
    }

    /// A name for a file that is not in `folder` yet, where it is reserved.
    fn reserve(&mut self, folder: &Path, given: &str) -> std::io::Result<String> {
        let asked = self.asked.entry(given.to_lowercase()).or_default();
        loop {
            *asked += 1;
            let name = numbered(given, *asked);
            match File::create_new(folder.join(&name)) {
                Ok(_) => return Ok(name),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Longest ending that is kept.
const ENDING: usize = 10;

/// The `nth` name of our own for a given one: the first is the given one itself where that is plain.
fn numbered(given: &str, nth: usize) -> String {
    if nth == 1 && is_plain(given) {
        return given.to_owned();
    }
    let (stem, ending) = match given.rsplit_once('.') {
        Some((stem, ending))
            if ending.len() <= ENDING && ending.chars().all(char::is_alphanumeric) =>
        {
            (stem, format!(".{ending}"))
        }
        _ => (given, String::new()),
    };
    match nth {
        1 => format!("{}{ending}", claim::stem(stem)),
        _ => format!("{}-{nth}{ending}", claim::stem(stem)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where files of these names end up.
    fn settled(names: &[&str]) -> Vec<String> {
        let place = tempfile::tempdir().unwrap();
        let files: Vec<Arrived> = names
            .iter()
            .enumerate()
            .map(|(i, name)| {
                let path = place.path().join(i.to_string());
                softreg_run::atomic::write(&path, name.as_bytes()).unwrap();
                ((*name).to_owned(), path)
            })
            .collect();
        let folder = place.path().join("pictures");
        settle(&folder, &files).unwrap();
        let mut found = Vec::new();
        let mut open = vec![folder.clone()];
        while let Some(next) = open.pop() {
            for entry in fs::read_dir(next).unwrap().flatten() {
                match entry.path().is_dir() {
                    true => open.push(entry.path()),
                    false => {
                        let path = entry.path();
                        let within = path.strip_prefix(&folder).unwrap().display().to_string();
                        found.push(within.replace('\\', "/"));
                    }
                }
            }
        }
        found.sort();
        assert_eq!(found.len(), names.len());
        found
    }

    #[test]
    fn folders_that_differ_are_labels() {
        assert_eq!(settled(&["a.png"]), ["a.png"]);
        assert_eq!(settled(&["art/a.png", "art/b.png"]), ["a.png", "b.png"]);
        assert_eq!(settled(&["art/owl/a.png", "art/fox/a.png"]), ["fox/a.png", "owl/a.png"]);
        // Several folders at once.
        assert_eq!(settled(&["owls/1.png", "foxes/1.png"]), ["foxes/1.png", "owls/1.png"]);
        assert_eq!(
            settled(&["a/birds/owl/1.png", "a/cats/owl/1.png"]),
            ["birds/1.png", "cats/1.png"]
        );
        assert_eq!(settled(&["art/a.png", "art/owl/b.png"]), ["a.png", "owl/b.png"]);
    }

    #[test]
    fn odd_names_become_names_of_our_own() {
        assert_eq!(settled(&["a.png", "a.png", "A.png"]).len(), 3);
        assert_eq!(settled(&["a.png", "a.png", "a-2.png"]), ["a-2-2.png", "a-2.png", "a.png"]);
        assert_eq!(settled(&["10:11:12.png"]), ["10-11-12.png"]);
        let long = format!("{}.png", "x".repeat(110));
        assert_eq!(settled(&[&long]), [format!("{}.png", "x".repeat(80))]);
        let labels = ["art/a:b/1.png", "art/a?b/1.png", "art/a-b/1.png", "art/c/1.png"];
        let kept = if cfg!(windows) { "a-b-3/1.png" } else { "a?b/1.png" };
        let mut expected = ["a-b-2/1.png", "a-b/1.png", "c/1.png", kept];
        expected.sort_unstable();
        assert_eq!(settled(&labels), expected);
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for bad in ["", "/", "../a.png", "x/../../a.png", "x\\..\\a.png"] {
            assert!(check(&[(bad.to_owned(), "x".into())]).is_err(), "{bad}");
        }
        assert!(check(&[("C:\\x\\a.png".to_owned(), "x".into())]).is_ok());
        assert!(is_hidden(".DS_Store") && is_hidden("a/.b/c.png") && !is_hidden("a.b/c.png"));
    }
}
