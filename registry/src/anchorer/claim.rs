//! Which log of statements a lake is anchored in: the newest file of `_origin/` in the lake holds its public key, with the
//! origin as name. Two logs may be given one origin by a setting, and never have one key.
//!
//! Several processes may reach one lake, each with a data directory of its own; two logs of statements about the same rows
//! would leave it open which one counts. A file is put only if it is absent, so of two that want the lake one gets it.
//! Within one data directory its lock keeps a second process out.

use std::sync::Arc;

use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode};

/// Folder of the claims, within the lake.
const FOLDER: &str = "_origin";

/// A lake cannot be asked which log it is anchored in, or does not say it.
#[derive(Debug, thiserror::Error)]
#[error("the lake does not say which log it is anchored in ({FOLDER}/)")]
pub struct ClaimError(#[from] object_store::Error);

/// The claims of a lake.
#[derive(Debug)]
pub(super) struct Claims(Arc<dyn ObjectStore>);

/// The claim in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    number: u64,
    /// Public key of the log, as text.
    pub(super) key: String,
}

impl Claims {
    /// `lake` is rooted at the lake.
    pub(super) fn of(lake: Arc<dyn ObjectStore>) -> Self {
        Self(lake)
    }

    /// The claim in force; `None` where no log was ever opened for the lake.
    pub(super) async fn newest(&self) -> Result<Option<Claim>, ClaimError> {
        let listed: Vec<_> = self.0.list(Some(&Path::from(FOLDER))).try_collect().await?;
        let Some(number) = listed.iter().filter_map(|file| file.location.filename()?.parse().ok()).max() else {
            return Ok(None);
        };
        let text = self.0.get(&path(number)).await?.bytes().await?;
        Ok(Some(Claim { number, key: String::from_utf8_lossy(&text).trim_end().to_owned() }))
    }

    /// Claims the lake for a log, in place of `former`; the claim that is in force then, which may be another's.
    pub(super) async fn take(&self, key: &str, former: Option<&Claim>) -> Result<Option<Claim>, ClaimError> {
        let number = former.map_or(0, |former| former.number) + 1;
        match self.0.put_opts(&path(number), format!("{key}\n").into(), PutMode::Create.into()).await {
            // Ours already, of a put whose answer was lost, or another's: the newest one tells.
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => self.newest().await,
            Err(error) => Err(error.into()),
        }
    }
}

fn path(number: u64) -> Path {
    Path::from(format!("{FOLDER}/{number:010}"))
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn of_two_that_want_a_lake_one_gets_it_and_a_later_claim_replaces_it() {
        let claims = Claims::of(Arc::new(InMemory::new()));
        assert_eq!(claims.newest().await.unwrap(), None);
        let first = claims.take("one.example", None).await.unwrap().unwrap();
        assert_eq!(first.key, "one.example");
        assert_eq!(claims.take("two.example", None).await.unwrap().as_ref(), Some(&first), "too late");
        let second = claims.take("two.example", Some(&first)).await.unwrap().unwrap();
        assert_eq!(claims.newest().await.unwrap(), Some(second));
    }
}
