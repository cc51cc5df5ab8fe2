//! `tacho dead-letters`: what was rejected, and its way back into the log once the cause was mended.
//!
//! `list` and `show` read the table `rejected`; what is appended anew, and by whom, is in `retry` and `retrier`.

mod filter;
mod name;
pub(crate) mod queue;
mod retrier;
mod retry;

use std::io::Write as _;

use anyhow::Context as _;
use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use clap::Subcommand;
use tacho_config::Settings;
use tacho_query::{Format, Session};

use crate::cli::DataDir;
use crate::exit::Answer;
use crate::up::{instance, mapping};
use filter::Filter;

pub(crate) use name::LetterName;
pub(crate) use retrier::{LETTERS_MAX, Retried, Retrier};
pub(crate) use retry::PATH as RETRY_PATH;

/// Lists, shows and retries dead letters.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lists dead letters, the oldest first.
    #[command(after_help = "Example: tacho dead-letters list --reason range --since 2026-11-21")]
    List(ListArgs),
    /// Shows one dead letter, or gives its original bytes.
    #[command(after_help = "Example: tacho dead-letters show 1:3:1024:0 --bytes > record.json")]
    Show(ShowArgs),
    /// Appends dead letters to the log anew, after what they were rejected for was mended.
    #[command(
        after_help = "Examples: tacho dead-letters retry 1:3:1024:0\n          tacho dead-letters retry --reason range --since 2026-11-21"
    )]
    Retry(retry::RetryArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    filter: Filter,
    /// Most letters.
    #[arg(long, default_value_t = 1_000, overrides_with = "limit")]
    limit: usize,
    /// table, csv, json (one object a line) or parquet.
    #[arg(long, default_value = "table", overrides_with = "format")]
    format: Format,
    #[command(flatten)]
    data: DataDir,
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// The letter, as `list` names it.
    letter: LetterName,
    /// Writes the bytes as they were published, and nothing else.
    #[arg(long, conflicts_with = "format")]
    bytes: bool,
    /// table, csv, json or parquet; payloads are in hexadecimal in csv and json.
    #[arg(long, default_value = "table", overrides_with = "format")]
    format: Format,
    #[command(flatten)]
    data: DataDir,
}

/// The letters with their names, and whether a record with their key is in the lake.
const LETTERS: &str = "select concat(cast(d.log_epoch as varchar), ':', cast(d.partition as varchar), ':', \
        cast(d.\"offset\" as varchar), ':', cast(d.ordinal as varchar)) as letter, d.*, r.seq is not null as key_landed \
    from (select * from rejected where {condition} order by log_epoch, partition, \"offset\", ordinal{limit}) d \
    left join records r on r.robot_id = d.robot_id and r.stream_epoch = d.stream_epoch and r.seq = d.seq";

fn letters(condition: &str, limit: Option<usize>) -> String {
    let limit = limit.map(|limit| format!(" limit {limit}")).unwrap_or_default();
    LETTERS.replace("{condition}", condition).replace("{limit}", &limit)
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> anyhow::Result<Answer> {
    match args.what {
        What::List(args) => list(args).await,
        What::Show(args) => show(args).await,
        What::Retry(args) => retry::run(args).await,
    }
}

/// The settings of an instance that is there. A lake elsewhere needs none here.
fn settings(data: &DataDir) -> anyhow::Result<Settings> {
    let settings = data.settings()?;
    if settings.lake.url.is_none() {
        instance::require(&settings.data_dir)?;
    }
    Ok(settings)
}

async fn session(settings: &Settings) -> anyhow::Result<Session> {
    let place = mapping::lake_place(settings)?;
    let session = Session::open(&place, || Ok(Vec::new())).await;
    session.with_context(|| format!("lake {place}"))
}

async fn list(args: ListArgs) -> anyhow::Result<Answer> {
    let session = session(&settings(&args.data)?).await?;
    let found = letters(&args.filter.condition(), Some(args.limit.saturating_add(1)));
    let sql = format!(
        "select letter, received_at, robot_id, topic_id, principal, stream_epoch, seq, reason, pointer, value, \
         payload_bytes, key_landed from ({found}) order by log_epoch, partition, \"offset\", ordinal"
    );
    let (schema, rows) = session.query(&format!("{sql} limit {}", args.limit)).await?;
    let (_, count) = session.query(&format!("select 1 from ({found})")).await?;
    if count.iter().map(RecordBatch::num_rows).sum::<usize>() > args.limit {
        crate::output::tell(&format!("tacho: there are more than {}: --limit shows more\n", args.limit));
    }
    write(args.format, schema, &rows)
}

async fn show(args: ShowArgs) -> anyhow::Result<Answer> {
    let session = session(&settings(&args.data)?).await?;
    let LetterName { log_epoch, partition, offset, ordinal } = args.letter;
    let condition = format!(
        "log_epoch = {log_epoch} and partition = {partition} and \"offset\" = {offset} and ordinal = {ordinal}"
    );
    let columns = if args.bytes { "payload" } else { "*, try_cast(payload as varchar) as text" };
    let sql = format!("select {columns} from ({})", letters(&condition, Some(1)));
    let (schema, rows) = session.query(&sql).await?;
    let Some(row) = rows.iter().find(|rows| rows.num_rows() > 0) else {
        crate::output::tell(&format!("tacho: there is no dead letter {}\n", args.letter));
        return Ok(Answer::No);
    };
    if !args.bytes {
        return write(args.format, schema, &rows);
    }
    let payload = cast(row.column(0), &DataType::Binary)?;
    let mut out = std::io::stdout().lock();
    match out.write_all(payload.as_binary::<i32>().value(0)).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error).context("standard output"),
        _ => Ok(Answer::Yes),
    }
}

fn write(format: Format, schema: arrow::datatypes::SchemaRef, rows: &[RecordBatch]) -> anyhow::Result<Answer> {
    match format.write(schema, rows, std::io::stdout()) {
        Err(error) if !error.is_closed_output() => Err(error.into()),
        _ => Ok(Answer::Yes),
    }
}
