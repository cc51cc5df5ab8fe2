//! `tacho-bundle/1`: the way from a row to the entry of the log, as the `extra` data of a proof file.
//!
//! How many leaves a tree has is not said again here: the statement above it says that.

use tacho_schemas::Digest;

use crate::cbor::{self, CborError, Reader};

/// First item of a bundle.
pub const BUNDLE_KIND: &str = "tacho-bundle/1";
const ITEMS: usize = 7;

/// A leaf, and its inclusion in the tree whose root the next statement holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The bytes of the leaf.
    pub data: Vec<u8>,
    /// Index in the tree.
    pub index: u64,
    /// Inclusion proof, from the sibling upwards.
    pub path: Vec<Digest>,
}

/// A row, its segment, its window, and the text that names the row's columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Canonical text of the row's schema.
    pub schema: String,
    /// The row (`tacho-row/1`) in the segment's tree.
    pub row: Step,
    /// The segment (`tacho-seg/1`) in the window's tree.
    pub segment: Step,
    /// The window (`tacho-win/1`), which is the entry of the log.
    pub window: Vec<u8>,
}

fn put_step(out: &mut Vec<u8>, step: &Step) {
    cbor::put_bytes(out, &step.data);
    cbor::put_array(out, 2);
    cbor::put_u64(out, step.index);
    cbor::put_digests(out, &step.path);
}

fn get_step(reader: &mut Reader<'_>) -> Result<Step, CborError> {
    let data = reader.bytes()?.to_vec();
    reader.array_of(2)?;
    let index = reader.u64()?;
    let path = reader.digests()?;
    Ok(Step { data, index, path })
}

impl Bundle {
    /// The bytes: `["tacho-bundle/1", schema text, row, [index, path], segment, [index, path], window]`.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(4096);
        cbor::put_array(&mut out, ITEMS);
        cbor::put_text(&mut out, BUNDLE_KIND);
        cbor::put_text(&mut out, &self.schema);
        put_step(&mut out, &self.row);
        put_step(&mut out, &self.segment);
        cbor::put_bytes(&mut out, &self.window);
        out
    }

    /// Reads a bundle.
    ///
    /// # Errors
    /// Not the canonical bytes of a bundle.
    pub fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        let mut reader = Reader::new(bytes);
        reader.array_of(ITEMS)?;
        reader.exactly(BUNDLE_KIND)?;
        let bundle = Self {
            schema: reader.text()?.to_owned(),
            row: get_step(&mut reader)?,
            segment: get_step(&mut reader)?,
            window: reader.bytes()?.to_vec(),
        };
        reader.end()?;
        Ok(bundle)
    }
}
