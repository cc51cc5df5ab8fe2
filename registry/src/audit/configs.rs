//! The configurations that rows were made under: each that a row or a window names is stored, with the roster that it names,
//! and each that is stored has the digest that it is named by. So are those that only control records name: they are stored
//! before those are written. A window states the roster of its configurations.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _};
use tacho_schemas::Digest;

use super::AuditError;
use super::error::{differs, unreadable};
use super::history::History;
use super::lake::Pinned;
use super::survey::Survey;
use crate::rosters;

/// Folder beneath the lake's.
const FOLDER: &str = "_config";

/// Checks all configurations.
pub(super) async fn check(pinned: &Pinned, history: &History, survey: &Survey) -> Result<(), AuditError> {
    let store = pinned.store();
    let mut stored = BTreeMap::new();
    let mut files = store.list(Some(&Path::from(FOLDER)));
    while let Some(file) = files.try_next().await.map_err(|error| unreadable(FOLDER, error))? {
        let name = file.location.filename().and_then(|name| name.strip_suffix(".json")?.parse::<Digest>().ok());
        let Some(named) = name else { continue };
        let path = &file.location;
        let read = async { store.get(path).await?.bytes().await };
        let bytes = read.await.map_err(|error| unreadable(path, error))?;
        let found = Digest::of(&bytes);
        if found != named {
            return Err(differs(path, format!("was changed: its SHA-256 is {found}, it is named by another")));
        }
        stored.insert(named, rosters::named_by(&bytes));
    }
    let stated = history.windows.iter().flat_map(|window| &window.config_digests);
    let configs: BTreeSet<&Digest> = stated.chain(&survey.configs).collect();
    let rosters = configs.iter().filter_map(|config| stored.get(*config)?.as_ref());
    if let Some(missing) = configs.iter().copied().chain(rosters).find(|named| !stored.contains_key(*named)) {
        let path = format!("{FOLDER}/{missing}.json");
        return Err(differs(path, "is missing, and rows were made under it: restore it from a backup"));
    }
    for window in &history.windows {
        let named = window.config_digests.iter().map(|config| stored.get(config).copied().flatten());
        if window.roster_digest != rosters::of_window(named) {
            let what = "states another roster than the configurations of its rows name";
            return Err(differs(format!("window {}", window.win_no), what));
        }
    }
    Ok(())
}
