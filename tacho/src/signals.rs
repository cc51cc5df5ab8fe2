//! SIGTERM and SIGINT: the first asks for a clean end, the second ends at once, with status 130.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// Exit status after a second signal.
const AT_ONCE: i32 = 130;

/// A token that the first signal cancels; a second one ends the process.
pub(crate) fn cancel_on_interrupt() -> CancellationToken {
    let token = CancellationToken::new();
    let cancel = token.clone();
    tokio::spawn(async move {
        let (mut terminate, mut interrupt) = match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
            (Err(error), _) | (_, Err(error)) => {
                error!(%error, "signals cannot be received: only SIGKILL will end this process");
                return;
            }
        };
        let mut asked = false;
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if asked {
                info!("second signal: ending at once");
                std::process::exit(AT_ONCE);
            }
            asked = true;
            cancel.cancel();
        }
    });
    token
}
