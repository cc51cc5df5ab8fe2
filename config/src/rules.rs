//! Rules of maintenance: which column of which view, beyond which limit, says that something is due.
//!
//! They change no row: the view `maintenance_due` is made of them when a session is opened. The built-in ones are
//! `profiles/rules.toml`. A file of one's own replaces all of them, or, with `extends = "built-in"`, those of the names that it
//! has; those that `without` lists are left out.

use std::path::Path;

use crate::problem::{Problem, Problems};
use crate::section::{Section, parse_toml};
use crate::settings::read_bounded;

/// A file of rules is refused above this size, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Rules of a file at most.
const RULES_MAX: usize = 256;
/// Bytes of a text at most.
const TEXT_BYTES_MAX: usize = 500;

/// How much a thing presses, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// To be watched.
    Watch,
    /// To be planned.
    Plan,
    /// To be done soon.
    Soon,
    /// To be done before the robot goes on.
    Now,
}

impl Urgency {
    /// The text in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Plan => "plan",
            Self::Soon => "soon",
            Self::Now => "now",
        }
    }
}

/// The limit of a rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// Due above it.
    Above(f64),
    /// Due below it.
    Below(f64),
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// The view that it looks at; it has the columns `robot_id` and `window_end`.
    pub view: String,
    /// The column that names the component, or `robot` for the robot itself.
    pub component: String,
    /// The column that is compared.
    pub column: String,
    /// With what.
    pub bound: Bound,
    /// How much it presses.
    pub urgency: Urgency,
    /// What to do.
    pub advice: String,
    /// Where the rule is from, or "judgement".
    pub source: String,
}

/// A set of rules with different names.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules(Vec<Rule>);

impl Rules {
    /// The rules of this release.
    pub fn builtin() -> Self {
        Self::parse(include_str!("../profiles/rules.toml")).expect("the built-in rules are sound, which a test checks")
    }

    /// The rules of a file.
    ///
    /// # Errors
    /// All [`Problems`] of it at once.
    pub fn load(file: &Path) -> Result<Self, Problems> {
        Self::parse(&read_bounded(file, FILE_BYTES_MAX)?)
    }

    /// The rules of a text.
    ///
    /// # Errors
    /// All [`Problems`] of it at once.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        let table = parse_toml(text).map_err(|problem| Problems(vec![problem]))?;
        let mut problems = Vec::new();
        let (rules, extends, without) = Section::read("", &table, &mut problems, |s| {
            let extends =
                s.optional("extends", "\"built-in\"", |value| (value.as_str() == Some("built-in")).then_some(()));
            (s.array("rules", Rule::read), extends.is_some(), s.texts("without"))
        });
        if rules.len() > RULES_MAX {
            problems.push(Problem::new("rules", &rules.len().to_string(), format!("at most {RULES_MAX} rules")));
        }
        let mut names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
        names.sort_unstable();
        for pair in names.windows(2).filter(|pair| pair[0] == pair[1]) {
            problems.push(Problem::new("rules", pair[0], "each name once"));
        }
        let rules = if extends { Self::builtin().with(rules, &without, &mut problems) } else { rules };
        if !extends && !without.is_empty() {
            problems.push(Problem::new("without", &without.join(", "), "`extends = \"built-in\"` beside it"));
        }
        Problems::unless_none(problems, Self(rules))
    }

    /// These rules with others: one of the same name is replaced, and those of `without` are left out.
    fn with(self, others: Vec<Rule>, without: &[String], problems: &mut Vec<Problem>) -> Vec<Rule> {
        for name in without.iter().filter(|name| self.0.iter().all(|rule| rule.name != **name)) {
            problems.push(Problem::new("without", name, "the name of a built-in rule"));
        }
        let is_replaced =
            |rule: &Rule| without.contains(&rule.name) || others.iter().any(|other| other.name == rule.name);
        let kept: Vec<Rule> = self.0.into_iter().filter(|rule| !is_replaced(rule)).collect();
        kept.into_iter().chain(others).collect()
    }

    /// The rules, in the order of the file.
    pub fn all(&self) -> &[Rule] {
        &self.0
    }
}

impl Rule {
    fn read(s: &mut Section<'_>) -> Self {
        let word = |s: &mut Section<'_>, key| {
            let expected = "a word of a-z, 0-9, `_` and `-`";
            s.required(key, expected, String::new(), |value| {
                value.as_str().filter(|word| is_word(word)).map(str::to_owned)
            })
        };
        let bounds = -1e15..=1e15;
        let (above, below) = (s.optional_number("above", bounds.clone()), s.optional_number("below", bounds));
        let bound = match (above, below) {
            (Some(limit), None) => Bound::Above(limit),
            (None, Some(limit)) => Bound::Below(limit),
            _ => {
                s.problem("above", "", "either `above` or `below`, a number");
                Bound::Above(f64::NAN)
            }
        };
        let urgencies = [Urgency::Watch, Urgency::Plan, Urgency::Soon, Urgency::Now].map(|word| (word.as_str(), word));
        Self {
            name: word(s, "name"),
            view: word(s, "view"),
            component: word(s, "component"),
            column: word(s, "column"),
            bound,
            urgency: s.choice("urgency", &urgencies).unwrap_or(Urgency::Watch),
            advice: s.text("advice", TEXT_BYTES_MAX),
            source: s.text("source", TEXT_BYTES_MAX),
        }
    }
}

/// A word that needs no quoting in SQL but in its name's place.
fn is_word(word: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
    (1..=64).contains(&word.len()) && word.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_rules_are_sound_and_each_has_a_source() {
        let rules = Rules::builtin();
        assert!(rules.all().len() > 20);
        assert!(rules.all().iter().all(|rule| !rule.source.is_empty() && !rule.advice.is_empty()));
        assert!(Urgency::Now > Urgency::Soon && Urgency::Plan > Urgency::Watch);
    }

    #[test]
    fn all_problems_of_a_file_are_listed_at_once() {
        let text = "[[rules]]\nname = \"a b\"\nview = \"joint_wear\"\ncomponent = \"joint\"\ncolumn = \"x; drop\"\n\
                    above = 1\nbelow = 2\nurgency = \"soonish\"\nadvice = \"a\"\nsource = \"s\"\nlimit = 3\n";
        let found = Rules::parse(text).expect_err("nothing is right").to_string();
        for part in
            ["rules[0].name", "rules[0].column", "either `above` or `below`", "rules[0].urgency", "rules[0].limit"]
        {
            assert!(found.contains(part), "{part} in {found}");
        }
        assert!(Rules::parse("").expect("no rules").all().is_empty());
    }

    #[test]
    fn a_file_extends_the_built_in_rules_replaces_some_and_leaves_out_others() {
        let rule = "[[rules]]\nname = \"friction-high\"\nview = \"joint_tests\"\ncomponent = \"joint\"\ncolumn = \"friction_ratio\"\n\
                    above = 1.2\nurgency = \"plan\"\nadvice = \"a\"\nsource = \"s\"\n";
        let built_in = Rules::builtin().all().len();
        let extended =
            Rules::parse(&format!("extends = \"built-in\"\nwithout = [\"vibration-d\"]\n{rule}")).expect("sound");
        assert_eq!(extended.all().len(), built_in - 1);
        let of = |name: &str| extended.all().iter().find(|rule| rule.name == name).map(|rule| rule.bound);
        assert_eq!((of("friction-high"), of("vibration-d")), (Some(Bound::Above(1.2)), None));
        for (text, part) in [
            (
                "extends = \"built-in\"\nwithout = [\"vibration-x\"]",
                "without = vibration-x: expected the name of a built-in rule",
            ),
            ("without = [\"vibration-d\"]", "without = vibration-d: expected `extends = \"built-in\"`"),
            ("extends = \"mine\"", "extends"),
        ] {
            let found = Rules::parse(text).expect_err(text).to_string();
            assert!(found.contains(part), "{found}");
        }
    }
}
