//! Tests of what is wrong with models' files.

use super::{ARM, Models, Path, problems_of};

#[test]
fn all_problems_of_all_files_are_listed_with_their_files() {
    let arm = ARM
        .replace("example-arm-6", "Bad Name")
        .replace("\"AB12HX0001\"", "\"AB12HX001\"")
        .replace("rated_torque_nm = 87 ", "rated_torque_nm = 150 ")
        .replace("gear_ratio = 100", "gear_ratio = 0")
        .replace("\"J6\"", "\"J1\"")
        .replace("0.001\n", "0.00001\n")
        .replace("= 48.1", "= 24")
        .replace("\"li_ion\"", "\"lead\"")
        .replace("rated_cycles", "rated_cycle")
        + "\n[limits.temp_motor_c]\nhard_min = 300\n";
    let found = problems_of(&[("arm.toml", &arm), ("broken.toml", "name = ")]);
    let expected = [
        "arm.toml: name = \"Bad Name\": expected a name of",
        "arm.toml: reducers.shg-25-100.gear_ratio = 0: expected a number from 1 to 10000",
        "arm.toml: reducers.shg-25-100.average_torque_limit_nm = 140: expected at least rated_torque_nm (150)",
        "arm.toml: joints[0].following_error_ref_rad = 0.0001: expected above 0 and below following_error_limit_rad",
        "arm.toml: battery.chemistry = \"lead\": expected \"li_ion\" or \"lfp\"",
        "arm.toml: battery.rated_cycles: expected a number",
        "arm.toml: battery.nominal_voltage_v = 24: expected 2.5 to 4.25 V for each of 13 cells",
        "arm.toml: battery.rated_cycle = 1000: expected no such key; did you mean `rated_cycles`?",
        "arm.toml: matches = AB12HX001: expected 10 characters",
        "arm.toml: joints = J1: expected each name of a joint once",
        "arm.toml: limits.temp_motor_c.hard_min = 300: expected at most hard_max (200)",
        "broken.toml: line 1, column ",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (problem, start) in found.iter().zip(expected) {
        let missing = found.iter().all(|problem| !problem.starts_with(start));
        assert!(!missing, "{start} is missing near {problem} in {found:#?}");
    }
}

#[test]
fn an_entry_of_joints_needs_names_or_default_and_a_reducer_of_the_file() {
    let head = "name = \"x\"\nkind = \"arm\"\nsource = \"assumed\"\n[reducers.a]\nkind = \"none\"\n";
    let joints = |entry: &str| problems_of(&[("x.toml", &format!("{head}[[joints]]\nsource = \"assumed\"\n{entry}"))]);
    assert_eq!(joints("names = [\"J1\"]\nreducer = \"a\""), [""; 0]);
    assert!(joints("reducer = \"a\"")[0].contains("or `default = true`"));
    assert!(joints("names = [\"J1\"]\ndefault = true\nreducer = \"a\"")[0].contains("either `names` or"));
    assert!(joints("names = [\"J1\"]\ndefault = false\nreducer = \"a\"")[0].contains("true, or no such key"));
    assert!(joints("names = [\"J1\"]\nreducer = \"b\"")[0].ends_with("one of the file's [reducers]: a"));
    assert!(joints("names = [\"\"]\nreducer = \"a\"")[0].contains("names of 1 to 256 bytes"));
    assert!(
        joints("names = [\"J1\"]\nreducer = \"a\"\nfollowing_error_ref_rad = 0.1")[0]
            .contains("following_error_limit_rad")
    );
    assert!(problems_of(&[("x.toml", head)])[0].contains("at least one joint"));
    let two_defaults = "default = true\nreducer = \"a\"\n[[joints]]\nsource = \"s\"\ndefault = true\nreducer = \"a\"";
    assert!(joints(two_defaults)[0].contains("at most one entry"));
}

#[test]
fn weights_that_are_not_one_together_and_segments_of_two_models_are_refused() {
    let heavy = ARM.to_owned() + "\n[health]\njoints = 0.5\nbatteries = 0.5\naccuracy = 0.5\n";
    assert_eq!(
        problems_of(&[("a.toml", &heavy)]),
        ["a.toml: health = 1.5 in all: expected weights from 0 to 1 that are 1 together"]
    );
    let twin = ARM.replace("example-arm-6", "twin");
    let found = problems_of(&[("a.toml", ARM), ("b.toml", &twin)]);
    assert_eq!(
        found,
        ["twin: matches = AB12HX0001: expected segments that no other model matches; example-arm-6 does"]
    );
    let found = problems_of(&[("a.toml", ARM), ("b.toml", ARM)]);
    assert!(found.contains(&"name = example-arm-6: expected a name that no other model has".to_owned()), "{found:?}");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let found = Models::with_dir(Path::new("/no/such/folder")).expect_err("nothing there");
    assert!(found.to_string().starts_with("/no/such/folder = "), "{found}");
}
