//! C2SP signed notes (c2sp.org/signed-note): a text and lines of signatures. Keys are in [`keys`].
//!
//! Ed25519 (type 0x01) is the only algorithm; signatures of unknown keys are carried along and ignored.

pub mod keys;

pub use keys::{KeyError, SignerKey, VerifierKey};

use crate::text::{excerpt, from_base64, to_base64};

/// A longer note is refused.
pub const MAX_NOTE_BYTES: usize = 256 * 1024;
/// A note with more signatures is refused.
pub const MAX_SIGNATURES: usize = 16;

/// A text and its signatures, well-formed but not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line: `— <name> base64(key id ‖ signature)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// Name of the key.
    pub name: String,
    /// Key ID, which with the name identifies the key.
    pub id: u32,
    /// Bytes of the signature, at least one.
    pub signature: Vec<u8>,
}

/// Why bytes are not a note, or a note is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`MAX_NOTE_BYTES`].
    #[error("the note has {0} bytes, more than {MAX_NOTE_BYTES}")]
    TooLong(usize),
    /// Not UTF-8, or a control character other than newline.
    #[error("the note is not utf-8 without control characters")]
    Characters,
    /// No text that ends in a newline and is followed by an empty line.
    #[error("the note has no text that is followed by an empty line")]
    NoText,
    /// No signature, or more than [`MAX_SIGNATURES`].
    #[error("the note has {0} signatures, 1 to {MAX_SIGNATURES} would be right")]
    SignatureCount(usize),
    /// A line that is no signature.
    #[error("{0:?} is not a signature line")]
    SignatureLine(String),
    /// The signature of a known key is wrong: the whole note is refused.
    #[error("the signature of {0} is wrong")]
    WrongSignature(String),
    /// No known key has signed.
    #[error("no known key has signed the note")]
    NoKnownSignature,
}

impl Note {
    /// Signs a text, which must be a note's text: not empty, newline at its end, no other control characters.
    ///
    /// # Errors
    /// [`NoteError::NoText`], [`NoteError::Characters`], [`NoteError::TooLong`] or [`NoteError::SignatureCount`].
    pub fn sign(text: impl Into<String>, keys: &[&SignerKey]) -> Result<Self, NoteError> {
        let text = text.into();
        check_characters(&text)?;
        if !text.ends_with('\n') {
            return Err(NoteError::NoText);
        }
        if keys.is_empty() || keys.len() > MAX_SIGNATURES {
            return Err(NoteError::SignatureCount(keys.len()));
        }
        let signatures = keys.iter().map(|key| key.sign(&text)).collect();
        Ok(Self { text, signatures })
    }

    /// Reads a note.
    ///
    /// # Errors
    /// [`NoteError`] names what is malformed.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLong(bytes.len()));
        }
        let note = std::str::from_utf8(bytes).map_err(|_invalid| NoteError::Characters)?;
        check_characters(note)?;
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::NoText)?;
        let lines = lines.strip_suffix('\n').ok_or_else(|| NoteError::SignatureLine(excerpt(lines)))?;
        let count = lines.split('\n').count();
        if count > MAX_SIGNATURES {
            return Err(NoteError::SignatureCount(count));
        }
        let signatures = lines.split('\n').map(NoteSignature::parse).collect::<Result<_, _>>()?;
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// Checks the signatures of the keys that are known and gives these keys, in the order of the note.
    ///
    /// # Errors
    /// [`NoteError::WrongSignature`] if one of them is wrong, whatever the others are;
    /// [`NoteError::NoKnownSignature`] if there is none.
    pub fn verify<'k>(&self, known: &'k [VerifierKey]) -> Result<Vec<&'k VerifierKey>, NoteError> {
        let mut signers = Vec::new();
        for signature in &self.signatures {
            let is_its_key = |key: &&VerifierKey| key.name() == signature.name && key.id() == signature.id;
            // Two known keys of one name and ID: the signature must hold for one of them.
            let mut keys = known.iter().filter(is_its_key).peekable();
            if keys.peek().is_none() {
                continue;
            }
            match keys.find(|key| key.verify(self.text.as_bytes(), &signature.signature)) {
                Some(key) => signers.push(key),
                None => return Err(NoteError::WrongSignature(signature.name.clone())),
            }
        }
        if signers.is_empty() { Err(NoteError::NoKnownSignature) } else { Ok(signers) }
    }

    /// The same text with the signature lines of one key only.
    ///
    /// # Errors
    /// [`NoteError::NoKnownSignature`] if the key has not signed.
    pub fn only(&self, key: &VerifierKey) -> Result<Self, NoteError> {
        let its = |signature: &&NoteSignature| signature.name == key.name() && signature.id == key.id();
        match self.signatures.iter().find(its) {
            Some(signature) => Ok(Self { text: self.text.clone(), signatures: vec![signature.clone()] }),
            None => Err(NoteError::NoKnownSignature),
        }
    }

    /// The text, with the newline at its end.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in order.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }
}

/// The note as it is stored and sent.
impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.text)?;
        for NoteSignature { name, id, signature } in &self.signatures {
            let bytes = [id.to_be_bytes().as_slice(), signature].concat();
            writeln!(f, "\u{2014} {name} {}", to_base64(&bytes))?;
        }
        Ok(())
    }
}

impl NoteSignature {
    fn parse(line: &str) -> Result<Self, NoteError> {
        let parse = || {
            let (name, signature) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
            let bytes = from_base64(signature)?;
            let (id, signature) = bytes.split_first_chunk()?;
            let valid = keys::is_key_name(name) && !signature.is_empty();
            valid.then(|| Self { name: name.to_owned(), id: u32::from_be_bytes(*id), signature: signature.to_vec() })
        };
        parse().ok_or_else(|| NoteError::SignatureLine(excerpt(line)))
    }
}

fn check_characters(text: &str) -> Result<(), NoteError> {
    if text.len() > MAX_NOTE_BYTES {
        return Err(NoteError::TooLong(text.len()));
    }
    if text.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        return Err(NoteError::Characters);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
