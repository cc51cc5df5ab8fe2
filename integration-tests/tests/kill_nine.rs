//! G1, G2, G3: what was acknowledged is in the lake exactly once and in order, whatever was killed when.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::Path;
use std::time::Duration;

use tacho_integration_tests::client::{finished, simulate};
use tacho_integration_tests::port::free_port;
use tacho_integration_tests::{Outcome, Plant, PlantOptions, until, until_some};

/// What is done to an instance.
struct Ordeal {
    records: usize,
    rate: u32,
    kills: usize,
    /// Lines of configuration.
    settings: &'static str,
    /// Waits for the moment of the next kill, given the journal of what was acknowledged and how long it may be by then.
    moment: fn(&Path, usize),
}

impl Ordeal {
    /// Publishes over 200 connections, kills the instance again and again, and counts.
    fn endured(&self) -> (Outcome, serde_json::Value) {
        let mut plant = Plant::new(PlantOptions::configured(self.settings)).unwrap();
        // One port for all starts, so that the devices find the broker again.
        let mqtt = format!("127.0.0.1:{}", free_port().unwrap());
        let start = |plant: &mut Plant| {
            plant.spawn(&["--mqtt", &mqtt]).unwrap();
            plant.wait_until_up().unwrap();
        };
        start(&mut plant);
        let journal = plant.beside("acknowledged.csv");
        let (rate, records) = (self.rate.to_string(), self.records.to_string());
        let args = ["--robots", "200", "--connections", "200", "--rate", &rate, "--records", &records, "--epoch", "7"];
        let mut devices = simulate(&mqtt, &[&args[..], &["--journal", journal.to_str().unwrap()]].concat()).unwrap();
        let lake = plant.lake();
        for kill in 1..=self.kills {
            (self.moment)(&journal, self.records * kill / (self.kills + 2));
            plant.kill().unwrap();
            start(&mut plant);
        }
        let report = finished(&mut devices).unwrap();
        let all = Some(i64::try_from(self.records).unwrap());
        until("all landed", Duration::from_secs(240), &all, || lake.try_int("select count(*) from records"));
        assert_eq!(lake.imbalances().unwrap(), Vec::new());
        let outcome = Outcome::of(&lake, &std::fs::read_to_string(&journal).unwrap()).unwrap();
        plant.stop().unwrap();
        println!("{outcome:?}\n{report}{}", plant.audited().unwrap());
        (outcome, serde_json::from_str(&report).unwrap())
    }
}

#[test]
fn failure_01_two_hundred_thousand_records_over_five_kills_land_once_and_in_order() {
    // Moments spread over the run, told by what was acknowledged and not by the clock: they strike while devices publish.
    let moment = |journal: &Path, due: usize| {
        until_some("records before the next kill", Duration::from_secs(240), || {
            let acknowledged = std::fs::read(journal).unwrap_or_default();
            (acknowledged.iter().filter(|byte| **byte == b'\n').count() >= due).then_some(())
        });
    };
    let (outcome, report) = Ordeal { records: 200_000, rate: 8_000, kills: 5, settings: "", moment }.endured();
    assert_eq!(outcome, Outcome::whole(200_000), "{report}");
    assert!(report["reconnects"].as_i64().unwrap() >= 3 * 200, "most kills strike while devices publish: {report}");
}

/// `benches/kills` runs it.
#[test]
#[ignore = "takes ten minutes"]
fn two_million_records_over_a_hundred_kills_at_random_moments() {
    let ordeal = Ordeal { records: 2_000_000, rate: 8_000, kills: 100, settings: "", moment: any_moment };
    let (outcome, report) = ordeal.endured();
    assert_eq!(outcome, Outcome::whole(2_000_000), "{report}");
}

/// `benches/kills` runs it. That there is one statement a window and no fork is what the audit at its end says.
#[test]
#[ignore = "takes ten minutes"]
fn anchors_of_every_second_stand_over_two_hundred_kills_at_random_moments() {
    let settings = "[anchor]\nwindow = \"1s\"";
    let ordeal = Ordeal { records: 600_000, rate: 1_500, kills: 200, settings, moment: any_moment };
    let (outcome, report) = ordeal.endured();
    assert_eq!(outcome, Outcome::whole(600_000), "{report}");
}

/// That of a start, of a drain, between two steps of a commit. Each is told, for whoever tries it again.
fn any_moment(_journal: &Path, _due: usize) {
    let after = Duration::from_millis(random() % 3_000);
    println!("killed after {after:?}");
    std::thread::sleep(after);
}

/// Any number.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
