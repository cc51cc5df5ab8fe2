//! One robot as bytes: its counts, and of each stream what changed since the base of the snapshot.
//!
//! A stream that only grew, which is nearly all of them, costs its new hashes and a few bytes.

use std::collections::VecDeque;

use super::codec::{Reader, Writer};
use super::holes::{Hole, HoleKind, Holes};
use super::robot::{Counts, Robot, STREAMS_MAX};
use super::stream::{HOLES_MAX, RECENT_KEYS, Stream};

const UNCHANGED: u8 = 0;
const GROWN: u8 = 1;
const WHOLE: u8 = 2;

/// Writes a robot, on top of what the base knows of it.
pub(super) fn write_robot(writer: &mut Writer, before: Option<&Robot>, robot: &Robot) {
    robot.counts.write(writer);
    writer.signed(robot.last_received_us);
    writer.signed(robot.epoch_floor);
    writer.length(robot.streams.len());
    for (epoch, stream) in &robot.streams {
        writer.signed(*epoch);
        match before.and_then(|before| before.stream(*epoch)) {
            Some(before) if before == stream => writer.byte(UNCHANGED),
            Some(before) if stream.grew_from(before) => {
                writer.byte(GROWN);
                write_growth(writer, before, stream);
            }
            _ => {
                writer.byte(WHOLE);
                write_stream(writer, stream);
            }
        }
    }
}

/// Reads a robot, on top of what the base knows of it.
pub(super) fn read_robot(reader: &mut Reader<'_>, before: Option<&Robot>) -> Option<Robot> {
    let mut robot = Robot {
        counts: Counts::read(reader)?,
        last_received_us: reader.signed()?,
        epoch_floor: reader.signed()?,
        streams: Vec::new(),
    };
    let count = reader.length().filter(|count| *count <= STREAMS_MAX)?;
    for _ in 0..count {
        let epoch = reader.signed()?;
        let before = before.and_then(|before| before.stream(epoch));
        let stream = match reader.byte()? {
            UNCHANGED => before?.clone(),
            GROWN => read_growth(reader, before?)?,
            WHOLE => read_stream(reader)?,
            _ => return None,
        };
        let rising = robot.streams.last().is_none_or(|(last, _)| *last < epoch);
        robot.streams.push(rising.then_some((epoch, stream))?);
    }
    Some(robot)
}

fn write_growth(writer: &mut Writer, before: &Stream, stream: &Stream) {
    let growth = stream.highest - before.highest;
    let hashes = stream.recent.len().min(usize::try_from(growth).unwrap_or(usize::MAX));
    writer.signed(growth);
    writer.signed(stream.window_end_us);
    writer.signed(stream.power_on);
    stream.recent.range(stream.recent.len() - hashes..).for_each(|hash| writer.fixed(*hash));
}

fn read_growth(reader: &mut Reader<'_>, before: &Stream) -> Option<Stream> {
    let mut stream = before.clone();
    let growth = reader.signed().filter(|growth| *growth > 0)?;
    stream.highest = stream.highest.checked_add(growth)?;
    stream.window_end_us = reader.signed()?;
    stream.power_on = reader.signed()?;
    for _ in 0..RECENT_KEYS.min(usize::try_from(growth).ok()?) {
        stream.recent.push_back(reader.fixed()?);
    }
    let surplus = stream.recent.len().saturating_sub(RECENT_KEYS);
    stream.recent.drain(..surplus);
    Some(stream)
}

fn write_stream(writer: &mut Writer, stream: &Stream) {
    writer.signed(stream.first);
    writer.signed(stream.highest);
    writer.signed(stream.floor);
    writer.signed(stream.window_end_us);
    writer.signed(stream.power_on);
    writer.length(stream.holes.len());
    for hole in stream.holes.as_slice() {
        writer.signed(hole.first - stream.first);
        writer.signed(hole.last - hole.first);
        writer.byte((hole.kind == HoleKind::Rejected).into());
    }
    writer.length(stream.recent.len());
    stream.recent.iter().for_each(|hash| writer.fixed(*hash));
}

fn read_stream(reader: &mut Reader<'_>) -> Option<Stream> {
    let first = reader.signed()?;
    let highest = reader.signed().filter(|highest| *highest >= first)?;
    let floor = reader.signed()?;
    let window_end_us = reader.signed()?;
    let power_on = reader.signed()?;
    let mut holes = Vec::new();
    for _ in 0..reader.length().filter(|count| *count <= HOLES_MAX)? {
        let start = first.checked_add(reader.signed()?)?;
        let last = start.checked_add(reader.signed()?)?;
        let kind = match reader.byte()? {
            0 => HoleKind::Missing,
            1 => HoleKind::Rejected,
            _ => return None,
        };
        holes.push(Hole { first: start, last, kind });
    }
    if holes.iter().any(|hole| hole.first < first || hole.last > highest) {
        return None;
    }
    let count = reader.length().filter(|count| *count <= RECENT_KEYS)?;
    let recent = (0..count).map(|_| reader.fixed()).collect::<Option<VecDeque<_>>>()?;
    Some(Stream { first, highest, floor, holes: Holes::checked(holes)?, recent, window_end_us, power_on })
}
