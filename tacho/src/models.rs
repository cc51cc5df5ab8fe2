//! `tacho models`: which robot models are known, what is known of one and from where, and what is wrong with a folder of them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Subcommand;
use tacho_config::{Models, RobotModel};

use crate::exit::{Answer, WrongUse};

/// Lists, shows and checks robot models.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists the models, one a line: name, kind, segments of the ID that it matches, joints, battery, source.
    #[command(after_help = "Example: tacho models list")]
    List(Folder),
    /// Prints one model as JSON: each value with its source, or marked as assumed.
    #[command(after_help = "Example: tacho models show ur5e")]
    Show {
        /// Name of the model.
        name: String,
        #[command(flatten)]
        folder: Folder,
    },
    /// Lists every problem of a folder of models at once; ends with 2 if there are any.
    #[command(after_help = "Example: tacho models check ./models")]
    Check {
        /// The folder (`*.toml`), as for `processing.models_dir`.
        dir: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
struct Folder {
    /// A folder of models that is laid over the built-in ones, as `processing.models_dir` does.
    #[arg(long, value_name = "DIR", overrides_with = "models_dir")]
    models_dir: Option<PathBuf>,
}

impl Folder {
    fn models(&self) -> anyhow::Result<Models> {
        match &self.models_dir {
            Some(dir) => Models::with_dir(dir).map_err(|problems| anyhow!("{problems}")).context("models"),
            None => Ok(Models::builtin()),
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<Answer> {
    match &args.action {
        Action::List(folder) => {
            crate::output::print(&list(&folder.models()?))?;
            Ok(Answer::Yes)
        }
        Action::Show { name, folder } => {
            let models = folder.models()?;
            let model = models.by_name(name).ok_or_else(|| unknown(name, &models, folder))?;
            let text = serde_json::to_string_pretty(model).context("model as JSON")?;
            crate::output::print(&(text + "\n"))?;
            Ok(Answer::Yes)
        }
        Action::Check { dir } => check(dir),
    }
}

fn unknown(name: &str, models: &Models, folder: &Folder) -> WrongUse {
    let names: Vec<&str> = models.all().iter().map(|model| model.name.as_str()).collect();
    let hint = if folder.models_dir.is_none() { "; one of your own is looked for with --models-dir DIR" } else { "" };
    WrongUse(format!("no model is called {name:?}; there are {}{hint}", names.join(", ")))
}

fn list(models: &Models) -> String {
    let mut text = String::new();
    for model in models.all() {
        text += &line(model);
        text.push('\n');
    }
    text
}

fn line(model: &RobotModel) -> String {
    let matches = if model.generic { "(generic)".to_owned() } else { model.matches.join(",") };
    let rated = model.joints.iter().filter(|joint| joint.reducer.rating().is_some()).count();
    let battery = match &model.battery {
        Some(battery) => format!("{} Ah", battery.nominal_capacity_ah),
        None => "-".to_owned(),
    };
    format!(
        "{:<20} {:<9} {:<11} {:>2} names, {:>2} rated  {:<8} {}",
        model.name,
        model.kind.as_str(),
        matches,
        model.joints.len(),
        rated,
        battery,
        model.source
    )
}

fn check(dir: &Path) -> anyhow::Result<Answer> {
    let found = std::fs::metadata(dir).with_context(|| dir.display().to_string())?;
    if !found.is_dir() {
        return Err(WrongUse(format!(
            "{}: expected a folder of models, such as the one that the file is in",
            dir.display()
        ))
        .into());
    }
    match Models::with_dir(dir) {
        Ok(models) => {
            crate::output::print(&format!("no problems; {} models with the built-in ones\n", models.all().len()))?;
            Ok(Answer::Yes)
        }
        Err(problems) => {
            crate::output::print(&format!("{problems}\n"))?;
            Ok(Answer::Wrong)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_model_has_a_line_with_its_source() {
        let models = Models::builtin();
        let text = list(&models);
        assert_eq!(text.lines().count(), models.all().len());
        for (line, model) in text.lines().zip(models.all()) {
            assert!(line.starts_with(&model.name) && line.ends_with(&model.source), "{line}");
        }
    }

    #[test]
    fn an_unknown_name_is_a_wrong_use_that_lists_the_known_ones() {
        let told = unknown("ur4", &Models::builtin(), &Folder { models_dir: None }).to_string();
        assert!(told.contains("\"ur4\"") && told.contains("ur5e") && told.contains("--models-dir"), "{told}");
    }

    #[test]
    fn a_folder_with_a_problem_is_a_wrong_use_and_one_that_is_not_there_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(check(folder.path()).unwrap(), Answer::Yes);
        std::fs::write(folder.path().join("a.toml"), "name = 3").unwrap();
        assert_eq!(check(folder.path()).unwrap(), Answer::Wrong);
        assert!(check(&folder.path().join("none")).is_err());
        let told = check(&folder.path().join("a.toml")).unwrap_err().to_string();
        assert!(told.contains("expected a folder of models"), "{told}");
    }
}
