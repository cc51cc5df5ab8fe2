//! `tacho prove` and `tacho verify`: a proof file for one row, and its check with nothing but a public key.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tacho_registry::{ProveRequest, RecordName, proof};
use tacho_schemas::RobotId;
use tacho_schemas::table::Table;

use crate::cli::DataDir;
use crate::exit::Answer;
use crate::up::instance;
use tacho_schemas::chain;

/// Writes a proof for one row: `tacho prove --robot ID --seq 1024 > row.tlog-proof`
#[derive(Debug, clap::Args)]
pub(crate) struct ProveArgs {
    /// The robot.
    #[arg(long, overrides_with = "robot", required_unless_present = "offset", requires = "seq")]
    robot: Option<RobotId>,
    /// Sequence number of the record.
    #[arg(long, overrides_with = "seq", required_unless_present = "offset", requires = "robot")]
    seq: Option<i64>,
    /// Stream epoch; without it the highest that holds the sequence number.
    #[arg(long, overrides_with = "epoch", requires = "seq")]
    epoch: Option<i64>,
    /// In place of robot and seq, for what was rejected without them: the columns `partition` and `offset` of its row.
    #[arg(long, overrides_with = "partition", requires = "offset", conflicts_with_all = ["robot", "seq"])]
    partition: Option<i64>,
    /// See --partition.
    #[arg(long, overrides_with = "offset", requires = "partition")]
    offset: Option<i64>,
    /// With --offset: which record of a publish that held several, the column `ordinal`.
    #[arg(long, overrides_with = "ordinal", default_value_t = 0)]
    ordinal: i64,
    /// With --offset: which log, the column `log_epoch`; without it the last that holds the offset.
    #[arg(long, overrides_with = "log_epoch", requires = "offset")]
    log_epoch: Option<i64>,
    /// Table of the row.
    #[arg(long, default_value = "records", overrides_with = "table", value_parser = table)]
    table: Table,
    /// Which of the record's rows: joint, pack_id, location or row_index.
    #[arg(long, overrides_with = "component")]
    component: Option<String>,
    #[command(flatten)]
    data: DataDir,
}

impl ProveArgs {
    fn record(&self) -> Option<RecordName> {
        match (self.robot, self.seq, self.partition, self.offset) {
            (Some(robot), Some(seq), ..) => Some(RecordName::Key { robot, seq, epoch: self.epoch }),
            (_, _, Some(partition), Some(offset)) => {
                Some(RecordName::Place { log_epoch: self.log_epoch, partition, offset, ordinal: self.ordinal })
            }
            _ => None,
        }
    }
}

fn table(name: &str) -> Result<Table, String> {
    let known = || Table::ANCHORED.map(Table::name).join(", ");
    Table::by_name(name)
        .filter(|table| Table::ANCHORED.contains(table))
        .ok_or_else(|| format!("rows of {name:?} have no proofs; those of {} have", known()))
}

/// Checks a proof: `tacho verify row.tlog-proof --key log.vkey`
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// The proof file; `-` is standard input.
    file: PathBuf,
    /// The log's public key: a file, or the key itself.
    #[arg(long, overrides_with = "key")]
    key: String,
}

/// Runs `tacho prove`.
pub(crate) async fn prove(args: ProveArgs) -> anyhow::Result<Answer> {
    let settings = args.data.settings()?;
    let data_dir = &settings.data_dir;
    instance::require(data_dir)?;
    let record = args.record().context("a row is named by --robot and --seq, or by --partition and --offset")?;
    let request = ProveRequest { record, table: args.table, component: args.component };
    match tacho_registry::prove(data_dir, &settings.lake_dir(), &request).await {
        Ok(proof) => {
            crate::output::print(std::str::from_utf8(&proof).context("a proof is text")?)?;
            Ok(Answer::Yes)
        }
        // Standard output is a proof or nothing: it goes to a file.
        Err(none) if none.is_no() => {
            crate::output::tell(&format!("tacho: {}\n", chain(&none)));
            Ok(Answer::No)
        }
        Err(error) => Err(error.into()),
    }
}

/// Runs `tacho verify`.
pub(crate) fn verify(args: &VerifyArgs) -> anyhow::Result<Answer> {
    let proof = read_proof(&args.file)?;
    let key = tacho_registry::key::verifier_from(&args.key)?;
    match proof::verify(&proof, &key) {
        Ok(row) => {
            crate::output::print(&told(&row))?;
            Ok(Answer::Yes)
        }
        Err(refusal) => {
            crate::output::print(&format!("refused: {}\n", chain(&refusal)))?;
            Ok(Answer::No)
        }
    }
}

/// The bytes of a file, or of standard input for `-`.
fn read_proof(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file != Path::new("-") {
        return std::fs::read(file).with_context(|| file.display().to_string());
    }
    let mut proof = Vec::new();
    std::io::stdin().lock().read_to_end(&mut proof).context("standard input")?;
    Ok(proof)
}

/// The row by column names, and what holds it.
fn told(row: &proof::VerifiedRow) -> String {
    let mut text = String::new();
    for column in &row.columns {
        let value = column.value.as_deref().unwrap_or("null");
        text.push_str(&format!("{:<28} {value}\n", column.name));
    }
    let epoch = row.stream_epoch.map_or_else(|| "none".to_owned(), |epoch| epoch.to_string());
    text.push_str(&format!(
        "\ngenuine: {} row of robot {}, stream epoch {epoch}, segment {}, window {}, entry {} of {} in log {}\n",
        row.table, row.robot_id, row.seg_no, row.win_no, row.log_index, row.head.size, row.origin,
    ));
    if let Some(roster) = row.roster_digest {
        text.push_str(&format!("its window states the roster of robots with SHA-256 {roster}\n"));
    }
    text
}
