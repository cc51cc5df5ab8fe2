//! A front on a free port with an embedded log in a temporary directory, and a look into that log.

use std::net::SocketAddr;
use std::time::Duration;

use tacho_ingest::{MqttFront, MqttSettings, MqttUser, Outlet, SourceError};
use tacho_log::{EmbeddedLog, EmbeddedSettings, Faults, ReadItem};
use tacho_schemas::RawRecord;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A well-formed robot ID.
pub(crate) const ROBOT: &str = "CNAB12HX00010000000000000042A";
/// Another one.
pub(crate) const OTHER: &str = "DEAB12HX00010000000000000042B";
/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The telemetry topic of a robot.
pub(crate) fn telemetry(robot: &str) -> String {
    format!("robots/{robot}/telemetry")
}

/// A running front.
pub(crate) struct Plant {
    pub(crate) addr: SocketAddr,
    pub(crate) log: EmbeddedLog,
    pub(crate) faults: Faults,
    stop: CancellationToken,
    running: JoinHandle<Result<(), SourceError>>,
    _dir: TempDir,
}

impl Plant {
    /// Starts one that lets everybody in.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts one with other settings.
    pub(crate) async fn with(change: impl FnOnce(&mut MqttSettings)) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let faults = Faults::armed();
        let log_settings = EmbeddedSettings { faults: faults.clone(), ..EmbeddedSettings::default() };
        let log = EmbeddedLog::open(dir.path(), log_settings).expect("a new log");
        let mut settings =
            MqttSettings { listen: SocketAddr::from(([127, 0, 0, 1], 0)), anonymous: true, ..MqttSettings::default() };
        change(&mut settings);
        let front = MqttFront::bind(settings, Outlet::new(log.appender())).await.expect("a free port");
        let addr = front.local_addr();
        let stop = CancellationToken::new();
        let running = tokio::spawn(front.run(stop.clone()));
        Self { addr, log, faults, stop, running, _dir: dir }
    }

    /// The first records of the log, at least so many, by partition and offset.
    pub(crate) async fn records(&self, at_least: usize) -> Vec<RawRecord> {
        let starts: Vec<_> = (0..8).map(|partition| (partition, 0)).collect();
        let mut reader = self.log.reader(&starts).expect("the log begins at 0");
        let mut records = Vec::new();
        let reading = async {
            while records.len() < at_least {
                for item in reader.next(1 << 20).await.expect("a readable log") {
                    match item {
                        ReadItem::Records(batch) => records.extend(batch.records),
                        ReadItem::Lost(range) => unreachable!("{range:?} is lost"),
                    }
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, reading).await;
        assert!(found.is_ok(), "{} of {at_least} records in the log", records.len());
        records
    }

    /// How many records the log has now.
    pub(crate) fn record_count(&self) -> i64 {
        self.log.next_offsets().iter().sum()
    }

    /// Tells the front to stop.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Stops the front and waits for its end.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.running).await;
        ended.expect("an end in time").expect("no panic").expect("no error");
        self.log.close().await;
    }
}

/// A user with a cheap hash of their password.
pub(crate) fn user(name: &str, password: &str, robots: Option<&[&str]>) -> MqttUser {
    use argon2::PasswordHasher as _;
    let params = argon2::Params::new(64, 1, 1, None).expect("small parameters");
    let argon2 = argon2::Argon2::new(argon2::Algorithm::default(), argon2::Version::default(), params);
    MqttUser {
        name: name.into(),
        password_hash: argon2.hash_password(password.as_bytes()).expect("a hash").to_string(),
        robots: robots.map(|ids| ids.iter().map(|id| id.parse().expect("a robot ID")).collect()),
    }
}
