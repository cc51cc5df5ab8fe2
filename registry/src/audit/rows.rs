//! Rows against segments and heads, window by window. As many windows are taken at once as have no more rows than the
//! largest window, so memory does not grow with the lake.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use arrow::array::{AsArray as _, RecordBatch};
use futures::StreamExt as _;
use tacho_schemas::Digest;
use tacho_schemas::processed::Tables;
use tacho_schemas::table::Table;

use super::AuditError;
use super::error::{differs, unreadable};
use super::history::History;
use super::lake::Pinned;
use super::places::{Places, Standing};
use super::survey::{LiveFile, Survey, files_of};
use crate::anchorer::AnchorError;
use crate::anchorer::gather::{BATCH_ROWS, hash_rows};
use crate::anchorer::heads::Heads;
use crate::anchorer::leaves::{Collector, Stream};
use crate::anchorer::window::{are_of, read_segments, segments_path};
use crate::leaf::{PlaceColumns, SchemaText, Schemas};
use crate::published::Published;
use crate::salts::SaltStore;
use crate::statement::{SegmentStatement, WindowStatement};

/// Rows that are held at once, if no window has more.
const ROWS: u64 = 1 << 20;

/// What was found of one window.
#[derive(Debug, Default)]
struct Tally {
    rows: Tables<u64>,
    configs: BTreeSet<String>,
}

/// Recomputes all windows; gives the number of robots.
pub(super) async fn check(
    pinned: &Pinned,
    history: &History,
    survey: &Survey,
    places: &Places,
    salts: &mut SaltStore,
    progress: &mut impl FnMut(&str),
) -> Result<u64, AuditError> {
    let Some(published) = &history.published else { return Ok(0) };
    let mut heads = Heads::default();
    let windows = &history.windows;
    let mut first = 0;
    while first < windows.len() {
        let group = first..end_of_group(windows, first);
        progress(&format!("window {} of {}", group.end, windows.len()));
        let schemas = windows[group.clone()].iter().map(schemas_of).collect::<Result<Vec<_>, _>>()?;
        let (streams, tallies) = gather(pinned, survey, places, salts, (&group, &schemas)).await?;
        for ((at, tally), schemas) in group.clone().zip(&tallies).zip(&schemas) {
            let window = &windows[at];
            let from = streams.partition_point(|stream| stream.window < window.win_no);
            let to = streams.partition_point(|stream| stream.window <= window.win_no);
            let found = heads.extend(&streams[from..to]);
            let audited = Audited { published, survey, window, schemas, tally };
            audited.check(&found)?;
            if heads.root() != (window.heads_root, window.n_heads) {
                return Err(differs(
                    format!("window {}", window.win_no),
                    "states other heads than its segments lead to",
                ));
            }
            let whole = streams[from..to].iter().try_for_each(Stream::check_records);
            whole.map_err(|error| unreadable(format!("window {}", window.win_no), error))?;
        }
        first = group.end;
    }
    Ok(windows.last().map_or(0, |window| window.n_heads))
}

/// The schemas of a window's rows.
fn schemas_of(window: &WindowStatement) -> Result<Schemas, AuditError> {
    Schemas::named(&window.schema_ids).ok_or(AuditError::Schema { win_no: window.win_no })
}

/// The window after the last that is taken together with `first`.
fn end_of_group(windows: &[WindowStatement], first: usize) -> usize {
    let mut rows = 0_u64;
    let fits = |window: &&WindowStatement| {
        rows = rows.saturating_add(window.counts.rows.iter().sum());
        rows <= ROWS
    };
    first + windows[first..].iter().take_while(fits).count().max(1)
}

/// Reads the rows of some windows.
async fn gather(
    pinned: &Pinned,
    survey: &Survey,
    places: &Places,
    salts: &mut SaltStore,
    (group, schemas): (&Range<usize>, &[Schemas]),
) -> Result<(Vec<Stream>, Vec<Tally>), AuditError> {
    let windows = group.start as u64..group.end as u64;
    let mut gathering = Gathering {
        places,
        salts,
        collector: Collector::default(),
        tallies: group.clone().map(|_| Tally::default()).collect(),
        windows: windows.clone(),
        schemas,
    };
    let overlaps =
        |file: &&LiveFile| file.windows.is_some_and(|(first, last)| first < windows.end && windows.start <= last);
    for file in survey.files.iter().filter(overlaps) {
        let read = pinned.reader(file.table)?.read_file(&file.file.path, BATCH_ROWS).await;
        let mut batches = match read {
            Ok(batches) => batches,
            Err(error) => return Err(pinned.unreadable_file(file.table, &file.file.path, error).await),
        };
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(|error| unreadable(&file.statement.path, error))?;
            gathering.batch(file, &batch)?;
        }
    }
    Ok((gathering.collector.finish(), gathering.tallies))
}

struct Gathering<'a> {
    places: &'a Places,
    salts: &'a mut SaltStore,
    collector: Collector,
    tallies: Vec<Tally>,
    windows: Range<u64>,
    schemas: &'a [Schemas],
}

impl Gathering<'_> {
    fn batch(&mut self, file: &LiveFile, batch: &RecordBatch) -> Result<(), AuditError> {
        let path = &file.statement.path;
        let (places, windows) = (self.places, self.windows.clone());
        let window_of = |columns: &PlaceColumns, row: usize| match places.standing(&columns.place(row)) {
            Standing::Window(win_no) if windows.contains(&win_no) => Some(win_no),
            _ => None,
        };
        let columns = PlaceColumns::new(file.table, batch).map_err(|error| unreadable(path, error))?;
        let configs = batch.column_by_name("config_digest").and_then(|column| column.as_string_opt::<i32>());
        let configs = configs.ok_or_else(|| differs(path, "has no configuration digests"))?;
        for row in 0..batch.num_rows() {
            let Some(win_no) = window_of(&columns, row) else { continue };
            let tally = &mut self.tallies[at(&self.windows, win_no)];
            *tally.rows.get_mut(file.table) += 1;
            let config = configs.value(row);
            if !config.is_empty() && !tally.configs.contains(config) {
                tally.configs.insert(config.to_owned());
            }
        }
        if file.table == Table::GapEvents {
            return Ok(());
        }
        let row = |source| AnchorError::Row { path: path.clone(), source };
        // Mostly one, whatever the number of windows.
        let schemas = self.schemas.iter().map(|schemas| schemas.of(file.table));
        let schemas: BTreeMap<Digest, &SchemaText> = schemas.map(|schema| (schema.id(), schema)).collect();
        for (id, schema) in schemas {
            let has_schema = |win_no: &u64| self.schemas[at(&windows, *win_no)].of(file.table).id() == id;
            let window_of = |columns: &PlaceColumns, row: usize| window_of(columns, row).filter(has_schema);
            let hashed = hash_rows((file.table, schema), batch, self.salts, &mut self.collector, window_of, row);
            hashed.map_err(|error| match error {
                AnchorError::Salt(error) => unreadable("keys/salts", error),
                error => unreadable(path, error),
            })?;
        }
        Ok(())
    }
}

/// Where a window stands among those that are taken together.
fn at(windows: &Range<u64>, win_no: u64) -> usize {
    usize::try_from(win_no - windows.start).unwrap_or(usize::MAX)
}

/// One window, and what was found of it.
struct Audited<'a> {
    published: &'a Published,
    survey: &'a Survey,
    window: &'a WindowStatement,
    schemas: &'a Schemas,
    tally: &'a Tally,
}

impl Audited<'_> {
    fn check(&self, found: &[SegmentStatement]) -> Result<(), AuditError> {
        let (window, win_no) = (self.window, self.window.win_no);
        let path = segments_path(&self.published.dir, win_no);
        let stated = read_segments(&self.published.dir, win_no).map_err(|error| unreadable(path.display(), error))?;
        if !are_of(window, &stated) {
            return Err(differs(path.display(), format!("not the segments that window {win_no} states")));
        }
        let mut lake: HashMap<_, _> = found.iter().map(|segment| (stream(segment), segment)).collect();
        for segment in &stated {
            match lake.remove(&stream(segment)) {
                Some(other) if other == segment => {}
                other => return Err(self.segment(segment, other)),
            }
        }
        if let Some(extra) = found.iter().find(|extra| lake.contains_key(&stream(extra))) {
            let what = format!("{} rows in the lake, none were anchored{}", extra.count, self.where_to_look());
            return Err(differs(name(win_no, extra), what));
        }
        self.counts()
    }

    /// What is different about a segment.
    fn segment(&self, stated: &SegmentStatement, found: Option<&SegmentStatement>) -> AuditError {
        let what = match found {
            None => format!("its {} rows are not in the lake", stated.count),
            Some(found) if found.count != stated.count => {
                format!("{} rows were anchored, the lake has {}", stated.count, found.count)
            }
            Some(found) if found.present != stated.present => {
                "other records were anchored than the lake has".to_owned()
            }
            Some(found) if found.rows_root != stated.rows_root => {
                "as many rows were anchored as the lake has, but not these".to_owned()
            }
            Some(_) => "it is not what the rows lead to".to_owned(),
        };
        let tables = self.tables();
        let tables = if tables.is_empty() { tables } else { format!(" ({tables})") };
        differs(name(self.window.win_no, stated), format!("{what}{tables}{}", self.where_to_look()))
    }

    /// The tables whose rows are more or fewer than stated.
    fn tables(&self) -> String {
        let pairs = Table::ALL.into_iter().zip(&self.window.counts.rows);
        let other = pairs.filter(|(table, stated)| self.tally.rows.get(*table) != *stated);
        let texts =
            other.map(|(table, stated)| format!("{}: {} of {stated}", table.name(), self.tally.rows.get(table)));
        texts.collect::<Vec<_>>().join(", ")
    }

    /// The files that hold rows of the window.
    fn where_to_look(&self) -> String {
        let files = files_of(self.survey, self.window.win_no);
        if files.is_empty() { String::new() } else { format!("; rows of the window are in {files}") }
    }

    fn counts(&self) -> Result<(), AuditError> {
        let (window, rows) = (self.window, &self.tally.rows);
        let object = format!("window {}", window.win_no);
        let tables = self.tables();
        if !tables.is_empty() {
            return Err(differs(object, format!("other rows than were anchored: {tables}{}", self.where_to_look())));
        }
        let counts = &window.counts;
        if counts.landed != *rows.get(Table::Records) || counts.rejected != *rows.get(Table::Rejected) {
            return Err(differs(object, "its counts are not those of the rows that landed and were rejected"));
        }
        let configs: BTreeSet<String> = window.config_digests.iter().map(Digest::to_string).collect();
        let schemas = self.schemas.ids(|table| *rows.get(table) > 0);
        if configs != self.tally.configs || schemas != window.schema_ids {
            return Err(differs(object, "states other configurations or schemas than its rows have"));
        }
        Ok(())
    }
}

fn stream(segment: &SegmentStatement) -> (&str, Option<i64>) {
    (&segment.robot_id, segment.stream_epoch)
}

fn name(win_no: u64, segment: &SegmentStatement) -> String {
    let epoch =
        segment.stream_epoch.map_or_else(|| "no stream epoch".to_owned(), |epoch| format!("stream epoch {epoch}"));
    let span = match (segment.present.first(), segment.present.last()) {
        (Some(first), Some(last)) => format!(", seq {} to {}", first.start, last.end - 1),
        _ => String::new(),
    };
    format!("window {win_no}, robot {}, {epoch}{span}", segment.robot_id)
}
