//! The canonical text of a schema, read back: a table's name, then `name type` per column. It names a schema for
//! ever, also where this release has other columns.

use tacho_schemas::Digest;
use tacho_schemas::table::{GENERATION, Kind, Table};

use crate::text::{decimal, excerpt};

/// A longer text, or one with more columns, is refused.
pub const MAX_SCHEMA_BYTES: usize = 64 * 1024;

/// Table, columns and types, in schema order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaText {
    table: String,
    columns: Vec<(String, Kind)>,
    text: String,
    id: Digest,
}

/// Why a text names no schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Longer than [`MAX_SCHEMA_BYTES`].
    #[error("the schema text has {0} bytes, more than {MAX_SCHEMA_BYTES}")]
    TooLong(usize),
    /// No newline at the end.
    #[error("the schema text does not end with a newline")]
    NoEnd,
    /// A line that is not `name type`; the first is the table's name.
    #[error("line {line} of the schema text, {text:?}, names no column and type")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// Its beginning.
        text: String,
    },
}

impl SchemaText {
    /// The schema that a table has in this release.
    pub fn of(table: Table) -> Self {
        Self::of_generation(table, GENERATION)
    }

    /// The schema that a table had in a generation of them.
    pub(super) fn of_generation(table: Table, generation: u8) -> Self {
        let columns = table.columns_of(generation).filter(|column| column.kind != Kind::Day);
        let text = table.canonical_text_of(generation);
        Self {
            table: table.name().to_owned(),
            columns: columns.map(|column| (column.name.to_owned(), column.kind)).collect(),
            id: Digest::of(text.as_bytes()),
            text,
        }
    }

    /// Reads a canonical text.
    ///
    /// # Errors
    /// [`SchemaError`] names the line.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        if text.len() > MAX_SCHEMA_BYTES {
            return Err(SchemaError::TooLong(text.len()));
        }
        let lines = text.strip_suffix('\n').ok_or(SchemaError::NoEnd)?;
        let mut lines = lines.split('\n').enumerate();
        let malformed = |line: usize, text: &str| SchemaError::Line { line: line + 1, text: excerpt(text) };
        let (_, table) = lines.next().ok_or(SchemaError::NoEnd)?;
        if !is_name(table) {
            return Err(malformed(0, table));
        }
        let columns = lines
            .map(|(number, line)| column(line).ok_or_else(|| malformed(number, line)))
            .collect::<Result<_, _>>()?;
        Ok(Self { table: table.to_owned(), columns, id: Digest::of(text.as_bytes()), text: text.to_owned() })
    }

    /// Name of the table.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Names and types of the columns, in order.
    pub fn columns(&self) -> &[(String, Kind)] {
        &self.columns
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the text.
    pub fn id(&self) -> Digest {
        self.id
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

fn column(line: &str) -> Option<(String, Kind)> {
    let (name, kind) = line.split_once(' ')?;
    Some((name.to_owned(), self::kind(kind)?)).filter(|(name, _)| is_name(name))
}

fn kind(text: &str) -> Option<Kind> {
    Some(match text {
        "text" => Kind::Text,
        "int" => Kind::Int,
        "bool" => Kind::Bool,
        "time" => Kind::Time,
        "binary" => Kind::Binary,
        decimals => {
            let (name, digits) = decimals.strip_suffix(')')?.split_once('(')?;
            let (precision, scale) = digits.split_once(',')?;
            let precision = u8::try_from(decimal(precision)?).ok().filter(|precision| (1..=18).contains(precision))?;
            let scale = u8::try_from(decimal(scale)?).ok().filter(|scale| *scale <= precision)?;
            match name {
                "decimal" => Kind::Decimal { precision, scale },
                "decimal_list" => Kind::DecimalList { precision, scale },
                _ => return None,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_every_table_is_read_back() {
        for table in Table::ALL {
            for generation in 1..=GENERATION {
                let schema = SchemaText::parse(&table.canonical_text_of(generation)).unwrap();
                assert_eq!(schema, SchemaText::of_generation(table, generation));
            }
            let schema = SchemaText::of(table);
            assert_eq!(schema.id(), table.schema_id());
            assert_eq!(schema.columns().len(), table.columns().len() - 1, "{}", table.name());
        }
    }

    #[test]
    fn lines_that_name_no_column_are_refused() {
        for text in [
            "",
            "t",
            "\n",
            "t\n\n",
            "t\nx\n",
            "t\nx float\n",
            "t\nx day\n",
            "t\nx  int\n",
            "t\nx int \n",
            "t\nX int\n",
            "t\nx decimal(19,2)\n",
            "t\nx decimal(9,10)\n",
            "t\nx decimal(9, 2)\n",
            "t\nx decimal(09,2)\n",
            "t\nx decimal(9)\n",
            "t\r\nx int\r\n",
        ] {
            assert!(SchemaText::parse(text).is_err(), "{text:?}");
        }
        assert!(matches!(SchemaText::parse(&"x".repeat(MAX_SCHEMA_BYTES + 1)), Err(SchemaError::TooLong(_))));
    }
}
