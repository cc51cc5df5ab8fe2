//! Snapshots of a partition's ledger as bytes: whole, or only the robots that changed since a base.
//!
//! Layout: magic, format version (4 bytes), header, robots, SHA-256 of all before; the definition is
//! [`Snapshot::encode`]. Where the files are, and which to base on, is elsewhere.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use tacho_schemas::{Digest, RecordId, RobotKey};
use uuid::Uuid;

use super::codec::{Reader, Writer};
use super::partition::Ledger;
use super::robot::{Counts, Robot};
use super::rows::{read_robot, write_robot};

const MAGIC: &[u8; 8] = b"TACHOLDG";
/// Version of the layout. A reader refuses another.
const FORMAT: u32 = 1;
const DIGEST_LEN: usize = 32;

/// Why bytes are not a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The file does not start as a snapshot does.
    #[error("not a ledger snapshot: it starts with another magic number, or is cut short")]
    Magic,
    /// The file is of another release.
    #[error("ledger snapshot of format {0}, this release reads {FORMAT}: use the release that wrote it")]
    Format(u32),
    /// The bytes are not those that were written.
    #[error("the ledger snapshot is damaged: its SHA-256 differs from the one at its end")]
    Damaged,
    /// The digest holds, but the content cannot be: written by a faulty release.
    #[error("the ledger snapshot holds what cannot be: {0}")]
    Malformed(&'static str),
}

/// Names a snapshot within its partition: `<next offset>-<random>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotName {
    /// The progress that the snapshot belongs to.
    pub next_offset: i64,
    /// Drawn for each landing, at least 0; the commit of `records` names it.
    pub random: i64,
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.next_offset, self.random)
    }
}

impl FromStr for SnapshotName {
    type Err = SnapshotError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= 0);
        text.split_once('-')
            .and_then(|(next, random)| Some(Self { next_offset: number(next)?, random: number(random)? }))
            .ok_or(SnapshotError::Malformed("its file name is not <next offset>-<random>"))
    }
}

/// Where a partition stands: its progress and what goes with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// The first offset that has not landed.
    pub next_offset: i64,
    /// Identity of the raw record before it, if that is known.
    pub record_before: Option<RecordId>,
    /// Configuration in force from the next offset on.
    pub config: Option<Digest>,
    /// Time of receipt of the last record before it, Unix microseconds UTC; 0 before the first.
    pub last_received_us: i64,
}

/// What a snapshot says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) log_id: Uuid,
    pub(super) log_epoch: i64,
    pub(super) partition: i32,
    pub(super) random: i64,
    pub(super) base: Option<SnapshotName>,
    /// How often the snapshot was merged from others; see `chain`.
    pub(super) tier: u8,
    pub(super) position: Position,
    /// Of all robots, those of the base included.
    pub(super) totals: Counts,
    /// Robots in all, those of the base included.
    pub(super) robots: usize,
}

impl Header {
    pub(super) fn name(&self) -> SnapshotName {
        SnapshotName { next_offset: self.position.next_offset, random: self.random }
    }

    fn write(&self, writer: &mut Writer) {
        writer.bytes(self.log_id.as_bytes());
        writer.signed(self.log_epoch);
        writer.signed(self.partition.into());
        writer.signed(self.random);
        writer.byte(self.base.is_some().into());
        if let Some(base) = self.base {
            writer.signed(base.next_offset);
            writer.signed(base.random);
        }
        writer.byte(self.tier);
        self.position.write(writer);
        self.totals.write(writer);
        writer.length(self.robots);
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            log_id: reader.uuid()?,
            log_epoch: reader.signed()?,
            partition: reader.signed()?.try_into().ok()?,
            random: reader.signed()?,
            base: match reader.byte()? {
                0 => None,
                1 => Some(SnapshotName { next_offset: reader.signed()?, random: reader.signed()? }),
                _ => return None,
            },
            tier: reader.byte()?,
            position: Position::read(reader)?,
            totals: Counts::read(reader)?,
            robots: usize::try_from(reader.unsigned()?).ok()?,
        })
    }
}

impl Position {
    fn write(&self, writer: &mut Writer) {
        writer.signed(self.next_offset);
        writer.byte(self.record_before.is_some().into());
        if let Some(id) = self.record_before {
            writer.bytes(id.session.as_bytes());
            writer.unsigned(id.counter);
        }
        writer.byte(self.config.is_some().into());
        if let Some(config) = self.config {
            writer.bytes(&config.0);
        }
        writer.signed(self.last_received_us);
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            next_offset: reader.signed()?,
            record_before: match reader.byte()? {
                0 => None,
                _ => Some(RecordId { session: reader.uuid()?, counter: reader.unsigned()? }),
            },
            config: match reader.byte()? {
                0 => None,
                _ => Some(reader.digest()?),
            },
            last_received_us: reader.signed()?,
        })
    }
}

impl Counts {
    pub(super) fn write(self, writer: &mut Writer) {
        writer.unsigned(self.landed);
        writer.unsigned(self.duplicate);
        writer.unsigned(self.rejected);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { landed: reader.unsigned()?, duplicate: reader.unsigned()?, rejected: reader.unsigned()? })
    }
}

/// A snapshot that was read and whose digest holds; its robots are not decoded yet.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) header: Header,
    robots: Bytes,
}

impl Snapshot {
    /// Writes a snapshot of `robots`, in rising order of their keys, each with what the base knows of it.
    pub(super) fn encode<'a>(
        header: &Header,
        robots: impl ExactSizeIterator<Item = (&'a RobotKey, Option<&'a Robot>, &'a Robot)>,
    ) -> Bytes {
        let mut writer = Writer::default();
        writer.bytes(MAGIC);
        writer.bytes(&FORMAT.to_le_bytes());
        header.write(&mut writer);
        writer.length(robots.len());
        for (key, before, robot) in robots {
            writer.key(key);
            write_robot(&mut writer, before, robot);
        }
        let digest = Digest::of(&writer.0);
        writer.bytes(&digest.0);
        writer.0.into()
    }

    /// Reads the header and checks the digest.
    pub(super) fn parse(file: &Bytes) -> Result<Self, SnapshotError> {
        if file.len() < MAGIC.len() + 4 + DIGEST_LEN || !file.starts_with(MAGIC) {
            return Err(SnapshotError::Magic);
        }
        let (signed, digest) = file.split_at(file.len() - DIGEST_LEN);
        let mut reader = Reader(&signed[MAGIC.len()..]);
        let format = reader.bytes(4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
        match format {
            Some(FORMAT) => {}
            other => return Err(SnapshotError::Format(other.unwrap_or_default())),
        }
        if Digest::of(signed).0 != digest {
            return Err(SnapshotError::Damaged);
        }
        let header = Header::read(&mut reader).ok_or(SnapshotError::Malformed("its header"))?;
        let robots = file.slice_ref(reader.0);
        Ok(Self { header, robots })
    }

    /// Puts this snapshot's robots into the ledger that its base made; gives their keys, in rising order.
    pub(super) fn apply(&self, ledger: &mut Ledger) -> Result<Vec<RobotKey>, SnapshotError> {
        let malformed = SnapshotError::Malformed;
        let mut reader = Reader(&self.robots);
        let count = reader.length().ok_or(malformed("its number of robots"))?;
        let mut keys = Vec::with_capacity(count);
        for _ in 0..count {
            let key = reader.key().ok_or(malformed("the key of a robot"))?;
            let robot = read_robot(&mut reader, ledger.robot(&key)).ok_or(malformed("the streams of a robot"))?;
            ledger.put(key, robot);
            keys.push(key);
        }
        if !reader.is_empty() {
            return Err(malformed("bytes behind the last robot"));
        }
        if ledger.len() != self.header.robots || ledger.totals() != self.header.totals {
            return Err(malformed("its totals, which its robots do not add up to"));
        }
        Ok(keys)
    }
}
