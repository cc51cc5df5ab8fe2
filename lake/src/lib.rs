//! The lake: Delta tables on disk, who may commit to them and when, and what keeps them small and whole.
//!
//! Rows come from `tacho-processors` as columnar batches and leave through DataFusion (`tacho-query`) and the
//! anchorer (`tacho-registry`). What a row means is `tacho-schemas`' business.

pub mod config_store;
pub mod fault;
pub mod lake;
mod lake_store;
pub mod landing;
pub mod ledger;
pub mod maintenance;
pub mod place;
pub mod reader;
#[cfg(test)]
mod sample;
pub mod store;
pub mod table;

pub use fault::Faults;
pub use lake::{Lake, LakeOptions};
pub use lake_store::LakeStore;
pub use landing::Landing;
pub use place::LakePlace;
pub use reader::TableReader;
pub use store::SyncedStore;
pub use table::{LakeTable, TableOptions};
