//! Finds credentials that nobody registered by the place where they stand.
//!
//! Redirects, playlists and cameras' own replies bring URLs that no setting ever held.

use std::ops::Range;

/// Query parameters whose value is a credential, in lower case.
const PARAMETERS: [&str; 14] = [
    "password",
    "passwd",
    "pass",
    "pwd",
    "pw",
    "token",
    "access_token",
    "auth",
    "secret",
    "api_key",
    "apikey",
    "key",
    "sig",
    "signature",
];

/// Whether a URL's parameter of this name holds a credential.
pub fn is_secret_parameter(name: &str) -> bool {
    PARAMETERS.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Places of `user:password` in URLs, values of [`PARAMETERS`] and tokens of
/// `Basic` and `Bearer` authorization in `text`.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    user_info(text, &mut found);
    parameters(text, &mut found);
    authorization(text, &mut found);
    found
}

/// What messages tell people to write stays readable.
const ADVICE: [&str; 2] = ["USER:PASSWORD", "user:password"];

/// `user:password` of `scheme://user:password@host` (RFC 3986, section 3.2.1), up to the
/// last `@` before the path, as a password may hold an unencoded one.
fn user_info(text: &str, found: &mut Vec<Range<usize>>) {
    for (scheme_end, separator) in text.match_indices("://") {
        let start = scheme_end + separator.len();
        let authority = until(&text[start..], |c| "/?#\"'`<>\\".contains(c) || c.is_whitespace());
        if let Some(length) = authority.rfind('@')
            && length > 0
            && !ADVICE.contains(&&authority[..length])
        {
            found.push(start..start + length);
        }
    }
}

/// Values in `?password=…`, `&pwd=…`, and `/user=admin&password=…` as some recorders want it.
fn parameters(text: &str, found: &mut Vec<Range<usize>>) {
    for (equals, _) in text.match_indices('=') {
        let before = &text[..equals];
        let Some(separator) = before.rfind(['?', '&', '/', ';']) else { continue };
        let name = &before[separator + 1..];
        if !is_secret_parameter(name) {
            continue;
        }
        let start = equals + 1;
        let value = until(&text[start..], |c| "&#\"'`<>\\".contains(c) || c.is_whitespace());
        if !value.is_empty() {
            found.push(start..start + value.len());
        }
    }
}

/// The token in `Authorization: Basic …` and `Bearer …` (RFC 9110, section 11.6.2).
fn authorization(text: &str, found: &mut Vec<Range<usize>>) {
    const HEADER: &str = "authorization: ";
    let lower = text.to_ascii_lowercase();
    for (at, header) in lower.match_indices(HEADER) {
        let rest = &lower[at + header.len()..];
        let Some(scheme) = ["basic ", "bearer "].iter().find(|scheme| rest.starts_with(**scheme))
        else {
            continue;
        };
        let start = at + header.len() + scheme.len();
        let token = until(&text[start..], |c| "\"'\\".contains(c) || c.is_whitespace());
        if !token.is_empty() {
            found.push(start..start + token.len());
        }
    }
}

fn until(text: &str, ends: impl Fn(char) -> bool) -> &str {
    &text[..text.find(ends).unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str) -> Vec<&str> {
        find(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn user_and_password_of_any_url_are_found() {
        assert_eq!(hidden("to rtsp://u:p@ss@[::1]:554/a@b, http://x@h"), ["u:p@ss", "x"]);
        assert_eq!(hidden(r#"{"url":"rtsp://u:p@h"}"#), ["u:p"]);
        assert_eq!(hidden("rtsp://cam/path?at=a@b rtsp://cam me@home é://ü@ö"), ["ü"]);
    }

    #[test]
    fn credentials_in_a_query_are_found() {
        assert_eq!(
            hidden(
                "http://h/snap?user=admin&PWD=s3cret&x=1 rtsp://h/user=a&password=b=c&channel=1"
            ),
            ["s3cret", "b=c"],
        );
        assert_eq!(hidden("monkey=1 a?monkey=1 key=2 a?token=&b"), [""; 0]);
    }

    #[test]
    fn tokens_of_authorization_headers_are_found() {
        assert_eq!(
            hidden("AUTHORIZATION: Basic dTpw\r\nAuthorization: bearer abc\\r\\n"),
            ["dTpw", "abc"],
        );
        assert_eq!(hidden("Authorization: Digest username=\"u\""), [""; 0]);
    }
}
