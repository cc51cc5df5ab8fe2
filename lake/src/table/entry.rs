//! Commit entries of a Delta log as text: the actions that our tables use, written and read line by line.
//!
//! Actions and fields that could change what other readers see in a table are refused where they are not listed here:
//! no writer of ours makes them. What an entry means for a table is in [`super::state`].

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::file::DAY;

/// Tag of an `add` action: SHA-256 of the file's bytes, hexadecimal.
pub(crate) const TAG_SHA256: &str = "tacho.sha256";

/// An entry that is not a list of actions.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// A line is not an action.
    #[error("line {line} of commit entry {version} is not an action of this release")]
    Malformed {
        /// Version of the entry.
        version: i64,
        /// Line, counted from 1.
        line: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A line holds more than one action: readers may take any of them.
    #[error("line {line} of commit entry {version} holds several actions")]
    Several {
        /// Version of the entry.
        version: i64,
        /// Line, counted from 1.
        line: usize,
    },
    /// A path that no data file of ours has: readers may spell it otherwise, and find another file.
    #[error("commit entry {version} names {path:?}, which is not {DAY}=YYYY-MM-DD/<32 hexadecimal digits>.parquet")]
    Path {
        /// Version of the entry.
        version: i64,
        /// The path.
        path: String,
    },
    /// A file has another partition value than its day, or several.
    #[error("commit entry {version} places {path} by other columns than {DAY}")]
    Partition {
        /// Version of the entry.
        version: i64,
        /// Path of the file.
        path: String,
    },
    /// A file is added or removed twice: readers may take either as the last word.
    #[error("commit entry {version} names {path} more than once")]
    Repeated {
        /// Version of the entry.
        version: i64,
        /// Path of the file.
        path: String,
    },
    /// The entry holds no action at all: it was cut by a power failure before it was on disk.
    #[error("commit entry {version} is empty")]
    Empty {
        /// Version of the entry.
        version: i64,
    },
}

impl EntryError {
    /// Whether a power failure can have made it: the text breaks off or was never written. What is whole and says
    /// something that no writer of ours says was made by somebody.
    pub(crate) fn is_cut(&self) -> bool {
        match self {
            Self::Malformed { source, .. } => !source.is_data(),
            Self::Empty { .. } => true,
            Self::Several { .. } | Self::Path { .. } | Self::Partition { .. } | Self::Repeated { .. } => false,
        }
    }
}

/// A data file becomes part of the table. What else one may say, such as a deletion vector, would hide rows: it is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Add {
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) partition_values: BTreeMap<String, Option<String>>,
    pub(crate) size: i64,
    pub(crate) modification_time: i64,
    pub(crate) data_change: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stats: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<BTreeMap<String, Option<String>>>,
}

/// A data file ceases to be part of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Remove {
    pub(crate) path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deletion_timestamp: Option<i64>,
    pub(crate) data_change: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) extended_file_metadata: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) partition_values: Option<BTreeMap<String, Option<String>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<BTreeMap<String, Option<String>>>,
}

/// An application has come to a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TxnAction {
    pub(crate) app_id: String,
    pub(crate) version: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_updated: Option<i64>,
}

/// Schema, partitioning and properties of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MetaData {
    pub(crate) id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    pub(crate) format: Format,
    pub(crate) schema_string: String,
    pub(crate) partition_columns: Vec<String>,
    #[serde(default)]
    pub(crate) configuration: BTreeMap<String, Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created_time: Option<i64>,
}

/// Format of the data files; always Parquet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Format {
    pub(crate) provider: String,
    #[serde(default)]
    pub(crate) options: BTreeMap<String, String>,
}

/// What a reader and a writer must be able to do; table features, which these tables do not have, are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Protocol {
    pub(crate) min_reader_version: i32,
    pub(crate) min_writer_version: i32,
}

/// Who committed what and when, for people and tools.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommitInfo {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timestamp: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) operation: Option<String>,
    #[serde(default)]
    pub(crate) operation_parameters: BTreeMap<String, serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) engine_info: Option<String>,
    /// Random, so that a committer recognises its own entry after a lost answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) commit_id: Option<String>,
}

/// One line of an entry: exactly one of the fields is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Action {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) commit_info: Option<CommitInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) protocol: Option<Protocol>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) meta_data: Option<MetaData>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) txn: Option<TxnAction>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) add: Option<Add>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) remove: Option<Remove>,
}

impl Action {
    /// How many of the fields are there; a checkpoint that is read in part has lines without any.
    fn kinds(&self) -> usize {
        [
            self.commit_info.is_some(),
            self.protocol.is_some(),
            self.meta_data.is_some(),
            self.txn.is_some(),
            self.add.is_some(),
            self.remove.is_some(),
        ]
        .into_iter()
        .filter(|there| *there)
        .count()
    }
}

impl From<Add> for Action {
    fn from(add: Add) -> Self {
        Self { add: Some(add), ..Self::default() }
    }
}

impl From<Remove> for Action {
    fn from(remove: Remove) -> Self {
        Self { remove: Some(remove), ..Self::default() }
    }
}

impl From<TxnAction> for Action {
    fn from(txn: TxnAction) -> Self {
        Self { txn: Some(txn), ..Self::default() }
    }
}

impl From<MetaData> for Action {
    fn from(meta: MetaData) -> Self {
        Self { meta_data: Some(meta), ..Self::default() }
    }
}

impl From<Protocol> for Action {
    fn from(protocol: Protocol) -> Self {
        Self { protocol: Some(protocol), ..Self::default() }
    }
}

/// The first line of an entry: operation, time and a random identity.
pub(crate) fn commit_info(operation: &str, parameters: &[(&str, &str)], now_ms: i64) -> Action {
    let parameters = parameters.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
    let info = CommitInfo {
        timestamp: Some(now_ms),
        operation: Some(operation.to_owned()),
        operation_parameters: parameters,
        engine_info: Some(concat!("tachograph/", env!("CARGO_PKG_VERSION")).to_owned()),
        commit_id: Some(uuid::Uuid::new_v4().simple().to_string()),
    };
    Action { commit_info: Some(info), ..Action::default() }
}

/// The text of an entry.
pub(crate) fn encode<'a>(actions: impl IntoIterator<Item = &'a Action>) -> Bytes {
    let mut text = Vec::new();
    for action in actions {
        serde_json::to_writer(&mut text, action).expect("actions have string keys and writing to memory succeeds");
        text.push(b'\n');
    }
    text.into()
}

/// Reads the text of the entry of `version`.
pub(crate) fn decode(version: i64, text: &[u8]) -> Result<Vec<Action>, EntryError> {
    let mut actions = Vec::new();
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let line_no = index + 1;
        let action: Result<Action, _> = serde_json::from_slice(line);
        let action = action.map_err(|source| EntryError::Malformed { version, line: line_no, source })?;
        if action.kinds() > 1 {
            return Err(EntryError::Several { version, line: line_no });
        }
        actions.push(action);
    }
    if actions.is_empty() {
        return Err(EntryError::Empty { version });
    }
    check_files(version, &actions)?;
    Ok(actions)
}

/// Each file is named once, as we name files: then all readers mean the same one by it, and the same order.
fn check_files(version: i64, actions: &[Action]) -> Result<(), EntryError> {
    let mut named = HashSet::new();
    for action in actions {
        let adds = action.add.as_ref().map(|add| (&add.path, Some(&add.partition_values)));
        let removes = action.remove.as_ref().map(|remove| (&remove.path, remove.partition_values.as_ref()));
        for (path, partition) in adds.into_iter().chain(removes) {
            let path = path.as_str();
            if !is_data_path(path) {
                return Err(EntryError::Path { version, path: path.to_owned() });
            }
            if partition.is_some_and(|values| values.len() != 1 || !values.contains_key(DAY)) {
                return Err(EntryError::Partition { version, path: path.to_owned() });
            }
            if !named.insert(path) {
                return Err(EntryError::Repeated { version, path: path.to_owned() });
            }
        }
    }
    Ok(())
}

/// Whether a path is spelled as those of our data files.
fn is_data_path(path: &str) -> bool {
    let parts = path.strip_prefix(DAY).and_then(|rest| rest.strip_prefix('=')?.split_once('/'));
    let hex = |name: &str| {
        name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    parts.is_some_and(|(day, file)| {
        day.len() == 10
            && day
                .bytes()
                .enumerate()
                .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() })
            && file.strip_suffix(".parquet").is_some_and(hex)
    })
}

/// Milliseconds since 1970, as Delta keeps times.
pub(crate) fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_round_trips_and_an_unknown_action_is_refused_by_name() {
        let txn = TxnAction { app_id: "tacho/x/0".to_owned(), version: 7, last_updated: None };
        let actions = vec![commit_info("WRITE", &[("mode", "Append")], 1), txn.into()];
        let mut text = encode(&actions).to_vec();
        assert_eq!(decode(3, &text).unwrap(), actions);
        text.extend_from_slice(b"{\"domainMetadata\":{\"domain\":\"d\"}}\n");
        let refused = decode(3, &text).unwrap_err();
        assert!(matches!(refused, EntryError::Malformed { line: 3, .. }) && !refused.is_cut(), "{refused}");
        assert!(format!("{refused:?}").contains("domainMetadata"), "{refused:?}");
    }

    #[test]
    fn a_deletion_vector_table_features_and_a_file_twice_are_refused_by_name() {
        let path = "received_day=2026-03-01/0123456789abcdef0123456789abcdef.parquet";
        let add = format!(
            r#"{{"add":{{"path":"{path}","partitionValues":{{"received_day":"2026-03-01"}},"size":1,"modificationTime":1,"dataChange":true"#
        );
        assert!(decode(3, format!("{add}}}}}").as_bytes()).is_ok());
        let twice = decode(3, format!("{add}}}}}\n{add}}}}}").as_bytes()).unwrap_err();
        assert!(matches!(twice, EntryError::Repeated { .. }), "{twice}");
        let remove = format!(r#"{{"remove":{{"path":"{path}","dataChange":true}}}}"#);
        for both in [format!("{remove}\n{add}}}}}"), format!("{add}}}}}\n{remove}")] {
            assert!(matches!(decode(3, both.as_bytes()).unwrap_err(), EntryError::Repeated { .. }), "{both}");
        }
        let one_line = format!("{add}}},{}", &remove[1..]);
        assert!(matches!(decode(3, one_line.as_bytes()).unwrap_err(), EntryError::Several { line: 1, .. }));
        for (ours, theirs) in [(".parquet", ".parquet#x"), ("=2026", "%3D2026"), ("/0123", "/../0123"), ("abc", "ABC")]
        {
            let other = format!("{}}}}}", add.replacen(ours, theirs, 1));
            assert!(matches!(decode(3, other.as_bytes()).unwrap_err(), EntryError::Path { .. }), "{other}");
        }
        let placed = format!("{}}}}}", add.replace(r#""received_day":"#, r#""day":"d","received_day":"#));
        assert!(matches!(decode(3, placed.as_bytes()).unwrap_err(), EntryError::Partition { .. }));
        let vector = decode(3, format!(r#"{add},"deletionVector":{{"storageType":"i"}}}}}}"#).as_bytes()).unwrap_err();
        assert!(format!("{vector:?}").contains("deletionVector"), "{vector:?}");
        let protocol =
            br#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"]}}"#;
        assert!(decode(3, protocol).is_err());
    }

    #[test]
    fn empty_zeroed_and_cut_entries_are_refused() {
        assert!(matches!(decode(3, b"").unwrap_err(), EntryError::Empty { version: 3 }));
        assert!(matches!(decode(3, &[0; 4096]).unwrap_err(), EntryError::Malformed { line: 1, .. }));
        let whole = encode(&[commit_info("WRITE", &[], 1)]);
        for cut in 1..whole.len() - 1 {
            assert!(decode(3, &whole[..cut]).unwrap_err().is_cut(), "{cut}");
        }
    }
}
