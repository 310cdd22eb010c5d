//! Tables that people send: files of spreadsheets and shops, and what was copied from them.
//!
//! The encoding (UTF-8, else Shift_JIS) and the separator (comma, semicolon, tab) are found by looking; lines are
//! numbered as in the editor that the person has open beside the answer. It must not know what the columns mean.

use super::AdminError;

/// UTF-8 where it is that, else Shift_JIS.
pub(super) fn decode(body: &[u8]) -> String {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    match std::str::from_utf8(body) {
        Ok(text) => text.to_owned(),
        Err(_) => encoding_rs::SHIFT_JIS.decode(body).0.into_owned(),
    }
}

/// What separates the columns of a line; `None`: it is one. Names of people and goods hold commas sooner than tabs.
pub(super) fn separator(line: &str) -> Option<u8> {
    let count = |of: u8| line.bytes().filter(|byte| *byte == of).count();
    let found = [b'\t', b',', b';']
        .into_iter()
        .max_by_key(|of| (count(*of), *of == b'\t'))?;
    (count(found) > 0).then_some(found)
}

/// The lines of a table with their numbers, the headings among them, without those that are empty: spreadsheets leave
/// rows of separators at the end.
///
/// # Errors
/// `field`, where the table came in, when it cannot be read or has more than `most` lines below the headings.
pub(super) fn records(
    text: &str,
    field: &'static str,
    most: usize,
) -> Result<Vec<(u64, csv::StringRecord)>, AdminError> {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(false)
        .delimiter(separator(first).unwrap_or(b','))
        .from_reader(text.as_bytes());
    let mut numbers = LineNumbers::of(text);
    let mut records = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            AdminError::invalid(field, "invalid_csv", format!("the table cannot be read: {error}"))
        })?;
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let line = numbers.at(record.position().map_or(0, csv::Position::byte));
        records.push((line, record));
        if records.len() > most + 1 {
            let message = format!("send at most {most} lines at once");
            return Err(AdminError::invalid(field, "too_many", message));
        }
    }
    Ok(records)
}

/// What stands in a cell: without white space around it, and without the mark that spreadsheets put before what
/// they would compute otherwise.
pub(super) fn cell(text: &str) -> &str {
    text.trim().trim_start_matches('\'')
}

/// Counts the lines of a file as an editor does, whichever line ends it has: the reader of CSV counts line feeds,
/// and stands before the one of a carriage return and line feed when a record begins.
struct LineNumbers<'t> {
    text: &'t [u8],
    at: usize,
    line: u64,
}

impl<'t> LineNumbers<'t> {
    fn of(text: &'t str) -> Self {
        Self {
            text: text.as_bytes(),
            at: 0,
            line: 1,
        }
    }

    /// The line of the record that begins at a byte or behind the line ends that stand there. Bytes only grow.
    fn at(&mut self, byte: u64) -> u64 {
        let byte = usize::try_from(byte).unwrap_or(usize::MAX);
        while let Some(own) = self.text.get(self.at) {
            if self.at >= byte && !matches!(own, b'\r' | b'\n') {
                break;
            }
            let is_first_of_two = *own == b'\r' && self.text.get(self.at + 1) == Some(&b'\n');
            if matches!(own, b'\r' | b'\n') && !is_first_of_two {
                self.line += 1;
            }
            self.at += 1;
        }
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_separator_is_found() {
        for (text, expected) in [
            ("a,b\n1,2\n", "2:1|2"),
            ("a;b\r\n1,5;2\r\n", "2:1,5|2"),
            ("a\tb, c\n1\t2\n", "2:1|2"),
            ("\n\na;b\n;\n1;2", "5:1|2"),
            ("a\n1\n", "2:1"),
            ("\"a,b\";c;d\n1;2;3", "2:1|2|3"),
        ] {
            let records = records(text, "body", 10).unwrap();
            let (line, record) = records.last().unwrap();
            let cells: Vec<&str> = record.iter().collect();
            assert_eq!(format!("{line}:{}", cells.join("|")), expected, "{text:?}");
        }
    }

    #[test]
    fn headings_are_not_counted_as_lines() {
        assert!(records("a\n1\n2\n", "body", 2).is_ok());
        let error = records("a\n1\n2\n3\n", "body", 2).unwrap_err();
        assert_eq!((error.code(), error.field()), ("too_many", Some("body")));
    }
}
