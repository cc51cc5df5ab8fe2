//! A running instance, asked by a command over its admin endpoint.
//!
//! What changes something there needs the instance's token, a file beside its secrets that its owner alone may read: who may
//! ask is who may read the data directory, whoever else reaches the port.

use std::path::Path;

use anyhow::{Context as _, bail};
use tacho_registry::durable::{self, Access};
use tacho_schemas::Digest;
use uuid::Uuid;

use super::Endpoints;

/// File that holds the token of the instance that runs.
const TOKEN: &str = "admin.token";

/// What who asks must know; drawn by each start.
#[derive(Clone)]
pub(crate) struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(***)")
    }
}

impl Token {
    /// Draws the token of this start and leaves it for commands.
    pub(crate) fn publish(data_dir: &Path) -> anyhow::Result<Self> {
        let token = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let path = data_dir.join(TOKEN);
        durable::replace(&path, token.as_bytes(), Access::Owner).with_context(|| path.display().to_string())?;
        Ok(Self(token))
    }

    /// Whether the value of an `Authorization` header has it. Digests are compared, so that the time tells nothing.
    pub(crate) fn opens(&self, authorization: &[u8]) -> bool {
        Digest::of(authorization) == Digest::of(format!("Bearer {}", self.0).as_bytes())
    }
}

/// The instance of a data directory.
#[derive(Debug)]
pub(crate) struct Asked {
    client: reqwest::Client,
    endpoints: Endpoints,
    token: Token,
}

impl Asked {
    /// The instance that runs on a data directory.
    pub(crate) fn of(data_dir: &Path) -> anyhow::Result<Self> {
        let read = |name: &str| {
            let path = data_dir.join(name);
            std::fs::read_to_string(&path).with_context(|| path.display().to_string())
        };
        let endpoints = serde_json::from_str(&read(super::ENDPOINTS_FILE)?).context(super::ENDPOINTS_FILE)?;
        // A loopback address is never behind a proxy.
        let client = reqwest::Client::builder().no_proxy().build().context("HTTP client")?;
        Ok(Self { client, endpoints, token: Token(read(TOKEN)?) })
    }

    /// Posts JSON to a path of the admin endpoint; the body of the answer.
    pub(crate) async fn post(&self, path: &str, json: Vec<u8>) -> anyhow::Result<bytes::Bytes> {
        let url = format!("http://{}{path}", self.endpoints.admin);
        let request = self.client.post(&url).bearer_auth(&self.token.0).body(json);
        let answer = request.send().await.with_context(|| url.clone())?;
        let status = answer.status();
        let body = answer.bytes().await.with_context(|| url.clone())?;
        if !status.is_success() {
            bail!("{url} answers {status}: {}", String::from_utf8_lossy(&body).trim());
        }
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_of_this_start_opens_and_it_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let before = Token::publish(dir.path()).unwrap();
        let token = Token::publish(dir.path()).unwrap();
        let path = dir.path().join(TOKEN);
        let bearer = format!("Bearer {}", std::fs::read_to_string(&path).unwrap());
        assert!(token.opens(bearer.as_bytes()));
        assert!(!before.opens(bearer.as_bytes()));
        assert!(!token.opens(b"") && !token.opens(b"Bearer "));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0);
        assert!(!format!("{token:?}").contains(&token.0));
    }
}
