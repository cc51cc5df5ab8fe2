//! A counter that never falls, made of one that may: controllers are swapped, and PLCs say 0 while they start.

use serde::{Deserialize, Serialize};

/// A cumulative counter over the robot's life.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Counter {
    /// What it stands at.
    pub(super) total: f64,
    /// Total less what the source says.
    base: f64,
    /// What the source said when it began to say less than before, and the number of window ends since.
    low: Option<(f64, u32)>,
}

impl Counter {
    /// Beginning at a value.
    pub(super) fn starting_at(total: f64) -> Self {
        Self { total, ..Self::default() }
    }

    /// The source says this.
    pub(super) fn says(&mut self, value: f64) {
        if value + self.base >= self.total {
            self.total = value + self.base;
            self.low = None;
        } else if self.low.is_none() {
            self.low = Some((value, 0));
        } else if let Some((start, ends)) = self.low.filter(|(start, _)| value < *start) {
            // Still falling: count on from the lowest.
            self.low = Some((start.min(value), ends));
        }
    }

    /// It was counted here.
    pub(super) fn adds(&mut self, amount: f64) {
        self.total += amount;
    }

    /// A window ends. A source that has said less for a whole window counts anew: it is counted on from the total.
    ///
    /// Gives whether that is so.
    pub(super) fn window_ends(&mut self) -> bool {
        match &mut self.low {
            Some((_, ends)) if *ends == 0 => {
                *ends = 1;
                false
            }
            Some((start, _)) => {
                self.base = self.total - *start;
                self.low = None;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controller_that_says_0_while_it_starts_changes_nothing() {
        let mut counter = Counter::default();
        for value in [1204.0, 0.0, 1204.0, 1204.5] {
            counter.says(value);
        }
        assert_eq!(counter.total, 1204.5);
        assert!(!counter.window_ends());
    }

    #[test]
    fn a_swapped_controller_is_counted_on_from_the_total_and_never_falls() {
        let mut counter = Counter::default();
        counter.says(1204.0);
        counter.says(3.0);
        assert!(!counter.window_ends());
        counter.says(3.5);
        assert_eq!(counter.total, 1204.0);
        assert!(counter.window_ends());
        counter.says(4.5);
        assert_eq!(counter.total, 1205.5);
    }
}
