//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::exit::Answer;
use crate::up::{Part, play};

/// The sealed instrument for robot fleets: records telemetry, computes wear, answers SQL, proves every row.
#[derive(Debug, Parser)]
#[command(name = "tacho", version, propagate_version = true, args_override_self = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs all roles in one process.
    #[command(after_help = "Example: tacho up --demo")]
    Up(Box<crate::up::Args>),
    /// Takes publishes over MQTT and appends them to the log in Kafka.
    #[command(after_help = "Example: tacho ingest --config tacho.toml --data /var/lib/tacho/ingest-1")]
    Ingest(Box<crate::up::role_args::IngestArgs>),
    /// Lands a share of the log in Kafka in the lake.
    #[command(after_help = "Example: tacho process --config tacho.toml --data /var/lib/tacho/process-1")]
    Process(Box<crate::up::role_args::ProcessArgs>),
    /// Anchors what processors have landed, and looks after the lake's files.
    #[command(after_help = "Example: tacho anchor --config tacho.toml --data /var/lib/tacho/anchor")]
    Anchor(Box<crate::up::role_args::AnchorArgs>),
    /// Works on the configuration that processors follow.
    Config(crate::up::config_apply::ConfigArgs),
    /// Asks the lake in SQL, whether it runs or not.
    #[command(after_help = "Example: tacho sql \"select robot_id, power_on_h, robot_health_index from fleet\"")]
    Sql(crate::sql::Args),
    /// Publishes a simulated fleet over MQTT, or serves a simulated robot cell over OPC UA.
    #[command(
        after_help = "Examples: tacho simulate --robots 200 --rate 1000 --records 20000 --faults gap=0.01,poison=0.001\n          \
                      tacho simulate --opcua --robots 2"
    )]
    Simulate(crate::simulate::Args),
    /// Publishes recorded data as live telemetry.
    #[command(after_help = "Example: tacho replay ur3_cobotops.csv --to mqtt://127.0.0.1:1883")]
    Replay(crate::replay::Args),
    /// Lists, shows and retries what was rejected, whether an instance runs or not.
    #[command(after_help = "Example: tacho dead-letters list --reason range --format json")]
    DeadLetters(crate::dead_letters::Args),
    /// Processes the raw records of a log once more, into a lake of its own.
    #[command(after_help = "Examples: tacho replay-log --into replayed\n          \
                      tacho replay-log --from 2026-11-01 --to 2026-11-08T12:00:00Z --config mended.toml --into replayed")]
    ReplayLog(crate::replay_log::Args),
    /// Writes a proof file for one row to standard output.
    #[command(
        after_help = "Examples: tacho prove --robot CNAB12HX00010000000000000042A --seq 1024 > row.tlog-proof\n          \
                      tacho prove --table rejected --partition 3 --offset 1024 > letter.tlog-proof"
    )]
    Prove(crate::prove::ProveArgs),
    /// Checks a proof file, offline and with nothing but the log's public key.
    #[command(after_help = "Example: tacho verify row.tlog-proof --key tacho-data/keys/log.vkey")]
    Verify(crate::prove::VerifyArgs),
    /// Recomputes everything from the lake and names the first divergence.
    #[command(after_help = "Example: tacho audit --data tacho-data")]
    Audit(crate::audit::Args),
    /// Copies an instance, running or not, in one consistent state.
    #[command(after_help = "Example: tacho backup --to /mnt/backup/today")]
    Backup(crate::backup::Args),
    /// Makes a data directory of a backup, after every byte of it was checked.
    #[command(after_help = "Example: tacho restore --from /mnt/backup/today --data tacho-data")]
    Restore(crate::restore::Args),
    /// Prints the line of a users file for one user; reads the password from standard input or the terminal.
    #[command(after_help = "Example: tacho user cell-7 --robots CNAB12HX00010000000000000042A >> users")]
    User(crate::user::Args),
    /// Lists every problem of a configuration file at once.
    #[command(after_help = "Example: tacho check tacho.toml")]
    Check(crate::check::Args),
    /// Lists, shows and checks robot models.
    #[command(after_help = "Example: tacho models show ur5e")]
    Models(crate::models::Args),
    /// Signs and checks rosters of robots.
    #[command(after_help = "Example: tacho roster check roster --key roster-keys/log.vkey")]
    Roster(crate::roster::Args),
    /// Trusts the servers of the OPC UA bridge, and shows what they have.
    #[command(after_help = "Example: tacho opcua trust --data tacho-data")]
    Opcua(crate::opcua::Args),
}

/// Which data directory a reading command means.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DataDir {
    /// Data directory of the instance [default: ./tacho-data].
    #[arg(long, overrides_with = "data", conflicts_with = "config")]
    data: Option<PathBuf>,
    /// Configuration file that names the data directory.
    #[arg(long, overrides_with = "config")]
    config: Option<PathBuf>,
}

impl DataDir {
    /// The settings of the instance, its data directory resolved.
    pub(crate) fn settings(&self) -> anyhow::Result<tacho_config::Settings> {
        crate::settings::load(self.config.as_deref(), self.data.as_deref())
    }
}

impl Cli {
    /// Whether the command is the long-running one, which logs what it does.
    pub(crate) fn is_service(&self) -> bool {
        match &self.command {
            Command::Up(_) | Command::Ingest(_) | Command::Process(_) | Command::Anchor(_) => true,
            Command::Config(args) => args.goes_on(),
            _ => false,
        }
    }

    /// Runs the command.
    pub(crate) async fn run(self) -> anyhow::Result<Answer> {
        match self.command {
            Command::Up(args) => Box::pin(crate::up::run(*args)).await,
            Command::Ingest(args) => Box::pin(play(Part::Ingest, (*args).into())).await,
            Command::Process(args) => Box::pin(play(Part::Process, (*args).into())).await,
            Command::Anchor(args) => Box::pin(play(Part::Anchor, (*args).into())).await,
            Command::Config(args) => Box::pin(crate::up::config_apply::run(args)).await,
            Command::Sql(args) => crate::sql::run(args).await,
            Command::Simulate(args) => crate::simulate::run(args).await,
            Command::Replay(args) => crate::replay::run(args).await,
            Command::DeadLetters(args) => Box::pin(crate::dead_letters::run(args)).await,
            Command::ReplayLog(args) => Box::pin(crate::replay_log::run(args)).await,
            Command::Prove(args) => crate::prove::prove(args).await,
            Command::Verify(args) => crate::prove::verify(&args),
            Command::Audit(args) => crate::audit::run(args).await,
            Command::Backup(args) => crate::backup::run(args).await,
            Command::Restore(args) => crate::restore::run(args).await,
            Command::User(args) => crate::user::run(args).await,
            Command::Check(args) => crate::check::run(args).await,
            Command::Models(args) => crate::models::run(&args),
            Command::Roster(args) => crate::roster::run(&args),
            Command::Opcua(args) => Box::pin(crate::opcua::run(&args)).await,
        }
    }
}
