//! `${NAME}` in a text stands for an environment variable, `$$` for a dollar sign.

/// Looks up an environment variable. Tests bring their own.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The process's environment. A value that is not UTF-8 counts as not set.
pub fn process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A text with its variables filled in, and what they held.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expanded {
    pub text: String,
    pub values: Vec<String>,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum ExpandError {
    #[error("the environment variable {0} is not set")]
    Unset(String),
    #[error("\"${{{0}}}\" does not name an environment variable")]
    Name(String),
    #[error("\"${{\" is never closed")]
    Open,
}

impl ExpandError {
    pub fn fix(&self) -> String {
        match self {
            Self::Unset(name) => format!("set it where percept is started: export {name}=…"),
            Self::Name(_) => {
                "a name has letters, digits and _ only; write $$ for a dollar sign".into()
            }
            Self::Open => "write \"${NAME}\", or $$ for a dollar sign".into(),
        }
    }
}

/// Fills in `text`; a `$` before anything but `{` and `$` stands for itself.
///
/// All variables that are missing are reported, not the first alone. What a variable
/// holds is taken as it is, not expanded again.
pub(super) fn expand(text: &str, lookup: Lookup<'_>) -> Result<Expanded, Vec<ExpandError>> {
    let mut expanded = Expanded { text: String::with_capacity(text.len()), values: Vec::new() };
    let mut errors = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            expanded.text.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let Some(end) = after.find('}') else {
                errors.push(ExpandError::Open);
                break;
            };
            let name = &after[..end];
            rest = &after[end + 1..];
            if !is_name(name) {
                errors.push(ExpandError::Name(name.into()));
            } else if let Some(value) = lookup(name) {
                expanded.text.push_str(&value);
                expanded.values.push(value);
            } else {
                errors.push(ExpandError::Unset(name.into()));
            }
        } else {
            expanded.text.push('$');
        }
    }
    expanded.text.push_str(rest);
    if errors.is_empty() { Ok(expanded) } else { Err(errors) }
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "USER" => Some("jane".into()),
            "ODD" => Some("${USER}$$".into()),
            _ => None,
        }
    }

    #[test]
    fn variables_are_filled_in_once_and_dollars_escaped() {
        for (text, want) in [
            ("plain", "plain"),
            ("a ${USER} b${USER}", "a jane bjane"),
            ("${ODD}", "${USER}$$"),
            ("5$ and $$ and $${USER}", "5$ and $ and ${USER}"),
            ("ends in $", "ends in $"),
        ] {
            assert_eq!(expand(text, &lookup).unwrap().text, want);
        }
        assert_eq!(expand("${USER}:x", &lookup).unwrap().values, ["jane"]);
    }

    #[test]
    fn every_missing_variable_is_reported() {
        let unset = |name: &str| ExpandError::Unset(name.into());
        assert_eq!(expand("${A}${B}", &lookup), Err(vec![unset("A"), unset("B")]));
        assert_eq!(expand("${A B}", &lookup), Err(vec![ExpandError::Name("A B".into())]));
        assert_eq!(expand("${}", &lookup), Err(vec![ExpandError::Name(String::new())]));
        assert_eq!(expand("${USER", &lookup), Err(vec![ExpandError::Open]));
    }
}
