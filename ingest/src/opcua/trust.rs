//! Whom we trust, and who we are: the folder of certificates.
//!
//! `own/` and `private/` hold our certificate and its key, made at the first start; `trusted/` the certificates of servers
//! that a person has trusted; `rejected/` those of servers that were met and nobody has trusted yet. A certificate is
//! trusted as it is, by its bytes: there are no authorities here. A file beside it names the servers of the settings that
//! showed it: it is trusted for them alone.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use opcua::crypto::{CertificateStore, X509, X509Data};
use opcua::types::ByteString;
use tacho_config::settings::opcua::CertificateUri;
use uuid::Uuid;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

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
    /// The servers of the settings that showed it.
    pub servers: BTreeSet<String>,
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
    /// The server's certificate is another application's.
    #[error(
        "the server's certificate {thumbprint} is made for {named}, and the server says it is {told:?}: \
         it must get one of its own (or set certificate_uri), or another server answers in its place"
    )]
    OtherApplication {
        /// SHA-1 of its bytes.
        thumbprint: String,
        /// What it is made for.
        named: String,
        /// Application URI of the endpoint.
        told: String,
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

    /// Checks the certificate of a server of the settings that says it is an application (OPC 10000-4, 6.1.3). One that
    /// nobody has trusted for this server is kept among the rejected, to be looked at.
    ///
    /// # Errors
    /// [`TrustError`] says what is wrong with it, and what to do.
    pub(super) fn check(
        &self,
        server: &str,
        certificate: &ByteString,
        application: &str,
        known: &CertificateUri,
    ) -> Result<(), TrustError> {
        let certificate = X509::from_byte_string(certificate).map_err(|_none| TrustError::NoCertificate)?;
        let der = certificate.to_der().map_err(|_none| TrustError::NoCertificate)?;
        let thumbprint = certificate.thumbprint().as_hex_string();
        let uris = uris(&der)?;
        let is_known = match known {
            CertificateUri::AsTold => false,
            CertificateUri::Other(known) => uris.contains(known),
            CertificateUri::Absent => uris.is_empty(),
        };
        if !is_known && !uris.iter().any(|uri| uri == application) {
            let named = if uris.is_empty() { "no application".to_owned() } else { uris.join(", ") };
            return Err(TrustError::OtherApplication { thumbprint, named, told: application.to_owned() });
        }
        let name = CertificateStore::cert_file_name(&certificate);
        let trusted = self.dir.join("trusted").join(&name);
        let is_trusted = fs::read(&trusted).ok().as_deref() == Some(der.as_slice());
        let servers = servers(&trusted)?;
        if !is_trusted || !(servers.is_empty() || servers.contains(server)) {
            let path = self.dir.join("rejected").join(&name);
            if !path.exists() {
                fs::write(&path, &der).map_err(io_error(&path))?;
            }
            shown_by(&path, &BTreeSet::from([server.to_owned()]))?;
            return Err(TrustError::Untrusted { thumbprint, subject: certificate.subject_name() });
        }
        // Put there by hand: it is the certificate of the first server that shows it.
        shown_by(&trusted, &BTreeSet::from([server.to_owned()]))?;
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
                    servers: servers(&path)?,
                    path,
                });
            }
        }
        known.sort_by(|a, b| a.thumbprint.cmp(&b.thumbprint));
        Ok(known)
    }

    /// Trusts a certificate that was rejected, for the servers that showed it.
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
        let found: Vec<_> = self.list()?.into_iter().filter(is_it).collect();
        if found.is_empty() {
            return Err(TrustError::Unknown(thumbprint.to_owned()));
        }
        for known in found {
            let target = self.dir.join(folder).join(known.path.file_name().unwrap_or_default());
            if target != known.path {
                shown_by(&target, &known.servers)?;
                fs::rename(&known.path, &target).map_err(io_error(&known.path))?;
                let beside = servers_file(&known.path);
                if beside.exists() {
                    fs::remove_file(&beside).map_err(io_error(&beside))?;
                }
            }
        }
        Ok(())
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

/// The applications that a certificate is made for: all URIs among its alternate names.
fn uris(der: &[u8]) -> Result<Vec<String>, TrustError> {
    let certificate = Certificate::from_der(der).map_err(|_none| TrustError::NoCertificate)?;
    let names = certificate.tbs_certificate.get::<SubjectAltName>().map_err(|_none| TrustError::NoCertificate)?;
    let uri = |name: GeneralName| match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str().to_owned()),
        _ => None,
    };
    Ok(names.map_or_else(Vec::new, |(_, names)| names.0.into_iter().filter_map(uri).collect()))
}

/// The file that names the servers of a certificate.
fn servers_file(certificate: &Path) -> PathBuf {
    certificate.with_extension("servers")
}

fn servers(certificate: &Path) -> Result<BTreeSet<String>, TrustError> {
    let path = servers_file(certificate);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(io_error(&path)(error)),
    }
}

/// Notes that servers showed a certificate.
fn shown_by(certificate: &Path, servers_now: &BTreeSet<String>) -> Result<(), TrustError> {
    let known = servers(certificate)?;
    if servers_now.is_subset(&known) {
        return Ok(());
    }
    let path = servers_file(certificate);
    let all: String = known.union(servers_now).map(|server| format!("{server}\n")).collect();
    fs::write(&path, all).map_err(io_error(&path))
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
mod tests;
