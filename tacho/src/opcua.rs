//! `tacho opcua`: whom the bridge trusts, and what a server has.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use tacho_config::Settings;
use tacho_ingest::opcua::browse::Variable;
use tacho_ingest::opcua::trust::KnownCertificate;
use tacho_ingest::opcua::{self, TrustError, TrustStore, trust_dir};
use toml::{Table, Value};

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
    /// Lists the variables of a server, with types, units and values, or suggests a configuration of the bridge for it.
    #[command(after_help = "Examples: tacho opcua browse opc.tcp://192.168.0.10:4840 --data tacho-data\n          \
                      tacho opcua browse opc.tcp://192.168.0.10:4840 --mapping > cell-7.toml")]
    Browse(BrowseArgs),
}

#[derive(Debug, clap::Args)]
struct BrowseArgs {
    /// Its address, opc.tcp://HOST:PORT/PATH.
    url: String,
    /// Writes a configuration, to be completed by hand, in place of the list.
    #[arg(long)]
    mapping: bool,
    /// Name that the server has in the settings.
    #[arg(long, default_value = "server")]
    name: String,
    /// Security policy, as in the settings; "none" for a server without any.
    #[arg(long, default_value = "Basic256Sha256")]
    security: String,
    /// A file whose first line is NAME:PASSWORD; without it, nobody logs in.
    #[arg(long)]
    user_file: Option<PathBuf>,
    #[command(flatten)]
    data: DataDir,
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
        Command::Browse(args) => browse(args).await,
    }
}

fn trust(args: &TrustArgs) -> anyhow::Result<Answer> {
    let store = store(&args.data)?;
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

fn store(data: &DataDir) -> anyhow::Result<TrustStore> {
    let settings = data.settings()?;
    super::up::instance::require(&settings.data_dir)?;
    let dir: PathBuf = trust_dir(&settings.data_dir.join("opcua"));
    TrustStore::open(&dir).context("OPC UA certificates")
}

async fn browse(args: &BrowseArgs) -> anyhow::Result<Answer> {
    let mut server = Table::from_iter([
        ("name".to_owned(), Value::from(args.name.clone())),
        ("url".to_owned(), args.url.clone().into()),
        ("security".to_owned(), args.security.clone().into()),
    ]);
    if let Some(file) = &args.user_file {
        let path = std::path::absolute(file).context("user file")?;
        server.insert("user_file".to_owned(), path.display().to_string().into());
    }
    let opcua = Table::from_iter([("servers".to_owned(), Value::from(vec![server]))]);
    let written = Table::from_iter([("profile".to_owned(), "development".into()), ("opcua".to_owned(), opcua.into())]);
    let read = Settings::parse(&written.to_string(), Path::new(""));
    let settings = read.map_err(|problems| WrongUse(problems.to_string()))?;
    let server = settings.opcua.servers.first().context("the server's settings")?;
    let found = opcua::browse::browse(server, &store(&args.data)?).await?;
    if args.mapping {
        crate::output::print(&found.mapping)?;
        return Ok(Answer::Yes);
    }
    let mut text = String::new();
    for Variable { node, path, data_type, unit, value, .. } in &found.variables {
        text.push_str(&format!("{node}  {data_type}  {value} {}  {path}\n", unit.as_deref().unwrap_or("")));
    }
    crate::output::print(&text)?;
    Ok(Answer::Yes)
}

fn list(store: &TrustStore) -> anyhow::Result<Answer> {
    let mut text = String::new();
    for known in store.list().context("OPC UA certificates")? {
        let state = if known.trusted { "trusted " } else { "rejected" };
        let servers: Vec<_> = known.servers.iter().map(String::as_str).collect();
        let (of, KnownCertificate { thumbprint, not_after, subject, .. }) = (servers.join(", "), &known);
        text.push_str(&format!("{thumbprint}  {state}  for {of}  until {not_after}  {subject}\n"));
    }
    if text.is_empty() {
        text.push_str("no server's certificate was met yet\n");
    }
    text.push_str(&format!("our own certificate, for controllers to trust: {}\n", store.own_certificate().display()));
    crate::output::print(&text)?;
    Ok(Answer::Yes)
}
