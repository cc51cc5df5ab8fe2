//! Who may connect, and for which robots a user may speak.
//!
//! Passwords are checked against argon2 hashes, a few at a time, off the async threads. A password that was right
//! is remembered as an HMAC under a key of this process, so that a fleet may reconnect all at once.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tacho_schemas::{RobotId, RobotKey};
use tokio::sync::Semaphore;

use super::reason::Reason;
use super::settings::MqttSettings;
use super::topic::robot_segment;
use crate::BindError;

/// Hashes computed at once: each takes tens of MiB and tens of milliseconds.
const HASHES_AT_ONCE: usize = 2;

/// Whom a connection belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    /// Name; empty if anonymous.
    pub(crate) name: Arc<str>,
    robots: Option<Arc<HashSet<RobotId>>>,
}

/// The users of the settings.
pub(crate) struct Users {
    anonymous: bool,
    users: HashMap<String, User>,
    key: [u8; 32],
    verified: Mutex<HashMap<String, Vec<u8>>>,
    gate: Semaphore,
}

#[derive(Clone)]
struct User {
    principal: Principal,
    hash: Arc<str>,
}

impl Principal {
    /// Whether telemetry of this robot may come from here.
    pub(crate) fn speaks_for(&self, robot: &RobotKey) -> bool {
        match (&self.robots, robot) {
            (None, _) => true,
            (Some(robots), RobotKey::Id(id)) => robots.contains(id),
            (Some(_), RobotKey::Unreadable) => false,
        }
    }

    /// Whether an ordinary publish on this topic may come from here: below `robots/` only for its own robots.
    pub(crate) fn may_publish(&self, topic: &str) -> bool {
        let Some(robots) = &self.robots else {
            return true;
        };
        robot_segment(topic).is_none_or(|id| RobotId::parse(id.as_bytes()).is_ok_and(|id| robots.contains(&id)))
    }
}

impl Users {
    /// Reads the users of the settings.
    ///
    /// # Errors
    /// [`BindError`] if a hash is no argon2 hash, a name is there twice, or nobody could connect.
    pub(crate) fn new(settings: &MqttSettings) -> Result<Self, BindError> {
        let mut users = HashMap::with_capacity(settings.users.len());
        for user in &settings.users {
            check_hash(&user.password_hash)
                .map_err(|problem| BindError::PasswordHash { user: user.name.clone(), problem })?;
            let principal = Principal {
                name: Arc::from(user.name.as_str()),
                robots: user.robots.as_ref().map(|robots| Arc::new(robots.iter().copied().collect())),
            };
            let hash = Arc::from(user.password_hash.as_str());
            if users.insert(user.name.clone(), User { principal, hash }).is_some() {
                return Err(BindError::UserTwice(user.name.clone()));
            }
        }
        if users.is_empty() && !settings.anonymous {
            return Err(BindError::NobodyMayConnect);
        }
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| BindError::Random(error.to_string()))?;
        Ok(Self {
            anonymous: settings.anonymous,
            users,
            key,
            verified: Mutex::default(),
            gate: Semaphore::new(HASHES_AT_ONCE),
        })
    }

    /// Finds out whom a CONNECT comes from; `login`: its user name and password.
    ///
    /// # Errors
    /// [`Reason::NotAuthorised`] without a login where anonymous access is off, [`Reason::BadCredentials`] for an unknown
    /// user or a wrong password.
    pub(crate) async fn authenticate(&self, login: Option<(String, String)>) -> Result<Principal, Reason> {
        let Some((name, password)) = login else {
            return if self.anonymous {
                Ok(Principal { name: Arc::from(""), robots: None })
            } else {
                Err(Reason::NotAuthorised)
            };
        };
        let Some(user) = self.users.get(&name) else {
            // Takes as long as a wrong password, so that names cannot be told apart by time.
            if let Some(any) = self.users.values().next() {
                let _permit = self.gate.acquire().await;
                self.hash_matches(password, &any.hash).await?;
            }
            return Err(Reason::BadCredentials);
        };
        let tag = self.tag(&password, &user.hash);
        let known = || self.verified().get(&name).is_some_and(|known| *known == tag);
        if known() {
            return Ok(user.principal.clone());
        }
        let _permit = self.gate.acquire().await;
        // Another connection of the user may have been faster.
        if known() || self.hash_matches(password, &user.hash).await? {
            self.verified().insert(name, tag);
            Ok(user.principal.clone())
        } else {
            Err(Reason::BadCredentials)
        }
    }

    async fn hash_matches(&self, password: String, hash: &Arc<str>) -> Result<bool, Reason> {
        let hash = Arc::clone(hash);
        let check = move || {
            let parsed = PasswordHash::new(&hash);
            parsed.is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
        };
        tokio::task::spawn_blocking(check).await.map_err(|_panicked| Reason::ServerBusy)
    }

    fn tag(&self, password: &str, hash: &str) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(hash.as_bytes());
        mac.update(password.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }

    fn verified(&self) -> std::sync::MutexGuard<'_, HashMap<String, Vec<u8>>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The hash of a password as users files have it: argon2id with a salt of its own, in PHC form.
///
/// # Errors
/// If the password is too long, or the system has no random bytes; as text.
pub fn hash_password(password: &str) -> Result<String, String> {
    let hash: argon2::password_hash::Result<PasswordHash> = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| error.to_string())
}

fn check_hash(hash: &str) -> Result<(), String> {
    let parsed = PasswordHash::new(hash).map_err(|error| error.to_string())?;
    if !parsed.algorithm.as_str().starts_with("argon2") {
        return Err(format!("its algorithm is {}", parsed.algorithm));
    }
    if parsed.salt.is_none() || parsed.hash.is_none() {
        return Err("it lacks its salt or its hash".to_owned());
    }
    argon2::Params::try_from(&parsed).map_err(|error| error.to_string())?;
    Ok(())
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users")
            .field("anonymous", &self.anonymous)
            .field("users", &self.users.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::settings::MqttUser;

    const ID: &str = "CNAB12HX00010000000000000042A";

    fn settings(anonymous: bool, users: Vec<MqttUser>) -> MqttSettings {
        MqttSettings { anonymous, users, ..MqttSettings::default() }
    }

    fn user(name: &str, password: &str, robots: Option<Vec<RobotId>>) -> MqttUser {
        let params = argon2::Params::new(64, 1, 1, None).unwrap();
        let argon2 = Argon2::new(argon2::Algorithm::default(), argon2::Version::default(), params);
        MqttUser {
            name: name.into(),
            password_hash: argon2.hash_password(password.as_bytes()).unwrap().to_string(),
            robots,
        }
    }

    fn login(name: &str, password: &str) -> Option<(String, String)> {
        Some((name.to_owned(), password.to_owned()))
    }

    #[tokio::test]
    async fn a_right_password_is_accepted_twice_and_a_wrong_one_never() {
        let users = Users::new(&settings(false, vec![user("a", "secret", None)])).unwrap();
        for _first_and_from_memory in 0..2 {
            assert_eq!(&*users.authenticate(login("a", "secret")).await.unwrap().name, "a");
            assert_eq!(users.authenticate(login("a", "Secret")).await.unwrap_err(), Reason::BadCredentials);
        }
        assert_eq!(users.authenticate(login("b", "secret")).await.unwrap_err(), Reason::BadCredentials);
        assert_eq!(users.authenticate(None).await.unwrap_err(), Reason::NotAuthorised);
    }

    #[tokio::test]
    async fn a_hash_that_was_made_here_lets_its_password_in() {
        let password_hash = hash_password("secret").unwrap();
        let made = MqttUser { name: "a".into(), password_hash, robots: None };
        let users = Users::new(&settings(false, vec![made])).unwrap();
        assert!(users.authenticate(login("a", "secret")).await.is_ok());
        assert_eq!(users.authenticate(login("a", "other")).await.unwrap_err(), Reason::BadCredentials);
        assert_ne!(hash_password("secret").unwrap(), hash_password("secret").unwrap(), "each has a salt of its own");
    }

    #[tokio::test]
    async fn anonymous_access_does_not_let_wrong_passwords_in() {
        let users = Users::new(&settings(true, Vec::new())).unwrap();
        assert_eq!(&*users.authenticate(None).await.unwrap().name, "");
        assert_eq!(users.authenticate(login("a", "x")).await.unwrap_err(), Reason::BadCredentials);
    }

    #[tokio::test]
    async fn a_bound_user_speaks_for_its_robots_only() {
        let id: RobotId = ID.parse().unwrap();
        let users = Users::new(&settings(false, vec![user("a", "s", Some(vec![id]))])).unwrap();
        let principal = users.authenticate(login("a", "s")).await.unwrap();
        assert!(principal.speaks_for(&RobotKey::Id(id)) && !principal.speaks_for(&RobotKey::Unreadable));
        assert!(principal.may_publish(&format!("robots/{ID}/state")) && principal.may_publish("site/door"));
        assert!(!principal.may_publish("robots/XXAB12HX00010000000000000042A/commands"));
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        let twice = vec![user("a", "s", None), user("a", "t", None)];
        assert!(matches!(Users::new(&settings(false, twice)), Err(BindError::UserTwice(_))));
        assert!(matches!(Users::new(&settings(false, Vec::new())), Err(BindError::NobodyMayConnect)));
        for hash in ["secret", "$2b$12$abc", "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ"] {
            let bad = MqttUser { password_hash: hash.into(), ..user("a", "s", None) };
            let error = Users::new(&settings(true, vec![bad])).unwrap_err();
            assert!(!error.to_string().contains(hash), "{error}");
        }
    }
}
