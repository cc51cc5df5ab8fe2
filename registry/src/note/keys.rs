//! Ed25519 keys of signed notes in their C2SP spellings: `name+id+base64` to verify,
//! `PRIVATE+KEY+name+id+base64` to sign.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use super::NoteSignature;
use crate::text::{excerpt, from_base64, to_base64};

/// Signature type of Ed25519 over the note's text.
const ED25519: u8 = 0x01;
/// A longer key name is refused.
pub const MAX_NAME_BYTES: usize = 256;

/// Why a text is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name is empty, too long, or has a space, a plus or a control character.
    #[error("{0:?} is not a key name: 1 to {MAX_NAME_BYTES} bytes without spaces, plus signs and control characters")]
    Name(String),
    /// Not of the form of a verifier key.
    #[error("{0:?} is not a verifier key: name+8 hexadecimal digits+base64")]
    Verifier(String),
    /// Not of the form of a signer key; the text is a secret and is not shown.
    #[error("not a signer key: PRIVATE+KEY+name+8 hexadecimal digits+base64")]
    Signer,
    /// Another algorithm than Ed25519.
    #[error("the key of {0} is not an Ed25519 key (type 0x01)")]
    Algorithm(String),
    /// Not a point of the curve, or one of small order.
    #[error("the key of {0} is no usable Ed25519 public key")]
    Point(String),
    /// The ID does not belong to name and key.
    #[error("the key of {name} says id {found:08x}, {expected:08x} would be right")]
    Id {
        /// Name of the key.
        name: String,
        /// The ID that the text says.
        found: u32,
        /// The ID that name and key have.
        expected: u32,
    },
}

/// Whether a text may be the name of a key.
pub fn is_key_name(name: &str) -> bool {
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.contains(forbidden)
}

fn key_id(name: &str, public: &VerifyingKey) -> u32 {
    let hash =
        Sha256::new().chain_update(name).chain_update([b'\n', ED25519]).chain_update(public.as_bytes()).finalize();
    hash.iter().take(4).fold(0, |id, byte| id << 8 | u32::from(*byte))
}

/// A public key by which notes are verified.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    key: VerifyingKey,
}

impl VerifierKey {
    /// Name of the key; for the key of a log, its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Key ID.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The 32 bytes of the public key.
    pub fn public_key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    pub(super) fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        match Signature::from_slice(signature) {
            Ok(signature) => self.key.verify_strict(text, &signature).is_ok(),
            Err(_) => false,
        }
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || KeyError::Verifier(excerpt(text));
        let (name, found, bytes) = parts(text).ok_or_else(malformed)?;
        let bytes = algorithm(name, &bytes)?;
        let key = VerifyingKey::from_bytes(bytes.try_into().map_err(|_other_length| malformed())?)
            .ok()
            .filter(|key| !key.is_weak())
            .ok_or_else(|| KeyError::Point(name.to_owned()))?;
        let expected = key_id(name, &key);
        same_id(name, found, expected)?;
        Ok(Self { name: name.to_owned(), id: expected, key })
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[ED25519], self.key.as_bytes().as_slice()].concat();
        write!(f, "{}+{:08x}+{}", self.name, self.id, to_base64(&bytes))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A private key by which notes are signed.
#[derive(Clone)]
pub struct SignerKey {
    key: SigningKey,
    verifier: VerifierKey,
}

impl SignerKey {
    /// The key of this seed.
    ///
    /// # Errors
    /// [`KeyError::Name`].
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError::Name(excerpt(name)));
        }
        let key = SigningKey::from_bytes(seed);
        let public = key.verifying_key();
        let verifier = VerifierKey { name: name.to_owned(), id: key_id(name, &public), key: public };
        Ok(Self { key, verifier })
    }

    /// Reads the secret spelling.
    ///
    /// # Errors
    /// [`KeyError`]; no message holds the secret.
    pub fn parse_secret(text: &str) -> Result<Self, KeyError> {
        let text = text.strip_prefix("PRIVATE+KEY+").ok_or(KeyError::Signer)?;
        let (name, found, bytes) = parts(text).ok_or(KeyError::Signer)?;
        let seed = algorithm(name, &bytes)?;
        let key = Self::from_seed(name, seed.try_into().map_err(|_other_length| KeyError::Signer)?)?;
        same_id(name, found, key.verifier.id)?;
        Ok(key)
    }

    /// The secret spelling, for the key file.
    pub fn to_secret(&self) -> String {
        let bytes = [&[ED25519], self.key.as_bytes().as_slice()].concat();
        let VerifierKey { name, id, .. } = &self.verifier;
        format!("PRIVATE+KEY+{name}+{id:08x}+{}", to_base64(&bytes))
    }

    /// The public half.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    pub(super) fn sign(&self, text: &str) -> NoteSignature {
        NoteSignature {
            name: self.verifier.name.clone(),
            id: self.verifier.id,
            signature: self.key.sign(text.as_bytes()).to_bytes().to_vec(),
        }
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({}+{:08x}+***)", self.verifier.name, self.verifier.id)
    }
}

/// Name, ID and bytes of `name+id+base64`.
fn parts(text: &str) -> Option<(&str, u32, Vec<u8>)> {
    let (name, rest) = text.split_once('+')?;
    let (id, key) = rest.split_once('+')?;
    let hexadecimal = id.len() == 8 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !hexadecimal || !is_key_name(name) || key.len() > 128 {
        return None;
    }
    Some((name, u32::from_str_radix(id, 16).ok()?, from_base64(key)?))
}

fn algorithm<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a [u8], KeyError> {
    match bytes.split_first() {
        Some((&ED25519, key)) => Ok(key),
        _ => Err(KeyError::Algorithm(name.to_owned())),
    }
}

fn same_id(name: &str, found: u32, expected: u32) -> Result<(), KeyError> {
    if found == expected { Ok(()) } else { Err(KeyError::Id { name: name.to_owned(), found, expected }) }
}
