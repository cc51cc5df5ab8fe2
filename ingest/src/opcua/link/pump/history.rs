//! What a server has kept of a time that was missed: of each node that it historizes all values, in their order.
//!
//! Not every server gives a continuation point where it gives less than there is: where there is none, it is asked again
//! from the last value on, until nothing newer comes.

use std::time::{Duration, Instant};

use opcua::client::services::HistoryRead;
use opcua::client::{HistoryReadAction, Session, UARequest as _};
use opcua::types::{
    AttributeId, ByteString, DateTime, Error, HistoryData, HistoryReadResult, HistoryReadValueId, NodeId, NumericRange,
    QualifiedName, ReadRawModifiedDetails, ReadValueId, TimestampsToReturn, Variant,
};
use tokio::time::sleep;
use tracing::debug;

use crate::opcua::value::{OVERFLOW, Sample, ticks};

/// Values of one answer.
const PAGE: u32 = 1_000;
/// Values of all nodes; what is more is not fetched.
const SAMPLES_MAX: usize = 500_000;
/// Pause between two questions: the server has other things to do.
const PAUSE: Duration = Duration::from_millis(10);
/// Nodes of one question for attributes.
const NODES: usize = 100;
/// Bit of an access level: the history can be read.
const HISTORY_READ: u8 = 4;
/// A source whose clock is further than this from the server's has another one, and cannot be asked for by time.
const CLOCKS_US: i64 = 5_000_000;

/// A signal and what it is read from.
#[derive(Debug, Clone)]
pub(in crate::opcua::link) struct Source {
    pub(in crate::opcua::link) signal: u32,
    pub(in crate::opcua::link) node: NodeId,
    pub(in crate::opcua::link) range: NumericRange,
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Signals of which all is known.
    pub(super) whole: Vec<u32>,
    /// Their values, in the order of their times.
    pub(super) samples: Vec<Sample>,
}

/// The sources that the server historizes now, and of which it lets us read the history.
pub(super) async fn kept(session: &Session, sources: Vec<Source>) -> Result<Vec<Source>, Error> {
    let mut kept = Vec::new();
    for some in sources.chunks(NODES) {
        let attribute = |source: &Source, attribute_id: AttributeId| ReadValueId {
            attribute_id: attribute_id as u32,
            ..ReadValueId::from(source.node.clone())
        };
        let of =
            |source| [attribute(source, AttributeId::UserAccessLevel), attribute(source, AttributeId::Historizing)];
        let reads: Vec<_> = some.iter().flat_map(of).collect();
        let values = session.read(&reads, TimestampsToReturn::Neither, 0.0).await?;
        for (source, told) in some.iter().zip(values.chunks(2)) {
            let [access, historizing] = told else { continue };
            let may_read = matches!(access.value, Some(Variant::Byte(access)) if access & HISTORY_READ != 0);
            if may_read && historizing.value == Some(Variant::Boolean(true)) {
                kept.push(source.clone());
            }
        }
    }
    Ok(kept)
}

/// Reads all values of a time by the server's clock, both ends included. A source that cannot be read whole in the time
/// that there is, or whose values have times of another clock, is not among those that are whole.
pub(super) async fn read(session: &Session, sources: &[Source], time_us: (i64, i64), within: Duration) -> History {
    let deadline = Instant::now() + within;
    let mut history = History::default();
    for source in sources {
        let room = SAMPLES_MAX.saturating_sub(history.samples.len());
        match whole(session, source, time_us, (deadline, room)).await {
            Ok(Some(samples)) => {
                history.whole.push(source.signal);
                history.samples.extend(samples);
            }
            Ok(None) => {}
            Err(error) => debug!(%error, signal = source.signal, "its history cannot be read"),
        }
    }
    history.samples.sort_by_key(|sample| sample.source_us);
    history
}

async fn whole(
    session: &Session,
    source: &Source,
    (from_us, to_us): (i64, i64),
    (deadline, room): (Instant, usize),
) -> Result<Option<Vec<Sample>>, Error> {
    let (mut samples, mut last_us, mut again) = (Vec::<Sample>::new(), from_us, 0_usize);
    let mut point = ByteString::null();
    loop {
        if Instant::now() > deadline || samples.len() > room {
            return Ok(None);
        }
        let answer = page(session, source, (last_us, to_us), point).await?;
        if answer.status_code.is_bad() {
            debug!(status = %answer.status_code, signal = source.signal, "its history cannot be read");
            return Ok(None);
        }
        let data = answer.history_data.into_inner_as::<HistoryData>();
        let values = data.and_then(|data| data.data_values).unwrap_or_default();
        let known = samples.len();
        for value in values {
            let mut sample = Sample::of(source.signal, value);
            // What a queue lost then is none of this.
            sample.status &= !OVERFLOW;
            let Some(at_us) = sample.source_us else { return Ok(None) };
            if sample.server_us.is_some_and(|server_us| server_us.saturating_sub(at_us).saturating_abs() > CLOCKS_US) {
                return Ok(None);
            }
            if again > 0 && at_us == last_us {
                again -= 1;
            } else if at_us >= last_us {
                (last_us, again) = (at_us, 0);
                samples.push(sample);
            }
        }
        point = answer.continuation_point;
        // Without a continuation point, the next answer begins with the values of the last time.
        let of_last = || samples.iter().rev().take_while(|sample| sample.source_us == Some(last_us)).count();
        again = if point.is_null_or_empty() { of_last() } else { 0 };
        // From later to earlier, a server would tell it backwards.
        if last_us >= to_us || (point.is_null_or_empty() && samples.len() == known) {
            return Ok(Some(samples));
        }
        sleep(PAUSE).await;
    }
}

async fn page(
    session: &Session,
    source: &Source,
    (from_us, to_us): (i64, i64),
    continuation_point: ByteString,
) -> Result<HistoryReadResult, Error> {
    let details = ReadRawModifiedDetails {
        is_read_modified: false,
        start_time: DateTime::from(ticks(from_us)),
        end_time: DateTime::from(ticks(to_us)),
        num_values_per_node: PAGE,
        return_bounds: false,
    };
    let node = HistoryReadValueId {
        node_id: source.node.clone(),
        index_range: source.range.clone(),
        data_encoding: QualifiedName::null(),
        continuation_point,
    };
    let asked = HistoryRead::new(HistoryReadAction::ReadRawModifiedDetails(details), session);
    let answer = asked.timestamps_to_return(TimestampsToReturn::Both).node(node).send(session.channel()).await?;
    let result = answer.results.and_then(|results| results.into_iter().next());
    result.ok_or_else(|| Error::decoding("an answer without a result"))
}
