//! From settings to a session: asks the server for its endpoints, chooses the one that is meant, checks whom it is, and
//! says who we are. Never falls back to less security than is meant.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use opcua::client::{Client, ClientBuilder, IdentityToken, Session, SessionBuilder, SessionEventLoop};
use opcua::crypto::{CertificateStore, SecurityPolicy as Policy};
use opcua::sync::RwLock;
use opcua::types::{EndpointDescription, Error, MessageSecurityMode, UserTokenType};
use tacho_config::settings::opcua::{Identity, Security, SecurityPolicy, ServerSettings};
use tokio::time::timeout;

use super::dial::Dial;
use crate::opcua::trust::{TrustError, TrustStore};

/// Longest time for the list of endpoints.
const DISCOVERY: Duration = Duration::from_secs(20);
const REQUEST: Duration = Duration::from_secs(10);
const SESSION_MS: u32 = 3_600_000;
const CHANNEL_MS: u32 = 600_000;
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Backlogs after an outage come in few, large messages.
const MESSAGE_BYTES_MAX: usize = 64 << 20;
const CHUNKS_MAX: usize = 4096;
const ARRAY_MAX: usize = 1_000_000;
const RETRY_MIN: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(8);

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub(in crate::opcua) enum ConnectError {
    /// The server does not answer.
    #[error("the server does not tell its endpoints: {0}")]
    Unreachable(String),
    /// It has no endpoint as it is meant.
    #[error("the server has no endpoint of {wanted}; it offers {offered}")]
    NoEndpoint {
        /// Policy and mode of the settings.
        wanted: String,
        /// What there is.
        offered: String,
    },
    /// The endpoint does not take such an identity.
    #[error("the endpoint takes no {wanted}; it takes {offered}")]
    NoIdentity {
        /// Kind of the settings' identity.
        wanted: &'static str,
        /// What there is.
        offered: String,
    },
    /// Certificates.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A file of the identity.
    #[error("identity in {}: {problem}", path.display())]
    Identity {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; never what is in it.
        problem: String,
    },
    /// The library refuses what it was told.
    #[error("the OPC UA client refuses its settings: {0}")]
    Client(String),
}

/// An open door: a session that connects as soon as its event loop is run.
pub(in crate::opcua) struct Door {
    pub(in crate::opcua) session: Arc<Session>,
    pub(in crate::opcua) event_loop: SessionEventLoop<Dial>,
    pub(in crate::opcua) endpoint: EndpointDescription,
}

/// Makes a session of a server's settings.
pub(in crate::opcua) async fn connect(server: &ServerSettings, trust: &TrustStore) -> Result<Door, ConnectError> {
    let endpoint = endpoint(server, trust).await?;
    let identity = identity(&server.identity)?;
    let config = builder(trust)?.session_retry_limit(-1).into_config();
    let store = Arc::new(RwLock::new(certificates(trust)));
    let built = SessionBuilder::new(&config)
        .with_connector(Dial::to(&server.url))
        .connect_to_endpoint_directly(endpoint.clone())
        .and_then(|builder| builder.user_identity_token(identity).build(store));
    let (session, event_loop) = built.map_err(|error| ConnectError::Client(error.to_string()))?;
    Ok(Door { session, event_loop, endpoint })
}

/// The endpoint that is meant, with its certificate checked.
pub(super) async fn endpoint(server: &ServerSettings, trust: &TrustStore) -> Result<EndpointDescription, ConnectError> {
    let client = builder(trust)?.session_retry_limit(0).client();
    let client: Client = client.map_err(|problems| ConnectError::Client(problems.join("; ")))?;
    let asked = timeout(DISCOVERY, client.get_server_endpoints_from_url(Dial::to(&server.url))).await;
    let offered = match asked {
        Ok(Ok(endpoints)) => endpoints,
        Ok(Err(error)) => return Err(ConnectError::Unreachable(told(&error))),
        Err(_late) => return Err(ConnectError::Unreachable("it accepts and is silent".to_owned())),
    };
    let (policy, mode) = wanted(server.security);
    let fits = |endpoint: &&EndpointDescription| {
        Policy::from_uri(endpoint.security_policy_uri.as_ref()) == policy && endpoint.security_mode == mode
    };
    let best = offered.iter().filter(fits).max_by_key(|endpoint| endpoint.security_level);
    let Some(endpoint) = best else {
        let listed: Vec<_> = offered.iter().map(shown).collect();
        let wanted = format!("{policy} {mode}");
        return Err(ConnectError::NoEndpoint { wanted, offered: listed.join(", ") });
    };
    takes(endpoint, &server.identity)?;
    if server.security != Security::None {
        let application = endpoint.server.application_uri.as_ref();
        trust.check(&server.name, &endpoint.server_certificate, application, &server.certificate_uri)?;
    }
    Ok(as_meant(endpoint.clone(), &server.url))
}

/// An endpoint as the library is to take it.
fn as_meant(mut endpoint: EndpointDescription, url: &str) -> EndpointDescription {
    // Servers name themselves as they see it, behind what address or port translation ever.
    endpoint.endpoint_url = url.into();
    // A user's certificate is proved by the policy of the endpoint where its own is left empty (OPC 10000-4, 7.41); the
    // library would not prove it at all.
    for policy in endpoint.user_identity_tokens.iter_mut().flatten() {
        if policy.token_type == UserTokenType::Certificate && policy.security_policy_uri.is_empty() {
            policy.security_policy_uri = endpoint.security_policy_uri.clone();
        }
    }
    endpoint
}

/// What the library says of an error, without a backtrace of its own.
pub(super) fn told(error: &Error) -> String {
    error.to_string()
}

fn builder(trust: &TrustStore) -> Result<ClientBuilder, ConnectError> {
    Ok(ClientBuilder::new()
        .application_name("Tachograph")
        .application_uri(trust.application_uri()?)
        .product_uri("urn:tachograph")
        .session_name("tachograph")
        .pki_dir(trust.dir())
        // Whom to trust is decided in `trust`; the library's own check looks at the first alternate name only.
        .trust_server_certs(false)
        .verify_server_certs(false)
        .session_retry_initial(RETRY_MIN)
        .session_retry_max(RETRY_MAX)
        .session_timeout(SESSION_MS)
        .channel_lifetime(CHANNEL_MS)
        .request_timeout(REQUEST)
        .keep_alive_interval(KEEP_ALIVE)
        // Its way to act is to close the session, and with it what the server has kept for us.
        .max_failed_keep_alive_count(0)
        .recreate_subscriptions(false)
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_chunk_count(CHUNKS_MAX)
        .max_array_length(ARRAY_MAX))
}

fn certificates(trust: &TrustStore) -> CertificateStore {
    let mut store = CertificateStore::new(trust.dir());
    store.set_skip_verify_certs(true);
    store
}

fn wanted(security: Security) -> (Policy, MessageSecurityMode) {
    let of = |policy| match policy {
        SecurityPolicy::Basic256Sha256 => Policy::Basic256Sha256,
        SecurityPolicy::Aes128Sha256RsaOaep => Policy::Aes128Sha256RsaOaep,
        SecurityPolicy::Aes256Sha256RsaPss => Policy::Aes256Sha256RsaPss,
    };
    match security {
        Security::None => (Policy::None, MessageSecurityMode::None),
        Security::Sign(policy) => (of(policy), MessageSecurityMode::Sign),
        Security::SignAndEncrypt(policy) => (of(policy), MessageSecurityMode::SignAndEncrypt),
    }
}

fn shown(endpoint: &EndpointDescription) -> String {
    let policy = Policy::from_uri(endpoint.security_policy_uri.as_ref());
    format!("{policy} {}", endpoint.security_mode)
}

fn takes(endpoint: &EndpointDescription, identity: &Identity) -> Result<(), ConnectError> {
    let (token, wanted) = match identity {
        Identity::Anonymous => (UserTokenType::Anonymous, "anonymous user: set user_file"),
        Identity::UserFile(_) => (UserTokenType::UserName, "user with a password"),
        Identity::Certificate { .. } => (UserTokenType::Certificate, "user with a certificate"),
    };
    let offered = endpoint.user_identity_tokens.as_deref().unwrap_or_default();
    if offered.iter().any(|policy| policy.token_type == token) {
        return Ok(());
    }
    let listed: Vec<_> = offered.iter().map(|policy| format!("{:?}", policy.token_type)).collect();
    Err(ConnectError::NoIdentity { wanted, offered: listed.join(", ") })
}

fn identity(identity: &Identity) -> Result<IdentityToken, ConnectError> {
    match identity {
        Identity::Anonymous => Ok(IdentityToken::Anonymous),
        Identity::UserFile(path) => {
            let wrong = |problem: String| ConnectError::Identity { path: path.clone(), problem };
            let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
            let line = text.lines().next().unwrap_or_default();
            let (name, password) =
                line.split_once(':').ok_or_else(|| wrong("its first line is no NAME:PASSWORD".to_owned()))?;
            Ok(IdentityToken::new_user_name(name, password))
        }
        Identity::Certificate { certificate, key } => IdentityToken::new_x509_path(certificate, key)
            .map_err(|error| ConnectError::Identity { path: certificate.clone(), problem: told(&error) }),
    }
}
