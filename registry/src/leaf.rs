//! Row leaves, `tacho-row/1`: a row of the lake as salted canonical CBOR, and its salt.
//!
//! A leaf depends on the row as stored and on its place in the raw log, on nothing else: not on the file that the
//! row lies in, nor on the Arrow arrays that it was read into. Rows are encoded in [`row`], the text that names a
//! schema is read in [`schema`], those of a window are in [`schemas`]. This is the hot path of anchoring: nothing is allocated per row.

pub mod place;
pub mod row;
pub mod schema;
pub mod schemas;

pub use place::{Place, PlaceColumns, RowKey};
pub use row::{RowEncoder, RowError};
pub use schema::SchemaText;
pub use schemas::Schemas;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tacho_schemas::Digest;

use crate::cbor::{self, CborError, Reader};
use crate::merkle::leaf_hash;
use crate::statement::Salt;

/// First item of a row leaf.
pub const ROW_KIND: &str = "tacho-row/1";
/// First item of what a salt is computed from.
pub const SALT_KIND: &str = "tacho-salt/1";

/// The secret of one robot and month, ready to give salts.
#[derive(Clone)]
pub struct SaltKey(Hmac<Sha256>);

impl SaltKey {
    /// Prepares a key.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(Hmac::new_from_slice(secret).expect("HMAC takes keys of any length"))
    }

    /// A salt for something that is no row, such as a segment or a head: `message` says what.
    pub fn salt(&self, message: &[u8]) -> Salt {
        let mut mac = self.0.clone();
        mac.update(message);
        let [salt @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = mac.finalize().into_bytes().0;
        salt
    }
}

impl std::fmt::Debug for SaltKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SaltKey(***)")
    }
}

/// Makes the leaves of the rows of one table and schema.
#[derive(Debug, Clone)]
pub struct LeafEncoder {
    table_and_schema: Vec<u8>,
    salt_prefix: Vec<u8>,
    message: Vec<u8>,
    leaf: Vec<u8>,
}

impl LeafEncoder {
    /// An encoder for rows of the table and columns that `schema` names.
    pub fn new(schema: &SchemaText) -> Self {
        let mut table_and_schema = Vec::new();
        cbor::put_text(&mut table_and_schema, schema.table());
        cbor::put_digest(&mut table_and_schema, &schema.id());
        let mut salt_prefix = Vec::new();
        cbor::put_array(&mut salt_prefix, 7);
        cbor::put_text(&mut salt_prefix, SALT_KIND);
        cbor::put_text(&mut salt_prefix, schema.table());
        Self { table_and_schema, salt_prefix, message: Vec::new(), leaf: Vec::new() }
    }

    /// The salt of the row at `place`.
    pub fn salt(&mut self, key: &SaltKey, place: &Place<'_>) -> Salt {
        self.message.clear();
        self.message.extend_from_slice(&self.salt_prefix);
        for number in [place.log_epoch, place.partition, place.offset, place.ordinal] {
            cbor::put_i64(&mut self.message, number);
        }
        match place.key {
            RowKey::None => cbor::put_null(&mut self.message),
            RowKey::Text(text) => cbor::put_text(&mut self.message, text),
            RowKey::Index(index) => cbor::put_i64(&mut self.message, index),
        }
        key.salt(&self.message)
    }

    /// The bytes of a leaf, which a proof discloses.
    ///
    /// # Errors
    /// [`RowError`] for a row that cannot be encoded.
    pub fn data(&mut self, salt: &Salt, rows: &RowEncoder, row: usize) -> Result<&[u8], RowError> {
        self.leaf.clear();
        cbor::put_array(&mut self.leaf, 5);
        cbor::put_text(&mut self.leaf, ROW_KIND);
        cbor::put_bytes(&mut self.leaf, salt);
        self.leaf.extend_from_slice(&self.table_and_schema);
        rows.encode_into(row, &mut self.leaf)?;
        Ok(&self.leaf)
    }

    /// The leaf hash of the row at `place`.
    ///
    /// # Errors
    /// [`RowError`] for a row that cannot be encoded.
    pub fn hash(
        &mut self,
        key: &SaltKey,
        place: &Place<'_>,
        rows: &RowEncoder,
        row: usize,
    ) -> Result<Digest, RowError> {
        let salt = self.salt(key, place);
        self.data(&salt, rows, row).map(leaf_hash)
    }
}

/// A leaf that was read back; the row itself is still encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafParts<'a> {
    /// Salt.
    pub salt: Salt,
    /// Name of the table.
    pub table: &'a str,
    /// Schema of the row.
    pub schema_id: Digest,
    /// The cells.
    pub cells: Vec<cbor::Value>,
}

impl<'a> LeafParts<'a> {
    /// Reads a leaf.
    ///
    /// # Errors
    /// Not a canonical leaf.
    pub fn decode(data: &'a [u8]) -> Result<Self, CborError> {
        let mut reader = Reader::new(data);
        reader.array_of(5)?;
        reader.exactly(ROW_KIND)?;
        let salt = reader.fixed()?;
        let table = reader.text()?;
        let schema_id = reader.digest()?;
        let len = reader.array()?;
        let cells = (0..len).map(|_| reader.value()).collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(Self { salt, table, schema_id, cells })
    }
}

#[cfg(test)]
mod tests;
