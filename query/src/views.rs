//! The ready views. Each is one SQL file in `views/`; a later one may use an earlier one.

use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;

/// Names and definitions, in the order in which they are created.
const VIEWS: [(&str, &str); 5] = [
    ("fleet", include_str!("views/fleet.sql")),
    ("joint_wear", include_str!("views/joint_wear.sql")),
    ("battery_health", include_str!("views/battery_health.sql")),
    ("rejections", include_str!("views/rejections.sql")),
    ("gaps", include_str!("views/gaps.sql")),
];

/// Creates the views in a session.
pub(crate) async fn create(context: &SessionContext) -> Result<(), DataFusionError> {
    for (name, query) in VIEWS {
        context.sql(&format!("CREATE VIEW {name} AS {query}")).await?;
    }
    Ok(())
}
