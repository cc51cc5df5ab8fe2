//! What a start finds of windows on their way, and makes again where it does not fit: a window that was laid down, and the
//! segments of the last one that was closed.

use std::path::Path;

use tracing::{error, warn};

use super::gather::rows_in;
use super::lock::Lock;
use super::plan::Prepared;
use super::window::{are_of, read_segments, segments_path, write_segments};
use super::{AnchorError, Anchorer, Heads};
use crate::leaf::Schemas;
use crate::published;
use crate::statement::{OffsetRange, WindowStatement};

/// The window that was laid down before the last end. Nothing of it was signed: one that cannot be read, or does not
/// follow the last window, is laid down anew.
pub(super) fn prepared(dir: &Path, lock: &Lock) -> Result<Option<Prepared>, AnchorError> {
    let why = match Prepared::read(dir) {
        Ok(Some(prepared)) if !prepared.fits(lock) => "it does not follow the last window".to_owned(),
        Err(AnchorError::File { why, .. }) => why,
        fitting => return fitting,
    };
    warn!(path = %Prepared::path(dir).display(), why, "the window that was laid down is laid down anew");
    Prepared::remove(dir)?;
    Ok(None)
}

impl Anchorer {
    /// Makes the file of the last window's segments again if it is not what the window states. Where that does not
    /// work, proofs and audits need a backup of it; new windows do not.
    pub(super) async fn remake_segments(&mut self) {
        let Some(win_no) = self.lock.next_win_no.checked_sub(1) else { return };
        let path = segments_path(&self.dir, win_no);
        match self.segments_remade().await {
            Ok(false) => {}
            Ok(true) => warn!(path = %path.display(), "segments that were not as stated were made again from the rows"),
            Err(trouble) => {
                let error = tacho_schemas::chain(&trouble);
                error!(path = %path.display(), error, "segments are not as stated, nor do the rows lead to them");
            }
        }
    }

    /// Whether they had to be made again.
    async fn segments_remade(&mut self) -> Result<bool, AnchorError> {
        let Some(window) = self.last_window()? else { return Ok(false) };
        if read_segments(&self.dir, window.win_no).is_ok_and(|segments| are_of(&window, &segments)) {
            return Ok(false);
        }
        let ranges: Vec<&OffsetRange> = window.ranges.iter().collect();
        let Some(schemas) = Schemas::named(&window.schema_ids) else {
            return Err(AnchorError::UnknownSchema { win_no: window.win_no });
        };
        let streams = rows_in(&self.lake, &mut self.salts, (&ranges, &schemas), None).await?;
        let segments = Heads::load(&self.dir, window.win_no)?.extend(&streams);
        if !are_of(&window, &segments) {
            let path = segments_path(&self.dir, window.win_no);
            return Err(AnchorError::ReadBack { what: "segments", path });
        }
        write_segments(&self.dir, &window, &segments)?;
        Ok(true)
    }

    fn last_window(&self) -> Result<Option<Box<WindowStatement>>, AnchorError> {
        let newest = published::windows(&self.tiles, self.lock.size).next_back().transpose()?;
        Ok(newest.map(|(_, window)| window))
    }
}
