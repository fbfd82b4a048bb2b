//! What a source holds, before any picture is decoded.

use std::collections::BTreeMap;

use crate::collection::Skipped;

/// The pictures of a source in their fixed order, and what was left out.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Where each picture is from, for people: a path below the root, or file and record number.
    pub names: Vec<String>,
    /// The class of each picture, when the source has classes.
    pub labels: Option<Vec<u32>>,
    /// The names of the classes; empty without labels. A limit leaves them all in place.
    pub classes: Vec<String>,
    /// Files that are no pictures, counted by ending (lower case, "" for none).
    pub ignored: BTreeMap<String, usize>,
    /// Hidden files and folders passed over.
    pub hidden: usize,
    /// Folders that this program wrote, passed over: what was generated is not learned from.
    pub written: Vec<Skipped>,
    /// Parts of sheets that are no pictures: cells that are empty or cut off, files that are smaller than a cell.
    pub cells: Vec<Skipped>,
    /// Pictures that are known to be out of reach already.
    pub skipped: Vec<Skipped>,
}

impl Listing {
    /// Sets the classes from the folders in the names, whose parts are separated by `/`.
    ///
    /// Only when every picture lies in a sub-folder: past the folders that all have in common,
    /// the next one is the class. Class names are sorted.
    pub(crate) fn label_by_folder(&mut self) {
        let folders: Vec<Vec<&str>> = self
            .names
            .iter()
            .map(|name| {
                let mut parts: Vec<&str> = name.split('/').collect();
                parts.pop();
                parts
            })
            .collect();
        let Some(first) = folders.first() else { return };
        let shared =
            |depth: usize| folders.iter().all(|parts| parts.get(depth) == first.get(depth));
        let mut depth = 0;
        while depth < first.len() && shared(depth) {
            depth += 1;
        }
        let Some(own) = folders.iter().map(|parts| parts.get(depth)).collect::<Option<Vec<_>>>()
        else {
            return;
        };
        let mut classes = own.clone();
        classes.sort();
        classes.dedup();
        let labels = own
            .iter()
            .filter_map(|name| classes.binary_search(name).ok())
            .map(|label| label as u32)
            .collect();
        let classes = classes.into_iter().map(|name| (*name).to_owned()).collect();
        self.labels = Some(labels);
        self.classes = classes;
    }

    /// Keeps the first `limit` pictures.
    pub(crate) fn truncate(&mut self, limit: Option<usize>) {
        let limit = limit.unwrap_or(usize::MAX);
        self.names.truncate(limit);
        if let Some(labels) = &mut self.labels {
            labels.truncate(limit);
        }
    }

    /// What there is instead of pictures, as a clause.
    pub(crate) fn instead_of_pictures(&self) -> String {
        let mut found = Vec::new();
        let others: usize = self.ignored.values().sum();
        if others > 0 {
            let endings: Vec<String> = self
                .ignored
                .iter()
                .map(|(ending, count)| match ending.as_str() {
                    "" => format!("{count} without extension"),
                    ending => format!("{count} .{ending}"),
                })
                .collect();
            found.push(format!("{others} other file(s) ({})", endings.join(", ")));
        }
        if self.hidden > 0 {
            found.push(format!("{} hidden file(s) or folder(s)", self.hidden));
        }
        if let Some(first) = self.skipped.first() {
            let count = self.skipped.len();
            found.push(format!(
                "{count} inaccessible picture(s), the first '{}': {}",
                first.name, first.reason
            ));
        }
        if found.is_empty() { "it is empty".to_owned() } else { found.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(names: &[&str]) -> Listing {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let mut listing = Listing { names, ..Listing::default() };
        listing.label_by_folder();
        listing
    }

    #[test]
    fn the_first_folder_that_varies_is_the_class() {
        let listing = labelled(&["dog/1.png", "cat/1.png", "dog/old/2.png"]);
        assert_eq!(listing.classes, ["cat", "dog"]);
        assert_eq!(listing.labels, Some(vec![1, 0, 1]));
        let listing = labelled(&["all/train/dog/1.png", "all/train/cat/1.png"]);
        assert_eq!(listing.labels, Some(vec![1, 0]));
    }

    #[test]
    fn no_classes_when_a_picture_lies_outside_or_nothing_varies() {
        for names in [
            &["dog/1.png", "2.png"][..],
            &["1.png", "2.png"],
            &["dog/1.png", "dog/2.png"],
            &["all/dog/1.png", "all/2.png"],
            &[],
        ] {
            let listing = labelled(names);
            assert_eq!((listing.labels, listing.classes.len()), (None, 0), "{names:?}");
        }
    }
}
