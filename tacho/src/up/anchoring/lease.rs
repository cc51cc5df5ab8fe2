//! Who anchors a lake, where several processes could: the newest file of `_anchor/` in the lake says it.
//!
//! A file is put only if it is absent, so of two that want the next number one loses. Whoever holds the lease renews it by
//! the next number; one that is not renewed for [`EXPIRES`], by the clock of who waits, is free.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode};
use uuid::Uuid;

/// Folder of the lease, within the lake.
const FOLDER: &str = "_anchor";
/// Between two renewals.
const RENEWS: Duration = Duration::from_secs(5);
/// A lease that was not renewed for so long is free.
const EXPIRES: Duration = Duration::from_secs(20);
/// Older files that are kept for people to look at.
const KEEPS: u64 = 4;

/// The lease, from the side of one process.
#[derive(Debug)]
pub(super) struct Lease {
    store: Arc<dyn ObjectStore>,
    holder: String,
    /// What was seen last, and since when it has been so.
    seen: Option<(u64, Instant)>,
    /// When this process has renewed it, if it holds it.
    renewed: Option<Instant>,
}

impl Lease {
    pub(super) fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, holder: format!("{}\n", Uuid::new_v4()), seen: None, renewed: None }
    }

    /// Takes or renews the lease; whether this process may anchor now.
    pub(super) async fn hold(&mut self) -> anyhow::Result<bool> {
        let now = Instant::now();
        if self.renewed.is_some_and(|renewed| now - renewed < RENEWS) {
            return Ok(true);
        }
        let newest = self.newest().await.context("lease of the anchors")?;
        if self.seen.map(|(number, _)| number) != Some(newest) {
            let was_ours = self.renewed.is_some() && self.seen.is_some();
            self.seen = Some((newest, now));
            // Somebody else has gone on from there.
            if was_ours {
                self.renewed = None;
            }
        }
        let waited = self.seen.is_some_and(|(_, since)| now - since >= EXPIRES);
        if self.renewed.is_none() && !waited && newest > 0 {
            return Ok(false);
        }
        self.take(newest + 1, now).await.context("lease of the anchors")
    }

    /// Number of the newest file; 0 if there is none.
    async fn newest(&self) -> Result<u64, object_store::Error> {
        let listed: Vec<_> = self.store.list(Some(&Path::from(FOLDER))).try_collect().await?;
        let numbers = listed.iter().filter_map(|file| file.location.filename()?.parse().ok());
        Ok(numbers.max().unwrap_or(0))
    }

    async fn take(&mut self, number: u64, now: Instant) -> Result<bool, object_store::Error> {
        let put = self.store.put_opts(&path(number), self.holder.clone().into(), PutMode::Create.into()).await;
        let ours = match put {
            Ok(_) => true,
            // Ours, of a put whose answer was lost, or another's.
            Err(object_store::Error::AlreadyExists { .. }) => {
                self.store.get(&path(number)).await?.bytes().await? == self.holder.as_bytes()
            }
            Err(error) => return Err(error),
        };
        // A process that was paused may have taken a number that others are far beyond, and have cleared away.
        let ours = ours && self.newest().await? == number;
        self.seen = Some((number, now));
        self.renewed = ours.then_some(now);
        if ours && let Some(old) = number.checked_sub(KEEPS).filter(|old| *old > 0) {
            // What is left over is small, and goes with the next one's.
            self.store.delete(&path(old)).await.unwrap_or_default();
        }
        Ok(ours)
    }
}

fn path(number: u64) -> Path {
    Path::from(format!("{FOLDER}/{number:020}"))
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    fn expire(lease: &mut Lease) {
        let (number, _) = lease.seen.unwrap();
        lease.seen = Some((number, Instant::now().checked_sub(EXPIRES).unwrap()));
    }

    #[tokio::test]
    async fn one_of_two_anchors_and_the_other_takes_over_when_it_is_silent() {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let (mut first, mut second) = (Lease::new(Arc::clone(&store)), Lease::new(Arc::clone(&store)));
        assert!(first.hold().await.unwrap());
        assert!(!second.hold().await.unwrap());
        first.renewed = Instant::now().checked_sub(RENEWS);
        assert!(first.hold().await.unwrap(), "renewed");
        expire(&mut second);
        assert!(!second.hold().await.unwrap(), "it was renewed meanwhile");
        expire(&mut second);
        assert!(second.hold().await.unwrap(), "the first is silent");
        first.renewed = Instant::now().checked_sub(RENEWS);
        assert!(!first.hold().await.unwrap(), "a zombie finds that it has lost");
    }
}
