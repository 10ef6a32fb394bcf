//! The rules of the application in a plan: where they are found, and what they say to whoever asks.

use clasp_proto::{Address, AddressError};

use super::Plan;
use crate::app_config::{self, AppConfig, Found};
use crate::config::Config;
use crate::config_error::ConfigError;

impl Plan {
    /// What has to be said about the rules of the application, a line each: which file has them, and what in it
    /// does not do what it seems.
    pub fn remarks(&self) -> impl Iterator<Item = String> {
        self.remarks.iter().map(ToString::to_string)
    }

    /// What the rules of the application say about an address and a user, or a session without user.
    ///
    /// # Errors
    /// It is no address.
    pub fn explain(&self, address: &str, user: Option<&str>) -> Result<String, AddressError> {
        Address::check(address)?;
        Ok(match &self.app_config {
            Some(rules) => rules.explain(address, user.unwrap_or_default()),
            None => "There are no rules of an application: --app-config names none, and none was found. \
                     Nothing is checked, hidden or left out but by scopes.\n"
                .to_owned(),
        })
    }
}

/// The rules that are asked for.
pub(super) fn find(config: &Config, errors: &mut Vec<ConfigError>) -> Found {
    app_config::find(&config.app_config).unwrap_or_else(|problems| {
        errors.extend(problems.into_iter().map(ConfigError::AppConfig));
        Found::default()
    })
}

/// An option wins over the rules, and they win over the default.
pub(super) fn messages_per_second(config: &Config, rules: Option<&AppConfig>) -> u32 {
    let ruled = || rules?.rate_limits().messages_per_second;
    let asked = config.messages_per_second_asked.or_else(ruled);
    asked.unwrap_or(config.messages_per_second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AppConfigFile;

    fn config(rules: &str) -> (tempfile::TempDir, Config) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.json");
        std::fs::write(&path, rules).unwrap();
        let app_config = AppConfigFile::At(path);
        let config = Config {
            app_config,
            ..Config::development()
        };
        (folder, config)
    }

    #[test]
    fn an_option_wins_over_the_rules_and_those_over_the_default() {
        let some = r#"{"rate_limits": {"max_messages_per_second": 7}}"#;
        for (rules, asked, expected) in [
            ("{}", None, 1000),
            (some, None, 7),
            (some, Some(0), 0),
            (some, Some(3), 3),
            ("{}", Some(3), 3),
        ] {
            let (_folder, mut config) = config(rules);
            config.messages_per_second_asked = asked;
            let plan = Plan::new(&config).unwrap();
            assert_eq!(
                plan.router.messages_per_second, expected,
                "{rules} {asked:?}"
            );
        }
    }

    #[test]
    fn problems_of_the_rules_are_told_with_all_others() {
        let (_folder, mut config) = config(r#"{"scopes": ["see:/a"], "write_rules": {}}"#);
        config.name = String::new();
        let errors = Plan::new(&config).unwrap_err().to_string();
        let AppConfigFile::At(path) = &config.app_config else {
            unreachable!("was set above")
        };
        let start = format!("--app-config {}: ", path.display());
        let places = ["scopes[0]: the action", "write_rules: expected an array"];
        for place in places {
            assert!(errors.contains(&format!("{start}{place}")), "{errors}");
        }
        assert!(errors.contains("--name: expected"), "{errors}");
        assert_eq!(errors.lines().count(), 3);
    }

    #[test]
    fn a_plan_explains_its_rules() {
        let (_folder, config) = config(r#"{"write_rules": [{"path": "/a", "checks": []}]}"#);
        let plan = Plan::new(&config).unwrap();
        let text = plan.explain("/a", Some("ann")).unwrap();
        assert!(text.contains("write: write_rules[0], path /a"), "{text}");
        assert!(plan.explain("a", None).is_err());
        assert_eq!(plan.remarks().count(), 1);
        let plain = Plan::new(&Config::development()).unwrap();
        let text = plain.explain("/a", None).unwrap();
        assert!(text.starts_with("There are no rules"), "{text}");
    }
}
