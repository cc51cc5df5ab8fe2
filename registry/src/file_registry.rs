//! The file registry: a witness in a folder. It remembers one signed checkpoint per log and takes only what adds to it.
//!
//! Checking and persisting is one step: the note is on disk before the answer is given. What was refused is kept
//! beside it as evidence. A registry over the network will stand beside this one, with the same two verbs: `head`
//! and `submit` (C2SP tlog-witness `add-checkpoint`).

use std::io;
use std::path::{Path, PathBuf};

use tacho_schemas::Digest;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::durable::{self, Access};
use crate::merkle::{ProofError, TreeHead, consistency};
use crate::note::VerifierKey;

/// Refused notes that are kept as evidence for one log.
const EVIDENCE_MAX: usize = 64;

/// A registry in a folder.
#[derive(Debug, Clone)]
pub struct FileRegistry {
    dir: PathBuf,
}

/// What a registry says to a checkpoint that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// It is the registry's head now.
    Accepted,
    /// It was already.
    Already,
}

/// Why a registry does not take a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The note is malformed, or not signed by the log's key.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The registry's own note is damaged.
    #[error("{}: the registry's own checkpoint is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: CheckpointError,
    },
    /// The registry has a larger tree.
    #[error("the registry has a tree of {known} entries, more than the {submitted} submitted")]
    Behind {
        /// Size that the registry has.
        known: u64,
        /// Size submitted.
        submitted: u64,
    },
    /// The registry has another tree of the same size: a fork. Both notes are kept.
    #[error("the registry has another tree of {size} entries: the log has forked; both signed notes are in {}", evidence.display())]
    Forked {
        /// Size of both trees.
        size: u64,
        /// Folder with the notes.
        evidence: PathBuf,
    },
    /// The proof does not show that the tree only grew.
    #[error("not proved to extend the tree of {known} entries")]
    NotConsistent {
        /// Size that the registry has.
        known: u64,
        /// What is wrong with the proof.
        source: ProofError,
    },
    /// The file system refused.
    #[error("{}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl RegistryError {
    /// Whether the same may be accepted later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Io { .. })
    }
}

impl FileRegistry {
    /// The registry in this folder, which is made at the first submission.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Where the registry keeps the checkpoint of a log.
    pub fn checkpoint_path(&self, origin: &str) -> PathBuf {
        self.log_dir(origin).join("checkpoint")
    }

    /// The files of the checkpoints of all logs that the registry knows, in order.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn checkpoints(&self) -> Result<Vec<PathBuf>, RegistryError> {
        let logs = match std::fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            logs => logs.map_err(io_at(&self.dir))?,
        };
        let logs: io::Result<Vec<PathBuf>> = logs.map(|log| Ok(log?.path().join("checkpoint"))).collect();
        let mut logs = logs.map_err(io_at(&self.dir))?;
        logs.retain(|checkpoint| checkpoint.exists());
        logs.sort_unstable();
        Ok(logs)
    }

    /// The tree that the registry believes a log to have; `None` if it does not know the log.
    ///
    /// # Errors
    /// A note that cannot be read, or is not signed by `key`.
    pub fn head(&self, origin: &str, key: &VerifierKey) -> Result<Option<TreeHead>, RegistryError> {
        let path = self.checkpoint_path(origin);
        match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(RegistryError::Io { path, source }),
            Ok(note) => match Checkpoint::open(&note, key) {
                Ok((checkpoint, _)) => Ok(Some(checkpoint.head)),
                Err(source) => Err(RegistryError::Damaged { path, source }),
            },
        }
    }

    /// Takes a signed checkpoint that extends what is known, as `proof` shows.
    ///
    /// # Errors
    /// [`RegistryError`]; then the registry knows what it knew before.
    pub fn submit(&self, key: &VerifierKey, note: &[u8], proof: &[Digest]) -> Result<Submitted, RegistryError> {
        let (checkpoint, _) = Checkpoint::open(note, key)?;
        let (origin, head) = (checkpoint.origin, checkpoint.head);
        if let Some(known) = self.head(&origin, key)? {
            if known == head {
                return Ok(Submitted::Already);
            }
            self.compare(&origin, note, (&known, &head), proof)?;
        }
        let dir = self.log_dir(&origin);
        durable::create_dir_all(&dir).map_err(io_at(&dir))?;
        let path = self.checkpoint_path(&origin);
        durable::replace(&path, note, Access::Shared).map_err(io_at(&path))?;
        Ok(Submitted::Accepted)
    }

    fn compare(
        &self,
        origin: &str,
        note: &[u8],
        (known, head): (&TreeHead, &TreeHead),
        proof: &[Digest],
    ) -> Result<(), RegistryError> {
        let refusal = if known.size == head.size {
            RegistryError::Forked { size: head.size, evidence: self.log_dir(origin) }
        } else if known.size > head.size {
            RegistryError::Behind { known: known.size, submitted: head.size }
        } else {
            match consistency::verify(known, head, proof) {
                Ok(()) => return Ok(()),
                Err(source) => RegistryError::NotConsistent { known: known.size, source },
            }
        };
        self.keep_evidence(origin, note)?;
        Err(refusal)
    }

    /// Keeps a refused note, whole: two signed roots for one size prove the fork to anyone.
    fn keep_evidence(&self, origin: &str, note: &[u8]) -> Result<(), RegistryError> {
        let dir = self.log_dir(origin).join("refused");
        durable::create_dir_all(&dir).map_err(io_at(&dir))?;
        let kept = std::fs::read_dir(&dir).map_err(io_at(&dir))?.count();
        let path = dir.join(Digest::of(note).to_string());
        if kept < EVIDENCE_MAX && !path.exists() {
            durable::replace(&path, note, Access::Shared).map_err(io_at(&path))?;
        }
        Ok(())
    }

    /// A log's folder: its origin with what a file name cannot hold written as `%xx`.
    fn log_dir(&self, origin: &str) -> PathBuf {
        let mut name = String::with_capacity(origin.len());
        for byte in origin.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
                b'.' if !name.is_empty() => name.push('.'),
                other => name.push_str(&format!("%{other:02x}")),
            }
        }
        self.dir.join(name)
    }
}

/// Paths in a row, for a message.
pub(crate) fn paths(all: &[PathBuf]) -> String {
    all.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> RegistryError + '_ {
    move |source| RegistryError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{leaf_hash, root};
    use crate::note::SignerKey;

    fn leaves(count: u8) -> Vec<Digest> {
        (0..count).map(|leaf| leaf_hash(&[leaf])).collect()
    }

    fn note(key: &SignerKey, leaves: &[Digest]) -> Vec<u8> {
        let head = TreeHead { size: leaves.len() as u64, root: root(leaves) };
        let checkpoint = Checkpoint { origin: "test.invalid/a/b".to_owned(), head };
        checkpoint.sign(key).unwrap().to_string().into_bytes()
    }

    #[test]
    fn a_registry_takes_growth_and_refuses_forks_rollbacks_and_unproved_growth() {
        let dir = tempfile::tempdir().unwrap();
        let registry = FileRegistry::new(dir.path());
        let key = SignerKey::from_seed("test.invalid/a/b", &[7; 32]).unwrap();
        let submit = |leaves: &[Digest], proof: &[Digest]| registry.submit(key.verifier(), &note(&key, leaves), proof);

        assert_eq!(submit(&leaves(3), &[]).unwrap(), Submitted::Accepted);
        assert_eq!(submit(&leaves(3), &[]).unwrap(), Submitted::Already);
        let proof = consistency::prove(&leaves(5), 3).unwrap();
        assert!(matches!(submit(&leaves(5), &[]), Err(RegistryError::NotConsistent { known: 3, .. })));
        assert_eq!(submit(&leaves(5), &proof).unwrap(), Submitted::Accepted);
        assert!(matches!(submit(&leaves(3), &[]), Err(RegistryError::Behind { known: 5, submitted: 3 })));
        let mut forked = leaves(5);
        forked[4] = leaf_hash(b"other");
        let error = submit(&forked, &[]).unwrap_err();
        assert!(matches!(&error, RegistryError::Forked { size: 5, .. }), "{error}");
        let refused = registry.log_dir("test.invalid/a/b").join("refused");
        assert_eq!(std::fs::read_dir(refused).unwrap().count(), 3);
        assert_eq!(registry.head("test.invalid/a/b", key.verifier()).unwrap().unwrap().size, 5);
    }
}
