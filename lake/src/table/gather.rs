//! Rows of many batches into one, in the table's sort order: each value is moved once, a column without values not at all.

use arrow::array::RecordBatch;
use arrow::compute::interleave;
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use tacho_schemas::table::{Table, null_column};

/// The rows of all batches, which have the table's schema, in its sort order.
pub(super) fn sorted(table: Table, batches: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
    let order = order(table, batches)?;
    let schema = table.arrow_schema();
    let columns = schema.fields().iter().enumerate().map(|(index, field)| {
        let parts: Vec<_> = batches.iter().map(|batch| batch.column(index).as_ref()).collect();
        if parts.iter().all(|part| part.null_count() == part.len()) {
            return Ok(null_column(field.data_type(), order.len()));
        }
        interleave(&parts, &order)
    });
    RecordBatch::try_new(table.arrow_schema(), columns.collect::<Result<_, _>>()?)
}

/// Where each row comes from: its batch, and its place there.
fn order(table: Table, batches: &[RecordBatch]) -> Result<Vec<(usize, usize)>, ArrowError> {
    let schema = table.arrow_schema();
    let keys: Vec<usize> = table.sort_order().iter().map(|name| schema.index_of(name)).collect::<Result<_, _>>()?;
    let field =
        |key: &usize| SortField::new_with_options(schema.field(*key).data_type().clone(), crate::maintenance::SORT);
    let converter = RowConverter::new(keys.iter().map(field).collect())?;
    let convert = |batch: &RecordBatch| {
        let columns: Vec<_> = keys.iter().map(|key| batch.column(*key).clone()).collect();
        converter.convert_columns(&columns)
    };
    let keys: Vec<Rows> = batches.iter().map(convert).collect::<Result<_, _>>()?;
    let places = |(batch, rows): (usize, &Rows)| (0..rows.num_rows()).map(move |row| (batch, row));
    let mut order: Vec<(usize, usize)> = keys.iter().enumerate().flat_map(places).collect();
    order.sort_by(|left, right| keys[left.0].row(left.1).cmp(&keys[right.0].row(right.1)));
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};

    #[test]
    fn gathered_rows_are_those_of_the_batches_one_after_the_other_and_sorted() {
        for table in Table::ALL {
            let all = sample::batch(table, 300);
            let parts = [all.slice(200, 100), all.slice(0, 7), all.slice(7, 0), all.slice(7, 193)];
            let joined = concat_batches(&table.arrow_schema(), &parts).unwrap();
            let keys = table.sort_order().iter().map(|name| joined.column_by_name(name).unwrap());
            let options = Some(crate::maintenance::SORT);
            let keys: Vec<_> = keys.map(|values| SortColumn { values: values.clone(), options }).collect();
            let expected = take_record_batch(&joined, &lexsort_to_indices(&keys, None).unwrap()).unwrap();
            assert_eq!(sorted(table, &parts).unwrap(), expected, "{}", table.name());
        }
    }
}
