//! From the start of `tacho up` to its endpoints, on an empty folder.

use crate::number::{quantile, short};
use crate::plant::Plant;
use crate::table::Figure;

const STARTS: usize = 5;

pub(crate) fn measure() -> anyhow::Result<Vec<Figure>> {
    let mut starts = (0..STARTS)
        .map(|number| Ok(Plant::start(&format!("start-{number}"), "")?.ready_after))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let median = quantile(&mut starts, 50);
    let figure =
        format!("{} (median of {STARTS}, {} to {})", short(median), short(starts[0]), short(starts[STARTS - 1]));
    Ok(vec![Figure::alone("start of `tacho up` to ready, empty folder", "≤ 1 s", figure)])
}
