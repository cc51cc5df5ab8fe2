//! A notification message as the journal takes it: its samples in the order of their times, cut into entries.

use std::collections::BTreeMap;

use opcua::types::{
    DataChangeNotification, NotificationMessage, StatusChangeNotification, StatusCode, match_extension_object_owned,
};

use crate::opcua::journal::{Data, Entry};
use crate::opcua::value::{Sample, unix_us};

/// Samples of one entry of the journal, so that each fits into a record together with all that it may tell.
const SAMPLES_MAX: usize = 200;

/// What a message says.
#[derive(Debug)]
pub(super) struct Notification {
    pub(super) sequence: u32,
    /// Whether it has data, which a keep-alive has not.
    pub(super) has_data: bool,
    pub(super) samples: Vec<Sample>,
    /// The server ended the subscription, or says something else of it.
    pub(super) status: Option<StatusCode>,
    /// When the server sent it, by its own clock.
    pub(super) published_us: Option<i64>,
}

impl Notification {
    pub(super) fn of(message: NotificationMessage) -> Self {
        let (mut samples, mut status) = (Vec::new(), None);
        let data = message.notification_data.unwrap_or_default();
        let has_data = !data.is_empty();
        for object in data {
            match_extension_object_owned!(object,
                change: DataChangeNotification => {
                    let items = change.monitored_items.unwrap_or_default().into_iter();
                    samples.extend(items.map(|item| Sample::of(item.client_handle.wrapping_sub(1), item.value)));
                },
                change: StatusChangeNotification => status = Some(change.status),
            );
        }
        let published_us = unix_us(message.publish_time);
        Self { sequence: message.sequence_number, has_data, samples: in_time(samples), status, published_us }
    }

    /// Its entries for the journal, without the samples that are there already. Only the last one makes it whole.
    pub(super) fn entries(&self, subscription: u32, skipped: usize) -> Vec<Entry> {
        let rest = self.samples.get(skipped..).unwrap_or_default();
        // A keep-alive has the number of the next message.
        let sequence = if self.has_data { self.sequence } else { 0 };
        let published_us = self.published_us;
        in_entries(&Data { subscription, sequence, published_us, ..Data::default() }, rest)
    }
}

/// Samples in entries that each fit into a record, all but the last with the mark that it goes on.
pub(super) fn in_entries(of: &Data, samples: &[Sample]) -> Vec<Entry> {
    let data = |samples: &[Sample], goes_on| Entry::Data(Data { goes_on, samples: samples.to_vec(), ..of.clone() });
    let (chunks, last) = match samples.len().checked_sub(1) {
        Some(last) => samples.split_at(last / SAMPLES_MAX * SAMPLES_MAX),
        None => (samples, samples),
    };
    let begun = chunks.chunks(SAMPLES_MAX).map(|samples| data(samples, true));
    begun.chain([data(last, false)]).collect()
}

/// Samples of all signals by their times, those of one signal in the order in which they came: a server sends them node
/// by node.
fn in_time(samples: Vec<Sample>) -> Vec<Sample> {
    let mut latest = BTreeMap::<u32, i64>::new();
    let mut timed: Vec<_> = samples
        .into_iter()
        .map(|sample| {
            let latest = latest.entry(sample.signal).or_insert(i64::MIN);
            *latest = sample.source_us.or(sample.server_us).map_or(*latest, |time| time.max(*latest));
            (*latest, sample)
        })
        .collect();
    timed.sort_by_key(|(time, _)| *time);
    timed.into_iter().map(|(_, sample)| sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opcua::journal::{Heard, Journal, Message, Subscribed};
    use crate::opcua::value::Value;

    fn sample(signal: u32, source_us: i64) -> Sample {
        Sample { signal, status: 0, value: Value::Null, source_us: Some(source_us), server_us: None }
    }

    fn notification(samples: Vec<Sample>) -> Notification {
        Notification { sequence: 9, has_data: true, samples, status: None, published_us: Some(1) }
    }

    #[test]
    fn samples_come_in_the_order_of_their_times_and_those_of_a_node_stay_in_theirs() {
        let sorted = in_time(vec![sample(0, 10), sample(0, 30), sample(0, 20), sample(1, 5), sample(1, 25)]);
        let places: Vec<_> = sorted.iter().map(|sample| (sample.signal, sample.source_us.unwrap())).collect();
        assert_eq!(places, [(1, 5), (0, 10), (1, 25), (0, 30), (0, 20)]);
    }

    #[test]
    fn a_message_is_whole_with_its_last_entry_and_goes_on_where_it_was_cut() {
        let message = notification((0..450).map(|n| sample(0, n)).collect());
        let subscribed = Subscribed { subscription: 7, expected: 9, ..Subscribed::default() };
        let mut heard = Heard::default();
        heard.follows(&Entry::Subscribed(subscribed.clone()), 0);
        let entries = message.entries(7, 0);
        assert_eq!(entries.len(), 3);
        heard.follows(&entries[0], 5);
        assert_eq!(heard.resumed(), Some((subscribed.clone(), 200)), "a run that ends here");
        for entry in message.entries(7, 200) {
            heard.follows(&entry, 5);
        }
        assert_eq!(heard.message, Some(Message { subscription: 7, expected: 10, part: 0 }));
        assert_eq!(message.entries(7, 450).len(), 1, "all samples were there, and the end of the message was not");
    }

    #[tokio::test]
    async fn a_message_of_more_bytes_than_an_append_takes_is_journaled() {
        let text = Value::Text("x".repeat(256));
        let samples = (0..70_000).map(|n| Sample { value: text.clone(), ..sample(0, n) }).collect();
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path(), 1 << 30).unwrap();
        let entries = notification(samples).entries(7, 0);
        journal.writer("s").append(&entries).await.unwrap();
        let (first, next) = journal.range();
        let (mut reader, mut read) = (journal.reader(first).unwrap(), Vec::new());
        while read.len() < entries.len() {
            read.extend(reader.next().await.unwrap().into_iter().map(|placed| placed.entry.unwrap()));
        }
        assert_eq!(next, i64::try_from(entries.len()).unwrap());
        assert!(read == entries, "every entry, in its order");
    }
}
