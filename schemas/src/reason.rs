//! The closed sets of reasons: why a record is rejected, what it is flagged with, why an indicator has no value.
//!
//! Their texts are in the lake and in people's queries: a text is never changed and never used anew.

mod absent;
mod flag;

use crate::record::words;

pub use absent::Absent;
pub use flag::{Flag, FlagReason, flags_json};

words! {
    /// Why a record, or a publish, is rejected. Declared in the order of the checks: the first that holds is *the* reason.
    RejectReason {
        /// The publish is over 1 MiB; its first 64 KiB are kept.
        TooLarge = "too_large",
        /// The publish holds no record: no bytes, or an empty array.
        Empty = "empty",
        /// The record is over 256 KiB.
        RecordTooLarge = "record_too_large",
        /// Objects and arrays are nested deeper than 16.
        Depth = "depth",
        /// The bytes are no UTF-8, or an escape is no character.
        Encoding = "encoding",
        /// The bytes are no JSON.
        Syntax = "syntax",
        /// A key stands twice in one object.
        DuplicateKey = "duplicate_key",
        /// The contract's version is another than 1; a later release may read it.
        SchemaVersion = "schema_version",
        /// A value of another type than the field's.
        Type = "type",
        /// A value that the field's type cannot hold: a number too large, a name outside of a closed set.
        OutOfRange = "out_of_range",
        /// An array or a string of another length than allowed.
        Length = "length",
        /// A mandatory field is absent.
        Required = "required",
        /// The robot ID is not 29 characters of `[0-9A-Z]`.
        IdMalformed = "id_malformed",
        /// The robot ID of the record is not that of the topic.
        IdMismatch = "id_mismatch",
        /// A time that cannot be.
        Time = "time",
        /// The window ends before it starts, or is longer than an hour.
        Window = "window",
        /// A value outside of the hard range of its field.
        Range = "range",
        /// Values that contradict each other.
        Consistency = "consistency",
        /// The key is taken by another record: `seq` restarted without a new `stream_epoch`.
        SequenceConflict = "sequence_conflict",
        /// `seq` or `stream_epoch` is below what the ledger still knows.
        BelowFloor = "below_floor",
        /// The lake knows as many robots as it may.
        RobotLimit = "robot_limit",
    }
}
