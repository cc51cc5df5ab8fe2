//! What each indicator is: formula, inputs, reasons when it is null, source, and what must not be concluded from it.
//!
//! `docs/indicators.md` is made from this list and the tables' columns (name, unit, resolution, meaning), and a test compares
//! it; another test asks that every indicator's column is here.

mod batteries;
mod joints;
mod records;

use tacho_schemas::table::Table;

/// One indicator, by its column.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Table of the column.
    pub table: Table,
    /// The column.
    pub column: &'static str,
    /// The formula.
    pub formula: &'static str,
    /// Fields of the record and of the model's configuration that go in; in `code`.
    pub inputs: &'static str,
    /// Reasons when it is null, by their texts in `absent`; besides [`NULLS_OF_NUMBERS`].
    pub nulls: &'static str,
    /// Where the law is from.
    pub source: &'static str,
    /// What must not be concluded, or when it does not hold.
    pub limits: &'static str,
}

/// Reasons that any number can have: what is computed is no finite number, or does not fit its column.
pub const NULLS_OF_NUMBERS: [&str; 2] = ["not_finite", "out_of_resolution"];

/// All indicators, in the order of tables and columns.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    let tables: [&'static [Entry]; 4] = [&joints::ENTRIES, &batteries::ENTRIES, &records::VIBRATION, &records::ENTRIES];
    tables.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tacho_schemas::reason::Absent;

    use super::*;

    /// Columns between the first indicator of a table and its provenance, of which each must be told.
    fn indicator_columns(table: Table, first: &str) -> Vec<&'static str> {
        let not_indicators = ["absent", "flags", "extra", "formula_version", "config_digest"];
        let not_computed = ["methods", "gaps", "quality", "principal", "payload_hash"];
        let columns = table.columns().iter().map(|column| column.name).skip_while(|name| *name != first);
        columns.filter(|name| !not_indicators.contains(name) && !not_computed.contains(name)).collect()
    }

    #[test]
    fn every_indicators_column_is_told_once_and_in_order() {
        let expected: Vec<(Table, &str)> = [
            (Table::Joints, "reducer_damage"),
            (Table::Batteries, "soh_capacity"),
            (Table::Vibration, "velocity_zone"),
            (Table::Records, "robot_health_index"),
        ]
        .into_iter()
        .flat_map(|(table, first)| indicator_columns(table, first).into_iter().map(move |name| (table, name)))
        .collect();
        let told: Vec<_> = entries().map(|entry| (entry.table, entry.column)).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn reasons_are_those_that_rows_have() {
        let known: BTreeSet<&str> = Absent::ALL.iter().map(|reason| reason.as_str()).collect();
        for entry in entries() {
            for reason in entry.nulls.split(", ") {
                assert!(known.contains(reason) || reason == "never", "{}: {reason}", entry.column);
            }
            for text in [entry.formula, entry.inputs, entry.source, entry.limits] {
                assert!(!text.is_empty(), "{}", entry.column);
            }
        }
    }
}
