//! What a source may lead to: protocols, demuxers, and the URLs of a playlist.

use url::Url;

use super::location::redact_url;
use super::{Location, SourceSettings};

/// Something that a playlist or a redirect led to and that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("it leads to the host {host}: add \"{host}\" to allow_hosts if that is meant")]
    Host { host: String },
    #[error("it redirects to {target}: add \"{host}\" to allow_hosts if that is meant")]
    Redirect {
        /// Without credentials.
        target: String,
        host: String,
    },
    #[error("it leads to an address that can be read in two ways, which is never followed")]
    Ambiguous,
    #[error(
        "its certificate {}: name the file of its signer's certificate in ca_file, or set \
         tls_verify = false to trust whoever answers",
        if *of_another { "names another host" } else { "is signed by nobody known, or is out of date" }
    )]
    Certificate { of_another: bool },
    #[error("it leads to a local file: set allow_files = true if that is meant")]
    File,
    #[error("it leads to a URL of scheme {scheme:?}, which is never followed")]
    Scheme { scheme: String },
    #[error(
        "it leads to {target}, whose name does not end as that of a media file: set the option \
         {option} if that is meant"
    )]
    Suffix {
        /// Without credentials.
        target: String,
        /// FFmpeg's, with the value that allows it.
        option: &'static str,
    },
}

/// Judges every URL that FFmpeg opens on behalf of one source.
#[derive(Debug)]
pub struct Policy {
    /// As given to FFmpeg.
    top: String,
    host: Option<String>,
    allow_hosts: Vec<String>,
    allow_files: bool,
}

impl Policy {
    /// `top` is what FFmpeg is told to open.
    pub fn new(settings: &SourceSettings, top: &str) -> Self {
        Self {
            top: top.to_owned(),
            host: host_of(top),
            allow_hosts: settings.allow_hosts.iter().map(|host| host.to_lowercase()).collect(),
            allow_files: settings.allow_files,
        }
    }

    /// Whether `url` may be opened.
    pub fn judge(&self, url: &str) -> Result<(), Refusal> {
        if url == self.top {
            return Ok(());
        }
        // AES-128 segments come as crypto+URL or crypto:URL.
        let inner = url.strip_prefix("crypto+").or_else(|| url.strip_prefix("crypto:"));
        let url = inner.unwrap_or(url);
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
        match scheme.as_str() {
            "http" | "https" => {
                let Some(host) = host_of(url) else { return Err(Refusal::Ambiguous) };
                if self.host.as_ref() == Some(&host) || self.allow_hosts.contains(&host) {
                    Ok(())
                } else {
                    Err(Refusal::Host { host })
                }
            }
            // The bytes are in the URL itself.
            "data" => Ok(()),
            "" | "file" if self.allow_files => Ok(()),
            "" | "file" => Err(Refusal::File),
            _ if !scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) => {
                // A path with a colon in it.
                if self.allow_files { Ok(()) } else { Err(Refusal::File) }
            }
            _ => Err(Refusal::Scheme { scheme }),
        }
    }

    /// Why FFmpeg itself opens no `url`: because of what is judged here too, or for its name, which
    /// `option` would allow.
    pub fn judge_blocked(&self, url: &str, option: &'static str) -> Refusal {
        let shown = |url: &str| match Url::parse(url) {
            Ok(url) if url.has_host() => redact_url(&url),
            Ok(url) if url.scheme() != "file" => format!("a URL of scheme {:?}", url.scheme()),
            _ => "a local file".into(),
        };
        self.judge(url).err().unwrap_or_else(|| Refusal::Suffix { target: shown(url), option })
    }

    /// Whether a redirect to `target`, an absolute URL, may be followed: to hosts only.
    pub fn judge_redirect(&self, target: &str) -> Result<(), Refusal> {
        if is_ambiguous(target) {
            return Err(Refusal::Ambiguous);
        }
        let scheme = target.split_once(':').map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
        if !matches!(scheme.as_str(), "http" | "https" | "rtsp" | "rtsps") {
            return Err(Refusal::Scheme { scheme });
        }
        self.judge_host(target).map_err(|refusal| match (refusal, Url::parse(target)) {
            (Refusal::Host { host }, Ok(url)) => {
                Refusal::Redirect { target: redact_url(&url), host }
            }
            (refusal, _) => refusal,
        })
    }

    /// Whether `url` is on the source's own server: the only place that the source's own headers
    /// are for.
    pub fn is_own(&self, url: &str) -> bool {
        if is_ambiguous(url) {
            return false;
        }
        matches!((Url::parse(&self.top), Url::parse(url)), (Ok(top), Ok(url)) if is_same_server(&top, &url))
    }

    /// Whether a connection that was redirected may be read: `url` is where it ended.
    pub fn judge_host(&self, url: &str) -> Result<(), Refusal> {
        match host_of(url) {
            None if is_ambiguous(url) => Err(Refusal::Ambiguous),
            None => Ok(()),
            Some(host) if self.host.as_ref() == Some(&host) => Ok(()),
            Some(host) if self.allow_hosts.contains(&host) => Ok(()),
            Some(host) => Err(Refusal::Host { host }),
        }
    }
}

/// FFmpeg reads a backslash or a blank as part of the host, others as its end: what reads
/// differently names no host.
fn is_ambiguous(url: &str) -> bool {
    url.contains(|c: char| c == '\\' || c.is_control() || c.is_whitespace())
}

/// Whether `to` is the server that `from` is: by scheme, host and port, since another port may be
/// another's. From HTTP to HTTPS at their usual ports it is the same one, made safe.
pub fn is_same_server(from: &Url, to: &Url) -> bool {
    let upgrade = (from.scheme(), to.scheme()) == ("http", "https");
    let ports = (from.port_or_known_default(), to.port_or_known_default());
    from.host().is_some()
        && from.host() == to.host()
        && (from.scheme() == to.scheme() && ports.0 == ports.1
            || upgrade && ports == (Some(80), Some(443)))
}

fn host_of(url: &str) -> Option<String> {
    if is_ambiguous(url) {
        return None;
    }
    Url::parse(url).ok()?.host_str().map(str::to_lowercase)
}

/// FFmpeg's `protocol_whitelist` for a source; `None` where nothing is to be limited.
pub fn protocols(settings: &SourceSettings) -> Option<String> {
    const HTTP: &str = "http,https,tcp,tls,httpproxy";
    let mut list = match &settings.location {
        Location::Rtsp(_) => "rtsp,rtsps,rtp,srtp,udp,tcp,tls".to_owned(),
        Location::Http(_) => format!("{HTTP},crypto,data"),
        Location::File(_) | Location::Folder(_) | Location::Pictures(_) => {
            "file,crypto,data".to_owned()
        }
        // Devices and graphs are opened by name, through no protocol.
        Location::Camera(_) | Location::Microphone(_) | Location::Lavfi(_) => return None,
    };
    if matches!(settings.location, Location::Http(_)) && settings.allow_files {
        list.push_str(",file");
    }
    if matches!(settings.location, Location::File(_)) && !settings.allow_hosts.is_empty() {
        list = format!("{list},{HTTP}");
    }
    Some(list)
}

/// Demuxers that open further files or URLs past [`Policy`], or that make pictures of
/// plain text.
pub const REFUSED_DEMUXERS: [&str; 5] = ["concat", "avisynth", "vapoursynth", "imf", "tty"];

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(location: &str, hosts: &[&str], files: bool) -> Policy {
        let settings = SourceSettings {
            allow_hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            allow_files: files,
            ..SourceSettings::new(Location::parse(location).unwrap())
        };
        Policy::new(&settings, location)
    }

    #[test]
    fn a_playlist_stays_on_its_host() {
        let policy = policy("http://cam/live.m3u8", &["CDN.example"], false);
        for url in [
            "http://cam/live.m3u8",
            "http://CAM:8080/1.ts",
            "https://cam/1.ts",
            "https://cdn.example/1.ts",
            "crypto+http://cam/1.ts",
            "data:text/plain;base64,AAAA",
        ] {
            assert_eq!(policy.judge(url), Ok(()), "{url}");
        }
        let host = |host: &str| Err(Refusal::Host { host: host.into() });
        assert_eq!(policy.judge("http://evil/1.ts"), host("evil"));
        // FFmpeg would connect to evil, a browser to cam.
        for url in ["http://cam\\@evil/1.ts", "http://cam:80\\.x@evil/1.ts", "http://cam\t@evil/"] {
            assert_eq!(policy.judge(url), Err(Refusal::Ambiguous), "{url}");
            assert_eq!(policy.judge_host(url), Err(Refusal::Ambiguous), "{url}");
            assert_eq!(policy.judge_redirect(url), Err(Refusal::Ambiguous), "{url}");
        }
        assert_eq!(policy.judge("crypto:http://evil/1.ts"), host("evil"));
        assert_eq!(policy.judge("http://cam@evil/1.ts"), host("evil"));
        assert_eq!(policy.judge("http://169.254.169.254/meta"), host("169.254.169.254"));
        for url in ["/etc/passwd", "file:///etc/passwd", "crypto:/etc/passwd", "a b:c"] {
            assert_eq!(policy.judge(url), Err(Refusal::File), "{url}");
        }
        for url in
            ["concat:a|b", "subfile,,start,0,end,9,,:/etc/passwd", "gopher://h/", "tcp://cam:1"]
        {
            assert!(policy.judge(url).is_err(), "{url}");
        }
    }

    #[test]
    fn redirects_stay_on_the_host_and_headers_too() {
        let policy = policy("https://cam/live.m3u8", &["cdn"], true);
        for target in ["https://CAM/1", "http://cam/1", "https://cdn/1"] {
            assert_eq!(policy.judge_redirect(target), Ok(()), "{target}");
        }
        let refusal = policy.judge_redirect("http://u:hunter2@evil:81/1?key=hunter2").unwrap_err();
        let told = refusal.to_string();
        assert!(told.contains("http://evil:81/1") && told.contains("\"evil\""), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
        for target in ["file:///etc/passwd", "gopher://cam/1", "/etc/passwd"] {
            assert!(policy.judge_redirect(target).is_err(), "{target}");
        }
        assert!(policy.is_own("https://u:p@CAM:443/2"));
        for other in [
            "https://cam:8443/2",
            "http://cam/2",
            "https://cdn/2",
            "https://cam@cdn/2",
            "https://cam\\@cdn/2",
        ] {
            assert!(!policy.is_own(other), "{other}");
        }
    }

    #[test]
    fn what_ffmpeg_blocks_by_its_name_is_refused_for_where_it_lies_first() {
        let policy = policy("http://cam/live.m3u8", &[], false);
        let blocked = |url: &str| policy.judge_blocked(url, "picky = 0");
        assert_eq!(blocked("file:///etc/passwd"), Refusal::File);
        assert_eq!(blocked("http://cdn/key"), Refusal::Host { host: "cdn".into() });
        let told = blocked("http://u:hunter2@cam/key?token=hunter2").to_string();
        assert!(told.contains("http://cam/key") && told.contains("option picky = 0"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
        assert!(blocked("data:text/plain,hunter2").to_string().contains("scheme \"data\""));
    }

    #[test]
    fn a_server_is_its_scheme_host_and_port() {
        let same = |from: &str, to: &str| {
            is_same_server(&Url::parse(from).unwrap(), &Url::parse(to).unwrap())
        };
        assert!(
            same("http://cam/a", "http://cam:80/b") && same("http://cam:8080", "http://cam:8080")
        );
        assert!(same("http://cam/a", "https://cam/a"), "made safe");
        for (from, to) in [
            ("http://cam:8080", "http://cam:8081"),
            ("http://cam:8080", "https://cam"),
            ("https://cam", "http://cam"),
            ("http://cam", "http://cam.evil"),
        ] {
            assert!(!same(from, to), "{from} {to}");
        }
    }

    #[test]
    fn local_playlists_may_be_allowed_files_and_hosts() {
        let settings = SourceSettings {
            allow_files: true,
            allow_hosts: vec!["cdn".into()],
            ..SourceSettings::new(Location::File("a.m3u8".into()))
        };
        let policy = Policy::new(&settings, "file:a.m3u8");
        assert_eq!(policy.judge("file:b.ts"), Ok(()));
        assert_eq!(policy.judge("b.ts"), Ok(()));
        assert_eq!(policy.judge("http://cdn/b.ts"), Ok(()));
        assert!(policy.judge("http://other/b.ts").is_err());
        assert!(protocols(&settings).unwrap().contains("https"));
        let plain = SourceSettings::new(Location::File("a.m3u8".into()));
        assert_eq!(protocols(&plain).unwrap(), "file,crypto,data");
    }
}
