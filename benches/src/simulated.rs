//! One instance with a simulated fleet: visibility while it is nearly empty, then size, then proofs.

use std::io::{BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};

use crate::plant::{Plant, tacho};
use crate::size::Of;
use crate::table::{Figure, say};
use crate::{proofs, size, visible};

/// Records that the fleet makes; six in ten are of arms with six joints, and only those are kept.
const RECORDS: &str = "50000";
/// Records per second: with 50 robots windows of 5 ms, each of which stands for a minute of work.
const RATE: &str = "10000";
const PACE: &str = "12000";
/// Compaction and anchors come quickly, so that the lake is compacted before the run is over.
const CONFIG: &str = "[lake.compaction]\ninterval = \"1s\"\nmin_files = 2\n[anchor]\nwindow = \"2s\"\n";

/// What the budget is for.
const ARMS: Of = Of { robots: "arms with 6 joints", budget: "≤ 140 bytes per record now, ≤ 120 later" };
/// What reports the most.
const HUMANOIDS: Of = Of { robots: "humanoids with 12 joints, their spectra, and a pack", budget: "—" };

/// Topics and payloads in the order of their arrival.
pub(crate) type Captured = Vec<(String, Vec<u8>)>;

pub(crate) fn measure() -> anyhow::Result<Vec<Figure>> {
    let plant = Plant::start("visible", "")?;
    let mut rows = vec![visible::measure(&plant)?];
    drop(plant);
    let plant = Plant::start("simulated", CONFIG)?;
    say("simulated fleet");
    let records = captured("arm")?;
    rows.push(size::measure(&plant, &records, &ARMS)?);
    say("proofs");
    rows.extend(proofs::measure(&plant, &records)?);
    drop(plant);
    say("simulated humanoids");
    let plant = Plant::start("humanoids", CONFIG)?;
    rows.push(size::measure(&plant, &captured("humanoid")?, &HUMANOIDS)?);
    Ok(rows)
}

/// The records that a simulated fleet's robots of a kind make.
fn captured(kind: &str) -> anyhow::Result<Captured> {
    let listener = TcpListener::bind("127.0.0.1:0").context("sink")?;
    let to = format!("mqtt://{}", listener.local_addr().context("sink")?);
    let captured = Arc::<Mutex<Captured>>::default();
    let sink = Arc::clone(&captured);
    // Ends with this process: it waits for connections that do not come.
    let _accepting = std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let sink = Arc::clone(&sink);
            let _connection = std::thread::spawn(move || take(&stream, &sink));
        }
    });
    let mut command = Command::new(tacho()?);
    command.args(["simulate", "--robots", "50", "--connections", "10", "--epoch", "1", "--to", &to]);
    command.args(["--records", RECORDS, "--rate", RATE, "--pace", PACE]);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().context("tacho simulate")?;
    ensure!(status.success(), "tacho simulate ended with {status}");
    let mut records = std::mem::take(&mut *captured.lock().unwrap_or_else(PoisonError::into_inner));
    let kind = format!(r#""robot_kind":"{kind}""#);
    records.retain(|(_, payload)| payload.windows(kind.len()).any(|window| window == kind.as_bytes()));
    ensure!(!records.is_empty(), "the simulated fleet has no robots with {kind}");
    Ok(records)
}

/// Acknowledges everything on a connection, and keeps what is published.
fn take(stream: &TcpStream, sink: &Mutex<Captured>) -> anyhow::Result<()> {
    let mut input = BufReader::with_capacity(64 * 1024, stream);
    let mut output = stream;
    loop {
        let kind = byte(&mut input)?;
        let mut body = vec![0; length(&mut input)?];
        input.read_exact(&mut body)?;
        match kind >> 4 {
            1 => output.write_all(&[0x20, 2, 0, 0])?,
            3 => {
                let topic_end = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
                let topic = String::from_utf8(body[2..topic_end].to_vec()).context("topic")?;
                output.write_all(&[0x40, 2, body[topic_end], body[topic_end + 1]])?;
                let payload = body.split_off(topic_end + 2);
                sink.lock().unwrap_or_else(PoisonError::into_inner).push((topic, payload));
            }
            12 => output.write_all(&[0xd0, 0])?,
            _ => {}
        }
    }
}

fn byte(input: &mut impl Read) -> std::io::Result<u8> {
    let mut byte = [0];
    input.read_exact(&mut byte)?;
    Ok(byte[0])
}

/// MQTT's remaining length.
fn length(input: &mut impl Read) -> std::io::Result<usize> {
    let (mut length, mut shift) = (0, 0);
    loop {
        let digit = byte(input)?;
        length |= usize::from(digit & 0x7f) << shift;
        shift += 7;
        if digit & 0x80 == 0 || shift > 21 {
            return Ok(length);
        }
    }
}
