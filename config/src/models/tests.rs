//! Tests of the robot models: the shipped ones, looking up, and each kind of problem.

mod implausible;
mod refused;

use std::fs;

use super::builtin::FILES;
use super::*;

const ARM: &str = include_str!("../../models/example-arm-6.toml");

fn id(text: &str) -> RobotId {
    text.parse().expect("a well-formed ID")
}

/// The problems of the built-in models with these files laid over them, without the folder's path.
fn problems_of(files: &[(&str, &str)]) -> Vec<String> {
    match laid_over(files) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.0.iter().map(Problem::to_string).collect(),
    }
}

fn laid_over(files: &[(&str, &str)]) -> Result<Models, Problems> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("a written file");
    }
    Models::with_dir(folder.path())
}

#[test]
fn the_built_in_list_and_the_folder_agree() {
    let folder = Path::new("models");
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, FILES.map(|(name, _)| name));
    for (file, text) in FILES {
        let name = file.strip_suffix(".toml").unwrap();
        assert!(text.contains(&format!("\nname = \"{name}\"\n")), "{file} is not called by its name");
    }
    assert_eq!(Models::builtin().all().len(), FILES.len());
}

#[test]
fn the_example_arm_has_the_catalogues_numbers() {
    let models = Models::builtin();
    let found = models.find(&id("CNAB12HX00010000000000000042A"), RobotKind::Arm, None);
    assert_eq!((found.by, found.model.name.as_str()), (FoundBy::Segments, "example-arm-6"));
    assert!(!found.model.generic && !found.model_config_unknown);
    let joint = found.model.joint("J6").unwrap();
    let Reducer::StrainWave(rating) = &joint.reducer else { panic!("{joint:?}") };
    assert_eq!((rating.rated_torque_nm, rating.gear_ratio), (87.0, 100.0));
    assert_eq!((rating.repeated_peak_torque_nm, rating.momentary_peak_torque_nm), (204.0, 369.0));
    assert_eq!(rating.average_torque_limit_nm, Some(140.0));
    assert_eq!((rating.rated_speed_rpm, rating.rated_life_l10_h), (2000.0, 10_000.0));
    assert_eq!(found.model.joint("J7"), None);
    let battery = found.model.battery.as_ref().unwrap();
    assert_eq!((battery.nominal_capacity_ah, battery.cells_in_series), (30.0, 13));
    assert_eq!(found.model.limits.pack_voltage_v.suspect_max, 55.25);
    assert_eq!(found.model.limits.pack_voltage_v.hard_max, 1000.0);
}

#[test]
fn a_record_may_name_its_model_and_an_unknown_name_is_told() {
    let models = Models::builtin();
    let robot = id("DKUR00UR300000000000000000001");
    let found = |kind, name| {
        let found = models.find(&robot, kind, name);
        (found.model.name.as_str(), found.by, found.model_config_unknown)
    };
    assert_eq!(found(RobotKind::Arm, None), ("ur3", FoundBy::Segments, false));
    assert_eq!(found(RobotKind::Arm, Some("kestrel-k6")), ("kestrel-k6", FoundBy::Override, false));
    assert_eq!(found(RobotKind::Arm, Some("UR3")), ("ur3", FoundBy::Segments, true));
    let differs = |robot, name| models.find(robot, RobotKind::Arm, name).model_config_differs;
    assert!(differs(&robot, Some("kestrel-k6")) && differs(&robot, Some("generic-arm")));
    assert!(!differs(&robot, Some("ur3")) && !differs(&robot, Some("UR3")) && !differs(&robot, None));
    let stranger = id("ZZ9999999999000000000000000ZZ");
    assert!(!differs(&stranger, Some("ur3")) && !differs(&stranger, Some("generic-arm")), "its ID says nothing else");
    for (kind, name) in
        [(RobotKind::Arm, "generic-arm"), (RobotKind::Humanoid, "generic-humanoid"), (RobotKind::Amr, "generic-amr")]
    {
        let found = models.find(&stranger, kind, None);
        assert_eq!((found.model.name.as_str(), found.by), (name, FoundBy::Generic));
        assert!(found.model.generic && found.model.kind == kind);
        assert!(models.find(&stranger, kind, Some("nope")).model_config_unknown);
    }
}

#[test]
fn a_source_says_whether_what_it_gives_is_assumed() {
    let models = Models::builtin();
    let assumed = |model: &str, joint: &str| {
        let joint = models.by_name(model).unwrap().joint(joint).unwrap().clone();
        (joint.reducer.rating().map(|rating| rating.source.is_assumed()), joint.source.is_assumed())
    };
    assert_eq!(assumed("example-arm-6", "J1"), (Some(false), true));
    assert_eq!(assumed("ur3e", "J2"), (Some(true), true));
    assert_eq!(assumed("abb-irb1200-5-09", "joint_1"), (None, false));
    let pack = models.by_name("mir250").unwrap().battery.as_ref().unwrap();
    assert!(pack.source.is_assumed() && pack.source.as_str().starts_with("assumed: no document"));
    assert_eq!(assumed("unitree-g1", "left_knee"), (None, false));
    assert!(models.by_name("unitree-g1").unwrap().battery.as_ref().unwrap().source.is_assumed(), "its end of life is");
    for model in models.all().iter().filter(|model| model.generic) {
        assert!(model.default_joint.as_ref().unwrap().source.is_assumed(), "{}", model.name);
    }
}

#[test]
fn generic_models_have_an_entry_for_any_joint_and_claim_no_more_than_they_know() {
    let models = Models::builtin();
    for model in models.all().iter().filter(|model| model.generic) {
        let joint = model.joint("any name").expect("a default joint");
        assert_eq!((joint.continuous_current_a, joint.following_error), (None, None));
        assert_eq!(model.battery, None);
    }
}

#[test]
fn the_demos_robots_are_of_mixed_kind() {
    let models = Models::builtin();
    let humanoid = models.by_name("alder-h1").unwrap();
    assert_eq!((humanoid.kind, humanoid.joints.len()), (RobotKind::Humanoid, 12));
    assert!(humanoid.joint("waist_yaw").is_some());
    let amr = models.by_name("drover-d2").unwrap();
    assert_eq!((amr.kind, amr.joints.len()), (RobotKind::Amr, 4));
    assert_eq!(amr.joint("drive_left").unwrap().reducer, Reducer::Unrated);
    assert_eq!(amr.limits.cell_voltage_v.suspect_max, 3.65, "LFP cells");
    assert_eq!(amr.limits.amr_speed_m_s.suspect_max, 2.0);
    assert_eq!(models.by_name("kestrel-k6").unwrap().joints.len(), 6);
}

#[test]
fn a_model_of_ones_own_replaces_the_built_in_one_and_takes_its_segments() {
    let own = ARM.replace("example-arm-6", "our-arm").replace("30\n", "28\n");
    let models = laid_over(&[("our-arm.toml", &own), ("notes.txt", "not a model")]).unwrap();
    let robot = id("CNAB12HX00010000000000000042A");
    assert_eq!(models.find(&robot, RobotKind::Arm, None).model.name, "our-arm");
    assert_eq!(models.by_name("example-arm-6").unwrap().matches, [""; 0]);

    let same_name = ARM.replace("nominal_capacity_ah = 30", "nominal_capacity_ah = 28");
    let models = laid_over(&[("a.toml", &same_name)]).unwrap();
    let battery = models.find(&robot, RobotKind::Arm, None).model.battery.clone().unwrap();
    assert_eq!(battery.nominal_capacity_ah, 28.0);
    assert_eq!(models.all().len(), FILES.len());
}

#[test]
fn a_generic_model_of_ones_own_stands_in_for_its_kind() {
    let text = "name = \"our-amr\"\nkind = \"amr\"\ngeneric = true\nsource = \"assumed\"\n\
                [reducers.any]\nkind = \"none\"\n[[joints]]\ndefault = true\nreducer = \"any\"\nsource = \"assumed\"";
    let models = laid_over(&[("our-amr.toml", text)]).unwrap();
    let stranger = id("ZZ9999999999000000000000000ZZ");
    assert_eq!(models.find(&stranger, RobotKind::Amr, None).model.name, "our-amr");
    assert_eq!(models.by_name("generic-amr"), None);
    let twice = [("a.toml", text), ("b.toml", &text.replace("our-amr", "other-amr"))];
    assert_eq!(
        problems_of(&twice),
        ["kind amr = other-amr, our-amr: expected exactly one model with `generic = true` of this kind"]
    );
}

#[test]
fn an_rv_reducer_keeps_its_output_ratings() {
    let text = ARM
        .replace("kind = \"strain_wave\"", "kind = \"rv\"")
        .replace("rated_speed_rpm = 2000", "rated_speed_rpm = 15");
    let models = laid_over(&[("a.toml", &text)]).unwrap();
    let joint = models.by_name("example-arm-6").unwrap().joint("J1").unwrap().clone();
    assert!(matches!(joint.reducer, Reducer::Rv(ReducerRating { rated_speed_rpm: 15.0, .. })), "{joint:?}");
}

#[test]
fn a_models_ranges_lie_over_those_of_all_robots() {
    let mut base = Limits::builtin();
    base.temp_motor_c.suspect_max = 70.0;
    base.cell_voltage_v.hard_max = 4.0;
    let models = Models::builtin().resolved(&base).unwrap();
    let arm = models.by_name("example-arm-6").unwrap();
    assert_eq!(arm.limits.temp_motor_c.suspect_max, 70.0);
    assert_eq!(arm.limits.cell_voltage_v.suspect_max, 4.0, "never wider than the hard bound");
    base.amr_speed_m_s.hard_max = 1.0;
    let found = Models::builtin().resolved(&base).expect_err("2 m/s is beyond 1 m/s");
    let expected = ["drover-d2", "mir250"]
        .map(|name| format!("{name}: limits.amr_speed_m_s.suspect_max = 2: expected at most hard_max (1)"));
    assert_eq!(found.to_string(), expected.join("\n"));
}

#[test]
fn robots_that_people_own_are_known_and_claim_no_more_than_they_know() {
    let models = Models::builtin();
    for (id, name, rated) in [
        ("DKUR00UR3E0000000000000000001", "ur3e", true),
        ("DKUR00UR5E0000000000000000001", "ur5e", true),
        ("DKUR00UR10E000000000000000001", "ur10e", true),
        ("JPFAN0LRM2ID00000000000000001", "fanuc-lrmate-200id", false),
        ("SEABB0IRB12000000000000000001", "abb-irb1200-5-09", false),
        ("DEKUK0KR6R9200000000000000001", "kuka-kr6-r900-2", false),
        ("JPYAS0GP700000000000000000001", "yaskawa-gp7", false),
        ("CNUNI0G1000000000000000000001", "unitree-g1", false),
        ("DKMIR025000000000000000000001", "mir250", false),
    ] {
        let found = models.find(&id.parse().expect("a well-formed ID"), RobotKind::Arm, None);
        assert_eq!((found.model.name.as_str(), found.by), (name, FoundBy::Segments));
        for joint in &found.model.joints {
            assert_eq!(joint.reducer.rating().is_some(), rated, "{name} {}", joint.name);
            assert!(joint.max_speed_rad_s.is_some(), "{name} {}", joint.name);
        }
    }
    let knee = models.by_name("unitree-g1").unwrap().joint("left_knee_joint").unwrap();
    assert_eq!((knee.max_torque_nm, knee.max_speed_rad_s), (Some(139.0), Some(20.0)));
    assert_eq!(models.by_name("ur10e").unwrap().joint("base").unwrap().max_torque_nm, Some(330.0));
}

#[test]
fn what_a_law_needs_is_checked_like_everything_else() {
    let wrong = ARM
        .replace("reference_arcmin = 1\n", "reference_arcmin = 3\n")
        .replace("end_mohm = 40", "end_mohm = 20")
        .replace("life_rev = [8.5e8, ", "life_rev = [");
    let found = problems_of(&[("arm.toml", &wrong)]);
    let expected = [
        "arm.toml: joints[0].grease.life_rev = [850000000.0, ",
        "arm.toml: joints[0].lost_motion.reference_arcmin = 3: expected below limit_arcmin (3)",
        "arm.toml: battery.resistance.end_mohm = 20: expected more than new_mohm (20)",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (problem, start) in found.iter().zip(expected) {
        assert!(problem.starts_with(start), "{problem}");
    }
}
