//! The processor: raw records of a range of offsets into rows and verdicts, under one configuration.
//!
//! Pure: no state between calls, no clock (the time of receipt is in the envelope), no I/O, and it never fails: what is no
//! record becomes a dead letter. Whether a good record lands is the lake's decision.

mod batch;

use std::ops::Range;
use std::sync::Arc;

use tacho_config::Snapshot;
use tacho_config::snapshot::FORMULAS_SUPPORTED;
use tacho_schemas::processed::Processed;
use tacho_schemas::{Digest, RawRecord};

use crate::indicators::FormulaSet;
use batch::Batch;

/// Processes raw records under one configuration.
#[derive(Debug, Clone)]
pub struct Processor {
    snapshot: Arc<Snapshot>,
    formulas: FormulaSet,
    log_epoch: i64,
    digest: Digest,
    digest_text: Box<str>,
}

/// The configuration names a set of formulas that this binary has not: no row of it may be computed here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("configuration {config} names the formulas {formulas:?}, this binary has {}", FORMULAS_SUPPORTED.join(", "))]
pub struct UnknownFormulas {
    /// The set that is missing.
    pub formulas: String,
    /// Digest of the configuration.
    pub config: Digest,
}

impl Processor {
    /// A processor under `snapshot`, for the log that is the lake's `log_epoch`-th.
    ///
    /// # Errors
    /// [`UnknownFormulas`] if the snapshot names a set of formulas that this binary lacks: the partition must halt.
    pub fn new(snapshot: Arc<Snapshot>, log_epoch: i64) -> Result<Self, UnknownFormulas> {
        let digest = snapshot.digest();
        let Some(formulas) = FormulaSet::named(snapshot.formulas()) else {
            let formulas = snapshot.formulas().to_owned();
            return Err(UnknownFormulas { formulas, config: digest });
        };
        Ok(Self { snapshot, formulas, log_epoch, digest, digest_text: digest.to_string().into() })
    }

    /// Digest of the configuration in force.
    pub fn config(&self) -> Digest {
        self.digest
    }

    /// Processes the raw records of a contiguous range of one partition, in the order of their offsets.
    ///
    /// Each raw record but a control record gives one entry or more, in order. The result depends on the arguments and
    /// the configuration alone, and the results of adjacent ranges are the result of both, one after the other.
    pub fn process(&self, partition: i32, offsets: Range<i64>, raw: &[RawRecord]) -> Processed {
        let mut batch = Batch::new(self, partition, raw.len());
        for record in raw {
            batch.publish(record);
        }
        batch.finish(offsets)
    }
}

#[cfg(test)]
mod tests;
