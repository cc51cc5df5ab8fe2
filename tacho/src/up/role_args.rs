//! Arguments of the commands that play one role of a deployment on Kafka.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::Args;

/// Takes publishes over MQTT and appends them to the log.
#[derive(Debug, clap::Args)]
pub(crate) struct IngestArgs {
    #[command(flatten)]
    role: RoleArgs,
    /// Where MQTT listens; port 0 picks a free one.
    #[arg(long, overrides_with = "mqtt")]
    mqtt: Option<SocketAddr>,
    /// Also runs the bridge to OPC UA servers: in one ingest of a deployment, or every record comes twice.
    #[arg(long)]
    opcua: bool,
}

/// Lands a share of the log in the lake; as many may run as the log has partitions.
#[derive(Debug, clap::Args)]
pub(crate) struct ProcessArgs {
    #[command(flatten)]
    role: RoleArgs,
}

/// Anchors what has landed, and looks after the lake's files; one runs.
#[derive(Debug, clap::Args)]
pub(crate) struct AnchorArgs {
    #[command(flatten)]
    role: RoleArgs,
    /// Starts a new transparency log, naming the evidence that the registry is ahead of this data directory.
    #[arg(long)]
    new_origin: bool,
    /// Gives a registry that has lost what was lodged with it the transparency log again, and records that it was so.
    #[arg(long)]
    lodge_anew: bool,
}

/// What all of them take.
#[derive(Debug, clap::Args)]
struct RoleArgs {
    /// Configuration file; all roles of a deployment may share one.
    #[arg(long, overrides_with = "config")]
    config: PathBuf,
    /// Data directory of this process alone [default: what the configuration says].
    #[arg(long, overrides_with = "data")]
    data: Option<PathBuf>,
    /// Where liveness, readiness and metrics are served; port 0 picks a free one.
    #[arg(long, overrides_with = "admin")]
    admin: Option<SocketAddr>,
    /// Dies or fails at a step, for tests: STEP[:N]=kill|error.
    #[arg(long, hide = true, default_value = "", overrides_with = "fault")]
    fault: tacho_lake::Faults,
}

impl From<RoleArgs> for Args {
    fn from(role: RoleArgs) -> Self {
        Self {
            config: Some(role.config),
            data: role.data,
            mqtt: None,
            admin: role.admin,
            demo: false,
            new_log: false,
            other_roster: false,
            new_origin: false,
            lodge_anew: false,
            fault: role.fault,
            fault_steps: false,
            opcua: false,
        }
    }
}

impl From<IngestArgs> for Args {
    fn from(args: IngestArgs) -> Self {
        Self { mqtt: args.mqtt, opcua: args.opcua, ..args.role.into() }
    }
}

impl From<ProcessArgs> for Args {
    fn from(args: ProcessArgs) -> Self {
        args.role.into()
    }
}

impl From<AnchorArgs> for Args {
    fn from(args: AnchorArgs) -> Self {
        Self { new_origin: args.new_origin, lodge_anew: args.lodge_anew, ..args.role.into() }
    }
}
