//! Grows proofs for the tests: a segment, a window, a log and its checkpoint around one row.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray};
use tacho_schemas::Digest;

use crate::checkpoint::Checkpoint;
use crate::leaf::{LeafEncoder, RowEncoder, SchemaText};
use crate::merkle::{TreeHead, empty_root, inclusion, leaf_hash, root};
use crate::note::{Note, SignerKey};
use crate::proof::{Bundle, ProofFile, Step};
use crate::statement::{Counts, OffsetRange, SegmentStatement, SeqRange, Statement as _, WindowStatement};
use crate::tiles::TileStore;

pub(super) const ORIGIN: &str = "registry.example/robots/1";
pub(super) const ROBOT: &str = "CNAB12HX00010000000000000042A";
const SCHEMA: &str = "joints\nrobot_id text\nstream_epoch int\nseq int\njoint text\ntorque_rms_nm decimal(9,2)\n";
pub(super) const ROWS: u64 = 11;

/// What a proof is made of; tests change a part before the rest is built on it.
pub(super) struct Plant {
    pub(super) key: SignerKey,
    pub(super) schema: String,
    pub(super) segment: SegmentStatement,
    pub(super) window: WindowStatement,
    pub(super) signers: usize,
}

pub(super) fn key() -> SignerKey {
    SignerKey::from_seed(ORIGIN, &[5; 32]).unwrap()
}

fn leaves(schema: &str) -> Vec<Vec<u8>> {
    let count = i64::try_from(ROWS).unwrap();
    let numbers = |first: i64| -> ArrayRef { Arc::new((first..first + count).collect::<Int64Array>()) };
    let torque = Decimal128Array::from_iter_values((0..i128::from(count)).map(|i| i * -1001));
    let joints = (0..count).map(|i| if i % 2 == 0 { Some(format!("J{i}")) } else { None });
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("robot_id", Arc::new(StringArray::from_iter_values((0..ROWS).map(|_| ROBOT))) as ArrayRef, true),
        ("stream_epoch", Arc::new(Int64Array::from_iter_values((0..ROWS).map(|_| 3))), true),
        ("seq", numbers(100), true),
        ("joint", Arc::new(joints.collect::<StringArray>()), true),
        ("torque_rms_nm", Arc::new(torque.with_precision_and_scale(9, 2).unwrap()), true),
    ])
    .unwrap();
    let schema = SchemaText::parse(schema).unwrap();
    let rows = RowEncoder::new(&batch, &schema).unwrap();
    let mut encoder = LeafEncoder::new(&schema);
    (0..11).map(|row| encoder.data(&[row; 16], &rows, usize::from(row)).unwrap().to_vec()).collect()
}

impl Plant {
    pub(super) fn new() -> Self {
        let segment = SegmentStatement {
            robot_id: ROBOT.into(),
            seg_no: 0,
            stream_epoch: Some(3),
            present: vec![SeqRange { start: 100, end: 111 }],
            rejected: Vec::new(),
            count: ROWS,
            t_min_us: 1,
            t_max_us: 2,
            rows_root: empty_root(),
            prev_seg_hash: None,
            flags: 0,
            device_sig: None,
            salt: [1; 16],
        };
        let window = WindowStatement {
            origin: ORIGIN.into(),
            win_no: 4,
            ranges: vec![OffsetRange { log_id: "log".into(), partition: 0, from: 0, to: 11 }],
            counts: Counts { received: 11, landed: 11, rows: vec![11; 8], ..Counts::default() },
            segs_root: empty_root(),
            n_segs: 5,
            heads_root: empty_root(),
            n_heads: 0,
            files_root: empty_root(),
            n_files: 0,
            schema_ids: vec![SchemaText::parse(SCHEMA).unwrap().id()],
            config_digests: Vec::new(),
            roster_digest: None,
            prev_win_hash: Some(empty_root()),
            beacon: None,
        };
        Self { key: key(), schema: SCHEMA.into(), segment, window, signers: 1 }
    }

    /// The proof of a row.
    pub(super) fn grow(mut self, row: u64) -> ProofFile {
        let rows = leaves(SCHEMA);
        let row_hashes: Vec<Digest> = rows.iter().map(|row| leaf_hash(row)).collect();
        self.segment.rows_root = root(&row_hashes);
        let mut segments: Vec<Digest> = (0..4_u8).map(|other| leaf_hash(&[other])).collect();
        segments.insert(2, self.segment.leaf_hash());
        self.window.segs_root = root(&segments);

        let dir = tempfile::tempdir().unwrap();
        let store = TileStore::new(dir.path());
        let mut entries: Vec<Vec<u8>> = (0..6_u8).map(|other| vec![other; 40]).collect();
        entries.push(self.window.encode());
        let staged = store.stage(&TreeHead { size: 0, root: empty_root() }, &entries).unwrap();
        store.publish(&staged).unwrap();

        let checkpoint = Checkpoint { origin: ORIGIN.into(), head: staged.head };
        let witness = SignerKey::from_seed("witness.example/1", &[6; 32]).unwrap();
        let signers: Vec<&SignerKey> = [&self.key, &witness].into_iter().take(self.signers).collect();
        let bundle = Bundle {
            schema: self.schema,
            row: Step {
                data: rows[usize::try_from(row).unwrap()].clone(),
                index: row,
                path: inclusion::prove(&row_hashes, row).unwrap(),
            },
            segment: Step { data: self.segment.encode(), index: 2, path: inclusion::prove(&segments, 2).unwrap() },
            window: self.window.encode(),
        };
        ProofFile {
            extra: bundle.encode(),
            index: 6,
            path: store.inclusion(6, &staged.head).unwrap(),
            checkpoint: Note::sign(checkpoint.to_string(), &signers).unwrap(),
        }
    }
}
