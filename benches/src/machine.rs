//! What the figures were measured on.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

/// Clock ticks in a second, as `/proc` counts processor time.
const TICKS: f64 = 100.0;

/// One line: processors, memory, and how busy the machine was before the run.
pub(crate) fn told() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let model = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let memory_kib: f64 = field("/proc/meminfo", "MemTotal").and_then(|text| number(&text)).unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    let memory_gib = memory_kib / (1024.0 * 1024.0);
    format!(
        "{cores} cores ({model}), {memory_gib:.0} GB of memory, load generators on the same machine, load average {load} before the run"
    )
}

/// Soft limit of open files, which children inherit.
pub(crate) fn open_files_max() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(1024)
}

/// Processor time that this thread has used; `None` where the kernel does not say.
pub(crate) fn thread_cpu() -> Option<Duration> {
    thread_cpu_of(Path::new("/proc/thread-self"))
}

/// Processor time of the thread with this folder in `/proc`.
pub(crate) fn thread_cpu_of(thread: &Path) -> Option<Duration> {
    let text = fs::read_to_string(thread.join("schedstat")).ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// Processor time that a process has used, as the kernel counts it in ticks.
pub(crate) fn cpu_of(pid: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("processor time")?;
    let (_, fields) = stat.rsplit_once(')').context("processor time")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(Duration::from_secs_f64(ticks / TICKS))
}

/// What stands behind `name:` in a file of `/proc`.
pub(crate) fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The number that a text begins with.
pub(crate) fn number(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}
