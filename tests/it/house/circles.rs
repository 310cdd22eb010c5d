//! Circles of files that import each other. A module and its own children may: the module lists and re-exports them,
//! they use what it declares for all of them.

use super::sources::Source;
use std::collections::{BTreeMap, BTreeSet};

type Edges = BTreeMap<usize, BTreeSet<usize>>;

/// The files of every circle.
pub fn circles(sources: &[Source]) -> Vec<Vec<String>> {
    let edges = edges(sources);
    let is_above = |a: usize, b: usize| sources[b].module.starts_with(&sources[a].module);
    // What a child takes from above it and what a module takes from its children is left out in turn, never
    // both at once: a circle that leads through a third room shows in one of the two.
    let mut found = BTreeSet::new();
    for keep in [|_: bool, down: bool| !down, |up: bool, _: bool| !up] {
        let kept: Edges = edges
            .iter()
            .map(|(from, to)| {
                let to = to
                    .iter()
                    .copied()
                    .filter(|to| keep(is_above(*to, *from), is_above(*from, *to)));
                (*from, to.collect())
            })
            .collect();
        found.extend(circles_of(&kept));
    }
    found
        .into_iter()
        .map(|files| files.iter().map(|n| sources[*n].file.clone()).collect())
        .collect()
}

fn edges(sources: &[Source]) -> Edges {
    let index: BTreeMap<&[String], usize> = sources
        .iter()
        .enumerate()
        .map(|(n, source)| (source.module.as_slice(), n))
        .collect();
    sources
        .iter()
        .enumerate()
        .map(|(from, source)| {
            let to = source
                .imports
                .iter()
                .filter_map(|import| defined_in(&import.path, sources, &index, 0));
            (from, to.filter(|to| *to != from).collect())
        })
        .collect()
}

/// The file that declares what the path names, through re-exports.
fn defined_in(
    path: &[String],
    sources: &[Source],
    index: &BTreeMap<&[String], usize>,
    depth: usize,
) -> Option<usize> {
    let length = (0..=path.len()).rev().find(|n| index.contains_key(&path[..*n]))?;
    let at = index[&path[..length]];
    let Some(name) = path.get(length) else {
        return Some(at);
    };
    match sources[at].names.get(name) {
        Some(elsewhere) if depth < 8 => {
            let mut whole = elsewhere.clone();
            whole.extend_from_slice(&path[length + 1..]);
            defined_in(&whole, sources, index, depth + 1).or(Some(at))
        }
        _ => Some(at),
    }
}

/// Sets of files that can all be reached from each other.
fn circles_of(edges: &Edges) -> Vec<Vec<usize>> {
    let reached: BTreeMap<usize, BTreeSet<usize>> = edges.keys().map(|n| (*n, reach(*n, edges))).collect();
    let mut done = BTreeSet::new();
    let mut circles = Vec::new();
    for (file, far) in &reached {
        if done.contains(file) {
            continue;
        }
        let circle: Vec<usize> = far
            .iter()
            .copied()
            .filter(|other| reached[other].contains(file))
            .collect();
        done.extend(circle.iter().copied());
        if circle.len() > 1 {
            circles.push(circle);
        }
    }
    circles
}

fn reach(from: usize, edges: &Edges) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        open.extend(edges[&at].iter().copied().filter(|next| seen.insert(*next)));
    }
    seen
}
