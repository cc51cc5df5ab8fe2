//! Reading the small JSON objects of `absent` and `methods`: names and texts are plain words.

/// The reason of an indicator: its own, else that of `*`, which stands for all whose input the record lacks.
pub(super) fn absent_reason<'a>(absent: &'a str, column: &str) -> Option<&'a str> {
    member(absent, column).or_else(|| member(absent, "*"))
}

fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let key = format!("\"{name}\":\"");
    let start = object.find(&key)? + key.len();
    object[start..].split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_of_its_own_goes_before_that_of_all_others() {
        let absent = r#"{"reducer_l10_h":"no_rotation","*":"input_missing"}"#;
        assert_eq!(absent_reason(absent, "reducer_l10_h"), Some("no_rotation"));
        assert_eq!(absent_reason(absent, "grease_usage"), Some("input_missing"));
        assert_eq!(absent_reason(r#"{"reducer_l10_h":"no_rotation"}"#, "l10_h"), None);
        assert_eq!(absent_reason("", "x"), None);
    }
}
