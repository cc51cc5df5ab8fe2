//! Ways through the spool: one reader for all partitions that keep step, and further ones for those that hold others up
//! or come later. Each reader decodes the whole files, so there are few.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tracing::debug;

use super::outstanding::Outstanding;
use super::settings::{COURSES_MAX, READ_BYTES};
use crate::embedded::{EmbeddedLog, Reader};
use crate::{ReadError, ReadItem};

/// So long the others of a course may have nothing to do because one is waited for.
const HELD_UP_MAX: Duration = Duration::from_millis(500);
/// A partition joins a course that began at most so long ago; else its records are elsewhere in the files.
const JOIN: Duration = Duration::from_secs(5);

/// The ways of one drain.
#[derive(Debug, Default)]
pub(crate) struct Courses(Vec<Course>);

#[derive(Debug)]
struct Course {
    slots: BTreeSet<usize>,
    reader: Reader,
    began: Instant,
    /// For how long some were waited for; falls while it goes on.
    held_up: Duration,
    looked: Instant,
}

/// What is to be read for which partitions, and how far they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) log: &'a EmbeddedLog,
    pub(crate) partitions: &'a [Outstanding],
    /// The partitions of which the spool has more, and Kafka takes it.
    pub(crate) slots: &'a BTreeSet<usize>,
    /// Bytes that a partition may have under way.
    pub(crate) window_bytes: usize,
}

impl Wanted<'_> {
    fn is_full(&self, slot: usize) -> bool {
        self.partitions[slot].bytes() >= self.window_bytes
    }

    fn number(slot: usize) -> i32 {
        i32::try_from(slot).unwrap_or(i32::MAX)
    }

    /// Whether a reader stands where all of its partitions are.
    fn fits(&self, course: &Course) -> bool {
        let next = self.log.next_offsets();
        let is_right = |(partition, at): (i32, i64)| {
            let slot = usize::try_from(partition).unwrap_or(usize::MAX);
            let sent = self.partitions[slot].sent;
            sent == at && (sent == next[slot] || self.slots.contains(&slot))
        };
        course.reader.positions().into_iter().all(is_right)
    }

    fn course(&self, slots: BTreeSet<usize>, began: Instant, now: Instant) -> Result<Course, ReadError> {
        let starts: Vec<_> = slots.iter().map(|slot| (Self::number(*slot), self.partitions[*slot].sent)).collect();
        debug!(partitions = starts.len(), "the spool is read for other partitions");
        Ok(Course { reader: self.log.reader(&starts)?, slots, began, held_up: Duration::ZERO, looked: now })
    }
}

impl Courses {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Sees to it that each wanted partition has its course, and no course waits long for some of its partitions.
    pub(crate) fn arrange(&mut self, wanted: &Wanted<'_>, now: Instant) -> Result<(), ReadError> {
        for course in std::mem::take(&mut self.0) {
            let slots: BTreeSet<_> = course.slots.intersection(wanted.slots).copied().collect();
            if wanted.fits(&course) {
                // One that has nothing to read now is kept if it is the only one.
                if !slots.is_empty() || wanted.slots.is_empty() {
                    self.0.push(course);
                }
            } else if !slots.is_empty() {
                self.0.push(wanted.course(slots, course.began, now)?);
            }
        }
        self.join(wanted, now)?;
        self.split(wanted, now)
    }

    /// Gives the partitions that have no course one.
    fn join(&mut self, wanted: &Wanted<'_>, now: Instant) -> Result<(), ReadError> {
        let has_course = |slot: &&usize| self.0.iter().any(|course| course.slots.contains(*slot));
        let mut slots: BTreeSet<usize> = wanted.slots.iter().filter(|slot| !has_course(slot)).copied().collect();
        if slots.is_empty() {
            return Ok(());
        }
        let mut began = now;
        let is_full = self.0.len() >= COURSES_MAX;
        if let Some(last) = self.0.pop_if(|last| is_full || now - last.began < JOIN) {
            slots.extend(last.slots.intersection(wanted.slots));
            began = last.began;
        }
        self.0.push(wanted.course(slots, began, now)?);
        Ok(())
    }

    /// Parts the partitions that are waited for from those that have nothing to do meanwhile.
    fn split(&mut self, wanted: &Wanted<'_>, now: Instant) -> Result<(), ReadError> {
        for at in 0..self.0.len() {
            let course = &mut self.0[at];
            let slots = course.slots.intersection(wanted.slots).copied();
            let (full, others): (BTreeSet<_>, BTreeSet<_>) = slots.partition(|slot| wanted.is_full(*slot));
            let are_idle = !others.is_empty() && others.iter().all(|slot| wanted.partitions[*slot].is_empty());
            let since = now - std::mem::replace(&mut course.looked, now);
            let waits = !full.is_empty() && are_idle;
            course.held_up = if waits { course.held_up + since } else { course.held_up.saturating_sub(since) };
            if waits && course.held_up > HELD_UP_MAX && self.0.len() < COURSES_MAX {
                debug!(?full, "these are waited for no longer: they are read for themselves");
                self.0[at] = wanted.course(others, now, now)?;
                self.0.push(wanted.course(full, now, now)?);
            }
        }
        Ok(())
    }

    /// Reads on in a course, if there is something, and room for it.
    pub(crate) async fn read(&mut self, at: usize, wanted: &Wanted<'_>) -> Result<Vec<ReadItem>, ReadError> {
        let Some(course) = self.0.get_mut(at) else { return Ok(Vec::new()) };
        let mut slots = course.slots.intersection(wanted.slots).peekable();
        if slots.peek().is_none() || slots.any(|slot| wanted.is_full(*slot)) {
            return Ok(Vec::new());
        }
        course.reader.next(READ_BYTES).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::tests::{closed, opened, record, settings};
    use super::*;
    use crate::Append;
    use crate::kafka::{InFlight, flow_for_tests};

    const WINDOW: usize = 64 << 10;
    const LOOK: Duration = Duration::from_millis(50);

    /// Drains a log with three partitions, of which `silent` gets no reports, for so many looks; the most courses at a time.
    async fn drained(log: &EmbeddedLog, partitions: &mut [Outstanding], silent: usize, looks: u32) -> usize {
        let (flow, start) = (flow_for_tests(), Instant::now());
        let (mut courses, mut most) = (Courses::default(), 0);
        for look in 0..looks {
            let next = log.next_offsets();
            let slots = (0..3).filter(|slot| partitions[*slot].sent < next[*slot]).collect();
            let wanted = Wanted { log, partitions: &*partitions, slots: &slots, window_bytes: WINDOW };
            courses.arrange(&wanted, start + LOOK * look).unwrap();
            most = most.max(courses.count());
            let mut items = Vec::new();
            for at in 0..courses.count() {
                items.extend(courses.read(at, &wanted).await.unwrap());
            }
            for range in items.iter().map(ReadItem::range) {
                let slot = usize::try_from(range.partition).unwrap();
                let in_flight = InFlight::new(&flow, 1, None, None);
                assert_eq!(partitions[slot].sent, range.start, "in order, without a hole");
                partitions[slot].push(Arc::clone(&in_flight), range.end, READ_BYTES);
                if slot != silent {
                    in_flight.delivered(range.partition, 0);
                    partitions[slot].look(Duration::MAX);
                }
            }
        }
        most
    }

    #[tokio::test]
    async fn the_others_are_read_to_their_ends_though_one_partition_gets_no_reports() {
        let dir = tempfile::tempdir().unwrap();
        let open = opened(settings(&dir)).await;
        let payload: bytes::Bytes = vec![b'x'; 100_000].into();
        for counter in 0..4 {
            let batch = (0..30).map(|robot| Append { payload: payload.clone(), ..record(robot, counter) });
            for append in batch {
                crate::Appender::from(open.1.appender()).append(vec![append]).await.unwrap();
            }
        }
        let (log, next) = (&*open.1.log, open.1.log.next_offsets());
        assert!(next.iter().all(|next| *next >= 20), "{next:?}");
        let mut partitions: Vec<_> = (0..3).map(|_| Outstanding::new(0)).collect();
        assert_eq!(drained(log, &mut partitions, 1, 60).await, 2);
        let confirmed: Vec<_> = partitions.iter().map(|partition| partition.confirmed).collect();
        assert_eq!(confirmed, [next[0], 0, next[2]]);
        assert!(partitions[1].sent < next[1], "its window is full");

        let mut partitions: Vec<_> = (0..3).map(|_| Outstanding::new(0)).collect();
        assert_eq!(drained(log, &mut partitions, 3, 60).await, 1, "who keep step are read together");
        closed(open).await;
    }
}
