//! Formulas as SQL functions: scalar functions of doubles, null where there is no answer, never NaN or infinity.
//!
//! Trends come from [`line`], an aggregate; what follows from it (bounds, crossings) is in [`trend`], and laws of ageing and
//! wear that a query asks "what if" of are in [`laws`]. `docs/indicators.md` lists all of them.

mod laws;
mod line;
mod student;
mod text;
mod trend;

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Decimal128Array, Float64Array};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use datafusion::prelude::SessionContext;

/// A scalar function of doubles.
#[derive(Clone, Copy)]
pub struct Formula {
    /// Its name in SQL.
    pub name: &'static str,
    /// Names of its arguments, with units.
    pub arguments: &'static [&'static str],
    /// What it gives, with its unit and formula.
    pub gives: &'static str,
    /// Where it is from.
    pub source: &'static str,
    compute: fn(&[f64]) -> Option<f64>,
}

impl std::fmt::Debug for Formula {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Formula").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Formula {
    /// The value of some arguments; none if one of them or the result is no finite number.
    pub fn value(&self, arguments: &[f64]) -> Option<f64> {
        let finite = arguments.iter().all(|argument| argument.is_finite());
        finite.then(|| (self.compute)(arguments)).flatten().filter(|value| value.is_finite())
    }
}

/// All formulas, in the order in which they are documented.
pub fn formulas() -> impl Iterator<Item = &'static Formula> {
    trend::FORMULAS.iter().chain(laws::formulas())
}

/// Registers the functions in a session.
pub(crate) fn register(context: &SessionContext) {
    for formula in formulas() {
        let arguments = vec![DataType::Float64; formula.arguments.len()];
        let body = Arc::new(move |values: &[ColumnarValue]| evaluate(formula, values));
        context.register_udf(create_udf(formula.name, arguments, DataType::Float64, Volatility::Immutable, body));
    }
    context.register_udaf(line::line_of());
    let body = Arc::new(record_order);
    let arguments = vec![DataType::Int64, DataType::Int64];
    context.register_udf(create_udf("record_order", arguments, RECORD_ORDER, Volatility::Immutable, body));
    let times = vec![DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())); 2];
    context.register_udf(create_udf(
        "hours_between",
        times,
        DataType::Float64,
        Volatility::Immutable,
        Arc::new(hours_between),
    ));
    context.register_udf(text::absent_reason());
    context.register_udf(text::method_of());
}

fn evaluate(formula: &Formula, values: &[ColumnarValue]) -> Result<ColumnarValue, DataFusionError> {
    let columns = ColumnarValue::values_to_arrays(values)?;
    let columns: Vec<&Float64Array> = columns.iter().map(|column| column.as_primitive::<Float64Type>()).collect();
    let rows = columns.first().map_or(0, |column| column.len());
    let mut arguments = vec![0.0; columns.len()];
    let mut found = Float64Array::builder(rows);
    for row in 0..rows {
        let mut complete = true;
        for (argument, column) in arguments.iter_mut().zip(&columns) {
            complete &= column.is_valid(row);
            *argument = column.value(row);
        }
        found.append_option(if complete { formula.value(&arguments) } else { None });
    }
    Ok(ColumnarValue::Array(Arc::new(found.finish()) as ArrayRef))
}

/// `hours_between(later, earlier)`: the time between, in hours.
fn hours_between(values: &[ColumnarValue]) -> Result<ColumnarValue, DataFusionError> {
    const HOUR_US: f64 = 3.6e9;
    let columns = ColumnarValue::values_to_arrays(values)?;
    let times = |column: usize| columns[column].as_primitive::<TimestampMicrosecondType>().iter();
    let hours = times(0).zip(times(1)).map(|(later, earlier)| Some((later?.saturating_sub(earlier?)) as f64 / HOUR_US));
    Ok(ColumnarValue::Array(Arc::new(hours.collect::<Float64Array>())))
}

/// Type of a record's order.
const RECORD_ORDER: DataType = DataType::Decimal128(38, 0);

/// `record_order(stream_epoch, seq)`: a number by which a robot's records are in its own order. The newest of each robot by
/// one aggregate, which a window function would sort the whole table for.
fn record_order(values: &[ColumnarValue]) -> Result<ColumnarValue, DataFusionError> {
    const SEQS: i128 = 10_i128.pow(19);
    let columns = ColumnarValue::values_to_arrays(values)?;
    let (epochs, seqs) = (columns[0].as_primitive::<Int64Type>(), columns[1].as_primitive::<Int64Type>());
    let orders = epochs.iter().zip(seqs).map(|(epoch, seq)| Some(i128::from(epoch?) * SEQS + i128::from(seq?)));
    let orders = orders.collect::<Decimal128Array>().with_data_type(RECORD_ORDER);
    Ok(ColumnarValue::Array(Arc::new(orders)))
}
