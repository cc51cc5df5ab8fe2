//! The MQTT front against a real embedded log: raw sockets for what only bytes can say, and real clients.

mod acknowledging;
mod clients;
mod hardening;
mod limits;
mod plant;
mod raw;
mod refusing;
mod sessions;
mod subscribing;
mod wills;
