//! `tacho-win/1`: all that one window holds, as one entry of the log.

use tacho_schemas::Digest;

use super::Statement;
use crate::cbor::{self, CborError, Reader};

/// Offsets `from..to` of one partition of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetRange {
    /// Identity of the log.
    pub log_id: String,
    /// Partition.
    pub partition: i32,
    /// First offset.
    pub from: i64,
    /// The offset after the last.
    pub to: i64,
}

/// What became of the records of the offsets, and rows by table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records received: `landed + duplicate + rejected`.
    pub received: u64,
    /// Records that landed.
    pub landed: u64,
    /// Records that were there already.
    pub duplicate: u64,
    /// Records that were rejected.
    pub rejected: u64,
    /// Rows of each table, in the order of `Table::ALL`.
    pub rows: Vec<u64>,
}

/// One window. Its leaf hash in the log binds every row, head and file of the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowStatement {
    /// Origin of the log.
    pub origin: String,
    /// Number of the window, from 0.
    pub win_no: u64,
    /// Offsets of the window, by partition.
    pub ranges: Vec<OffsetRange>,
    /// Records and rows.
    pub counts: Counts,
    /// Root over the segments, sorted by (robot ID, segment number).
    pub segs_root: Digest,
    /// Segments.
    pub n_segs: u64,
    /// Root over the heads of all robots, sorted by robot ID.
    pub heads_root: Digest,
    /// Heads.
    pub n_heads: u64,
    /// Root over the data files added.
    pub files_root: Digest,
    /// Files.
    pub n_files: u64,
    /// Schemas of the rows: rising, none twice.
    pub schema_ids: Vec<Digest>,
    /// Configurations in force: rising, none twice.
    pub config_digests: Vec<Digest>,
    /// The roster that all of these configurations name, if it is one.
    pub roster_digest: Option<Digest>,
    /// Leaf hash of the previous window's statement.
    pub prev_win_hash: Option<Digest>,
    /// Hash of the newest foreign thing seen: the window was not made before that.
    pub beacon: Option<Digest>,
}

impl Counts {
    fn put(&self, out: &mut Vec<u8>) {
        cbor::put_array(out, 4 + self.rows.len());
        for count in [self.received, self.landed, self.duplicate, self.rejected] {
            cbor::put_u64(out, count);
        }
        self.rows.iter().for_each(|rows| cbor::put_u64(out, *rows));
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        // Fewer than four items leave an item of another type at the place of a number: that is refused below.
        let tables = reader.array()?.saturating_sub(4);
        Ok(Self {
            received: reader.u64()?,
            landed: reader.u64()?,
            duplicate: reader.u64()?,
            rejected: reader.u64()?,
            rows: (0..tables).map(|_| reader.u64()).collect::<Result<_, _>>()?,
        })
    }
}

fn get_ranges(reader: &mut Reader<'_>) -> Result<Vec<OffsetRange>, CborError> {
    let len = reader.array()?;
    let mut ranges = Vec::new();
    for _ in 0..len {
        reader.array_of(4)?;
        ranges.push(OffsetRange {
            log_id: reader.text()?.to_owned(),
            partition: reader.i32()?,
            from: reader.i64()?,
            to: reader.i64()?,
        });
    }
    Ok(ranges)
}

fn rises(digests: &[Digest]) -> bool {
    digests.windows(2).all(|pair| pair[0] < pair[1])
}

impl Statement for WindowStatement {
    const KIND: &'static str = "tacho-win/1";
    const ITEMS: usize = 16;

    fn put(&self, out: &mut Vec<u8>) {
        cbor::put_text(out, &self.origin);
        cbor::put_u64(out, self.win_no);
        cbor::put_array(out, self.ranges.len());
        for range in &self.ranges {
            cbor::put_array(out, 4);
            cbor::put_text(out, &range.log_id);
            cbor::put_i64(out, i64::from(range.partition));
            cbor::put_i64(out, range.from);
            cbor::put_i64(out, range.to);
        }
        self.counts.put(out);
        for (root, leaves) in
            [(&self.segs_root, self.n_segs), (&self.heads_root, self.n_heads), (&self.files_root, self.n_files)]
        {
            cbor::put_digest(out, root);
            cbor::put_u64(out, leaves);
        }
        cbor::put_digests(out, &self.schema_ids);
        cbor::put_digests(out, &self.config_digests);
        for digest in [&self.roster_digest, &self.prev_win_hash, &self.beacon] {
            cbor::put_option_digest(out, digest.as_ref());
        }
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        Ok(Self {
            origin: reader.text()?.to_owned(),
            win_no: reader.u64()?,
            ranges: get_ranges(reader)?,
            counts: Counts::get(reader)?,
            segs_root: reader.digest()?,
            n_segs: reader.u64()?,
            heads_root: reader.digest()?,
            n_heads: reader.u64()?,
            files_root: reader.digest()?,
            n_files: reader.u64()?,
            schema_ids: reader.digests()?,
            config_digests: reader.digests()?,
            roster_digest: reader.option_digest()?,
            prev_win_hash: reader.option_digest()?,
            beacon: reader.option_digest()?,
        })
    }

    fn problem(&self) -> Option<&'static str> {
        let place = |range: &OffsetRange| (range.log_id.clone(), range.partition, range.from);
        let counts = &self.counts;
        let sum = counts.landed.checked_add(counts.duplicate).and_then(|sum| sum.checked_add(counts.rejected));
        if self.ranges.iter().any(|range| range.from > range.to || range.from < 0) {
            Some("an offset range runs backwards")
        } else if !self.ranges.is_sorted_by(|a, b| place(a) < place(b)) {
            Some("the offset ranges are not sorted")
        } else if sum != Some(counts.received) {
            Some("received is not landed + duplicate + rejected")
        } else if !rises(&self.schema_ids) || !rises(&self.config_digests) {
            Some("the digests of schemas or configurations are not sorted")
        } else if (self.win_no == 0) != self.prev_win_hash.is_none() {
            Some("the first window, and no other, has no window before it")
        } else {
            None
        }
    }
}
