//! `tacho sql`: one statement on the lake, beside a running instance or without one.

use anyhow::{Context as _, anyhow};
use tacho_config::Rules;
use tacho_query::{AnchorRow, Format, Session};

use crate::cli::DataDir;
use crate::exit::{Answer, WrongUse};
use crate::output::tell;
use crate::up::{instance, mapping};
use tacho_schemas::chain;

/// Asks the lake in SQL: `tacho sql "select robot_id, silent_s from fleet" --format csv`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// One SQL statement that reads.
    statement: String,
    #[command(flatten)]
    data: DataDir,
    /// table, csv, json (one object a line) or parquet.
    #[arg(long, default_value = "table", overrides_with = "format")]
    format: Format,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> anyhow::Result<Answer> {
    let settings = args.data.settings()?;
    let data_dir = settings.data_dir.clone();
    if settings.lake.url.is_none() {
        instance::require(&data_dir)?;
    }
    let registry_of = (data_dir.clone(), settings.registry_dir());
    let anchors =
        move || tacho_registry::summaries(&registry_of.0, &registry_of.1).map(rows).map_err(|error| chain(&error));
    let rules_file = settings.processing.rules_file.clone().or_else(|| instance::rules_file(&data_dir));
    let rules = match rules_file {
        Some(file) => Rules::load(&file).map_err(|problems| anyhow!("{problems}")).context("rules of maintenance")?,
        None => Rules::builtin(),
    };
    let session = Session::open_with(mapping::lake_place(&settings)?, anchors, &rules).await?;
    for problem in session.rule_problems() {
        tell(&format!("maintenance_due is without a rule: {problem}\n"));
    }
    let (schema, rows) = match session.query(&args.statement).await {
        Err(error) if error.is_wrong_statement() => return Err(WrongUse(error.to_string()).into()),
        answer => answer?,
    };
    match args.format.write(schema, &rows, std::io::stdout()) {
        Err(error) if error.is_closed_output() => Ok(Answer::Yes),
        written => {
            written?;
            Ok(Answer::Yes)
        }
    }
}

fn rows(summaries: Vec<tacho_registry::AnchorSummary>) -> Vec<AnchorRow> {
    summaries
        .into_iter()
        .map(|anchor| AnchorRow {
            window: anchor.window,
            log_index: anchor.log_index,
            received: anchor.received,
            landed: anchor.landed,
            duplicate: anchor.duplicate,
            rejected: anchor.rejected,
            rows: anchor.rows,
            segments: anchor.segments,
            files: anchor.files,
            leaf_hash: anchor.leaf_hash,
            anchored_tree_size: anchor.anchored_tree_size,
        })
        .collect()
}
