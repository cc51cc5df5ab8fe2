//! How commands end: exit statuses, errors that are told once, ports before folders, interrupts, one deadline for all.

use std::process::Command;
use std::time::Duration;

use tacho_integration_tests::client::{installed, simulate, simulated};
use tacho_integration_tests::plant::{program, tacho, text};
use tacho_integration_tests::trace::Trace;
use tacho_integration_tests::{Plant, PlantOptions, until, until_some};

#[test]
fn a_bad_configuration_is_wrong_use_and_a_missing_one_could_not_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.toml");
    std::fs::write(&file, "[log]\ncommit_bytes = \"1 MiB\"\n").unwrap();
    let file = file.to_str().unwrap();
    for command in [&["up", "--config", file][..], &["sql", "select 1", "--config", file]] {
        let output = tacho(command).unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains("log.commit_bytes = 1 MiB: expected at least 2 MiB"), "{}", text(&output));
    }
    assert_eq!(tacho(&["check", file]).unwrap().status.code(), Some(2));
    let output = tacho(&["up", "--config", "/nowhere/tacho.toml"]).unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
}

#[test]
fn a_users_file_is_looked_at_before_anything_is_made_and_a_command_makes_its_lines() {
    let folder = tempfile::tempdir().unwrap();
    let [config, users, data] = ["tacho.toml", "users", "data"].map(|name| folder.path().join(name));
    std::fs::write(&config, "[mqtt]\nusers_file = \"users\"\n").unwrap();
    let (file, data_text) = (config.to_str().unwrap(), data.to_str().unwrap());
    let up = ["up", "--config", file, "--data", data_text, "--mqtt", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    for (written, told) in [
        (None, "a users file: for each user a line NAME:HASH"),
        (Some("# nobody\n"), "no user: expected at least one line NAME:HASH"),
        (Some("\nplc:secret\n"), "line 2 (plc) = ***: expected NAME:HASH"),
    ] {
        if let Some(written) = written {
            std::fs::write(&users, written).unwrap();
        }
        for command in [&["check", file][..], &up] {
            let output = tacho(command).unwrap();
            assert_eq!(output.status.code(), Some(2), "{}", text(&output));
            for part in [told, users.to_str().unwrap(), "`tacho user NAME` makes one"] {
                assert!(text(&output).contains(part), "{part}: {}", text(&output));
            }
            assert!(!text(&output).contains("secret") && !data.exists(), "{}", text(&output));
        }
    }
    let made =
        Command::new("sh").arg("-c").arg("echo secret | \"$0\" user plc --gateway").arg(program()).output().unwrap();
    assert!(made.status.success() && !text(&made).contains("secret"), "{}", text(&made));
    std::fs::write(&users, &made.stdout).unwrap();
    let output = tacho(&["check", file]).unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&made).starts_with("plc:$argon2id$") && text(&made).ends_with(":gateway\n"), "{}", text(&made));
    for name in ["", "a:b", "#a"] {
        assert_eq!(tacho(&["user", name]).unwrap().status.code(), Some(2), "{name}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_a_query_quietly() {
    let mut plant = Plant::started(PlantOptions::default()).unwrap();
    plant.stop().unwrap();
    let numbers = "select * from generate_series(1, 200000)";
    for format in ["csv", "json", "table", "parquet"] {
        let script = "\"$0\" sql \"$1\" --data \"$2\" --format \"$3\" | head -c 10 >/dev/null; echo ${PIPESTATUS[0]}";
        let mut command = Command::new("bash");
        let output =
            command.args(["-c", script]).arg(program()).arg(numbers).arg(plant.data()).arg(format).output().unwrap();
        assert_eq!(text(&output), "0\n", "{format}");
    }
}

#[test]
fn a_simulation_without_a_broker_says_so_once_and_reports_when_it_gives_up() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = tacho(&["simulate", "--robots", "50", "--to", &format!("mqtt://{closed}")]).unwrap();
    let told = text(&output);
    assert_eq!(told.matches("WARN").count(), 1, "{told}");
    assert!(told.contains("no publish was sent") && told.contains("\"acknowledged\":0"), "{told}");
    assert!(told.contains(&closed.to_string()) && output.status.code() == Some(3), "{told}");
}

#[test]
fn a_key_that_is_none_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let proof = folder.path().join("row.tlog-proof");
    std::fs::write(&proof, "no proof").unwrap();
    let output = tacho(&["verify", proof.to_str().unwrap(), "--key", "nokey"]).unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert_eq!(text(&output).matches("nokey").count(), 1, "{}", text(&output));
    assert!(text(&output).contains("neither a file nor a verifier key"), "{}", text(&output));
}

#[test]
fn a_used_port_is_found_before_anything_is_made() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for (mqtt, admin) in [(port.as_str(), "127.0.0.1:0"), ("127.0.0.1:0", port.as_str())] {
        let output = tacho(&["up", "--data", data.to_str().unwrap(), "--mqtt", mqtt, "--admin", admin]).unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", text(&output));
        assert!(text(&output).contains(&port), "{}", text(&output));
        assert!(!data.exists());
    }
}

#[test]
fn an_error_says_what_the_system_said_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("log"), "a file where a folder should be").unwrap();
    let data = folder.path().to_str().unwrap();
    let output = tacho(&["up", "--data", data, "--mqtt", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(text(&output).matches("os error").count(), 1, "{}", text(&output));
}

#[test]
fn an_interrupted_simulation_reports_and_ends_well() {
    let mut plant = Plant::started(PlantOptions::default()).unwrap();
    let mut devices = simulate(&plant.mqtt().unwrap(), &["--robots", "5", "--rate", "100"]).unwrap();
    let lake = plant.lake();
    until_some("records", Duration::from_secs(60), || {
        lake.try_int("select count(*) from records").filter(|records| *records > 0)
    });
    assert!(Command::new("kill").args(["-INT", &devices.id().to_string()]).status().unwrap().success());
    until_some("the end of the simulation", Duration::from_secs(20), || devices.try_wait().ok().flatten());
    let output = devices.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["acknowledged"].as_i64().unwrap() > 0, "{report}");
    assert!(text(&output).contains("acknowledged"), "{}", text(&output));
    plant.stop().unwrap();
}

/// An instance with records in its log that it cannot land soon: each fsync of its lake takes seconds.
fn with_a_slow_disk() -> Option<(Plant, Trace)> {
    if !installed("strace") {
        return None;
    }
    let plant = Plant::started(PlantOptions::default()).unwrap();
    let (pid, file) = (plant.pid().unwrap(), plant.beside("calls.txt"));
    let slow = Trace::slow(pid, file, "fsync", Duration::from_secs(3)).unwrap()?;
    let args = ["--robots", "5", "--rate", "0", "--records", "100", "--epoch", "7"];
    simulated(&plant.mqtt().unwrap(), &args).unwrap();
    Some((plant, slow))
}

#[test]
fn the_end_comes_in_time_however_slow_the_disk_and_the_rest_lands_later() {
    let Some((mut plant, slow)) = with_a_slow_disk() else { return };
    plant.stop().unwrap();
    assert!(plant.logged().contains("not done in time"), "{}", plant.logged());
    drop(slow);
    plant.start().unwrap();
    let lake = plant.lake();
    until("all landed", Duration::from_secs(60), &Some(100), || lake.try_int("select count(*) from records"));
    assert_eq!(lake.twice().unwrap(), Vec::new());
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
    plant.stop().unwrap();
}

#[test]
fn a_second_signal_ends_at_once_with_130() {
    let Some((mut plant, _slow)) = with_a_slow_disk() else { return };
    let pid = plant.pid().unwrap().to_string();
    let terminate = || assert!(Command::new("kill").arg(&pid).status().unwrap().success());
    terminate();
    until_some("the drain", Duration::from_secs(10), || {
        plant.ask("/ready").is_ok_and(|(_, told)| told.contains("draining")).then_some(())
    });
    terminate();
    assert_eq!(plant.wait_for_end(Duration::from_secs(10)).unwrap().code(), Some(130));
}
