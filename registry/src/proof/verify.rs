//! Verifies a proof file: from the signature down to the cells of the row, and gives the row by column names.
//!
//! Offline and pure. That the log shows everybody the same tree is what registries and witnesses are for.

use tacho_schemas::Digest;
use tacho_schemas::table::Table;

use super::{Bundle, ProofFile, ProofFileError, Step, render};
use crate::cbor::{CborError, Value};
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::leaf::schema::SchemaError;
use crate::leaf::{LeafParts, SchemaText};
use crate::merkle::{ProofError, TreeHead, inclusion, leaf_hash};
use crate::note::VerifierKey;
use crate::statement::{SegmentStatement, Statement as _, StatementError, WindowStatement};

/// A row of which the proof holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRow {
    /// Name of the table.
    pub table: String,
    /// The cells, in schema order.
    pub columns: Vec<VerifiedColumn>,
    /// The robot of the segment: an ID, or `?`.
    pub robot_id: String,
    /// Stream epoch of the segment.
    pub stream_epoch: Option<i64>,
    /// Number of the segment in the robot's chain.
    pub seg_no: u64,
    /// Number of the window.
    pub win_no: u64,
    /// The roster of robots that was in force for the window's rows, if it states one.
    pub roster_digest: Option<Digest>,
    /// Origin of the log.
    pub origin: String,
    /// Index of the window's statement in the log.
    pub log_index: u64,
    /// Size and root of the log.
    pub head: TreeHead,
    /// Leaf hash of the row.
    pub leaf_hash: Digest,
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedColumn {
    /// Name of the column.
    pub name: String,
    /// Its value as text; `None` is null.
    pub value: Option<String>,
}

impl VerifiedRow {
    /// The text of a column; `None` if it is null or there is no such column.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.columns.iter().find(|column| column.name == name)?.value.as_deref()
    }
}

/// Why a proof is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Not a proof file.
    #[error(transparent)]
    File(#[from] ProofFileError),
    /// Other than one signature line, which is the log's.
    #[error("the checkpoint has {0} signatures, exactly one would be right")]
    Signatures(usize),
    /// The checkpoint is malformed or not signed by the key.
    #[error("checkpoint")]
    Checkpoint(#[from] CheckpointError),
    /// The extra data is not a bundle.
    #[error("extra")]
    Bundle(#[source] CborError),
    /// The segment or the window is malformed.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The row is malformed.
    #[error("row")]
    Row(#[source] CborError),
    /// The schema text is malformed.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A leaf is not in its tree.
    #[error("{what}")]
    Inclusion {
        /// Which leaf, in which tree.
        what: &'static str,
        /// Why not.
        source: ProofError,
    },
    /// Two parts of the proof contradict each other.
    #[error("{0}")]
    Mismatch(&'static str),
}

/// Verifies a proof file by the log's key.
///
/// # Errors
/// [`VerifyError`]: the first thing, from the outside, that is wrong.
pub fn verify(proof: &[u8], key: &VerifierKey) -> Result<VerifiedRow, VerifyError> {
    let file = ProofFile::parse(proof)?;
    let signatures = file.checkpoint.signatures().len();
    if signatures != 1 {
        return Err(VerifyError::Signatures(signatures));
    }
    let checkpoint = Checkpoint::verified(&file.checkpoint, key)?;
    let bundle = Bundle::decode(&file.extra).map_err(VerifyError::Bundle)?;

    let in_log = inclusion::verify(&leaf_hash(&bundle.window), file.index, &checkpoint.head, &file.path);
    in_log.map_err(|source| VerifyError::Inclusion { what: "the window in the log", source })?;
    let window = WindowStatement::decode(&bundle.window)?;
    demand(window.origin == checkpoint.origin, "the window is of another log than the checkpoint")?;

    let segments = TreeHead { size: window.n_segs, root: window.segs_root };
    included(&bundle.segment, &segments, "the segment in the window")?;
    let segment = SegmentStatement::decode(&bundle.segment.data)?;

    let rows = TreeHead { size: segment.count, root: segment.rows_root };
    let leaf_hash = included(&bundle.row, &rows, "the row in the segment")?;
    let row = LeafParts::decode(&bundle.row.data).map_err(VerifyError::Row)?;

    let schema = SchemaText::parse(&bundle.schema)?;
    demand(schema.id() == row.schema_id, "the schema text is not the one that the row names")?;
    demand(window.schema_ids.contains(&row.schema_id), "the window does not name the schema of the row")?;
    demand(schema.table() == row.table, "the row is of another table than its schema")?;
    belongs(&schema, &row.cells, &segment)?;
    Ok(VerifiedRow {
        table: row.table.to_owned(),
        columns: columns(&schema, &row.cells)?,
        robot_id: segment.robot_id,
        stream_epoch: segment.stream_epoch,
        seg_no: segment.seg_no,
        win_no: window.win_no,
        roster_digest: window.roster_digest,
        origin: checkpoint.origin,
        log_index: file.index,
        head: checkpoint.head,
        leaf_hash,
    })
}

fn demand(holds: bool, otherwise: &'static str) -> Result<(), VerifyError> {
    if holds { Ok(()) } else { Err(VerifyError::Mismatch(otherwise)) }
}

fn included(step: &Step, head: &TreeHead, what: &'static str) -> Result<Digest, VerifyError> {
    let leaf = leaf_hash(&step.data);
    inclusion::verify(&leaf, step.index, head, &step.path).map_err(|source| VerifyError::Inclusion { what, source })?;
    Ok(leaf)
}

/// Checks that the row is one of the robot, epoch and sequence numbers that its segment states.
fn belongs(schema: &SchemaText, cells: &[Value], segment: &SegmentStatement) -> Result<(), VerifyError> {
    demand(schema.columns().len() == cells.len(), "the row has another number of cells than its schema")?;
    let cell = |wanted: &str| {
        let place = schema.columns().iter().position(|(name, _)| name == wanted);
        place.map_or(&Value::Null, |place| &cells[place])
    };
    let robot = matches!(cell("robot_id"), Value::Text(robot) if *robot == segment.robot_id);
    demand(robot, "the row is of another robot than its segment")?;
    let epoch = segment.stream_epoch.map_or(Value::Null, Value::Int);
    demand(*cell("stream_epoch") == epoch, "the row is of another stream epoch than its segment")?;
    if schema.table() == Table::Rejected.name() {
        return Ok(());
    }
    let present = match cell("seq") {
        Value::Int(seq) => segment.present.iter().any(|range| (range.start..range.end).contains(seq)),
        _ => false,
    };
    demand(present, "the segment does not hold the sequence number of the row")
}

fn columns(schema: &SchemaText, cells: &[Value]) -> Result<Vec<VerifiedColumn>, VerifyError> {
    let pairs = schema.columns().iter().zip(cells);
    pairs
        .map(|((name, kind), value)| match render::cell(*kind, value) {
            Ok(value) => Ok(VerifiedColumn { name: name.clone(), value }),
            Err(render::NotOfKind) => Err(VerifyError::Mismatch("a cell of the row is not of its column's type")),
        })
        .collect()
}
