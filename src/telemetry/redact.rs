//! Keeps credentials out of everything that is written for people.
//!
//! Whoever learns of a secret registers it; whatever is logged passes through [`mask`].

use std::borrow::Cow;
use std::sync::{LazyLock, RwLock};

const MASK: &str = "***";

static SECRETS: LazyLock<RwLock<Vec<String>>> = LazyLock::new(Default::default);

/// Remembers `secret`, so that [`mask`] hides it. Empty strings are ignored.
pub fn register(secret: &str) {
    if secret.is_empty() {
        return;
    }
    let mut secrets = SECRETS.write().expect("no holder of this lock panics");
    if !secrets.iter().any(|known| known == secret) {
        secrets.push(secret.to_owned());
        // Longest first, so that a secret inside another does not spoil it.
        secrets.sort_by_key(|known| std::cmp::Reverse(known.len()));
    }
}

/// `text` with every registered secret replaced by `***`.
pub fn mask(text: &str) -> Cow<'_, str> {
    let secrets = SECRETS.read().expect("no holder of this lock panics");
    let mut masked = Cow::Borrowed(text);
    for secret in secrets.iter() {
        if masked.contains(secret.as_str()) {
            masked = Cow::Owned(masked.replace(secret.as_str(), MASK));
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_inside_a_longer_one_is_hidden_with_it() {
        register("hunter2");
        register("admin:hunter2");
        assert_eq!(mask("rtsp://admin:hunter2@cam/ and hunter2"), "rtsp://***@cam/ and ***");
        assert_eq!(mask("nothing here"), "nothing here");
    }
}
