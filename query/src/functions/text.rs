//! Reading the small JSON objects of `absent` and `methods`: names and texts are plain words.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, StringArray};
use arrow::datatypes::DataType;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility, create_udf,
};
use tacho_schemas::table::Table;

/// Generation of the schema whose indicators have the reason of `*` where the record lacks their input.
const FURTHER_GENERATION: u8 = 2;

/// `absent_reason(absent, column)`: why the indicator `column` of a row is null; with the value as a third argument, null where there
/// is one.
pub(super) fn absent_reason() -> ScalarUDF {
    let texts = TypeSignature::Exact(vec![DataType::Utf8; 2]);
    let signature = Signature::one_of(vec![texts, TypeSignature::Any(3)], Volatility::Immutable);
    ScalarUDF::from(AbsentReason { signature })
}

/// `method_of(methods, column)`: how the indicator `column` of a row was found; `sent` where `methods` does not name it.
pub(super) fn method_of() -> ScalarUDF {
    let body = |values: &[ColumnarValue]| {
        let columns = ColumnarValue::values_to_arrays(values)?;
        let rows = columns[0].as_string::<i32>().iter().zip(columns[1].as_string::<i32>());
        let found =
            rows.map(|(methods, name)| Some(methods.and_then(|methods| member(methods, name?)).unwrap_or("sent")));
        Ok(ColumnarValue::Array(Arc::new(found.collect::<StringArray>())))
    };
    create_udf("method_of", vec![DataType::Utf8; 2], DataType::Utf8, Volatility::Immutable, Arc::new(body))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct AbsentReason {
    signature: Signature,
}

impl ScalarUDFImpl for AbsentReason {
    fn name(&self) -> &str {
        "absent_reason"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, of: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let columns = ColumnarValue::values_to_arrays(&of.args)?;
        let text = |column: &ArrayRef| arrow::compute::cast(column, &DataType::Utf8);
        let (absents, names) = (text(&columns[0])?, text(&columns[1])?);
        let value = columns.get(2);
        let rows = absents.as_string::<i32>().iter().zip(names.as_string::<i32>()).enumerate();
        let reasons = rows.map(|(row, (absent, name))| {
            let is_there = value.is_some_and(|value| value.is_valid(row));
            reason_of(absent?, name?).filter(|_| !is_there)
        });
        Ok(ColumnarValue::Array(Arc::new(reasons.collect::<StringArray>())))
    }
}

/// The reason of an indicator: its own, else that of `*`, which stands for all further ones whose input the record lacks.
fn reason_of<'a>(absent: &'a str, column: &str) -> Option<&'a str> {
    member(absent, column).or_else(|| member(absent, "*").filter(|_| is_further(column)))
}

/// Whether `*` stands for the column; other indicators name their reason each.
fn is_further(column: &str) -> bool {
    let columns = Table::ALL.into_iter().flat_map(|table| table.columns());
    columns
        .filter(|known| known.generation >= FURTHER_GENERATION)
        .any(|known| known.name == column && column != "methods")
}

fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let key = format!("\"{name}\":\"");
    let start = object.find(&key)? + key.len();
    object[start..].split('"').next()
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    #[test]
    fn a_reason_of_its_own_goes_before_that_of_all_others() {
        let absent = r#"{"reducer_l10_h":"no_rotation","*":"input_missing"}"#;
        assert_eq!(reason_of(absent, "reducer_l10_h"), Some("no_rotation"));
        assert_eq!(reason_of(absent, "grease_usage"), Some("input_missing"));
        for other in ["reducer_damage", "methods", "nonsense", "*\":\""] {
            assert_eq!(reason_of(absent, other), None, "{other}");
        }
        assert_eq!(reason_of(r#"{"reducer_l10_h":"no_rotation"}"#, "l10_h"), None);
        assert_eq!(reason_of("", "x"), None);
    }

    #[tokio::test]
    async fn a_value_that_is_there_has_no_reason() {
        let context = SessionContext::new();
        context.register_udf(absent_reason());
        let sql = "select absent_reason(absent, 'grease_usage', value) as of_value, absent_reason(absent, 'grease_usage') as of_name \
                   from (values ('{\"*\":\"input_missing\"}', 0.5), ('{\"*\":\"input_missing\"}', null)) as rows (absent, value)";
        let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
        let texts = |column: usize| {
            let cells = batches.iter().flat_map(move |batch| batch.column(column).as_string::<i32>().iter());
            cells.map(|cell| cell.map(str::to_owned)).collect::<Vec<_>>()
        };
        let missing = Some("input_missing".to_owned());
        assert_eq!(texts(0), [None, missing.clone()]);
        assert_eq!(texts(1), [missing.clone(), missing]);
    }
}
