//! Rejected records: the first reason in the order of the checks, all further ones, and the key if it can be read.

use super::{EVERY, FULL, ID, MIN, min_but, min_with, own, reasons};
use crate::RobotKey;
use crate::dead_letter::Rejected;
use crate::json::decode;
use crate::processed::StreamKey;

fn rejected(text: impl AsRef<[u8]>) -> Rejected {
    own(text).unwrap_err()
}

const KEY: Option<StreamKey> = Some(StreamKey { epoch: 1, seq: 1 });

#[test]
fn each_mandatory_field_of_envelope_and_counters_is_required() {
    for (name, value) in [
        ("schema_version", "1"),
        ("robot_id", "\"CNAB12HX00010000000000000042A\""),
        ("stream_epoch", "1"),
        ("seq", "1"),
        ("window_start", "\"2026-11-21T08:00:00Z\""),
        ("window_end", "\"2026-11-21T08:15:00Z\""),
        ("robot_kind", "\"arm\""),
        ("counters", "{\"power_on_h\":1204.5}"),
    ] {
        let member = format!("\"{name}\":{value}");
        for (text, what) in
            [(min_but(&member, "\"unknown\":0"), "absent"), (min_but(&member, &format!("\"{name}\":null")), "null")]
        {
            assert_eq!(reasons(&rejected(text)), [format!("required:/{name}")], "{what}");
        }
        let wrong = rejected(min_but(&member, &format!("\"{name}\":[true]")));
        assert_eq!(reasons(&wrong), [format!("type:/{name}")]);
        assert_eq!(wrong.first.value, "[true]");
        let of_the_key = ["robot_id", "stream_epoch", "seq"].contains(&name);
        assert_eq!(wrong.key, if of_the_key { None } else { KEY }, "{name}");
    }
    assert_eq!(reasons(&rejected(min_but("power_on_h", "power"))), ["required:/counters/power_on_h"]);
}

#[test]
fn all_that_is_wrong_is_said_types_before_what_is_absent() {
    let text = min_but("\"robot_kind\":\"arm\",", "")
        .replace("\"seq\":1", "\"seq\":-1")
        .replace("1204.5", "\"1204.5\"")
        .replace("\"2026-11-21T08:00:00Z\"", "\"yesterday\"");
    let rejected = rejected(text);
    assert_eq!(
        reasons(&rejected),
        ["type:/window_start", "type:/counters/power_on_h", "out_of_range:/seq", "required:/robot_kind"]
    );
    assert_eq!((rejected.first.value.as_str(), rejected.key), ("\"yesterday\"", None));
}

#[test]
fn another_schema_version_is_the_only_reason() {
    for version in ["2", "0", "-1", "70000"] {
        let text = min_but("\"schema_version\":1", &format!("\"schema_version\":{version}"));
        let rejected = rejected(text.replace("1204.5", "{}"));
        assert_eq!(reasons(&rejected), ["schema_version:/schema_version"]);
        assert_eq!((rejected.first.value.as_str(), rejected.key), (version, KEY));
    }
    let text = min_but("\"schema_version\":1", "\"schema_version\":\"1\"");
    assert_eq!(reasons(&rejected(text)), ["type:/schema_version"]);
}

#[test]
fn a_malformed_id_is_named_and_touches_no_stream() {
    for id in ["cnab12hx00010000000000000042a", "SHORT", "CNAB12HX0001000000000000004２A", ""] {
        let rejected = rejected(MIN.replace(ID, id));
        assert_eq!(reasons(&rejected), ["id_malformed:/robot_id"]);
        assert_eq!((rejected.first.value, rejected.key), (format!("\"{id}\""), None));
    }
}

#[test]
fn the_id_of_another_robot_is_a_mismatch_and_touches_no_stream() {
    let other = ID.replace("42A", "43A");
    let rejected = rejected(MIN.replace(ID, &other).replace("\"arm\"", "\"drone\""));
    assert_eq!(reasons(&rejected), ["out_of_range:/robot_kind", "id_mismatch:/robot_id"]);
    assert_eq!(rejected.key, None);
}

#[test]
fn on_a_topic_without_an_id_everything_is_refused() {
    for text in [MIN, "{", FULL] {
        let rejected = decode(text.as_bytes(), RobotKey::Unreadable, Some("robot-7")).unwrap_err();
        assert_eq!(reasons(&rejected)[0], "id_malformed:");
        assert_eq!((rejected.first.value.as_str(), rejected.key), ("robot-7", None));
    }
}

#[test]
fn a_key_twice_rejects_a_record_also_if_one_is_escaped() {
    let twice = rejected(min_with(r#""firmware":"a","firmwar\u0065":"b""#));
    assert_eq!(reasons(&twice), ["duplicate_key:/firmware"]);
    assert_eq!((twice.first.value.as_str(), twice.key), ("\"b\"", KEY));
    assert_eq!(reasons(&rejected(min_with(r#""vendor":1,"vendor":1"#))), ["duplicate_key:/vendor"]);
    assert_eq!(rejected(min_with("\"seq\":1")).key, None);
    let counters = min_but("1204.5", r#"1204.5,"motion_h":1,"motion_h":1"#);
    assert_eq!(reasons(&rejected(counters)), ["duplicate_key:/counters/motion_h"]);
}

#[test]
fn bad_utf8_is_found_with_its_byte_and_the_key_before_it() {
    let mut bytes = min_with("\"firmware\":\"x\"").into_bytes();
    let at = bytes.len() - 3;
    bytes[at] = 0xff;
    let rejected = rejected(bytes);
    assert_eq!(reasons(&rejected), ["encoding:"]);
    assert_eq!((rejected.first.value, rejected.key), (format!("byte {at}: \u{fffd}\"}}"), KEY));
}

#[test]
fn what_is_no_json_is_a_syntax_error_with_its_byte() {
    for (text, at) in [
        (min_but("1204.5", "NaN"), MIN.find("1204.5").unwrap()),
        (min_but("1204.5", "+1"), MIN.find("1204.5").unwrap()),
        (min_but("1204.5", ".5"), MIN.find("1204.5").unwrap()),
        (min_but("\"arm\"", "'arm'"), MIN.find("\"arm\"").unwrap()),
        (format!("{} x", MIN.trim_end()), MIN.trim_end().len() + 1),
    ] {
        let rejected = rejected(&text);
        assert_eq!(reasons(&rejected), ["syntax:"], "{text}");
        assert!(rejected.first.value.starts_with(&format!("byte {at}: ")), "{text}: {}", rejected.first.value);
    }
    for text in
        ["", "{", "{\"a\":1,}", "{a:1}", "{\"a\" 1}", "\u{feff}{}", "{\"a\":01}", "{\"a\":1.}", "{\"a\":\"\n\"}"]
    {
        assert_eq!(reasons(&rejected(text)), ["syntax:"], "{text:?}");
    }
    assert_eq!(reasons(&rejected(min_but("1204.5", "Infinity"))), ["syntax:"]);
}

#[test]
fn a_record_of_another_type_is_a_type_error() {
    for text in ["5", "\"x\"", "null", "true", " [] ", "[1]"] {
        let rejected = rejected(text);
        assert_eq!(reasons(&rejected), ["type:"], "{text}");
        assert_eq!(rejected.first.value, text.trim());
    }
}

#[test]
fn a_record_cut_anywhere_is_rejected_and_a_cut_seq_is_never_a_key() {
    let text = MIN.trim_end().replace("\"seq\":1,", "\"seq\":1024,");
    let behind_seq = text.find("1024").unwrap() + 5;
    for cut in 0..text.len() {
        let rejected = rejected(&text[..cut]);
        assert_eq!(rejected.first.reason.as_str(), "syntax", "{cut}");
        let seq = rejected.key.map(|key| key.seq);
        assert!(seq.is_none() || seq == Some(1024) && cut >= behind_seq, "{cut}: {seq:?}");
    }
    let cut_late = rejected(&text[..text.len() - 3]);
    assert_eq!(cut_late.key, Some(StreamKey { epoch: 1, seq: 1024 }));
}

#[test]
fn nesting_of_16_is_kept_and_17_or_ten_thousand_rejected() {
    let nested = |n: usize| min_with(&format!("\"deep\":{}{}", "[".repeat(n), "]".repeat(n)));
    assert!(own(nested(15)).is_ok());
    let too_deep = rejected(nested(16));
    assert_eq!(reasons(&too_deep), ["depth:"]);
    assert_eq!((too_deep.first.value.as_str(), too_deep.key), ("17 deep", KEY));
    assert_eq!(reasons(&rejected(nested(10_000))), ["depth:"]);
    let unclosed = rejected(min_with(&format!("\"deep\":{}", "{\"a\":".repeat(10_000))));
    assert_eq!(reasons(&unclosed), ["depth:", "syntax:"]);
    assert_eq!(unclosed.key, KEY);
    assert_eq!(reasons(&rejected("[".repeat(200_000))), ["depth:", "type:"]);
}

#[test]
fn a_record_over_256_kib_is_too_large() {
    let padded = |n: usize| min_with(&format!("\"pad\":\"{}\"", "x".repeat(n)));
    let room = 256 * 1024 - padded(0).len();
    assert!(own(padded(room)).is_ok());
    let over = rejected(padded(room + 1));
    assert_eq!(reasons(&over), ["record_too_large:"]);
    assert_eq!((over.first.value.as_str(), over.key), ("262145 bytes", KEY));
}

#[test]
fn numbers_that_no_field_holds_are_out_of_range() {
    for number in ["1e400", "-1e400", "1e309"] {
        assert_eq!(reasons(&rejected(min_but("1204.5", number))), ["out_of_range:/counters/power_on_h"]);
    }
    for seq in ["-1", "9007199254740992", "1e30", "99999999999999999999"] {
        assert_eq!(reasons(&rejected(min_but("\"seq\":1", &format!("\"seq\":{seq}")))), ["out_of_range:/seq"], "{seq}");
    }
    assert_eq!(reasons(&rejected(min_but("\"seq\":1", "\"seq\":1.5"))), ["type:/seq"]);
    let time = min_but("\"2026-11-21T08:00:00Z\"", "99999999999999999999");
    assert_eq!(reasons(&rejected(time)), ["out_of_range:/window_start"]);
    let time = min_but("\"2026-11-21T08:00:00Z\"", "\"2026-02-30T08:00:00Z\"");
    assert_eq!(reasons(&rejected(time)), ["out_of_range:/window_start"]);
}

#[test]
fn the_value_is_cut_at_64_bytes_and_further_reasons_at_16() {
    let text = EVERY.replace("\"robot_kind\": \"humanoid\"", &format!("\"robot_kind\": \"{}\"", "é".repeat(100)));
    assert_eq!(rejected(text).first.value, format!("\"{}", "é".repeat(31)));
    let twice: Vec<String> = (0..100).map(|i| format!("\"k{i}\":0,\"k{i}\":0")).collect();
    let rejected = rejected(min_with(&twice.join(",")));
    assert_eq!((rejected.further.len(), rejected.key), (16, KEY));
}
