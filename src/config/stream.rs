//! `[[streams]]` and `[defaults]`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::checked::Stream;
use super::environment::Expanded;
use super::faults::{Faults, Place, Placed};
use super::keys;
use super::labels::LabelsTable;
use super::secret::Secret;
use super::walk::{Field, Table};
use crate::data::StreamId;
use crate::decode::{DecodeMode, Rect};
use crate::source::{Location, SourceSettings, Transport};
use crate::telemetry::redact;

pub(super) const HOP: RangeInclusive<Duration> =
    Duration::from_millis(20)..=Duration::from_secs(3600);
pub(super) const DEFAULT_HOP: Duration = Duration::from_secs(2);
const STALL: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);

const WHOLE: Rect = Rect { x: 0.0, y: 0.0, width: 1.0, height: 1.0 };

/// `x + width` of fractions such as 0.7 and 0.3 may end a little over 1.
const SLACK: f64 = 1e-6;

pub(super) const DECODES: [(&str, DecodeMode); 3] =
    [("auto", DecodeMode::Auto), ("all", DecodeMode::All), ("key_frames", DecodeMode::KeyFrames)];
const TRANSPORTS: [(&str, Transport); 2] = [("tcp", Transport::Tcp), ("udp", Transport::Udp)];

/// The keys that `[defaults]` shares with a stream; what is not said is `None`.
#[derive(Clone, Default)]
pub(super) struct Common {
    user: Option<Placed<Secret>>,
    password: Option<Placed<Secret>>,
    transport: Option<Transport>,
    stall_timeout: Option<Duration>,
    hop: Option<Placed<Duration>>,
    decode: Option<DecodeMode>,
    crop: Option<Rect>,
    masks: Option<Vec<Rect>>,
    options: BTreeMap<String, Placed<Secret>>,
    allow_hosts: Option<Vec<String>>,
    allow_files: Option<bool>,
    tls_verify: Option<bool>,
    ca_file: Option<Placed<PathBuf>>,
}

impl Common {
    pub fn read(table: &Table<'_>) -> Self {
        let get = |name| table.get(name);
        Self {
            user: get("user").and_then(|field| secret(&field, false)),
            password: get("password").and_then(|field| secret(&field, true)),
            transport: get("transport").and_then(|field| field.choice(&TRANSPORTS)),
            stall_timeout: get("stall_timeout").and_then(|field| field.duration(STALL)),
            hop: get("hop").and_then(|field| field.placed(field.duration(HOP))),
            decode: get("decode").and_then(|field| field.choice(&DECODES)),
            crop: get("crop").and_then(|field| crop(&field)),
            masks: get("mask").and_then(|field| masks(&field)),
            options: get("options").map(|field| options(&field)).unwrap_or_default(),
            allow_hosts: get("allow_hosts").and_then(|field| {
                let hosts = field.list("write a list such as [\"cdn.example.org\"]")?;
                Some(hosts.iter().filter_map(Field::text).collect())
            }),
            allow_files: get("allow_files").and_then(|field| field.flag()),
            tls_verify: get("tls_verify").and_then(|field| field.flag()),
            ca_file: get("ca_file").and_then(|field| field.placed(field.text().map(PathBuf::from))),
        }
    }

    fn over(self, defaults: &Self) -> Self {
        let defaults = defaults.clone();
        let mut options = defaults.options;
        options.extend(self.options);
        Self {
            user: self.user.or(defaults.user),
            password: self.password.or(defaults.password),
            transport: self.transport.or(defaults.transport),
            stall_timeout: self.stall_timeout.or(defaults.stall_timeout),
            hop: self.hop.or(defaults.hop),
            decode: self.decode.or(defaults.decode),
            crop: self.crop.or(defaults.crop),
            masks: self.masks.or(defaults.masks),
            options,
            allow_hosts: self.allow_hosts.or(defaults.allow_hosts),
            allow_files: self.allow_files.or(defaults.allow_files),
            tls_verify: self.tls_verify.or(defaults.tls_verify),
            ca_file: self.ca_file.or(defaults.ca_file),
        }
    }

    fn into_stream(self, name: StreamId, source: Placed<Secret>, place: Place) -> Stream {
        let hop = self.hop.unwrap_or_else(|| Placed { value: DEFAULT_HOP, place: place.clone() });
        Stream {
            name,
            source,
            has_source: true,
            pair: None,
            named: None,
            user: self.user,
            password: self.password,
            transport: self.transport.unwrap_or_default(),
            stall_timeout: self.stall_timeout.unwrap_or(SourceSettings::STALL_TIMEOUT),
            hop,
            decode: self.decode.unwrap_or_default(),
            crop: self.crop.filter(|crop| *crop != WHOLE),
            masks: self.masks.unwrap_or_default(),
            options: self.options,
            allow_hosts: self.allow_hosts.unwrap_or_default(),
            allow_files: self.allow_files.unwrap_or_default(),
            tls_verify: self.tls_verify.unwrap_or(true),
            ca_file: self.ca_file,
            labels: Default::default(),
            place,
        }
    }
}

impl Stream {
    /// With the defaults for everything but name and source.
    pub(super) fn plain(name: StreamId, source: Placed<Secret>) -> Self {
        let place = source.place.clone();
        Common::default().into_stream(name, source, place)
    }
}

/// Reads one stream. Without a name it is called `stream`, and it may lack its source: the rest of
/// it can be checked all the same.
pub(super) fn read(
    table: &Table<'_>,
    defaults: &Common,
    labels: &LabelsTable,
    faults: &mut Faults,
) -> Stream {
    let common = Common::read(table).over(defaults);
    let own = table.get("labels").and_then(|field| field.table(&keys::LABELS));
    let own = own.map(|table| LabelsTable::read(&table)).unwrap_or_default();
    let labels = own.over(labels, faults);
    let name = required(table, "name", "write name = \"door\"").and_then(|field| name(&field));
    let source = required(table, "source", "write source = \"rtsp://HOST/PATH\"");
    let source = source.and_then(|field| source_text(&field));
    if let Some(password) = &common.password
        && common.user.is_none()
    {
        let fix = "add user, or leave the password out";
        faults.push(&password.place, "a password without a user", fix);
    }
    if let Some(source) = &source
        && let Ok(Location::Microphone(_)) = Location::parse(source.value.expose())
    {
        refuse_of_microphone(table);
    }
    let pair = table.get("pair").and_then(|field| pair(&field));
    let name = name.unwrap_or_else(|| StreamId::new("stream").expect("a valid name"));
    let place = table.place.clone();
    let has_source = source.is_some();
    let source = source.unwrap_or_else(|| Placed { value: Secret::new(""), place: place.clone() });
    let mut stream = common.into_stream(name, source, place);
    stream.has_source = has_source;
    stream.pair = pair;
    stream.labels = labels;
    stream
}

/// Notes what a microphone has no use for; from `[defaults]` it is for the other streams.
fn refuse_of_microphone(table: &Table<'_>) {
    for name in ["transport", "decode", "crop", "mask", "options"] {
        if table.get(name).is_some() {
            table.fault(name, "is not for a microphone", format!("leave {name} out"));
        }
    }
}

fn required<'a>(table: &Table<'a>, name: &str, fix: &str) -> Option<Field<'a>> {
    let field = table.get(name);
    if field.is_none() {
        table.fault(name, "is missing", fix);
    }
    field
}

fn name(field: &Field<'_>) -> Option<StreamId> {
    let name = StreamId::new(&field.text()?);
    if name.is_err() {
        let fix = "write 1 to 64 of A-Z a-z 0-9 _ . - beginning with a letter or digit";
        field.wrong("cannot name a stream", fix);
    }
    name.ok()
}

/// A secret number or text, made known to [`redact`] where `hide` says so.
fn secret(field: &Field<'_>, hide: bool) -> Option<Placed<Secret>> {
    let text = field.scalar()?;
    if hide {
        redact::register(&text);
    }
    field.placed(Some(Secret::new(text)))
}

fn source_text(field: &Field<'_>) -> Option<Placed<Secret>> {
    let Expanded { text, values } = field.expanded()?;
    if text.trim().is_empty() {
        let place = &field.place;
        field.source().fault(place, "is empty", "write a URL, a path, a device or lavfi:GRAPH");
        return None;
    }
    // A variable within a URL may be a key in its path, which nothing else tells from a
    // name. Its host is no secret, and a log without it is of little use.
    if let Ok(url) = Url::parse(&text)
        && let Some(host) = url.host_str()
    {
        let address = url.port().map_or(host.into(), |port| format!("{host}:{port}"));
        // Beside a password it is a name; without one it may be a token.
        let user = percent_encoding::percent_decode_str(url.username()).decode_utf8_lossy();
        let named =
            |value: &str| url.password().is_some() && (value == user || value == url.username());
        let open = |value: &&String| {
            value.contains("://") || *value == host || **value == address || named(value)
        };
        values.iter().filter(|value| !open(value)).for_each(|value| redact::register(value));
    }
    field.placed(Some(Secret::new(text)))
}

fn pair(field: &Field<'_>) -> Option<Placed<Location>> {
    let text = field.text()?;
    match Location::parse(&text) {
        Ok(location @ Location::Microphone(_)) => field.placed(Some(location)),
        _ => {
            field.wrong("is no microphone", "write \"mic:\", or \"mic:NAME\" of `percept devices`");
            None
        }
    }
}

fn crop(field: &Field<'_>) -> Option<Rect> {
    let table = field.table(&keys::RECT)?;
    let side = |name, default| match table.get(name) {
        Some(field) => field.fraction(),
        None => Some(default),
    };
    let (x, y) = (side("x", 0.0), side("y", 0.0));
    let (width, height) = (side("width", 1.0 - x?), side("height", 1.0 - y?));
    rect(field, [x?, y?, width?, height?])
}

fn masks(field: &Field<'_>) -> Option<Vec<Rect>> {
    const FIX: &str = "write [[x, y, width, height]], fractions from 0 to 1";
    let masks = field.list(FIX)?.into_iter().filter_map(|mask| {
        let sides = mask.list(FIX)?;
        let numbers: Vec<_> = sides.iter().filter_map(Field::fraction).collect();
        match <[f64; 4]>::try_from(numbers) {
            Ok(sides) => rect(&mask, sides),
            Err(_) if sides.len() == 4 => None,
            Err(_) => {
                mask.wrong("does not have four numbers", FIX);
                None
            }
        }
    });
    Some(masks.collect())
}

fn rect(field: &Field<'_>, [x, y, width, height]: [f64; 4]) -> Option<Rect> {
    if width <= 0.0 || height <= 0.0 {
        field.wrong("is empty", "give width and height above 0");
        return None;
    }
    if x + width > 1.0 + SLACK || y + height > 1.0 + SLACK {
        field.wrong("reaches out of the picture", "keep x + width and y + height at 1 or less");
        return None;
    }
    let [x, y, width, height] = [x, y, width, height].map(|side| side as f32);
    Some(Rect { x, y, width: width.min(1.0 - x), height: height.min(1.0 - y) })
}

/// A value is made known to `redact` where it came from the environment: most options
/// are plain numbers.
fn options(field: &Field<'_>) -> BTreeMap<String, Placed<Secret>> {
    let Some(table) = field.table(&keys::OPTIONS_KEYS) else { return BTreeMap::new() };
    let options = table.rest().filter_map(|(name, field)| {
        let hide = field.has_variables();
        Some((name.to_owned(), secret(&field, hide)?))
    });
    options.collect()
}
