//! How much memory this process may use: the machine's, or less when a control group of the service or the
//! container says so.

use std::path::{Path, PathBuf};

/// Bytes; `None` when nothing says a limit.
pub fn limit() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let machine = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    of_groups(&groups, Path::new("/sys/fs/cgroup"))
        .into_iter()
        .chain(total(&machine))
        .min()
}

/// The least limit of the groups that hold this process and of those around them. `groups` is what
/// `/proc/self/cgroup` says; version 2 has one line `0::/path`, version 1 one with the controller's name.
fn of_groups(groups: &str, mounted: &Path) -> Option<u64> {
    groups
        .lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, path) = (parts.next()?, parts.next()?);
            let (root, file) = match controllers {
                "" => (mounted.to_owned(), "memory.max"),
                list if list.split(',').any(|c| c == "memory") => {
                    (mounted.join("memory"), "memory.limit_in_bytes")
                }
                _ => return None,
            };
            least(&root, path, file)
        })
        .min()
}

/// The least number in the files of this name from a group up to the root. In a container the path is that of
/// the host and may not exist; the root is the container's own group then.
fn least(root: &Path, path: &str, file: &str) -> Option<u64> {
    let own: PathBuf = root.join(path.trim_start_matches('/'));
    own.ancestors()
        .take_while(|group| group.starts_with(root))
        .filter_map(|group| {
            std::fs::read_to_string(group.join(file))
                .ok()?
                .trim()
                .parse()
                .ok()
        })
        // Version 1 says "none" with a number that no machine has.
        .filter(|bytes| *bytes < 1 << 60)
        .min()
}

/// `MemTotal` of `/proc/meminfo`, in bytes.
fn total(machine: &str) -> Option<u64> {
    let line = machine.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn group(root: &Path, path: &str, file: &str, text: &str) {
        let dir = root.join(path);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(file), text).unwrap();
    }

    #[test]
    fn the_least_limit_of_all_groups_around_counts() {
        let dir = tempfile::tempdir().unwrap();
        group(dir.path(), "system.slice", "memory.max", "536870912\n");
        group(dir.path(), "system.slice/yamabiko.service", "memory.max", "max\n");
        assert_eq!(
            of_groups("0::/system.slice/yamabiko.service\n", dir.path()),
            Some(536_870_912)
        );
        group(
            dir.path(),
            "system.slice/yamabiko.service",
            "memory.max",
            "268435456\n",
        );
        assert_eq!(
            of_groups("0::/system.slice/yamabiko.service\n", dir.path()),
            Some(268_435_456)
        );
        assert_eq!(of_groups("0::/elsewhere\n", dir.path()), None);
    }

    #[test]
    fn groups_of_version_1_are_read_too() {
        let dir = tempfile::tempdir().unwrap();
        group(
            dir.path(),
            "memory/a",
            "memory.limit_in_bytes",
            "9223372036854771712\n",
        );
        let lines = "8:pids:/a\n7:cpu,cpuacct:/a\n4:memory:/a\n0::/\n";
        assert_eq!(of_groups(lines, dir.path()), None);
        group(dir.path(), "memory", "memory.limit_in_bytes", "134217728\n");
        assert_eq!(of_groups(lines, dir.path()), Some(134_217_728));
        // A container sees its own group as the root, and the path of the host.
        assert_eq!(of_groups("4:memory:/docker/abc\n", dir.path()), Some(134_217_728));
    }

    #[test]
    fn the_memory_of_the_machine_is_read() {
        assert_eq!(total("MemFree: 1 kB\nMemTotal:       2048 kB\n"), Some(2_097_152));
        assert_eq!(total(""), None);
    }
}
