//! A process under valgrind's callgrind, which counts the instructions of each thread. Counting starts and ends
//! from outside, by valgrind's own command `vgdb`, so that nothing of it is in the counted program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Parts in which requests are counted.
const PARTS: usize = 7;

/// Instructions by group of threads.
pub type Counts = BTreeMap<&'static str, u64>;

/// Where one process is counted.
pub struct Callgrind {
    dir: PathBuf,
}

impl Callgrind {
    /// Keeps what valgrind writes in `dir`.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// The words that start this binary under callgrind, not counting yet; or the one that `BENCH_SUBJECT` names, to
    /// count another build.
    pub fn command(&self) -> Vec<String> {
        let this = std::env::var_os("BENCH_SUBJECT").map(PathBuf::from);
        let this = this.unwrap_or_else(|| std::env::current_exe().expect("own path"));
        [
            "valgrind",
            "--quiet",
            "--tool=callgrind",
            "--separate-threads=yes",
            "--instr-atstart=no",
            "--fair-sched=yes",
            &format!("--vgdb-prefix={}", self.dir.join("vgdb").display()),
            &format!("--callgrind-out-file={}", self.dir.join("counts").display()),
            &this.display().to_string(),
        ]
        .map(ToOwned::to_owned)
        .to_vec()
    }

    /// Instructions for each of `size` requests that one call of `round` makes: the median of [`PARTS`] parts of the
    /// rounds, since the store does some of its work once in a while. A part goes before, uncounted, so that what
    /// is done once is done.
    pub fn count(&self, pid: u32, size: usize, rounds: usize, round: &mut dyn FnMut(usize)) -> Counts {
        let of_part = rounds / PARTS;
        self.tell(pid, &["instrumentation", "on"]);
        (0..of_part).for_each(&mut *round);
        self.tell(pid, &["zero"]);
        let mut parts: Vec<Counts> = (0..PARTS)
            .map(|_| {
                (0..of_part).for_each(&mut *round);
                self.counts(pid)
            })
            .collect();
        self.tell(pid, &["instrumentation", "off"]);
        parts.sort_by_key(|counts| counts.values().sum::<u64>());
        let mut median = parts.swap_remove(PARTS / 2);
        for count in median.values_mut() {
            *count /= (size * of_part) as u64;
        }
        median
    }

    fn counts(&self, pid: u32) -> Counts {
        for file in self.files() {
            std::fs::remove_file(file).expect("remove counts");
        }
        // A dump starts from zero again.
        self.tell(pid, &["dump"]);
        let names = self.thread_names(pid);
        let mut counts = Counts::new();
        for file in self.files() {
            keep(&file, pid);
            let text = std::fs::read_to_string(&file).expect("counts");
            let number = |name: &str| {
                text.lines()
                    .find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok())
            };
            let Some(total) = number("totals:").or_else(|| number("summary:")) else {
                continue;
            };
            let name = number("thread:")
                .and_then(|id| names.get(&id))
                .map_or("", String::as_str);
            *counts.entry(group_of(name)).or_default() += total;
        }
        counts
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.dir).expect("directory");
        entries
            .map(|entry| entry.expect("entry").path())
            .filter(|path| {
                path.file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with("counts"))
            })
            .collect()
    }

    /// The names of the threads by valgrind's numbers.
    fn thread_names(&self, pid: u32) -> BTreeMap<u64, String> {
        let told = self.tell(pid, &["v.info", "scheduler"]);
        let one = |line: &str| {
            let (id, rest) = line.strip_prefix("Thread ")?.split_once(':')?;
            let (_, kernel_id) = rest.split_once("lwpid ")?;
            let kernel_id = kernel_id.trim_end_matches(')');
            let name = std::fs::read_to_string(format!("/proc/{pid}/task/{kernel_id}/comm")).ok()?;
            Some((id.parse().ok()?, name.trim().to_owned()))
        };
        told.lines().filter_map(one).collect()
    }

    fn tell(&self, pid: u32, words: &[&str]) -> String {
        let output = Command::new("vgdb")
            .arg(format!("--vgdb-prefix={}", self.dir.join("vgdb").display()))
            .arg(format!("--pid={pid}"))
            .args(words)
            .output()
            .expect("vgdb, which is part of valgrind");
        assert!(
            output.status.success(),
            "vgdb {words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// Leaves a file of counts in the directory that `BENCH_KEEP` names, to be read with `callgrind_annotate`; of each
/// program the last ones stay.
fn keep(file: &Path, pid: u32) {
    let Some(dir) = std::env::var_os("BENCH_KEEP").map(PathBuf::from) else {
        return;
    };
    let thread = file
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    std::fs::copy(file, dir.join(format!("{pid}-{thread}"))).expect("BENCH_KEEP names a directory");
}

/// What a thread of this name is told as.
fn group_of(name: &str) -> &'static str {
    let groups = [
        ("actix-rt", "worker"),
        ("actix-server", "worker"),
        ("recorder", "recorder"),
        ("store-applier", "applier"),
        ("scheduler", "scheduler"),
        ("sender-", "senders"),
        ("isahc-agent", "http client"),
        ("sled-io", "sled"),
        ("log flusher", "sled"),
    ];
    groups
        .iter()
        .find(|(start, _)| name.starts_with(start))
        .map_or("others", |(_, group)| group)
}
