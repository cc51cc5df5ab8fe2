//! One OPC UA server: where it is, how it is trusted, who we are to it, how often it samples.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::{Table, Value};

use super::robot::RobotMapping;
use crate::section::Section;
use crate::settings::{written_count, written_path};
use crate::units::format_duration;

const NAME_BYTES_MAX: usize = 64;
const URL_BYTES_MAX: usize = 1024;
/// The publishing interval where none is set.
const PUBLISHING: Duration = Duration::from_millis(500);
/// The sampling interval where none is set.
const SAMPLING: Duration = Duration::from_millis(250);
/// The outage to be bridged where none is set.
const OUTAGE: Duration = Duration::from_secs(60);

/// The browse interval where none is set.
const BROWSE: Duration = Duration::from_secs(600);

/// One OPC UA server.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerSettings {
    /// Its name in the journal, in metrics and in log lines.
    pub name: String,
    /// Endpoint URL, `opc.tcp://HOST:PORT/PATH`.
    pub url: String,
    /// How messages are protected.
    pub security: Security,
    /// The application that its certificate is made for.
    pub certificate_uri: CertificateUri,
    /// Who we are to the server.
    pub identity: Identity,
    /// How often the server sends what has changed.
    pub publishing_interval: Duration,
    /// How often the server looks at a node, unless a signal has an interval of its own.
    pub sampling_interval: Duration,
    /// How long a connection may be away before the queues of the server overflow; it chooses their size.
    pub outage: Duration,
    /// Most items of one call; the server's own limit holds as well.
    pub items_per_call_max: usize,
    /// How often robots that came are looked for while connected, where robots are found by their types.
    pub browse_interval: Duration,
    /// The robots that it reports.
    pub robots: Vec<RobotMapping>,
}

/// How messages are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Not at all; only where it is written.
    None,
    /// Signed with a policy.
    Sign(SecurityPolicy),
    /// Signed and encrypted with a policy.
    SignAndEncrypt(SecurityPolicy),
}

/// A security policy of OPC 10000-7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityPolicy {
    /// Basic256Sha256.
    Basic256Sha256,
    /// Aes128_Sha256_RsaOaep.
    Aes128Sha256RsaOaep,
    /// Aes256_Sha256_RsaPss.
    Aes256Sha256RsaPss,
}

/// The application that a server's certificate is made for (OPC 10000-4, 6.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateUri {
    /// The one that the server says it is.
    AsTold,
    /// Also one of this URI.
    Other(String),
    /// Also none at all.
    Absent,
}

/// Who we are to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Nobody.
    Anonymous,
    /// A file whose first line is `NAME:PASSWORD`.
    UserFile(PathBuf),
    /// A certificate (DER or PEM) and its private key (PEM).
    Certificate {
        /// The certificate.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
}

/// The word for a certificate that names no application.
const NONE: &str = "none";
const POLICIES: [(&str, Option<SecurityPolicy>); 4] = [
    ("none", None),
    ("Basic256Sha256", Some(SecurityPolicy::Basic256Sha256)),
    ("Aes128_Sha256_RsaOaep", Some(SecurityPolicy::Aes128Sha256RsaOaep)),
    ("Aes256_Sha256_RsaPss", Some(SecurityPolicy::Aes256Sha256RsaPss)),
];

impl SecurityPolicy {
    /// Its name in OPC 10000-7.
    pub fn name(self) -> &'static str {
        POLICIES.iter().find(|(_, policy)| *policy == Some(self)).map_or("", |(name, _)| name)
    }
}

impl ServerSettings {
    pub(super) fn read(s: &mut Section<'_>, base_dir: &Path) -> Self {
        let ms = Duration::from_millis;
        let security = read_security(s);
        Self {
            name: read_name(s),
            url: read_url(s),
            security,
            certificate_uri: read_certificate_uri(s, security),
            identity: read_identity(s, base_dir),
            publishing_interval: s.duration_or("publishing_interval", ms(20)..=ms(60_000), PUBLISHING),
            sampling_interval: s.duration_or("sampling_interval", ms(10)..=ms(3_600_000), SAMPLING),
            outage: s.duration_or("outage", ms(1_000)..=ms(3_600_000), OUTAGE),
            items_per_call_max: s.optional_integer("items_per_call", 1_usize..=10_000).unwrap_or(500),
            browse_interval: s.duration_or("browse_interval", ms(1_000)..=ms(86_400_000), BROWSE),
            robots: s.array("robots", RobotMapping::read),
        }
    }

    /// The same without the robots that are to be found.
    #[must_use]
    pub fn without_profiles(&self) -> Self {
        let robots = self.robots.iter().filter(|robot| robot.profile.is_none()).cloned().collect();
        Self { robots, ..self.clone() }
    }

    pub(super) fn written(&self) -> Table {
        let (policy, mode) = match self.security {
            Security::None => ("none", None),
            Security::Sign(policy) => (policy.name(), Some("sign")),
            Security::SignAndEncrypt(policy) => (policy.name(), Some("sign_and_encrypt")),
        };
        let mut table = Table::from_iter([
            ("name".to_owned(), Value::from(self.name.clone())),
            ("url".to_owned(), Value::from(self.url.clone())),
            ("security".to_owned(), Value::from(policy)),
            ("publishing_interval".to_owned(), Value::from(format_duration(self.publishing_interval))),
            ("sampling_interval".to_owned(), Value::from(format_duration(self.sampling_interval))),
            ("outage".to_owned(), Value::from(format_duration(self.outage))),
            ("browse_interval".to_owned(), Value::from(format_duration(self.browse_interval))),
            ("items_per_call".to_owned(), written_count(self.items_per_call_max)),
        ]);
        let mut put = |key: &str, value: Value| table.insert(key.to_owned(), value);
        if let Some(mode) = mode {
            put("mode", Value::from(mode));
        }
        match &self.certificate_uri {
            CertificateUri::AsTold => {}
            CertificateUri::Other(uri) => {
                put("certificate_uri", Value::from(uri.clone()));
            }
            CertificateUri::Absent => {
                put("certificate_uri", Value::from(NONE));
            }
        }
        match &self.identity {
            Identity::Anonymous => {}
            Identity::UserFile(path) => {
                put("user_file", written_path(path));
            }
            Identity::Certificate { certificate, key } => {
                put("user_certificate", written_path(certificate));
                put("user_key", written_path(key));
            }
        }
        if !self.robots.is_empty() {
            let robots: Vec<_> = self.robots.iter().map(|robot| Value::from(robot.written())).collect();
            put("robots", Value::from(robots));
        }
        table
    }
}

fn read_name(s: &mut Section<'_>) -> String {
    let expected = format!("1 to {NAME_BYTES_MAX} characters of a-z, 0-9, `-` and `_`");
    s.required("name", &expected, String::new(), |value| {
        let name = value.as_str()?;
        let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        let fits = !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.bytes().all(sound);
        fits.then(|| name.to_owned())
    })
}

fn read_url(s: &mut Section<'_>) -> String {
    s.required("url", "an endpoint such as \"opc.tcp://192.168.0.10:4840\"", String::new(), |value| {
        let url = value.as_str()?;
        let host = url.strip_prefix("opc.tcp://")?;
        let sound = !host.is_empty() && !host.starts_with(['/', ':']) && url.len() <= URL_BYTES_MAX;
        (sound && !url.contains(|c: char| c.is_control() || c == ' ')).then(|| url.to_owned())
    })
}

/// Encrypted unless something else is written; nothing falls back to less.
fn read_security(s: &mut Section<'_>) -> Security {
    let expected: Vec<_> = POLICIES.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let policy = s.optional("security", &expected.join(" or "), |value| {
        let name = value.as_str()?;
        POLICIES.iter().find(|(known, _)| *known == name).map(|(_, policy)| *policy)
    });
    let encrypt = s.optional("mode", "\"sign\" or \"sign_and_encrypt\"", |value| match value.as_str()? {
        "sign" => Some(false),
        "sign_and_encrypt" => Some(true),
        _ => None,
    });
    match policy.unwrap_or(Some(SecurityPolicy::Basic256Sha256)) {
        None => {
            if encrypt.is_some() {
                s.problem("mode", "", "no mode: `security = \"none\"` neither signs nor encrypts");
            }
            Security::None
        }
        Some(policy) if encrypt == Some(false) => Security::Sign(policy),
        Some(policy) => Security::SignAndEncrypt(policy),
    }
}

fn read_certificate_uri(s: &mut Section<'_>, security: Security) -> CertificateUri {
    let expected = "the URI of an application such as \"urn:maker:plc\", or \"none\"";
    let uri = s.optional("certificate_uri", expected, |value| match value.as_str()? {
        NONE => Some(CertificateUri::Absent),
        uri if uri.contains(':')
            && uri.len() <= URL_BYTES_MAX
            && !uri.contains(|c: char| c.is_control() || c == ' ') =>
        {
            Some(CertificateUri::Other(uri.to_owned()))
        }
        _ => None,
    });
    if uri.is_some() && security == Security::None {
        s.problem("certificate_uri", "", "none: with `security = \"none\"` no certificate is looked at");
    }
    uri.unwrap_or(CertificateUri::AsTold)
}

fn read_identity(s: &mut Section<'_>, base_dir: &Path) -> Identity {
    let user_file = s.optional_path("user_file", base_dir);
    let certificate = s.optional_path("user_certificate", base_dir);
    let key = s.optional_path("user_key", base_dir);
    match (user_file, certificate, key) {
        (None, None, None) => Identity::Anonymous,
        (Some(path), None, None) => Identity::UserFile(path),
        (None, Some(certificate), Some(key)) => Identity::Certificate { certificate, key },
        _ => {
            s.problem("user_file", "", "either user_file, or user_certificate with user_key, or none of them");
            Identity::Anonymous
        }
    }
}
