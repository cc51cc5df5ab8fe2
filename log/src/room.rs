//! A bound in bytes: whoever brings bytes waits, in the order of the calls, until there is room for them.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::AppendError;

/// Bytes that may be under way at a time.
#[derive(Debug)]
pub(crate) struct Room {
    permits: Arc<Semaphore>,
    bytes_max: usize,
}

impl Room {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(bytes_max)), bytes_max }
    }

    /// Waits until there is room for so many bytes; they are given back with the permit.
    ///
    /// # Errors
    /// [`AppendError::TooLarge`], [`AppendError::Closed`].
    pub(crate) async fn permit(&self, bytes: usize) -> Result<OwnedSemaphorePermit, AppendError> {
        let wanted = self.wanted(bytes)?;
        Arc::clone(&self.permits).acquire_many_owned(wanted).await.map_err(|_closed| AppendError::Closed)
    }

    /// Room for so many bytes, if it is there now.
    pub(crate) fn try_permit(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).try_acquire_many_owned(self.wanted(bytes).ok()?).ok()
    }

    /// Bytes that are under way.
    pub(crate) fn used(&self) -> usize {
        self.bytes_max.saturating_sub(self.permits.available_permits())
    }

    /// Refuses everything from now on.
    pub(crate) fn close(&self) {
        self.permits.close();
    }

    fn wanted(&self, bytes: usize) -> Result<u32, AppendError> {
        let limit = self.bytes_max;
        let wanted = u32::try_from(bytes).ok().filter(|_| bytes <= limit);
        wanted.ok_or(AppendError::TooLarge { bytes, limit })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn bytes_are_bounded_and_a_closed_room_takes_nothing() {
        let room = Room::new(100);
        assert_eq!(room.permit(101).await.unwrap_err(), AppendError::TooLarge { bytes: 101, limit: 100 });
        let held = room.permit(80).await.unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(20), room.permit(30)).await.is_err());
        assert!(room.try_permit(30).is_none() && room.used() == 80);
        drop(held);
        assert!(room.try_permit(30).is_some());
        room.close();
        assert_eq!(room.permit(1).await.unwrap_err(), AppendError::Closed);
    }
}
