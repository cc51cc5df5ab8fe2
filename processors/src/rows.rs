//! Rows of the lake's tables out of a validated record and its indicators: one file a table, cells in schema order.
//!
//! What is computed is in [`crate::indicators`]; how cells become columns is the table builder's business.

mod batteries;
mod further;
mod joints;
mod methods;
mod notes;
mod origin;
mod records;
mod sections;

use tacho_schemas::processed::Tables;
use tacho_schemas::record::Record;
use tacho_schemas::table::{Table, TableBuilder};

use crate::indicators::further::of_record as further_of_record;
use crate::indicators::{self, BatteryIndicators, FormulaSet, JointIndicators};
use crate::validate::joint_model;

pub(crate) use notes::Notes;
pub(crate) use origin::Origin;

/// Builders of all tables, and memory that is used again for each record.
#[derive(Debug)]
pub(crate) struct Rows {
    /// Records that may come.
    records: usize,
    builders: Tables<TableBuilder>,
    /// By table: rows of one are mostly alike.
    notes: Tables<Notes>,
    joints: Vec<JointIndicators>,
    batteries: Vec<BatteryIndicators>,
}

impl Rows {
    /// No rows, of about `records` records.
    pub(crate) fn new(records: usize) -> Self {
        Self {
            records,
            builders: Tables::from_fn(TableBuilder::new),
            notes: Tables::from_fn(|_| Notes::default()),
            joints: Vec::new(),
            batteries: Vec::new(),
        }
    }

    /// Computes the indicators of a record and appends its rows; how many to each component table.
    pub(crate) fn append(&mut self, record: &Record, origin: &Origin<'_>) -> [u32; 5] {
        self.compute(record, origin);
        let health = indicators::of_robot(record, &self.joints, &self.batteries);
        let of_record = || further_of_record(record, &self.joints, &self.batteries, (origin.found, origin.formulas));
        let further = (origin.formulas != FormulaSet::Y2026R1).then(of_record);
        self.expect(record);
        let Self { builders, notes: all_notes, joints, batteries, records: _ } = self;
        let (builder, notes) = (builders.get_mut(Table::Joints), all_notes.get_mut(Table::Joints));
        for (joint, indicators) in record.joints.iter().zip(joints.iter()) {
            joints::append(builder, origin, record, joint, indicators, notes);
        }
        let (builder, notes) = (builders.get_mut(Table::Batteries), all_notes.get_mut(Table::Batteries));
        for (pack, indicators) in record.batteries.iter().zip(batteries.iter()) {
            batteries::append(builder, origin, record, pack, indicators, notes);
        }
        let (builder, notes) = (builders.get_mut(Table::Vibration), all_notes.get_mut(Table::Vibration));
        sections::vibration(builder, origin, record, notes);
        let (builder, notes) = (builders.get_mut(Table::Events), all_notes.get_mut(Table::Events));
        sections::events(builder, origin, record, notes);
        let (builder, notes) = (builders.get_mut(Table::Maintenance), all_notes.get_mut(Table::Maintenance));
        sections::maintenance(builder, origin, record, notes);
        let (builder, notes) = (builders.get_mut(Table::Records), all_notes.get_mut(Table::Records));
        records::append(builder, origin, record, (health, further.as_ref()), notes);
        [
            record.joints.len(),
            record.batteries.len(),
            record.vibration.len(),
            record.events.len(),
            record.maintenance.len(),
        ]
        .map(|rows| u32::try_from(rows).expect("a record's arrays are bounded by the decoder"))
    }

    /// Tells builders without rows how many may come: robots of one batch are mostly alike.
    fn expect(&mut self, record: &Record) {
        let each = [
            (Table::Records, 1),
            (Table::Joints, record.joints.len()),
            (Table::Batteries, record.batteries.len()),
            (Table::Vibration, record.vibration.len()),
        ];
        for (table, rows) in each {
            let builder = self.builders.get_mut(table);
            if builder.rows() == 0 {
                builder.expect_rows(rows * self.records);
            }
        }
    }

    /// The rows so far.
    pub(crate) fn finish(mut self) -> tacho_schemas::processed::Rows {
        Tables::from_fn(|table| self.builders.get_mut(table).finish())
    }

    fn compute(&mut self, record: &Record, origin: &Origin<'_>) {
        let found = origin.found;
        let window_s = window_s(record);
        let joints = record.joints.iter().enumerate().map(|(position, joint)| {
            let model = joint_model(found, position, &joint.name);
            indicators::of_joint(joint, (&record.counters, window_s), model, found, origin.formulas)
        });
        self.joints.clear();
        self.joints.extend(joints);
        let packs = record.batteries.iter().map(|pack| indicators::of_battery(pack, window_s, found, origin.formulas));
        self.batteries.clear();
        self.batteries.extend(packs);
    }
}

/// Length of the window, in s; at most an hour, which a float holds to the microsecond.
fn window_s(record: &Record) -> f64 {
    let length_us = u32::try_from(record.window_end_us - record.window_start_us).unwrap_or(u32::MAX);
    f64::from(length_us) / 1e6
}
