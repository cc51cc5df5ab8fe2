//! What waits for subscribers, of all connections together: bounded in bytes, so that many slow subscribers do not
//! take together what each may take alone.
//!
//! Beyond the bound the one for whom most waits gives way: its connection ends, and its client may come back.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// All outboxes.
#[derive(Debug)]
pub(crate) struct Outboxes {
    bytes_max: usize,
    bytes: AtomicUsize,
    numbers: AtomicU64,
    open: Mutex<HashMap<u64, Arc<Account>>>,
}

/// What one subscriber holds.
#[derive(Debug)]
struct Account {
    held: Mutex<Held>,
    kick: CancellationToken,
}

#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    /// It gave way: its bytes count no more.
    evicted: bool,
}

/// One subscriber's share of the bytes; goes back when it is dropped.
#[derive(Debug)]
pub(crate) struct Outbox {
    number: u64,
    account: Arc<Account>,
    all: Arc<Outboxes>,
    told: usize,
}

impl Outboxes {
    /// No outbox yet.
    pub(crate) fn new(bytes_max: usize) -> Arc<Self> {
        let (bytes, numbers) = (AtomicUsize::new(0), AtomicU64::new(0));
        Arc::new(Self { bytes_max, bytes, numbers, open: Mutex::default() })
    }

    /// Opens an outbox; `kick` is cancelled when it has to give way.
    pub(crate) fn open(self: &Arc<Self>, kick: &CancellationToken) -> Outbox {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let account = Arc::new(Account { held: Mutex::default(), kick: kick.clone() });
        locked(&self.open).insert(number, Arc::clone(&account));
        Outbox { number, account, all: Arc::clone(self), told: 0 }
    }

    /// Lets the largest give way until the rest is within the bound.
    fn make_room(&self) {
        let open = locked(&self.open);
        while self.bytes.load(Ordering::Acquire) > self.bytes_max {
            let holding = open.values().filter(|account| !locked(&account.held).evicted);
            let Some(largest) = holding.max_by_key(|account| locked(&account.held).bytes) else {
                return;
            };
            let mut held = locked(&largest.held);
            held.evicted = true;
            self.bytes.fetch_sub(held.bytes, Ordering::AcqRel);
            drop(held);
            largest.kick.cancel();
        }
    }
}

impl Outbox {
    /// Says how many bytes wait for the subscriber now.
    pub(crate) fn hold(&mut self, bytes: usize) {
        if bytes == self.told {
            return;
        }
        self.told = bytes;
        let mut held = locked(&self.account.held);
        if held.evicted {
            return;
        }
        let before = std::mem::replace(&mut held.bytes, bytes);
        let all = match bytes.checked_sub(before) {
            Some(more) => self.all.bytes.fetch_add(more, Ordering::AcqRel) + more,
            None => self.all.bytes.fetch_sub(before - bytes, Ordering::AcqRel) - (before - bytes),
        };
        drop(held);
        if all > self.all.bytes_max {
            self.all.make_room();
        }
    }

    /// Whether it had to give way.
    pub(crate) fn is_evicted(&self) -> bool {
        locked(&self.account.held).evicted
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.hold(0);
        locked(&self.all.open).remove(&self.number);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_bound_the_largest_gives_way_and_only_it() {
        let all = Outboxes::new(100);
        let kicks = [0, 1, 2].map(|_| CancellationToken::new());
        let mut outboxes = kicks.each_ref().map(|kick| all.open(kick));
        outboxes[0].hold(30);
        outboxes[1].hold(50);
        outboxes[2].hold(20);
        assert!(kicks.iter().all(|kick| !kick.is_cancelled()), "100 of 100 bytes");
        outboxes[2].hold(21);
        assert_eq!(kicks.each_ref().map(CancellationToken::is_cancelled), [false, true, false]);
        assert!(outboxes[1].is_evicted());
        outboxes[0].hold(79);
        outboxes[1].hold(60);
        assert!(!kicks[0].is_cancelled() && !kicks[2].is_cancelled(), "its bytes count no more");
        outboxes[2].hold(0);
        outboxes[0].hold(100);
        assert!(!kicks[0].is_cancelled());
    }

    #[test]
    fn what_is_closed_makes_room_and_one_alone_may_have_no_more_than_all() {
        let all = Outboxes::new(100);
        let mut gone = all.open(&CancellationToken::new());
        gone.hold(90);
        drop(gone);
        let kick = CancellationToken::new();
        let mut outbox = all.open(&kick);
        outbox.hold(100);
        assert!(!kick.is_cancelled());
        outbox.hold(101);
        assert!(kick.is_cancelled());
        drop(outbox);
        assert_eq!(all.bytes.load(Ordering::Acquire), 0);
        assert!(locked(&all.open).is_empty());
    }
}
