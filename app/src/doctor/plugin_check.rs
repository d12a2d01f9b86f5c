//! The check of `doctor` that looks where hosts look for the plugin. Main thread.

use std::path::{Path, PathBuf};

use super::Check;

/// The names of the bundles.
const CLAP: &str = "Anacrusis.clap";
const VST3: &str = "Anacrusis.vst3";

/// Where this system's hosts look, the user's own folders first.
pub(super) fn plugins() -> Check {
    let variable = |name: &'static str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    found_in(&folders(variable))
}

/// Folder and bundle (CLAP `entry.h`; VST3 SDK documentation "Plug-in Locations").
fn folders(variable: impl Fn(&'static str) -> Option<PathBuf>) -> Vec<PathBuf> {
    let home = variable("HOME");
    let mut places: Vec<(PathBuf, &str)> = Vec::new();
    if cfg!(target_os = "macos") {
        for root in [home.map(|home| home.join("Library")), Some(PathBuf::from("/Library"))].into_iter().flatten() {
            places.extend([(root.join("Audio/Plug-Ins/CLAP"), CLAP), (root.join("Audio/Plug-Ins/VST3"), VST3)]);
        }
    } else if cfg!(target_os = "windows") {
        let own = variable("LOCALAPPDATA").map(|local| local.join("Programs").join("Common"));
        for root in [own, variable("COMMONPROGRAMFILES")].into_iter().flatten() {
            places.extend([(root.join("CLAP"), CLAP), (root.join("VST3"), VST3)]);
        }
    } else {
        if let Some(home) = home {
            places.extend([(home.join(".clap"), CLAP), (home.join(".vst3"), VST3)]);
        }
        for root in ["/usr/lib", "/usr/local/lib"].map(Path::new) {
            places.extend([(root.join("clap"), CLAP), (root.join("vst3"), VST3)]);
        }
    }
    // Hosts look into the folders of this variable too (CLAP `entry.h`).
    let listed = variable("CLAP_PATH").map(|paths| std::env::split_paths(&paths).map(|folder| (folder, CLAP)).collect::<Vec<_>>());
    places.extend(listed.unwrap_or_default());
    places.into_iter().map(|(folder, bundle)| folder.join(bundle)).collect()
}

fn found_in(places: &[PathBuf]) -> Check {
    const NAME: &str = "plugin";
    let there: Vec<&PathBuf> = places.iter().filter(|path| path.exists()).collect();
    let kind_twice = [CLAP, VST3].into_iter().find(|bundle| there.iter().filter(|path| path.ends_with(bundle)).count() > 1);
    let named = there.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    if there.is_empty() {
        let folders: Vec<String> =
            places.iter().filter_map(|path| path.parent()).map(|folder| folder.display().to_string()).take(2).collect();
        return Check::advice(
            NAME,
            "not installed where hosts look",
            format!(
                "`cargo xtask install` puts it there, or copy the bundles to {}; the command line works without it",
                folders.join(" and ")
            ),
        );
    }
    match kind_twice {
        Some(bundle) => Check::advice(NAME, named, format!("delete all but one {bundle}: hosts choose one of them, maybe the older")),
        None => Check::ok(NAME, named),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    fn places(home: &Path) -> Vec<PathBuf> {
        vec![home.join("own").join(CLAP), home.join("own").join(VST3), home.join("all").join(CLAP)]
    }

    #[test]
    fn what_is_installed_is_shown_and_what_is_not_comes_with_the_way() {
        let home = tempfile::tempdir().unwrap();
        let places = places(home.path());
        let missing = found_in(&places);
        assert!(missing.status == Status::Note && missing.fix.unwrap().contains("xtask install"));
        std::fs::create_dir_all(&places[1]).unwrap();
        let check = found_in(&places);
        assert_eq!((check.status, check.detail), (Status::Ok, places[1].display().to_string()));
    }

    #[test]
    fn two_of_a_kind_are_one_too_many() {
        let home = tempfile::tempdir().unwrap();
        let places = places(home.path());
        for place in &places {
            std::fs::create_dir_all(place).unwrap();
        }
        let check = found_in(&places);
        assert!(check.status == Status::Note && check.fix.unwrap().contains("all but one Anacrusis.clap"));
    }

    #[test]
    fn the_folders_follow_the_variables() {
        let all = folders(|name| match name {
            "HOME" | "LOCALAPPDATA" => Some(PathBuf::from("/home/me")),
            "CLAP_PATH" => std::env::join_paths(["/x", "/y"]).ok().map(PathBuf::from),
            _ => None,
        });
        assert!(all[0].starts_with("/home/me") && all[0].ends_with(CLAP) && all[1].ends_with(VST3), "{all:?}");
        assert!(all.contains(&PathBuf::from("/x").join(CLAP)) && all.contains(&PathBuf::from("/y").join(CLAP)));
        assert!(!folders(|_| None).iter().any(|path| path.starts_with("/home")));
    }
}
