//! The processor as a whole: records in, rows and verdicts out.

mod conservation;
mod dropped;
mod fixture;
mod further;
mod rejected;
mod rows;
