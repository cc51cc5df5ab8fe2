//! `tacho dead-letters retry`: chooses the letters, and has them appended by whoever has the log.
//!
//! An embedded log has one writer. While an instance runs it is asked, over its admin endpoint and with the token that only
//! who may read the data directory's secrets has; without one the letters wait for the next start. To a log in Kafka the
//! command appends itself where no `tacho up` runs: roles do not, as none of them has both log and lake.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use serde::Serialize;
use tacho_config::Settings;
use tacho_config::settings::LogKind;
use tacho_schemas::reason::RejectReason;

use super::filter::Filter;
use super::{LETTERS_MAX, LetterName, Retried, Retrier};
use crate::cli::DataDir;
use crate::exit::{Answer, WrongUse};
use crate::up::{beside, instance, mapping};

/// Where a running instance is asked to retry.
pub(crate) const PATH: &str = "/v1/dead-letters/retry";

#[derive(Debug, clap::Args)]
pub(super) struct RetryArgs {
    /// Letters, as `list` names them; without any, all that the other options mean.
    letters: Vec<LetterName>,
    #[command(flatten)]
    filter: Filter,
    /// Retries every dead letter.
    #[arg(long)]
    all: bool,
    /// Says what would be retried, and retries nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    data: DataDir,
}

/// What is printed at the end; letters are counted.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Report {
    /// Appended to the log; what becomes of them the ledger says once they are processed.
    retried: usize,
    /// Without a running instance: the next start appends them, once its configuration is in force.
    queued: usize,
    /// Left alone: a record with their key has landed.
    landed_already: usize,
    /// Left alone: another letter has the same bytes from the same robot.
    repeated: usize,
    /// Cannot be retried: not all of their bytes were kept.
    kept_in_part: usize,
    /// There is no such letter.
    unknown: usize,
}

impl Report {
    fn add(&mut self, retried: &Retried) {
        self.retried += retried.appended.len();
        self.kept_in_part += retried.partial.len();
        self.unknown += retried.unknown.len();
    }
}

/// What is to be retried, and what is left alone.
#[derive(Debug, Default)]
struct Chosen {
    letters: Vec<LetterName>,
    report: Report,
}

/// Who appends.
enum By {
    Instance(instance::Asked),
    Command(Retrier),
    NextStart { data_dir: PathBuf, _held: tacho_log::Hold },
}

pub(super) async fn run(args: RetryArgs) -> anyhow::Result<Answer> {
    let meant = [!args.letters.is_empty(), !args.filter.is_open(), args.all];
    if meant.iter().filter(|meant| **meant).count() != 1 {
        let how = "name letters, or say which by --reason, --robot, --since and --until, or --all";
        return Err(WrongUse(how.to_owned()).into());
    }
    let settings = super::settings(&args.data)?;
    let Chosen { letters, mut report } = choose(&args, &settings).await?;
    if args.dry_run {
        report.retried = letters.len();
    } else if !letters.is_empty() {
        By::find(&settings).await?.retry(&letters, &mut report).await?;
    }
    crate::output::print_json(&report)?;
    Ok(if report.kept_in_part + report.unknown == 0 { Answer::Yes } else { Answer::No })
}

async fn choose(args: &RetryArgs, settings: &Settings) -> anyhow::Result<Chosen> {
    let session = super::session(settings).await?;
    let condition = match args.letters.as_slice() {
        [] => args.filter.condition(),
        letters => {
            let offsets: BTreeSet<String> = letters.iter().map(|letter| letter.offset.to_string()).collect();
            format!("\"offset\" in ({})", offsets.into_iter().collect::<Vec<_>>().join(", "))
        }
    };
    let all = super::letters(&condition, None);
    let sql = format!(
        "select letter, cast(key_landed as varchar), cast(reason <> '{}' as varchar), \
         concat(robot_id, '/', coalesce(topic_id, ''), '/', payload_sha256) \
         from ({all}) order by log_epoch, partition, \"offset\", ordinal",
        // Of nothing else is a part kept; who appends looks at the bytes themselves.
        RejectReason::TooLarge
    );
    let (_, rows) = session.query(&sql).await?;
    let named: BTreeSet<LetterName> = args.letters.iter().copied().collect();
    let mut chosen = Chosen::default();
    let (mut seen, mut found) = (BTreeSet::new(), 0);
    for rows in &rows {
        for [letter, landed, whole, content] in texts(rows)? {
            let letter: LetterName = letter.parse()?;
            if !named.is_empty() && !named.contains(&letter) {
                continue;
            }
            found += 1;
            match (landed.as_str(), whole.as_str()) {
                ("true", _) => chosen.report.landed_already += 1,
                (_, "false") => chosen.report.kept_in_part += 1,
                _ if !seen.insert(content) => chosen.report.repeated += 1,
                _ => chosen.letters.push(letter),
            }
        }
    }
    chosen.report.unknown = named.len().saturating_sub(found);
    Ok(chosen)
}

/// Rows of four texts.
fn texts(rows: &RecordBatch) -> anyhow::Result<Vec<[String; 4]>> {
    let columns = (0..4).map(|at| Ok(cast(rows.column(at), &DataType::Utf8)?)).collect::<anyhow::Result<Vec<_>>>()?;
    let text = |at: usize, row| {
        let column = columns[at].as_string::<i32>();
        if column.is_null(row) { String::new() } else { column.value(row).to_owned() }
    };
    Ok((0..rows.num_rows()).map(|row| [0, 1, 2, 3].map(|at| text(at, row))).collect())
}

impl By {
    /// The instance that has the log; without one, of a log in Kafka this command, and of an embedded one the next start:
    /// until then it is held, so that none begins meanwhile.
    async fn find(settings: &Settings) -> anyhow::Result<Self> {
        if settings.log.kind == LogKind::Kafka {
            if instance::is_held(&settings.data_dir)
                && let Ok(instance) = instance::Asked::of(&settings.data_dir)
            {
                return Ok(Self::Instance(instance));
            }
            let log = beside::open(settings).await?;
            return Ok(Self::Command(Retrier { log, lake: mapping::lake_place(settings)? }));
        }
        let dir = settings.data_dir.join("log");
        if tacho_log::identity_in(&dir).with_context(|| format!("log {}", dir.display()))?.is_none() {
            bail!("{} holds no log to append to", dir.display());
        }
        match tacho_log::hold(&dir).with_context(|| format!("log {}", dir.display()))? {
            None => Ok(Self::Instance(running(&settings.data_dir)?)),
            Some(held) => Ok(Self::NextStart { data_dir: settings.data_dir.clone(), _held: held }),
        }
    }

    async fn retry(&self, letters: &[LetterName], report: &mut Report) -> anyhow::Result<()> {
        match self {
            Self::NextStart { data_dir, .. } => {
                super::queue::add(data_dir, letters)?;
                report.queued = letters.len();
            }
            Self::Instance(instance) => {
                for letters in letters.chunks(LETTERS_MAX) {
                    let answer = instance.post(PATH, serde_json::to_vec(letters)?).await?;
                    report.add(&serde_json::from_slice(&answer).context("the answer of the running instance")?);
                }
            }
            Self::Command(retrier) => {
                for letters in letters.chunks(LETTERS_MAX) {
                    report.add(&retrier.retry(letters).await?);
                }
            }
        }
        Ok(())
    }
}

fn running(data_dir: &Path) -> anyhow::Result<instance::Asked> {
    let asked = instance::Asked::of(data_dir);
    asked.with_context(|| format!("data directory {} is in use, and its instance cannot be asked", data_dir.display()))
}
