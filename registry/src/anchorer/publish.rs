//! Puts a window into the log: lock, tiles, checkpoint, registry, in this order, each step repeatable.
//!
//! The lock file is replaced before anything is published, and a checkpoint is signed only for the tree that the
//! lock names, so there are never two roots for one size.

use tracing::{debug, warn};

use super::error::io_at;
use super::lock::{LodgedAnew, Unpublished};
use super::plan::Prepared;
use super::window::{Built, build, write_segments};
use super::{AnchorError, Anchored, Anchorer, Heads};
use crate::checkpoint::Checkpoint;
use crate::durable::{self, Access};
use crate::merkle::{TreeHead, leaf_hash, root};
use crate::statement::{Statement as _, WindowStatement};

/// The newest signed checkpoint, as every auditor reads it.
pub(crate) const CHECKPOINT: &str = "checkpoint";

impl Anchorer {
    /// Closes the window that was laid down.
    pub(super) async fn close(&mut self, prepared: &Prepared) -> Result<Anchored, AnchorError> {
        let mut heads = self.heads.clone();
        let built = build(&self.lake, &self.lock, &mut self.salts, (prepared, &self.schemas), &mut heads).await?;
        self.reach("gathered")?;
        self.verify_twice(&built, &heads)?;
        write_segments(&self.dir, &built.statement, &built.segments)?;
        heads.snapshot(&self.dir, prepared.win_no)?;
        self.reach("files")?;
        self.still_ours().await?;
        self.append(prepared, &built)?;
        self.heads = heads;
        self.reach("locked")?;
        self.finish_published()?;
        Ok(Anchored { win_no: prepared.win_no, rows: built.gathered.rows.0.iter().sum(), tree_size: self.lock.size })
    }

    /// Whether the lake is still to be anchored in this log.
    async fn still_ours(&self) -> Result<(), AnchorError> {
        let key = self.key.verifier().to_string();
        match self.claims.newest().await? {
            Some(claim) if claim.key != key => Err(AnchorError::claimed(&claim, &key)),
            _ => Ok(()),
        }
    }

    /// Computes the roots again from buffers of their own: one flipped bit before the signature could never be
    /// mended after it.
    fn verify_twice(&self, built: &Built, heads: &Heads) -> Result<(), AnchorError> {
        let again: Vec<_> = built.segments.iter().map(|segment| leaf_hash(&segment.encode())).collect();
        let statement = WindowStatement::decode(&built.statement.encode())?;
        let same = root(&again) == statement.segs_root
            && heads.recomputed_root() == statement.heads_root
            && statement == built.statement;
        if same { Ok(()) } else { Err(AnchorError::ReadBack { what: "roots", path: self.dir.clone() }) }
    }

    /// Appends the window's entries: from here on the window is in the log.
    fn append(&mut self, prepared: &Prepared, built: &Built) -> Result<(), AnchorError> {
        let entries = built.entries();
        let old = self.lock.head();
        let staged = self.tiles.stage(&old, &entries)?;
        let mut lock = self.lock.clone();
        (lock.size, lock.root) = (staged.head.size, staged.head.root);
        lock.next_win_no = prepared.win_no + 1;
        lock.last_window = Some(built.statement.leaf_hash());
        lock.heads_root = Some(built.statement.heads_root);
        lock.progress.clone_from(&prepared.ranges);
        lock.versions.clone_from(&prepared.versions);
        lock.totals = prepared.totals;
        lock.salts.clone_from(self.salts.synced());
        lock.unpublished = Some(Unpublished::new(&old, &entries));
        lock.write(&self.dir)?;
        self.lock = lock;
        Ok(())
    }

    /// Publishes what is locked and not published yet: after an append, and after a crash in the middle of it.
    pub(super) fn finish_published(&mut self) -> Result<(), AnchorError> {
        let Some(unpublished) = self.lock.unpublished.clone() else { return Ok(()) };
        let old = unpublished.old();
        let staged = self.tiles.stage(&old, &unpublished.entries(&self.dir)?)?;
        let head = self.lock.head();
        if staged.head != head {
            return Err(AnchorError::NotOfLock { size: head.size, found: staged.head.root, expected: head.root });
        }
        self.tiles.publish(&staged)?;
        self.tiles.edge(&head)?;
        self.reach("tiles")?;
        let note = self.checkpoint(head)?;
        let path = self.dir.join(CHECKPOINT);
        durable::replace(&path, &note, Access::Shared).map_err(io_at(&path))?;
        self.reach("checkpoint")?;
        self.submit(head, &note, old.size)?;
        self.reach("submitted")?;
        self.tiles.remove_superseded(old.size, head.size)?;
        let mut lock = self.lock.clone();
        lock.unpublished = None;
        lock.write(&self.dir)?;
        self.lock = lock;
        debug!(size = head.size, "published");
        Ok(())
    }

    /// The signed checkpoint of a tree of this log: the same for the same tree, however often it is signed.
    fn checkpoint(&self, head: TreeHead) -> Result<Vec<u8>, AnchorError> {
        let checkpoint = Checkpoint { origin: self.lock.origin.clone(), head };
        Ok(checkpoint.sign(&self.key)?.to_string().into_bytes())
    }

    /// Lodges a checkpoint with the registry, with the proof that it only adds to what the registry has, which is
    /// not less than the `accepted` entries before.
    fn submit(&self, head: TreeHead, note: &[u8], accepted: u64) -> Result<(), AnchorError> {
        let refused = |source| AnchorError::Registry { head, source };
        let known = self.registry.head(&self.lock.origin, self.key.verifier()).map_err(refused)?;
        let known = known.unwrap_or_else(TreeHead::empty);
        if known.size < accepted {
            let path = self.registry.checkpoint_path(&self.lock.origin);
            return Err(AnchorError::RegistryLost { path, accepted, known: known.size });
        }
        let proof = match known.size {
            size if size > 0 && size < head.size => self.tiles.consistency(&known, &head)?,
            _ => Vec::new(),
        };
        self.registry.submit(self.key.verifier(), note, &proof).map_err(refused)?;
        Ok(())
    }

    /// Gives a registry that has lost what it had accepted the log again, and notes that in the lock file.
    pub(super) fn lodge_anew(&mut self, known: u64) -> Result<(), AnchorError> {
        let head = self.lock.lodged();
        self.submit(head, &self.checkpoint(head)?, known)?;
        let at_us = chrono::Utc::now().timestamp_micros();
        self.lock.lodged_anew.push(LodgedAnew { at_us, accepted: head.size, known });
        self.lock.write(&self.dir)?;
        warn!(accepted = head.size, known, "the registry had lost what was lodged with it; it was given the log anew");
        Ok(())
    }
}
