//! A CSV file in the making: lines become bytes, and the bytes go to whoever takes the file, a part at a time.

use super::columns::{Cells, Column, Heading};
use super::style::{Encoding, Style};
use crate::reports::{ReportError, View};
use std::ops::ControlFlow;

/// Bytes after which a part goes out.
const PART: usize = 64 << 10;

const DEFECT: ReportError = ReportError::Defect { what: "writing CSV" };

/// Takes the parts of a file; an empty part only asks whether to go on. Breaks when nobody wants the rest.
pub type Taker<'a> = &'a mut dyn FnMut(Vec<u8>) -> ControlFlow<()>;

/// A file in the making.
pub(super) struct Sheet<'a> {
    cells: Cells<'a>,
    writer: csv::Writer<Vec<u8>>,
    taker: Taker<'a>,
    is_begun: bool,
}

fn writer() -> csv::Writer<Vec<u8>> {
    csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new())
}

impl<'a> Sheet<'a> {
    pub(super) fn new(view: &'a View, style: &'a Style, taker: Taker<'a>) -> Self {
        Self {
            cells: Cells { style, view },
            writer: writer(),
            taker,
            is_begun: false,
        }
    }

    pub(super) fn headings<T>(&mut self, columns: &[Column<T>]) -> Result<(), ReportError> {
        let words = self.cells.style.words;
        let headings = columns
            .iter()
            .filter_map(|column| match (words, &column.heading) {
                (None, _) => column.code,
                (Some(words), Heading::Screen(key)) => Some(words.get(key)),
                (Some(words), Heading::Own(en, ja)) => Some(if words.language == "ja" { *ja } else { *en }),
            });
        self.writer.write_record(headings).map_err(|_| DEFECT)
    }

    /// Writes a line, and hands on what is full.
    pub(super) fn row<T>(&mut self, columns: &[Column<T>], item: &T) -> Result<(), ReportError> {
        let is_for_people = self.cells.style.words.is_some();
        let cells = columns
            .iter()
            .filter(|column| is_for_people || column.code.is_some())
            .map(|column| (column.cell)(item, &self.cells));
        self.writer.write_record(cells).map_err(|_| DEFECT)?;
        if self.writer.get_ref().len() >= PART {
            self.hand_on()?;
        }
        Ok(())
    }

    /// Hands on what is written so far.
    pub(super) fn hand_on(&mut self) -> Result<(), ReportError> {
        let written = std::mem::replace(&mut self.writer, writer());
        let utf8 = written.into_inner().map_err(|_| DEFECT)?;
        let part = match self.cells.style.encoding {
            Encoding::Utf8 if self.is_begun => utf8,
            Encoding::Utf8 => [b"\xef\xbb\xbf", utf8.as_slice()].concat(),
            Encoding::ShiftJis => shift_jis(&String::from_utf8(utf8).map_err(|_| DEFECT)?),
        };
        self.is_begun = true;
        match (self.taker)(part) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ReportError::Abandoned),
        }
    }
}

/// Encodes; what the encoding lacks becomes `?`.
fn shift_jis(text: &str) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (bytes, _, has_unmappable) = encoding_rs::SHIFT_JIS.encode(line);
        if !has_unmappable {
            encoded.extend_from_slice(&bytes);
            continue;
        }
        for c in line.chars() {
            let mut buffer = [0; 4];
            let (bytes, _, is_unmappable) = encoding_rs::SHIFT_JIS.encode(c.encode_utf8(&mut buffer));
            encoded.extend_from_slice(if is_unmappable { b"?" } else { &bytes });
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_encoding_lacks_becomes_a_question_mark() {
        let bytes = shift_jis("媒体😀,a\r\n成果\r\n");
        let (back, _, has_errors) = encoding_rs::SHIFT_JIS.decode(&bytes);
        assert_eq!((back.as_ref(), has_errors), ("媒体?,a\r\n成果\r\n", false));
    }
}
