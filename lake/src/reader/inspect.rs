//! The whole log folder of a table as other engines may read it: nothing in it says more than this release writes.
//!
//! Other engines know more forms of a log than these tables use, and prefer some: checkpoints in parts, vectors of deleted
//! rows, compacted entries. A file of such a form, planted, would show them another table than the one that is anchored.

use futures::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use serde::Deserialize;
use tacho_schemas::chain;

use super::{ReadError, TableReader, not_ours};
use crate::table::entry::{Action, MetaData, Protocol};
use crate::table::log::{self, LogFile};
use crate::table::schema::{self, Comparison};
use crate::table::state::read_whole_checkpoint;

/// The hint at the newest checkpoint, as our checkpoints give it; further fields say how a checkpoint in parts is made up.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hint {
    version: i64,
    parts: Option<i64>,
    v2_checkpoint: Option<serde_json::Value>,
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
        let (mut protocol, mut meta) = (None, None);
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
                Ok(actions) => self.compare(&path, actions, &mut protocol, &mut meta)?,
                // Clean-up has taken it away meanwhile.
                Err(log::LogError::Store(object_store::Error::NotFound { .. })) => {}
                Err(error) => return Err(not_ours(path.as_ref(), &chain(&error))),
            }
        }
        Ok(())
    }

    /// Whether what an entry or checkpoint says of the whole table is ours; protocol and metadata may come one by one.
    fn compare(
        &self,
        path: &Path,
        actions: Vec<Action>,
        protocol: &mut Option<Protocol>,
        meta: &mut Option<MetaData>,
    ) -> Result<(), ReadError> {
        for action in actions {
            let says = action.protocol.is_some() || action.meta_data.is_some();
            *protocol = action.protocol.or(protocol.take());
            *meta = action.meta_data.or(meta.take());
            if let (true, Some(protocol), Some(meta)) = (says, &protocol, &meta)
                && let Comparison::Differs(why) = schema::compare(self.table(), protocol, meta)
            {
                return Err(not_ours(path.as_ref(), &why));
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
        if hint.parts.is_some() || hint.v2_checkpoint.is_some() {
            return Err(not_ours(
                path.as_ref(),
                &"it points at a checkpoint in parts, which this release does not write",
            ));
        }
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
