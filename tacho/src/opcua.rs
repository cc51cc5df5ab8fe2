//! `tacho opcua`: whom the bridge trusts, and what a server has.

mod browse;
mod suggested;

use anyhow::Context as _;
use clap::Subcommand;
use tacho_config::Settings;
use tacho_ingest::opcua::trust::KnownCertificate;
use tacho_ingest::opcua::{TrustError, TrustStore, trust_dir};

use crate::cli::DataDir;
use crate::exit::{Answer, WrongUse};

/// What a person does for the OPC UA bridge.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists the certificates of servers that were met, trusts one, or trusts it no more.
    #[command(after_help = "Examples: tacho opcua trust --data tacho-data\n          \
                      tacho opcua trust 3b1f0c6a9d5e4b7c8a2f1e0d9c8b7a6f5e4d3c2b --data tacho-data")]
    Trust(TrustArgs),
    /// Finds the robots of a server by their types, and writes a configuration of the bridge for it.
    #[command(after_help = "Examples: tacho opcua browse opc.tcp://192.168.0.10:4840 --data tacho-data\n          \
                      tacho opcua browse opc.tcp://192.168.0.10:4840 --name cell-7 > cell-7.toml")]
    Browse(browse::Args),
}

#[derive(Debug, clap::Args)]
struct TrustArgs {
    /// Thumbprint (SHA-1, hex) of the certificate to be trusted; compare it with what the controller shows.
    thumbprint: Option<String>,
    /// Trusts it no more.
    #[arg(long, requires = "thumbprint")]
    remove: bool,
    #[command(flatten)]
    data: DataDir,
}

/// Runs the command.
pub(crate) async fn run(args: &Args) -> anyhow::Result<Answer> {
    match &args.command {
        Command::Trust(args) => trust(args),
        Command::Browse(args) => browse::run(args).await,
    }
}

fn trust(args: &TrustArgs) -> anyhow::Result<Answer> {
    let (store, _) = store(&args.data)?;
    let Some(thumbprint) = &args.thumbprint else { return list(&store) };
    let moved = if args.remove { store.distrust(thumbprint) } else { store.trust(thumbprint) };
    match moved {
        Ok(()) => {}
        Err(error @ TrustError::Unknown(_)) => return Err(WrongUse(error.to_string()).into()),
        Err(error) => return Err(error).context("OPC UA certificates"),
    }
    let what = if args.remove { "trusted no more" } else { "trusted; the bridge connects within seconds" };
    crate::output::print(&format!("{thumbprint} is {what}\n"))?;
    Ok(Answer::Yes)
}

/// The certificates of an instance, and its settings.
fn store(data: &DataDir) -> anyhow::Result<(TrustStore, Settings)> {
    let settings = data.settings()?;
    super::up::instance::require(&settings.data_dir)?;
    let dir = trust_dir(&settings.data_dir.join("opcua"));
    Ok((TrustStore::open(&dir).context("OPC UA certificates")?, settings))
}

fn list(store: &TrustStore) -> anyhow::Result<Answer> {
    let mut text = String::new();
    for known in store.list().context("OPC UA certificates")? {
        let state = if known.trusted { "trusted " } else { "rejected" };
        let servers: Vec<_> = known.servers.iter().map(String::as_str).collect();
        let of = if servers.is_empty() { "the first that shows it".to_owned() } else { servers.join(", ") };
        let KnownCertificate { thumbprint, not_after, subject, .. } = &known;
        text.push_str(&format!("{thumbprint}  {state}  for {of}  until {not_after}  {subject}\n"));
    }
    if text.is_empty() {
        text.push_str("no server's certificate was met yet\n");
    }
    text.push_str(&format!("our own certificate, for controllers to trust: {}\n", store.own_certificate().display()));
    crate::output::print(&text)?;
    Ok(Answer::Yes)
}
