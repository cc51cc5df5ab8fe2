//! G1 as the kernel sees it: a PUBACK goes out after the fdatasync that covers its publish, and a commit gets its name
//! after its data files and their folders are synced.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use tacho_integration_tests::client::{installed, simulated};
use tacho_integration_tests::trace::{Call, Trace, calls};
use tacho_integration_tests::{Plant, PlantOptions, until};

const RECORDS: i64 = 300;

/// A publish that was received.
struct Publish {
    payload: Vec<u8>,
    /// The file of the log that it was written to, and when that call had returned.
    written: Option<(String, usize)>,
    /// When the fdatasync had returned that began after that.
    durable: Option<usize>,
}

/// MQTT packets with their first byte, cut from the bytes of a connection; what is not whole stays.
fn packets(stream: &mut Vec<u8>) -> Vec<(u8, Vec<u8>)> {
    let mut found = Vec::new();
    loop {
        let (mut length, mut at) = (0, 1);
        loop {
            let Some(byte) = stream.get(at) else { return found };
            length |= usize::from(byte & 0x7f) << (7 * (at - 1));
            at += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        if stream.len() < at + length {
            return found;
        }
        let body = stream[at..at + length].to_vec();
        found.push((stream[0], body));
        stream.drain(..at + length);
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// What happened, by the time at which it counts: bytes are received when the call has returned, and sent when it
/// begins; a file is written and synced when the call has returned.
fn moments(calls: &[Call]) -> Vec<(usize, &Call)> {
    let sends = |call: &Call| call.name == "sendto" || (call.name.starts_with("write") && is_socket(call));
    let mut moments: Vec<_> =
        calls.iter().map(|call| (if sends(call) { call.began } else { call.returned }, call)).collect();
    moments.sort_by_key(|(at, _)| *at);
    moments
}

fn is_socket(call: &Call) -> bool {
    call.target().starts_with("socket:") || call.target().starts_with("TCP")
}

fn is_segment(call: &Call) -> bool {
    Path::new(call.target()).extension().is_some_and(|extension| extension == "log")
}

/// Holds every PUBACK against the fdatasync of its publish; how many there were.
fn acknowledgements(calls: &[Call]) -> Result<usize, String> {
    let mut received: HashMap<&str, Vec<u8>> = HashMap::new();
    let mut sent: HashMap<&str, Vec<u8>> = HashMap::new();
    let mut publishes: HashMap<(&str, u16), Publish> = HashMap::new();
    let mut acknowledged = 0;
    for (at, call) in moments(calls) {
        let bytes = || call.texts().concat();
        let done = usize::try_from(call.result).ok();
        match (call.name.as_str(), done) {
            ("recvfrom", Some(1..)) => {
                let stream = received.entry(call.target()).or_default();
                stream.extend(bytes());
                for (first, body) in packets(stream) {
                    if first & 0xf6 == 0x32 {
                        let id_at = 2 + usize::from(u16_at(&body, 0));
                        let payload = body[id_at + 2..].to_vec();
                        let publish = Publish { payload, written: None, durable: None };
                        publishes.insert((call.target(), u16_at(&body, id_at)), publish);
                    }
                }
            }
            ("write", Some(1..)) if is_segment(call) => {
                let bytes = bytes();
                for publish in publishes.values_mut().filter(|publish| contains(&bytes, &publish.payload)) {
                    publish.written = Some((call.target().to_owned(), call.returned));
                }
            }
            ("fdatasync", Some(0)) => {
                for publish in publishes.values_mut().filter(|publish| publish.durable.is_none()) {
                    let covered = |(file, written): &(String, usize)| file == call.target() && *written < call.began;
                    publish.durable = publish.written.as_ref().is_some_and(covered).then_some(call.returned);
                }
            }
            ("sendto" | "write" | "writev", Some(done @ 1..)) if is_socket(call) => {
                let stream = sent.entry(call.target()).or_default();
                stream.extend(&bytes()[..done]);
                for (_, body) in packets(stream).into_iter().filter(|(first, _)| *first == 0x40) {
                    let id = u16_at(&body, 0);
                    let publish = publishes.get(&(call.target(), id));
                    let publish = publish.ok_or_else(|| format!("call {at}: PUBACK {id} for nothing"))?;
                    if publish.durable.is_none_or(|durable| durable >= call.began) {
                        return Err(format!(
                            "call {at}: PUBACK {id} before its publish is durable: {:?}",
                            publish.written
                        ));
                    }
                    acknowledged += 1;
                }
            }
            _ => {}
        }
    }
    Ok(acknowledged)
}

/// When files were synced, named, and folders synced.
#[derive(Default)]
struct Names<'a> {
    synced: HashMap<&'a str, Vec<usize>>,
    /// By the name: the temporary file, when the call began, and when it had returned.
    named: HashMap<String, (String, usize, usize)>,
}

impl<'a> Names<'a> {
    fn of(calls: &'a [Call]) -> Self {
        let mut names = Self::default();
        for call in calls.iter().filter(|call| call.result == 0) {
            if call.name.starts_with("link") || call.name.starts_with("rename") {
                let mut texts = call.texts().into_iter().map(|text| String::from_utf8(text).unwrap());
                let (from, to) = (texts.next().unwrap(), texts.next().unwrap());
                names.named.insert(to, (from, call.began, call.returned));
            } else if call.name.contains("sync") {
                names.synced.entry(call.target()).or_default().push(call.returned);
            }
        }
        names
    }

    fn synced_between(&self, path: &str, from: usize, to: usize) -> bool {
        self.synced.get(path).is_some_and(|times| times.iter().any(|at| (from..to).contains(at)))
    }

    /// When a file got its name: synced before, and its folder synced after it and before `by`.
    fn durable_by(&self, path: &str, by: usize) -> Result<(), String> {
        let (temporary, began, returned) = self.named.get(path).ok_or_else(|| format!("{path} got no name"))?;
        let folder = Path::new(path).parent().unwrap().to_str().unwrap();
        if !self.synced_between(temporary, 0, *began) {
            return Err(format!("{path} is named before it is synced"));
        }
        if !self.synced_between(folder, *returned, by) {
            return Err(format!("the folder of {path} is not synced in time"));
        }
        Ok(())
    }
}

/// Holds every commit against the files that it adds; how many commits and files there were.
fn commits(calls: &[Call]) -> Result<(usize, usize), String> {
    let names = Names::of(calls);
    let (mut commits, mut files) = (0, 0);
    for (entry, (temporary, began, _)) in &names.named {
        let Some((table, version)) = entry.split_once("/_delta_log/") else { continue };
        if !version.strip_suffix(".json").is_some_and(|stem| stem.bytes().all(|byte| byte.is_ascii_digit())) {
            continue;
        }
        if !names.synced_between(temporary, 0, *began) {
            return Err(format!("{entry} appears before it is synced"));
        }
        commits += 1;
        for line in std::fs::read_to_string(entry).map_err(|error| format!("{entry}: {error}"))?.lines() {
            let action: serde_json::Value = serde_json::from_str(line).map_err(|error| format!("{entry}: {error}"))?;
            if let Some(path) = action["add"]["path"].as_str() {
                names.durable_by(&format!("{table}/{path}"), *began).map_err(|why| format!("{entry}: {why}"))?;
                files += 1;
            }
        }
    }
    Ok((commits, files))
}

#[test]
fn the_kernel_sees_every_sync_before_what_it_promises() {
    if !installed("strace") {
        return;
    }
    let mut plant = Plant::started(PlantOptions::default()).unwrap();
    let Some(trace) = Trace::attach(plant.pid().unwrap(), plant.beside("calls.txt")).unwrap() else { return };
    let records = RECORDS.to_string();
    let args = ["--robots", "10", "--connections", "5", "--rate", "0", "--records", &records, "--epoch", "7"];
    simulated(&plant.mqtt().unwrap(), &args).unwrap();
    let lake = plant.lake();
    until("all landed", Duration::from_secs(60), &Some(RECORDS), || lake.try_int("select count(*) from records"));
    let calls = trace.finish().unwrap();
    let acknowledged = acknowledgements(&calls).unwrap();
    assert_eq!(acknowledged, usize::try_from(RECORDS).unwrap());
    let (commits, files) = commits(&calls).unwrap();
    assert!(commits >= 2 && files >= 2, "{commits} commits added {files} files");
    println!("{} calls: {acknowledged} PUBACKs, {commits} commits with {files} files", calls.len());
    plant.stop().unwrap();
}

/// A publish that is received, written and synced, and its PUBACK at line `puback` of five.
fn made(puback: usize) -> Vec<Call> {
    let mut lines = vec![
        r#"1 recvfrom(5<socket:[9]>, "2\6\0\1t\0\7x", 4096, 0, NULL, NULL) = 8"#,
        r#"2 write(6</d/log/0.log>, "..x..", 5) = 5"#,
        "2 fdatasync(6</d/log/0.log> <unfinished ...>",
        "2 <... fdatasync resumed>) = 0",
    ];
    lines.insert(puback, r#"1 sendto(5<socket:[9]>, "@\2\0\7", 4, MSG_NOSIGNAL, NULL, 0) = 4"#);
    calls(&lines.join("\n"))
}

#[test]
fn an_acknowledgement_before_the_sync_has_returned_would_be_found() {
    assert_eq!(acknowledgements(&made(4)), Ok(1));
    for early in 1..4 {
        let found = acknowledgements(&made(early)).unwrap_err();
        assert!(found.contains("PUBACK 7 before its publish is durable"), "{early}: {found}");
    }
}

#[test]
fn a_commit_before_its_data_file_or_folder_is_synced_would_be_found() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().to_str().unwrap();
    let entry = format!("{table}/_delta_log/00000000000000000001.json");
    std::fs::create_dir(folder.path().join("_delta_log")).unwrap();
    std::fs::write(&entry, "{\"add\":{\"path\":\"a.parquet\"}}\n").unwrap();
    let lines = [
        "1 fsync(5</t/1>) = 0".to_owned(),
        format!("1 rename(\"/t/1\", \"{table}/a.parquet\") = 0"),
        format!("1 fsync(6<{table}>) = 0"),
        "1 fsync(7</t/2>) = 0".to_owned(),
        format!("1 linkat(AT_FDCWD</>, \"/t/2\", AT_FDCWD</>, \"{entry}\", 0) = 0"),
    ];
    assert_eq!(commits(&calls(&lines.join("\n"))), Ok((1, 1)));
    for missing in [0, 2, 3] {
        let mut without = lines.to_vec();
        without.remove(missing);
        assert!(commits(&calls(&without.join("\n"))).is_err(), "without {}", lines[missing]);
    }
}
