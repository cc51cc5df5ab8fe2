//! A TOML table while it is read: keys are asked for by name, problems are collected, and keys that nobody asked for
//! are listed with the nearest known one.
//!
//! Why not `serde` structs: they stop at the first error, and an operator should see all of them at once. This is the
//! boundary between settings as written (a TOML table) and settings as meant; what a key may hold is in `values`.

mod nearest;
mod values;

use toml::{Table, Value};

use crate::problem::Problem;

/// One table of a file, and the list of all problems of that file.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    path: String,
    table: &'a Table,
    known: Vec<&'static str>,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Section<'a> {
    /// Reads `table`, which stands at `path` (empty for the root), and lists the keys that `read` did not ask for.
    pub(crate) fn read<T>(
        path: &str,
        table: &'a Table,
        problems: &'a mut Vec<Problem>,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> T {
        let mut section = Section { path: path.to_owned(), table, known: Vec::new(), problems };
        let meant = read(&mut section);
        section.list_unknown_keys();
        meant
    }

    /// The whole key, as it is shown: `mqtt.listen`.
    pub(crate) fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Where this table stands in the file; empty at the root.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Adds a problem of this table's `key`.
    pub(crate) fn problem(&mut self, key: &str, value: &str, expected: impl Into<String>) {
        let key = self.key(key);
        self.problems.push(Problem::new(key, value, expected));
    }

    /// Adds a problem if `key` is absent: what is present and wrong was reported when it was read.
    pub(crate) fn missing(&mut self, key: &str, expected: &str) {
        if !self.table.contains_key(key) {
            self.problem(key, "", expected);
        }
    }

    /// Adds problems that name their whole keys themselves.
    pub(crate) fn push_all(&mut self, problems: impl IntoIterator<Item = Problem>) {
        self.problems.extend(problems);
    }

    /// The value of `key`: `None` if it is absent, and also if `parse` refuses it, which is a problem.
    pub(crate) fn optional<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        parse: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        self.known.push(key);
        let value = self.table.get(key)?;
        let parsed = parse(value);
        if parsed.is_none() {
            self.problem(key, &shown(value), expected);
        }
        parsed
    }

    /// The value of `key`, or `placeholder` and a problem if it is absent or refused.
    pub(crate) fn required<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        placeholder: T,
        parse: impl FnOnce(&Value) -> Option<T>,
    ) -> T {
        if !self.table.contains_key(key) {
            self.known.push(key);
            self.problem(key, "", expected);
            return placeholder;
        }
        self.optional(key, expected, parse).unwrap_or(placeholder)
    }

    /// Reads the table `[key]`; `None` if it is absent or no table.
    pub(crate) fn section<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'_>) -> T) -> Option<T> {
        let table = self.optional(key, "a table", |value| value.as_table().map(|_| ()));
        table?;
        let inner = self.table.get(key)?.as_table()?;
        let path = self.key(key);
        Some(Section::read(&path, inner, self.problems, read))
    }

    /// What stands in this table, in the order of names: any name is allowed in it.
    pub(crate) fn entries(&mut self) -> Vec<(&'a String, &'a Value)> {
        let entries = in_order(self.table);
        // Nothing is left that could be an unknown key.
        self.table = EMPTY.get_or_init(Table::new);
        entries
    }

    /// Reads each table of `[key.NAME]`, by name, in the order of names.
    pub(crate) fn named_sections<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&str, &mut Section<'_>) -> T,
    ) -> Vec<(String, T)> {
        let named = self.section(key, |outer| {
            let mut all = Vec::new();
            for (name, value) in outer.entries() {
                let path = outer.key(name);
                match value.as_table() {
                    Some(inner) => {
                        let meant = Section::read(&path, inner, outer.problems, |s| read(name, s));
                        all.push((name.clone(), meant));
                    }
                    None => outer.problem(name, &shown(value), "a table"),
                }
            }
            all
        });
        named.unwrap_or_default()
    }

    /// Reads each table of the array `[[key]]`, in order.
    pub(crate) fn array<T>(&mut self, key: &'static str, mut read: impl FnMut(&mut Section<'_>) -> T) -> Vec<T> {
        let present = self.optional(key, "an array of tables", |value| {
            let array = value.as_array()?;
            array.iter().all(Value::is_table).then_some(())
        });
        let tables = present.and_then(|()| self.table.get(key)?.as_array());
        let mut all = Vec::new();
        for (index, value) in tables.into_iter().flatten().enumerate() {
            let path = format!("{}[{index}]", self.key(key));
            if let Some(inner) = value.as_table() {
                all.push(Section::read(&path, inner, self.problems, &mut read));
            }
        }
        all
    }

    fn list_unknown_keys(&mut self) {
        for (key, value) in in_order(self.table) {
            if self.known.contains(&key.as_str()) {
                continue;
            }
            let expected = match nearest::nearest(key, &self.known) {
                Some(near) => format!("no such key; did you mean `{near}`?"),
                None => {
                    let mut known = self.known.clone();
                    known.sort_unstable();
                    format!("no such key; known here: {}", known.join(", "))
                }
            };
            let key = self.key(key);
            self.problems.push(Problem::new(key, &shown(value), expected));
        }
    }
}

/// The entries by key: the order within `toml`'s table depends on a feature that any crate may switch on.
fn in_order(table: &Table) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| key.as_str());
    entries
}

static EMPTY: std::sync::OnceLock<Table> = std::sync::OnceLock::new();

/// A value as it stands in a file, on one line.
pub(crate) fn shown(value: &Value) -> String {
    value.to_string().replace('\n', " ")
}

/// Parses TOML text; the one problem of a text that is none names the line and column.
pub(crate) fn parse_toml(text: &str) -> Result<Table, Problem> {
    text.parse::<Table>().map_err(|error| {
        let start = error.span().map_or(0, |span| span.start).min(text.len());
        let before = text.get(..start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let found = text.lines().nth(line - 1).unwrap_or_default().trim();
        let expected = format!("TOML: {}", error.message().trim().replace('\n', "; "));
        Problem::new(format!("line {line}, column {column}"), found, expected)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str, read: impl FnOnce(&mut Section<'_>)) -> Vec<String> {
        let table = parse_toml(text).expect("the test's TOML parses");
        let mut problems = Vec::new();
        Section::read("", &table, &mut problems, read);
        problems.iter().map(Problem::to_string).collect()
    }

    #[test]
    fn an_unknown_key_is_listed_with_the_nearest_known_one() {
        let found = problems("lisen = 1\nbanana = 2", |s| {
            s.optional("listen", "a text", |value| value.as_str().map(str::to_owned));
        });
        assert_eq!(
            found,
            [
                "banana = 2: expected no such key; known here: listen",
                "lisen = 1: expected no such key; did you mean `listen`?"
            ]
        );
    }

    #[test]
    fn a_wrong_type_of_a_table_is_one_problem_and_not_one_per_key() {
        let found = problems("mqtt = 5\njoints = [1]", |s| {
            s.section("mqtt", |mqtt| mqtt.flag("anonymous"));
            s.array("joints", |joint| joint.flag("x"));
        });
        assert_eq!(found, ["mqtt = 5: expected a table", "joints = [1]: expected an array of tables"]);
    }

    #[test]
    fn a_problem_in_an_array_or_a_named_table_names_its_place() {
        let found = problems("[[joints]]\n[[joints]]\nx = 3\n[reducers.big]\nx = 4", |s| {
            s.array("joints", |joint| joint.optional("x", "a flag", Value::as_bool));
            s.named_sections("reducers", |_, r| r.optional("x", "a flag", Value::as_bool));
        });
        assert_eq!(found, ["joints[1].x = 3: expected a flag", "reducers.big.x = 4: expected a flag"]);
    }

    #[test]
    fn text_that_is_no_toml_is_named_by_line_and_column() {
        let problem = parse_toml("a = 1\nb = = 2\n").expect_err("not TOML");
        assert!(problem.key.starts_with("line 2, column "), "{problem}");
        assert_eq!(problem.value, "b = = 2");
        let twice = parse_toml("a = 1\na = 2\n").expect_err("a key stands twice");
        assert!(twice.key.starts_with("line 2"), "{twice}");
    }
}
