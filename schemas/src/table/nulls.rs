//! Columns without a value: most columns of a batch are. They all show the same zeros, and cost next to nothing.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray, new_null_array};
use arrow::buffer::{Buffer, MutableBuffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowNativeType as _, DataType, Date32Type, Decimal128Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};

/// Bytes that are shared: 262,144 decimals. Memory that nobody reads is never made.
const SHARED_BYTES: usize = 4 << 20;

/// A column of `rows` nulls.
pub fn null_column(data_type: &DataType, rows: usize) -> ArrayRef {
    match data_type {
        DataType::Int64 => Arc::new(nulls::<Int64Type>(rows)),
        DataType::Date32 => Arc::new(nulls::<Date32Type>(rows)),
        DataType::Decimal128(..) => Arc::new(nulls::<Decimal128Type>(rows).with_data_type(data_type.clone())),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Arc::new(nulls::<TimestampMicrosecondType>(rows).with_data_type(data_type.clone()))
        }
        other => new_null_array(other, rows),
    }
}

/// A column of fixed width of `rows` nulls.
pub(super) fn nulls<T: ArrowPrimitiveType>(rows: usize) -> PrimitiveArray<T> {
    static ZEROS: LazyLock<Buffer> = LazyLock::new(|| MutableBuffer::from_len_zeroed(SHARED_BYTES).into());
    if rows * T::Native::get_byte_width() > SHARED_BYTES {
        return PrimitiveArray::new_null(rows);
    }
    PrimitiveArray::new(ScalarBuffer::new(ZEROS.clone(), 0, rows), Some(NullBuffer::new_null(rows)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Table;
    use arrow::array::Array as _;

    #[test]
    fn a_column_of_nulls_is_what_the_library_makes_of_every_type_and_length() {
        for column in Table::ALL.into_iter().flat_map(Table::columns) {
            let data_type = column.kind.arrow_type();
            for rows in [0, 1, 3_000] {
                assert_eq!(&null_column(&data_type, rows), &new_null_array(&data_type, rows), "{}", column.name);
            }
        }
        let long = null_column(&DataType::Decimal128(9, 2), SHARED_BYTES / 16 + 1);
        assert_eq!((long.len(), long.null_count()), (SHARED_BYTES / 16 + 1, SHARED_BYTES / 16 + 1));
    }
}
