//! What real senders do wrong, at chosen rates: `--faults bad_id=0.01,gap=0.02,duplicate=0.02`.

use std::str::FromStr;

use rand::RngExt as _;
use rand::rngs::StdRng;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The topic and the record carry an ID with a lower-case letter.
    BadId,
    /// The record is never sent: a gap in `seq`.
    Gap,
    /// The record is sent twice.
    Duplicate,
    /// The record is sent after its successor.
    Reorder,
    /// The device's clock is a year ahead.
    ClockSkew,
    /// The payload is cut, so that it is no JSON.
    Poison,
    /// The same key is sent again with other content.
    Conflict,
}

impl Fault {
    const ALL: [(&'static str, Self); 7] = [
        ("bad_id", Self::BadId),
        ("gap", Self::Gap),
        ("duplicate", Self::Duplicate),
        ("reorder", Self::Reorder),
        ("clock_skew", Self::ClockSkew),
        ("poison", Self::Poison),
        ("conflict", Self::Conflict),
    ];

    /// Its name, as `--faults` and the journal spell it.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, fault)| *fault == self).map_or("", |(name, _)| name)
    }
}

/// Faults with their rates, each the share of records that it strikes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Faults(Vec<(Fault, f64)>);

impl Faults {
    /// The fault that strikes the next record, if any; at most one does.
    pub(crate) fn draw(&self, rng: &mut StdRng) -> Option<Fault> {
        self.0.iter().find(|(_, rate)| rng.random_bool(*rate)).map(|(fault, _)| *fault)
    }
}

impl FromStr for Faults {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names = || Fault::ALL.map(|(name, _)| name).join(", ");
        let mut faults = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (name, rate) = part.split_once('=').unwrap_or((part, "0.01"));
            let fault = Fault::ALL
                .iter()
                .find(|(known, _)| *known == name)
                .ok_or_else(|| format!("{name:?} is no fault; known are {}", names()))?;
            let rate = rate.parse().ok().filter(|rate| (0.0..=1.0).contains(rate));
            let rate = rate.ok_or_else(|| format!("the rate of {} is a number from 0 to 1", fault.1.name()))?;
            if faults.iter().any(|(known, _)| *known == fault.1) {
                return Err(format!("{} stands there twice", fault.1.name()));
            }
            faults.push((fault.1, rate));
        }
        Ok(Self(faults))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_wrong_ones_named() {
        assert_eq!("gap=0.5,poison".parse(), Ok(Faults(vec![(Fault::Gap, 0.5), (Fault::Poison, 0.01)])));
        assert!("gap=2".parse::<Faults>().unwrap_err().contains("from 0 to 1"));
        assert!("gap=0.1,gap=0.2".parse::<Faults>().unwrap_err().contains("twice"));
        assert!("rust".parse::<Faults>().unwrap_err().contains("bad_id"));
    }
}
