//! What can stop processing, and what of it.

use tacho_lake::landing::{LandError, Verdict};
use tacho_log::{AppendError, ReadError};

use super::processors::ConfigError;

/// Why the two halves stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("the log cannot be read")]
    Read(#[from] ReadError),
    #[error("the lake takes nothing")]
    Land(#[from] LandError),
    #[error("dead letters cannot be copied")]
    Copy(#[from] AppendError),
    #[error("rows of rejected lack the columns that copies of dead letters are made of")]
    NoLetters,
    #[error("partition {partition} cannot be processed")]
    Config { partition: i32, source: ConfigError },
    #[error("the log is not the one that the lake follows, or not all of it: {why}")]
    OtherLog { partition: i32, why: String },
    #[error("processing was cut off")]
    Cut(#[from] tokio::task::JoinError),
}

impl Trouble {
    /// What next.
    pub(super) fn verdict(&self) -> Verdict {
        match self {
            Self::Land(error) => error.verdict(),
            Self::Read(error) if error.verdict() == tacho_log::Verdict::Retry => Verdict::Wait,
            Self::Config { source, .. } if source.may_pass() => Verdict::Wait,
            Self::Copy(_) => Verdict::Wait,
            Self::Read(_) | Self::Config { .. } | Self::OtherLog { .. } | Self::Cut(_) | Self::NoLetters => {
                Verdict::Halt
            }
        }
    }

    /// The one partition that cannot go on, where the others can.
    pub(super) fn halts(&self) -> Option<i32> {
        match self {
            Self::Read(ReadError::OutOfRange { partition, .. })
            | Self::Config { partition, .. }
            | Self::OtherLog { partition, .. } => Some(*partition).filter(|_| self.verdict() == Verdict::Halt),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_one_partition_halts_that_one() {
        let gone = ReadError::OutOfRange { partition: 3, offset: 7, first: 9, next: 12 };
        assert_eq!(Trouble::from(gone).halts(), Some(3));
        let none = ConfigError::None { partition: 2, offset: 5 };
        assert_eq!(Trouble::Config { partition: 2, source: none }.halts(), Some(2));
        assert_eq!(Trouble::from(ReadError::Closed).halts(), None);
        assert_eq!(Trouble::NoLetters.halts(), None);
    }
}
