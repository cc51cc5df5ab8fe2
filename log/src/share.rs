//! Which partitions a process is to work on: all of them, or its share of a group's.

use std::sync::Arc;

use tokio::sync::watch;

use crate::kafka::Member;

/// The partitions of one process, as they change.
#[derive(Debug)]
pub struct Share {
    held: watch::Receiver<Arc<[i32]>>,
    member: Option<Member>,
}

impl Share {
    /// All partitions, for good.
    pub fn whole(partitions: i32) -> Self {
        let all: Arc<[i32]> = (0..partitions).collect();
        Self { held: watch::Sender::new(all).subscribe(), member: None }
    }

    pub(crate) fn of_group(held: watch::Receiver<Arc<[i32]>>, member: Member) -> Self {
        Self { held, member: Some(member) }
    }

    /// The partitions now; [`Share::changed`] waits for others.
    pub fn take(&mut self) -> Arc<[i32]> {
        Arc::clone(&self.held.borrow_and_update())
    }

    /// Returns when the share is another one than was taken last; never if it is all of a log.
    pub async fn changed(&mut self) {
        if self.held.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// Why there is no share, if the log has said so.
    pub fn trouble(&self) -> Option<Arc<str>> {
        self.member.as_ref().and_then(Member::trouble)
    }

    /// Publishes how far partitions have landed, for tools that show lag.
    pub fn tell(&self, progress: &[(i32, i64)]) {
        if let Some(member) = &self.member {
            member.tell(progress);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_process_alone_has_all_partitions_for_good() {
        let mut share = Share::whole(3);
        assert_eq!(share.take()[..], [0, 1, 2]);
        share.tell(&[(0, 7)]);
        assert!(tokio::time::timeout(Duration::from_millis(20), share.changed()).await.is_err());
    }
}
