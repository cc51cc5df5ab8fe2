//! The whole log folder of a table: is every file of a form that this release writes, and says no more than it?
//!
//! Other engines know more forms of a log than these tables use, and prefer some: checkpoints in parts, vectors of deleted
//! rows, compacted entries. A file of such a form, planted, would show them another table than the one that is anchored.
//! Whether they read the files as we do is asked of one of them: [`crate::Lake::files_for_engines`].

use futures::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use serde::Deserialize;
use tacho_schemas::chain;

use super::{ReadError, TableReader, not_ours};
use crate::table::entry::Action;
use crate::table::log::{self, LogFile};
use crate::table::schema::{self, Comparison};
use crate::table::state::{Scope, TableState, read_whole_checkpoint};

/// The hint at the newest checkpoint, as delta-rs writes it for ours; more fields would say how a checkpoint in parts is made up.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "named, so that every other field is refused")]
struct Hint {
    version: i64,
    size: Option<i64>,
    size_in_bytes: Option<i64>,
    num_of_add_files: Option<i64>,
}

impl TableReader {
    /// Reads every file of the log folder, and compares what it says with what this release writes.
    ///
    /// # Errors
    /// Of the first file that says something else; it names the file within the table's folder.
    pub async fn inspect_log(&self) -> Result<(), ReadError> {
        let store = self.store.as_ref();
        let files: Vec<Path> =
            store.list(Some(&Path::from(log::FOLDER))).map_ok(|file| file.location).try_collect().await?;
        for path in files {
            let said = match LogFile::of(&path) {
                Some(LogFile::Entry(version)) => log::read(store, version).await.map(Option::unwrap_or_default),
                Some(LogFile::Checkpoint(version)) => read_whole_checkpoint(store, version).await,
                Some(LogFile::Hint) => {
                    self.inspect_hint(&path).await?;
                    continue;
                }
                Some(LogFile::Aside) => continue,
                None => return Err(not_ours(path.as_ref(), &"no file of a log that this release writes")),
            };
            match said {
                Ok(actions) => self.compare(&path, &actions)?,
                // Clean-up has taken it away meanwhile.
                Err(log::LogError::Store(object_store::Error::NotFound { .. })) => {}
                Err(error) => return Err(not_ours(path.as_ref(), &chain(&error))),
            }
        }
        // Older entries may lack columns that a later one has added, the newest only those that a later release would add.
        let newest = TableState::read(store, None, Scope::Head).await?;
        match schema::compare(self.table(), &newest.protocol, &newest.meta) {
            Comparison::Same => Ok(()),
            Comparison::Lacks(_) if schema::is_former(self.table(), &newest.meta) => Ok(()),
            Comparison::Lacks(_) => Err(not_ours(log::FOLDER, &"its schema lacks columns that every release has")),
            Comparison::Differs(why) => Err(not_ours(log::FOLDER, &why)),
        }
    }

    /// Whether what an entry or checkpoint says of the whole table is ours.
    fn compare(&self, path: &Path, actions: &[Action]) -> Result<(), ReadError> {
        for action in actions {
            let protocol = action.protocol.as_ref().and_then(schema::check_protocol);
            let meta = action.meta_data.as_ref().map(|meta| schema::compare_metadata(self.table(), meta));
            match (protocol, meta) {
                (Some(why), _) | (None, Some(Comparison::Differs(why))) => return Err(not_ours(path.as_ref(), &why)),
                (None, _) => {}
            }
        }
        Ok(())
    }

    async fn inspect_hint(&self, path: &Path) -> Result<(), ReadError> {
        let bytes = match self.store.get(path).await {
            Ok(found) => found.bytes().await?,
            Err(object_store::Error::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let hint: Hint = serde_json::from_slice(&bytes).map_err(|error| not_ours(path.as_ref(), &error))?;
        // Without its checkpoint engines list the folder; with one that is gone they may fail.
        match self.store.head(&log::checkpoint_path(hint.version)).await {
            Ok(_) => Ok(()),
            Err(object_store::Error::NotFound { .. }) => {
                Err(not_ours(path.as_ref(), &format!("it points at checkpoint {}, which is not there", hint.version)))
            }
            Err(error) => Err(error.into()),
        }
    }
}
