//! Cuts records from the journal: one robot, one window of receipt time.
//!
//! Pure: what comes out depends on nothing but the entries, in their order, so that a restart at any place of the journal
//! goes on as if there had been none. No clock, no I/O; the times are those of the journal.

mod counter;
mod integral;
mod joint;
mod missed;
mod notes;
mod rainflow;
mod record;
mod robot;
mod signal;
mod stats;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use tacho_config::settings::opcua::Field;

use super::journal::{Cut, Data, Entry};
use super::value::Sample;
use notes::GapNote;
use record::Bounds;
use robot::{Place, Window};
use signal::{Moment, Reading, pointer};

pub use robot::RobotState;
pub use table::{JointEntry, RobotEntry, SignalEntry, Table};

/// Cause of a gap where the queue of a node overflowed on the server.
const OVERFLOW: &str = "the server's queue of the node was full: older values may be lost";
/// Status of a value that no field holds, for lack of one of the server's: Bad_TypeMismatch.
const TYPE_MISMATCH: u32 = 0x8074_0000;

/// What the journal says of all robots, up to an entry.
#[derive(Debug)]
pub struct Cutter {
    window_us: i64,
    skew_us: i64,
    servers: BTreeMap<String, Server>,
    robots: BTreeMap<String, Robot>,
    open: Option<Bounds>,
}

/// The signals of a server, by number.
#[derive(Debug, Default)]
struct Server {
    table: Table,
    robots: Vec<String>,
    signals: Vec<(usize, Field)>,
}

#[derive(Debug)]
struct Robot {
    server: String,
    entry: RobotEntry,
    /// The fields that have signals; none while no table names the robot.
    fields: Vec<Field>,
    state: RobotState,
    window: Window,
    /// What lies below this offset is in the state.
    until: i64,
}

/// An entry's place in the journal.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// Its offset.
    pub offset: i64,
    /// The server that it is about.
    pub server: &'a str,
    /// When it was received, Unix microseconds UTC.
    pub received_us: i64,
}

impl Cutter {
    /// Of an empty journal.
    pub fn new(window: Duration, skew_max: Duration) -> Self {
        let us = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        let (servers, robots) = (BTreeMap::new(), BTreeMap::new());
        Self { window_us: us(window).max(1), skew_us: us(skew_max), servers, robots, open: None }
    }

    /// Goes on with what a cut left; to be called before any entry is applied.
    pub fn restore(&mut self, cut: Cut) {
        let entry = RobotEntry::unknown(&cut.robot_id);
        let (fields, window) = (Vec::new(), Window::default());
        let robot = Robot { server: cut.server, entry, fields, state: cut.state, window, until: cut.until };
        self.robots.insert(cut.robot_id, robot);
    }

    /// Applies an entry; gives the records of the window that it closes.
    pub fn apply(&mut self, at: At<'_>, entry: Entry) -> Vec<Cut> {
        if matches!(entry, Entry::Cut(_) | Entry::Delivered(_) | Entry::Subscribed(_) | Entry::Renewed(_)) {
            return Vec::new();
        }
        let (bounds, mut cuts) = self.advance(at);
        match entry {
            Entry::Data(data) => {
                cuts.extend(self.make_room(at, bounds, data.samples.len()));
                self.take(at, bounds, &data);
            }
            Entry::Table(table) => self.number(at, table),
            Entry::Gap(gap) => self.miss(at, &gap),
            _ => {}
        }
        cuts
    }

    /// The state of a robot that has nothing open, to be kept anew: all below the offset is in it.
    pub fn idle(&mut self, robot_id: &str, offset: i64) -> Option<Cut> {
        let robot = self.robots.get_mut(robot_id).filter(|robot| !robot.window.touched)?;
        Some(robot.cut(robot_id, robot.until.max(offset), Bytes::new()))
    }

    /// All servers that have a table.
    pub fn servers(&self) -> Vec<String> {
        self.servers.keys().cloned().collect()
    }

    /// Closes the window if it is over, also when the clock was set back by more than one.
    fn advance(&mut self, at: At<'_>) -> (Bounds, Vec<Cut>) {
        let start_us = at.received_us.div_euclid(self.window_us) * self.window_us;
        let now = Bounds { start_us, end_us: start_us.saturating_add(self.window_us) };
        let (bounds, over) = match self.open {
            None => (now, None),
            Some(open) if now.start_us >= open.end_us || now.end_us < open.start_us => (now, Some(open)),
            Some(open) => (open, None),
        };
        self.open = Some(bounds);
        let cuts = match over {
            None => Vec::new(),
            Some(over) => {
                let ends = |(id, robot): (&String, &mut Robot)| robot.ends(id, over, at.offset);
                self.robots.iter_mut().filter_map(ends).collect()
            }
        };
        (bounds, cuts)
    }

    /// Closes the window early for robots of which a record could not tell all that comes: a backlog of an outage.
    fn make_room(&mut self, at: At<'_>, bounds: Bounds, samples: usize) -> Vec<Cut> {
        let crowded = |robot: &Robot| {
            let notes = robot.window.events.len().max(robot.window.quality.len());
            robot.server == at.server && at.offset >= robot.until && notes > 0 && notes + samples > record::EVENTS_MAX
        };
        let robots = self.robots.iter_mut().filter(|(_, robot)| crowded(robot));
        robots.filter_map(|(id, robot)| robot.close(id, bounds, at.received_us, at.offset)).collect()
    }

    /// From here on, the samples of a server are numbered by a table.
    pub(super) fn number(&mut self, at: At<'_>, table: Table) {
        let known = self.servers.get(at.server);
        if known.is_some_and(|server| server.table == table) {
            return;
        }
        let former = known.map(|server| server.table.clone()).unwrap_or_default();
        let server = Server::of(table);
        for robot in self.robots.values_mut().filter(|robot| robot.server == at.server) {
            if at.offset >= robot.until {
                robot.settle();
                // Values of before may have had another unit.
                let others = former.others(&server.table, &robot.entry.robot_id);
                others.for_each(|field| robot.state.forgets(&field));
            }
            robot.fields.clear();
        }
        for (number, entry) in server.table.robots.iter().enumerate() {
            let fresh = || Robot::new(at, entry);
            let robot = self.robots.entry(entry.robot_id.clone()).or_insert_with(fresh);
            at.server.clone_into(&mut robot.server);
            robot.entry = entry.clone();
            let of_it = server.signals.iter().filter(|(of, _)| *of == number);
            robot.fields = of_it.map(|(_, field)| field.clone()).collect();
        }
        self.servers.insert(at.server.to_owned(), server);
    }

    fn take(&mut self, at: At<'_>, bounds: Bounds, data: &Data) {
        let Some(server) = self.servers.get(at.server) else { return };
        for id in &server.robots {
            if let Some(robot) = self.robots.get_mut(id).filter(|robot| at.offset >= robot.until) {
                robot.state.lives(&robot.entry, at.received_us, data.published_us);
            }
        }
        for sample in &data.samples {
            let number = usize::try_from(sample.signal).unwrap_or(usize::MAX);
            let Some((of, field)) = server.signals.get(number) else { continue };
            let robot = server.robots.get(*of).and_then(|id| self.robots.get_mut(id));
            let Some(robot) = robot.filter(|robot| at.offset >= robot.until) else { continue };
            let reading = Reading::of(sample, &server.table.signals[number]);
            let of = Of { at, bounds, skew_us: self.skew_us, field, of_history: data.of_history };
            robot.sample(of, sample, &reading);
        }
    }
}

/// Where a sample belongs.
#[derive(Debug, Clone, Copy)]
struct Of<'a> {
    at: At<'a>,
    bounds: Bounds,
    skew_us: i64,
    field: &'a Field,
    of_history: bool,
}

impl Of<'_> {
    /// A time stamp, if it is near enough to the time of receipt to be true.
    fn likely(&self, time_us: Option<i64>) -> Option<i64> {
        time_us.filter(|time| time.saturating_sub(self.at.received_us).saturating_abs() <= self.skew_us)
    }
}

impl Robot {
    fn new(at: At<'_>, entry: &RobotEntry) -> Self {
        let state = RobotState { stream_epoch: at.received_us.div_euclid(1_000_000), ..RobotState::default() };
        let (fields, window) = (Vec::new(), Window::default());
        Self { server: at.server.to_owned(), entry: entry.clone(), fields, state, window, until: 0 }
    }

    fn sample(&mut self, of: Of<'_>, sample: &Sample, reading: &Reading) {
        let key = of.field.to_string();
        let signal = self.state.signals.entry(key.clone()).or_default();
        if (sample.is_usable() && signal.knows(sample)) || signal.heard_before(sample, of.of_history) {
            return;
        }
        // A history is asked for by times that are believed.
        let source_us = if of.of_history { sample.source_us } else { of.likely(sample.source_us) };
        let server_us = of.likely(sample.server_us);
        // A value that nothing held before is true since the server looked, however old it is.
        let theirs_us = match signal.held_value() {
            Some(_) => source_us.or(server_us),
            None => source_us.max(server_us),
        };
        let at_us = theirs_us.unwrap_or(of.at.received_us);
        let moment = Moment { at_us, theirs: theirs_us.is_some(), lived_us: self.state.lived_us };
        if sample.overflowed() {
            let from_us = signal.at_us.unwrap_or(of.bounds.start_us).min(at_us);
            let pointer = Some(pointer(&key));
            self.window.note_gap(GapNote { from_us, to_us: at_us, cause: OVERFLOW.to_owned(), pointer });
            signal.forgets();
        }
        let mut told = sample.clone();
        if *reading == Reading::Unusable && told.status >> 30 == 0 {
            told.status = TYPE_MISMATCH;
        }
        if !told.is_usable() || *reading == Reading::Nothing {
            // What it held, it held until now.
            self.state.joint_bore(&self.entry, of.field, moment);
            self.state.integrate(&self.entry, &self.fields, of.field, moment);
            self.state.forgets(of.field);
        }
        let signal = self.state.signals.entry(key.clone()).or_default();
        self.window.quality.extend(signal.comes(&told, &key, at_us));
        self.window.touched |= told.status >> 30 != 0;
        if told.is_usable() {
            let received_us = of.at.received_us;
            let of_window_us = received_us.saturating_sub(of.bounds.start_us).max(0);
            let (robot, field, fields) = (&self.entry, of.field, self.fields.as_slice());
            let place = Place { robot, field, fields, moment, received_us, of_window_us };
            self.state.takes(&mut self.window, place, reading);
        }
    }

    /// What its signals held until its server was last heard is integrated.
    fn settle(&mut self) {
        self.state.integrate_all(&self.entry, &self.fields);
    }

    /// Ends the window when it is over, if there is something to tell of it.
    fn ends(&mut self, id: &str, bounds: Bounds, offset: i64) -> Option<Cut> {
        if self.window.touched {
            self.state.counters_end(&mut self.window, bounds.end_us);
        }
        self.close(id, bounds, bounds.end_us, offset)
    }

    /// Makes the record of a window that goes until a time of receipt, if there is something to tell of it.
    fn close(&mut self, id: &str, bounds: Bounds, until_us: i64, offset: i64) -> Option<Cut> {
        if !self.window.touched {
            return None;
        }
        self.settle();
        self.state.weigh(&mut self.window, until_us, bounds.end_us - bounds.start_us);
        let record = record::record(&self.entry, &self.fields, &self.state, &self.window, bounds);
        self.window = Window::default();
        self.state.next_seq += 1;
        self.until = offset;
        Some(self.cut(id, offset, record))
    }

    /// Goes on with the state as a start would read it, so that both come to the same, down to the last bit of a float.
    fn cut(&mut self, id: &str, until: i64, record: Bytes) -> Cut {
        let state = self.state.clone();
        if let Some(read_back) = state.read_back() {
            self.state = read_back;
        }
        Cut { robot_id: id.to_owned(), server: self.server.clone(), until, state, record }
    }
}

impl Server {
    fn of(table: Table) -> Self {
        let robots: Vec<_> = table.robots.iter().map(|robot| robot.robot_id.clone()).collect();
        let field = |signal: &SignalEntry| Field::parse(&signal.field).unwrap_or(Field::Unknown);
        let signals = table.signals.iter().map(|signal| (signal.robot, field(signal))).collect();
        Self { table, robots, signals }
    }
}
