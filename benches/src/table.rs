//! The table of figures, and progress on standard error while it fills.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Instant;

use anyhow::Context as _;

/// One row.
#[derive(Debug)]
pub(crate) struct Figure {
    /// What was measured, and under which conditions that the budget does not name.
    pub(crate) what: String,
    pub(crate) budget: &'static str,
    pub(crate) figure: String,
    /// What stands beside it in the same run.
    pub(crate) reference: String,
    /// Figure over reference, or its inverse where less is better: above 1 is better than the reference.
    pub(crate) ratio: String,
}

impl Figure {
    /// A row without a reference.
    pub(crate) fn alone(what: impl Into<String>, budget: &'static str, figure: String) -> Self {
        Self { what: what.into(), budget, figure, reference: "—".to_owned(), ratio: "—".to_owned() }
    }

    /// A row without a figure.
    pub(crate) fn missing(what: impl Into<String>, budget: &'static str, why: &str) -> Self {
        Self::alone(what, budget, why.to_owned())
    }
}

/// The rows so far.
#[derive(Debug)]
pub(crate) struct Table {
    machine: String,
    started: Instant,
    /// What is measured: all, or what one of these words names.
    words: Vec<String>,
    rows: Vec<Figure>,
}

impl Table {
    pub(crate) fn new(machine: String, words: Vec<String>) -> Self {
        Self { machine, started: Instant::now(), words, rows: Vec::new() }
    }

    /// Adds a row for what cannot be measured yet, and why; only to a table of everything.
    pub(crate) fn missing(&mut self, what: &str, budget: &'static str, why: &str) {
        if self.words.is_empty() {
            self.rows.push(Figure::missing(what, budget, why));
        }
    }

    /// Adds what a measurement gives; if it gives nothing, a row that says why.
    pub(crate) fn measure(&mut self, what: &str, measurement: impl FnOnce() -> anyhow::Result<Vec<Figure>>) {
        if !self.words.is_empty() && !self.words.iter().any(|word| what.contains(word.as_str())) {
            return;
        }
        say(&format!("{what} ({:.0} s)", self.started.elapsed().as_secs_f64()));
        match measurement() {
            Ok(rows) => self.rows.extend(rows),
            Err(error) => {
                say(&format!("{what}: {error:#}"));
                self.rows.push(Figure::missing(what, "", &format!("not measured: {error:#}")));
            }
        }
    }

    /// Prints everything to standard output.
    pub(crate) fn print(&self) -> anyhow::Result<()> {
        let mut text = format!("{}; {:.0} s.\n\n", self.machine, self.started.elapsed().as_secs_f64());
        text.push_str("| what | budget | figure | reference, same run | ratio |\n|---|---|---|---|---|\n");
        for Figure { what, budget, figure, reference, ratio } in &self.rows {
            writeln!(text, "| {what} | {budget} | {figure} | {reference} | {ratio} |").context("table")?;
        }
        std::io::stdout().write_all(text.as_bytes()).context("standard output")
    }
}

/// Tells the person at the terminal how far the run is; that nobody reads it is no error.
pub(crate) fn say(text: &str) {
    let _unread = std::io::stderr().write_all(format!("figures: {text}\n").as_bytes());
}
