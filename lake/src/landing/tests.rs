//! Landing into real Delta tables in a temporary folder.

mod decisions;
mod feed;
mod logs;
mod plant;
mod redo;
mod torn;
