//! Where the program keeps what it makes: jobs and recorded sessions. Main thread.

use std::path::PathBuf;

/// Overrides the folder for data.
pub const DATA_VARIABLE: &str = "ANACRUSIS_DATA_DIR";

/// The user's folder for data, which need not exist: `$ANACRUSIS_DATA_DIR`, else `data` in `$ANACRUSIS_CONFIG_DIR`, else where the
/// system has such. `None` where no variable says where.
pub fn data_folder() -> Option<PathBuf> {
    folder_from(|name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
}

fn folder_from(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let beside_settings = || variable(super::FOLDER_VARIABLE).map(|folder| folder.join("data"));
    variable(DATA_VARIABLE).or_else(beside_settings).or_else(|| {
        let folder = if cfg!(target_os = "windows") {
            variable("LOCALAPPDATA")
        } else if cfg!(target_os = "macos") {
            variable("HOME").map(|home| home.join("Library/Application Support"))
        } else {
            // A relative XDG path is to be ignored (XDG Base Directory Specification 0.8).
            let xdg = variable("XDG_DATA_HOME").filter(|path| path.is_absolute());
            xdg.or_else(|| variable("HOME").map(|home| home.join(".local/share")))
        };
        folder.map(|folder| folder.join("anacrusis"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(variables: &[(&str, &str)]) -> Option<PathBuf> {
        folder_from(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| PathBuf::from(value)))
    }

    #[test]
    fn the_nearest_variable_counts() {
        assert_eq!(folder(&[("ANACRUSIS_DATA_DIR", "/a"), ("ANACRUSIS_CONFIG_DIR", "/b")]), Some("/a".into()));
        assert_eq!(folder(&[("ANACRUSIS_CONFIG_DIR", "/b")]), Some(PathBuf::from("/b").join("data")));
        assert_eq!(folder(&[]), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_has_its_own() {
        assert_eq!(folder(&[("HOME", "/h"), ("XDG_DATA_HOME", "/x")]), Some("/x/anacrusis".into()));
        assert_eq!(folder(&[("HOME", "/h"), ("XDG_DATA_HOME", "x")]), Some("/h/.local/share/anacrusis".into()));
    }
}
