//! The configurations that rows were made under: each that a row or a window names is stored, and each that is stored has
//! the digest that it is named by. So are those that only control records name: they are stored before those are written.

use std::collections::BTreeSet;

use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _};
use tacho_schemas::Digest;

use super::AuditError;
use super::error::{differs, unreadable};
use super::history::History;
use super::lake::Pinned;
use super::survey::Survey;

/// Folder beneath the lake's.
const FOLDER: &str = "_config";

/// Checks all configurations.
pub(super) async fn check(pinned: &Pinned, history: &History, survey: &Survey) -> Result<(), AuditError> {
    let store = pinned.store();
    let mut stored = BTreeSet::new();
    let mut files = store.list(Some(&Path::from(FOLDER)));
    while let Some(file) = files.try_next().await.map_err(|error| unreadable(FOLDER, error))? {
        let name = file.location.filename().and_then(|name| name.strip_suffix(".json")?.parse::<Digest>().ok());
        let Some(named) = name else { continue };
        let path = &file.location;
        let read = async { store.get(path).await?.bytes().await };
        let found = Digest::of(&read.await.map_err(|error| unreadable(path, error))?);
        if found != named {
            return Err(differs(path, format!("was changed: its SHA-256 is {found}, it is named by another")));
        }
        stored.insert(named);
    }
    let stated = history.windows.iter().flat_map(|window| &window.config_digests);
    match stated.chain(&survey.configs).find(|named| !stored.contains(*named)) {
        None => Ok(()),
        Some(missing) => Err(differs(
            format!("{FOLDER}/{missing}.json"),
            "is missing, and rows were made under it: restore it from a backup",
        )),
    }
}
