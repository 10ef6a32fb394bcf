//! The file with the rules: found where it is said to be, or where it usually is, and read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::{AppConfigError, Finding};
use super::{AppConfig, Fault};
use crate::config::AppConfigFile;
use crate::limits::APP_CONFIG_BYTES_MAX;

/// Rules, and where they come from.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) config: AppConfig,
    pub(crate) path: PathBuf,
    /// Nobody named the file.
    pub(crate) is_detected: bool,
    /// What is in it that does nothing.
    pub(crate) warnings: Vec<Finding>,
}

/// The rules that are asked for, if there are some.
///
/// # Errors
/// Every problem at once.
pub(crate) fn find(file: &AppConfigFile) -> Result<Option<Found>, Vec<AppConfigError>> {
    find_in(file, &FOLDERS.map(Path::new))
}

fn find_in(file: &AppConfigFile, folders: &[&Path]) -> Result<Option<Found>, Vec<AppConfigError>> {
    let (path, is_detected) = match file {
        AppConfigFile::None => return Ok(None),
        AppConfigFile::At(path) => (path.clone(), false),
        AppConfigFile::Detect => match detect(folders).map_err(|error| vec![error])? {
            Some(path) => (path, true),
            None => return Ok(None),
        },
    };
    let (config, warnings) = AppConfig::read(&path)?;
    Ok(Some(Found {
        config,
        path,
        is_detected,
        warnings,
    }))
}

impl AppConfig {
    /// The rules in this file, and what is in it that does nothing.
    ///
    /// # Errors
    /// Every problem at once.
    pub(crate) fn read(path: &Path) -> Result<(Self, Vec<Finding>), Vec<AppConfigError>> {
        let text = read(path).map_err(|error| vec![error])?;
        Self::parse(&text).map_err(|findings| {
            let of_file = |finding| AppConfigError::Finding {
                path: path.to_owned(),
                finding,
            };
            findings.into_iter().map(of_file).collect()
        })
    }
}

fn read(path: &Path) -> Result<String, AppConfigError> {
    let refused = |error: io::Error| AppConfigError::Read {
        path: path.to_owned(),
        kind: error.kind(),
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(refused)?;
    let mut file = file.take(APP_CONFIG_BYTES_MAX + 1);
    file.read_to_end(&mut bytes).map_err(refused)?;
    if bytes.len() as u64 > APP_CONFIG_BYTES_MAX {
        let path = path.to_owned();
        return Err(AppConfigError::TooLarge { path });
    }
    String::from_utf8(bytes).map_err(|error| AppConfigError::Finding {
        path: path.to_owned(),
        finding: Finding {
            place: format!("byte {}", error.utf8_error().valid_up_to()),
            fault: Fault::Encoding,
        },
    })
}

/// The only `*.json` of the first folder that has just one. Which of several is meant, nobody can know.
fn detect(folders: &[&Path]) -> Result<Option<PathBuf>, AppConfigError> {
    for folder in folders {
        let mut files = candidates(folder).map_err(|error| AppConfigError::List {
            folder: (*folder).to_owned(),
            kind: error.kind(),
        })?;
        match files.as_slice() {
            [] => {}
            [_] => return Ok(files.pop()),
            several => tracing::warn!(
                "{} has {} files *.json, and none of them is taken: name one with --app-config",
                folder.display(),
                several.len()
            ),
        }
    }
    Ok(None)
}

/// Hidden files are what editors and mounts leave behind.
fn candidates(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if NO_FOLDER.contains(&error.kind()) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let is_json = path
            .extension()
            .is_some_and(|extension| extension == "json");
        let name = path.file_name().unwrap_or_default();
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        if is_json && !is_hidden && path.is_file() {
            files.push(path);
        }
    }
    Ok(files)
}

/// The second one is in the working directory.
const FOLDERS: [&str; 2] = ["/etc/clasp", "config"];

const NO_FOLDER: [io::ErrorKind; 2] = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            fs::write(folder.path().join(file), "{}").unwrap();
        }
        folder
    }

    #[test]
    fn the_first_folder_with_just_one_file_has_it() {
        let none: &[&str] = &[];
        for (etc, own, expected) in [
            (&["a.json"][..], none, Some("a.json")),
            (&["a.json"], &["b.json"][..], Some("a.json")),
            (&["a.json", "b.json"], &["c.json"], Some("c.json")),
            (&["a.json", "b.json"], &["c.json", "d.json"], None),
            (none, &["c.json", "d.toml"], Some("c.json")),
            (&["a.JSON", ".b.json", "json"], &["c.json"], Some("c.json")),
            (none, none, None),
        ] {
            let (first, second) = (folder(etc), folder(own));
            // A folder of that name is no file.
            fs::create_dir(second.path().join("z.json")).unwrap();
            let missing = first.path().join("missing");
            let folders = [missing.as_path(), first.path(), second.path()];
            let found = find_in(&AppConfigFile::Detect, &folders).unwrap();
            let name = found.as_ref().and_then(|found| found.path.file_name());
            assert_eq!(
                name.and_then(|name| name.to_str()),
                expected,
                "{etc:?} {own:?}"
            );
            assert!(found.is_none_or(|found| found.is_detected));
        }
        assert!(find_in(&AppConfigFile::None, &[]).unwrap().is_none());
    }

    #[test]
    fn a_file_that_cannot_be_used_says_why() {
        let folder = folder(&["good.json"]);
        let path = |name: &str| folder.path().join(name);
        fs::write(path("large.json"), vec![b' '; 1024 * 1024 + 1]).unwrap();
        fs::write(path("bytes.json"), b"{}\xff").unwrap();
        fs::write(path("text.json"), "{\n  \"scopes\": [,]\n}").unwrap();
        fs::write(path("two.json"), r#"{"scopes": 1, "strict_read": "yes"}"#).unwrap();
        for (name, expected) in [
            ("missing.json", &["entity not found: expected a file"][..]),
            (".", &["is a directory: expected a file"]),
            (
                "large.json",
                &["expected at most 1048576 bytes, found more"],
            ),
            ("bytes.json", &["byte 2: expected UTF-8"]),
            ("text.json", &["line 2: expected JSON: expected value"]),
            (
                "two.json",
                &[
                    "scopes: expected an array, found 1",
                    "strict_read: expected true or false, found \"yes\"",
                ],
            ),
        ] {
            let path = path(name);
            let errors = find(&AppConfigFile::At(path.clone())).unwrap_err();
            assert_eq!(errors.len(), expected.len(), "{errors:?}");
            for (error, expected) in errors.iter().zip(expected) {
                let start = format!("--app-config {}: {expected}", path.display());
                assert!(error.to_string().starts_with(&start), "{error}");
            }
        }
        let found = find(&AppConfigFile::At(path("good.json")))
            .unwrap()
            .unwrap();
        assert!(!found.is_detected);
    }
}
