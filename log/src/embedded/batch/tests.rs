//! Batches as they are written, damaged, and searched for.

use super::*;

fn batch(format: &Format, base_seq: u64, body: &[u8]) -> Vec<u8> {
    let header = BatchHeader {
        version: VERSION_FIRST,
        body_crc: crc32c::crc32c(body),
        body_len: u32::try_from(body.len()).unwrap(),
        records: 3,
        base_seq,
        max_received_at_us: 17,
        base: [5, 6].into(),
        end: [5, 9].into(),
        zeros: has_zeros(body),
    };
    let mut bytes = Vec::new();
    format.write_header(&mut bytes, &header);
    assert_eq!(format.parse_header(&bytes), Some(header));
    bytes.extend_from_slice(body);
    bytes
}

#[test]
fn every_changed_byte_of_a_batch_is_found() {
    let format = Format::new(Uuid::from_u128(1), 2);
    let bytes = batch(&format, 40, b"body");
    assert!(matches!(format.look(&bytes, 0, 40), Found::Batch(..)));
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        assert!(!matches!(format.look(&changed, 0, 0), Found::Batch(..)), "byte {at}");
    }
}

#[test]
fn a_batch_of_a_later_release_is_known_and_no_damaged_one_passes_for_it() {
    let format = Format::new(Uuid::from_u128(1), 2);
    let ours = batch(&format, 40, b"body");
    assert_eq!(format.newer(&ours), None);
    for (at, value, told) in [(8, 3, (3, 0)), (10, 1, (1, 1))] {
        let mut later = ours.clone();
        later[at] = value;
        assert_eq!(format.newer(&later), None, "its CRC does not hold");
        let crc = format.header_crc(&later[..format.header_len()]).to_le_bytes();
        later[CRC_AT..CRC_AT + 4].copy_from_slice(&crc);
        assert_eq!(format.newer(&later), Some(told));
        assert_eq!(Format::new(Uuid::nil(), 2).newer(&later), None, "of another log");
    }
}

#[test]
fn a_batch_of_another_log_or_from_earlier_is_none() {
    let format = Format::new(Uuid::from_u128(1), 2);
    let bytes = batch(&format, 40, b"body");
    assert!(matches!(Format::new(Uuid::from_u128(2), 2).look(&bytes, 0, 0), Found::Bad));
    assert!(matches!(format.look(&bytes, 0, 41), Found::Bad));
}

#[test]
fn a_good_batch_is_found_behind_rubbish_and_a_forged_one() {
    let format = Format::new(Uuid::from_u128(1), 2);
    let forged = batch(&Format::new(Uuid::nil(), 2), 40, b"forged");
    let mut bytes = [BATCH_MAGIC.as_slice(), &forged, b"\xb7\xb7TACHO"].concat();
    let at = bytes.len();
    bytes.extend_from_slice(&batch(&format, 40, b"body"));
    assert_eq!(format.search(&bytes, 0, 0), Some(at));
    assert_eq!(format.search(&bytes, at + 1, 0), None);
}

#[test]
fn a_hole_is_a_sector_of_zeros_and_a_changed_header_is_still_known() {
    let format = Format::new(Uuid::from_u128(1), 2);
    let mut bytes = batch(&format, 40, &[b'x'; 2_000]);
    assert!(!has_hole(&bytes, 0..bytes.len()));
    assert!(has_hole(&[bytes.clone(), vec![0; 600]].concat(), 0..bytes.len() + 600));
    for at in 0..format.header_len() {
        bytes[at] ^= 0xff;
        assert!(format.resembles_next(&bytes, 40, &[5, 6]), "byte {at}");
        bytes[at] ^= 0xff;
    }
    assert!(!format.resembles_next(&bytes[format.header_len()..], 40, &[5, 6]));
    assert!(!format.resembles_next(&bytes[..20], 40, &[5, 6]));
    bytes[512..1_024].fill(0);
    assert!(has_hole(&bytes, 0..bytes.len()));
}
