//! Standard output: results and nothing else.

use std::io::Write as _;

use anyhow::Context as _;
use serde::Serialize;

/// Writes text as it is; a reader that went away is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error).context("standard output"),
        _ => Ok(()),
    }
}

/// Writes one JSON value on a line.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string(value).context("result as JSON")?;
    text.push('\n');
    print(&text)
}
