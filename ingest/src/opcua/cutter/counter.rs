//! A counter that never falls, made of one that may: controllers are swapped, and PLCs say 0 while they start.

use serde::{Deserialize, Serialize};

/// A counter that came back may have counted so much of what it had before it fell; one that counts anew has no bound.
const GROWN_MAX: f64 = 0.01;
/// A fall from no more than this is not told from a counter that begins anew: its next step leads there as well.
const SMALL: f64 = 1.0;

/// A cumulative counter over the robot's life.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Counter {
    /// What it stands at.
    pub(super) total: f64,
    /// Total less what the source says.
    base: f64,
    /// What the source said when it began to say less than before, and the number of window ends since.
    low: Option<(f64, u32)>,
    /// What the source said last.
    #[serde(default)]
    said: Option<f64>,
    /// What it was before it was counted anew.
    #[serde(default)]
    former: Option<Former>,
}

/// A counter before it fell.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Former {
    /// What the source said before it fell, and where it began anew.
    said: f64,
    start: f64,
    base: f64,
}

impl Counter {
    /// Beginning at a value.
    pub(super) fn starting_at(total: f64) -> Self {
        Self { total, ..Self::default() }
    }

    /// The source says this. Gives whether it is back where it was before it was counted anew.
    pub(super) fn says(&mut self, value: f64) -> bool {
        let before = self.said.replace(value);
        let back = self.former.filter(|former| former.is_back(before, value));
        if let Some(former) = back {
            (self.base, self.former, self.low) = (former.base, None, None);
            self.total = self.total.max(value + former.base);
        } else if value + self.base >= self.total {
            self.total = value + self.base;
            self.low = None;
        } else if self.low.is_none() {
            self.low = Some((value, 0));
        } else if let Some((start, ends)) = self.low.filter(|(start, _)| value < *start) {
            // Still falling: count on from the lowest.
            self.low = Some((start.min(value), ends));
        }
        self.former = self.former.filter(|former| former.may_come_back(value));
        back.is_some()
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
                let (start, said) = (*start, self.total - self.base);
                self.former =
                    Some(Former { said, start, base: self.base }).filter(|former| said - former.start > SMALL);
                self.base = self.total - start;
                self.low = None;
                true
            }
            None => false,
        }
    }
}

impl Former {
    /// Whether it is the former counter that speaks: it had hardly counted, and now says at least what it said then.
    fn is_back(&self, before: Option<f64>, value: f64) -> bool {
        value >= self.said && before.is_none_or(|before| self.may_come_back(before))
    }

    fn may_come_back(&self, value: f64) -> bool {
        value - self.start <= (self.said - self.start) * GROWN_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after_windows_of(values: &[f64]) -> Counter {
        let mut counter = Counter::default();
        for value in values {
            counter.says(*value);
            counter.window_ends();
        }
        counter
    }

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
    fn a_controller_that_says_0_for_minutes_and_then_its_old_value_is_not_counted_twice() {
        let mut counter = after_windows_of(&[1204.0, 0.0, 0.0, 0.0, 0.5]);
        assert_eq!(counter.total, 1204.5);
        assert!(counter.says(1205.0), "it is back");
        assert_eq!(counter.total, 1205.0);
        assert!(!counter.says(1206.0));
        assert_eq!(counter.total, 1206.0);
    }

    #[test]
    fn a_new_counter_that_grows_beyond_the_old_one_is_a_new_one() {
        let counter = after_windows_of(&[100.0, 0.0, 0.0, 30.0, 60.0, 90.0, 120.0]);
        assert_eq!(counter.total, 220.0);
    }

    #[test]
    fn a_first_event_after_a_swap_is_no_return_of_the_old_count() {
        let counter = after_windows_of(&[1.0, 0.0, 0.0, 1.0]);
        assert_eq!(counter.total, 2.0);
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
