//! Text between two marker lines of a document, so that what a command writes is never copied by hand.

use std::fs;
use std::path::Path;

use crate::error::TaskError;

/// A stretch of a document that a command writes.
#[derive(Debug, Clone, Copy)]
pub struct Marked {
    /// What it holds, unique in its document.
    pub name: &'static str,
    /// The command that writes it.
    pub command: &'static str,
}

impl Marked {
    fn begin(self) -> String {
        format!("<!-- {}: begin, written by `{}` -->", self.name, self.command)
    }

    fn end(self) -> String {
        format!("<!-- {}: end -->", self.name)
    }

    /// The document with `content` between the markers, or `None` where they are missing.
    pub fn replace(self, document: &str, content: &str) -> Option<String> {
        let (begin, end) = (self.begin(), self.end());
        let (before, rest) = document.split_once(&begin)?;
        let (_, after) = rest.split_once(&end)?;
        Some(format!("{before}{begin}\n{content}{end}{after}"))
    }

    /// Writes `content` into the file at `path`, or with `check` only compares.
    ///
    /// # Errors
    /// A file that cannot be read or written, lacks the markers, or (with `check`) holds something else.
    pub fn write(self, path: &Path, content: &str, check: bool) -> Result<(), TaskError> {
        let document = fs::read_to_string(path).map_err(|e| TaskError::io(path, e))?;
        let lacks = || TaskError::Failed(format!("{} lacks the lines {} and {}", path.display(), self.begin(), self.end()));
        let fresh = self.replace(&document, content).ok_or_else(lacks)?;
        match (check, fresh == document) {
            (_, true) => Ok(()),
            (true, false) => Err(TaskError::Stale { path: path.to_owned(), remedy: self.command }),
            (false, false) => fs::write(path, fresh).map_err(|e| TaskError::io(path, e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Marked = Marked { name: "table", command: "make table" };

    #[test]
    fn only_what_stands_between_the_markers_is_replaced() {
        let document = "a\n<!-- table: begin, written by `make table` -->\nold\n<!-- table: end -->\nb\n";
        assert_eq!(TABLE.replace(document, "new\n").unwrap(), document.replace("old", "new"));
        assert_eq!(TABLE.replace("a", "new"), None);
    }

    #[test]
    fn a_stale_document_names_its_command() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("document.md");
        fs::write(&path, format!("{}\n{}\n", TABLE.begin(), TABLE.end())).unwrap();
        assert!(TABLE.write(&path, "x\n", true).unwrap_err().to_string().contains("run `make table`"));
        TABLE.write(&path, "x\n", false).unwrap();
        TABLE.write(&path, "x\n", true).unwrap();
    }
}
