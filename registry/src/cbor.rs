//! The little of CBOR (RFC 8949) that leaves and statements use: integers, text, byte strings, arrays, null and
//! bool, each in its shortest form and of definite length. No maps, no tags, no floats, so that any CBOR library is
//! an independent decoder and every value has one encoding. Writing is here, reading in [`read`] and [`value`].

pub mod read;
pub mod value;

pub use read::{CborError, Reader};
pub use value::Value;

use tacho_schemas::Digest;

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1 << 5;
const BYTES: u8 = 2 << 5;
const TEXT: u8 = 3 << 5;
const ARRAY: u8 = 4 << 5;
const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;

/// Appends the head of an item: its major type and an argument in the shortest form.
fn put_head(out: &mut Vec<u8>, major: u8, argument: u64) {
    if let Ok(byte) = u8::try_from(argument) {
        if byte < 24 {
            out.push(major | byte);
        } else {
            out.extend_from_slice(&[major | 24, byte]);
        }
    } else if let Ok(argument) = u16::try_from(argument) {
        let [a, b] = argument.to_be_bytes();
        out.extend_from_slice(&[major | 25, a, b]);
    } else if let Ok(argument) = u32::try_from(argument) {
        let [a, b, c, d] = argument.to_be_bytes();
        out.extend_from_slice(&[major | 26, a, b, c, d]);
    } else {
        let [a, b, c, d, e, f, g, h] = argument.to_be_bytes();
        out.extend_from_slice(&[major | 27, a, b, c, d, e, f, g, h]);
    }
}

/// Appends an unsigned integer.
pub fn put_u64(out: &mut Vec<u8>, value: u64) {
    put_head(out, UNSIGNED, value);
}

/// Appends an integer.
pub fn put_i64(out: &mut Vec<u8>, value: i64) {
    // -1 - n is encoded as n, which is the complement of the two's complement.
    let (major, argument) =
        if value < 0 { (NEGATIVE, (!value).cast_unsigned()) } else { (UNSIGNED, value.cast_unsigned()) };
    put_head(out, major, argument);
}

/// Appends an integer, or null.
pub fn put_option_i64(out: &mut Vec<u8>, value: Option<i64>) {
    match value {
        Some(value) => put_i64(out, value),
        None => put_null(out),
    }
}

/// Appends a text.
pub fn put_text(out: &mut Vec<u8>, value: &str) {
    put_head(out, TEXT, value.len() as u64);
    out.extend_from_slice(value.as_bytes());
}

/// Appends a byte string.
pub fn put_bytes(out: &mut Vec<u8>, value: &[u8]) {
    put_head(out, BYTES, value.len() as u64);
    out.extend_from_slice(value);
}

/// Appends a digest, as a byte string of 32.
pub fn put_digest(out: &mut Vec<u8>, value: &Digest) {
    put_bytes(out, &value.0);
}

/// Appends a digest, or null.
pub fn put_option_digest(out: &mut Vec<u8>, value: Option<&Digest>) {
    match value {
        Some(value) => put_digest(out, value),
        None => put_null(out),
    }
}

/// Appends an array of digests.
pub fn put_digests(out: &mut Vec<u8>, values: &[Digest]) {
    put_array(out, values.len());
    values.iter().for_each(|value| put_digest(out, value));
}

/// Appends the head of an array; its `len` items follow.
pub fn put_array(out: &mut Vec<u8>, len: usize) {
    put_head(out, ARRAY, len as u64);
}

/// Appends null.
pub fn put_null(out: &mut Vec<u8>) {
    out.push(NULL);
}

/// Appends true or false.
pub fn put_bool(out: &mut Vec<u8>, value: bool) {
    out.push(if value { TRUE } else { FALSE });
}
