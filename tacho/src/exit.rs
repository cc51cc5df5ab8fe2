//! Exit statuses: 0 done, 1 the answer is no, 2 wrong use (also a configuration with problems), 3 could not. An interrupt ends `up`, `simulate` and `replay` as their end does, with 0; a second one ends at once, with 130.

use std::process::ExitCode;

/// How a command that could do its work ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Done, or: yes, it is so.
    Yes,
    /// It is not so: a proof that does not hold, a row that does not exist, a lake or a backup that was changed.
    No,
    /// What was asked about cannot be used: a configuration with problems.
    Wrong,
}

impl From<Answer> for ExitCode {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Yes => Self::SUCCESS,
            Answer::No => Self::from(1),
            Answer::Wrong => Self::from(WRONG_USE),
        }
    }
}

/// The status of a wrong use: what was asked makes no sense.
pub(crate) const WRONG_USE: u8 = 2;

/// A wrong use that only shows once the command runs, such as a statement that is no SQL.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct WrongUse(pub(crate) String);

/// The status of a command that could not: no lake, no permission, no network.
pub(crate) const COULD_NOT: u8 = 3;
