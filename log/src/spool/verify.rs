//! After a start without Kafka: waits until it is there, and makes sure that it is the one that the spool is for.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tracing::{debug, error, info};

use super::Shared;
use crate::kafka::Checker;

/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks until Kafka is seen or the spool ends.
pub(crate) async fn run(shared: Arc<Shared>, kafka: Checker) {
    let mut ending = shared.ending.subscribe();
    while !*ending.borrow() {
        let checked = tokio::select! {
            checked = kafka.check() => checked,
            _ended = ending.changed() => return,
        };
        match checked {
            Ok(()) => {
                info!("kafka is seen: what was spooled is drained");
                shared.is_verified.store(true, Ordering::Release);
                return;
            }
            Err(error) if error.is_away() => debug!(%error, "kafka is away"),
            Err(error) => {
                error!(%error, "this is not the log that the spool is for, or not as it must be");
                return kafka.end(&error);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ended = ending.changed() => return,
        }
    }
}
