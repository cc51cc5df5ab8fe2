//! The roster: what a registry says of robots at one moment, as a snapshot with a version and a digest.
//!
//! A text, one entry a line, so that anyone can read and compare it. Whether it is signed, and by whom, is the caller's to check;
//! rows name its digest by the configuration that is in force.
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

use tacho_schemas::{Digest, RobotId};

use crate::problem::{Problem, Problems};

/// The first line.
const KIND: &str = "tacho-roster/1";
/// A longer text is refused, in bytes: about 900,000 robots.
pub const ROSTER_BYTES_MAX: usize = 64 << 20;
/// Problems of a roster that are listed at most.
const PROBLEMS_MAX: usize = 20;

/// What a registry says of a robot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RobotStatus {
    /// In use.
    Active,
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
    issued: String,
    digest: Digest,
    manufacturers: HashSet<[u8; 4]>,
    models: HashSet<[u8; 10]>,
    robots: HashMap<RobotId, RobotStatus>,
}

impl Roster {
    /// Reads a roster.
    ///
    /// # Errors
    /// The first [`Problems`] of it, each with its line.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        let mut roster = Self {
            version: 0,
            issued: String::new(),
            digest: Digest::of(text.as_bytes()),
            manufacturers: HashSet::new(),
            models: HashSet::new(),
            robots: HashMap::new(),
        };
        let mut problems = Vec::new();
        if text.len() > ROSTER_BYTES_MAX || !text.ends_with('\n') {
            let size = format!("{} bytes", text.len());
            let expected = format!("at most {ROSTER_BYTES_MAX} bytes that end with a newline");
            problems.push(Problem::new("roster", &size, expected));
        }
        for (number, line) in (1..).zip(text.lines()) {
            if let Err(expected) = roster.take(number, line) {
                problems.push(Problem::new(format!("line {number}"), line, expected));
            }
            if problems.len() >= PROBLEMS_MAX {
                break;
            }
        }
        if roster.version == 0 {
            problems.push(Problem::new("version", "", "a number above 0"));
        }
        Problems::unless_none(problems, roster)
    }

    /// Takes one line; the error is what would be right.
    fn take(&mut self, number: usize, line: &str) -> Result<(), &'static str> {
        if number == 1 {
            return if line == KIND { Ok(()) } else { Err("tacho-roster/1") };
        }
        let (kind, rest) = line.split_once(' ').ok_or("version, issued, manufacturer, model or robot")?;
        match kind {
            "version" => self.version = rest.parse().ok().filter(|version| *version > 0).ok_or("a number above 0")?,
            "issued" => rest.clone_into(&mut self.issued),
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
        let (Some(id), Some(status), Some(_commissioned), Some(_scrapped), None) =
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
        if self.robots.insert(id, status).is_some() {
            return Err("each robot once");
        }
        Ok(())
    }

    /// What is known of an ID: the robot itself if it is listed, else the widest part of it that is not.
    pub fn listing(&self, id: &RobotId) -> Listing {
        if let Some(status) = self.robots.get(id) {
            return Listing::Robot(*status);
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

    /// When it was issued, as the registry says it.
    pub fn issued(&self) -> &str {
        &self.issued
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
        Roster::parse(TEXT).unwrap().listing(&id.parse().unwrap())
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
    }

    #[test]
    fn what_is_no_roster_is_refused_with_its_line() {
        for (from, to, line) in [
            ("tacho-roster/1", "tacho-roster/2", "line 1"),
            ("version 42", "version 0", "line 2"),
            ("manufacturer UR00", "manufacturer ur00", "line 4"),
            ("model UR00UR5E00", "model UR5E00", "line 5"),
            (" active ", " alive ", "line 6"),
            ("0002 scrapped", "0001 scrapped", "line 7"),
            ("2026-06-30", "2026-06-30 more", "line 7"),
        ] {
            let found = Roster::parse(&TEXT.replace(from, to)).expect_err(to).to_string();
            assert!(found.starts_with(line), "{to}: {found}");
        }
        assert!(Roster::parse(TEXT.trim_end()).is_err(), "cut off");
        assert!(Roster::parse("").is_err());
    }
}
