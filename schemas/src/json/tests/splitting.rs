//! A publish into its records.

use bytes::Bytes;

use super::{MIN, own};
use crate::json::{Elements, split};
use crate::reason::RejectReason;

fn parts(payload: &str) -> Vec<String> {
    let elements = split(&Bytes::from(payload.to_owned())).unwrap();
    let shared = (0..elements.len()).map(|ordinal| elements.bytes(ordinal).unwrap());
    assert!(elements.iter().eq(shared));
    assert_eq!(elements.bytes(elements.len()), None);
    elements.iter().map(|slice| String::from_utf8_lossy(slice).into_owned()).collect()
}

fn refused(payload: impl Into<Vec<u8>>) -> (RejectReason, String) {
    let payload = Bytes::from(payload.into());
    let letter = split(&payload).unwrap_err();
    assert_eq!(letter.original_len, payload.len() as u64);
    (letter.reason, letter.value)
}

#[test]
fn one_record_is_the_whole_payload_as_it_came() {
    let payload = Bytes::from(format!(" \n{MIN}\t"));
    let elements = split(&payload).unwrap();
    assert_eq!(elements, Elements::One(payload.clone()));
    assert_eq!(elements.bytes(0), Some(payload));
    assert_eq!(parts("{broken"), ["{broken"]);
}

#[test]
fn each_element_of_an_array_is_its_bytes_from_the_first_to_the_last() {
    assert_eq!(parts(r#" [ {"a":[1,{}]} ,"x,]\"" , 7 , [1,2]] "#), [r#"{"a":[1,{}]}"#, r#""x,]\"""#, "7", "[1,2]"]);
    assert_eq!(parts("[{}]"), ["{}"]);
}

#[test]
fn a_bad_element_costs_only_itself() {
    let payload = format!("[{MIN},{{\"a\":1,}},,{MIN}]");
    let kept: Vec<bool> = parts(&payload).iter().map(|part| own(part).is_ok()).collect();
    assert_eq!(kept, [true, false, false, true]);
    let mut bad_utf8 = format!("[{MIN},\"x\",{MIN}]").into_bytes();
    let at = bad_utf8.iter().rposition(|byte| *byte == b'x').unwrap();
    bad_utf8[at] = 0xff;
    let elements = split(&Bytes::from(bad_utf8)).unwrap();
    let kept: Vec<bool> = elements.iter().map(|slice| own(slice).is_ok()).collect();
    assert_eq!(kept, [true, false, true]);
}

#[test]
fn an_array_whose_ends_cannot_be_found_is_rejected_as_one() {
    for (payload, at) in [("[{}", 3), ("[{]", 2), ("[{}]]", 4), ("[{}] {}", 5), ("[\"abc]", 6), ("[", 1), ("[\"a\\", 4)]
    {
        let (reason, value) = refused(payload);
        assert_eq!(reason, RejectReason::Syntax, "{payload}");
        assert!(value.starts_with(&format!("byte {at}:")), "{payload}: {value}");
    }
    assert_eq!(refused("[".repeat(1_000_000)).0, RejectReason::Syntax);
}

#[test]
fn a_publish_without_a_record_is_empty() {
    for payload in ["", " \n", "[]", "[ ] "] {
        assert_eq!(refused(payload).0, RejectReason::Empty, "{payload:?}");
    }
}

#[test]
fn a_publish_of_a_mebibyte_is_taken_and_one_byte_more_is_not() {
    let mebibyte = vec![b' '; 1024 * 1024];
    assert_eq!(refused(mebibyte.clone()).0, RejectReason::Empty);
    let more = [mebibyte, vec![b' ']].concat();
    let letter = split(&Bytes::from(more.clone())).unwrap_err();
    assert_eq!((letter.reason, letter.bytes.len()), (RejectReason::TooLarge, 65_536));
    assert_eq!(letter.sha256, crate::Digest::of(&more));
}

#[test]
fn an_array_holds_8192_elements_and_not_one_more() {
    let array = |n: usize| format!("[{}]", vec!["1"; n].join(","));
    assert_eq!(parts(&array(8_192)).len(), 8_192);
    assert_eq!(refused(array(8_193)).0, RejectReason::Length);
}
