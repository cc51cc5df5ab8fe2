//! The view `maintenance_due`, made of the rules of the configuration: one scan of each view that rules look at.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tacho_config::Rules;
use tacho_config::rules::{Bound, Rule};

/// SQL of the view.
pub(crate) fn view(rules: &Rules) -> String {
    let mut by_view: BTreeMap<(&str, &str), Vec<&Rule>> = BTreeMap::new();
    for rule in rules.all() {
        by_view.entry((rule.view.as_str(), rule.component.as_str())).or_default().push(rule);
    }
    let mut parts: Vec<String> =
        by_view.iter().map(|((view, component), rules)| part(view, component, rules)).collect();
    if parts.is_empty() {
        parts.push(nothing());
    }
    parts.join("\nUNION ALL\n")
}

/// What the rules of one view find. Names are words, which the configuration checks; texts are quoted here.
fn part(view: &str, component: &str, rules: &[&Rule]) -> String {
    let (mut values, mut cases) = (String::new(), String::new());
    for (number, rule) in rules.iter().enumerate() {
        let (above, limit) = match rule.bound {
            Bound::Above(limit) => (true, limit),
            Bound::Below(limit) => (false, limit),
        };
        let comma = if number == 0 { "" } else { ", " };
        let texts: [&str; 5] = [&rule.name, rule.urgency.as_str(), &rule.advice, &rule.column, &rule.source];
        let texts = texts.map(quoted).join(", ");
        write!(values, "{comma}({number}, {above}, CAST({limit:?} AS DOUBLE), {texts})")
            .expect("a String takes all text");
        write!(cases, " WHEN {number} THEN CAST(seen.\"{}\" AS DOUBLE)", rule.column).expect("a String takes all text");
    }
    let component = if component == "robot" { "CAST(NULL AS VARCHAR)".to_owned() } else { format!("\"{component}\"") };
    format!(
        "SELECT robot_id, component, rule, urgency, advice, concat('{view}.', \"column\") AS evidence, value, \
         concat(CASE WHEN above THEN 'above ' ELSE 'below ' END, CAST(\"limit\" AS VARCHAR)) AS bound, \
         window_end, stream_epoch, seq, source \
         FROM (SELECT seen.robot_id, {component} AS component, seen.window_end, seen.stream_epoch, seen.seq, \
                      rules.above, rules.\"limit\", rules.rule, rules.urgency, rules.advice, rules.\"column\", \
                      rules.source, CASE rules.number{cases} END AS value \
               FROM \"{view}\" AS seen \
               CROSS JOIN (VALUES {values}) \
                   AS rules(number, above, \"limit\", rule, urgency, advice, \"column\", source)) \
         WHERE (above AND value > \"limit\") OR (NOT above AND value < \"limit\")"
    )
}

/// The columns without rows, where there are no rules.
fn nothing() -> String {
    let texts = ["robot_id", "component", "rule", "urgency", "advice", "evidence"];
    let texts = texts.map(|name| format!("CAST(NULL AS VARCHAR) AS {name}")).join(", ");
    format!(
        "SELECT {texts}, CAST(NULL AS DOUBLE) AS value, CAST(NULL AS VARCHAR) AS bound, \
         CAST(NULL AS TIMESTAMP) AS window_end, CAST(NULL AS BIGINT) AS stream_epoch, CAST(NULL AS BIGINT) AS seq, \
         CAST(NULL AS VARCHAR) AS source WHERE false"
    )
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_one_view_are_one_scan_of_it_and_their_texts_are_quoted() {
        let text = "[[rules]]\nname = \"a\"\nview = \"joint_wear\"\ncomponent = \"joint\"\ncolumn = \"x\"\nabove = 1\n\
                    urgency = \"plan\"\nadvice = \"it's worn\"\nsource = \"s\"\n";
        let two = format!("{text}{}", text.replace("name = \"a\"", "name = \"b\"").replace("above", "below"));
        let sql = view(&Rules::parse(&two).unwrap());
        assert_eq!(sql.matches("FROM \"joint_wear\"").count(), 1);
        assert!(sql.contains("'it''s worn'") && sql.contains("(1, false, CAST(1.0 AS DOUBLE)"), "{sql}");
        assert!(view(&Rules::parse("").unwrap()).ends_with("WHERE false"));
    }
}
