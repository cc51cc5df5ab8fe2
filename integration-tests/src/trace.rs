//! The system calls of a running process by strace: seen in the order in which they began and ended, or made slow.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::wait::until_some;

/// What is traced: whatever makes bytes durable, names files, or speaks to clients.
const CALLS: &str = "trace=fdatasync,fsync,write,writev,pwrite64,link,linkat,rename,renameat,renameat2,sendto,recvfrom";
/// Longest time until strace follows all threads, or has ended.
const ATTACH: Duration = Duration::from_secs(30);

/// A process that is being traced.
#[derive(Debug)]
pub struct Trace {
    strace: Child,
    file: PathBuf,
}

/// One system call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// What it was called with, as strace writes it.
    pub args: String,
    /// What it gave; −1 is an error.
    pub result: i64,
    /// When it began and when it had returned: numbers that rise with time, over all threads.
    pub began: usize,
    /// See [`Call::began`].
    pub returned: usize,
}

impl Trace {
    /// Follows a process; `None`, with a message, where that is not permitted.
    ///
    /// # Errors
    /// If strace cannot be started.
    pub fn attach(pid: u32, file: PathBuf) -> anyhow::Result<Option<Self>> {
        Self::follow(pid, file, &["-s", "16000000", "-e", CALLS])
    }

    /// Makes each call of this name last longer, as on a slow disk, until the trace is dropped; `None` as above.
    ///
    /// # Errors
    /// If strace cannot be started.
    pub fn slow(pid: u32, file: PathBuf, call: &str, by: Duration) -> anyhow::Result<Option<Self>> {
        let delay = format!("inject={call}:delay_exit={}", by.as_micros());
        Self::follow(pid, file, &["-e", &format!("trace={call}"), "-e", &delay])
    }

    fn follow(pid: u32, file: PathBuf, what: &[&str]) -> anyhow::Result<Option<Self>> {
        let messages = file.with_extension("messages");
        let strace = Command::new("strace")
            .args(["-f", "-y", "-e", "signal=none", "-o"])
            .arg(&file)
            .args(what)
            .args(["-p", &pid.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&messages).context("messages of strace")?)
            .spawn();
        let mut trace = Self { strace: strace.context("strace")?, file };
        let attached = until_some("strace follows the process", ATTACH, || {
            let said = std::fs::read_to_string(&messages).unwrap_or_default();
            if said.contains("attached") {
                return Some(Ok(()));
            }
            matches!(trace.strace.try_wait(), Ok(Some(_))).then_some(Err(said))
        });
        if let Err(said) = attached {
            ensure!(said.contains("not permitted"), "strace: {said}");
            eprintln!("skipped: strace may not follow a process here: {said}");
            return Ok(None);
        }
        Ok(Some(trace))
    }

    /// Lets the process go on alone, and gives its calls in the order in which they began.
    ///
    /// # Errors
    /// If strace does not end, or its file cannot be read.
    pub fn finish(mut self) -> anyhow::Result<Vec<Call>> {
        let asked = Command::new("kill").args(["-INT", &self.strace.id().to_string()]).status().context("kill")?;
        ensure!(asked.success(), "strace has ended by itself");
        until_some("the end of strace", ATTACH, || self.strace.try_wait().ok().flatten());
        Ok(calls(&std::fs::read_to_string(&self.file).context("file of strace")?))
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let _killed = self.strace.kill();
        let _waited = self.strace.wait();
    }
}

/// The calls in a file of strace, which writes a line when a call begins, and another one when it returns if anything
/// happened in between.
pub fn calls(text: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut open: Vec<(&str, usize)> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let Some((thread, line)) = line.split_once(' ') else { continue };
        let line = line.trim_start();
        if let Some(rest) = line.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>")) {
            let Some(place) = open.iter().position(|(of, _)| *of == thread) else { continue };
            let (_, call) = open.swap_remove(place);
            calls[call].end(rest.1, at);
        } else if let Some((name, rest)) = line.split_once('(') {
            let call = Call { name: name.to_owned(), args: String::new(), result: -1, began: at, returned: usize::MAX };
            calls.push(call);
            match rest.strip_suffix(" <unfinished ...>") {
                Some(args) => {
                    calls.last_mut().expect("just pushed").args = args.to_owned();
                    open.push((thread, calls.len() - 1));
                }
                None => calls.last_mut().expect("just pushed").end(rest, at),
            }
        }
    }
    calls
}

impl Call {
    fn end(&mut self, rest: &str, at: usize) {
        let (args, result) = rest.rsplit_once(" = ").unwrap_or((rest, "-1"));
        self.args.push_str(args.trim_end().strip_suffix(')').unwrap_or(args));
        self.result = result.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(-1);
        self.returned = at;
    }

    /// What its first argument, a file descriptor, stands for: a path, or a socket with a number of its own.
    pub fn target(&self) -> &str {
        let (_, rest) = self.args.split_once('<').unwrap_or_default();
        rest.split_once(">, ").map_or(rest.trim_end_matches('>'), |(target, _)| target)
    }

    /// The texts among its arguments, as bytes.
    pub fn texts(&self) -> Vec<Vec<u8>> {
        let mut texts = Vec::new();
        let mut bytes = self.args.bytes().peekable();
        while let Some(byte) = bytes.next() {
            if byte != b'"' {
                continue;
            }
            let mut text = Vec::new();
            loop {
                match bytes.next() {
                    None | Some(b'"') => break,
                    Some(b'\\') => text.push(escaped(&mut bytes)),
                    Some(byte) => text.push(byte),
                }
            }
            texts.push(text);
        }
        texts
    }
}

/// The byte behind a backslash: C's escapes, of which the octal ones are as short as they can be.
fn escaped(bytes: &mut std::iter::Peekable<std::str::Bytes<'_>>) -> u8 {
    match bytes.next() {
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'r') => b'\r',
        Some(b'v') => 0x0b,
        Some(b'f') => 0x0c,
        Some(digit @ b'0'..=b'7') => {
            let mut number = u32::from(digit - b'0');
            for _second_and_third in 0..2 {
                let Some(digit) = bytes.next_if(|byte| (b'0'..=b'7').contains(byte)) else { break };
                number = number * 8 + u32::from(digit - b'0');
            }
            u8::try_from(number).unwrap_or(u8::MAX)
        }
        Some(byte) => byte,
        None => b'\\',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_two_threads_are_put_together_in_the_order_of_their_beginning() {
        let text = "7 fdatasync(9</tmp/a.log> <unfinished ...>\n\
                    8 recvfrom(15<socket:[77]>, \"0\\5\\0\\1a\\n\\\"\", 4096, 0, NULL, NULL) = 7\n\
                    7 <... fdatasync resumed>)        = 0\n\
                    8 sendto(15<socket:[77]>, \"@\\2\\0\\1\", 4, MSG_NOSIGNAL, NULL, 0) = -1 EAGAIN (busy)\n";
        let calls = calls(text);
        let told: Vec<_> = calls.iter().map(|call| (call.name.as_str(), call.target(), call.result)).collect();
        assert_eq!(
            told,
            [("fdatasync", "/tmp/a.log", 0), ("recvfrom", "socket:[77]", 7), ("sendto", "socket:[77]", -1)]
        );
        assert_eq!((calls[0].began, calls[0].returned, calls[1].returned), (0, 2, 1));
        assert_eq!(calls[1].texts(), [b"0\x05\0\x01a\n\"".to_vec()]);
    }
}
