//! How the allocator treats memory that it was given back.
//!
//! Landing fills columns of some megabytes and lets them go, each second. By default their pages come in pieces of 2 MiB, which the
//! kernel clears whole, and go back after a second: a quarter of the CPU of a catch-up. Both are options that mimalloc reads once,
//! from the environment, before `main`: so a service that finds none begins again with them. Who sets one of them has his way.

/// Small pages, kept for five seconds.
#[cfg(target_os = "linux")]
const OPTIONS: [(&str, &str); 2] = [("MIMALLOC_ALLOW_THP", "0"), ("MIMALLOC_PURGE_DELAY", "5000")];

/// Begins the same program again, in this process, with the options. Returns if they are there, or if it cannot.
#[cfg(target_os = "linux")]
pub(crate) fn begin_with_options() {
    use std::os::unix::process::CommandExt as _;

    if OPTIONS.iter().any(|(name, _)| std::env::var_os(name).is_some()) {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let mut command = std::process::Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    // Only comes back where it failed: then the defaults do.
    drop(command.args(arguments).envs(OPTIONS).exec());
}

/// Other systems have other pages.
#[cfg(not(target_os = "linux"))]
pub(crate) fn begin_with_options() {}
