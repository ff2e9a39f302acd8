//! Where a stream comes from, as the user writes it.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::telemetry::redact;

/// Forms that [`Location::parse`] knows, for error messages.
const KNOWN: &str = "rtsp://, rtsps://, http://, https://, file://, lavfi:GRAPH, mic:NAME, \
                     /dev/videoN, or the path of a file or folder";

/// Shorter ones would mask half of every log line.
const LEAST_SECRET: usize = 3;

/// A place that pictures and sound come from.
///
/// `Debug` and `Display` show it without credentials.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// `rtsp` or `rtsps`.
    Rtsp(Url),
    /// `http` or `https`: a file, an HLS or DASH playlist, or a stream such as MJPEG.
    Http(Url),
    File(PathBuf),
    /// Every media file in it; see [`super::expand`].
    Folder(PathBuf),
    /// Single pictures or point clouds, looked at one after another; never written by a user, and never empty.
    Pictures(Arc<[PathBuf]>),
    /// A V4L2 device.
    Camera(PathBuf),
    /// A sound device by its name, as `percept devices` lists it; empty: the default.
    Microphone(String),
    /// An FFmpeg filter graph that makes pictures, run in real time.
    Lavfi(String),
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LocationError {
    #[error("source is empty: give one of {KNOWN}")]
    Empty,
    #[error("source {shown:?}: scheme {scheme:?} is not known: use one of {KNOWN}")]
    UnknownScheme { shown: String, scheme: String },
    #[error("source {shown:?} is not a URL ({why}): write {example}")]
    BadUrl { shown: String, why: String, example: &'static str },
    #[error("source {shown:?} has no host: write rtsp://HOST/PATH")]
    NoHost { shown: String },
    #[error("source {path:?} does not exist: check the path, or use one of {KNOWN}")]
    NotFound { path: PathBuf },
    #[error("source {path:?} cannot be read ({why}): check its permissions")]
    Unreadable { path: PathBuf, why: std::io::ErrorKind },
    #[error("source {path:?} is neither a file, a folder nor a camera (/dev/videoN)")]
    Unsuitable { path: PathBuf },
    #[error("folder {path:?} holds no media files: names must end in one of .mp4 .mkv .ts .jpg …")]
    EmptyFolder { path: PathBuf },
    #[error(
        "source {path:?} is single pictures only: this model wants clips; join pictures first, \
         for example with ffmpeg -pattern_type glob -i '*.jpg' clip.mp4, or take a model of one \
         frame"
    )]
    PicturesOnly { path: PathBuf },
    #[error("folder {path:?} holds {files} media file(s), but none that this model takes")]
    NothingForModel { path: PathBuf, files: usize },
}

impl Location {
    /// Reads what a user wrote. Looks at the file system to tell files, folders and
    /// cameras apart; a path that does not exist is an error.
    pub fn parse(text: &str) -> Result<Self, LocationError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(LocationError::Empty);
        }
        if let Some(graph) = text.strip_prefix("lavfi:") {
            if graph.is_empty() {
                return Err(LocationError::BadUrl {
                    shown: text.into(),
                    why: "no filter graph".into(),
                    example: "lavfi:testsrc2",
                });
            }
            return Ok(Self::Lavfi(graph.into()));
        }
        if let Some(name) = text.strip_prefix("mic:") {
            return Ok(Self::Microphone(name.into()));
        }
        if Path::new(text).exists() {
            return Self::from_path(Path::new(text));
        }
        let Some(scheme) = scheme_of(text) else {
            return Self::from_path(Path::new(text));
        };
        match scheme.to_ascii_lowercase().as_str() {
            "rtsp" | "rtsps" => Ok(Self::Rtsp(network_url(text)?)),
            "http" | "https" => Ok(Self::Http(network_url(text)?)),
            "file" => {
                let url = parse_url(text)?;
                let path = url.to_file_path().map_err(|()| LocationError::BadUrl {
                    shown: text.into(),
                    why: "not a path of this machine".into(),
                    example: "file:///path/clip.mp4",
                })?;
                Self::from_path(&path)
            }
            _ => Err(LocationError::UnknownScheme {
                shown: redact_text(text),
                scheme: scheme.into(),
            }),
        }
    }

    /// Reads an argument, which may be a path that is not UTF-8.
    pub fn parse_argument(argument: &OsStr) -> Result<Self, LocationError> {
        argument.to_str().map_or_else(|| Self::from_path(Path::new(argument)), Self::parse)
    }

    fn from_path(path: &Path) -> Result<Self, LocationError> {
        let owned = || path.to_path_buf();
        let kind = match std::fs::metadata(path) {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(LocationError::NotFound { path: owned() });
            }
            Err(error) => {
                return Err(LocationError::Unreadable { path: owned(), why: error.kind() });
            }
        };
        if kind.is_dir() {
            return Ok(Self::Folder(owned()));
        }
        if kind.is_file() {
            return Ok(Self::File(owned()));
        }
        #[cfg(unix)]
        if std::os::unix::fs::FileTypeExt::is_char_device(&kind) && is_camera_name(path) {
            return Ok(Self::Camera(owned()));
        }
        Err(LocationError::Unsuitable { path: owned() })
    }

    /// The kind of source, for the API: never an address.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Rtsp(_) => "rtsp",
            Self::Http(_) => "http",
            Self::File(_) => "file",
            Self::Folder(_) => "folder",
            Self::Pictures(_) => "pictures",
            Self::Camera(_) => "camera",
            Self::Microphone(_) => "microphone",
            Self::Lavfi(_) => "lavfi",
        }
    }

    /// Whether it is expected to go on for ever. HTTP counts as live until it turns out
    /// to be finite when opened: see `VideoTrack::live`.
    pub fn is_live(&self) -> bool {
        !matches!(self, Self::File(_) | Self::Folder(_) | Self::Pictures(_))
    }

    /// For people: no user, no password, no query value.
    pub fn redacted(&self) -> String {
        match self {
            Self::Rtsp(url) | Self::Http(url) => redact_url(url),
            Self::File(path) | Self::Folder(path) | Self::Camera(path) => {
                path.display().to_string()
            }
            Self::Microphone(name) if name.is_empty() => "mic: (default)".into(),
            Self::Microphone(name) => format!("mic:{name}"),
            Self::Pictures(files) => match &**files {
                [one] => one.display().to_string(),
                files => format!("{} files", files.len()),
            },
            Self::Lavfi(graph) => format!("lavfi:{graph}"),
        }
    }

    /// The credentials in it, in every form in which they could be printed: as written,
    /// decoded, alone and as `user:password`. A user name alone is none: see [`Self::hide`].
    pub fn secrets(&self) -> Vec<String> {
        let (Self::Rtsp(url) | Self::Http(url)) = self else { return Vec::new() };
        let mut found = Vec::new();
        let mut add = |secret: &str| {
            if secret.len() >= LEAST_SECRET && !found.iter().any(|known| known == secret) {
                found.push(secret.to_owned());
            }
        };
        let user = Forms::new(url.username());
        if let Some(password) = url.password() {
            let password = Forms::new(password);
            for user in user.all() {
                for password in password.all() {
                    add(&format!("{user}:{password}"));
                }
            }
            password.all().for_each(&mut add);
        }
        for value in secret_values(url) {
            Forms::new(value).all().for_each(&mut add);
        }
        found
    }

    /// Has [`redact`] hide its credentials wherever they stand, and a user without a password
    /// where a URL has it: some servers take a token there, but most a name, which may be an
    /// ordinary word.
    pub fn hide(&self) {
        self.secrets().iter().for_each(|secret| redact::register(secret));
        if let Self::Rtsp(url) | Self::Http(url) = self
            && url.password().is_none()
        {
            redact::register_user(&percent_decode_str(url.username()).decode_utf8_lossy());
        }
    }

    /// A valid stream name made of where it is, such as `cam.local-stream1`, `video0` or
    /// a file's stem.
    pub fn default_stream_name(&self) -> String {
        let name = match self {
            Self::Rtsp(url) | Self::Http(url) => {
                // Some cameras want the password in the path: that is no name.
                let mut path = url.path().to_owned();
                for value in secret_values(url).into_iter().filter(|value| !value.is_empty()) {
                    path = path.replace(value, "");
                }
                let path = path.trim_matches('/');
                let path = path
                    .rsplit_once('.')
                    .map_or(path, |(stem, suffix)| if suffix.contains('/') { path } else { stem });
                format!("{}-{path}", url.host_str().unwrap_or_default())
            }
            Self::File(path) => path.file_stem().unwrap_or_default().to_string_lossy().into(),
            Self::Folder(path) | Self::Camera(path) => {
                path.file_name().unwrap_or_default().to_string_lossy().into()
            }
            Self::Microphone(name) if name.is_empty() => "mic".into(),
            Self::Microphone(name) => format!("mic-{name}"),
            Self::Pictures(_) => "pictures".into(),
            Self::Lavfi(_) => "lavfi".into(),
        };
        stream_name(&name)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({})", self.redacted())
    }
}

/// One text as written in a URL, decoded, and encoded as strictly as anybody would.
struct Forms([String; 3]);

impl Forms {
    fn new(written: &str) -> Self {
        let decoded = percent_decode_str(written).decode_utf8_lossy().into_owned();
        let strict =
            percent_encoding::utf8_percent_encode(&decoded, percent_encoding::NON_ALPHANUMERIC)
                .to_string();
        Self([written.to_owned(), decoded, strict])
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// `scheme` of `scheme://…`, or of `scheme:…` where the scheme has two letters or more.
/// A path such as `C:\clip.mp4` counts too: it is no path here.
fn scheme_of(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    let looks = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let windows = scheme.len() == 1 && rest.starts_with(['\\', '/']);
    (looks && (scheme.len() > 1 || windows)).then_some(scheme)
}

fn parse_url(text: &str) -> Result<Url, LocationError> {
    Url::parse(text).map_err(|error| LocationError::BadUrl {
        shown: redact_text(text),
        why: error.to_string(),
        example: "rtsp://USER:PASSWORD@HOST/PATH, with characters such as @ or / in the password \
                  as %40 or %2F",
    })
}

fn network_url(text: &str) -> Result<Url, LocationError> {
    let url = parse_url(text)?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(LocationError::NoHost { shown: redact_url(&url) });
    }
    Ok(url)
}

fn is_camera_name(path: &Path) -> bool {
    let resolved = path.canonicalize();
    let path = resolved.as_deref().unwrap_or(path);
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("video"))
}

pub(super) fn redact_url(url: &Url) -> String {
    let mut text = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
    if let Some(port) = url.port() {
        text.push_str(&format!(":{port}"));
    }
    let mut path = url.path().to_owned();
    for value in secret_values(url).into_iter().filter(|value| !value.is_empty()) {
        path = path.replace(value, "***");
    }
    text.push_str(&path);
    if url.query().is_some() {
        text.push_str("?***");
    }
    text
}

/// A text that is no URL may still hold a password before its last `@`.
fn redact_text(text: &str) -> String {
    let (head, rest) = text.split_once("://").map_or(("", text), |(s, rest)| (s, rest));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let rest = rest.split_once('?').map_or(rest, |(path, _)| path);
    if head.is_empty() { rest.to_owned() } else { format!("{head}://{rest}") }
}

/// Values of `password=…` and the like, in the query and, as some recorders have it, in
/// the path (`/user=admin_password=xyz_channel=1.sdp`).
fn secret_values(url: &Url) -> Vec<&str> {
    let mut values = Vec::new();
    for pair in url.query().unwrap_or_default().split(['&', ';']) {
        if let Some((name, value)) = pair.split_once('=')
            && redact::is_secret_parameter(name)
        {
            values.push(value);
        }
    }
    for pair in url.path().split(['/', '&', '_']) {
        if let Some((name, value)) = pair.split_once('=')
            && redact::is_secret_parameter(name)
        {
            values.push(value);
        }
    }
    values
}

/// `text` as 1 to 64 of `A-Z a-z 0-9 _ . -`, beginning with a letter or digit.
fn stream_name(text: &str) -> String {
    let mut name = String::new();
    for c in text.chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '.' => name.push(c),
            _ if name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    let name = name.trim_start_matches(['-', '.', '_']);
    let name: String = name.chars().take(64).collect();
    let name = name.trim_end_matches(['-', '.']);
    if name.is_empty() { "stream".into() } else { name.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::StreamId;

    fn parse(text: &str) -> Location {
        Location::parse(text).unwrap()
    }

    #[test]
    fn a_password_in_the_path_is_in_no_name() {
        for url in [
            "rtsp://cam/user=admin&password=hunter2zz&channel=1&stream=0.sdp",
            "rtsp://cam/user=admin_password=hunter2zz_channel=1",
            "rtsp://cam/user=admin&api_key=hunter2zz",
            "rtsp://admin:hunter2zz@cam/live",
        ] {
            let name = Location::parse(url).unwrap().default_stream_name();
            assert!(name.starts_with("cam-") && !name.contains("hunter2"), "{name}");
        }
    }

    #[test]
    fn each_kind_is_told_from_its_form() {
        assert!(matches!(parse("rtsp://cam/1"), Location::Rtsp(_)));
        assert!(matches!(parse("RTSPS://cam/1"), Location::Rtsp(_)));
        assert!(matches!(parse("http://h/a.m3u8"), Location::Http(_)));
        assert_eq!(
            parse("lavfi:testsrc2=size=64x64"),
            Location::Lavfi("testsrc2=size=64x64".into())
        );
        let folder = tempfile::tempdir().unwrap();
        let clip = folder.path().join("a clip: one.mp4");
        std::fs::write(&clip, b"x").unwrap();
        assert_eq!(parse(folder.path().to_str().unwrap()), Location::Folder(folder.path().into()));
        assert_eq!(parse(clip.to_str().unwrap()), Location::File(clip.clone()));
        let url = Url::from_file_path(&clip).unwrap();
        assert_eq!(parse(url.as_str()), Location::File(clip));
        assert!(parse("lavfi:testsrc2").is_live() && !Location::File("a".into()).is_live());
    }

    #[test]
    fn what_is_not_known_is_refused_with_what_is() {
        for text in ["rtmp://h/x", "C:\\clips\\a.mp4", "ftp://u:hunter2@h/x", "mailto:me"] {
            let message = Location::parse(text).unwrap_err().to_string();
            assert!(message.contains("rtsp://") && message.contains("lavfi:"), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
        let missing = Location::parse("no/such/clip.mp4").unwrap_err();
        assert!(matches!(missing, LocationError::NotFound { .. }), "{missing}");
        assert!(matches!(Location::parse("  "), Err(LocationError::Empty)));
        assert!(matches!(Location::parse("/dev/null"), Err(LocationError::Unsuitable { .. })));
        for text in ["rtsp://", "rtsp://me:hunter2@:99/x", "http://me:hun@ter2@h:port/"] {
            let message = Location::parse(text).unwrap_err().to_string();
            assert!(!message.contains("hun"), "{message}");
        }
    }

    #[test]
    fn credentials_are_never_shown_and_are_known_in_every_form() {
        let location = parse("rtsp://admin:p%40ss%2Fword@cam.local:8554/stream1?token=t0ken&x=1");
        for shown in [location.redacted(), format!("{location:?}"), location.to_string()] {
            for secret in ["admin", "p%40ss", "p@ss", "t0ken"] {
                assert!(!shown.contains(secret), "{shown}");
            }
            assert!(shown.contains("cam.local:8554/stream1"), "{shown}");
        }
        let secrets = location.secrets();
        for form in
            ["p%40ss%2Fword", "p@ss/word", "admin:p@ss/word", "admin:p%40ss%2Fword", "t0ken"]
        {
            assert!(secrets.iter().any(|secret| secret == form), "{form}: {secrets:?}");
        }
        assert!(!secrets.iter().any(|secret| secret == "admin"), "a name is no secret");
    }

    #[test]
    fn short_passwords_are_hidden_only_with_their_user() {
        assert_eq!(parse("rtsp://root:x@cam/").secrets(), ["root:x"]);
        assert!(parse("rtsp://cam/1").secrets().is_empty());
    }

    #[test]
    fn a_user_alone_is_hidden_where_a_url_has_it() {
        let location = parse("rtsp://door-w%20ord@cam/1");
        location.hide();
        assert_eq!(location.redacted(), "rtsp://cam/1");
        assert_eq!(
            redact::mask("door-w ord: rtsp://door-w%20ord@cam/1"),
            "door-w ord: rtsp://***@cam/1"
        );
        assert_eq!(redact::mask("asked door-w%20ord@cam"), "asked ***@cam");
    }

    #[test]
    fn credentials_in_the_path_are_hidden() {
        let location = parse("rtsp://cam/user=admin_password=hunter2_channel=1_stream=0.sdp");
        assert!(!location.redacted().contains("hunter2"), "{location}");
        assert_eq!(location.secrets(), ["hunter2"]);
    }

    #[test]
    fn default_names_are_valid_and_tell_streams_apart() {
        let cases = [
            ("rtsp://u:p@cam.local/stream1", "cam.local-stream1"),
            ("rtsp://cam/", "cam"),
            ("http://h:80/live/door.m3u8?token=x", "h-live-door"),
            ("rtsp://[::1]:554/a", "1-a"),
            ("lavfi:testsrc2", "lavfi"),
        ];
        for (text, want) in cases {
            assert_eq!(parse(text).default_stream_name(), want);
        }
        for path in
            ["/x/.hidden", "/x/Ein Clip (1).mp4", "/x/ü.mp4", &format!("/{}", "y".repeat(99))]
        {
            let name = Location::File(path.into()).default_stream_name();
            assert!(StreamId::new(&name).is_ok(), "{path}: {name}");
        }
        assert_eq!(Location::Camera("/dev/video0".into()).default_stream_name(), "video0");
    }
}
