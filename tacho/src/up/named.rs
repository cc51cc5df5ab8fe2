//! Many things in one message: the first few by name, the others by their number.

/// Things that one message names; the others are in the log lines.
const NAMED_MAX: usize = 4;

/// The first few of `all`, and how many more there are.
pub(super) fn named(mut all: impl Iterator<Item = String>) -> String {
    let text = all.by_ref().take(NAMED_MAX).collect::<Vec<_>>().join("; ");
    match all.count() {
        0 => text,
        more => format!("{text}; and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_few_are_named_and_the_others_counted() {
        let text = |count: i32| named((1..=count).map(|number| number.to_string()));
        assert_eq!((text(1).as_str(), text(4).as_str()), ("1", "1; 2; 3; 4"));
        assert_eq!(text(6), "1; 2; 3; 4; and 2 more");
    }
}
