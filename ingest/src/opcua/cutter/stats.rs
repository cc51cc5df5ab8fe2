//! Statistics of one signal within one window.
//!
//! A server reports changes, so a value holds until the next one: means and root mean squares weigh each value by how
//! long it held. Where nothing held yet (a first value), they are those of the values themselves.

/// Statistics of one signal within one window.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stats {
    samples: u64,
    sum: f64,
    sum_of_squares: f64,
    held_s: f64,
    held_sum: f64,
    held_sum_of_squares: f64,
    min: f64,
    max: f64,
    first: f64,
    last: f64,
    /// Until when the last value is weighed, and how far its source's clock is ahead of ours at least, in microseconds.
    until_us: i64,
    ahead_us: Option<i64>,
}

impl Stats {
    /// A value held for some seconds of the window.
    pub(super) fn held(&mut self, value: f64, seconds: f64) {
        if seconds <= 0.0 {
            return;
        }
        self.spans(value);
        self.held_s += seconds;
        self.held_sum += value * seconds;
        self.held_sum_of_squares += value * value * seconds;
    }

    /// The last value held until a time of receipt, within a window so long.
    pub(super) fn held_until(&mut self, received_us: i64, window_us: i64) {
        let until_us = received_us.saturating_add(self.ahead_us.unwrap_or(0));
        let held_us = until_us.saturating_sub(self.until_us).clamp(0, window_us);
        self.until_us = self.until_us.saturating_add(held_us);
        self.held(self.last, seconds(held_us));
    }

    /// A value came, that its source had at a time.
    pub(super) fn came(&mut self, value: f64, at_us: i64, received_us: i64) {
        self.until_us = at_us;
        // What is under way the shortest tells the most.
        let ahead_us = at_us.saturating_sub(received_us);
        self.ahead_us = Some(self.ahead_us.map_or(ahead_us, |known| known.max(ahead_us)));
        self.spans(value);
        if self.samples == 0 {
            self.first = value;
        }
        self.last = value;
        self.samples += 1;
        self.sum += value;
        self.sum_of_squares += value * value;
    }

    fn spans(&mut self, value: f64) {
        let fresh = self.samples == 0 && self.held_s == 0.0;
        self.min = if fresh { value } else { self.min.min(value) };
        self.max = if fresh { value } else { self.max.max(value) };
    }

    /// Whether a value came in this window.
    pub(super) fn has_samples(&self) -> bool {
        self.samples > 0
    }

    pub(super) fn mean(&self) -> f64 {
        if self.held_s > 0.0 { self.held_sum / self.held_s } else { self.sum / self.count() }
    }

    pub(super) fn rms(&self) -> f64 {
        let mean_of_squares =
            if self.held_s > 0.0 { self.held_sum_of_squares / self.held_s } else { self.sum_of_squares / self.count() };
        mean_of_squares.sqrt()
    }

    pub(super) fn absmax(&self) -> f64 {
        self.max.abs().max(self.min.abs())
    }

    pub(super) fn min(&self) -> f64 {
        self.min
    }

    pub(super) fn max(&self) -> f64 {
        self.max
    }

    pub(super) fn first(&self) -> f64 {
        self.first
    }

    pub(super) fn last(&self) -> f64 {
        self.last
    }

    #[expect(clippy::cast_precision_loss, reason = "a window has far fewer samples than 2^53")]
    fn count(&self) -> f64 {
        self.samples as f64
    }
}

/// Seconds of microseconds.
#[expect(clippy::cast_precision_loss, reason = "a time between two samples is far below 2^53 µs")]
pub(super) fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_weigh_as_long_as_they_held() {
        let mut stats = Stats::default();
        stats.held(3.0, 9.0);
        stats.came(-1.0, 9_000_000, 9_000_000);
        stats.held(-1.0, 1.0);
        stats.came(0.5, 10_000_000, 10_000_000);
        assert!((stats.mean() - 2.6).abs() < 1e-12);
        assert!((stats.rms() - 8.2_f64.sqrt()).abs() < 1e-12);
        assert_eq!((stats.min(), stats.max(), stats.absmax()), (-1.0, 3.0, 3.0));
        assert_eq!((stats.first(), stats.last()), (-1.0, 0.5));
    }

    #[test]
    fn a_first_value_stands_for_itself() {
        let mut stats = Stats::default();
        assert!(!stats.has_samples());
        stats.came(-2.0, 0, 0);
        assert_eq!((stats.mean(), stats.rms(), stats.max()), (-2.0, 2.0, -2.0));
    }

    #[test]
    fn the_last_value_holds_until_the_window_ends_by_the_clock_of_its_source() {
        let mut stats = Stats::default();
        // The source's clock is 100 s ahead, less 2 s and 1 s on the way.
        stats.came(2.0, 108_000_000, 10_000_000);
        stats.held(2.0, 10.0);
        stats.came(0.0, 119_000_000, 20_000_000);
        stats.held_until(50_000_000, 60_000_000);
        assert!((stats.mean() - 20.0 / 40.0).abs() < 1e-12, "0 for 30 s: {}", stats.mean());
        stats.held_until(50_000_000, 60_000_000);
        assert!((stats.mean() - 20.0 / 40.0).abs() < 1e-12, "no time is weighed twice");
    }
}
