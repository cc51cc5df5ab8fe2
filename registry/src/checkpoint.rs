//! C2SP checkpoints (c2sp.org/tlog-checkpoint): origin, size and root of a log as the text of a signed note.
//!
//! Extension lines are refused: nothing of ours writes them, and no log monitor could audit them.

use std::fmt;

use tacho_schemas::Digest;

use crate::merkle::{TreeHead, empty_root};
use crate::note::keys::is_key_name;
use crate::note::{Note, NoteError, SignerKey, VerifierKey};
use crate::text::{decimal, digest_from_base64, excerpt, to_base64};

/// The tree head that a log states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Identity of the log; also the name of its key.
    pub origin: String,
    /// Size and root.
    pub head: TreeHead,
}

/// Why a text is not a checkpoint, or a checkpoint is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note around it.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Not three lines.
    #[error("a checkpoint is three lines: origin, size, root")]
    Lines,
    /// The origin is no key name.
    #[error("{0:?} is not an origin")]
    Origin(String),
    /// The size is not a canonical decimal number.
    #[error("{0:?} is not a tree size")]
    Size(String),
    /// The root is not canonical base64 of 32 bytes, or not that of a tree without leaves.
    #[error("{0:?} is not the root of a tree of this size")]
    Root(String),
    /// Signed by the key of another log.
    #[error("the checkpoint is of {found}, the key is of {expected}")]
    OtherOrigin {
        /// Origin of the checkpoint.
        found: String,
        /// Name of the key.
        expected: String,
    },
}

impl Checkpoint {
    /// Reads the text of a checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError`] names the line.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let lines: Vec<&str> = text.splitn(5, '\n').collect();
        let [origin, size, root, ""] = lines[..] else {
            return Err(CheckpointError::Lines);
        };
        if !is_key_name(origin) {
            return Err(CheckpointError::Origin(excerpt(origin)));
        }
        let size = decimal(size).ok_or_else(|| CheckpointError::Size(excerpt(size)))?;
        let digest = digest_from_base64(root).filter(|digest| size != 0 || *digest == empty_root());
        let root = digest.ok_or_else(|| CheckpointError::Root(excerpt(root)))?;
        Ok(Self { origin: origin.to_owned(), head: TreeHead { size, root } })
    }

    /// Signs the checkpoint by its log's key.
    ///
    /// # Errors
    /// [`CheckpointError::OtherOrigin`] if the key has another name than the origin.
    pub fn sign(&self, key: &SignerKey) -> Result<Note, CheckpointError> {
        same_origin(&self.origin, key.verifier())?;
        Ok(Note::sign(self.to_string(), &[key])?)
    }

    /// Reads a signed checkpoint and verifies the signature of its log; other signatures are not looked at.
    ///
    /// # Errors
    /// Malformed, of another origin, or not signed by the key.
    pub fn open(note: &[u8], key: &VerifierKey) -> Result<(Self, Note), CheckpointError> {
        let note = Note::parse(note)?;
        let checkpoint = Self::verified(&note, key)?;
        Ok((checkpoint, note))
    }

    /// The checkpoint of a note that the log has signed.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn verified(note: &Note, key: &VerifierKey) -> Result<Self, CheckpointError> {
        note.verify(std::slice::from_ref(key))?;
        let checkpoint = Self::parse(note.text())?;
        same_origin(&checkpoint.origin, key)?;
        Ok(checkpoint)
    }
}

/// The text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TreeHead { size, root: Digest(root) } = &self.head;
        writeln!(f, "{}\n{size}\n{}", self.origin, to_base64(root))
    }
}

fn same_origin(found: &str, key: &VerifierKey) -> Result<(), CheckpointError> {
    if found == key.name() {
        Ok(())
    } else {
        Err(CheckpointError::OtherOrigin { found: found.to_owned(), expected: key.name().to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn the_specifications_example_is_read_and_written_alike() {
        let checkpoint = Checkpoint::parse(EXAMPLE).unwrap();
        assert_eq!(checkpoint.origin, "example.com/behind-the-sofa");
        assert_eq!(checkpoint.head.size, 20_852_163);
        assert_eq!(checkpoint.to_string(), EXAMPLE);
    }

    #[test]
    fn every_other_spelling_is_refused() {
        let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
        for text in [
            String::new(),
            EXAMPLE.trim_end().to_owned(),
            format!("{EXAMPLE}extension\n"),
            format!("{EXAMPLE}\n"),
            format!("\n1\n{root}\n"),
            format!("a b\n1\n{root}\n"),
            format!("log\n01\n{root}\n"),
            format!("log\n+1\n{root}\n"),
            format!("log\n18446744073709551616\n{root}\n"),
            format!("log\n1\n{}\n", &root[..43]),
            format!("log\n1\n{}\n", root.replace("2I=", "2J=")),
            "log\n1\nAAAA\n".to_owned(),
            format!("log\n0\n{root}\n"),
        ] {
            assert!(Checkpoint::parse(&text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn only_the_key_of_its_origin_signs_and_opens_a_checkpoint() {
        let key = SignerKey::from_seed("log.example/1", &[7; 32]).unwrap();
        let other = SignerKey::from_seed("log.example/2", &[7; 32]).unwrap();
        let checkpoint = Checkpoint { origin: "log.example/1".into(), head: TreeHead { size: 0, root: empty_root() } };
        let note = checkpoint.sign(&key).unwrap().to_string();
        assert_eq!(Checkpoint::open(note.as_bytes(), key.verifier()).unwrap().0, checkpoint);
        assert!(matches!(checkpoint.sign(&other), Err(CheckpointError::OtherOrigin { .. })));
        let forged = Note::sign(checkpoint.to_string(), &[&other]).unwrap().to_string();
        let refused = Checkpoint::open(forged.as_bytes(), other.verifier());
        assert!(matches!(refused, Err(CheckpointError::OtherOrigin { .. })));
        assert!(Checkpoint::open(forged.as_bytes(), key.verifier()).is_err());
        assert!(Checkpoint::open(note.replace("\n0\n", "\n1\n").as_bytes(), key.verifier()).is_err());
    }
}
