//! Records into JSON: for the simulator and for replays. What is absent is left out, and whole milliseconds are integers.
//!
//! Flags are not of the record, and `extra` is not written: a record that is sent anew has what its fields hold.

use super::kinds::Kind;
use super::lists::write_array;
use super::object::Object;
use crate::record::{Record, push_json_string};

/// The record as JSON text. A number that is not finite is written as null.
pub fn encode(record: &Record) -> String {
    let mut out = String::with_capacity(512 + 512 * (record.joints.len() + record.batteries.len()));
    record.write(&mut out);
    out
}

/// An object that is being written.
pub(super) struct Members<'a> {
    out: &'a mut String,
    first: bool,
}

impl<'a> Members<'a> {
    /// Begins an object.
    pub(super) fn open(out: &'a mut String) -> Self {
        out.push('{');
        Self { out, first: true }
    }

    /// Writes a field of a kind.
    pub(super) fn value<K: Kind>(&mut self, name: &str, value: &K::Value) {
        K::write(value, self.key(name));
    }

    /// Writes a field that is an object.
    pub(super) fn object<T: Object>(&mut self, name: &str, object: &T) {
        object.write(self.key(name));
    }

    /// Writes a field that is an array of objects.
    pub(super) fn list<T: Object>(&mut self, name: &str, list: &[T]) {
        write_array(list, T::write, self.key(name));
    }

    /// Ends the object.
    pub(super) fn close(self) {
        self.out.push('}');
    }

    fn key(&mut self, name: &str) -> &mut String {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(',');
        }
        push_json_string(self.out, name);
        self.out.push(':');
        self.out
    }
}
