//! `POST /v1/dead-letters/retry`: appends the dead letters that are named, for `tacho dead-letters retry`.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use tracing::{info, warn};

use crate::dead_letters::{LETTERS_MAX, LetterName, Retrier};
use crate::up::instance::Token;

/// What the route needs.
#[derive(Debug, Clone)]
pub(crate) struct Retrying {
    pub(crate) retrier: Retrier,
    pub(crate) token: Token,
}

/// Answers with what became of the letters, as JSON, or with why it could not.
pub(super) async fn retry(State(retrying): State<Retrying>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let authorization = headers.get(header::AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
    if !retrying.token.opens(authorization) {
        return (StatusCode::UNAUTHORIZED, "the token is not that of this start: see admin.token\n".to_owned());
    }
    let letters: Vec<LetterName> = match serde_json::from_slice(&body) {
        Ok(letters) => letters,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("no list of dead letters: {error}\n")),
    };
    if letters.len() > LETTERS_MAX {
        let why = format!("{} letters at once, the limit is {LETTERS_MAX}\n", letters.len());
        return (StatusCode::PAYLOAD_TOO_LARGE, why);
    }
    let retried = retrying.retrier.retry(&letters).await.and_then(|retried| {
        info!(appended = retried.appended.len(), asked = letters.len(), "dead letters are retried");
        Ok(serde_json::to_string(&retried)?)
    });
    match retried {
        Ok(retried) => (StatusCode::OK, retried),
        Err(error) => {
            warn!(error = format!("{error:#}"), "dead letters are not retried");
            (StatusCode::SERVICE_UNAVAILABLE, format!("{error:#}\n"))
        }
    }
}
