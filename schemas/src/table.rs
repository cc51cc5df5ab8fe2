//! The tables of the lake: which there are, their columns, and the canonical text that names a schema for ever.
//!
//! Columns with units and resolutions are in `table/`, one file a table; rows are built with
//! [`TableBuilder`]. How tables lie on disk is `tacho-lake`'s business.

mod batteries;
mod builder;
mod cells;
mod column;
mod events;
mod fixed;
mod joints;
mod ledger_rows;
mod nulls;
mod records;
mod vibration;

pub use builder::TableBuilder;
pub use column::{Column, Kind};
pub use nulls::null_column;

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{Field, Schema, SchemaRef};

use crate::Digest;

/// A table of the lake. The order of the variants is the order in which statements count their rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// One row per landed record: envelope, robot counters, motion, pose test.
    Records,
    /// One row per joint and record.
    Joints,
    /// One row per battery pack and record.
    Batteries,
    /// One row per vibration sensor and record.
    Vibration,
    /// One row per event that a robot reported.
    Events,
    /// One row per maintenance action that a robot reported.
    Maintenance,
    /// One row per dead letter: original bytes and reason.
    Rejected,
    /// One row per change of a gap in a robot's sequence numbers; append-only.
    GapEvents,
}

/// The present generation of the schemas. A release that adds columns raises it, and marks them with it.
pub const GENERATION: u8 = 2;

impl Table {
    /// All tables, in the order in which statements count them.
    pub const ALL: [Self; 8] = [
        Self::Records,
        Self::Joints,
        Self::Batteries,
        Self::Vibration,
        Self::Events,
        Self::Maintenance,
        Self::Rejected,
        Self::GapEvents,
    ];

    /// The order in which a landing commits them: `records`, which alone carries the progress, comes last.
    pub const LANDING_ORDER: [Self; 8] = [
        Self::Joints,
        Self::Batteries,
        Self::Vibration,
        Self::Events,
        Self::Maintenance,
        Self::Rejected,
        Self::GapEvents,
        Self::Records,
    ];

    /// The tables whose rows are leaves of the anchors: all but `gap_events`, which follows from the others.
    pub const ANCHORED: [Self; 7] = [
        Self::Records,
        Self::Joints,
        Self::Batteries,
        Self::Vibration,
        Self::Events,
        Self::Maintenance,
        Self::Rejected,
    ];

    /// The tables whose rows are parts of a landed record besides `records` itself.
    pub const COMPONENTS: [Self; 5] = [Self::Joints, Self::Batteries, Self::Vibration, Self::Events, Self::Maintenance];

    /// Name in SQL and name of the folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Joints => "joints",
            Self::Batteries => "batteries",
            Self::Vibration => "vibration",
            Self::Events => "events",
            Self::Maintenance => "maintenance",
            Self::Rejected => "rejected",
            Self::GapEvents => "gap_events",
        }
    }

    /// The table of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Position in [`Table::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The columns, in schema order.
    pub fn columns(self) -> &'static [Column] {
        static COLUMNS: LazyLock<[Vec<Column>; 8]> = LazyLock::new(|| {
            [
                records::columns(),
                joints::columns(),
                batteries::columns(),
                vibration::columns(),
                events::events(),
                events::maintenance(),
                ledger_rows::rejected(),
                ledger_rows::gap_events(),
            ]
        });
        &COLUMNS[self.index()]
    }

    /// The columns that the table had in a generation of the schemas, in schema order.
    pub fn columns_of(self, generation: u8) -> impl Iterator<Item = &'static Column> {
        self.columns().iter().filter(move |column| column.generation <= generation)
    }

    /// The column that tells the rows of one record apart (the row key), if a record can have several.
    pub fn row_key(self) -> Option<&'static str> {
        match self {
            Self::Records | Self::Rejected => None,
            Self::Joints => Some("joint"),
            Self::Batteries => Some("pack_id"),
            Self::Vibration => Some("location"),
            Self::Events | Self::Maintenance | Self::GapEvents => Some("row_index"),
        }
    }

    /// Columns by which compacted files are sorted.
    pub fn sort_order(self) -> &'static [&'static str] {
        match self {
            Self::Records => &["robot_id", "window_end", "stream_epoch", "seq"],
            Self::Joints => &["robot_id", "joint", "window_end", "stream_epoch", "seq"],
            Self::Batteries => &["robot_id", "pack_id", "window_end", "stream_epoch", "seq"],
            Self::Vibration => &["robot_id", "location", "window_end", "stream_epoch", "seq"],
            Self::Events | Self::Maintenance => &["robot_id", "time", "partition", "offset", "ordinal", "row_index"],
            Self::Rejected => &["robot_id", "partition", "offset", "ordinal"],
            Self::GapEvents => &["robot_id", "partition", "offset", "ordinal", "row_index"],
        }
    }

    /// The Arrow schema that the lake's files have, `received_day` included.
    pub fn arrow_schema(self) -> SchemaRef {
        static SCHEMAS: LazyLock<[SchemaRef; 8]> = LazyLock::new(|| {
            Table::ALL.map(|table| {
                let fields: Vec<Field> = table.columns().iter().map(Column::arrow_field).collect();
                Arc::new(Schema::new(fields))
            })
        });
        Arc::clone(&SCHEMAS[self.index()])
    }

    /// The canonical text of the schema: the table's name, then `name type` per column, one a line.
    /// `received_day` is left out: it follows from `received_at`.
    pub fn canonical_text(self) -> String {
        self.canonical_text_of(GENERATION)
    }

    /// The canonical text that the schema had in a generation: a schema only grows, so it is the present one without the
    /// columns that came later.
    pub fn canonical_text_of(self, generation: u8) -> String {
        let mut text = format!("{}\n", self.name());
        for column in self.columns_of(generation).filter(|column| column.name != "received_day") {
            writeln!(text, "{} {}", column.name, column.kind).expect("writing to a String succeeds");
        }
        text
    }

    /// SHA-256 of the canonical text.
    pub fn schema_id(self) -> Digest {
        Digest::of(self.canonical_text().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_table_has_a_place_in_the_log_and_names_its_configuration() {
        for table in Table::ALL {
            let names: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
            for name in [
                "robot_id",
                "received_at",
                "received_day",
                "log_epoch",
                "partition",
                "offset",
                "ordinal",
                "config_digest",
            ] {
                assert!(names.contains(&name), "{} lacks {name}", table.name());
            }
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{}", table.name());
            for key in table.row_key().iter().chain(table.sort_order()) {
                assert!(names.contains(key), "{} lacks {key}", table.name());
            }
        }
    }

    /// Digests of the first generation: leaves of rows that were anchored then name them.
    #[test]
    fn the_schemas_of_the_first_generation_are_known_for_ever() {
        for (table, digest) in [
            (Table::Joints, "b7ce0e7653c20982a443f0e5f87f1c5a7869eabe919e3f1f01389dd18c405e45"),
            (Table::Batteries, "d3a46fd35c350c75d1ca07154c80e60d57d580792c824d0cf76ef95ebcd236cd"),
            (Table::Vibration, "01b5efd7e3c8dc805d2e15e4a40566c78ed7ff20e59b695c1905396cd757074b"),
            (Table::Records, "de327707b0f4f7486c0ba9c7e5c8871d56512383c9d0b5d91d35bc746b210243"),
        ] {
            let id = Digest::of(table.canonical_text_of(1).as_bytes());
            assert_eq!(id.to_string(), digest, "{}", table.name());
            assert_ne!(id, table.schema_id());
        }
        assert_eq!(Table::Events.canonical_text_of(1), Table::Events.canonical_text());
    }

    #[test]
    fn positions_agree_with_the_list_of_all_tables() {
        for (index, table) in Table::ALL.into_iter().enumerate() {
            assert_eq!(table.index(), index);
            assert_eq!(Table::by_name(table.name()), Some(table));
        }
        assert_eq!(Table::LANDING_ORDER.iter().collect::<BTreeSet<_>>().len(), 8);
    }
}
