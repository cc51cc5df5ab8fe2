//! `docs/indicators.md` says what the code computes: it is made from the code, and compared here.

use std::fmt::Write as _;
use std::path::PathBuf;

use tacho_config::{FORMULAS, Models, Rules};
use tacho_processors::indicators::{Method, catalogue};
use tacho_query::functions::formulas;
use tacho_schemas::reason::Absent;
use tacho_schemas::table::{Kind, Table};

const HEAD: &str = "\
# Indicators

Made from the code by `integration-tests/tests/indicators_page.rs`, and compared by it; do not edit it by hand.

Each indicator is a column beside the measured values that it comes from, with `formula_version` and `config_digest` in its
row. It is a value, or null with the reason in `absent`. Cumulative counters are the truth: what is computed from them does not
suffer from lost or repeated records. Numbers of robot models are in `config/models`, each with its source or marked as assumed;
`tacho models show NAME` prints them.

What must not be concluded, in general:

- The laws are those of catalogues and papers. They say how a population of such parts fares, not when this one fails.
- A rating that is assumed makes an indicator that is assumed: look at the model's sources before acting on one robot.
- Bounds of trends (`*_low`, `*_high`) cover the noise about a straight line and nothing else. Of the NASA battery B0005, the end
  by the first 80 cycles is cycle 136 to 156 at 95 %; it came at cycle 125.
- Health indices are of what is known. A part without an indicator does not lower them.

`absent` is a JSON object from column to reason. `\"*\"` stands for all further indicators whose input the record lacks;
`absent_reason(absent, 'column', column)` looks both up, and is null where there is a value. Besides the reasons that are listed
with it, any number can be null as `not_finite` or `out_of_resolution`.

`methods` is one from column to how it was found, where that is not from counters or statistics as the robot sent them. Behind
another word or alone, `rating_assumed` says that a rating that went in is assumed: the source of it in the model's file says so of
it or of a part of it. A robot that only a generic model fits has no ratings: what needs one is null as `model_unknown`.

What this set of formulas does not take on trust, the one before did; rows of before are replayed by theirs.
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    write!(page, "\nSet of formulas: `{FORMULAS}`.\n").unwrap();
    for (table, title) in [
        (Table::Joints, "Joints"),
        (Table::Batteries, "Batteries"),
        (Table::Vibration, "Vibration"),
        (Table::Records, "Robots"),
    ] {
        write!(page, "\n## {title}: table `{}`\n", table.name()).unwrap();
        for entry in catalogue::entries().filter(|entry| entry.table == table) {
            let column = table.columns().iter().find(|column| column.name == entry.column).unwrap();
            write!(page, "\n### `{}`\n\n{}.\n\n", column.name, capital(column.doc)).unwrap();
            let (unit, resolution) = (unit(column.name), resolution(column.kind));
            for (name, text) in [
                ("formula", entry.formula),
                ("unit", &format!("{unit}; {resolution}")),
                ("inputs", entry.inputs),
                ("null", entry.nulls),
                ("source", entry.source),
                ("limits", entry.limits),
            ] {
                writeln!(page, "- {name}: {text}").unwrap();
            }
        }
    }
    words(&mut page);
    sql(&mut page);
    page
}

/// Reasons and methods.
fn words(page: &mut String) {
    page.push_str("\n## Words\n\nReasons in `absent`: ");
    let reasons: Vec<String> = Absent::ALL.iter().map(|reason| format!("`{reason}`")).collect();
    page.push_str(&reasons.join(", "));
    page.push_str(".\n\nMethods in `methods`: ");
    let methods: Vec<String> = Method::ALL[1..].iter().map(|method| format!("`{}`", method.as_str())).collect();
    page.push_str(&methods.join(", "));
    page.push_str(".\n");
}

/// Functions, views, rules and models.
fn sql(page: &mut String) {
    page.push_str("\n## SQL functions\n\nArguments and results are doubles; null in, null out.\n\n");
    for formula in formulas() {
        let arguments = formula.arguments.join(", ");
        writeln!(page, "- `{}({arguments})`: {}. Source: {}.", formula.name, formula.gives, formula.source).unwrap();
    }
    page.push_str(
        "- `absent_reason(absent, column[, value])`: the reason in `absent` of a column that is null; with its value, null where there \
         is one.\n",
    );
    page.push_str(
        "- `line_of(y, x)`: an aggregate: the least-squares line through the points of a group, with the members `n`, `avgx`, \
         `avgy`, `sxx`, `syy`, `sxy`, `slope` and `r2`, such as `line_of(y, x)['slope']`; the sums are about the means.\n",
    );
    page.push_str("- `record_order(stream_epoch, seq)`: a number that puts a robot's records into its own order.\n");
    page.push_str("\n## Views\n\n");
    for (name, comment) in tacho_query::views() {
        writeln!(page, "- `{name}`: {comment}").unwrap();
    }
    page.push_str("\n## Rules of `maintenance_due`\n\n");
    for rule in Rules::builtin().all() {
        let bound = match rule.bound {
            tacho_config::rules::Bound::Above(limit) => format!("above {limit}"),
            tacho_config::rules::Bound::Below(limit) => format!("below {limit}"),
        };
        let urgency = rule.urgency.as_str();
        writeln!(
            page,
            "- `{}` ({urgency}): `{}.{}` {bound}: {}. Source: {}.",
            rule.name, rule.view, rule.column, rule.advice, rule.source
        )
        .unwrap();
    }
    page.push_str("\n## Robot models\n\n");
    for model in Models::builtin().all() {
        writeln!(page, "- `{}` ({}): {}.", model.name, model.kind, model.source).unwrap();
    }
}

/// The unit, which names have last.
fn unit(name: &str) -> &'static str {
    let units = [
        ("_nm", "Nm"),
        ("_h", "h"),
        ("_pct", "%"),
        ("_mm", "mm"),
        ("_rad", "rad"),
        ("_m", "m"),
        ("_ah", "Ah"),
        ("_mohm", "mΩ"),
        ("_mv", "mV"),
        ("c_rate_max", "1/h"),
    ];
    let found = units.iter().find(|(ending, _)| name.ends_with(ending));
    let textual = ["soh_capacity_method", "velocity_zone", "robot_health_component"];
    found.map_or(if textual.contains(&name) { "text" } else { "dimensionless" }, |(_, unit)| unit)
}

fn resolution(kind: Kind) -> String {
    match kind {
        Kind::Decimal { scale, .. } => format!("stored to 1e-{scale}"),
        kind => format!("stored as {kind}"),
    }
}

/// A sentence; one that begins with the name of a column has it as it is.
fn capital(text: &str) -> String {
    let first = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap_or_default();
    if first.contains('_') {
        return text.replacen(first, &format!("`{first}`"), 1);
    }
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

fn file() -> PathBuf {
    PathBuf::from("../docs/indicators.md")
}

#[test]
fn the_page_of_the_indicators_says_what_the_code_computes() {
    let written = std::fs::read_to_string(file()).unwrap_or_default();
    let expected = page();
    let differing = written.lines().zip(expected.lines()).find(|(written, expected)| written != expected);
    assert!(
        written == expected,
        "docs/indicators.md is not what the code says, first at {differing:?}: write it anew with \
         `cargo test --workspace --test indicators_page -- --ignored`"
    );
}

#[test]
#[ignore = "writes docs/indicators.md"]
fn write_the_page() {
    std::fs::write(file(), page()).unwrap();
}
