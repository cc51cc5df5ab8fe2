//! `tacho audit`: recomputes everything from the lake and names the first divergence.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::DataDir;
use crate::exit::Answer;
use crate::up::instance;

/// Recomputes everything from the lake: `tacho audit --data tacho-data`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    data: DataDir,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> anyhow::Result<Answer> {
    let settings = args.data.settings()?;
    let data_dir = &settings.data_dir;
    instance::require(data_dir)?;
    let bar = progress_bar();
    let audited = tacho_registry::audit(data_dir, &data_dir.join("lake"), &settings.registry_dir(), |done| {
        bar.set_message(done.to_owned());
        bar.tick();
    })
    .await;
    bar.finish_and_clear();
    match audited {
        Ok(report) => {
            crate::output::print(&format!("{report}\n"))?;
            Ok(Answer::Yes)
        }
        Err(error) if error.is_divergence() => {
            crate::output::print(&format!("divergence: {error}\n"))?;
            Ok(Answer::No)
        }
        Err(error) => Err(error.into()),
    }
}

/// A bar that shows itself only in a terminal, and only if the work takes a while.
fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_secs(1));
    bar
}
