//! Tests of the settings: each kind of problem, the shipped profiles, and reading back what is written.

mod fitting;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::limits::Limits;

fn problems(text: &str) -> Vec<String> {
    match Settings::parse(text, Path::new("/etc/tacho")) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.0.iter().map(Problem::to_string).collect(),
    }
}

fn sound(text: &str) -> Settings {
    Settings::parse(text, Path::new("/etc/tacho")).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn without_a_file_everything_is_local_and_anonymous() {
    let settings = Settings::development();
    assert_eq!(settings.profile, Profile::Development);
    assert_eq!(settings.data_dir, Path::new("./tacho-data"));
    assert_eq!(settings.registry_dir(), Path::new("./tacho-data.registry"));
    assert_eq!(settings.mqtt.listen.to_string(), "127.0.0.1:1883");
    assert_eq!(settings.admin.listen.to_string(), "127.0.0.1:9464");
    assert!(settings.mqtt.anonymous);
    assert_eq!(settings.anchor.window, Duration::from_secs(10));
    assert_eq!(settings.check(), Ok(()));
    assert_eq!(settings.warnings(), []);
}

#[test]
fn production_needs_users_and_nothing_else() {
    assert_eq!(
        problems(""),
        ["mqtt.users_file: expected the path of a users file, or `anonymous = true`: nobody could connect"]
    );
    let settings = sound("[mqtt]\nusers_file = \"users\"");
    assert_eq!(settings.profile, Profile::Production);
    assert_eq!(settings.mqtt.users_file.as_deref(), Some(Path::new("/etc/tacho/users")));
    assert_eq!(settings.data_dir, Path::new("/etc/tacho/./tacho-data"));
    assert!(!settings.mqtt.anonymous);
    assert_eq!(settings.mqtt.puback_deadline, Duration::from_secs(30));
    assert_eq!(settings.mqtt.max_publish_bytes, 1 << 20);
    assert_eq!(settings.mqtt.max_bytes_total, 256 << 20);
    assert_eq!(settings.mqtt.robot_rate, None);
    assert_eq!(settings.log.partitions, 8);
    assert_eq!(settings.lake.commit_bytes, 64_000_000);
    assert_eq!(settings.lake.compaction.target_file_bytes, 128 << 20);
    assert_eq!((settings.anchor.window, settings.anchor.max_rows), (Duration::from_secs(60), 1 << 20));
    assert_eq!(settings.processing.limits, Limits::builtin());
    assert_eq!(settings.warnings(), []);
}

#[test]
fn a_file_overrides_single_keys_of_its_profile() {
    let settings = sound("profile = \"development\"\n[mqtt]\nlisten = \"[::1]:0\"\n[lake.compaction]\nmin_files = 3");
    assert_eq!(settings.mqtt.listen.to_string(), "[::1]:0");
    assert!(settings.mqtt.anonymous);
    assert_eq!(settings.lake.compaction.min_files, 3);
    assert_eq!(settings.lake.compaction.interval, Duration::from_secs(30));
}

#[test]
fn all_problems_of_a_file_are_listed_at_once() {
    let text = r#"
        profile = "development"
        colour = "red"
        [mqtt]
        listen = "localhost"
        anonymus = true
        puback_deadline = "2 weeks"
        max_publish = "2 MiB"
        max_connections = 0
        [log]
        partitions = 8.5
        retention_age = "never"
        [lake]
        retention = 7
        [anchor]
        origin = "a b"
        [processing.limits.soc]
        hard_max = "1"
    "#;
    let found = problems(text);
    let keys: Vec<_> = found.iter().map(|problem| problem.split(" = ").next().unwrap()).collect();
    let expected = [
        "mqtt.listen",
        "mqtt.puback_deadline",
        "mqtt.max_publish",
        "mqtt.max_connections",
        "mqtt.anonymus",
        "log.partitions",
        "log.retention_age",
        "lake.retention",
        "anchor.origin",
        "processing.limits.soc.hard_max",
        "colour",
    ];
    assert_eq!(keys, expected, "{found:#?}");
    assert!(found[4].ends_with("did you mean `anonymous`?"), "{}", found[4]);
    assert!(found[6].contains("\"none\", or a duration from"), "{}", found[6]);
}

#[test]
fn a_retention_of_rows_that_nothing_would_carry_out_is_refused() {
    let found = problems("profile = \"development\"\n[lake.retention]\nrows_days = 400");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("lake.retention.rows_days = 400: expected no such key"), "{found:?}");
}

#[test]
fn a_log_in_kafka_needs_brokers_and_keeps_its_secrets_in_files() {
    let found = problems("profile = \"development\"\n[log]\nkind = \"kafka\"");
    assert!(found.len() == 1 && found[0].starts_with("log.kafka.brokers = []"), "{found:?}");
    let text = r#"
        profile = "development"
        [log.kafka]
        brokers = ["nowhere"]
        topic = "a b"
        rejected_topic = "a b"
        [log.kafka.librdkafka]
        sasl.password = "hunter2"
        linger.ms = [5]
    "#;
    let found = problems(text);
    let keys: Vec<_> = found.iter().map(|problem| problem.split([' ', ':']).next().unwrap()).collect();
    let expected = ["brokers", "topic", "rejected_topic", "librdkafka.\"linger.ms\"", "librdkafka.\"sasl.password\""];
    assert_eq!(keys, expected.map(|key| format!("log.kafka.{key}")), "{found:#?}");
    assert!(!found.concat().contains("hunter2"), "{found:?}");
    let settings = sound(
        "profile = \"development\"\n[log]\nkind = \"kafka\"\n[log.kafka]\nbrokers = [\"plant:9092\"]\nreplication = 1\n\
         secret_files.\"sasl.password\" = \"kafka-password\"",
    );
    assert_eq!(settings.log.kafka.secret_files["sasl.password"], Path::new("/etc/tacho/kafka-password"));
    assert_eq!(settings.log.kafka.rejected_topic.as_deref(), Some("robot.rejected"));
    let warnings: Vec<_> = settings.warnings().iter().map(ToString::to_string).collect();
    assert!(warnings.len() == 2 && warnings[0].contains("page cache") && warnings[1].contains("in the clear"));
}

#[test]
fn a_spool_is_for_who_ingests_alone_unless_it_is_said() {
    let kafka = "profile = \"development\"\n[log]\nkind = \"kafka\"\n[log.kafka]\nbrokers = [\"localhost:9092\"]\n";
    let with = |lines: &str| sound(&format!("{kafka}{lines}")).log.kafka;
    let ways = |lines: &str| (with(lines).spools(true), with(lines).spools(false));
    assert_eq!(ways(""), (true, false));
    assert_eq!(ways("spool.mode = \"spool\""), (true, true));
    assert_eq!(ways("spool.mode = \"hold\""), (false, false));
    assert_eq!(ways("partitions = 500"), (false, false), "more than the files of a spool have");
    let found = problems(&format!(
        "{kafka}spool.mode = \"buffer\"\nspool.grace = \"2\"\nspool.max_bytes = \"1 MiB\"\nspool.too_large = \"drop\""
    ));
    let keys: Vec<_> = found.iter().map(|problem| problem.split(' ').next().unwrap()).collect();
    assert_eq!(
        keys,
        ["mode", "grace", "max_bytes", "too_large"].map(|key| format!("log.kafka.spool.{key}")),
        "{found:#?}"
    );
    for (log, spool, key) in [
        ("", "partitions = 500\nspool.mode = \"spool\"", "log.kafka.spool.mode"),
        ("", "spool.grace = \"30s\"", "log.kafka.spool.grace"),
        ("commit_bytes = \"16 MiB\"", "spool.max_bytes = \"64 MiB\"", "log.kafka.spool.max_bytes"),
    ] {
        let found = problems(&kafka.replace("[log.kafka]", &format!("{log}\n[log.kafka]\n{spool}")));
        assert!(found.len() == 1 && found[0].starts_with(key), "{found:#?}");
    }
}

#[test]
fn several_processes_may_share_a_lake() {
    let lake = |url: &str| sound(&format!("profile = \"development\"\n[lake]\n{url}")).lake_url();
    let folder = |path: &str| LakeUrl::Folder(path.into());
    assert_eq!(lake(""), folder("/etc/tacho/./tacho-data/lake"));
    assert_eq!(lake("url = \"file:///srv/lake\""), folder("/srv/lake"));
    assert_eq!(lake("url = \"lake\""), folder("/etc/tacho/lake"));
    assert_eq!(problems("profile = \"development\"\n[lake]\nurl = \"ftp://x\"").len(), 1);
}

#[test]
fn text_that_is_no_toml_is_one_problem_with_its_place() {
    let found = problems("[mqtt\nlisten = 1");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("line 1, column "), "{found:?}");
}

#[test]
fn an_unknown_profile_is_named_and_the_rest_is_still_read() {
    let found = problems("profile = \"staging\"\n[mqtt]\nanonymous = true\nmax_connections = 0");
    assert_eq!(found[0], "profile = \"staging\": expected \"production\" or \"development\"");
    assert!(found[1].starts_with("mqtt.max_connections"));
    assert_eq!(found.len(), 2);
}

#[test]
fn a_rate_without_a_burst_allows_ten_seconds_at_once() {
    let rate = |text: &str| sound(&format!("profile = \"development\"\n[mqtt]\n{text}")).mqtt.robot_rate;
    assert_eq!(rate("robot_rate_per_s = 2.5"), Some(RateLimit { records_per_s: 2.5, burst: 25 }));
    assert_eq!(rate("robot_rate_per_s = 0.01"), Some(RateLimit { records_per_s: 0.01, burst: 1 }));
    assert_eq!(rate("robot_rate_per_s = 2\nrobot_burst = 7"), Some(RateLimit { records_per_s: 2.0, burst: 7 }));
}

#[test]
fn a_file_is_read_from_its_folder_and_a_missing_or_huge_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tacho.toml");
    assert!(Settings::load(&path).is_err_and(|problems| problems.0[0].key.ends_with("tacho.toml")));
    std::fs::write(&path, "[mqtt]\nusers_file = \"users\"").unwrap();
    let settings = Settings::load(&path).unwrap();
    assert_eq!(settings.mqtt.users_file, Some(folder.path().join("users")));
    std::fs::File::create(&path).unwrap().set_len(65 << 20).unwrap();
    let found = Settings::load(&path).unwrap_err();
    assert!(found.to_string().ends_with("expected a file of at most 67108864 bytes"), "{found}");
}

#[test]
fn every_key_of_the_shipped_profiles_is_known_also_the_commented_ones() {
    let uncommented: String = PRODUCTION
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest)
                if rest.starts_with('[') || rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')) =>
            {
                rest
            }
            _ => line,
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let settings = sound(&uncommented);
    assert_eq!(settings.anchor.origin.as_deref(), Some("registry.example/fleet"));
    assert!(settings.mqtt.robot_rate.is_some() && settings.mqtt.users_file.is_some());
    assert!(settings.processing.models_dir.is_some());
    assert_eq!(settings.processing.limits.temp_motor_c.suspect_max, 80.0);
}

#[test]
fn what_is_written_is_read_back() {
    let text = r#"
        [mqtt]
        users_file = "users"
        robot_rate_per_s = 2.5
        [log]
        kind = "kafka"
        retention_age = "none"
        [log.kafka]
        brokers = ["kafka-1:9092", "[::1]:9092"]
        rejected_topic = "none"
        [log.kafka.spool]
        mode = "hold"
        grace = "500ms"
        max_bytes = "1 TiB"
        too_large = "dead_letter"
        [log.kafka.librdkafka]
        security.protocol = "ssl"
        "linger.ms" = 20
        [log.kafka.secret_files]
        "sasl.password" = "password"
        [lake]
        url = "file:///srv/lake"
        [lake.retention]
        keep_removed_files = "3d"
        [anchor]
        origin = "registry.example/fleet"
        registry_dir = "/srv/registry"
        [processing]
        models_dir = "models"
        rules_file = "rules.toml"
        roster_file = "roster"
        roster_key_file = "roster.vkey"
        check_character = "iso_7064_mod_37_36"
        [processing.countries]
        version = "ours 3"
        assigned = ["CN", "EU"]
        [processing.serials]
        UR00 = "20[0-9]{15}"
        [processing.limits.temp_motor_c]
        suspect_max = 80
    "#;
    for settings in [Settings::development(), sound(text)] {
        let again = Settings::parse(&settings.to_toml(), Path::new("")).unwrap();
        assert_eq!(again, settings, "{}", settings.to_toml());
    }
}

proptest! {
    #[test]
    fn any_amounts_in_range_are_read_back(
        deadline_ms in 1_000_u64..600_000,
        window_s in 1_u64..300,
        publish in 1_024_usize..=65_536,
        segment in 16_u64 << 20..1 << 30,
    ) {
        let mut settings = Settings::development();
        settings.mqtt.puback_deadline = Duration::from_millis(deadline_ms);
        settings.anchor.window = Duration::from_secs(window_s);
        settings.mqtt.max_publish_bytes = publish;
        settings.log.segment_bytes = segment;
        prop_assert_eq!(Settings::parse(&settings.to_toml(), Path::new("")).unwrap(), settings);
    }
}
