//! The users file: who may connect, and for which robots.
//!
//! One user per line: `ROBOT_ID:HASH`, `NAME:HASH:robots=ID1,ID2` or `NAME:HASH:gateway` (for all robots), where HASH is an argon2id
//! hash in PHC form. Who is let in may subscribe to everything.
//! Blank lines and lines that begin with `#` are skipped. Verifying a password is `tacho-ingest`'s work; no password is read here.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use tacho_schemas::RobotId;

use crate::problem::{Problem, Problems};
use crate::settings::read_bounded;

/// How a line comes about.
const MAKE_ONE: &str = "`tacho user NAME` makes one";

/// A users file is refused above this size, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Bytes of a name at most.
const NAME_BYTES_MAX: usize = 128;

/// Memory of one verification at most, KiB: a CONNECT must not cost more.
const MEMORY_KIB_MAX: u32 = 256 << 10;

/// Passes of one verification at most.
const PASSES_MAX: u32 = 16;

/// Lanes of one verification at most.
const LANES_MAX: u32 = 16;

/// The users of a file, by name.
#[derive(Debug, Clone, Default)]
pub struct Users {
    by_name: HashMap<String, User>,
}

/// One user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name in CONNECT.
    pub name: String,
    /// Hash of the password.
    pub hash: PasswordHash,
    /// Robots that it may publish for, sorted; empty: any.
    pub robots: Vec<RobotId>,
}

/// An argon2id hash in PHC form. `Debug` shows `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The PHC string, for the verifier.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl User {
    /// Whether it may publish for `robot`.
    pub fn may_publish_for(&self, robot: &RobotId) -> bool {
        self.robots.is_empty() || self.robots.binary_search(robot).is_ok()
    }
}

impl Users {
    /// Reads a users file.
    ///
    /// # Errors
    /// All [`Problems`] of the file at once; a hash is never part of one.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let named = |problem: Problem| problem.of_file(&path.display().to_string());
        let text = read_bounded(path, FILE_BYTES_MAX).map_err(|unreadable| {
            let expected = format!("a users file: for each user a line NAME:HASH; {MAKE_ONE}");
            Problems(
                unreadable.0.into_iter().map(|problem| Problem { expected: expected.clone(), ..problem }).collect(),
            )
        })?;
        Self::parse(&text).map_err(|problems| Problems(problems.0.into_iter().map(named).collect()))
    }

    /// Reads the text of a users file. A user without a binding, whose name is a robot ID, is bound to that robot; any other
    /// must have one: a forgotten binding opens nothing.
    ///
    /// # Errors
    /// All [`Problems`] of the text at once; a hash is never part of one.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        let mut by_name: HashMap<String, User> = HashMap::new();
        let mut problems = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let place = format!("line {}", index + 1);
            if let Some(user) = parse_line(line, &place, &mut problems)
                && let Some(earlier) = by_name.insert(user.name.clone(), user)
            {
                problems.push(Problem::new(place, &earlier.name, "each name once"));
            }
        }
        Problems::unless_none(problems, Self { by_name })
    }

    /// The problem of a file without users, where nobody else could come in either.
    ///
    /// # Errors
    /// If there is none.
    pub fn some(self, path: &Path) -> Result<Self, Problems> {
        let expected = format!("at least one line NAME:HASH, or `anonymous = true` in [mqtt]; {MAKE_ONE}");
        let problem = Problem::new(path.display().to_string(), "no user", expected);
        Problems::unless_none(if self.is_empty() { vec![problem] } else { Vec::new() }, self)
    }

    /// Whether a name can stand in a users file.
    pub fn is_name(name: &str) -> bool {
        let forbidden = |c: char| c.is_control() || c == '$' || c == ':' || c == '#';
        !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains(forbidden) && name.trim() == name
    }

    /// The users, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &User> {
        self.by_name.values()
    }

    /// The user called `name`.
    pub fn get(&self, name: &str) -> Option<&User> {
        self.by_name.get(name)
    }

    /// Number of users.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}

/// The user of a line; what is wrong goes to `problems`, and the line counts as none.
fn parse_line(line: &str, place: &str, problems: &mut Vec<Problem>) -> Option<User> {
    let before = problems.len();
    let mut parts = line.splitn(3, ':');
    let (name, hash, binding) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains(|c: char| c.is_control() || c == '$') {
        let expected = format!("NAME:HASH, NAME of 1 to {NAME_BYTES_MAX} bytes without `$`; {MAKE_ONE}");
        // Without its name, a line begins with the hash.
        problems.push(Problem::new(place, "***", expected));
        return None;
    }
    if !hash.is_some_and(is_argon2id) {
        let expected = format!(
            "NAME:HASH, HASH an argon2id hash such as $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH with \
             m ≤ {MEMORY_KIB_MAX}, t ≤ {PASSES_MAX}, p ≤ {LANES_MAX}; {MAKE_ONE}"
        );
        // What stands there may be a password.
        problems.push(Problem::new(format!("{place} ({name})"), "***", expected));
    }
    let robots = match binding {
        None => match name.parse() {
            Ok(robot) => vec![robot],
            Err(_no_robot) => {
                let expected = "`:robots=ID,ID` or `:gateway` (all robots) at its end; only a robot's ID binds itself";
                problems.push(Problem::new(format!("{place} ({name})"), "no robots", expected));
                Vec::new()
            }
        },
        Some("gateway") => Vec::new(),
        Some(binding) => parse_robots(binding, &format!("{place} ({name})"), problems),
    };
    (problems.len() == before).then(|| User {
        name: name.to_owned(),
        hash: PasswordHash(hash.unwrap_or_default().to_owned()),
        robots,
    })
}

fn parse_robots(binding: &str, place: &str, problems: &mut Vec<Problem>) -> Vec<RobotId> {
    let Some(list) = binding.strip_prefix("robots=") else {
        problems.push(Problem::new(place, "***", "`robots=ID,ID` or `gateway` after the second colon"));
        return Vec::new();
    };
    let mut robots = Vec::new();
    for text in list.split(',') {
        match text.trim().parse() {
            Ok(robot) => robots.push(robot),
            Err(malformed) => {
                let malformed: tacho_schemas::robot_id::MalformedRobotId = malformed;
                problems.push(Problem::new(place, text, format!("robot IDs: {malformed}")));
            }
        }
    }
    robots.sort_unstable();
    robots.dedup();
    robots
}

/// The shape `$argon2id$v=19$m=…,t=…,p=…$SALT$HASH`, with costs in bounds.
fn is_argon2id(hash: &str) -> bool {
    let parts: Vec<_> = hash.split('$').collect();
    let ["", "argon2id", "v=19", costs, salt, digest] = parts.as_slice() else {
        return false;
    };
    let costs: Vec<_> = costs.split(',').collect();
    let [memory, passes, lanes] = costs.as_slice() else {
        return false;
    };
    let within = |cost: &str, key: &str, range: std::ops::RangeInclusive<u32>| {
        let number = cost.strip_prefix(key).and_then(|number| number.parse().ok());
        number.is_some_and(|number: u32| range.contains(&number))
    };
    let base64 = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte));
    within(memory, "m=", 8..=MEMORY_KIB_MAX)
        && within(passes, "t=", 1..=PASSES_MAX)
        && within(lanes, "p=", 1..=LANES_MAX)
        && (11..=64).contains(&salt.len())
        && (16..=128).contains(&digest.len())
        && base64(salt)
        && base64(digest)
}

#[cfg(test)]
mod tests;
