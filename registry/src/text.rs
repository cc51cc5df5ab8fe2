//! Strict base64 and decimal numbers of the C2SP text formats: one spelling per value, anything else is refused.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use tacho_schemas::Digest;

/// RFC 4648 §4, padding required, no bits set beyond the last byte.
const CANONICAL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(false),
);

/// Base64 of `bytes`, with padding.
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    CANONICAL.encode(bytes)
}

/// The bytes of a canonical base64 text; `None` for every other text.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    CANONICAL.decode(text).ok()
}

/// The digest that a canonical base64 text of 32 bytes holds.
pub(crate) fn digest_from_base64(text: &str) -> Option<Digest> {
    if text.len() != 44 {
        return None;
    }
    Some(Digest(from_base64(text)?.try_into().ok()?))
}

/// An ASCII decimal without sign and without leading zeros.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let canonical = match text.as_bytes() {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if canonical { text.parse().ok() } else { None }
}

/// The first characters of a text from outside, for an error message.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}

/// An error and its causes on one line; a cause that its error has already shown is left out.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_spelling_of_base64_is_read() {
        assert_eq!(from_base64("AQI="), Some(vec![1, 2]));
        for text in ["AQI", "AQJ=", "AQI==", "AQI=\n", " AQI=", "AQ-_", "AQI=AQI="] {
            assert_eq!(from_base64(text), None, "{text:?}");
        }
    }

    #[test]
    fn only_one_spelling_of_a_number_is_read() {
        assert_eq!(decimal("0"), Some(0));
        assert_eq!(decimal("18446744073709551615"), Some(u64::MAX));
        for text in ["", "00", "01", "+1", "-1", "1 ", "18446744073709551616", "1e3", "٣"] {
            assert_eq!(decimal(text), None, "{text:?}");
        }
    }
}
