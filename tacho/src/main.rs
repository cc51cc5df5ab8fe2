//! `tacho`: one binary that plays every role of Tachograph.
//!
//! Here are the command line, the wiring of the roles, and the tools around them. What a role does is in its
//! own crate; the pipeline is told in `up.rs`.

mod allocator;
mod audit;
mod backup;
mod check;
mod cli;
mod clock;
mod dead_letters;
mod exit;
mod models;
mod opcua;
mod output;
mod prove;
mod publishing;
mod replay;
mod replay_log;
mod restore;
mod roster;
mod settings;
mod signals;
mod simulate;
mod sql;
mod up;
mod user;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    if cli.is_service() {
        allocator::begin_with_options();
    }
    log_to_stderr(cli.is_service());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return could_not(&anyhow::Error::new(error).context("async runtime")),
    };
    let outcome = runtime.block_on(cli.run());
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match outcome {
        Ok(answer) => answer.into(),
        Err(error) => could_not(&error),
    }
}

#[expect(clippy::print_stderr, reason = "the one place that tells a person why a command could not")]
fn could_not(error: &anyhow::Error) -> ExitCode {
    eprintln!("tacho: {error:#}");
    let wrong_use = error.downcast_ref::<exit::WrongUse>().is_some();
    ExitCode::from(if wrong_use { exit::WRONG_USE } else { exit::COULD_NOT })
}

/// Log lines go to standard error: all that matters for the service, warnings for the other commands. `RUST_LOG` overrides.
///
/// rumqttd's router calls it an error when a subscriber is gone, and the OPC UA client when a connection ends; what matters
/// of it the front and the bridge say themselves.
fn log_to_stderr(service: bool) {
    let level = if service { "info" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing::level_filters::LevelFilter::WARN.into())
        .try_from_env()
        .unwrap_or_else(|_unset| {
            tracing_subscriber::EnvFilter::new(format!(
                "warn,rumqttd=off,opcua_client=off,opcua_server=off,opcua_nodes=off,opcua_types=off,opcua_core=off,opcua_crypto=off,tacho={level},tacho_ingest={level},tacho_log={level},tacho_lake={level},tacho_registry={level},tacho_query={level}"
            ))
        });
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi).with_writer(std::io::stderr).init();
}
