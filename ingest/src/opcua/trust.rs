//! Whom we trust, and who we are: the folder of certificates.
//!
//! `own/` and `private/` hold our certificate and its key, made at the first start; `trusted/` the certificates of servers
//! that a person has trusted; `rejected/` those of servers that were met and nobody has trusted yet. A certificate is
//! trusted as it is, by its bytes: there are no authorities here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use opcua::crypto::{CertificateStore, X509, X509Data};
use opcua::types::ByteString;
use uuid::Uuid;

/// Our certificate holds this long, in days: who renews it must have it trusted by every controller again.
const OWN_DAYS: u32 = 3650;
const KEY_BITS: u32 = 2048;
const APPLICATION: &str = "Tachograph";

/// The folder of certificates.
#[derive(Debug, Clone)]
pub struct TrustStore {
    dir: PathBuf,
}

/// A server's certificate in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCertificate {
    /// SHA-1 of its DER bytes, in hex, as OPC UA tools show it.
    pub thumbprint: String,
    /// Its subject.
    pub subject: String,
    /// Whether it is trusted; else it was rejected.
    pub trusted: bool,
    /// Until when it holds, RFC 3339.
    pub not_after: String,
    path: PathBuf,
}

/// Why certificates cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file or folder.
    #[error("certificates in {}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// Our own certificate could not be made.
    #[error("our own certificate cannot be made in {}: {problem}", dir.display())]
    Own {
        /// The folder.
        dir: PathBuf,
        /// What the library said.
        problem: String,
    },
    /// Bytes that are no certificate.
    #[error("the server's certificate is none: its bytes are no X.509 in DER")]
    NoCertificate,
    /// The server's certificate is not trusted.
    #[error(
        "the server's certificate {thumbprint} ({subject}) is not trusted: check it, then `tacho opcua trust {thumbprint}`"
    )]
    Untrusted {
        /// SHA-1 of its bytes.
        thumbprint: String,
        /// Its subject.
        subject: String,
    },
    /// The server's certificate does not hold now.
    #[error(
        "the server's certificate {thumbprint} holds from {from} to {to}: it must be renewed, or one of the clocks is wrong"
    )]
    Expired {
        /// SHA-1 of its bytes.
        thumbprint: String,
        /// RFC 3339.
        from: String,
        /// RFC 3339.
        to: String,
    },
    /// No certificate of this thumbprint.
    #[error("no certificate {0} was met: `tacho opcua trust` without a thumbprint lists them")]
    Unknown(String),
}

impl TrustStore {
    /// The folder, made if it is absent, with a certificate of our own.
    ///
    /// # Errors
    /// [`TrustError`] if it cannot be written.
    pub fn open(dir: &Path) -> Result<Self, TrustError> {
        let store = Self { dir: dir.to_owned() };
        for folder in ["own", "private", "trusted", "rejected"] {
            make_folder(&dir.join(folder), folder == "private")?;
        }
        let uri = dir.join("own/uri");
        if !uri.exists() {
            fs::write(&uri, format!("urn:tachograph:{}", Uuid::new_v4())).map_err(io_error(&uri))?;
        }
        if !dir.join("own/cert.der").exists() || !dir.join("private/private.pem").exists() {
            store.make_own()?;
        }
        Ok(store)
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Our application URI, which our certificate names.
    ///
    /// # Errors
    /// [`TrustError::Io`].
    pub fn application_uri(&self) -> Result<String, TrustError> {
        let path = self.dir.join("own/uri");
        fs::read_to_string(&path).map(|uri| uri.trim().to_owned()).map_err(io_error(&path))
    }

    /// Our certificate, which a controller has to trust.
    pub fn own_certificate(&self) -> PathBuf {
        self.dir.join("own/cert.der")
    }

    /// Checks a server's certificate. One that nobody has trusted is kept among the rejected, to be looked at.
    ///
    /// # Errors
    /// [`TrustError`] says what is wrong with it, and what to do.
    pub(super) fn check(&self, certificate: &ByteString) -> Result<(), TrustError> {
        let certificate = X509::from_byte_string(certificate).map_err(|_none| TrustError::NoCertificate)?;
        let der = certificate.to_der().map_err(|_none| TrustError::NoCertificate)?;
        let name = CertificateStore::cert_file_name(&certificate);
        let trusted = self.dir.join("trusted").join(&name);
        let thumbprint = certificate.thumbprint().as_hex_string();
        if fs::read(&trusted).ok().as_deref() != Some(der.as_slice()) {
            let path = self.dir.join("rejected").join(&name);
            if !path.exists() {
                fs::write(&path, &der).map_err(io_error(&path))?;
            }
            return Err(TrustError::Untrusted { thumbprint, subject: certificate.subject_name() });
        }
        let (from, to) = (certificate.not_before(), certificate.not_after());
        match from.ok().zip(to.ok()) {
            Some((from, to)) if (from..=to).contains(&chrono::Utc::now()) => Ok(()),
            Some((from, to)) => Err(TrustError::Expired { thumbprint, from: from.to_rfc3339(), to: to.to_rfc3339() }),
            None => Err(TrustError::NoCertificate),
        }
    }

    /// All certificates of servers that were met.
    ///
    /// # Errors
    /// [`TrustError::Io`].
    pub fn list(&self) -> Result<Vec<KnownCertificate>, TrustError> {
        let mut known = Vec::new();
        for (folder, trusted) in [("trusted", true), ("rejected", false)] {
            let dir = self.dir.join(folder);
            for file in fs::read_dir(&dir).map_err(io_error(&dir))? {
                let path = file.map_err(io_error(&dir))?.path();
                let Ok(certificate) = CertificateStore::read_cert(&path) else { continue };
                known.push(KnownCertificate {
                    thumbprint: certificate.thumbprint().as_hex_string(),
                    subject: certificate.subject_name(),
                    trusted,
                    not_after: certificate.not_after().map_or_else(|_| "?".to_owned(), |time| time.to_rfc3339()),
                    path,
                });
            }
        }
        known.sort_by(|a, b| a.thumbprint.cmp(&b.thumbprint));
        Ok(known)
    }

    /// Trusts a certificate that was rejected.
    ///
    /// # Errors
    /// [`TrustError::Unknown`] if none of this thumbprint was met.
    pub fn trust(&self, thumbprint: &str) -> Result<(), TrustError> {
        self.move_to("trusted", thumbprint)
    }

    /// Trusts a certificate no more.
    ///
    /// # Errors
    /// [`TrustError::Unknown`] if there is none of this thumbprint.
    pub fn distrust(&self, thumbprint: &str) -> Result<(), TrustError> {
        self.move_to("rejected", thumbprint)
    }

    fn move_to(&self, folder: &str, thumbprint: &str) -> Result<(), TrustError> {
        let is_it = |known: &KnownCertificate| known.thumbprint.eq_ignore_ascii_case(thumbprint);
        let found = self.list()?.into_iter().find(is_it);
        let found = found.ok_or_else(|| TrustError::Unknown(thumbprint.to_owned()))?;
        let target = self.dir.join(folder).join(found.path.file_name().unwrap_or_default());
        fs::rename(&found.path, &target).map_err(io_error(&found.path))
    }

    fn make_own(&self) -> Result<(), TrustError> {
        // The first alternate name is the URI: some stacks look at no other.
        let names = X509Data::alt_host_names(&self.application_uri()?, None, false, true, false);
        let data = X509Data {
            key_size: KEY_BITS,
            common_name: APPLICATION.to_owned(),
            organization: APPLICATION.to_owned(),
            organizational_unit: String::new(),
            country: String::new(),
            state: String::new(),
            alt_host_names: names,
            certificate_duration_days: OWN_DAYS,
        };
        let (certificate, key) = (self.own_certificate(), self.dir.join("private/private.pem"));
        let made = CertificateStore::create_certificate_and_key(&data, true, &certificate, &key);
        made.map(|_| ()).map_err(|problem| TrustError::Own { dir: self.dir.clone(), problem })
    }
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> TrustError {
    let path = path.to_owned();
    move |error| TrustError::Io { path, error }
}

/// The folder of the key is for nobody else to look into.
fn make_folder(dir: &Path, private: bool) -> Result<(), TrustError> {
    fs::create_dir_all(dir).map_err(io_error(dir))?;
    #[cfg(unix)]
    if private {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(io_error(dir))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_rejected_until_it_is_trusted_and_again_when_it_is_not() {
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let server = TrustStore::open(theirs.path()).unwrap();
        let certificate = ByteString::from(fs::read(server.own_certificate()).unwrap());
        let store = TrustStore::open(ours.path()).unwrap();
        let Err(TrustError::Untrusted { thumbprint, .. }) = store.check(&certificate) else { panic!("trusted") };
        assert!(!store.list().unwrap()[0].trusted);
        store.trust(&thumbprint).unwrap();
        store.check(&certificate).unwrap();
        store.distrust(&thumbprint).unwrap();
        assert!(matches!(store.check(&certificate), Err(TrustError::Untrusted { .. })));
        assert!(matches!(store.trust("00"), Err(TrustError::Unknown(_))));
        assert!(matches!(store.check(&ByteString::from(vec![1, 2])), Err(TrustError::NoCertificate)));
    }

    #[test]
    fn a_second_start_has_the_same_certificate_and_uri() {
        let dir = tempfile::tempdir().unwrap();
        let read =
            || (fs::read(dir.path().join("own/cert.der")).unwrap(), fs::read(dir.path().join("own/uri")).unwrap());
        TrustStore::open(dir.path()).unwrap();
        let first = read();
        TrustStore::open(dir.path()).unwrap();
        assert_eq!(read(), first);
    }
}
