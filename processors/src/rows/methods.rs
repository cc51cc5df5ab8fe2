//! How the values of a row were found: the text of the column `methods`.
//!
//! Rows of one table mostly have the text of the row before, which is then not made anew.

use super::notes::entry;
use crate::indicators::Method;

/// How one value was found.
#[derive(Debug, Clone, Copy)]
struct How {
    column: &'static str,
    method: Method,
    /// Whether a rating that went in is assumed.
    assumed: bool,
}

impl How {
    /// Names are literals, of which the address says enough: where it differs, the text is only made once more.
    fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self.column, other.column) && self.method == other.method && self.assumed == other.assumed
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
    pub(super) fn note(&mut self, column: &'static str, method: Method, assumed: bool) {
        if method != Method::Sent || assumed {
            self.row.push(How { column, method, assumed });
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
                match (how.method, how.assumed) {
                    (Method::Sent, _) => entry(&mut self.text, how.column, &[Method::RatingAssumed.as_str()]),
                    (method, false) => entry(&mut self.text, how.column, &[method.as_str()]),
                    (method, true) => {
                        entry(&mut self.text, how.column, &[method.as_str(), ", ", Method::RatingAssumed.as_str()]);
                    }
                }
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
        methods.note("a", Method::Samples, false);
        methods.note("b", Method::Sent, false);
        assert_eq!(methods.text(), Some(samples));
        methods.clear();
        methods.note("a", Method::Samples, true);
        methods.note("b", Method::Sent, true);
        assert_eq!(methods.text(), Some(r#"{"a":"samples, rating_assumed","b":"rating_assumed"}"#));
        methods.clear();
        assert_eq!(methods.text(), None);
        for _ in 0..2 {
            methods.clear();
            methods.note("a", Method::Samples, false);
            assert_eq!(methods.text(), Some(samples));
        }
    }
}
