//! `line_of(y, x)`: the straight line through the points of a group, as one aggregate.
//!
//! DataFusion's `regr_*` give the same sums one by one, each with an accumulator of its own for each group: for the joints of a
//! fleet that takes some twenty times as long. The sums are about the means (Welford, Chan), so a small change of a large value
//! is not lost.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, Float64Array, StructArray};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Float64Type};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

/// Members of the answer.
const MEMBERS: [&str; 8] = ["n", "avgx", "avgy", "sxx", "syy", "sxy", "slope", "r2"];
/// Members of a state between two stages.
const STATE: usize = 6;

/// The aggregate.
pub(super) fn line_of() -> AggregateUDF {
    AggregateUDF::from(LineOf { signature: Signature::exact(vec![DataType::Float64; 2], Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct LineOf {
    signature: Signature,
}

fn members() -> Fields {
    MEMBERS.iter().map(|name| Field::new(*name, DataType::Float64, true)).collect()
}

impl AggregateUDFImpl for LineOf {
    fn name(&self) -> &str {
        "line_of"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(DataType::Struct(members()))
    }

    fn accumulator(&self, _of: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>, DataFusionError> {
        Ok(Box::new(Sums::default()))
    }

    fn state_fields(&self, of: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>, DataFusionError> {
        let names = MEMBERS.iter().take(STATE).map(|member| format!("{}[{member}]", of.name));
        Ok(names.map(|name| Arc::new(Field::new(name, DataType::Float64, false))).collect())
    }

    fn groups_accumulator_supported(&self, _of: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        _of: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>, DataFusionError> {
        Ok(Box::new(Groups(Vec::new())))
    }
}

/// Number of the points, their means, and sums of squares and products about the means.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Sums {
    n: f64,
    x: f64,
    y: f64,
    sxx: f64,
    syy: f64,
    sxy: f64,
}

impl Sums {
    fn add(&mut self, y: f64, x: f64) {
        self.merge(&Self { n: 1.0, x, y, ..Self::default() });
    }

    fn merge(&mut self, other: &Self) {
        if other.n == 0.0 {
            return;
        }
        let n = self.n + other.n;
        let (dx, dy, share) = (other.x - self.x, other.y - self.y, other.n / n);
        let weight = self.n * share;
        self.sxx += other.sxx + dx * dx * weight;
        self.syy += other.syy + dy * dy * weight;
        self.sxy += other.sxy + dx * dy * weight;
        (self.x, self.y, self.n) = (self.x + dx * share, self.y + dy * share, n);
    }

    fn state(&self) -> [f64; STATE] {
        [self.n, self.x, self.y, self.sxx, self.syy, self.sxy]
    }

    fn of_state(columns: &[&Float64Array], row: usize) -> Self {
        let [n, x, y, sxx, syy, sxy] = std::array::from_fn(|member| columns[member].value(row));
        Self { n, x, y, sxx, syy, sxy }
    }

    /// The members of the answer; without points there is none but their number, and none that is no finite number.
    fn answer(&self) -> [Option<f64>; MEMBERS.len()] {
        let (there, sloped) = (self.n > 0.0, self.sxx > 0.0);
        let state = self.state().map(|member| there.then_some(member));
        let slope = sloped.then(|| self.sxy / self.sxx);
        let fits = if self.syy != 0.0 { self.sxy * self.sxy / (self.sxx * self.syy) } else { 1.0 };
        [Some(self.n), state[1], state[2], state[3], state[4], state[5], slope, sloped.then_some(fits)]
            .map(|member| member.filter(|member| member.is_finite()))
    }
}

/// Answers as an array of structs.
fn answers(sums: &[Sums]) -> Result<StructArray, DataFusionError> {
    let answers: Vec<_> = sums.iter().map(Sums::answer).collect();
    let column = |member: usize| Arc::new(answers.iter().map(|answer| answer[member]).collect::<Float64Array>());
    let columns = (0..MEMBERS.len()).map(|member| column(member) as ArrayRef).collect();
    Ok(StructArray::try_new(members(), columns, None)?)
}

/// States as columns.
fn states(sums: &[Sums]) -> Vec<ArrayRef> {
    let states: Vec<[f64; STATE]> = sums.iter().map(Sums::state).collect();
    let column = |member: usize| states.iter().map(|state| state[member]).collect::<Vec<f64>>();
    (0..STATE).map(|member| Arc::new(Float64Array::from(column(member))) as ArrayRef).collect()
}

/// The point of a row: (y, x), if it is asked for and has both.
fn point(columns: &[&Float64Array], filter: Option<&BooleanArray>, row: usize) -> Option<(f64, f64)> {
    let asked = filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
    let there = asked && columns[0].is_valid(row) && columns[1].is_valid(row);
    there.then(|| (columns[0].value(row), columns[1].value(row)))
}

fn doubles(columns: &[ArrayRef]) -> Vec<&Float64Array> {
    columns.iter().map(|column| column.as_primitive::<Float64Type>()).collect()
}

impl Accumulator for Sums {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<(), DataFusionError> {
        let columns = doubles(values);
        for point in columns[0].iter().zip(columns[1]) {
            if let (Some(y), Some(x)) = point {
                self.add(y, x);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue, DataFusionError> {
        Ok(ScalarValue::Struct(Arc::new(answers(&[*self])?)))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>, DataFusionError> {
        Ok(Sums::state(self).into_iter().map(ScalarValue::from).collect())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<(), DataFusionError> {
        let columns = doubles(states);
        (0..columns[0].len()).for_each(|row| self.merge(&Self::of_state(&columns, row)));
        Ok(())
    }
}

/// The sums of each group.
#[derive(Debug)]
struct Groups(Vec<Sums>);

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        groups_in_all: usize,
    ) -> Result<(), DataFusionError> {
        self.0.resize(groups_in_all, Sums::default());
        let columns = doubles(values);
        for (row, group) in groups.iter().enumerate() {
            if let Some((y, x)) = point(&columns, filter, row) {
                self.0[*group].add(y, x);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef, DataFusionError> {
        Ok(Arc::new(answers(&emit.take_needed(&mut self.0))?))
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>, DataFusionError> {
        Ok(states(&emit.take_needed(&mut self.0)))
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>, DataFusionError> {
        let columns = doubles(values);
        let mut each = vec![Sums::default(); columns[0].len()];
        for (row, sums) in each.iter_mut().enumerate() {
            if let Some((y, x)) = point(&columns, filter, row) {
                sums.add(y, x);
            }
        }
        Ok(states(&each))
    }

    fn merge_batch(
        &mut self,
        states: &[ArrayRef],
        groups: &[usize],
        groups_in_all: usize,
    ) -> Result<(), DataFusionError> {
        self.0.resize(groups_in_all, Sums::default());
        let columns = doubles(states);
        for (row, group) in groups.iter().enumerate() {
            self.0[*group].merge(&Sums::of_state(&columns, row));
        }
        Ok(())
    }

    fn size(&self) -> usize {
        self.0.capacity() * size_of::<Sums>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::prelude::SessionContext;

    /// One row of figures.
    async fn row(context: &SessionContext, sql: &str) -> Vec<Option<f64>> {
        let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
        let batch = &batches[0];
        let column = |index: usize| batch.column(index).as_primitive::<Float64Type>().iter().next().unwrap();
        (0..batch.num_columns()).map(column).collect()
    }

    fn context() -> SessionContext {
        let context = SessionContext::new();
        context.register_udaf(line_of());
        context
    }

    const POINTS: &str = "(select value % 7 as k, cast(value as double) as x, 0.5 + 1e-9 * value * value as y \
                          from generate_series(1, 5000))";

    #[tokio::test]
    async fn a_line_has_the_sums_that_the_regression_aggregates_have() {
        let context = context();
        for (by, of) in [("", ""), ("group by k order by k limit 1", " where y > 0.5001")] {
            let ours = "l['n'], l['avgx'], l['avgy'], l['sxx'], l['syy'], l['sxy'], l['slope'], l['r2']";
            let order = if by.is_empty() { "" } else { ", k" };
            let ours = format!("select {ours} from (select line_of(y, x) as l{order} from {POINTS}{of} {by})");
            let theirs = format!(
                "select cast(regr_count(y, x) as double), regr_avgx(y, x), regr_avgy(y, x), regr_sxx(y, x), \
                 regr_syy(y, x), regr_sxy(y, x), regr_slope(y, x), regr_r2(y, x) from {POINTS}{of} {by}"
            );
            let (ours, theirs) = (row(&context, &ours).await, row(&context, &theirs).await);
            assert!(ours[0].unwrap() > 500.0, "{ours:?}");
            for (ours, theirs) in ours.iter().zip(&theirs) {
                let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
                assert!((ours / theirs - 1.0).abs() < 1e-9, "{ours} is not {theirs}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_line_has_no_slope_and_nulls_are_no_points() {
        let context = context();
        let sql = |values: &str| {
            format!(
                "select l['n'], l['avgx'], l['slope'], l['r2'] from (select line_of(column2, column1) as l \
                 from (values {values}))"
            )
        };
        let none = row(&context, &sql("(cast(null as double), 1.0), (1.0, null)")).await;
        assert_eq!(none, [Some(0.0), None, None, None]);
        let upright = row(&context, &sql("(2.0, 1.0), (2.0, 3.0)")).await;
        assert_eq!(upright, [Some(2.0), Some(2.0), None, None]);
        let level = row(&context, &sql("(1.0, 4.0), (3.0, 4.0), (null, 9.0)")).await;
        assert_eq!(level, [Some(2.0), Some(2.0), Some(0.0), Some(1.0)]);
    }
}
