//! The actors of the integration tests: an instance of `tacho` as a process, its clients, and what the lake says.
//!
//! The promises of the README are in `tests/`, one a file. Everything runs on loopback, in temporary folders,
//! on free ports, and ends with the test.

pub mod arm;
pub mod browsing;
pub mod cell;
pub mod client;
pub mod clock;
pub mod cluster;
pub mod counting;
pub mod data;
pub mod device;
pub mod disk;
pub mod files;
pub mod history;
pub mod hostile;
pub mod http;
pub mod kafka;
pub mod lake;
pub mod outcome;
pub mod plant;
pub mod port;
pub mod proxy;
pub mod s3;
pub mod trace;
pub mod wait;

pub use lake::{Lake, Row};
pub use outcome::Outcome;
pub use plant::{Plant, PlantOptions};
pub use wait::{until, until_some};
