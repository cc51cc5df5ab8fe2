//! What a loop does next about an error of the log.

/// The next step after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Try the same again once [`Health`](crate::Health) is ready, in the same order.
    Retry,
    /// This input can never be accepted: refuse it with a reason.
    DeadLetter,
    /// Going on would break a promise: stop, and tell a person.
    Halt,
    /// The log has ended: end too.
    End,
}
