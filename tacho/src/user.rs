//! `tacho user`: the line of a users file for one user, its password hashed. The password comes from standard input or
//! from the terminal, never from the command line, which other users of the machine can read.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow, ensure};
use tacho_config::Users;
use tacho_schemas::RobotId;

use crate::exit::{Answer, WrongUse};

/// Prints the line of a users file for one user: `tacho user plc >> users`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the user, as its clients give it. A robot ID may publish for that robot, without more; any other name needs
    /// `--robots` or `--gateway`.
    name: String,
    /// The robots that it may publish for, and no others.
    #[arg(long, value_delimiter = ',', conflicts_with = "gateway")]
    robots: Vec<RobotId>,
    /// It may publish for every robot, whatever its name.
    #[arg(long)]
    gateway: bool,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> anyhow::Result<Answer> {
    if !Users::is_name(&args.name) {
        let why = "1 to 128 bytes, without `:`, `$`, `#`, control characters and blanks around";
        return Err(WrongUse(format!("{:?} cannot be a user's name: {why}", args.name)).into());
    }
    if args.robots.is_empty() && !args.gateway && args.name.parse::<RobotId>().is_err() {
        let why = "is no robot ID: say for which robots it may publish, by --robots ID,ID or --gateway (all)";
        return Err(WrongUse(format!("{:?} {why}", args.name)).into());
    }
    let password = if io::stdin().is_terminal() { typed().await? } else { line()? };
    if password.is_empty() {
        return Err(WrongUse("the password is empty".to_owned()).into());
    }
    let hash = tacho_ingest::hash_password(&password).map_err(|why| anyhow!("password not hashed: {why}"))?;
    crate::output::print(&format!("{}:{hash}{}\n", args.name, binding(&args)))?;
    Ok(Answer::Yes)
}

fn binding(args: &Args) -> String {
    match args.robots.as_slice() {
        [] if args.gateway => ":gateway".to_owned(),
        [] => String::new(),
        robots => {
            let robots: Vec<&str> = robots.iter().map(RobotId::as_str).collect();
            format!(":robots={}", robots.join(","))
        }
    }
}

/// A line of standard input, without its end.
fn line() -> anyhow::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// A password typed twice, unseen.
async fn typed() -> anyhow::Result<String> {
    let hidden = Hidden::begin();
    let ask = |what: &'static str| async move {
        crate::output::tell(what);
        let typed = tokio::select! {
            typed = tokio::task::spawn_blocking(line) => typed.context("the terminal was cut off")?,
            _ = tokio::signal::ctrl_c() => Err(anyhow!("interrupted")),
        };
        crate::output::tell("\n");
        typed
    };
    let first = ask("password: ").await?;
    let again = ask("again: ").await?;
    drop(hidden);
    ensure!(first == again, WrongUse("the two passwords differ".to_owned()));
    Ok(first)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden;

impl Hidden {
    fn begin() -> Self {
        if !stty("-echo") {
            crate::output::tell("the terminal shows what is typed: stty does not work here\n");
        }
        Self
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        stty("echo");
    }
}

fn stty(what: &str) -> bool {
    let status = Command::new("stty").arg(what).stdin(Stdio::inherit()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
