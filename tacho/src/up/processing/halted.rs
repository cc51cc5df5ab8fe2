//! Partitions that stay where they are until a person has looked: the others go on without them.

use std::collections::BTreeMap;

use tracing::error;

use crate::up::board::Board;
use crate::up::named::named;

/// Their part's name on the board.
const PART: &str = "partitions";

/// Halted partitions of this process, each with the reason.
#[derive(Debug)]
pub(super) struct Halted {
    partitions: BTreeMap<i32, Halt>,
    board: Board,
}

#[derive(Debug)]
struct Halt {
    reason: String,
    /// Where it would go on.
    next: i64,
}

impl Halted {
    pub(super) fn new(board: &Board) -> Self {
        Self { partitions: BTreeMap::new(), board: board.clone() }
    }

    /// Halts a partition, which would go on at `next`.
    pub(super) fn add(&mut self, partition: i32, next: i64, reason: String) {
        error!(partition, error = reason, "a partition halts: its records stay in the log until a person has looked");
        self.partitions.insert(partition, Halt { reason, next });
        self.tell();
    }

    /// What of a share can be worked on. What is no longer of the share is another process' to try, and ours to try again.
    pub(super) fn leave_out(&mut self, share: &[i32]) -> Vec<i32> {
        self.partitions.retain(|partition, _| share.contains(partition));
        self.tell();
        share.iter().copied().filter(|partition| !self.partitions.contains_key(partition)).collect()
    }

    /// Their next offsets: they lag, too.
    pub(super) fn progress(&self) -> impl Iterator<Item = (i32, i64)> {
        self.partitions.iter().map(|(partition, halt)| (*partition, halt.next))
    }

    fn tell(&self) {
        if self.partitions.is_empty() {
            return self.board.works(PART);
        }
        let halts = self.partitions.iter().map(|(partition, halt)| format!("{partition} halts: {}", halt.reason));
        self.board.fails(PART, named(halts));
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
