//! Opening the landing: the log at hand must be the very one that the lake follows, and hold all that has not landed.

use anyhow::Context as _;
use tacho_lake::Lake;
use tacho_lake::landing::{Landing, LandingOptions, LogIdentity};
use tacho_log::{EmbeddedLog, ReadError};
use tacho_schemas::RecordId;

/// Why a log does not go with the lake.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    /// Another record stands where the lake's last one should be.
    #[error(
        "the log is not the one that the lake follows: before offset {next} of partition {partition} the lake has record \
         {expected}, the log has {found:?}; bring the right log back, or accept this one with --new-log"
    )]
    Other { partition: i32, next: i64, expected: RecordId, found: Option<RecordId> },
    /// The log is older than the lake.
    #[error(
        "the log ends below what the lake has landed: bring the whole log back, or move it away and start with \
         --new-log, which begins a new one"
    )]
    Shorter(#[source] ReadError),
    /// The lake is older than the log.
    #[error(
        "records are missing between the lake and the log: partition {partition} has landed up to offset {next}, and the \
         log begins at {first}, because what is anchored may go. The lake is older than it was: restore it, with the \
         folder registry, from the newest backup; or move the log away and start with --new-log, which gives these \
         records up"
    )]
    Between { partition: i32, next: i64, first: i64 },
}

/// Opens the landing and makes sure that the lake follows this very log.
pub(super) async fn open(lake: &Lake, log: &EmbeddedLog, new_log: bool) -> anyhow::Result<Landing> {
    let identity = LogIdentity { log_id: log.identity().log_id, partitions: log.identity().partitions };
    let options = LandingOptions { new_log, ..LandingOptions::default() };
    let landing = Landing::open(lake, identity, options).await.context("lake")?;
    let firsts = log.first_offsets();
    for (partition, next) in landing.progress() {
        let first = *firsts.get(usize::try_from(partition)?).context("the log has fewer partitions than the lake")?;
        let found = log.record_id_before(partition, next).await;
        check((partition, next), first, landing.record_before(partition), found)?;
    }
    Ok(landing)
}

/// Whether a partition that has landed up to `next` can go on with a log that begins at `first`, and in which `found`
/// stands before `next`.
fn check(
    (partition, next): (i32, i64),
    first: i64,
    expected: Option<RecordId>,
    found: Result<Option<RecordId>, ReadError>,
) -> Result<(), Unfit> {
    if first > next {
        return Err(Unfit::Between { partition, next, first });
    }
    let Some(expected) = expected else { return Ok(()) };
    match found {
        Ok(None) if first == next => Ok(()),
        Ok(Some(found)) if found == expected => Ok(()),
        Ok(found) => Err(Unfit::Other { partition, next, expected, found }),
        Err(error) => Err(Unfit::Shorter(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(counter: u64) -> RecordId {
        RecordId { session: uuid::Uuid::from_u128(7), counter }
    }

    #[test]
    fn a_log_that_has_let_go_what_has_not_landed_is_refused_in_so_many_words() {
        let refused = check((3, 10), 12, Some(id(9)), Ok(None)).unwrap_err().to_string();
        assert!(refused.contains("partition 3 has landed up to offset 10, and the log begins at 12"), "{refused}");
        assert!(check((3, 0), 12, None, Ok(None)).is_err(), "also where the lake has nothing of it");
    }

    #[test]
    fn a_log_goes_on_where_the_lake_ends() {
        assert!(check((0, 10), 2, Some(id(9)), Ok(Some(id(9)))).is_ok());
        assert!(check((0, 10), 10, Some(id(9)), Ok(None)).is_ok(), "all that has landed was let go");
        assert!(check((0, 0), 0, None, Ok(None)).is_ok());
    }

    #[test]
    fn another_log_and_a_shorter_one_are_refused() {
        assert!(matches!(check((0, 10), 2, Some(id(9)), Ok(Some(id(8)))), Err(Unfit::Other { .. })));
        assert!(matches!(check((0, 10), 2, Some(id(9)), Ok(None)), Err(Unfit::Other { .. })));
        let short = ReadError::OutOfRange { partition: 0, offset: 10, first: 2, next: 5 };
        assert!(matches!(check((0, 10), 2, Some(id(9)), Err(short)), Err(Unfit::Shorter(_))));
    }
}
