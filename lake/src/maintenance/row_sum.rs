//! A sum over rows that does not depend on their order: a merge must leave it as it was.
//!
//! It finds faults of software, not of malice: for those there are the anchors.

use std::hash::{BuildHasherDefault, Hasher};

use arrow::array::RecordBatch;
use datafusion::common::hash_utils::create_hashes_with_hasher;
use datafusion::error::DataFusionError;
use rustc_hash::FxHasher;

/// Odd constants of SplitMix64.
const MIX: [u64; 2] = [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb];

/// Number of rows, and two sums over a hash of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RowSum {
    pub(super) rows: u64,
    sum: u64,
    mixed: u64,
}

/// FxHasher, finished well.
#[derive(Default)]
struct Mixed(FxHasher);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        mix(self.0.finish())
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }
}

/// SplitMix64's last step: every bit of the argument moves every bit of the result.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(MIX[0]);
    x = (x ^ (x >> 27)).wrapping_mul(MIX[1]);
    x ^ (x >> 31)
}

impl RowSum {
    /// Takes the rows of a batch into account; all batches have the same schema.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<(), DataFusionError> {
        let mut rows = vec![0_u64; batch.num_rows()];
        let mut cells = vec![0_u64; batch.num_rows()];
        for (index, column) in batch.columns().iter().enumerate() {
            let seed = mix(index as u64 + 1);
            cells.fill(seed);
            create_hashes_with_hasher([column], &BuildHasherDefault::<Mixed>::default(), &mut cells)?;
            for (row, (sum, cell)) in rows.iter_mut().zip(&cells).enumerate() {
                let cell = if column.is_null(row) { seed } else { cell ^ !seed };
                *sum = mix(sum.rotate_left(17) ^ cell);
            }
        }
        self.rows += batch.num_rows() as u64;
        for row in rows {
            self.sum = self.sum.wrapping_add(row);
            self.mixed = self.mixed.wrapping_add(mix(row ^ MIX[0]));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use arrow::array::{ArrayRef, UInt64Array};
    use arrow::compute::take_record_batch;
    use tacho_schemas::table::Table;

    fn sum(batch: &RecordBatch) -> RowSum {
        let mut sum = RowSum::default();
        sum.add(batch).unwrap();
        sum
    }

    #[test]
    fn order_and_batching_do_not_matter() {
        for table in Table::ALL {
            let batch = sample::batch(table, 50);
            let mut parts = RowSum::default();
            for (start, length) in [(30, 15), (0, 30), (45, 5)] {
                parts.add(&batch.slice(start, length)).unwrap();
            }
            assert_eq!(parts, sum(&batch), "{}", table.name());
        }
    }

    #[test]
    fn a_lost_doubled_or_changed_row_is_seen_in_every_column() {
        let batch = sample::batch(Table::Joints, 20);
        let whole = sum(&batch);
        assert_ne!(sum(&batch.slice(0, 19)), whole);
        let twice: UInt64Array = (0..20).map(|n| Some(if n == 3 { 4 } else { n })).collect();
        assert_ne!(sum(&take_record_batch(&batch, &twice).unwrap()), whole);
        let shifted: UInt64Array = (0..20).map(|n| Some((n + 1) % 20)).collect();
        for index in 0..batch.num_columns() {
            let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
            columns[index] = arrow::compute::take(&columns[index], &shifted, None).unwrap();
            let changed = RecordBatch::try_new(batch.schema(), columns).unwrap();
            let name = batch.schema().field(index).name().clone();
            assert_eq!(sum(&changed) != whole, changed != batch, "{name}");
        }
    }
}
