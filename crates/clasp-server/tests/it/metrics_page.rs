//! docs/metrics.md explains the metrics that there are.

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

const PAGE: &str = include_str!("../../../../docs/metrics.md");
