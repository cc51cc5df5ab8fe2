//! `tacho check`: every problem of a configuration file at once.

use std::path::PathBuf;

use anyhow::Context as _;
use tacho_config::settings::LogKind;
use tacho_config::{Models, Problem, Problems, Rules, Settings};

use crate::exit::Answer;

/// Lists every problem of a configuration file at once.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration file (TOML).
    file: PathBuf,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> anyhow::Result<Answer> {
    std::fs::metadata(&args.file).with_context(|| args.file.display().to_string())?;
    let problems = match Settings::load(&args.file) {
        Ok(settings) => {
            let warnings: String = settings.warnings().iter().map(|warning| format!("warning: {warning}\n")).collect();
            crate::output::print(&warnings)?;
            let users = crate::settings::users(&settings).err();
            let models = settings.processing.models_dir.as_deref().and_then(|dir| Models::with_dir(dir).err());
            let kafka = kafka(&settings).err();
            let rules = rules(&settings).await?;
            let all: Vec<_> =
                users.into_iter().chain(models).chain(rules).chain(kafka).flat_map(|problems| problems.0).collect();
            (!all.is_empty()).then_some(Problems(all))
        }
        Err(problems) => Some(problems),
    };
    match problems {
        None => {
            crate::output::print("no problems\n")?;
            Ok(Answer::Yes)
        }
        Some(problems) => {
            crate::output::print(&format!("{problems}\n"))?;
            Ok(Answer::Wrong)
        }
    }
}

/// What is wrong with the rules of maintenance, if they are one's own: their text, or what they look at.
async fn rules(settings: &Settings) -> anyhow::Result<Option<Problems>> {
    let Some(file) = &settings.processing.rules_file else { return Ok(None) };
    let rules = match Rules::load(file) {
        Ok(rules) => rules,
        Err(problems) => return Ok(Some(problems)),
    };
    let problems = tacho_query::rule_problems(&rules).await?;
    Ok((!problems.is_empty()).then_some(Problems(problems)))
}

/// Whether librdkafka takes the settings; no broker is asked.
fn kafka(settings: &Settings) -> Result<(), Problems> {
    if settings.log.kind != LogKind::Kafka {
        return Ok(());
    }
    let checked = crate::up::mapping::kafka(settings).check();
    checked.map_err(|error| Problems(vec![Problem::new("log.kafka", "", tacho_schemas::chain(&error))]))
}
