//! Tests of what must fit together, and of what is warned about.

use super::{Path, Settings, problems, sound};

fn warned_keys(settings: &Settings) -> Vec<String> {
    settings.warnings().into_iter().map(|warning| warning.key).collect()
}

#[test]
fn settings_that_are_certain_to_hurt_together_are_refused() {
    let cases = [
        ("[mqtt]\nmax_bytes_connection = \"64 KiB\"", "mqtt.max_bytes_connection"),
        ("[mqtt]\nmax_bytes_total = \"2 MiB\"", "mqtt.max_bytes_total"),
        ("[mqtt]\nmax_bytes_total = \"3 MiB\"\nmax_bytes_connection = \"1 MiB\"", "mqtt.max_bytes_total"),
        ("[log]\nqueue_bytes = \"4 MiB\"", "log.queue_bytes"),
        ("[log]\ncommit_bytes = \"1 MiB\"", "log.commit_bytes"),
        ("[log]\nsegment_size = \"16 MiB\"\ncommit_bytes = \"32 MiB\"", "log.segment_size"),
        ("[log]\nretention_bytes = \"256 MiB\"", "log.retention_bytes"),
        ("[admin]\nlisten = \"127.0.0.1:1883\"", "admin.listen"),
        ("[anchor]\nregistry_dir = \"tacho-data/registry\"", "anchor.registry_dir"),
        ("[anchor]\nregistry_dir = \"x/../tacho-data\"", "anchor.registry_dir"),
        (
            "[anchor]\nwindow = \"1h\"\n[lake.retention]\nkeep_removed_files = \"1h\"",
            "lake.retention.keep_removed_files",
        ),
    ];
    for (text, key) in cases {
        let found = problems(&format!("profile = \"development\"\n{text}"));
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].starts_with(&format!("{key} = ")), "{text}: {found:?}");
    }
    let found =
        problems("profile = \"development\"\n[mqtt]\nmax_bytes_total = \"3 MiB\"\nmax_bytes_connection = \"1 MiB\"");
    assert_eq!(found, ["mqtt.max_bytes_total = 3 MiB: expected at least 4 MiB (4 × mqtt.max_publish)"]);
    let found = problems("profile = \"development\"\n[log]\ncommit_bytes = \"1 MiB\"");
    assert!(found[0].contains("at least 2 MiB: what one read of a connection brings"), "{found:?}");
    for folder in ["/", ".", ".."] {
        let mut settings = Settings::development();
        settings.data_dir = folder.into();
        let found = settings.check().expect_err(folder);
        assert_eq!(found.0[0].key, "data_dir");
    }
}

#[test]
fn a_conflict_with_a_value_that_is_wrong_by_itself_is_not_told_twice() {
    let found = problems("profile = \"development\"\n[mqtt]\nmax_bytes_connection = \"8 Mib\"");
    assert_eq!(found.len(), 1, "{found:?}");
    let found = problems("mqtt = 1");
    assert_eq!(found, ["mqtt = 1: expected a table"]);
}

#[test]
fn fields_set_after_reading_are_checked_again() {
    let mut settings = Settings::development();
    settings.data_dir = "/srv/tacho/".into();
    assert_eq!(settings.registry_dir(), Path::new("/srv/tacho.registry"));
    settings.admin.listen = settings.mqtt.listen;
    let found = settings.check().expect_err("two listeners on one port");
    assert_eq!(found.0[0].key, "admin.listen");
    settings.admin.listen.set_port(0);
    settings.mqtt.listen.set_port(0);
    assert_eq!(settings.check(), Ok(()), "port 0 picks a free one twice");
}

#[test]
fn settings_that_are_likely_to_hurt_are_warned_about() {
    let abroad = sound(
        "[mqtt]\nlisten = \"0.0.0.0:1883\"\nanonymous = true\nusers_file = \"u\"\n[admin]\nlisten = \"0.0.0.0:9464\"",
    );
    assert_eq!(warned_keys(&abroad), ["mqtt.anonymous", "mqtt.anonymous", "mqtt.listen", "admin.listen"]);
    let small = sound(
        "profile = \"development\"\n[log]\npartitions = 1\nretention_age = \"1h\"\n\
         [lake]\ncheckpoint_every = 100\ncommit_interval = \"20s\"\n[lake.retention]\nkeep_removed_files = \"1h\"",
    );
    assert_eq!(
        warned_keys(&small),
        [
            "log.partitions",
            "log.retention_age",
            "lake.checkpoint_every",
            "lake.commit_interval",
            "lake.retention.keep_removed_files"
        ]
    );
    let endless = sound("profile = \"development\"\n[log]\nretention_age = \"none\"\nretention_bytes = \"none\"");
    assert_eq!((endless.log.retention_age, endless.log.retention_bytes), (None, None));
    assert_eq!(warned_keys(&endless), ["log.retention_age"]);
}
