//! The figures that were last agreed on.

use super::Both;
use super::callgrind::Counts;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What our own threads may grow by, and all of them: the index does some of its work once in a while, and two runs of
/// one build were seen a tenth apart.
const TOLERANCE: f64 = 0.05;
const TOLERANCE_WITH_INDEX: f64 = 0.25;

/// What a conversion with a person and its postback to a platform may take, beside plain ones.
const MOST_OF_PLATFORM: f64 = 1.3;

/// Instructions of one request.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Figure {
    all_threads: u64,
    without_index: u64,
}

/// The agreed figures, and those of this run.
pub struct Baseline {
    agreed: BTreeMap<String, Figure>,
    counted: BTreeMap<String, Figure>,
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/bench/instructions/baseline.json")
}

impl Baseline {
    /// The committed ones.
    pub fn read() -> Self {
        let text = std::fs::read_to_string(file()).unwrap_or_else(|_| "{}".into());
        Self {
            agreed: serde_json::from_str(&text).expect("baseline.json holds two numbers for each figure"),
            counted: BTreeMap::new(),
        }
    }

    /// Prints what one request takes, and beside it what it takes of a bare server.
    pub fn take(&mut self, name: &str, ours: Both, bare: Option<&Both>) {
        self.take_one(
            format!("instructions_{name}_1"),
            &ours.single,
            bare.map(|bare| &bare.single),
        );
        self.take_one(
            format!("instructions_{name}_64"),
            &ours.grouped,
            bare.map(|bare| &bare.grouped),
        );
    }

    #[allow(clippy::print_stdout, reason = "figures are lines of the standard output")]
    fn take_one(&mut self, figure: String, ours: &Counts, bare: Option<&Counts>) {
        let value: u64 = ours.values().sum();
        let reference = bare.map(|bare| bare.values().sum::<u64>());
        let ratio = |part: u64, whole: u64| (part as f64 / whole as f64 * 1000.0).round() / 1000.0;
        println!(
            "{}",
            json!({
                "figure": figure,
                "value": value,
                "reference": reference,
                "ratio": reference.map(|reference| ratio(value, reference)),
                "unit": "instructions",
                "baseline": self.agreed.get(&figure).map(|agreed| agreed.all_threads),
                "threads": ours,
            })
        );
        let of_index: u64 = ["applier", "sled"].iter().filter_map(|name| ours.get(name)).sum();
        let counted = Figure {
            all_threads: value,
            without_index: value - of_index,
        };
        self.counted.insert(figure, counted);
    }

    /// Prints what a conversion with a person and its postback to a platform take beside plain ones, and ends the run with
    /// an error where that is more than [`MOST_OF_PLATFORM`] times as much.
    #[allow(clippy::print_stdout, reason = "figures are lines of the standard output")]
    pub fn compare_platform(&self) {
        let mut most: f64 = 0.0;
        for group in ["1", "64"] {
            let of = |name: &str| self.counted.get(&format!("instructions_{name}_{group}"));
            let sum = |a: &str, b: &str| Some(of(a)?.without_index + of(b)?.without_index);
            if let (Some(plain), Some(platform)) = (
                sum("conversion", "postback"),
                sum("conversion_platform", "postback_platform"),
            ) {
                let ratio = (platform as f64 / plain as f64 * 1000.0).round() / 1000.0;
                most = most.max(ratio);
                println!(
                    "{}",
                    json!({"figure": format!("platform_to_plain_{group}"), "value": ratio, "unit": "ratio", "most": MOST_OF_PLATFORM})
                );
            }
        }
        assert!(
            most <= MOST_OF_PLATFORM,
            "a postback to a platform takes {most} times as much as a plain one"
        );
    }

    /// Ends the run with an error when a figure has grown; or writes the figures, when that was asked for.
    pub fn finish(self) {
        if std::env::args().any(|argument| argument == "--update-baseline") {
            let text = serde_json::to_string_pretty(&self.counted).expect("figures") + "\n";
            std::fs::write(file(), text).expect("write baseline.json");
            return;
        }
        let grown: Vec<String> = self
            .counted
            .iter()
            .filter_map(|(figure, now)| {
                let agreed = self.agreed.get(figure)?;
                let has_grown = |now: u64, agreed: u64, by: f64| now as f64 > agreed as f64 * (1.0 + by);
                let is_above = has_grown(now.without_index, agreed.without_index, TOLERANCE)
                    || has_grown(now.all_threads, agreed.all_threads, TOLERANCE_WITH_INDEX);
                is_above.then(|| {
                    format!(
                        "{figure}: {} without the index (baseline {}), {} with it ({})",
                        now.without_index, agreed.without_index, now.all_threads, agreed.all_threads
                    )
                })
            })
            .collect();
        assert!(
            grown.is_empty(),
            "more instructions than in baseline.json:\n{}\nfind the cause, or run `cargo bench -- instructions --update-baseline` and explain the change in its commit",
            grown.join("\n")
        );
    }
}
