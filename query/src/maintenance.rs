//! The view `maintenance_due`, made of the rules of the configuration: one scan of each view that rules look at.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use datafusion::prelude::SessionContext;
use tacho_config::rules::{Bound, Rule};
use tacho_config::{Problem, Rules};

/// Columns that a view needs for rules to look at it: whose, when, and the record that says so.
const NEEDED: [&str; 4] = ["robot_id", "window_end", "stream_epoch", "seq"];

/// A rule that can be asked.
#[derive(Clone, Copy)]
pub(crate) struct Askable<'a> {
    rule: &'a Rule,
    /// Whether its view says how values were found.
    has_methods: bool,
}

/// The rules that can be asked here, and what keeps the others from it.
pub(crate) async fn asked<'a>(context: &SessionContext, rules: &'a Rules) -> (Vec<Askable<'a>>, Vec<Problem>) {
    let (mut asked, mut problems) = (Vec::new(), Vec::new());
    for rule in rules.all() {
        match askable(context, rule).await {
            Ok(rule) => asked.push(rule),
            Err(problem) => problems.push(problem),
        }
    }
    (asked, problems)
}

async fn askable<'a>(context: &SessionContext, rule: &'a Rule) -> Result<Askable<'a>, Problem> {
    let problem = |key: &str, value: &str, expected: String| {
        Err(Problem::new(format!("rule {}: {key}", rule.name), value, expected))
    };
    let Ok(seen) = context.table_provider(rule.view.as_str()).await else {
        return problem("view", &rule.view, "a view or table that there is".to_owned());
    };
    let schema = seen.schema();
    let lacks = NEEDED.into_iter().filter(|needed| schema.index_of(needed).is_err()).collect::<Vec<_>>();
    if !lacks.is_empty() {
        return problem("view", &rule.view, format!("one with {}, which a rule needs", lacks.join(", ")));
    }
    let columns = || schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", ");
    if rule.component != "robot" {
        let named = schema.field_with_name(&rule.component);
        if !named.is_ok_and(|field| field.data_type().is_string()) {
            let expected = format!("`robot`, or a column of texts of {}: {}", rule.view, columns());
            return problem("component", &rule.component, expected);
        }
    }
    match schema.field_with_name(&rule.column) {
        Err(_) => problem("column", &rule.column, format!("a column of {}: {}", rule.view, columns())),
        Ok(field) if !field.data_type().is_numeric() => {
            problem("column", &rule.column, format!("a column of numbers; it is {}", field.data_type()))
        }
        Ok(_) => Ok(Askable { rule, has_methods: schema.index_of("methods").is_ok() }),
    }
}

/// SQL of the view.
pub(crate) fn view(rules: &[Askable<'_>]) -> String {
    let mut by_view: BTreeMap<(&str, &str, bool), Vec<&Rule>> = BTreeMap::new();
    for Askable { rule, has_methods } in rules.iter().copied() {
        by_view.entry((rule.view.as_str(), rule.component.as_str(), has_methods)).or_default().push(rule);
    }
    let of_view = |((view, component, has_methods), rules): (&(&str, &str, bool), &Vec<&Rule>)| {
        part(view, component, *has_methods, rules)
    };
    let mut parts: Vec<String> = by_view.iter().map(of_view).collect();
    if parts.is_empty() {
        parts.push(nothing());
    }
    parts.join("\nUNION ALL\n")
}

/// What the rules of one view find. Names are words, which the configuration checks; texts are quoted here.
fn part(view: &str, component: &str, has_methods: bool, rules: &[&Rule]) -> String {
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
    let text = |column: &str| format!("CAST({column} AS VARCHAR)");
    let component = if component == "robot" { text("NULL") } else { text(&format!("seen.\"{component}\"")) };
    let methods = text(if has_methods { "seen.methods" } else { "NULL" });
    format!(
        "SELECT robot_id, component, rule, urgency, advice, concat('{view}.', \"column\") AS evidence, value, \
         concat(CASE WHEN above THEN 'above ' ELSE 'below ' END, CAST(\"limit\" AS VARCHAR)) AS bound, \
         window_end, stream_epoch, seq, source, methods \
         FROM (SELECT seen.robot_id, {component} AS component, {methods} AS methods, seen.window_end, seen.stream_epoch, seen.seq, \
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
    let text = |name: &str| format!("CAST(NULL AS VARCHAR) AS {name}");
    let texts = ["robot_id", "component", "rule", "urgency", "advice", "evidence"];
    let texts = texts.map(text).join(", ");
    format!(
        "SELECT {texts}, CAST(NULL AS DOUBLE) AS value, CAST(NULL AS VARCHAR) AS bound, \
         CAST(NULL AS TIMESTAMP) AS window_end, CAST(NULL AS BIGINT) AS stream_epoch, CAST(NULL AS BIGINT) AS seq, \
         {}, {} WHERE false",
        text("source"),
        text("methods")
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
        let rules = Rules::parse(&two).unwrap();
        let sql = view(&rules.all().iter().map(|rule| Askable { rule, has_methods: true }).collect::<Vec<_>>());
        assert_eq!(sql.matches("FROM \"joint_wear\"").count(), 1);
        assert!(sql.contains("'it''s worn'") && sql.contains("(1, false, CAST(1.0 AS DOUBLE)"), "{sql}");
        assert!(view(&[]).ends_with("WHERE false"));
    }

    #[tokio::test]
    async fn a_rule_that_cannot_be_asked_is_told_and_the_others_are_asked() {
        let rule = |name: &str, view: &str, component: &str, column: &str| {
            format!(
                "[[rules]]\nname = \"{name}\"\nview = \"{view}\"\ncomponent = \"{component}\"\ncolumn = \"{column}\"\n\
                 above = 1\nurgency = \"plan\"\nadvice = \"a\"\nsource = \"s\"\n"
            )
        };
        let text = [
            rule("right", "joint_wear", "joint", "reducer_damage"),
            rule("no-view", "joint_ware", "joint", "reducer_damage"),
            rule("no-record", "identity_alerts", "robot", "count"),
            rule("no-component", "joint_wear", "jont", "reducer_damage"),
            rule("no-text", "joints", "load_hist_rev", "reducer_damage"),
            rule("no-text-either", "records", "window_end", "robot_health_index"),
            rule("no-column", "joint_wear", "joint", "reducer_damge"),
            rule("no-number", "joint_wear", "joint", "flags"),
        ]
        .concat();
        let problems = crate::rule_problems(&Rules::parse(&text).unwrap()).await.unwrap();
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        for (told, part) in told.iter().zip([
            "rule no-view: view = joint_ware: expected a view",
            "rule no-record: view = identity_alerts: expected one with window_end, stream_epoch, seq",
            "rule no-component: component = jont",
            "rule no-text: component = load_hist_rev: expected `robot`, or a column of texts of joints",
            "rule no-text-either: component = window_end",
            "rule no-column: column = reducer_damge: expected a column of joint_wear: robot_id",
            "rule no-number: column = flags: expected a column of numbers",
        ]) {
            assert!(told.starts_with(part), "{told}");
        }
        assert_eq!(told.len(), 7, "{told:?}");
        assert_eq!(crate::rule_problems(&Rules::builtin()).await.unwrap(), [], "the built-in ones can all be asked");
    }
}
