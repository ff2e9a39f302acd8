//! From checked settings to what each module takes, once the model's manifest is known.
//!
//! The one place where the configuration meets the file system and the manifest: sources
//! are looked for, folders become their clips, credentials are joined to URLs.

use url::Url;

use super::checked::{Checked, Stream};
use super::faults::{Faults, Placed};
use super::load::unused_name;
use super::secret::Secret;
use crate::data::manifest::{Output, Pictures, Sound};
use crate::data::{Manifest, StreamId};
use crate::decode::DecodeSettings;
use crate::model::ModelSettings;
use crate::publish::SinkSettings;
use crate::source::{self, Location, SourceSettings, Takes, Tls, Wanted};
use crate::telemetry::redact;
use crate::window::{Plan, SoundPlan};

/// What percent-encoding leaves as it is: RFC 3986's unreserved characters.
const ENCODED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One source to watch: a stream, or a clip of a stream that is a folder.
#[derive(Debug, Clone)]
pub struct Watch<'a> {
    pub name: StreamId,
    pub source: SourceSettings,
    pub stream: &'a Stream,
}

impl Checked {
    /// The model to load and how.
    pub fn model_settings(&self) -> ModelSettings {
        let mut settings = self.machine.model.clone();
        if let Some(model) = &self.model {
            settings.path.clone_from(&model.value);
        }
        settings
    }

    /// Every source to watch that was found, with its credentials, which are made known to
    /// [`redact`]; the others are faults. A folder's clips are called `folder-clip`, with a
    /// number where two would be the same; its pictures are one stream, `folder`.
    ///
    /// `takes`: which files of a folder are for the model; how many are not is logged.
    pub fn watches(&self, takes: Takes, faults: &mut Faults) -> Vec<Watch<'_>> {
        let mut watches: Vec<Watch<'_>> = Vec::new();
        for stream in self.streams.iter().filter(|stream| stream.has_source) {
            let Some(source) = stream.source_settings(faults) else { continue };
            let folder = matches!(source.location, Location::Folder(_));
            let found = match source::expand(&source.location, takes) {
                Ok(found) => found,
                Err(error) => {
                    faults.push(&stream.source.place, error.to_string(), "");
                    continue;
                }
            };
            if found.passed_over > 0 {
                let files = found.passed_over;
                tracing::warn!(stream = %stream.name, files, "files that the model does not take are passed over");
            }
            if !found.pictures.is_empty() {
                let location = Location::Pictures(found.pictures.into());
                let source = SourceSettings { location, ..source.clone() };
                watches.push(Watch { name: stream.name.clone(), source, stream });
            }
            for location in found.clips {
                let source = SourceSettings { location, ..source.clone() };
                let name = if folder {
                    let clip = source.location.default_stream_name();
                    let clip = format!("{}-{clip}", stream.name);
                    let clip: String = clip.chars().take(64).collect();
                    let used = |name: &str| {
                        watches.iter().any(|watch| watch.name.as_str() == name)
                            || self.streams.iter().any(|other| other.name.as_str() == name)
                    };
                    unused_name(&clip, used)
                } else {
                    stream.name.clone()
                };
                watches.push(Watch { name, source, stream });
            }
        }
        watches
    }

    /// The sinks, each checked to be writable; and whether each tells of windows.
    pub fn sinks(&self) -> Result<Vec<(SinkSettings, bool)>, Faults> {
        let mut faults = Faults::new();
        for sink in &self.sinks {
            if let Err(error) = sink.target.value.check() {
                let cause = std::error::Error::source(&error);
                let cause = cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
                faults.push(&sink.target.place, format!("{error}{cause}"), "");
            }
        }
        let sinks = self.sinks.iter().map(|sink| (sink.target.value.clone(), sink.windows));
        faults.or(sinks.collect())
    }
}

impl Stream {
    /// `None` after it has noted why the source cannot be used.
    fn source_settings(&self, faults: &mut Faults) -> Option<SourceSettings> {
        let parsed = match &self.named {
            None => Location::parse(self.source.value.expose()),
            Some(named) => Ok(named.clone()),
        };
        let location = match parsed {
            Ok(location) => self.with_credentials(location, faults),
            Err(error) => {
                faults.push(&self.source.place, error.to_string(), "");
                None
            }
        }?;
        if let Some(Placed { value, place }) = &self.ca_file
            && let Err(error) = std::fs::File::open(value)
        {
            let problem = format!("cannot read {}: {error}", value.display());
            faults.push(place, problem, "name a file of certificates in PEM");
        }
        location.hide();
        let options = self.options.iter();
        Some(SourceSettings {
            location,
            wanted: Wanted::Pictures,
            transport: self.transport,
            stall_timeout: self.stall_timeout,
            options: options.map(|(name, at)| (name.clone(), at.value.expose().into())).collect(),
            allow_hosts: self.allow_hosts.clone(),
            allow_files: self.allow_files,
            tls: Tls {
                verify: self.tls_verify,
                ca_file: self.ca_file.as_ref().map(|at| at.value.clone()),
            },
        })
    }

    /// Joins user and password to a URL. Shared ones from `[defaults]` give way to a URL's
    /// own, and are not for files; a stream's own are meant for it.
    fn with_credentials(&self, location: Location, faults: &mut Faults) -> Option<Location> {
        let Some(user) = &self.user else { return Some(location) };
        let shared = user.place.key().starts_with("defaults");
        match location {
            Location::Rtsp(url) | Location::Http(url) if !url.username().is_empty() && !shared => {
                let problem = "a user here and another one in the source's URL";
                faults.push(&user.place, problem, "leave one of them out");
                drop(url);
                None
            }
            Location::Rtsp(url) if url.username().is_empty() => {
                Some(Location::Rtsp(self.join(url, user)))
            }
            Location::Http(url) if url.username().is_empty() => {
                Some(Location::Http(self.join(url, user)))
            }
            Location::Rtsp(_) | Location::Http(_) => Some(location),
            _ if shared => Some(location),
            _ => {
                let problem = "a user for a source that is no rtsp or http URL";
                faults.push(&user.place, problem, "leave user and password out");
                None
            }
        }
    }

    fn join(&self, mut url: Url, user: &Placed<Secret>) -> Url {
        let encode = |secret: &Secret| {
            percent_encoding::utf8_percent_encode(secret.expose(), ENCODED).to_string()
        };
        let password = self.password.as_ref().map(|password| &password.value);
        // A URL with a host, as `Location` has them, takes both.
        let _ = url.set_username(&encode(&user.value));
        let _ = url.set_password(password.map(encode).as_deref());
        if let Some(password) = password {
            redact::register_credentials(user.value.expose(), password.expose());
        }
        url
    }

    /// How frames are sampled for a model with this input; a fault at the hop if they
    /// cannot be.
    pub fn plan(&self, input: &Pictures, faults: &mut Faults) -> Option<Plan> {
        let plan = Plan::new(input, self.hop.value);
        plan.map_err(|error| faults.push(&self.hop.place, error.to_string(), "")).ok()
    }

    /// What sound a window has for a model with this input; a fault at the hop if it cannot be.
    pub fn sound_plan(
        &self,
        input: &Sound,
        manifest: &Manifest,
        faults: &mut Faults,
    ) -> Option<SoundPlan> {
        let plan = SoundPlan::new(input, self.hop.value, manifest);
        plan.map_err(|error| faults.push(&self.hop.place, error.to_string(), "")).ok()
    }

    /// How frames are decoded for a model with this input.
    pub fn decode_settings(&self, input: &Pictures, plan: &Plan, threads: usize) -> DecodeSettings {
        DecodeSettings {
            mode: self.decode,
            crop: self.crop,
            masks: self.masks.clone(),
            interval: plan.interval,
            threads,
            ..DecodeSettings::of(input, plan.step)
        }
    }

    /// Notes what of the labels' settings does not fit a model with this output.
    pub fn check_labels(&self, output: &Output, faults: &mut Faults) {
        for fault in self.labels.settings.check(output) {
            let place = self.labels.places.get(fault.key()).unwrap_or(&self.place);
            // The place says the key.
            let problem = fault.to_string();
            let prefix = format!("{}: ", fault.key());
            faults.push(place, problem.strip_prefix(&prefix).unwrap_or(&problem), "");
        }
    }
}
