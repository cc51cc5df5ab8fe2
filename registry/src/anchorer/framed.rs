//! Statements in a file, each with its length in front.

use std::path::Path;

use super::AnchorError;
use super::error::io_at;
use super::lock::unreadable;
use crate::durable::{self, Access};
use crate::statement::Statement;

/// Puts statements in a file, in place of what was there; its folder is made.
pub(super) fn write<'s, S: Statement + 's>(
    path: &Path,
    statements: impl Iterator<Item = &'s S>,
) -> Result<(), AnchorError> {
    let mut bytes = Vec::new();
    for statement in statements {
        let encoded = statement.encode();
        let length = u32::try_from(encoded.len()).map_err(|_too_long| unreadable(path, "a statement over 4 GiB"))?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&encoded);
    }
    let folder = durable::parent(path);
    durable::create_dir_all(folder).map_err(io_at(folder))?;
    durable::replace(path, &bytes, Access::Shared).map_err(io_at(path))
}

/// Reads the statements of a file.
pub(super) fn read<S: Statement>(path: &Path) -> Result<Vec<S>, AnchorError> {
    let bytes = std::fs::read(path).map_err(io_at(path))?;
    let mut rest = bytes.as_slice();
    let mut statements = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let (encoded, after) = after.split_at_checked(length).ok_or_else(|| unreadable(path, "it is cut short"))?;
        statements.push(S::decode(encoded)?);
        rest = after;
    }
    if rest.is_empty() { Ok(statements) } else { Err(unreadable(path, "it is cut short")) }
}
