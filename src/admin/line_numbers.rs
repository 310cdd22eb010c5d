//! Numbers of lines in a CSV file that a person has open beside the answer.

/// Counts the lines of a file as an editor does, whichever line ends it has: the reader of CSV counts line feeds,
/// and stands before the one of a carriage return and line feed when a record begins.
pub(super) struct LineNumbers<'t> {
    text: &'t [u8],
    at: usize,
    line: u64,
}

impl<'t> LineNumbers<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self {
            text: text.as_bytes(),
            at: 0,
            line: 1,
        }
    }

    /// The line of the record that begins at a byte or behind the line ends that stand there. Bytes only grow.
    pub(super) fn at(&mut self, byte: u64) -> u64 {
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
