//! `tacho audit`: recomputes everything from the lake and names the first divergence.

use crate::cli::DataDir;
use crate::exit::Answer;
use crate::output::Spinner;
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
    let spinner = Spinner::new();
    let audited = tacho_registry::audit(data_dir, &settings.lake_dir(), &settings.registry_dir(), |done| {
        spinner.tell(done);
    })
    .await;
    drop(spinner);
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
