//! "Did you mean": the known key that is nearest to an unknown one.

/// Keys longer than this are not compared; nobody meant them.
const COMPARED_BYTES_MAX: usize = 64;

/// The first of `known` within a third of its length in edits, if it is the nearest.
pub(super) fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    if key.len() > COMPARED_BYTES_MAX {
        return None;
    }
    let (edits, near) =
        known.iter().map(|candidate| (edits(key, candidate), *candidate)).min_by_key(|(edits, _)| *edits)?;
    (edits <= near.len().div_ceil(3).min(3)).then_some(near)
}

/// Edits (insert, remove, change a byte) from `a` to `b`: Levenshtein's distance, one row at a time.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, byte_a) in a.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, byte_b) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(byte_a != byte_b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted_as_levenshtein_does() {
        for (a, b, n) in [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("listen", "lisen", 1)] {
            assert_eq!((edits(a, b), edits(b, a)), (n, n), "{a} {b}");
        }
    }

    #[test]
    fn only_a_near_key_is_offered() {
        let known = ["listen", "anonymous", "max_publish"];
        assert_eq!(nearest("anonymus", &known), Some("anonymous"));
        assert_eq!(nearest("max_publsh", &known), Some("max_publish"));
        assert_eq!(nearest("users", &known), None);
        assert_eq!(nearest(&"x".repeat(10_000), &known), None);
        assert_eq!(nearest("x", &[]), None);
    }
}
