//! Which client ID is connected where, and what of a session waits for its client to come back.
//!
//! Client IDs are per user: nobody can take over a session of somebody else by its name.

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::auth::Principal;
use super::link::Subscriptions;
use super::reason::Reason;
use super::will::Will;

/// How long a newcomer waits for the connection that it replaces.
const TAKE_OVER_PATIENCE: Duration = Duration::from_secs(5);

/// A client ID of a user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SessionKey {
    pub(crate) user: Arc<str>,
    pub(crate) client_id: Arc<str>,
}

/// A session whose client is away.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) subscriptions: Subscriptions,
    /// Identifiers of QoS 2 publishes that are in the log and not yet released.
    pub(crate) received: Vec<u16>,
    pub(crate) expires_at: Instant,
    /// A will that waits for its delay, and whose it is.
    pub(crate) will: Option<(Instant, Box<Will>, Principal)>,
}

/// All sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    max_persistent: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sessions: HashMap<SessionKey, Session>,
    persistent: usize,
}

#[derive(Debug, Default)]
struct Session {
    live: Option<Live>,
    stored: Option<Box<Stored>>,
    /// Whether it counts as one that outlives its connection.
    persistent: bool,
}

#[derive(Debug, Clone)]
struct Live {
    kick: CancellationToken,
    ended: CancellationToken,
}

/// What a CONNECT finds.
#[derive(Debug)]
pub(crate) struct Attached {
    pub(crate) guard: SessionGuard,
    /// The stored session, to be resumed, or to be discarded if the client wants a clean start.
    pub(crate) stored: Option<Box<Stored>>,
}

/// The place of a live connection among the sessions.
#[derive(Debug)]
pub(crate) struct SessionGuard {
    sessions: Arc<Sessions>,
    key: SessionKey,
    ended: CancellationToken,
}

impl Sessions {
    /// No session yet.
    pub(crate) fn new(max_persistent: usize) -> Arc<Self> {
        Arc::new(Self { max_persistent, state: Mutex::default() })
    }

    /// Makes a connection the live one of its client ID; a connection that is so already is kicked and waited for.
    ///
    /// # Errors
    /// [`Reason::QuotaExceeded`] for one session too many, [`Reason::ServerBusy`] if the old connection does not end.
    pub(crate) async fn attach(
        self: &Arc<Self>,
        key: SessionKey,
        kick: &CancellationToken,
        persistent: bool,
    ) -> Result<Attached, Reason> {
        let patience = Instant::now() + TAKE_OVER_PATIENCE;
        loop {
            let Some(old) = self.live(&key) else {
                if let Some(attached) = self.try_attach(&key, kick, persistent)? {
                    return Ok(attached);
                }
                continue;
            };
            old.kick.cancel();
            if tokio::time::timeout_at(patience, old.ended.cancelled()).await.is_err() {
                return Err(Reason::ServerBusy);
            }
        }
    }

    fn live(&self, key: &SessionKey) -> Option<Live> {
        self.state().sessions.get(key)?.live.clone()
    }

    /// `None` if another connection was faster.
    fn try_attach(
        self: &Arc<Self>,
        key: &SessionKey,
        kick: &CancellationToken,
        persistent: bool,
    ) -> Result<Option<Attached>, Reason> {
        let mut guard = self.state();
        let state = &mut *guard;
        let known = state.sessions.get(key);
        if known.is_some_and(|session| session.live.is_some()) {
            return Ok(None);
        }
        let counted = known.is_some_and(|session| session.persistent);
        if persistent && !counted && state.persistent >= self.max_persistent {
            return Err(Reason::QuotaExceeded);
        }
        let ended = CancellationToken::new();
        let session = state.sessions.entry(key.clone()).or_default();
        session.live = Some(Live { kick: kick.clone(), ended: ended.clone() });
        session.persistent = persistent;
        let stored = session.stored.take();
        state.persistent = state.persistent + usize::from(persistent) - usize::from(counted);
        let guard = SessionGuard { sessions: Arc::clone(self), key: key.clone(), ended };
        Ok(Some(Attached { guard, stored }))
    }

    /// Takes out the stored sessions that have expired.
    pub(crate) fn expired(&self, now: Instant) -> Vec<Stored> {
        let mut guard = self.state();
        let state = &mut *guard;
        let mut expired = Vec::new();
        state.sessions.retain(|_, session| {
            if session.live.is_none() && session.stored.as_ref().is_none_or(|stored| stored.expires_at <= now) {
                state.persistent -= usize::from(session.persistent);
                expired.extend(session.stored.take().map(|stored| *stored));
                return false;
            }
            true
        });
        expired
    }

    /// Takes out the wills whose delay is over.
    pub(crate) fn due_wills(&self, now: Instant) -> Vec<(Box<Will>, Principal)> {
        let mut state = self.state();
        let stored = state.sessions.values_mut().filter_map(|session| session.stored.as_mut());
        let due = stored.filter_map(|stored| match &stored.will {
            Some((at, ..)) if *at <= now => stored.will.take(),
            _ => None,
        });
        due.map(|(_, will, principal)| (will, principal)).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionGuard {
    /// Gives the place up; `stored` is what waits for the client.
    pub(crate) fn detach(self, stored: Option<Box<Stored>>) {
        if let Some(session) = self.sessions.state().sessions.get_mut(&self.key) {
            session.stored = stored;
        }
    }
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        let mut guard = self.sessions.state();
        let state = &mut *guard;
        if let MapEntry::Occupied(mut session) = state.sessions.entry(self.key.clone()) {
            session.get_mut().live = None;
            if session.get().stored.is_none() {
                state.persistent -= usize::from(session.get().persistent);
                session.remove();
            }
        }
        drop(guard);
        self.ended.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::router::Links;
    use crate::mqtt::settings::MqttSettings;

    fn key(user: &str) -> SessionKey {
        SessionKey { user: user.into(), client_id: "c".into() }
    }

    fn stored(expires_at: Instant) -> Box<Stored> {
        Box::new(Stored {
            subscriptions: Subscriptions::new(Links::start(&MqttSettings::default()).unwrap().slot()),
            received: Vec::new(),
            expires_at,
            will: None,
        })
    }

    #[tokio::test]
    async fn a_newcomer_kicks_the_old_connection_and_waits_for_it() {
        let sessions = Sessions::new(10);
        let old_kick = CancellationToken::new();
        let old = sessions.attach(key("a"), &old_kick, false).await.unwrap();
        let other = sessions.attach(key("b"), &CancellationToken::new(), false).await;
        assert!(other.is_ok() && !old_kick.is_cancelled(), "another user's client ID is another session");
        let kick = CancellationToken::new();
        let newcomer = sessions.attach(key("a"), &kick, false);
        let leave = async {
            old_kick.cancelled().await;
            old.guard.detach(None);
        };
        let (newcomer, ()) = tokio::join!(newcomer, leave);
        assert!(newcomer.is_ok() && !kick.is_cancelled());
    }

    #[tokio::test]
    async fn a_stored_session_is_found_again_until_it_expires() {
        let sessions = Sessions::new(1);
        let kick = CancellationToken::new();
        let now = Instant::now();
        let first = sessions.attach(key("a"), &kick, true).await.unwrap();
        first.guard.detach(Some(stored(now + Duration::from_secs(10))));
        let full = sessions.attach(key("b"), &kick, true).await;
        assert_eq!(full.unwrap_err(), Reason::QuotaExceeded);
        let again = sessions.attach(key("a"), &kick, true).await.unwrap();
        again.guard.detach(again.stored);
        assert!(sessions.expired(now).is_empty());
        assert_eq!(sessions.expired(now + Duration::from_secs(10)).len(), 1);
        assert!(sessions.attach(key("b"), &kick, true).await.unwrap().stored.is_none());
    }
}
