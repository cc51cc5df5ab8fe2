//! Check characters of robot IDs. The standard's own scheme is not public, so the default is none.

use serde::{Deserialize, Serialize};

/// A scheme whose last character checks those before it, over the whole ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckScheme {
    /// ISO 7064 Mod 37,36: letters and digits, hybrid.
    #[serde(rename = "iso_7064_mod_37_36")]
    Mod37_36,
    /// ISO 7064 Mod 37,2: letters and digits, pure; an ID whose check character is `*` cannot be.
    #[serde(rename = "iso_7064_mod_37_2")]
    Mod37_2,
    /// ISO 7064 Mod 11,10 over the digits of the serial: an ID with letters in its serial never passes.
    #[serde(rename = "iso_7064_mod_11_10")]
    Mod11_10,
}

impl CheckScheme {
    /// Words of the schemes in settings.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("iso_7064_mod_37_36", Self::Mod37_36),
        ("iso_7064_mod_37_2", Self::Mod37_2),
        ("iso_7064_mod_11_10", Self::Mod11_10),
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(_, scheme)| *scheme == self).map_or("", |(word, _)| word)
    }

    /// Whether the last character of `id` is right.
    pub fn holds(self, id: &str) -> bool {
        match self {
            Self::Mod37_36 => hybrid(id.bytes().map(value), 36),
            Self::Mod37_2 => {
                let sum = id.bytes().try_fold(0_u32, |sum, byte| Some((2 * sum + value(byte)?) % 37));
                sum == Some(1)
            }
            Self::Mod11_10 => hybrid(id.bytes().skip(12).map(|byte| value(byte).filter(|value| *value < 10)), 10),
        }
    }
}

/// ISO 7064 hybrid systems, Mod m+1,m.
fn hybrid(values: impl Iterator<Item = Option<u32>>, m: u32) -> bool {
    let mut product = m;
    let mut last = 1;
    for value in values {
        let Some(value) = value else { return false };
        let sum = (product + value) % m;
        last = sum;
        product = (if sum == 0 { m } else { sum } * 2) % (m + 1);
    }
    last == 1
}

fn value(byte: u8) -> Option<u32> {
    match byte {
        b'0'..=b'9' => Some(u32::from(byte - b'0')),
        b'A'..=b'Z' => Some(u32::from(byte - b'A') + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Examples of the standard, as other implementations test themselves with them.
    #[test]
    fn the_standards_examples_hold_and_their_neighbours_do_not() {
        assert!(CheckScheme::Mod37_36.holds("A12425GABC1234002M"));
        assert!(!CheckScheme::Mod37_36.holds("A12425GABC1234003M"));
        assert!(!CheckScheme::Mod37_36.holds("A12425GABC12340O2M"));
        // Mod 11,10 counts behind the first twelve characters.
        assert!(CheckScheme::Mod11_10.holds("CNAB12HX0001794623"));
        assert!(!CheckScheme::Mod11_10.holds("CNAB12HX0001794632"));
        assert!(!CheckScheme::Mod11_10.holds("CNAB12HX000179462A"));
    }

    #[test]
    fn mod_37_2_finds_each_swap_and_each_change_of_one_character() {
        let right = "G123489654321Y";
        assert!(CheckScheme::Mod37_2.holds(right), "the standard's own example");
        for place in 0..right.len() {
            let other = if &right[place..=place] == "7" { "8" } else { "7" };
            let changed = format!("{}{other}{}", &right[..place], &right[place + 1..]);
            assert!(!CheckScheme::Mod37_2.holds(&changed), "{changed}");
        }
        for place in 1..right.len() {
            let (before, after) = (&right[place - 1..place], &right[place..=place]);
            let swapped = format!("{}{after}{before}{}", &right[..place - 1], &right[place + 1..]);
            assert!(!CheckScheme::Mod37_2.holds(&swapped), "{swapped}");
        }
    }

    #[test]
    fn words_and_schemes_agree() {
        for (word, scheme) in CheckScheme::WORDS {
            assert_eq!(scheme.as_str(), word);
            assert_eq!(serde_json::to_string(&scheme).unwrap(), format!("\"{word}\""));
        }
    }
}
