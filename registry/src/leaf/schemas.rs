//! The schemas of a window's rows: whatever columns came later, rows are leaves of those that they were anchored under.

use std::sync::LazyLock;

use tacho_schemas::Digest;
use tacho_schemas::table::{GENERATION, Table};

use super::SchemaText;

/// The schemas that releases have given each table, by generation, from the first.
static KNOWN: LazyLock<[Vec<SchemaText>; 8]> = LazyLock::new(|| {
    Table::ALL.map(|table| (1..=GENERATION).map(|generation| SchemaText::of_generation(table, generation)).collect())
});

/// The schema of each table's rows in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schemas([&'static SchemaText; 8]);

impl Schemas {
    /// Those of this release: windows that it closes have them.
    pub fn present() -> Self {
        Self(Table::ALL.map(|table| &KNOWN[table.index()][usize::from(GENERATION) - 1]))
    }

    /// Those that a window names; of tables that it names none of, those of this release. `None` if it names one that
    /// this release does not know, or two of one table.
    pub fn named(ids: &[Digest]) -> Option<Self> {
        let mut schemas = Self::present();
        let mut named = [false; 8];
        for id in ids {
            let mut known =
                Table::ALL.into_iter().flat_map(|table| KNOWN[table.index()].iter().map(move |of| (table, of)));
            let (table, schema) = known.find(|(_, schema)| schema.id() == *id)?;
            if std::mem::replace(&mut named[table.index()], true) {
                return None;
            }
            schemas.0[table.index()] = schema;
        }
        Some(schemas)
    }

    /// The schema of a table's rows.
    pub fn of(&self, table: Table) -> &'static SchemaText {
        self.0[table.index()]
    }

    /// The IDs of the schemas of some tables, sorted, as a window names them.
    pub fn ids(&self, of: impl Fn(Table) -> bool) -> Vec<Digest> {
        let mut ids: Vec<Digest> =
            Table::ALL.into_iter().filter(|table| of(*table)).map(|table| self.of(table).id()).collect();
        ids.sort_unstable();
        ids
    }
}

#[cfg(test)]
impl Schemas {
    /// Those of a release of that generation.
    pub(crate) fn of_generation(generation: u8) -> Self {
        Self(Table::ALL.map(|table| &KNOWN[table.index()][usize::from(generation) - 1]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemas_that_a_window_names_are_found_whatever_release_closed_it() {
        for generation in 1..=GENERATION {
            let schemas = Schemas::of_generation(generation);
            assert_eq!(Schemas::named(&schemas.ids(|_| true)), Some(schemas));
        }
        assert_eq!(Schemas::of_generation(GENERATION), Schemas::present());
        assert_eq!(Schemas::named(&[]), Some(Schemas::present()));
        let (former, present) = (Schemas::of_generation(1), Schemas::present());
        let mixed = Schemas::named(&[former.of(Table::Joints).id()]).unwrap();
        assert_eq!(mixed.of(Table::Joints), former.of(Table::Joints));
        assert_eq!(mixed.of(Table::Records), present.of(Table::Records));
    }

    #[test]
    fn an_unknown_schema_and_two_of_one_table_are_no_schemas() {
        assert_eq!(Schemas::named(&[Digest::of(b"a later release's")]), None);
        let both = [Schemas::of_generation(1), Schemas::present()].map(|schemas| schemas.of(Table::Joints).id());
        assert_eq!(Schemas::named(&both), None);
        assert_eq!(Schemas::named(&[both[0], both[0]]), None);
    }
}
