//! Settings written into a file that people keep.

/// The text of a configuration file with a setting of a section, `value` as TOML. Comments and everything else stay.
pub fn with_setting(text: &str, section: &str, key: &str, value: &str) -> String {
    let setting = format!("{key} = {value}");
    let header = format!("[{section}]");
    let mut lines: Vec<&str> = text.lines().collect();
    let Some(begin) = lines.iter().position(|line| line.trim() == header) else {
        return format!("{}\n\n{header}\n{setting}\n", text.trim_end());
    };
    let after = begin + 1;
    let end = lines[after..]
        .iter()
        .position(|line| line.trim_start().starts_with('['))
        .map_or(lines.len(), |n| after + n);
    // The setting itself, else the same commented out.
    let place = ["", "#"].into_iter().find_map(|mark| {
        lines[after..end].iter().position(|line| {
            line.trim_start()
                .strip_prefix(mark)
                .and_then(|line| line.trim_start().strip_prefix(key))
                .is_some_and(|rest| rest.trim_start().starts_with('='))
        })
    });
    match place {
        Some(n) => lines[after + n] = &setting,
        None => lines.insert(after, &setting),
    }
    let mut text = lines.join("\n");
    text.push('\n');
    text
}
