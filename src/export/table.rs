//! Tables as files of Parquet: the only place that knows the format.
//!
//! Every column may be absent, so that a column can be added and older files read beside newer ones. Rows are gathered by
//! column up to a bound, and go into the file as a group; the file is in memory until it is whole.

use crate::domain::raw::{Column, Fact, Kind, Table, Value};
use parquet::basic::Compression;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::TypePtr;
use rust_decimal::Decimal;
use std::collections::HashSet;
use std::sync::Arc;

/// What a file of a table looks like, in the notation of the format.
pub fn message_type(table: &Table) -> String {
    let columns: Vec<String> = table
        .columns()
        .map(|column| {
            let (physical, logical) = match column.kind {
                Kind::Text | Kind::Json => ("BINARY", " (STRING)"),
                Kind::Whole => ("INT64", ""),
                Kind::Flag => ("BOOLEAN", ""),
                Kind::Time => ("INT64", " (TIMESTAMP(MILLIS,true))"),
                Kind::Amount => ("INT64", " (DECIMAL(18,6))"),
            };
            format!("  OPTIONAL {physical} {}{logical};\n", column.name)
        })
        .collect();
    format!("message {} {{\n{}}}\n", table.name, columns.concat())
}

/// The cells of a column that are there, and which they are.
#[derive(Clone)]
enum Cells {
    Text(Vec<ByteArray>),
    Whole(Vec<i64>),
    Flag(Vec<bool>),
}

/// Rows on their way into a file, by column.
pub(super) struct Rows {
    columns: Vec<(&'static Column, Cells, Vec<i16>)>,
    pub(super) count: usize,
}

impl Rows {
    pub(super) fn of(table: &'static Table) -> Self {
        let empty = |kind| match kind {
            Kind::Text | Kind::Json => Cells::Text(Vec::new()),
            Kind::Whole | Kind::Time | Kind::Amount => Cells::Whole(Vec::new()),
            Kind::Flag => Cells::Flag(Vec::new()),
        };
        let columns = table.columns();
        Self {
            columns: columns
                .map(|column| (column, empty(column.kind), Vec::new()))
                .collect(),
            count: 0,
        }
    }

    pub(super) fn push(&mut self, fact: Fact<'_>) {
        self.count += 1;
        for (column, cells, levels) in &mut self.columns {
            let is_there = match (cells, (column.value)(fact)) {
                (Cells::Text(cells), Value::Text(text)) => {
                    cells.push(text.into_owned().into_bytes().into());
                    true
                }
                (Cells::Whole(cells), Value::Whole(number) | Value::Time(number)) => {
                    cells.push(number);
                    true
                }
                (Cells::Whole(cells), Value::Amount(amount)) => match millionths(amount) {
                    Some(number) => {
                        cells.push(number);
                        true
                    }
                    None => false,
                },
                (Cells::Flag(cells), Value::Flag(flag)) => {
                    cells.push(flag);
                    true
                }
                _ => false,
            };
            levels.push(i16::from(is_there));
        }
    }
}

/// An amount in millionths. Amounts of this system have at most twelve digits before and six behind the point.
fn millionths(amount: Decimal) -> Option<i64> {
    (amount.round_dp(6) * Decimal::from(1_000_000)).try_into().ok()
}

/// A file that is being written.
pub(super) struct File {
    writer: SerializedFileWriter<Vec<u8>>,
    pub(super) rows: u64,
}

impl File {
    pub(super) fn of(table: &Table) -> Result<Self, ParquetError> {
        Self::with(Arc::new(parse_message_type(&message_type(table))?))
    }

    fn with(schema: TypePtr) -> Result<Self, ParquetError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("yamabiko ", env!("CARGO_PKG_VERSION")).into())
            .build();
        Ok(Self {
            writer: SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?,
            rows: 0,
        })
    }

    /// How long it is so far.
    pub(super) fn bytes(&self) -> usize {
        self.writer.bytes_written()
    }

    /// Adds rows as a group.
    pub(super) fn add(&mut self, rows: Rows) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        for (_, cells, levels) in rows.columns {
            write_column(&mut group, &cells, &levels)?;
        }
        group.close()?;
        self.rows += rows.count as u64;
        Ok(())
    }

    /// The whole file.
    pub(super) fn finish(self) -> Result<Vec<u8>, ParquetError> {
        self.writer.into_inner()
    }
}

fn write_column(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    cells: &Cells,
    levels: &[i16],
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("more columns than the schema has".into()));
    };
    match cells {
        Cells::Text(cells) => {
            column
                .typed::<ByteArrayType>()
                .write_batch(cells, Some(levels), None)?;
        }
        Cells::Whole(cells) => {
            column
                .typed::<Int64Type>()
                .write_batch(cells, Some(levels), None)?;
        }
        Cells::Flag(cells) => {
            column
                .typed::<BoolType>()
                .write_batch(cells, Some(levels), None)?;
        }
    }
    column.close()
}

/// The same file without what tells whose rows these are, by the column that names a row; `None`: it tells nothing of
/// them. A file of an older version keeps its columns.
pub(super) fn without(
    table: &Table,
    named_by: &str,
    file: Vec<u8>,
    erased: &HashSet<String>,
) -> Result<Option<Vec<u8>>, ParquetError> {
    let reader = SerializedFileReader::new(bytes::Bytes::from(file))?;
    let schema = reader.metadata().file_metadata().schema_descr().root_schema_ptr();
    let names: Vec<String> = schema
        .get_fields()
        .iter()
        .map(|field| field.name().to_owned())
        .collect();
    let is_personal = |name: &str| {
        table
            .columns()
            .any(|column| column.name == name && column.is_personal)
    };
    let mut out = File::with(schema.clone())?;
    let mut is_changed = false;
    for at in 0..reader.num_row_groups() {
        let group = reader.get_row_group(at)?;
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        let mut columns = Vec::with_capacity(names.len());
        for index in 0..names.len() {
            columns.push(read_column(group.get_column_reader(index)?, rows)?);
        }
        let id = names.iter().position(|name| name == named_by);
        let hits = id.and_then(|id| columns.get(id)).map(|(cells, levels)| {
            let is_hit = |cells: &Cells, at| match cells {
                Cells::Text(cells) => cells
                    .get(at)
                    .and_then(|cell: &ByteArray| cell.as_utf8().ok())
                    .is_some_and(|id| erased.contains(id)),
                Cells::Whole(_) | Cells::Flag(_) => false,
            };
            let mut at = 0;
            let mut hits = Vec::with_capacity(levels.len());
            for level in levels {
                hits.push(*level == 1 && is_hit(cells, at));
                at += usize::from(*level == 1);
            }
            hits
        });
        if let Some(hits) = hits.filter(|hits| hits.contains(&true)) {
            for (name, (cells, levels)) in names.iter().zip(&mut columns) {
                if is_personal(name) {
                    is_changed |= blank(cells, levels, &hits);
                }
            }
        }
        let mut written = out.writer.next_row_group()?;
        for (cells, levels) in &columns {
            write_column(&mut written, cells, levels)?;
        }
        written.close()?;
    }
    if is_changed {
        out.finish().map(Some)
    } else {
        Ok(None)
    }
}

/// Takes the cells of some rows out. Whether there were any.
fn blank(cells: &mut Cells, levels: &mut [i16], hits: &[bool]) -> bool {
    let mut is_kept = Vec::with_capacity(levels.len());
    for (level, is_hit) in levels.iter_mut().zip(hits) {
        if *level == 1 {
            is_kept.push(!is_hit);
            *level = i16::from(!is_hit);
        }
    }
    let mut kept = is_kept.iter().copied();
    let mut next = || kept.next().unwrap_or(true);
    match cells {
        Cells::Text(cells) => cells.retain(|_| next()),
        Cells::Whole(cells) => cells.retain(|_| next()),
        Cells::Flag(cells) => cells.retain(|_| next()),
    }
    is_kept.contains(&false)
}

fn read_column(reader: ColumnReader, rows: usize) -> Result<(Cells, Vec<i16>), ParquetError> {
    fn read<T: DataType>(
        mut reader: ColumnReaderImpl<T>,
        rows: usize,
    ) -> Result<(Vec<T::T>, Vec<i16>), ParquetError> {
        let (mut cells, mut levels) = (Vec::new(), Vec::new());
        while levels.len() < rows {
            let (records, _, _) =
                reader.read_records(rows - levels.len(), Some(&mut levels), None, &mut cells)?;
            if records == 0 {
                return Err(ParquetError::General("a column ends before its rows".into()));
            }
        }
        Ok((cells, levels))
    }
    match reader {
        ColumnReader::ByteArrayColumnReader(reader) => {
            read(reader, rows).map(|(cells, levels)| (Cells::Text(cells), levels))
        }
        ColumnReader::Int64ColumnReader(reader) => {
            read(reader, rows).map(|(cells, levels)| (Cells::Whole(cells), levels))
        }
        ColumnReader::BoolColumnReader(reader) => {
            read(reader, rows).map(|(cells, levels)| (Cells::Flag(cells), levels))
        }
        _ => Err(ParquetError::General(
            "a column of a type that none of ours has".into(),
        )),
    }
}
