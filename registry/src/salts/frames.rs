//! How keys lie in the file of a month: frames of `magic, length, CRC-32C, entries`, one or more per fsync.
//!
//! A bad frame at the end is what a crash left of a group that nobody has used yet; a bad frame with a good one
//! behind it is damage. Pure.

/// The longest robot text, bytes.
pub const MAX_ROBOT_BYTES: usize = 255;

const MAGIC: [u8; 4] = *b"TSK1";
const HEAD: usize = 12;
const SECRET: usize = 32;
/// A longer payload is no frame.
const MAX_PAYLOAD: usize = 1 << 20;

/// One key.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The robot ID, or `?`.
    pub robot: Box<str>,
    /// The secret.
    pub secret: [u8; SECRET],
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({}, ***)", self.robot)
    }
}

/// What a file holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Content {
    /// The keys.
    pub entries: Vec<Entry>,
    /// Where the good frames end.
    pub end: usize,
}

/// A bad frame with a good one behind it.
#[derive(Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where it begins, in bytes.
    pub at: usize,
}

/// The frames of a group of keys.
pub fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    for group in entries.chunks(MAX_PAYLOAD / (1 + MAX_ROBOT_BYTES + SECRET)) {
        let mut payload = Vec::new();
        for Entry { robot, secret } in group {
            let robot = &robot.as_bytes()[..robot.len().min(MAX_ROBOT_BYTES)];
            payload.push(u8::try_from(robot.len()).expect("cut at 255 just now"));
            payload.extend_from_slice(robot);
            payload.extend_from_slice(secret);
        }
        let length = u32::try_from(payload.len()).expect("a group is at most 1 MiB");
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&crc32c::crc32c(&payload).to_le_bytes());
        out.extend_from_slice(&payload);
    }
    out
}

/// Reads a file up to its torn tail, if it has one.
///
/// # Errors
/// [`Damage`], for which there is no remedy here.
pub fn decode(bytes: &[u8]) -> Result<Content, Damage> {
    let mut content = Content { entries: Vec::new(), end: 0 };
    while let Some((length, entries)) = frame(&bytes[content.end..]) {
        content.entries.extend(entries);
        content.end += length;
    }
    let tail = &bytes[content.end..];
    let good_behind = (1..tail.len()).any(|start| tail[start..].starts_with(&MAGIC) && frame(&tail[start..]).is_some());
    if good_behind { Err(Damage { at: content.end }) } else { Ok(content) }
}

/// The frame at the start of `bytes`, if a good one is there: its length and its keys.
fn frame(bytes: &[u8]) -> Option<(usize, Vec<Entry>)> {
    let (magic, rest) = bytes.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (crc, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    if *magic != MAGIC || length == 0 || length > MAX_PAYLOAD {
        return None;
    }
    let payload = rest.get(..length)?;
    if crc32c::crc32c(payload) != u32::from_le_bytes(*crc) {
        return None;
    }
    Some((HEAD + length, entries(payload)?))
}

fn entries(mut payload: &[u8]) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    while let Some((length, rest)) = payload.split_first() {
        let (robot, rest) = rest.split_at_checked(usize::from(*length))?;
        let (secret, rest) = rest.split_first_chunk()?;
        let robot = std::str::from_utf8(robot).ok()?.into();
        entries.push(Entry { robot, secret: *secret });
        payload = rest;
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(count: u8, first: u8) -> Vec<Entry> {
        (0..count).map(|i| Entry { robot: format!("ROBOT{}", first + i).into(), secret: [first + i; 32] }).collect()
    }

    #[test]
    fn groups_are_read_back_in_order() {
        let bytes = [encode(&some(3, 0)), encode(&some(2, 3))].concat();
        let content = decode(&bytes).unwrap();
        assert_eq!(content, Content { entries: some(5, 0), end: bytes.len() });
        assert_eq!(decode(&[]).unwrap().entries, []);
    }

    #[test]
    fn a_large_group_is_cut_into_frames() {
        let many: Vec<Entry> =
            (0..40_000).map(|i| Entry { robot: format!("{i:0255}").into(), secret: [7; 32] }).collect();
        assert_eq!(decode(&encode(&many)).unwrap().entries, many);
    }

    #[test]
    fn every_torn_tail_leaves_the_groups_before_it() {
        let first = encode(&some(3, 0));
        let bytes = [first.clone(), encode(&some(2, 3))].concat();
        for cut in first.len()..bytes.len() {
            let content = decode(&bytes[..cut]).unwrap();
            assert_eq!(content, Content { entries: some(3, 0), end: first.len() });
        }
    }

    #[test]
    fn every_flipped_byte_before_the_last_group_is_damage() {
        let first = encode(&some(3, 0));
        let bytes = [first.clone(), encode(&some(2, 3))].concat();
        for at in 0..first.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x40;
            assert_eq!(decode(&bytes), Err(Damage { at: 0 }), "byte {at}");
        }
    }
}
