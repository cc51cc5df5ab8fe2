//! What must hold for bytes that claim to be proofs, notes or statements: the bodies of the fuzz targets `proof`
//! and `formats`. Every format here has one spelling: what is read is written again byte for byte alike.

use tacho_schemas::Digest;

use crate::cbor::{self, Reader, Value};
use crate::checkpoint::Checkpoint;
use crate::leaf::{LeafParts, SchemaText};
use crate::merkle::{TreeHead, consistency, inclusion, leaf_hash};
use crate::note::{Note, SignerKey, VerifierKey};
use crate::proof::{Bundle, ProofFile, render, verify};
use crate::salts::frames;
use crate::statement::{
    CompactStatement, FileStatement, HeadStatement, KeyStatement, LogEntry, SegmentStatement, Statement,
    WindowStatement,
};
use crate::tiles::{TilePath, decode_bundle, encode_bundle};

/// Reads a proof file; `genuine` is the only one that `key` ever signed.
///
/// # Panics
/// If another one is believed, or read and written differently.
pub fn proof(bytes: &[u8], genuine: &[u8], key: &VerifierKey) {
    if let Ok(file) = ProofFile::parse(bytes) {
        assert_eq!(file.to_string().as_bytes(), bytes, "one spelling of a proof");
        resigned(file);
    }
    let believed = verify(bytes, key).is_ok();
    assert_eq!(believed, bytes == genuine, "the genuine proof is believed, and no other");
}

/// Makes the hashes and the signature of a proof right, so that what lies behind them is read too.
fn resigned(mut file: ProofFile) {
    let Ok(mut bundle) = Bundle::decode(&file.extra) else {
        return;
    };
    assert_eq!(bundle.encode(), file.extra, "one spelling of a bundle");
    let (Ok(mut segment), Ok(mut window)) =
        (SegmentStatement::decode(&bundle.segment.data), WindowStatement::decode(&bundle.window))
    else {
        return;
    };
    let Ok(key) = SignerKey::from_seed(&window.origin, &[5; 32]) else {
        return;
    };
    (segment.rows_root, segment.count) = (leaf_hash(&bundle.row.data), 1);
    bundle.segment.data = segment.encode();
    (window.segs_root, window.n_segs) = (segment.leaf_hash(), 1);
    bundle.window = window.encode();
    for step in [&mut bundle.row, &mut bundle.segment] {
        (step.index, step.path) = (0, Vec::new());
    }
    let head = TreeHead { size: 1, root: window.leaf_hash() };
    let Ok(checkpoint) = (Checkpoint { origin: window.origin.clone(), head }).sign(&key) else {
        return;
    };
    (file.extra, file.index, file.path, file.checkpoint) = (bundle.encode(), 0, Vec::new(), checkpoint);
    if let Ok(row) = verify(file.to_string().as_bytes(), key.verifier()) {
        assert_eq!((row.robot_id, row.origin), (segment.robot_id, window.origin));
    }
}

/// Reads the format that the first byte says.
///
/// # Panics
/// If what was read is written differently.
pub fn formats(bytes: &[u8]) {
    let Some((format, bytes)) = bytes.split_first() else {
        return;
    };
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    match format % 16 {
        0 => note(bytes),
        1 => alike(text, Checkpoint::parse(text)),
        2 => value(bytes),
        3 => drop(LogEntry::decode(bytes)),
        4 => statement::<SegmentStatement>(bytes),
        5 => statement::<HeadStatement>(bytes),
        6 => statement::<FileStatement>(bytes),
        7 => statement::<WindowStatement>(bytes),
        8 => statement::<CompactStatement>(bytes),
        9 => statement::<KeyStatement>(bytes),
        10 => cells(bytes),
        11 => alike(text, text.parse::<VerifierKey>()),
        12 => alike(text, SignerKey::parse_secret(text).map(|key| key.to_secret())),
        13 => alike(text, text.parse::<TilePath>()),
        14 => salts_and_bundles(bytes),
        _ => paths(bytes),
    }
}

fn alike<T: std::fmt::Display, E>(text: &str, read: Result<T, E>) {
    if let Ok(read) = read {
        assert_eq!(read.to_string(), text, "one spelling");
    }
}

fn note(bytes: &[u8]) {
    let Ok(note) = Note::parse(bytes) else {
        return;
    };
    assert_eq!(note.to_string().as_bytes(), bytes, "one spelling of a note");
    if let Ok(checkpoint) = Checkpoint::parse(note.text()) {
        assert_eq!(checkpoint.to_string(), note.text(), "one spelling of a checkpoint");
    }
}

fn statement<S: Statement>(bytes: &[u8]) {
    if let Ok(statement) = S::decode(bytes) {
        assert_eq!(statement.encode(), bytes, "one spelling of a statement");
    }
}

fn value(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    if let Ok(value) = reader.value()
        && reader.end().is_ok()
    {
        let mut written = Vec::new();
        put(&mut written, &value);
        assert_eq!(written, bytes, "one spelling of a value");
    }
}

fn put(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => cbor::put_null(out),
        Value::Bool(value) => cbor::put_bool(out, *value),
        Value::Int(value) => cbor::put_i64(out, *value),
        Value::Text(value) => cbor::put_text(out, value),
        Value::Bytes(value) => cbor::put_bytes(out, value),
        Value::Array(values) => {
            cbor::put_array(out, values.len());
            values.iter().for_each(|value| put(out, value));
        }
    }
}

/// A schema's text up to a NUL, then a leaf: its cells as text.
fn cells(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let text = parts.next().and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
    let Ok(schema) = SchemaText::parse(text) else {
        return;
    };
    let Ok(leaf) = LeafParts::decode(parts.next().unwrap_or_default()) else {
        return;
    };
    for ((_, kind), cell) in schema.columns().iter().zip(&leaf.cells) {
        drop(render::cell(*kind, cell));
    }
}

fn salts_and_bundles(bytes: &[u8]) {
    let Some((width, bytes)) = bytes.split_first() else {
        return;
    };
    if let Ok(content) = frames::decode(bytes) {
        assert!(content.end <= bytes.len());
        let again = frames::decode(&frames::encode(&content.entries)).expect("what is written is read");
        assert_eq!(again.entries, content.entries);
    }
    if let Ok(entries) = decode_bundle(bytes, u64::from(*width)) {
        assert_eq!(encode_bundle(&entries).expect("they were as short when they were read"), bytes);
    }
}

/// Index or old size, size, then hashes.
fn paths(bytes: &[u8]) {
    let Some((numbers, rest)) = bytes.split_first_chunk::<16>() else {
        return;
    };
    let (small, large) = numbers.split_at(8);
    let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let (small, large) = (number(small), number(large));
    let mut hashes: Vec<Digest> =
        rest.chunks_exact(32).map(|hash| Digest(hash.try_into().unwrap_or([0; 32]))).collect();
    let (Some(leaf), root) = (hashes.pop(), hashes.pop()) else {
        return;
    };
    let head = TreeHead { size: large, root: root.unwrap_or(leaf) };
    if inclusion::verify(&leaf, small, &head, &hashes).is_ok() {
        assert!(small < large, "a leaf that is beyond the tree is not in it");
    }
    let old = TreeHead { size: small, root: leaf };
    if consistency::verify(&old, &head, &hashes).is_ok() {
        assert!(small <= large, "a tree does not shrink");
    }
}
