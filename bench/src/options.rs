//! The command line: a scenario and `--name value` pairs.

use anyhow::{Result, bail};
use std::collections::HashMap;

pub(crate) struct Options {
    pub(crate) scenario: String,
    values: HashMap<String, String>,
}

impl Options {
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut options = Self {
            scenario: String::new(),
            values: HashMap::new(),
        };
        while let Some(argument) = arguments.next() {
            match argument.strip_prefix("--") {
                Some(name) => {
                    let value = arguments.next().unwrap_or_default();
                    options.values.insert(name.to_string(), value);
                }
                None => options.scenario = argument,
            }
        }
        options
    }

    pub(crate) fn number(&self, name: &str, default: f64) -> Result<f64> {
        let Some(value) = self.values.get(name) else {
            return Ok(default);
        };
        match value.parse() {
            Ok(number) => Ok(number),
            Err(_) => bail!("--{name} needs a number, found {value:?}"),
        }
    }

    pub(crate) fn count(&self, name: &str, default: usize) -> Result<usize> {
        Ok(self.number(name, default as f64)? as usize)
    }

    pub(crate) fn text(&self, name: &str, default: &str) -> String {
        self.values
            .get(name)
            .map_or(default, String::as_str)
            .to_string()
    }

    pub(crate) fn is_yes(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| value == "yes")
    }
}
