//! Publishing as devices do: what `simulate` and `replay` share, from their options to the report.

pub(crate) mod device;
pub(crate) mod tally;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::exit::{Answer, WrongUse};
use device::Broker;
use tally::{Counts, Tally};

/// Where to publish, as whom, and what to write down.
#[derive(Debug, clap::Args)]
pub(crate) struct Target {
    /// Broker to publish to.
    #[arg(long, default_value = "mqtt://127.0.0.1:1883", overrides_with = "to")]
    to: String,
    /// User name for the broker.
    #[arg(long, requires = "password_file")]
    user: Option<String>,
    /// File that holds the password.
    #[arg(long)]
    password_file: Option<PathBuf>,
    /// Write the key of each acknowledged record to this file: robot,epoch,seq,what.
    #[arg(long)]
    journal: Option<PathBuf>,
}

/// What is printed at the end.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    counts: Counts,
    /// Records by what was done to them.
    records: BTreeMap<String, u64>,
    seconds: f64,
    acknowledged_per_second: f64,
}

/// Publishes by `work`, which gives the records by what was done to them, and prints the report. A run that is
/// interrupted is as good as one that has come to its end.
pub(crate) async fn publish(
    target: &Target,
    work: impl AsyncFnOnce(Broker, Tally, CancellationToken) -> anyhow::Result<BTreeMap<String, u64>>,
) -> anyhow::Result<Answer> {
    let stop = crate::signals::cancel_on_interrupt();
    let broker = target.broker()?;
    let tally = target.journal.as_deref().map_or_else(|| Ok(Tally::default()), Tally::with_journal)?;
    let started = Instant::now();
    let records = work(broker, tally.clone(), stop.clone()).await?;
    tally.flush().context("journal not written")?;
    let counts = tally.counts();
    crate::output::print_json(&Report::new(counts, records, started.elapsed()))?;
    crate::output::tell(&format!("{}\n", counts.told(stop.is_cancelled())));
    anyhow::ensure!(tally.connections() > 0, "{} cannot be reached, or does not let this client in", target.to);
    let done = counts.acknowledged == counts.sent || stop.is_cancelled();
    Ok(if done { Answer::Yes } else { Answer::No })
}

impl Report {
    fn new(counts: Counts, records: BTreeMap<String, u64>, took: Duration) -> Self {
        let seconds = took.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let acknowledged_per_second = (counts.acknowledged as f64 / seconds.max(1e-9)).round();
        Self { counts, records, seconds: (seconds * 1000.0).round() / 1000.0, acknowledged_per_second }
    }
}

impl Target {
    /// The broker that the options name.
    fn broker(&self) -> anyhow::Result<Broker> {
        let no_url = || WrongUse(format!("{:?} is no mqtt://HOST:PORT", self.to));
        let address = self.to.strip_prefix("mqtt://").ok_or_else(no_url)?;
        let address = address.trim_end_matches('/');
        let (host, port) = address.rsplit_once(':').unwrap_or((address, "1883"));
        let port = port.parse().map_err(|_no_number| no_url())?;
        let user = match (&self.user, &self.password_file) {
            (Some(user), Some(path)) => {
                let password =
                    std::fs::read_to_string(path).with_context(|| format!("password file {}", path.display()))?;
                Some((user.clone(), password.trim_end_matches(['\r', '\n']).to_owned()))
            }
            _ => None,
        };
        Ok(Broker { host: host.trim_matches(['[', ']']).to_owned(), port, user })
    }
}
