//! The key of the log on disk: `log.key` (the secret, 0600) and `log.vkey`, both in C2SP spelling.
//!
//! The key's name is the log's origin, fixed when the key is made.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::durable::{self, Access};
use crate::note::{KeyError, SignerKey, VerifierKey};
use crate::text::excerpt;

/// Name of the secret file in the folder of keys.
pub const KEY_FILE: &str = "log.key";
/// Name of the public file in the folder of keys.
pub const VKEY_FILE: &str = "log.vkey";

/// A longer file is no key.
const MAX_FILE_BYTES: u64 = 4096;

/// Why the log's key could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LogKeyError {
    /// The file system refused.
    #[error("{}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file holds no key.
    #[error("{}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with its content.
        source: KeyError,
    },
    /// Neither a file nor a key.
    #[error("{0} is neither a file nor a verifier key: name+8 hexadecimal digits+base64")]
    Nothing(String),
    /// The system has no random bytes.
    #[error("no random bytes for a new key: {0}")]
    Random(getrandom::Error),
    /// The key is that of another log.
    #[error("{path} is the key of {found:?}, the origin of this log is {expected:?}", path = path.display())]
    OtherOrigin {
        /// The file.
        path: PathBuf,
        /// Name of the key.
        found: String,
        /// Origin of the log.
        expected: String,
    },
    /// Others may read the secret.
    #[error("{path} may be read by others (mode {mode:o}); 600 would be right", path = path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A private key where the public one is asked for.
    #[error("this is the private key of a log: give the public one, log.vkey")]
    Private,
    /// The log has entries, and its private key is gone.
    #[error(
        "{} is missing, and the log has entries that it has signed: restore it from a backup; a new key would make every \
         proof so far worthless", path.display()
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
}

/// Loads the key of the log from `keys_dir`, or makes it there if there is none, and writes its public half.
///
/// # Errors
/// [`LogKeyError`]; an existing key is never overwritten.
pub fn open_or_create(keys_dir: &Path, origin: &str) -> Result<SignerKey, LogKeyError> {
    let path = keys_dir.join(KEY_FILE);
    durable::create_dir_all(keys_dir).map_err(at(keys_dir))?;
    let key = match load(keys_dir) {
        Err(LogKeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => create(&path, origin)?,
        loaded => loaded?,
    };
    if key.verifier().name() != origin {
        return Err(LogKeyError::OtherOrigin {
            path,
            found: key.verifier().name().to_owned(),
            expected: origin.to_owned(),
        });
    }
    let public = keys_dir.join(VKEY_FILE);
    let text = format!("{}\n", key.verifier());
    if fs::read(&public).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(key);
    }
    durable::replace(&public, text.as_bytes(), Access::Shared).map_err(at(&public))?;
    Ok(key)
}

/// Loads the key of the log from `keys_dir`.
///
/// # Errors
/// [`LogKeyError`].
pub fn load(keys_dir: &Path) -> Result<SignerKey, LogKeyError> {
    let path = keys_dir.join(KEY_FILE);
    let text = read_small(&path)?;
    check_mode(&path)?;
    SignerKey::parse_secret(text.trim_end_matches('\n')).map_err(|source| LogKeyError::Malformed { path, source })
}

/// Reads a verifier key: the file of that name if there is one, else the text itself.
///
/// # Errors
/// [`LogKeyError::Malformed`] or [`LogKeyError::Io`].
pub fn verifier_from(file_or_text: &str) -> Result<VerifierKey, LogKeyError> {
    let path = Path::new(file_or_text);
    let text = match read_small(path) {
        Ok(text) => text,
        // The text of a key is never the name of a readable file by accident; what is no key names itself.
        Err(_) if file_or_text.contains('+') => file_or_text.to_owned(),
        Err(LogKeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Err(LogKeyError::Nothing(excerpt(file_or_text)));
        }
        Err(error) => return Err(error),
    };
    if text.trim_start().starts_with("PRIVATE+KEY+") {
        // Nothing of it may stand in an error: give no source, and no excerpt.
        return Err(LogKeyError::Private);
    }
    text.trim_end_matches('\n')
        .parse()
        .map_err(|source| LogKeyError::Malformed { path: excerpt(file_or_text).into(), source })
}

fn create(path: &Path, origin: &str) -> Result<SignerKey, LogKeyError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(LogKeyError::Random)?;
    let key = SignerKey::from_seed(origin, &seed)
        .map_err(|source| LogKeyError::Malformed { path: path.to_owned(), source })?;
    let secret = format!("{}\n", key.to_secret());
    durable::create(path, secret.as_bytes(), Access::Owner).map_err(at(path))?;
    tracing::info!(path = %path.display(), key = %key.verifier(), "made the key of the log");
    Ok(key)
}

fn read_small(path: &Path) -> Result<String, LogKeyError> {
    let length = fs::metadata(path).map_err(at(path))?.len();
    if length > MAX_FILE_BYTES {
        let long = io::Error::new(io::ErrorKind::InvalidData, "too long for a key");
        return Err(at(path)(long));
    }
    fs::read_to_string(path).map_err(at(path))
}

#[cfg(unix)]
fn check_mode(path: &Path) -> Result<(), LogKeyError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path).map_err(at(path))?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(LogKeyError::Exposed { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn check_mode(_path: &Path) -> Result<(), LogKeyError> {
    Ok(())
}

fn at(path: &Path) -> impl Fn(io::Error) -> LogKeyError + '_ {
    |source| LogKeyError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_its_public_half_is_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("keys");
        let made = open_or_create(&keys, "log.example/1").unwrap();
        fs::remove_file(keys.join(VKEY_FILE)).unwrap();
        let loaded = open_or_create(&keys, "log.example/1").unwrap();
        assert_eq!(made.verifier(), loaded.verifier());
        let path = keys.join(VKEY_FILE);
        assert_eq!(verifier_from(path.to_str().unwrap()).unwrap(), *made.verifier());
        assert_eq!(verifier_from(&made.verifier().to_string()).unwrap(), *made.verifier());
    }

    #[test]
    fn the_key_of_another_origin_is_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let made = open_or_create(dir.path(), "log.example/1").unwrap();
        let refused = open_or_create(dir.path(), "log.example/2");
        assert!(matches!(refused, Err(LogKeyError::OtherOrigin { .. })));
        assert_eq!(load(dir.path()).unwrap().verifier(), made.verifier());
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        open_or_create(dir.path(), "log.example/1").unwrap();
        let path = dir.path().join(KEY_FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(load(dir.path()), Err(LogKeyError::Exposed { mode: 0o640, .. })));
    }

    #[test]
    fn a_damaged_key_is_refused_and_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(KEY_FILE), "").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(dir.path().join(KEY_FILE), fs::Permissions::from_mode(0o600)).unwrap();
        }
        assert!(matches!(open_or_create(dir.path(), "log"), Err(LogKeyError::Malformed { .. })));
        assert!(verifier_from("no-such-file").is_err());
    }
}
