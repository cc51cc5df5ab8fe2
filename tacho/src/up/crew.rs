//! The crew: each role is a task of it. One that panics, or ends before it was told to, is told at once and turns the
//! instance unready; the instance then ends with an error, so that what started it starts it again.
//!
//! Ending has one deadline for all: whoever is waited for gets what is left of it.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::bail;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::board::Board;

/// The roles of an instance while they run.
#[derive(Debug, Clone)]
pub(super) struct Crew {
    board: Board,
    lost: Arc<Mutex<Vec<&'static str>>>,
    short: CancellationToken,
}

/// Tells when a role is gone, however it went.
struct Watch {
    crew: Crew,
    role: &'static str,
    told: CancellationToken,
}

impl Crew {
    /// Nobody yet; losses are written on the board.
    pub(super) fn new(board: Board) -> Self {
        Self { board, lost: Arc::default(), short: CancellationToken::new() }
    }

    /// Starts a role, which is to work until `told`.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        role: &'static str,
        told: &CancellationToken,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let watch = Watch { crew: self.clone(), role, told: told.clone() };
        tokio::spawn(async move {
            let _watch = watch;
            work.await
        })
    }

    /// Returns when a role is lost.
    pub(super) async fn falls_short(&self) {
        self.short.cancelled().await;
    }

    /// Whether all roles ended as they were told.
    ///
    /// # Errors
    /// Names those that did not.
    pub(super) fn is_whole(&self) -> anyhow::Result<()> {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        if lost.is_empty() {
            return Ok(());
        }
        bail!("{} ended without being told to; what it was doing stands in the log above", lost.join(", "));
    }

    fn lose(&self, role: &'static str, how: &'static str) {
        error!(role, "{how}; the instance ends, and what is acknowledged stays in the log");
        self.board.fails(role, how);
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).push(role);
        self.short.cancel();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.crew.lose(self.role, "a role has panicked");
        } else if !self.told.is_cancelled() {
            self.crew.lose(self.role, "a role has ended without being told to");
        }
    }
}

/// Waits for a role until the deadline; then it is cut off, with `helpers` that work for it. `None` if it did not end
/// by itself.
pub(super) async fn wait_until<T>(
    deadline: Instant,
    role: &'static str,
    task: JoinHandle<T>,
    helpers: &[AbortHandle],
) -> Option<T> {
    let cut = task.abort_handle();
    match timeout_at(deadline, task).await {
        // Whether it panicked was told by its watch.
        Ok(ended) => ended.ok(),
        Err(_elapsed) => {
            warn!(role, "not done in time; what is left stays in the log");
            helpers.iter().chain([&cut]).for_each(AbortHandle::abort);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_role_that_panics_turns_the_instance_unready_and_is_named() {
        let board = Board::default();
        let crew = Crew::new(board.clone());
        let told = CancellationToken::new();
        let steady = crew.spawn("steady", &told, told.clone().cancelled_owned());
        assert!(board.readiness().ready);
        let falling = crew.spawn("falling", &told, async { panic!("by the test") });
        crew.falls_short().await;
        let readiness = board.readiness();
        assert!(!readiness.ready && readiness.text.contains("falling: a role has panicked"), "{}", readiness.text);
        assert!(falling.await.is_err());
        told.cancel();
        steady.await.unwrap();
        let whole = crew.is_whole().unwrap_err().to_string();
        assert!(whole.contains("falling") && !whole.contains("steady"), "{whole}");
    }

    #[tokio::test]
    async fn a_role_that_ends_by_itself_is_missed_and_one_that_was_told_is_not() {
        let board = Board::default();
        let crew = Crew::new(board.clone());
        let told = CancellationToken::new();
        let obedient = crew.spawn("obedient", &told, told.clone().cancelled_owned());
        told.cancel();
        obedient.await.unwrap();
        assert!(crew.is_whole().is_ok() && board.readiness().ready);
        crew.spawn("early", &CancellationToken::new(), async {}).await.unwrap();
        assert!(crew.is_whole().is_err() && !board.readiness().ready);
    }

    #[tokio::test]
    async fn roles_that_never_end_share_one_deadline() {
        let crew = Crew::new(Board::default());
        let told = CancellationToken::new();
        let started = Instant::now();
        let deadline = started + Duration::from_millis(300);
        let helper = tokio::spawn(pending::<()>());
        let stuck = ["first", "second", "third"].map(|role| (role, crew.spawn(role, &told, pending::<()>())));
        told.cancel();
        for (role, task) in stuck {
            assert_eq!(wait_until(deadline, role, task, &[helper.abort_handle()]).await, None);
        }
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(300) && took < Duration::from_millis(800), "{took:?}");
        assert!(helper.await.unwrap_err().is_cancelled());
        assert!(crew.is_whole().is_ok(), "who was told may be cut off");
    }
}
