//! How a source starts and how it ends, for all protocols alike.

use std::io;
use std::net::SocketAddr;

/// Why a source did not start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address could not be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address of the settings.
        address: SocketAddr,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The password hash of a user is not an argon2 hash in PHC form.
    #[error("the password hash of user {user:?} is no argon2 hash in PHC form ($argon2id$v=19$…): {problem}")]
    PasswordHash {
        /// Name of the user.
        user: String,
        /// What is wrong with it; never the hash.
        problem: String,
    },
    /// Two users have one name.
    #[error("user {0:?} is there twice")]
    UserTwice(String),
    /// Nobody could ever connect.
    #[error("no user is listed and anonymous access is off: nobody could connect")]
    NobodyMayConnect,
    /// A setting that is certain to hurt.
    #[error("{key} = {value} is too little: {needed}")]
    Setting {
        /// Name of the setting.
        key: &'static str,
        /// Its value.
        value: usize,
        /// What would do, and why.
        needed: &'static str,
    },
    /// A part that the source needs did not start.
    #[error("the MQTT router does not answer")]
    Router,
    /// The system gave no random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(String),
}

/// Why a running source ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The router thread is gone; subscriptions and retained messages went with it.
    #[error("the MQTT router has ended unexpectedly; its sessions, subscriptions and retained messages are lost")]
    RouterGone,
    /// A task that looks after sessions has panicked.
    #[error("what looks after expired sessions and due wills has ended unexpectedly")]
    Crippled,
}
