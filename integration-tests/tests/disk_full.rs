//! The disk under the lake fills up: readiness goes false, nothing acknowledged is lost, nothing is left lying about, and
//! it recovers by itself when there is room again.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot go on fails"
)]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tacho_integration_tests::client::simulated;
use tacho_integration_tests::plant::tacho;
use tacho_integration_tests::{Plant, PlantOptions, until, until_some};

const LANDED: Duration = Duration::from_secs(90);
/// Room for small files, but not for all of a batch.
const LEFT_FREE: u64 = 96 * 1024;

/// A small file system in memory, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one, if this user may.
    fn mount(folder: &Path) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"]).arg(folder).stderr(Stdio::null());
        let mounted = mount.status().is_ok_and(|status| status.success());
        if !mounted {
            eprintln!("skipped: this user may not mount a small file system");
        }
        mounted.then(|| Self(folder.to_owned()))
    }

    /// Fills it up but for a little.
    fn fill(&self) -> PathBuf {
        let ballast = self.0.join("ballast");
        let mut file = std::fs::File::create(&ballast).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        let full = file.metadata().unwrap().len();
        file.set_len(full - LEFT_FREE).unwrap();
        ballast
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Data files of the lake that no commit entry names.
fn unnamed_files(lake: &Path) -> Vec<PathBuf> {
    let mut unnamed = Vec::new();
    for table in std::fs::read_dir(lake).unwrap().map(|entry| entry.unwrap().path()) {
        let Ok(entries) = std::fs::read_dir(table.join("_delta_log")) else { continue };
        let entries = entries.filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok());
        let named: BTreeSet<PathBuf> = entries
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(&line).ok())
            .filter_map(|action| action["add"]["path"].as_str().map(|path| table.join(path)))
            .collect();
        let days = std::fs::read_dir(&table).unwrap().map(|entry| entry.unwrap().path());
        for day in days.filter(|day| day.to_string_lossy().contains("received_day=")) {
            unnamed.extend(std::fs::read_dir(day).unwrap().map(|file| file.unwrap().path()));
        }
        unnamed.retain(|file| !named.contains(file));
    }
    unnamed
}

/// Status line and text of `/ready`.
fn ready(plant: &Plant) -> String {
    tacho_integration_tests::client::http_get(&plant.admin().unwrap(), "/ready").unwrap()
}

#[test]
fn a_full_disk_stops_landing_and_nothing_else_and_landing_resumes_unaided() {
    let mut plant = Plant::new(PlantOptions::default()).unwrap();
    let Some(disk) = SmallDisk::mount(&plant.data().join("lake")) else { return };
    plant.start().unwrap();
    let mqtt = plant.mqtt().unwrap();
    let publish = |epoch: &str, records: &str| {
        simulated(&mqtt, &["--robots", "20", "--rate", "0", "--records", records, "--epoch", epoch]).unwrap();
    };
    let lake = plant.lake();
    publish("7", "200");
    until("the first records", LANDED, &Some(200), || lake.try_int("select count(*) from records"));
    assert!(ready(&plant).contains("200 OK"), "{}", ready(&plant));

    let ballast = disk.fill();
    publish("8", "4000");
    until_some("landing tries again and again", LANDED, || {
        (plant.logged().matches("nothing lands; it is tried again").count() >= 4).then_some(())
    });
    let told = ready(&plant);
    assert!(told.contains("503 Service Unavailable") && told.contains("processing: "), "{told}");
    assert!(told.contains("No space left"), "{told}");
    until("the files of the failed batches go", LANDED, &Vec::new(), || unnamed_files(&disk.0));

    std::fs::remove_file(ballast).unwrap();
    until("all records", LANDED, &Some(4_200), || lake.try_int("select count(*) from records"));
    until("readiness", LANDED, &true, || ready(&plant).contains("200 OK"));
    plant.stop().unwrap();
    assert_eq!(unnamed_files(&disk.0), Vec::<PathBuf>::new());
    assert_eq!(lake.twice().unwrap(), Vec::new());
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
    let audit = tacho(&["audit", "--data", plant.data().to_str().unwrap()]).unwrap();
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
}
