//! Sources of telemetry: whatever speaks to robots and gateways, and the one way out of it.
//!
//! [`mqtt`] is the broker's network front, [`opcua`] the bridge to controllers; [`outlet`] stamps what a source received and appends it to the
//! log. Nothing here decodes a payload, and nothing here knows the processors.

pub mod mqtt;
pub mod opcua;
pub mod outlet;
pub mod source;

pub use mqtt::{MqttFront, MqttListener, MqttSettings, MqttUser, RobotRate, hash_password};
pub use opcua::{BridgeEnd, BridgeError, OpcuaBridge};
pub use outlet::{Outlet, OutletLane};
pub use source::{BindError, SourceError};
