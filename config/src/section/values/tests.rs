//! Tests of what a key may hold.

use proptest::prelude::*;

use super::*;
use crate::problem::Problem;
use crate::section::parse_toml;

fn problem_of(text: &str, read: impl FnOnce(&mut Section<'_>)) -> Option<String> {
    let table = parse_toml(text).expect("the test's TOML parses");
    let mut problems = Vec::new();
    Section::read("", &table, &mut problems, read);
    assert!(problems.len() <= 1, "{problems:?}");
    problems.first().map(Problem::to_string)
}

#[test]
fn a_value_outside_of_its_range_says_the_range() {
    let seconds = Duration::from_secs;
    let found = problem_of("a = \"2d\"", |s| {
        s.duration("a", seconds(1)..=seconds(3600));
    });
    assert_eq!(
        found.as_deref(),
        Some("a = \"2d\": expected a duration from \"1s\" to \"1h\" (units ms, s, min, h, d)")
    );
    let found = problem_of("a = 0", |s| {
        s.integer("a", 1_u32..=9);
    });
    assert_eq!(found.as_deref(), Some("a = 0: expected a whole number from 1 to 9"));
    let found = problem_of("a = \"5 B\"", |s| {
        s.bytes("a", 1024..=2048);
    });
    assert!(found.is_some_and(|text| text.contains("from \"1 KiB\" to \"2 KiB\"")));
}

#[test]
fn a_number_without_a_unit_is_no_duration_and_no_amount() {
    let second = Duration::from_secs(1);
    let found = problem_of("a = 30", |s| {
        s.duration("a", second..=second);
    });
    assert!(found.is_some());
    let found = problem_of("a = 30", |s| {
        s.bytes("a", 1..=99);
    });
    assert!(found.is_some());
}

#[test]
fn numbers_that_are_not_finite_or_too_long_are_refused() {
    for text in ["nan", "inf", "1e300", "0.1234567890123456", "1e-8", "\"1\"", "true"] {
        let found = problem_of(&format!("a = {text}"), |s| {
            s.number("a", -1e15..=1e15);
        });
        assert!(found.is_some(), "{text}");
    }
    for (text, number) in [("5", 5.0), ("-0.05", -0.05), ("1e15", 1e15), ("0", 0.0), ("1000000000000000", 1e15)] {
        let mut read = f64::NAN;
        let found = problem_of(&format!("a = {text}"), |s| read = s.number("a", -1e15..=1e15));
        assert_eq!((found, read), (None, number), "{text}");
    }
}

#[test]
fn an_address_needs_a_port_and_a_path_is_taken_from_its_base() {
    for text in ["localhost:1883", "127.0.0.1", ":1883", ""] {
        let found = problem_of(&format!("a = \"{text}\""), |s| {
            s.address("a");
        });
        assert!(found.is_some(), "{text}");
    }
    let mut path = None;
    let found = problem_of("a = \"users\"", |s| path = s.optional_path("a", Path::new("/etc/tacho")));
    assert_eq!((found, path), (None, Some(PathBuf::from("/etc/tacho/users"))));
}

proptest! {
    #[test]
    fn exact_numbers_go_through_json_without_loss(digits in 1_i64..=999_999_999_999_999, shift in -26_i32..=0) {
        let number: f64 = format!("{digits}e{shift}").parse().expect("a number");
        if is_exact(number) {
            let json = serde_json::to_string(&number).expect("finite");
            let back: f64 = serde_json::from_str(&json).expect("a number");
            prop_assert_eq!(number.to_bits(), back.to_bits());
        }
    }
}
