//! What a time that is missing does to robots: nothing holds over it, and their records tell it; of a robot of which only
//! some signals are missing, each tells its own.

use tacho_config::settings::opcua::Field;

use super::notes::GapNote;
use super::signal::pointer;
use super::{At, Cutter, Robot};
use crate::opcua::journal::Gap;

impl Cutter {
    /// Data of a server are missing.
    pub(super) fn miss(&mut self, at: At<'_>, gap: &Gap) {
        let server = self.servers.get(at.server);
        let field = |signal: &u32| server?.signals.get(usize::try_from(*signal).ok()?);
        let lacking: Option<Vec<_>> = gap.signals.as_ref().map(|signals| signals.iter().filter_map(field).collect());
        let misses =
            |robot: &&mut Robot| robot.server == at.server && at.offset >= robot.until && !robot.fields.is_empty();
        for robot in self.robots.values_mut().filter(misses) {
            let number = server.and_then(|server| server.robots.iter().position(|id| *id == robot.entry.robot_id));
            let of_it = |(of, field): &&(usize, Field)| (Some(*of) == number).then(|| field.clone());
            let fields: Option<Vec<_>> = lacking.as_ref().map(|fields| fields.iter().filter_map(of_it).collect());
            match fields.filter(|fields| fields.len() < robot.fields.len()) {
                Some(fields) => robot.lacks(gap, &fields),
                None => robot.misses(gap, self.window_us),
            }
        }
    }
}

impl Robot {
    /// Its data of a time are missing.
    fn misses(&mut self, gap: &Gap, window_us: i64) {
        let (from_us, to_us) = (gap.from_us, gap.to_us.max(gap.from_us));
        self.settle();
        self.state.weigh(&mut self.window, from_us, window_us);
        self.state.forgets_held();
        self.window.note_gap(GapNote { from_us, to_us, cause: gap.cause.clone(), pointer: None });
    }

    /// Those of some of its fields are.
    fn lacks(&mut self, gap: &Gap, fields: &[Field]) {
        let (from_us, to_us) = (gap.from_us, gap.to_us.max(gap.from_us));
        if !fields.is_empty() {
            self.settle();
        }
        for field in fields {
            self.state.forgets(field);
            let pointer = Some(pointer(&field.to_string()));
            self.window.note_gap(GapNote { from_us, to_us, cause: gap.cause.clone(), pointer });
        }
    }
}
