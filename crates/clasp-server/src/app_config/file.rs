//! The file with the rules: found where it is said to be, or where it usually is, and read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::error::{AppConfigError, Finding};
use super::{AppConfig, Fault};
use crate::config::AppConfigFile;
use crate::limits::APP_CONFIG_BYTES_MAX;

/// The rules that are asked for, if there are some, and what has to be said about them.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) config: Option<AppConfig>,
    pub(crate) remarks: Vec<Remark>,
}

/// Something to know about the file with the rules.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Remark {
    /// Somebody named it.
    #[error("Rules of the application: {path}")]
    Named { path: PathBuf },
    /// Nobody named it.
    #[error(
        "Rules of the application: {path}, found as the only *.json of its folder; \
         to run with others, name them with --app-config"
    )]
    Detected { path: PathBuf },
    /// It could be one of several.
    #[error(
        "{folder} has {count} files *.json, and none of them is taken: name one with --app-config"
    )]
    Ambiguous { folder: PathBuf, count: usize },
    /// A part of it does nothing, or not what it seems.
    #[error("{path}: {finding}")]
    Doubt { path: PathBuf, finding: Finding },
}

impl Remark {
    /// True if there is something to put right.
    pub(crate) fn is_warning(&self) -> bool {
        matches!(self, Self::Ambiguous { .. } | Self::Doubt { .. })
    }
}

/// Looks for the rules where they are said to be.
///
/// # Errors
/// Every problem at once.
pub(crate) fn find(file: &AppConfigFile) -> Result<Found, Vec<AppConfigError>> {
    find_in(file, &FOLDERS.map(Path::new))
}

fn find_in(file: &AppConfigFile, folders: &[&Path]) -> Result<Found, Vec<AppConfigError>> {
    let mut found = Found::default();
    let path = match file {
        AppConfigFile::None => None,
        AppConfigFile::At(path) => {
            let path = path.clone();
            found.remarks.push(Remark::Named { path: path.clone() });
            Some(path)
        }
        AppConfigFile::Detect => {
            detect(folders, &mut found.remarks).map_err(|error| vec![error])?
        }
    };
    if let Some(path) = path {
        let (config, findings) = AppConfig::read(&path)?;
        found.config = Some(config);
        let doubts = findings.into_iter().map(|finding| Remark::Doubt {
            path: path.clone(),
            finding,
        });
        found.remarks.extend(doubts);
    }
    Ok(found)
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
fn detect(folders: &[&Path], remarks: &mut Vec<Remark>) -> Result<Option<PathBuf>, AppConfigError> {
    for folder in folders {
        let files = candidates(folder).map_err(|error| AppConfigError::List {
            folder: (*folder).to_owned(),
            kind: error.kind(),
        })?;
        match files.as_slice() {
            [] => {}
            [path] => {
                let path = path.clone();
                remarks.push(Remark::Detected { path: path.clone() });
                return Ok(Some(path));
            }
            several => remarks.push(Remark::Ambiguous {
                folder: (*folder).to_owned(),
                count: several.len(),
            }),
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
        for (etc, own, expected, ambiguous) in [
            (&["a.json"][..], none, Some("a.json"), 0),
            (&["a.json"], &["b.json"][..], Some("a.json"), 0),
            (&["a.json", "b.json"], &["c.json"], Some("c.json"), 1),
            (&["a.json", "b.json"], &["c.json", "d.json"], None, 2),
            (none, &["c.json", "d.toml"], Some("c.json"), 0),
            (
                &["a.JSON", ".b.json", "json"],
                &["c.json"],
                Some("c.json"),
                0,
            ),
            (none, none, None, 0),
        ] {
            let (first, second) = (folder(etc), folder(own));
            // A folder of that name is no file.
            fs::create_dir(second.path().join("z.json")).unwrap();
            let missing = first.path().join("missing");
            let folders = [missing.as_path(), first.path(), second.path()];
            let found = find_in(&AppConfigFile::Detect, &folders).unwrap();
            let detected = found.remarks.iter().find_map(|remark| match remark {
                Remark::Detected { path } => path.file_name().and_then(|name| name.to_str()),
                _ => None,
            });
            assert_eq!(detected, expected, "{etc:?} {own:?}");
            assert_eq!(found.config.is_some(), expected.is_some());
            let warnings = found.remarks.iter().filter(|remark| remark.is_warning());
            assert_eq!(warnings.count(), ambiguous, "{etc:?} {own:?}");
        }
        let none = find_in(&AppConfigFile::None, &[]).unwrap();
        assert!(none.config.is_none() && none.remarks.is_empty());
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
        fs::write(path("good.json"), "{\"rules\": []}").unwrap();
        let found = find(&AppConfigFile::At(path("good.json"))).unwrap();
        let remarks: Vec<String> = found.remarks.iter().map(ToString::to_string).collect();
        let good = path("good.json").display().to_string();
        let ignored = "rules: is no member that the relay knows, and is ignored";
        assert_eq!(
            remarks,
            [
                format!("Rules of the application: {good}"),
                format!("{good}: {ignored}")
            ]
        );
    }
}
