//! How the values of a row were found: the text of the column `methods`.
//!
//! Rows of one table mostly have the text of the row before, which is then not made anew.

use super::notes::entry;
use crate::indicators::Method;

/// How one value was found.
#[derive(Debug, Clone, Copy)]
struct How {
    column: &'static str,
    /// One, or two of which each says a part; [`Method::Sent`] says nothing.
    methods: [Method; 2],
    /// Whether a rating that went in is assumed.
    assumed: bool,
}

impl How {
    /// Names are literals, of which the address says enough: where it differs, the text is only made once more.
    fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self.column, other.column) && self.methods == other.methods && self.assumed == other.assumed
    }
}

/// The methods of a row; their memory is used again for the next.
#[derive(Debug, Default)]
pub(super) struct Methods {
    row: Vec<How>,
    /// What `text` was made of.
    before: Vec<How>,
    text: String,
}

impl Methods {
    /// Notes how a value was found, unless it is as sent and by ratings of a source.
    pub(super) fn note(&mut self, column: &'static str, methods: [Method; 2], assumed: bool) {
        if methods != [Method::Sent; 2] || assumed {
            self.row.push(How { column, methods, assumed });
        }
    }

    /// Takes back what was noted of columns that have no value after all.
    pub(super) fn forget(&mut self, columns: &[&'static str]) {
        if !columns.is_empty() {
            self.row.retain(|how| !columns.contains(&how.column));
        }
    }

    /// The text, once all values of the row are noted.
    pub(super) fn text(&mut self) -> Option<&str> {
        if self.row.is_empty() {
            return None;
        }
        let as_before = self.row.len() == self.before.len();
        if !as_before || !self.row.iter().zip(&self.before).all(|(how, before)| how.is(before)) {
            self.text.clear();
            for how in &self.row {
                let [first, second] = how.methods;
                let last = if how.assumed { Method::RatingAssumed } else { Method::Sent };
                let mut words = [first, second, last].into_iter().filter(|method| *method != Method::Sent);
                // At most three words, with a comma before the second and the third.
                let mut parts = [words.next().map_or("", Method::as_str), "", "", "", ""];
                for (part, word) in parts[1..].chunks_exact_mut(2).zip(words) {
                    part.copy_from_slice(&[", ", word.as_str()]);
                }
                entry(&mut self.text, how.column, &parts);
            }
            self.text.push('}');
            self.before.clone_from(&self.row);
        }
        Some(&self.text)
    }

    /// Begins a row.
    pub(super) fn clear(&mut self) {
        self.row.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_of_its_own_row() {
        let mut methods = Methods::default();
        assert_eq!(methods.text(), None);
        let samples = r#"{"a":"samples"}"#;
        methods.note("a", [Method::Samples, Method::Sent], false);
        methods.note("b", [Method::Sent; 2], false);
        assert_eq!(methods.text(), Some(samples));
        methods.clear();
        methods.note("a", [Method::Samples, Method::Sent], true);
        methods.note("b", [Method::Sent; 2], true);
        assert_eq!(methods.text(), Some(r#"{"a":"samples, rating_assumed","b":"rating_assumed"}"#));
        methods.clear();
        assert_eq!(methods.text(), None);
        for _ in 0..2 {
            methods.clear();
            methods.note("a", [Method::Samples, Method::Sent], false);
            assert_eq!(methods.text(), Some(samples));
        }
    }

    #[test]
    fn words_stand_in_order_and_columns_that_have_no_value_are_forgotten() {
        let mut methods = Methods::default();
        let both = [Method::LoadHistogram, Method::PowerOn];
        for (column, of_column, assumed) in
            [("a", both, true), ("b", both, false), ("c", [Method::Sent, Method::PowerOn], true), ("d", both, true)]
        {
            methods.note(column, of_column, assumed);
        }
        methods.forget(&["d", "e"]);
        let expected = concat!(
            r#"{"a":"load_histogram, power_on_hours, rating_assumed","b":"load_histogram, power_on_hours","#,
            r#""c":"power_on_hours, rating_assumed"}"#
        );
        assert_eq!(methods.text(), Some(expected));
        methods.forget(&["a", "b", "c"]);
        assert_eq!(methods.text(), None);
    }
}
