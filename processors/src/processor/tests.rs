//! The processor as a whole: records in, rows and verdicts out.

mod conservation;
mod contradicted;
mod dropped;
mod fixture;
mod further;
mod judged;
mod rejected;
mod rows;
