//! `tacho check`: every problem of a configuration file at once.

use std::path::PathBuf;

use tacho_config::{Models, Settings};

use crate::exit::Answer;

/// Lists every problem of a configuration file at once.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration file (TOML).
    file: PathBuf,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<Answer> {
    let problems = match Settings::load(&args.file) {
        Ok(settings) => {
            let warnings: String = settings.warnings().iter().map(|warning| format!("warning: {warning}\n")).collect();
            crate::output::print(&warnings)?;
            match &settings.processing.models_dir {
                None => None,
                Some(dir) => Models::with_dir(dir).err(),
            }
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
            Ok(Answer::No)
        }
    }
}
