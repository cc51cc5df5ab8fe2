//! The link to one server: connects, stays connected, and has the pump fetch what the server reports.
//!
//! One task a server: whatever one of them does, no other waits for it.

pub(super) mod connect;
mod dial;
mod discovery;
mod items;
mod meters;
mod pump;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use opcua::client::{Session, SessionConnectMode, SessionPollResult};
use opcua::types::{EndpointDescription, StatusCode};
use rand::RngExt as _;
use tacho_config::settings::opcua::ServerSettings;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::journal::{Heard, JournalError, JournalWriter};
use super::trust::TrustStore;
use connect::{ConnectError, Door};
pub(super) use discovery::Claims;
use pump::{Pump, PumpError};

const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(500);
/// After so many attempts to reconnect, the server's endpoint is asked for again: it may have a new certificate.
const ATTEMPTS: u32 = 4;
/// Longest time for a goodbye.
const GOODBYE: Duration = Duration::from_secs(2);
const EVENTS: usize = 64;

/// The link to one server.
pub(super) struct Link {
    server: ServerSettings,
    trust: TrustStore,
    pump: Pump,
    told: Option<String>,
}

/// What the journal says of a server that a run before knew.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// How far it was heard.
    pub(super) heard: Option<Heard>,
    /// Its robots, in the order in which their signals were numbered.
    pub(super) robots: Vec<String>,
}

/// What the session's event loop tells.
enum Event {
    Up { is_new: bool },
    Down(StatusCode),
    Failed(StatusCode),
    Ended(StatusCode),
}

/// Why a session is left.
enum Left {
    Stopped,
    /// The server has to be asked for its endpoints again.
    Anew(String),
}

impl Link {
    pub(super) fn new(
        server: ServerSettings,
        trust: TrustStore,
        writer: JournalWriter,
        before: Before,
        claims: Claims,
    ) -> Self {
        let pump = Pump::new(&server, writer, before, claims);
        Self { server, trust, pump, told: None }
    }

    /// Runs until `stop`, or until the journal takes nothing any more.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Result<(), JournalError> {
        let mut pause = PAUSE_MIN;
        loop {
            let door = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                door = connect::connect(&self.server, &self.trust) => door,
            };
            match door {
                Ok(door) => match Box::pin(self.through(door, &stop)).await? {
                    Left::Stopped => return Ok(()),
                    Left::Anew(why) => {
                        self.tell(&why);
                        pause = PAUSE_MIN;
                    }
                },
                Err(error) => self.tell_error(&error),
            }
            self.pump.meters.connected(false);
            // Servers that were lost together are not called together.
            let jitter = rand::rng().random_range(0.5..1.0);
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = sleep(pause.mul_f64(jitter)) => pause = (pause * 2).min(PAUSE_MAX),
            }
        }
    }

    /// Lives with one session, over as many connections as it lasts.
    async fn through(&mut self, door: Door, stop: &CancellationToken) -> Result<Left, JournalError> {
        let Door { session, event_loop, endpoint } = door;
        let (events, mut told) = mpsc::channel(EVENTS);
        let running: JoinHandle<()> = tokio::spawn(async move {
            let stream = event_loop.enter();
            tokio::pin!(stream);
            while let Some(event) = stream.next().await {
                let event = match event {
                    Ok(SessionPollResult::Reconnected(mode)) => {
                        Event::Up { is_new: matches!(mode, SessionConnectMode::NewSession(_)) }
                    }
                    Ok(SessionPollResult::ConnectionLost(status)) => Event::Down(status),
                    Ok(SessionPollResult::ReconnectFailed(status)) => Event::Failed(status),
                    Err(status) => Event::Ended(status),
                    Ok(_) => continue,
                };
                if events.send(event).await.is_err() {
                    return;
                }
            }
        });
        let left = self.live(&session, &endpoint, &mut told, stop).await;
        self.pump.down();
        // What the server has kept is fetched by the next start: the subscription stays.
        if timeout(GOODBYE, session.disconnect_without_delete_subscriptions()).await.is_err() {
            info!(server = self.server.name, "does not answer a goodbye");
        }
        running.abort();
        left
    }

    async fn live(
        &mut self,
        session: &Arc<Session>,
        endpoint: &EndpointDescription,
        told: &mut mpsc::Receiver<Event>,
        stop: &CancellationToken,
    ) -> Result<Left, JournalError> {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut up, mut failed) = (false, 0);
        loop {
            let done = tokio::select! {
                () = stop.cancelled() => return Ok(Left::Stopped),
                event = told.recv() => match event {
                    Some(Event::Up { is_new }) => {
                        (up, failed) = (true, 0);
                        self.connected(is_new);
                        self.pump.up(session, is_new).await
                    }
                    Some(Event::Down(status)) => {
                        up = false;
                        self.pump.meters.connected(false);
                        self.tell(&format!("the connection is lost: {status}"));
                        self.pump.down();
                        Ok(())
                    }
                    Some(Event::Failed(status)) => {
                        failed += 1;
                        self.tell(&format!("cannot connect: {}", advice(status)));
                        match self.is_other(endpoint, status, failed).await {
                            Some(why) => return Ok(Left::Anew(why)),
                            None => Ok(()),
                        }
                    }
                    Some(Event::Ended(status)) => return Ok(Left::Anew(format!("the session ended: {status}"))),
                    None => return Ok(Left::Anew("the session ended".to_owned())),
                },
                Some(answer) = self.pump.answers().next(), if up => self.pump.answered(session, answer).await,
                _ = ticks.tick(), if up => self.pump.tick(session).await,
            };
            match done {
                Ok(()) => {}
                Err(PumpError::Journal(error)) => return Err(error),
                Err(error @ PumpError::Server { .. }) => {
                    self.tell(&error.to_string());
                    sleep(PAUSE_MIN).await;
                }
            }
        }
    }

    /// Whether the server is to be asked anew: its certificate may be another one, or the password file.
    async fn is_other(&mut self, endpoint: &EndpointDescription, status: StatusCode, failed: u32) -> Option<String> {
        if is_about_identity(status) {
            // A locked account is not called every second.
            sleep(PAUSE_MAX).await;
            return Some(format!("cannot connect: {}", advice(status)));
        }
        if !failed.is_multiple_of(ATTEMPTS) {
            return None;
        }
        match connect::endpoint(&self.server, &self.trust).await {
            Ok(now) if now.server_certificate == endpoint.server_certificate => None,
            Ok(_) => Some("the server has another certificate".to_owned()),
            Err(ConnectError::Unreachable(_)) => None,
            Err(error) => Some(error.to_string()),
        }
    }

    fn connected(&mut self, is_new: bool) {
        self.told = None;
        self.pump.meters.connected(true);
        info!(server = self.server.name, url = self.server.url, is_new, "connected");
    }

    /// Tells what is new, once.
    fn tell(&mut self, what: &str) {
        if self.told.as_deref() != Some(what) {
            warn!(server = self.server.name, url = self.server.url, "{what}");
            self.told = Some(what.to_owned());
        }
    }

    fn tell_error(&mut self, error: &ConnectError) {
        let what = error.to_string();
        match error {
            ConnectError::Unreachable(_) => self.tell(&what),
            _ if self.told.as_deref() == Some(&what) => {}
            // A person is needed.
            _ => {
                error!(server = self.server.name, url = self.server.url, "{what}");
                self.told = Some(what);
            }
        }
    }
}

fn is_about_identity(status: StatusCode) -> bool {
    [
        StatusCode::BadUserAccessDenied,
        StatusCode::BadIdentityTokenRejected,
        StatusCode::BadIdentityTokenInvalid,
        StatusCode::BadIdentityChangeNotSupported,
    ]
    .contains(&status)
}

/// A status, and what a person may do about it.
pub(super) fn advice(status: StatusCode) -> String {
    let hint = match status {
        StatusCode::BadUserAccessDenied
        | StatusCode::BadIdentityTokenRejected
        | StatusCode::BadIdentityTokenInvalid => "the server refuses the user or the password",
        StatusCode::BadCertificateUntrusted
        | StatusCode::BadSecurityChecksFailed
        | StatusCode::BadCertificateInvalid => "the server does not trust our certificate: have it trusted there",
        _ => return status.to_string(),
    };
    format!("{status}: {hint}")
}
