//! `figures`: a first figure for each budget, beside a reference of the same run, as a Markdown table on standard output.
//!
//! Each figure is a module; it starts the release `tacho` that lies beside this program, on loopback and in a folder of
//! its own, and ends it again. Words behind the command pick figures by name, such as `landed` or `decode`. A figure that
//! cannot be had says why in its row. Statistics over many runs are not here.

mod fleet;
mod growth;
mod ingest;
mod kafka;
mod landing;
mod leaves;
mod load;
mod machine;
mod memory;
mod mosquitto;
mod number;
mod opcua;
mod plant;
mod processing;
mod proofs;
mod publishing;
mod record;
mod simulated;
mod size;
mod start;
mod table;
mod visible;
mod wire;

use table::Table;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let mut table = Table::new(machine::told(), std::env::args().skip(1).collect());
    table.measure("MQTT QoS 1 publishes", publishing::measure);
    table.measure("CPU of a publish", ingest::measure);
    table.measure("Kafka: publishes acknowledged after `acks=all`", kafka::publishing);
    table.measure("decode, validate, indicators", processing::measure);
    table.measure("publish → landed", landing::measure);
    table.measure("Kafka: catch-up of a full topic", kafka::catch_up);
    table.measure("publish → SQL, size, proofs", simulated::measure);
    table.measure("memory", memory::measure);
    table.measure("OPC UA: data changes", opcua::changes);
    table.measure("OPC UA: memory of many items", opcua::memory);
    table.measure("leaves", leaves::measure);
    table.measure("start", start::measure);
    table.measure_if_named("ready with 10 GB of embedded log", start::BUDGET_FULL, start::measure_full);
    table.measure_if_named("growth: history", growth::BUDGET, growth::history);
    table.measure_if_named("growth: robots", growth::BUDGET, growth::robots);
    table.measure_if_named("growth: partitions", growth::BUDGET, growth::partitions);
    table.measure_if_named("fleet of 28,000 robots", "—", fleet::measure);
    table.measure_if_named("fleet: a year of 100 robots", "—", fleet::year);
    table.print()
}
