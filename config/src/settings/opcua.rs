//! Settings of the OPC UA bridge: which servers, how they are trusted, and what of them becomes which field of a record.
//!
//! A mapping is read whole here, so that `tacho check` finds a field that no record has, or a unit that is none of it,
//! without a server. What a server really holds is only known to the bridge in `tacho-ingest`.

pub mod field;
mod robot;
mod server;
pub mod unit;

use std::path::Path;
use std::time::Duration;

use toml::{Table, Value};

use crate::problem::Problem;
use crate::section::Section;
use crate::units::{format_bytes, format_duration};

pub use field::{BatteryField, CounterField, Field, JointField, RobotField};
pub use robot::{JointRatings, Profile, RobotMapping, SignalMapping};
pub use server::{CertificateUri, Identity, Security, SecurityPolicy, ServerSettings};
pub use unit::{Dimension, Unit};

/// Servers of one instance.
const SERVERS_MAX: usize = 1_000;

/// The OPC UA bridge; without servers it does not run.
#[derive(Debug, Clone, PartialEq)]
pub struct OpcuaSettings {
    /// Length of a record's window of receipt time; windows are aligned to it.
    pub window: Duration,
    /// Bytes of the journal above which no more is fetched from the servers, until records are delivered.
    pub journal_bytes_max: u64,
    /// A source's time stamp that is further than this from the time of receipt is not used.
    pub skew_max: Duration,
    /// The servers, by name.
    pub servers: Vec<ServerSettings>,
}

impl OpcuaSettings {
    pub(super) fn read(s: &mut Section<'_>, base_dir: &Path) -> Self {
        let seconds = Duration::from_secs;
        let read = Self {
            window: s.duration("window", seconds(1)..=seconds(3600)),
            journal_bytes_max: s.bytes("journal_bytes", 64 << 20..=1 << 40),
            skew_max: s.duration("skew_max", seconds(1)..=seconds(86_400)),
            servers: s.array("servers", |server| ServerSettings::read(server, base_dir)),
        };
        let problems = read.doubles(s);
        s.push_all(problems);
        read
    }

    /// Names that are there twice: of servers, of robots over all servers, of fields of one robot, of found robots.
    fn doubles(&self, s: &Section<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.servers.len() > SERVERS_MAX {
            let expected = format!("at most {SERVERS_MAX} servers");
            problems.push(Problem::new(s.key("servers"), &self.servers.len().to_string(), expected));
        }
        let (mut names, mut robots) = (Vec::new(), Vec::new());
        for (index, server) in self.servers.iter().enumerate() {
            let place = format!("{}[{index}]", s.key("servers"));
            if !server.name.is_empty() && names.contains(&&server.name) {
                let expected = "a name that no other server has";
                problems.push(Problem::new(format!("{place}.name"), &server.name, expected));
            }
            names.push(&server.name);
            for (index, robot) in server.robots.iter().enumerate() {
                let place = format!("{place}.robots[{index}]");
                problems.extend(robot.doubles(&place));
                let is_same = |other: &&RobotMapping| {
                    (other.profile, &other.serial_number) == (robot.profile, &robot.serial_number)
                };
                if robot.profile.is_some() && server.robots[..index].iter().any(|other| is_same(&other)) {
                    let serial = robot.serial_number.as_deref().unwrap_or_default();
                    let expected = "a serial number that no other entry has; only one entry may be without";
                    problems.push(Problem::new(format!("{place}.serial_number"), serial, expected));
                }
                let Some(id) = robot.robot_id else { continue };
                if robots.contains(&id) {
                    let expected = "a robot that stands nowhere else: one server reports a robot";
                    problems.push(Problem::new(format!("{place}.robot_id"), id.as_str(), expected));
                }
                robots.push(id);
            }
        }
        problems
    }

    pub(super) fn written(&self) -> Table {
        let mut table = Table::from_iter([
            ("window".to_owned(), Value::from(format_duration(self.window))),
            ("journal_bytes".to_owned(), Value::from(format_bytes(self.journal_bytes_max))),
            ("skew_max".to_owned(), Value::from(format_duration(self.skew_max))),
        ]);
        if !self.servers.is_empty() {
            let servers: Vec<_> = self.servers.iter().map(|server| Value::from(server.written())).collect();
            table.insert("servers".to_owned(), Value::from(servers));
        }
        table
    }
}

#[cfg(test)]
mod tests;
