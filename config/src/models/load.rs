//! Reading robot models: the built-in files, and a folder laid over them.

use std::path::{Path, PathBuf};

use super::{Models, RobotModel, builtin::FILES};
use crate::problem::{Problem, Problems};
use crate::section::parse_toml;
use crate::settings::read_bounded;

/// A model's file is refused above this size, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Model files of a folder at most.
const FILES_MAX: usize = 4_096;

/// The built-in models.
pub(super) fn builtin() -> Result<Models, Problems> {
    let mut problems = Vec::new();
    let models = read_all(FILES, &mut problems);
    finish(models, problems)
}

/// The built-in models with those of `dir` laid over them.
pub(super) fn with_dir(dir: &Path) -> Result<Models, Problems> {
    let mut problems = Vec::new();
    let mut texts = Vec::new();
    for path in model_files(dir)? {
        match read_bounded(&path, FILE_BYTES_MAX) {
            Ok(text) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                texts.push((name, text));
            }
            Err(unreadable) => problems.extend(unreadable.0),
        }
    }
    let files = texts.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let own = read_all(files, &mut problems);
    let shipped = read_all(FILES, &mut problems);
    finish(laid_over(own, shipped), problems)
}

/// The models of `files` that are sound; the problems of the others go to `problems`.
fn read_all<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>, problems: &mut Vec<Problem>) -> Vec<RobotModel> {
    let mut models = Vec::new();
    for (file, text) in files {
        let mut own_problems = Vec::new();
        match parse_toml(text) {
            Ok(table) => {
                let model = RobotModel::read(&table, &mut own_problems);
                if own_problems.is_empty() {
                    models.push(model);
                }
            }
            Err(problem) => own_problems.push(problem),
        }
        problems.extend(own_problems.into_iter().map(|problem| problem.of_file(file)));
    }
    models
}

/// `own` models, and of the shipped ones what they leave standing.
fn laid_over(mut own: Vec<RobotModel>, shipped: Vec<RobotModel>) -> Vec<RobotModel> {
    let mut left = Vec::new();
    for mut model in shipped {
        let replaced = own
            .iter()
            .any(|other| other.name == model.name || (other.generic && model.generic && other.kind == model.kind));
        if !replaced {
            model.matches.retain(|segments| !own.iter().any(|other| other.matches.contains(segments)));
            left.push(model);
        }
    }
    own.append(&mut left);
    own
}

/// The set, or all problems: those of single files, and those of sound models with each other.
fn finish(models: Vec<RobotModel>, mut problems: Vec<Problem>) -> Result<Models, Problems> {
    match Models::of(models) {
        Ok(models) => Problems::unless_none(problems, models),
        Err(among_each_other) => {
            problems.extend(among_each_other.0);
            Err(Problems(problems))
        }
    }
}

/// Files `*.toml` of `dir` in the order of names.
fn model_files(dir: &Path) -> Result<Vec<PathBuf>, Problems> {
    let unreadable = |error: std::io::Error| Problems::unreadable(dir, &error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
        if files.len() > FILES_MAX {
            let folder = dir.display().to_string();
            return Err(Problems(vec![Problem::new(folder, "", format!("at most {FILES_MAX} model files"))]));
        }
    }
    files.sort();
    Ok(files)
}
