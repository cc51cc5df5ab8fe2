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

    /// A value came.
    pub(super) fn came(&mut self, value: f64) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_weigh_as_long_as_they_held() {
        let mut stats = Stats::default();
        stats.held(3.0, 9.0);
        stats.came(-1.0);
        stats.held(-1.0, 1.0);
        stats.came(0.5);
        assert!((stats.mean() - 2.6).abs() < 1e-12);
        assert!((stats.rms() - 8.2_f64.sqrt()).abs() < 1e-12);
        assert_eq!((stats.min(), stats.max(), stats.absmax()), (-1.0, 3.0, 3.0));
        assert_eq!((stats.first(), stats.last()), (-1.0, 0.5));
    }

    #[test]
    fn a_first_value_stands_for_itself() {
        let mut stats = Stats::default();
        assert!(!stats.has_samples());
        stats.came(-2.0);
        assert_eq!((stats.mean(), stats.rms(), stats.max()), (-2.0, 2.0, -2.0));
    }
}
