//! The roster: what a registry says of robots at one moment, as a snapshot with a version and a digest.
//!
//! A text, one entry a line, so that anyone can read and compare it. Whether it is signed, and by whom, is the caller's to check;
//! rows name its digest by the configuration that is in force. A robot is judged by the days that the roster gives, UTC.
//!
//! ```text
//! tacho-roster/1
//! version 42
//! issued 2026-11-21T00:00:00Z
//! manufacturer UR00
//! model UR00UR5E00
//! robot DKUR00UR5E0000000000000000001 active 2026-01-03 -
//! robot DKUR00UR5E0000000000000000002 scrapped 2021-05-01 2026-06-30
//! ```

use std::collections::{HashMap, HashSet};

use tacho_schemas::json::parse_time;
use tacho_schemas::{Digest, RobotId};

use crate::problem::{Problem, Problems};

/// The first line.
const KIND: &str = "tacho-roster/1";
/// A longer text is refused, in bytes: about 900,000 robots.
pub const ROSTER_BYTES_MAX: usize = 64 << 20;
/// Problems of a roster that are listed at most.
const PROBLEMS_MAX: usize = 20;
/// Microseconds of a day.
const DAY_US: i64 = 86_400_000_000;

/// What a registry says of a robot at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RobotStatus {
    /// In use.
    Active,
    /// Registered, and to be used only from a later day on.
    NotCommissioned,
    /// Registered, and not to be used for now.
    Suspended,
    /// Out of use for ever: it must not report any more.
    Scrapped,
}

/// What the roster knows of an ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// The robot itself is listed.
    Robot(RobotStatus),
    /// Its model is listed, the robot is not.
    RobotUnlisted,
    /// Its manufacturer is listed, the model is not.
    ModelUnlisted,
    /// Not even its manufacturer is listed.
    ManufacturerUnlisted,
}

/// A snapshot of a registry.
#[derive(Debug, Clone, PartialEq)]
pub struct Roster {
    version: u64,
    issued_us: i64,
    digest: Digest,
    manufacturers: HashSet<[u8; 4]>,
    models: HashSet<[u8; 10]>,
    robots: HashMap<RobotId, Entry>,
}

/// A robot's line: the last status, and days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    status: RobotStatus,
    commissioned: Option<i32>,
    scrapped: Option<i32>,
}

/// A roster of which not all lines are read.
#[derive(Debug, Default)]
struct Draft {
    version: Option<u64>,
    issued_us: Option<i64>,
    manufacturers: HashSet<[u8; 4]>,
    models: HashSet<[u8; 10]>,
    robots: HashMap<RobotId, Entry>,
}

impl Roster {
    /// Reads a roster.
    ///
    /// # Errors
    /// The first [`Problems`] of it, each with its line.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        let mut draft = Draft::default();
        let mut problems = Vec::new();
        if text.len() > ROSTER_BYTES_MAX || !text.ends_with('\n') {
            let size = format!("{} bytes", text.len());
            let expected = format!("at most {ROSTER_BYTES_MAX} bytes that end with a newline");
            problems.push(Problem::new("roster", &size, expected));
        }
        for (number, line) in (1..).zip(text.lines()) {
            if let Err(expected) = draft.take(number, line) {
                problems.push(Problem::new(format!("line {number}"), line, expected));
            }
            if problems.len() >= PROBLEMS_MAX {
                break;
            }
        }
        // Of a text that was not read to its end it cannot be said what it lacks.
        if problems.is_empty() {
            problems = draft.lacking();
        }
        let Draft { version, issued_us, manufacturers, models, robots } = draft;
        let (version, issued_us) = (version.unwrap_or_default(), issued_us.unwrap_or_default());
        let digest = Digest::of(text.as_bytes());
        Problems::unless_none(problems, Self { version, issued_us, digest, manufacturers, models, robots })
    }

    /// What is known of an ID at a moment, Unix microseconds UTC: the robot itself if it is listed, else the widest part of it
    /// that is not.
    pub fn listing(&self, id: &RobotId, at_us: i64) -> Listing {
        if let Some(entry) = self.robots.get(id) {
            return Listing::Robot(entry.at(at_us));
        }
        let segments = id.manufacturer_and_model();
        let model = segment::<10>(segments).is_some_and(|model| self.models.contains(&model));
        let manufacturer = segment::<4>(&segments[..4]).is_some_and(|maker| self.manufacturers.contains(&maker));
        match (manufacturer, model) {
            (_, true) => Listing::RobotUnlisted,
            (true, false) => Listing::ModelUnlisted,
            (false, false) => Listing::ManufacturerUnlisted,
        }
    }

    /// Version, which rises with each snapshot of a registry.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// When it was issued, as the registry says it, Unix microseconds UTC.
    pub fn issued_us(&self) -> i64 {
        self.issued_us
    }

    /// SHA-256 of the text.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Robots that are listed.
    pub fn robots(&self) -> usize {
        self.robots.len()
    }
}

impl Entry {
    /// Who is scrapped is so from that day on, or always if no day is given; who is suspended, whatever the day.
    fn at(&self, at_us: i64) -> RobotStatus {
        let day = at_us.div_euclid(DAY_US);
        let before = |other: Option<i32>| other.is_some_and(|other| day < i64::from(other));
        match self.status {
            RobotStatus::Scrapped if !before(self.scrapped) => RobotStatus::Scrapped,
            RobotStatus::Suspended => RobotStatus::Suspended,
            _ if before(self.commissioned) => RobotStatus::NotCommissioned,
            _ => RobotStatus::Active,
        }
    }
}

impl Draft {
    /// Takes one line; the error is what would be right.
    fn take(&mut self, number: usize, line: &str) -> Result<(), &'static str> {
        if number == 1 {
            return if line == KIND { Ok(()) } else { Err("tacho-roster/1") };
        }
        let (kind, rest) = line.split_once(' ').ok_or("version, issued, manufacturer, model or robot")?;
        match kind {
            "version" => {
                let version = rest.parse().ok().filter(|version| *version > 0).ok_or("a number above 0")?;
                once(&mut self.version, version)?;
            }
            "issued" => {
                let issued_us = parse_time(rest).map_err(|_reason| "a moment as 2026-11-21T00:00:00Z")?;
                once(&mut self.issued_us, issued_us)?;
            }
            "manufacturer" => {
                self.manufacturers.insert(segment(rest).ok_or("4 characters of 0-9 and A-Z")?);
            }
            "model" => {
                self.models.insert(segment(rest).ok_or("10 characters of 0-9 and A-Z: manufacturer and model")?);
            }
            "robot" => self.robot(rest)?,
            _ => return Err("version, issued, manufacturer, model or robot"),
        }
        Ok(())
    }

    fn robot(&mut self, rest: &str) -> Result<(), &'static str> {
        let mut words = rest.split(' ');
        let (Some(id), Some(status), Some(commissioned), Some(scrapped), None) =
            (words.next(), words.next(), words.next(), words.next(), words.next())
        else {
            return Err("robot ID STATUS COMMISSIONED SCRAPPED, dates as YYYY-MM-DD or -");
        };
        let id = RobotId::parse(id.as_bytes()).map_err(|_shape| "an ID of 29 characters of 0-9 and A-Z")?;
        let status = match status {
            "active" => RobotStatus::Active,
            "suspended" => RobotStatus::Suspended,
            "scrapped" => RobotStatus::Scrapped,
            _ => return Err("active, suspended or scrapped"),
        };
        let (commissioned, scrapped) = (day(commissioned)?, day(scrapped)?);
        if scrapped.is_some() && status != RobotStatus::Scrapped {
            return Err("a day of scrapping only for a robot that is scrapped, else -");
        }
        if commissioned.zip(scrapped).is_some_and(|(commissioned, scrapped)| scrapped < commissioned) {
            return Err("a day of scrapping that is not before that of commissioning");
        }
        if self.robots.insert(id, Entry { status, commissioned, scrapped }).is_some() {
            return Err("each robot once");
        }
        Ok(())
    }

    /// What sound lines leave wrong together.
    fn lacking(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.version.is_none() {
            problems.push(Problem::new("version", "", "a number above 0"));
        }
        if self.issued_us.is_none() {
            problems.push(Problem::new("issued", "", "the moment of issue, as 2026-11-21T00:00:00Z"));
        }
        let known = |model: &[u8; 10]| model.first_chunk::<4>().is_some_and(|maker| self.manufacturers.contains(maker));
        let mut strangers: Vec<_> = self.models.iter().filter(|model| !known(model)).collect();
        strangers.sort_unstable();
        for model in strangers.into_iter().take(PROBLEMS_MAX) {
            let model = String::from_utf8_lossy(model);
            let expected = format!("its manufacturer on a line of its own: manufacturer {}", &model[..4]);
            problems.push(Problem::new("model", &model, expected));
        }
        problems
    }
}

/// Sets what a roster has once.
fn once<T>(place: &mut Option<T>, value: T) -> Result<(), &'static str> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err("one such line in a roster"),
    }
}

/// Days since 1970-01-01 of `YYYY-MM-DD`, none of `-`.
fn day(text: &str) -> Result<Option<i32>, &'static str> {
    const EXPECTED: &str = "dates that exist, as YYYY-MM-DD, or -";
    if text == "-" {
        return Ok(None);
    }
    let at_us = parse_time(&format!("{text}T00:00:00Z")).map_err(|_reason| EXPECTED)?;
    i32::try_from(at_us.div_euclid(DAY_US)).map(Some).map_err(|_range| EXPECTED)
}

fn segment<const N: usize>(text: &str) -> Option<[u8; N]> {
    let bytes: [u8; N] = text.as_bytes().try_into().ok()?;
    bytes.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "tacho-roster/1\nversion 42\nissued 2026-11-21T00:00:00Z\nmanufacturer UR00\nmodel UR00UR5E00\n\
        robot DKUR00UR5E0000000000000000001 active 2026-01-03 -\n\
        robot DKUR00UR5E0000000000000000002 scrapped 2021-05-01 2026-06-30\n";

    fn listing(id: &str) -> Listing {
        Roster::parse(TEXT).unwrap().listing(&id.parse().unwrap(), parse_time("2026-11-21T00:00:00Z").unwrap())
    }

    #[test]
    fn a_robot_is_told_by_the_widest_part_that_is_not_listed() {
        assert_eq!(listing("DKUR00UR5E0000000000000000001"), Listing::Robot(RobotStatus::Active));
        assert_eq!(listing("DKUR00UR5E0000000000000000002"), Listing::Robot(RobotStatus::Scrapped));
        assert_eq!(listing("DKUR00UR5E0000000000000000003"), Listing::RobotUnlisted);
        assert_eq!(listing("DKUR00UR3E0000000000000000001"), Listing::ModelUnlisted);
        assert_eq!(listing("DKAB00UR5E0000000000000000001"), Listing::ManufacturerUnlisted);
        let roster = Roster::parse(TEXT).unwrap();
        assert_eq!((roster.version(), roster.robots(), roster.digest()), (42, 2, Digest::of(TEXT.as_bytes())));
        assert_eq!(roster.issued_us(), parse_time("2026-11-21T00:00:00Z").unwrap());
    }

    #[test]
    fn a_robot_is_judged_by_the_day_of_its_record() {
        let status = |line: &str, at: &str| {
            let text = TEXT.replace("active 2026-01-03 -", line);
            let id = "DKUR00UR5E0000000000000000001".parse().unwrap();
            Roster::parse(&text).unwrap().listing(&id, parse_time(at).unwrap())
        };
        use RobotStatus::{Active, NotCommissioned, Scrapped, Suspended};
        for (line, at, expected) in [
            ("active 2026-01-03 -", "2026-01-02T23:59:59.999999Z", NotCommissioned),
            ("active 2026-01-03 -", "2026-01-03T00:00:00Z", Active),
            ("active - -", "1969-12-31T23:59:59Z", Active),
            ("scrapped 2021-05-01 2026-06-30", "2021-04-30T00:00:00Z", NotCommissioned),
            ("scrapped 2021-05-01 2026-06-30", "2026-06-29T23:59:59Z", Active),
            ("scrapped 2021-05-01 2026-06-30", "2026-06-30T00:00:00Z", Scrapped),
            ("scrapped - -", "2001-01-01T00:00:00Z", Scrapped),
            ("suspended 2026-01-03 -", "2025-01-01T00:00:00Z", Suspended),
        ] {
            assert_eq!(status(line, at), Listing::Robot(expected), "{line} at {at}");
        }
    }

    #[test]
    fn what_is_no_roster_is_refused_with_its_line() {
        for (from, to, line) in [
            ("tacho-roster/1", "tacho-roster/2", "line 1"),
            ("version 42", "version 0", "line 2"),
            ("version 42", "version 1\nversion 99", "line 3"),
            ("issued 2026-11-21T00:00:00Z", "issued garbage", "line 3"),
            ("manufacturer UR00", "issued 2026-11-22T00:00:00Z", "line 4"),
            ("manufacturer UR00", "manufacturer ur00", "line 4"),
            ("model UR00UR5E00", "model UR5E00", "line 5"),
            (" active ", " alive ", "line 6"),
            ("2026-01-03 -", "tomorrow never", "line 6"),
            ("2026-01-03 -", "2026-02-29 -", "line 6"),
            ("2026-01-03 -", "2026-01-03 2026-06-30", "line 6"),
            ("0002 scrapped", "0001 scrapped", "line 7"),
            ("2026-06-30", "2026-06-30 more", "line 7"),
            ("2026-06-30", "2021-04-30", "line 7"),
            ("manufacturer UR00\n", "", "model"),
            ("version 42\n", "", "version"),
            ("issued 2026-11-21T00:00:00Z\n", "", "issued"),
        ] {
            let found = Roster::parse(&TEXT.replace(from, to)).expect_err(to).to_string();
            assert!(found.starts_with(line), "{to}: {found}");
        }
        assert!(Roster::parse(TEXT.trim_end()).is_err(), "cut off");
        assert!(Roster::parse("").is_err());
    }
}
