//! Partitions that stay where they are until a person has looked: the others go on without them.

use std::collections::BTreeMap;

use tracing::error;

use crate::up::board::Board;

/// Their part's name on the board.
const PART: &str = "partitions";
/// Partitions whose reasons the board names.
const NAMED_MAX: usize = 4;

/// Halted partitions of this process, each with the reason.
#[derive(Debug)]
pub(super) struct Halted {
    reasons: BTreeMap<i32, String>,
    /// Where each would go on.
    next: BTreeMap<i32, i64>,
    board: Board,
}

impl Halted {
    pub(super) fn new(board: &Board) -> Self {
        Self { reasons: BTreeMap::new(), next: BTreeMap::new(), board: board.clone() }
    }

    /// Halts a partition, which would go on at `next`.
    pub(super) fn add(&mut self, partition: i32, next: i64, reason: String) {
        error!(partition, error = reason, "a partition halts: its records stay in the log until a person has looked");
        self.reasons.insert(partition, reason);
        self.next.insert(partition, next);
        self.tell();
    }

    /// What of a share can be worked on. What is no longer of the share is another process' to try, and ours to try again.
    pub(super) fn leave_out(&mut self, share: &[i32]) -> Vec<i32> {
        self.reasons.retain(|partition, _| share.contains(partition));
        self.next.retain(|partition, _| share.contains(partition));
        self.tell();
        share.iter().copied().filter(|partition| !self.reasons.contains_key(partition)).collect()
    }

    /// Their next offsets: they lag, too.
    pub(super) fn progress(&self) -> impl Iterator<Item = (i32, i64)> {
        self.next.iter().map(|(partition, next)| (*partition, *next))
    }

    fn tell(&self) {
        if self.reasons.is_empty() {
            return self.board.works(PART);
        }
        let named =
            self.reasons.iter().take(NAMED_MAX).map(|(partition, reason)| format!("{partition} halts: {reason}"));
        let mut text = named.collect::<Vec<_>>().join("; ");
        if let Some(more) = self.reasons.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
            text = format!("{text}; and {more} more");
        }
        self.board.fails(PART, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_others_go_on_and_the_board_says_which_do_not() {
        let board = Board::default();
        let mut halted = Halted::new(&board);
        halted.add(2, 7, "offset 7 is gone".to_owned());
        assert_eq!(halted.leave_out(&[1, 2, 3]), [1, 3]);
        assert_eq!(halted.progress().collect::<Vec<_>>(), [(2, 7)]);
        assert_eq!(board.readiness().text, "not ready\npartitions: 2 halts: offset 7 is gone\n");
        assert_eq!(halted.leave_out(&[1, 3]), [1, 3]);
        assert!(board.readiness().ready, "another process has it now");
        assert_eq!(halted.leave_out(&[1, 2, 3]), [1, 2, 3], "and it is tried again here");
    }
}
