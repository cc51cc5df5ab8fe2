//! Tests of the ranges.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> (Limits, Vec<String>) {
    let table = parse_toml(text).expect("the test's TOML parses");
    let mut limits = Limits::builtin();
    let mut problems = Vec::new();
    Section::read("limits", &table, &mut problems, |s| limits.read_changes(s));
    (limits, problems.iter().map(Problem::to_string).collect())
}

#[test]
fn the_shipped_file_is_sound_and_names_every_quantity() {
    let table = parse_toml(SHIPPED).expect("TOML");
    let mut problems = Vec::new();
    let mut limits = Limits::unbounded();
    Section::read("", &table, &mut problems, |s| limits.read_changes(s));
    assert_eq!(problems, []);
    for name in Limits::NAMES {
        assert!(table.contains_key(*name), "{name} is missing in limits.toml");
    }
    assert_eq!(limits.disorders("limits"), []);
    assert_eq!(limits, Limits::builtin());
}

#[test]
fn bounds_are_included_and_what_is_no_number_is_wrong() {
    let temp = Limits::builtin().temp_motor_c;
    let cases = [
        (90.0, Judgement::Sound),
        (0.0, Judgement::Sound),
        (90.1, Judgement::Suspect),
        (-0.1, Judgement::Suspect),
        (200.0, Judgement::Suspect),
        (200.1, Judgement::Wrong),
        (-40.1, Judgement::Wrong),
        (f64::NAN, Judgement::Wrong),
        (f64::INFINITY, Judgement::Wrong),
    ];
    for (value, judgement) in cases {
        assert_eq!(temp.judge(value), judgement, "{value}");
    }
}

#[test]
fn a_change_keeps_the_other_bounds() {
    let (limits, problems) = read("[temp_motor_c]\nsuspect_max = 80\n[current_suspect_factor]\nvalue = 2.5");
    assert_eq!(problems, [""; 0]);
    let builtin = Limits::builtin();
    assert_eq!(limits.temp_motor_c, SanityRange { suspect_max: 80.0, ..builtin.temp_motor_c });
    assert_eq!(limits.current_suspect_factor, 2.5);
    assert_eq!(limits.soc, builtin.soc);
}

#[test]
fn a_narrower_hard_bound_takes_the_suspect_bound_with_it() {
    let (limits, problems) = read("[joint_current_a]\nhard_max = 50\n[temp_motor_c]\nhard_max = 85");
    assert_eq!(problems, [""; 0]);
    assert_eq!(limits.joint_current_a.suspect_max, 50.0);
    assert_eq!(limits.temp_motor_c.suspect_max, 85.0);
    let (limits, _) = read("[joint_current_a]\nhard_max = 500");
    assert_eq!(limits.joint_current_a.suspect_max, 500.0);
}

#[test]
fn bounds_out_of_order_and_unknown_quantities_are_listed_together() {
    let text =
        "[temp_motor_c]\nhard_min = 300\n[soc]\nsuspect_max = 2\n[soh]\nsuspect_min = -1\n[temp_moter_c]\nhard_max = 1";
    let (_, problems) = read(text);
    assert_eq!(
        problems,
        [
            "limits.temp_motor_c.hard_min = 300: expected at most hard_max (200)",
            "limits.soc.suspect_max = 2: expected at most hard_max (1.001)",
            "limits.soh.suspect_min = -1: expected at least hard_min (0)",
            "limits.temp_moter_c = { hard_max = 1 }: expected no such key; did you mean `temp_motor_c`?",
        ]
    );
}

proptest! {
    #[test]
    fn a_value_is_sound_only_if_it_would_be_kept(value in -1e4..1e4_f64) {
        let limits = Limits::builtin();
        for name in Limits::NAMES {
            let range = limits.by_name(name).expect("a listed quantity");
            let kept = value >= range.hard_min && value <= range.hard_max;
            prop_assert_eq!(range.judge(value) != Judgement::Wrong, kept, "{}", name);
        }
    }
}
