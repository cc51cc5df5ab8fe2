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
use futures::future::OptionFuture;
use opcua::client::{Session, SessionConnectMode, SessionPollResult};
use opcua::types::{ByteString, EndpointDescription, StatusCode};
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
/// While the connection is lost, the server is asked for its endpoint so often: it may have a new certificate, and not
/// answer whoever encrypts for the one of before.
const ASKED_EVERY: Duration = Duration::from_secs(5);
/// Longest time for a goodbye.
const GOODBYE: Duration = Duration::from_secs(2);
const EVENTS: usize = 64;

/// The link to one server.
pub(super) struct Link {
    server: Arc<ServerSettings>,
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
        Self { server: Arc::new(server), trust, pump, told: None }
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
        let mut up = false;
        let mut other = OptionFuture::from(None);
        loop {
            let done = tokio::select! {
                () = stop.cancelled() => return Ok(Left::Stopped),
                event = told.recv() => match event {
                    Some(Event::Up { is_new }) => {
                        (up, other) = (true, None.into());
                        self.connected(is_new);
                        self.pump.up(session, is_new).await
                    }
                    Some(Event::Down(status)) => {
                        up = false;
                        self.pump.meters.connected(false);
                        self.tell(&format!("the connection is lost: {status}"));
                        self.pump.down();
                        let of_before = endpoint.server_certificate.clone();
                        other = Some(Box::pin(until_other(self.server.clone(), self.trust.clone(), of_before))).into();
                        Ok(())
                    }
                    Some(Event::Failed(status)) => {
                        let why = format!("cannot connect: {}", advice(status));
                        self.tell(&why);
                        if is_about_identity(status) {
                            // A locked account is not called every second. Meanwhile the password file may be another one.
                            sleep(PAUSE_MAX).await;
                            return Ok(Left::Anew(why));
                        }
                        Ok(())
                    }
                    Some(Event::Ended(status)) => return Ok(Left::Anew(format!("the session ended: {status}"))),
                    None => return Ok(Left::Anew("the session ended".to_owned())),
                },
                Some(why) = &mut other => return Ok(Left::Anew(why)),
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

/// Ends once the server has another certificate than before, or is not one to connect to any more, with the reason.
async fn until_other(server: Arc<ServerSettings>, trust: TrustStore, of_before: ByteString) -> String {
    loop {
        sleep(ASKED_EVERY).await;
        match connect::endpoint(&server, &trust).await {
            Ok(now) if now.server_certificate == of_before => {}
            Ok(_) => return "the server has another certificate".to_owned(),
            Err(ConnectError::Unreachable(_)) => {}
            Err(error) => return error.to_string(),
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
