//! The example for Vector has the shape that Vector's reference describes, as of 2026-11-30: the pages
//! `sources/http_server`, `sinks/kafka` and `sinks/gcp_pubsub` below vector.dev/docs/reference/configuration. Vector itself
//! is in no registry that a test could take it from.

use crate::support::server::Setup;
use std::collections::BTreeMap;
use std::path::PathBuf;

fn shipped(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("packaging")
        .join(path);
    std::fs::read_to_string(path).unwrap()
}

/// The values of a YAML file of nested maps, by their paths. Anything else than maps of texts, switches and lists on one
/// line fails the test.
fn values(yaml: &str) -> BTreeMap<String, String> {
    let (mut found, mut path) = (BTreeMap::new(), Vec::<(usize, String)>::new());
    for line in yaml.lines() {
        let text = line.trim_start();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let depth = line.len() - text.len();
        assert!(depth.is_multiple_of(2) && !line.contains('\t'), "{line:?}");
        path.retain(|(of, _)| *of < depth);
        assert_eq!(
            path.len(),
            depth / 2,
            "{line:?} is no child of what stands before it"
        );
        let (key, value) = text.split_once(':').unwrap_or_else(|| panic!("{line:?}"));
        assert!(
            key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
            "{line:?}"
        );
        path.push((depth, key.to_owned()));
        let name = path
            .iter()
            .map(|(_, key)| key.as_str())
            .collect::<Vec<_>>()
            .join(".");
        let value = value.trim().trim_matches('"').to_owned();
        assert!(found.insert(name.clone(), value).is_none(), "{name} stands twice");
    }
    // What has children has no value of its own.
    let parents: Vec<String> = found
        .keys()
        .filter(|name| found.keys().any(|other| other.starts_with(&format!("{name}."))))
        .cloned()
        .collect();
    for parent in parents {
        assert_eq!(found.remove(&parent).as_deref(), Some(""), "{parent}");
    }
    found
}

/// What a component may have, with what is taken (`*`: any text), and whether it has to be there.
type Reference = &'static [(&'static str, &'static str, bool)];

const HTTP_SERVER: Reference = &[
    ("type", "http_server", true),
    ("address", "*", true),
    ("path", "*", false),
    ("method", "POST", false),
    ("decoding.codec", "json", true),
    ("framing.method", "newline_delimited", true),
    ("auth.strategy", "basic", true),
    ("auth.username", "*", true),
    ("auth.password", "*", true),
];
const KAFKA: Reference = &[
    ("type", "kafka", true),
    ("inputs", "[yamabiko]", true),
    ("bootstrap_servers", "*", true),
    ("topic", "*", true),
    ("key_field", "*", false),
    ("encoding.codec", "json", true),
    ("encoding.except_fields", "*", false),
    ("acknowledgements.enabled", "true", true),
];
const GCP_PUBSUB: Reference = &[
    ("type", "gcp_pubsub", true),
    ("inputs", "[yamabiko]", true),
    ("project", "*", true),
    ("topic", "*", true),
    ("credentials_path", "*", false),
    ("encoding.codec", "json", true),
    ("encoding.except_fields", "*", false),
    ("acknowledgements.enabled", "true", true),
];

#[test]
fn the_example_for_vector_has_the_shape_of_vectors_reference() {
    let text = shipped("streams/vector.yaml");
    let values = values(&text);
    let mut known = 0;
    for (place, reference) in [
        ("sources.yamabiko", HTTP_SERVER),
        ("sinks.kafka", KAFKA),
        ("sinks.bigquery", GCP_PUBSUB),
    ] {
        for (key, taken, is_needed) in reference {
            let value = values.get(&format!("{place}.{key}"));
            assert!(value.is_some() || !is_needed, "{place} lacks {key}");
            known += usize::from(value.is_some());
            let fits = value.is_none_or(|value| (*taken == "*" && !value.is_empty()) || value == taken);
            assert!(fits, "{place}.{key} is {value:?}, taken is {taken}");
        }
    }
    assert_eq!(
        values.len(),
        known,
        "there are keys that the reference does not have: {:?}",
        values.keys()
    );

    // Columns that it names are those of the stream, and what Vector adds is none of them.
    let columns = shipped("docs/raw-data.md");
    let (_, activities) = columns.split_once("\n### activities\n").unwrap();
    let is_column = |name: &str| activities.contains(&format!("\n| `{name}` |"));
    assert!(is_column(&values["sinks.kafka.key_field"]));
    for sink in ["kafka", "bigquery"] {
        let added = values[&format!("sinks.{sink}.encoding.except_fields")].trim_matches(['[', ']']);
        for field in added.split(", ") {
            assert!(!is_column(field), "{field} is a column");
        }
    }

    // What it says of our own configuration is understood, and leads to the source.
    let own = text.lines().skip_while(|line| !line.starts_with("#   [stream]"));
    let own: String = own
        .take_while(|line| line.len() > 1)
        .map(|line| format!("{}\n", line.trim_start_matches('#').trim()))
        .collect();
    assert!(
        own.contains(&format!(
            "http://{}{}",
            values["sources.yamabiko.address"], values["sources.yamabiko.path"]
        )),
        "{own}"
    );
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("yamabiko.toml");
    std::fs::write(&file, own.replace("Basic ...", "Basic eWFtYWJpa286cA==")).unwrap();
    let checked = Setup::new(&dir.path().join("data"))
        .command(&["config", "check", "--config", &file.display().to_string()])
        .output()
        .unwrap();
    assert!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stderr)
    );
}
