//! Keeps credentials out of everything that is written for people.
//!
//! Whoever learns of a secret registers it; whatever is logged passes through [`mask`].
//! A registered secret is found as it stands and in every percent-encoded form, so nobody has
//! to guess how FFmpeg or a camera spells it. What was never registered is still hidden where
//! its place gives it away: before the `@` of a URL, as `password` in a query, in an
//! `Authorization` header.
//!
//! A secret shorter than 4 characters would hide half of a log ("1" is in most
//! lines), so it is hidden only where it stands as `:secret@`, the way a URL writes it,
//! and inside an `Authorization: Basic` header.
//!
//! User names alone are not secrets: `admin` stays readable in ordinary words. Before the `@` of
//! a URL they are hidden as a password is, for some servers take a token there.
//!
//! Does not decide what is a secret, and does not see what is written past it.

mod needle;
mod places;

pub use places::is_secret_parameter;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{LazyLock, PoisonError, RwLock};

use needle::Needle;

const MASK: &str = "***";

/// Characters from which on a secret is hidden wherever it stands.
const SHORT: usize = 4;

static SECRETS: LazyLock<RwLock<Secrets>> = LazyLock::new(Default::default);

/// Remembers `secret`, so that [`mask`] hides it. Empty strings are ignored.
///
/// A secret that is itself percent-encoded is also remembered decoded.
pub fn register(secret: &str) {
    with_secrets(|secrets| secrets.register(secret));
}

/// Remembers the `user` and `password` of one source: the password, `user:password`, and
/// both as HTTP's basic authentication sends them (base64, RFC 7617).
///
/// Give them as they are meant, not percent-encoded. With an empty password nothing is
/// secret and nothing is remembered.
pub fn register_credentials(user: &str, password: &str) {
    with_secrets(|secrets| secrets.register_credentials(user, password));
}

/// Remembers the `user` of a source that has no password, so that it is hidden as `user@`, the
/// way a URL writes it, and as HTTP's basic authentication sends it. Give it as it is meant, not
/// percent-encoded. One shorter than 4 characters is hidden only after `://`, as anybody's is.
pub fn register_user(user: &str) {
    with_secrets(|secrets| secrets.register_user(user));
}

/// `text` with every secret replaced by `***`; secrets that touch become one.
pub fn mask(text: &str) -> Cow<'_, str> {
    SECRETS.read().unwrap_or_else(PoisonError::into_inner).mask(text)
}

fn with_secrets(change: impl FnOnce(&mut Secrets)) {
    change(&mut SECRETS.write().unwrap_or_else(PoisonError::into_inner));
}

/// What to hide. The process has one; tests have their own.
#[derive(Default)]
struct Secrets(Vec<Needle>);

impl Secrets {
    fn register(&mut self, secret: &str) {
        self.add_secret(secret);
        if let Ok(decoded) = percent_encoding::percent_decode_str(secret).decode_utf8() {
            self.add_secret(&decoded);
        }
    }

    fn register_credentials(&mut self, user: &str, password: &str) {
        if password.is_empty() {
            return;
        }
        self.add_secret(password);
        let both = format!("{user}:{password}");
        let basic = base64(both.as_bytes());
        if password.chars().count() >= SHORT {
            self.add(Needle::anywhere(&both));
            self.add(Needle::anywhere(&basic));
        } else {
            self.add(Needle::between("", &both, "@"));
            self.add(Needle::between("Basic ", &basic, ""));
        }
    }

    fn register_user(&mut self, user: &str) {
        if user.chars().count() >= SHORT {
            self.add(Needle::between("", user, "@"));
            self.add(Needle::between("Basic ", &base64(format!("{user}:").as_bytes()), ""));
        }
    }

    fn add_secret(&mut self, secret: &str) {
        match secret.chars().count() {
            0 => {}
            count if count < SHORT => self.add(Needle::between(":", secret, "@")),
            _ => self.add(Needle::anywhere(secret)),
        }
    }

    fn add(&mut self, needle: Needle) {
        if !self.0.contains(&needle) {
            self.0.push(needle);
        }
    }

    fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut hidden = places::find(text);
        for needle in &self.0 {
            needle.find_all(text.as_bytes(), &mut hidden);
        }
        if hidden.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(replace(text, hidden)) }
    }
}

/// Replaces the union of `hidden`: two secrets that overlap leave no half of either.
fn replace(text: &str, mut hidden: Vec<Range<usize>>) -> String {
    hidden.sort_unstable_by_key(|range| (range.start, range.end));
    let mut masked = String::with_capacity(text.len());
    let mut shown_from = 0;
    let mut masked_to = None;
    for range in hidden {
        // Adjoining ranges share one mask.
        if masked_to.is_none_or(|end| range.start > end) {
            masked.push_str(&text[shown_from..range.start]);
            masked.push_str(MASK);
        }
        shown_from = shown_from.max(range.end);
        masked_to = Some(shown_from);
    }
    masked.push_str(&text[shown_from..]);
    masked
}

/// Standard base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            text.push(if digit <= chunk.len() { DIGITS[value as usize] as char } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(credentials: &[(&str, &str)]) -> Secrets {
        let mut secrets = Secrets::default();
        for (user, password) in credentials {
            secrets.register_credentials(user, password);
        }
        secrets
    }

    #[test]
    fn advice_stays_readable() {
        let advice = "write rtsp://USER:PASSWORD@HOST/PATH";
        assert_eq!(mask(advice), advice);
    }

    #[test]
    fn a_secret_inside_a_longer_one_is_hidden_with_it() {
        register("hunter2");
        register("admin:hunter2");
        assert_eq!(mask("rtsp://admin:hunter2@cam/ and hunter2"), "rtsp://***@cam/ and ***");
        assert!(matches!(mask("nothing here"), Cow::Borrowed("nothing here")));
    }

    #[test]
    fn every_encoders_form_of_a_password_is_hidden() {
        let secrets = secrets(&[("jane doe", "p@ss w/örd+%")]);
        for form in [
            "p@ss w/örd+%",
            "p%40ss%20w%2Förd%2B%25",
            "p%40ss%20w%2f%c3%b6rd%2b%25",
            "p%40ss+w%2F%C3%B6rd%2B%25",
            "p@ss%20w/%C3%B6rd+%25",
            "%70%40%73%73%20%77%2F%C3%B6%72%64%2B%25",
            // Encoded once more, as a URL inside a URL's query is.
            "p%2540ss%2520w%252F%25C3%25B6rd%252B%2525",
            // As JSON may write it.
            r"p@ss w\/örd+%",
        ] {
            for user in ["", "jane doe:", "jane%20doe:", "jane+doe%3A"] {
                let line = format!("opening {user}{form} failed");
                assert_eq!(secrets.mask(&line), "opening *** failed", "{line}");
            }
        }
    }

    #[test]
    fn quotes_and_backslashes_are_hidden_as_debug_and_json_write_them() {
        let password = "say\"hi\\there";
        let secrets = secrets(&[("u", password)]);
        assert_eq!(secrets.mask(&format!("{password:?}")), "\"***\"");
        assert_eq!(secrets.mask(&serde_json::json!(password).to_string()), "\"***\"");
    }

    #[test]
    fn basic_authentication_is_hidden() {
        // The example of RFC 7617, section 2.
        let secrets = secrets(&[("Aladdin", "open sesame")]);
        assert_eq!(secrets.mask("sent QWxhZGRpbjpvcGVuIHNlc2FtZQ== twice"), "sent *** twice");
    }

    #[test]
    fn a_short_password_is_hidden_in_a_url_but_does_not_hide_the_log() {
        let secrets = secrets(&[("admin", "1"), ("a", "no")]);
        assert_eq!(
            secrets.mask("admin:1@cam port 8:10 no a:1 admin"),
            "***@cam port 8:10 no a:1 admin"
        );
        assert_eq!(secrets.mask("other:no%40cam"), "other:***%40cam");
        assert_eq!(
            secrets.mask("Basic YWRtaW46MQ== then YWRtaW46MQ=="),
            "Basic *** then YWRtaW46MQ=="
        );
        let mut lone = Secrets::default();
        lone.register("abc");
        assert_eq!(lone.mask("abc u:abc@host"), "abc u:***@host");
    }

    #[test]
    fn a_user_alone_is_hidden_in_a_url_and_not_in_ordinary_words() {
        let mut secrets = Secrets::default();
        secrets.register_user("percept");
        secrets.register_user("a b");
        assert_eq!(
            secrets.mask("percept is started, by percept"),
            "percept is started, by percept"
        );
        for url in ["rtsp://percept@cam/1", "rtsp://a%20b@cam/1"] {
            assert_eq!(secrets.mask(url), "rtsp://***@cam/1");
        }
        assert_eq!(secrets.mask("percept@cam, percept%40cam"), "***@cam, ***%40cam");
        assert_eq!(secrets.mask("a b@cam"), "a b@cam", "too short to be told from words");
        assert_eq!(secrets.mask("Basic cGVyY2VwdDo="), "Basic ***");
    }

    #[test]
    fn overlapping_secrets_leave_no_half_of_either() {
        let mut secrets = Secrets::default();
        secrets.register("abcdef");
        secrets.register("defghi");
        assert_eq!(secrets.mask("xabcdefghiy abcdefabcdef"), "x***y ***");
    }

    #[test]
    fn an_encoded_secret_is_also_known_decoded() {
        let mut secrets = Secrets::default();
        secrets.register("p%40ssword");
        assert_eq!(secrets.mask("p%40ssword p@ssword p%2540ssword"), "*** *** ***");
    }

    #[test]
    fn nothing_is_secret_without_a_password() {
        let mut secrets = secrets(&[("admin", "")]);
        secrets.register("");
        assert!(secrets.0.is_empty());
        assert_eq!(secrets.mask("admin: and more"), "admin: and more");
    }

    /// The test vectors of RFC 4648, section 10.
    #[test]
    fn base64_of_the_standards_examples() {
        for (plain, want) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), want);
        }
    }
}
