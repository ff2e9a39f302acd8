//! Finds one secret in a line, however it is spelt.

use std::ops::Range;

/// One secret and the context that it is hidden in.
///
/// Encoders disagree: about upper or lower hex digits, `+` or `%20` for a space, and which
/// characters they leave alone. So no list of forms is kept; text is compared byte by byte,
/// and each byte of the secret may stand in the text as itself, as `%HH` (either case), as
/// `%25HH` (encoded twice), a space also as `+`, and a quote, backslash or slash also behind
/// a backslash, as Rust's `Debug` and JSON write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Needle {
    /// Must stand before the secret; not hidden.
    before: Vec<u8>,
    secret: Vec<u8>,
    /// Must stand after the secret; not hidden.
    after: Vec<u8>,
}

impl Needle {
    /// Hides `secret`, which is not empty, wherever it stands.
    pub(super) fn anywhere(secret: &str) -> Self {
        Self::between("", secret, "")
    }

    /// Hides `secret` only where it stands between `before` and `after`.
    pub(super) fn between(before: &str, secret: &str, after: &str) -> Self {
        debug_assert!(!secret.is_empty());
        Self { before: before.into(), secret: secret.into(), after: after.into() }
    }

    /// Adds each place of the secret in `text` to `found`.
    pub(super) fn find_all(&self, text: &[u8], found: &mut Vec<Range<usize>>) {
        let mut at = 0;
        while at < text.len() {
            match self.find_at(text, at) {
                Some(range) => {
                    at = range.end;
                    found.push(range);
                }
                None => at += 1,
            }
        }
    }

    /// The longest that stands at `at`.
    fn find_at(&self, text: &[u8], at: usize) -> Option<Range<usize>> {
        // Nearly every place is told apart by its first byte.
        let first = *self.before.first().or(self.secret.first())?;
        spellings(first, &text[at..]).next()?;
        let start = *ends(&self.before, text, at).last()?;
        let end = ends(&self.secret, text, start)
            .into_iter()
            .rfind(|&end| !ends(&self.after, text, end).is_empty())?;
        Some(start..end)
    }
}

/// Where `plain` may end if it stands at `at`, in rising order.
///
/// There can be several: `%25` is a `%` that is encoded, or one that is not, before `25`.
fn ends(plain: &[u8], text: &[u8], at: usize) -> Vec<usize> {
    let mut ends = vec![at];
    for &byte in plain {
        let mut next: Vec<_> = ends
            .iter()
            .flat_map(|&at| spellings(byte, &text[at..]).map(move |length| at + length))
            .collect();
        next.sort_unstable();
        next.dedup();
        ends = next;
        if ends.is_empty() {
            break;
        }
    }
    ends
}

/// Lengths of the spellings of `byte` that `text` begins with.
fn spellings(byte: u8, text: &[u8]) -> impl Iterator<Item = usize> + use<> {
    let hex = |text: &[u8]| {
        let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
        digit(0).zip(digit(1)).map(|(high, low)| high * 16 + low) == Some(u32::from(byte))
    };
    let (first, rest) = text.split_first().map_or((None, text), |(f, rest)| (Some(*f), rest));
    let bare = first == Some(byte) || (first == Some(b'+') && byte == b' ');
    let escaped = first == Some(b'\\') && rest.first() == Some(&byte) && b"\"'\\/".contains(&byte);
    let percent = first == Some(b'%') && hex(rest);
    let twice = first == Some(b'%') && rest.strip_prefix(b"25").is_some_and(hex);
    [(bare, 1), (escaped, 2), (percent, 3), (twice, 5)]
        .into_iter()
        .filter_map(|(stands, length)| stands.then_some(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_off_and_bad_escapes_are_no_match_and_no_panic() {
        let needle = Needle::anywhere("a@b");
        for text in ["a%", "a%4", "a%+0b", "a%zzb", "a%25", "a%254", "a\\", "a%4é"] {
            let mut found = Vec::new();
            needle.find_all(text.as_bytes(), &mut found);
            assert!(found.is_empty(), "{text}: {found:?}");
        }
    }

    #[test]
    fn secrets_that_look_like_escapes_are_found_bare_and_encoded() {
        for secret in ["p%25ss", "%2525", r"a\\b", r"\\", "a+b c"] {
            let encoded =
                percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC);
            for text in [secret.to_owned(), encoded.to_string(), format!("{secret:?}")] {
                let mut found = Vec::new();
                Needle::anywhere(secret).find_all(text.as_bytes(), &mut found);
                let quotes = usize::from(text.starts_with('"'));
                let whole = quotes..text.len() - quotes;
                assert_eq!(found, std::slice::from_ref(&whole), "{secret} in {text}");
            }
        }
    }

    #[test]
    fn context_is_needed_but_not_hidden() {
        let mut found = Vec::new();
        Needle::between(":", "pw", "@").find_all(b"pw :pw :pw@ %3Apw%40", &mut found);
        assert_eq!(found, [8..10, 15..17]);
    }
}
