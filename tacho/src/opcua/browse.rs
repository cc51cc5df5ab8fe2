//! `tacho opcua browse`: what a server has, and a configuration of the bridge for it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tacho_config::Settings;
use tacho_config::settings::opcua::ServerSettings;
use tacho_ingest::opcua::browse::browse;
use toml::{Table, Value};

use super::suggested;
use crate::cli::DataDir;
use crate::exit::{Answer, WrongUse};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its address, opc.tcp://HOST:PORT/PATH.
    url: String,
    /// Name that the server has in the settings, and for which its certificate is trusted.
    #[arg(long)]
    name: Option<String>,
    /// Security policy, as in the settings [default: Basic256Sha256]; "none" for a server without any.
    #[arg(long)]
    security: Option<String>,
    /// "sign" or "sign_and_encrypt", as in the settings [default: sign_and_encrypt].
    #[arg(long)]
    mode: Option<String>,
    /// A file whose first line is NAME:PASSWORD; without it, nobody logs in.
    #[arg(long)]
    user_file: Option<PathBuf>,
    #[command(flatten)]
    data: DataDir,
}

/// Runs the command.
pub(super) async fn run(args: &Args) -> anyhow::Result<Answer> {
    let (store, settings) = super::store(&args.data)?;
    // A server of the settings is spoken to as they say, unless something else is said here.
    let known = settings.opcua.servers.into_iter().find(|server| server.url == args.url);
    let says = args.name.is_some() || args.security.is_some() || args.mode.is_some() || args.user_file.is_some();
    let server = match known.filter(|_| !says) {
        Some(server) => server,
        None => server(args)?,
    };
    let found = browse(&server, &store).await.with_context(|| format!("OPC UA server {}", server.url))?;
    crate::output::print(&suggested::written(&server, &found))?;
    Ok(Answer::Yes)
}

/// The server as the settings would read it.
fn server(args: &Args) -> anyhow::Result<ServerSettings> {
    let mut server = Table::new();
    let mut put = |key: &str, value: Option<&str>| {
        if let Some(value) = value {
            server.insert(key.to_owned(), value.into());
        }
    };
    put("name", Some(args.name.as_deref().unwrap_or("server")));
    put("url", Some(&args.url));
    put("security", args.security.as_deref());
    put("mode", args.mode.as_deref());
    if let Some(file) = &args.user_file {
        let path = std::path::absolute(file).with_context(|| file.display().to_string())?;
        put("user_file", Some(path.to_str().context("the path of the user file is no UTF-8")?));
    }
    let opcua = Table::from_iter([("servers".to_owned(), Value::from(vec![server]))]);
    let written = Table::from_iter([("profile".to_owned(), "development".into()), ("opcua".to_owned(), opcua.into())]);
    let read = Settings::parse(&written.to_string(), Path::new(""));
    let settings = read.map_err(|problems| WrongUse(problems.to_string()))?;
    settings.opcua.servers.into_iter().next().context("the settings of the server")
}
