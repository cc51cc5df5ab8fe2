//! Faults for tests: named steps at which a process dies or an error is injected, given to constructors as a value.
//!
//! `tacho`'s hidden `--fault STEP[:N]=kill|error` makes them. Without one a step costs a null check. A fault that strikes
//! says so under [`LOG_TARGET`], so that a test knows that it tests something.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tacho_schemas::table::Table;
use tracing::warn;

/// Target of the warning that a fault strikes; its field `step` names the step.
pub const LOG_TARGET: &str = "tacho_lake::fault";

/// Steps of this crate, in the order of a landing; `TABLE` stands for each table's name.
///
/// A test walks [`steps`], which has them written out.
const PATTERNS: [&str; 22] = [
    "lake.config.before_put",
    "lake.config.after_put",
    "lake.TABLE.before_file",
    "lake.TABLE.after_file",
    "lake.TABLE.before_commit",
    "lake.TABLE.commit_answer",
    "lake.TABLE.after_commit",
    "lake.ledger.before_put",
    "lake.ledger.after_put",
    "lake.landing.before_batch",
    "lake.landing.after_batch",
    "lake.checkpoint.before_write",
    "lake.checkpoint.after_write",
    "lake.compact.before_file",
    "lake.compact.after_file",
    "lake.compact.before_commit",
    "lake.compact.commit_answer",
    "lake.compact.after_commit",
    "lake.vacuum.before_delete",
    "lake.vacuum.after_delete",
    "lake.log_cleanup.before_delete",
    "lake.log_cleanup.after_delete",
];

/// All steps of this crate, written out.
pub fn steps() -> Vec<String> {
    let mut steps = Vec::new();
    for pattern in PATTERNS {
        if pattern.contains("TABLE") {
            steps.extend(Table::LANDING_ORDER.iter().map(|table| pattern.replace("TABLE", table.name())));
        } else {
            steps.push(pattern.to_owned());
        }
    }
    steps
}

/// What happens at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Kill,
    Error,
}

#[derive(Debug)]
struct Fault {
    step: String,
    /// The fault strikes at this visit, counted from 1.
    visit: u64,
    effect: Effect,
    visits: AtomicU64,
}

/// A set of faults; clones share their counts.
#[derive(Debug, Clone, Default)]
pub struct Faults(Option<Arc<Vec<Fault>>>);

/// The error that a fault injects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("injected fault at step {0}")]
pub struct InjectedFault(pub String);

/// A text that is not a list of faults.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a fault: STEP[:N]=kill|error, several parted by commas")]
pub struct MalformedFault(pub String);

impl Faults {
    /// No faults.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Names of the steps that have a fault, so that the caller can refuse names that no crate knows.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|faults| faults.iter().map(|fault| fault.step.as_str()))
    }

    /// Passes a step: aborts the process or gives an error if a fault is due here.
    ///
    /// # Errors
    /// The injected fault.
    pub fn reach(&self, step: &str) -> Result<(), InjectedFault> {
        match &self.0 {
            None => Ok(()),
            Some(faults) => strike(faults, step),
        }
    }

    /// Passes the step `lake.<table>.<step>`.
    ///
    /// # Errors
    /// The injected fault.
    pub fn reach_table(&self, table: Table, step: &str) -> Result<(), InjectedFault> {
        match &self.0 {
            None => Ok(()),
            Some(faults) => strike(faults, &format!("lake.{}.{step}", table.name())),
        }
    }
}

fn strike(faults: &[Fault], step: &str) -> Result<(), InjectedFault> {
    for fault in faults.iter().filter(|fault| fault.step == step) {
        let visit = fault.visits.fetch_add(1, Ordering::Relaxed) + 1;
        if visit == fault.visit {
            warn!(target: LOG_TARGET, step, visit, "an injected fault strikes");
            match fault.effect {
                Effect::Kill => std::process::abort(),
                Effect::Error => return Err(InjectedFault(step.to_owned())),
            }
        }
    }
    Ok(())
}

impl FromStr for Faults {
    type Err = MalformedFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let faults = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(parse_one)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(if faults.is_empty() { Self::none() } else { Self(Some(Arc::new(faults))) })
    }
}

fn parse_one(text: &str) -> Result<Fault, MalformedFault> {
    let malformed = || MalformedFault(text.to_owned());
    let (place, effect) = text.split_once('=').ok_or_else(malformed)?;
    let effect = match effect {
        "kill" => Effect::Kill,
        "error" => Effect::Error,
        _ => return Err(malformed()),
    };
    let (step, visit) = match place.split_once(':') {
        Some((step, visit)) => (step, visit.parse().map_err(|_not_a_number| malformed())?),
        None => (place, 1),
    };
    let named = step.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.'));
    if step.is_empty() || !named || visit == 0 {
        return Err(malformed());
    }
    Ok(Fault { step: step.to_owned(), visit, effect, visits: AtomicU64::new(0) })
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = self.0.iter().flat_map(|faults| faults.iter());
        for (index, fault) in faults.enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let effect = if fault.effect == Effect::Kill { "kill" } else { "error" };
            write!(f, "{comma}{}:{}={effect}", fault.step, fault.visit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_at_its_visit_and_only_there() {
        let faults: Faults = "lake.joints.before_commit:2=error".parse().unwrap();
        assert_eq!(faults.reach_table(Table::Joints, "before_commit"), Ok(()));
        assert_eq!(faults.reach_table(Table::Records, "before_commit"), Ok(()));
        let struck = faults.clone().reach("lake.joints.before_commit");
        assert_eq!(struck, Err(InjectedFault("lake.joints.before_commit".to_owned())));
        assert_eq!(faults.reach_table(Table::Joints, "before_commit"), Ok(()));
    }

    #[test]
    fn texts_round_trip_and_what_is_not_a_fault_is_refused() {
        let text = "a.b:1=kill,c:3=error";
        assert_eq!(text.parse::<Faults>().unwrap().to_string(), text);
        assert_eq!("".parse::<Faults>().unwrap().steps().count(), 0);
        for wrong in ["a", "a=die", "a:0=kill", "a:x=kill", "=kill", "A=kill"] {
            assert_eq!(wrong.parse::<Faults>().unwrap_err(), MalformedFault(wrong.to_owned()));
        }
    }

    #[test]
    fn every_table_has_its_own_steps() {
        let steps = steps();
        assert!(steps.iter().any(|step| step == "lake.gap_events.commit_answer"));
        assert!(steps.iter().all(|step| !step.contains("TABLE")));
    }
}
