//! The ready views. Each is one SQL file in `views/`; a later one may use an earlier one. `maintenance_due` is made of rules.

use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use tacho_config::{Problem, Rules};

use crate::maintenance;

/// Names and definitions, in the order in which they are created.
const VIEWS: [(&str, &str); 16] = [
    ("fleet", include_str!("views/fleet.sql")),
    ("joint_wear", include_str!("views/joint_wear.sql")),
    ("battery_health", include_str!("views/battery_health.sql")),
    ("joint_tests", include_str!("views/joint_tests.sql")),
    ("pack_tests", include_str!("views/pack_tests.sql")),
    ("vibration_zones", include_str!("views/vibration_zones.sql")),
    ("rejections", include_str!("views/rejections.sql")),
    ("gaps", include_str!("views/gaps.sql")),
    ("fleet_indicators", include_str!("views/fleet_indicators.sql")),
    ("joint_rul", include_str!("views/joint_rul.sql")),
    ("battery_rul", include_str!("views/battery_rul.sql")),
    ("accuracy_trend", include_str!("views/accuracy_trend.sql")),
    ("event_counts", include_str!("views/event_counts.sql")),
    ("grease_due", include_str!("views/grease_due.sql")),
    ("counter_alerts", include_str!("views/counter_alerts.sql")),
    ("identity_alerts", include_str!("views/identity_alerts.sql")),
];

/// Names of the views, `maintenance_due` last, with what the first lines of each say of it.
pub fn views() -> impl Iterator<Item = (&'static str, String)> {
    let comment = |query: &str| {
        let lines = query.lines().map_while(|line| line.strip_prefix("-- "));
        lines.collect::<Vec<_>>().join(" ")
    };
    let due = "What is due, by the rules of the configuration: component, advice, urgency, the value and bound that say so, \
               the row that has it, and the rule's source.";
    VIEWS.into_iter().map(move |(name, query)| (name, comment(query))).chain([("maintenance_due", due.to_owned())])
}

/// Creates the views in a session, which has the functions that they use. A rule that cannot be asked is left out of
/// `maintenance_due`, and told.
pub(crate) async fn create(context: &SessionContext, rules: &Rules) -> Result<Vec<Problem>, DataFusionError> {
    for (name, query) in VIEWS {
        context.sql(&format!("CREATE VIEW {name} AS {query}")).await?;
    }
    let (rules, mut problems) = maintenance::asked(context, rules).await;
    let due = |rules| format!("CREATE VIEW maintenance_due AS {}", maintenance::view(rules));
    if let Err(error) = context.sql(&due(&rules)).await {
        // Rules are the operator's: whatever is in them, the lake can be asked.
        problems.push(Problem::new("rules", "", format!("rules that can be asked together: {error}")));
        context.sql(&due(&[])).await?;
    }
    Ok(problems)
}
