//! Which roster it is, and whether one may take the place of another.

use std::cmp::Ordering;

use tacho_config::Roster;
use tacho_schemas::Digest;

/// Names a roster: a version says which is newer, the digest that it is this very text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::up) struct Edition {
    version: u64,
    digest: Digest,
}

/// Why a roster does not take the place of the one in force.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(in crate::up) enum NotTaken {
    #[error("version {version} is older than {in_force}, which is in force")]
    Older { version: u64, in_force: u64 },
    #[error(
        "version {version} is in force with another text: its registry has signed two, of SHA-256 {in_force} (in force) and \
         {found} (not taken)"
    )]
    OtherText { version: u64, in_force: Digest, found: Digest },
}

impl Edition {
    pub(in crate::up) fn of(roster: &Roster) -> Self {
        Self { version: roster.version(), digest: roster.digest() }
    }

    pub(in crate::up) fn version(self) -> u64 {
        self.version
    }

    /// Finds out whether this roster may follow the one in force: it is newer, or the same.
    pub(in crate::up) fn may_follow(self, in_force: Self) -> Result<(), NotTaken> {
        match self.version.cmp(&in_force.version) {
            Ordering::Less => Err(NotTaken::Older { version: self.version, in_force: in_force.version }),
            Ordering::Equal if self.digest != in_force.digest => {
                Err(NotTaken::OtherText { version: self.version, in_force: in_force.digest, found: self.digest })
            }
            Ordering::Equal | Ordering::Greater => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edition(version: u64, text: &str) -> Edition {
        Edition { version, digest: Digest::of(text.as_bytes()) }
    }

    #[test]
    fn only_a_newer_roster_or_the_same_follows() {
        let in_force = edition(2, "two");
        assert_eq!(edition(3, "three").may_follow(in_force), Ok(()));
        assert_eq!(in_force.may_follow(in_force), Ok(()));
        let older = edition(1, "one").may_follow(in_force).unwrap_err();
        assert_eq!(older.to_string(), "version 1 is older than 2, which is in force");
        let other = edition(2, "another two").may_follow(in_force).unwrap_err().to_string();
        for digest in [Digest::of(b"two"), Digest::of(b"another two")] {
            assert!(other.contains(&digest.to_string()), "{other}");
        }
    }
}
