//! docs/metrics.md and the files of deploy/grafana name the metrics that there are.

use std::collections::{BTreeMap, BTreeSet};

use crate::metrics::{exposition, some_traffic, start_with_metrics};

/// What a metric is, besides its name.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shape {
    kind: String,
    labels: BTreeSet<String>,
}

type Shapes = BTreeMap<String, Shape>;

/// What a server with some traffic tells.
async fn told() -> String {
    let server = start_with_metrics().await;
    let _clients = some_traffic(&server).await;
    exposition(&server).await
}

fn shapes(text: &str) -> Shapes {
    let mut shapes = Shapes::new();
    for line in text.lines() {
        if let Some(typed) = line.strip_prefix("# TYPE ") {
            let (name, kind) = typed.split_once(' ').expect("a type follows the name");
            let kind = kind.to_owned();
            let before = shapes.insert(
                name.to_owned(),
                Shape {
                    kind,
                    ..Shape::default()
                },
            );
            assert_eq!(before, None, "{name} is told twice");
        } else if !line.starts_with('#') {
            let (name, labels) = sample(line);
            let shape = shapes
                .get_mut(family(name))
                .unwrap_or_else(|| panic!("{line}: no type"));
            shape.labels.extend(labels);
        }
    }
    shapes
}

/// The name and the labels of a sample; `le` belongs to every histogram.
fn sample(line: &str) -> (&str, BTreeSet<String>) {
    let end = line.find(['{', ' ']).expect("a sample has a value");
    let labels = line[end..].trim_start_matches('{').split_once('}');
    let labels = labels.map_or("", |(labels, _)| labels);
    let keys = labels.split(',').filter_map(|label| label.split_once('='));
    let keys = keys.map(|(key, _)| key.to_owned());
    (&line[..end], keys.filter(|key| key != "le").collect())
}

/// A histogram is told under three names.
fn family(name: &str) -> &str {
    let parts = ["_bucket", "_sum", "_count"];
    parts
        .iter()
        .find_map(|part| name.strip_suffix(part))
        .unwrap_or(name)
}

/// The metrics that the page explains.
fn explained() -> Shapes {
    let rows = PAGE
        .lines()
        .filter(|line| line.starts_with("| `clasp_") || line.starts_with("| `process_"));
    let shape = |row: &str| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let labels = cells[3]
            .split(',')
            .map(|label| label.trim().replace('`', ""));
        let shape = Shape {
            kind: cells[2].to_owned(),
            labels: labels.filter(|label| !label.is_empty()).collect(),
        };
        assert!(!cells[4].is_empty(), "{row} has no meaning");
        (cells[1].replace('`', ""), shape)
    };
    rows.map(shape).collect()
}

#[tokio::test]
async fn the_page_explains_every_metric_and_no_other() {
    let (told, explained) = (shapes(&told().await), explained());
    for (name, shape) in &told {
        assert_eq!(explained.get(name), Some(shape), "{name} on the page");
    }
    for name in explained.keys() {
        assert!(told.contains_key(name), "{name} is on the page only");
    }
}

/// Every expression of the dashboard and of the alert rules, with where it stands.
fn expressions() -> Vec<(String, String)> {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).expect("it is JSON");
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().expect("there are panels") {
        let title = panel["title"].as_str().expect("a panel has a title");
        let targets = panel["targets"].as_array().into_iter().flatten();
        let texts = targets.map(|target| target["expr"].as_str().expect("a target asks something"));
        found.extend(texts.map(|text| (title.to_owned(), text.to_owned())));
    }
    let variables = dashboard["templating"]["list"].as_array();
    for variable in variables.expect("there are variables") {
        if let Some(query) = variable["definition"].as_str() {
            found.push((variable["name"].to_string(), query.to_owned()));
        }
    }
    let alerts: serde_json::Value = serde_yaml_ng::from_str(ALERTS).expect("it is YAML");
    let groups = alerts["groups"].as_array().expect("there are groups");
    for rule in groups
        .iter()
        .flat_map(|group| group["rules"].as_array().expect("rules"))
    {
        let name = rule["alert"].as_str().expect("a rule has a name");
        for text in ["summary", "description"] {
            let text = rule["annotations"][text].as_str();
            assert!(
                text.is_some_and(|text| !text.is_empty()),
                "{name}: annotations"
            );
        }
        assert!(rule["labels"]["severity"].is_string(), "{name}: severity");
        let text = rule["expr"].as_str().expect("a rule has an expression");
        found.push((name.to_owned(), text.to_owned()));
    }
    found
}

/// The metrics that an expression names, each with the matchers behind it.
fn metrics(expression: &str) -> Vec<(&str, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(start) = rest.find(is_part) {
        rest = &rest[start..];
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        let matchers = behind
            .strip_prefix('{')
            .and_then(|rest| rest.split_once('}'));
        if name.starts_with("clasp_") || name.starts_with("process_") {
            found.push((name, matchers.map_or("", |(matchers, _)| matchers)));
        }
        rest = behind;
    }
    found
}

#[tokio::test]
async fn dashboard_and_alerts_name_only_what_there_is() {
    let (text, expressions) = (told().await, expressions());
    let told = shapes(&text);
    let added_by_prometheus = ["job", "instance"];
    let mut named = BTreeSet::new();
    for (place, expression) in &expressions {
        for (name, matchers) in metrics(expression) {
            let shape = told.get(name).or_else(|| told.get(family(name)));
            let shape = shape.unwrap_or_else(|| panic!("{place}: {name} is no metric"));
            named.insert(family(name));
            for matcher in matchers.split(", ").filter(|matcher| !matcher.is_empty()) {
                let key = matcher.split(['=', '~', '!']).next().unwrap_or_default();
                let is_known = shape.labels.contains(key) || added_by_prometheus.contains(&key);
                assert!(is_known, "{place}: {name} has no label {key}");
                // What may be any of several is written with a tilde.
                let is_possible = matcher.contains(['~', '!']) || text.contains(matcher);
                assert!(is_possible, "{place}: {name} is never {matcher}");
            }
        }
    }
    let is_shown = |name: &&String| !named.contains(name.as_str());
    let hidden: Vec<_> = told.keys().filter(is_shown).collect();
    assert!(hidden.is_empty(), "neither shown nor watched: {hidden:?}");
}

const DASHBOARD: &str = include_str!("../../../../deploy/grafana/dashboard.json");
const ALERTS: &str = include_str!("../../../../deploy/grafana/alerts.yml");
const PAGE: &str = include_str!("../../../../docs/metrics.md");
