//! Every key that the two kinds of files may have: the one table behind the reader, its
//! hints, `docs/configuration.md` and the test of the sample files.

use std::fmt::Write as _;

/// The keys of one table.
pub struct Keys {
    /// What the table is called in the reference, such as `[[streams]]`.
    pub title: &'static str,
    pub keys: &'static [Key],
    /// What further names may stand for, where the user may choose names.
    pub rest: Option<&'static str>,
    /// What such a name holds, where it is a table.
    pub rest_table: Option<&'static Keys>,
    pub rest_is_secret: bool,
}

pub struct Key {
    pub name: &'static str,
    /// What to write.
    pub form: &'static str,
    /// As it would be written; empty where there is none.
    pub default: &'static str,
    pub about: &'static str,
    /// Whether the value may hold a credential, and so is never shown.
    pub secret: bool,
    pub table: Option<&'static Keys>,
}

impl Keys {
    pub fn get(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    const fn closed(title: &'static str, keys: &'static [Key]) -> Self {
        Self { title, keys, rest: None, rest_table: None, rest_is_secret: false }
    }

    /// This table and all within it, each once.
    pub fn tables(&'static self) -> Vec<&'static Keys> {
        let mut tables = vec![self];
        let inner = self.keys.iter().filter_map(|key| key.table).chain(self.rest_table);
        for table in inner.flat_map(Keys::tables) {
            if !tables.iter().any(|known| known.title == table.title) {
                tables.push(table);
            }
        }
        tables
    }
}

const fn key(
    name: &'static str,
    form: &'static str,
    default: &'static str,
    about: &'static str,
) -> Key {
    Key { name, form, default, about, secret: false, table: None }
}

const fn secret(name: &'static str, form: &'static str, about: &'static str) -> Key {
    Key { name, form, default: "", about, secret: true, table: None }
}

const fn table(name: &'static str, table: &'static Keys, about: &'static str) -> Key {
    let form = if table.title.as_bytes()[1] == b'[' { "tables" } else { "table" };
    Key { name, form, default: "", about, secret: false, table: Some(table) }
}

/// `pipelines/*.toml`: what to watch.
pub static PIPELINE: Keys = Keys::closed(
    "top",
    &[
        key("model", "path", "", "The ONNX model file; left out: the default model"),
        table("defaults", &DEFAULTS, "What a stream has that does not say otherwise"),
        table("labels", &LABELS, "When labels start and end, on all streams"),
        table("streams", &STREAM, "What to watch; at least one"),
        table("sinks", &SINK, "Where events go; left out: standard output; `sinks = []`: nowhere"),
    ],
);

const USER: Key = secret("user", "text", "Joined to the URL, percent-encoded");
const PASSWORD: Key = secret("password", "text", "Joined to the URL, percent-encoded");
const TRANSPORT: Key = key("transport", "`tcp` or `udp`", "\"tcp\"", "How RTSP brings its packets");
const STALL_TIMEOUT: Key = key(
    "stall_timeout",
    "duration",
    "\"10s\"",
    "A source that is silent for so long is given up and opened again",
);
const HOP: Key = key("hop", "duration", "\"2s\"", "Time from one look to the next");
const DECODE: Key = key(
    "decode",
    "`auto`, `all` or `key_frames`",
    "\"auto\"",
    "Which frames are decoded; `auto`: key frames alone where that is enough",
);
const CROP: Key = table("crop", &RECT, "The part of the picture that the model sees");
const MASK: Key = key(
    "mask",
    "list of `[x, y, width, height]`",
    "[]",
    "Parts painted grey, such as a burnt-in clock; fractions of the whole picture",
);
const OPTIONS: Key = table("options", &OPTIONS_KEYS, "Further options for FFmpeg");
const ALLOW_HOSTS: Key =
    key("allow_hosts", "list of text", "[]", "Other hosts that a playlist may lead to");
const ALLOW_FILES: Key =
    key("allow_files", "true or false", "false", "Whether a playlist may lead to files");
const TLS_VERIFY: Key = key(
    "tls_verify",
    "true or false",
    "true",
    "Whether an HTTPS server must show a certificate that can be trusted",
);
const CA_FILE: Key = key(
    "ca_file",
    "path",
    "",
    "Certificates to trust, in PEM; left out: the system's. A path is as seen from the program",
);

pub static DEFAULTS: Keys = Keys::closed(
    "[defaults]",
    &[
        USER,
        PASSWORD,
        TRANSPORT,
        STALL_TIMEOUT,
        HOP,
        DECODE,
        CROP,
        MASK,
        OPTIONS,
        ALLOW_HOSTS,
        ALLOW_FILES,
        TLS_VERIFY,
        CA_FILE,
    ],
);

pub static STREAM: Keys = Keys::closed(
    "[[streams]]",
    &[
        key("name", "text", "", "What logs, metrics and events call it; required, unique"),
        secret(
            "source",
            "text",
            "rtsp(s):// or http(s):// URL, clip, picture, folder, /dev/video0, mic:NAME or lavfi:…; required",
        ),
        key(
            "pair",
            "`mic:` or `mic:NAME`",
            "",
            "A microphone that is heard with a camera, by the time of capture",
        ),
        USER,
        PASSWORD,
        TRANSPORT,
        STALL_TIMEOUT,
        HOP,
        DECODE,
        CROP,
        MASK,
        OPTIONS,
        ALLOW_HOSTS,
        ALLOW_FILES,
        TLS_VERIFY,
        CA_FILE,
        table("labels", &LABELS, "When labels start and end, on this stream"),
    ],
);

pub static RECT: Keys = Keys::closed(
    "crop",
    &[
        key("x", "0 to 1", "0.0", "Left edge, a fraction of the picture's width"),
        key("y", "0 to 1", "0.0", "Top edge, a fraction of its height"),
        key("width", "0 to 1", "1.0", "A fraction of the picture's width"),
        key("height", "0 to 1", "1.0", "A fraction of its height"),
    ],
);

pub static OPTIONS_KEYS: Keys = Keys {
    title: "options",
    keys: &[],
    rest: Some("FFmpeg's own option names"),
    rest_table: None,
    rest_is_secret: true,
};

pub static LABELS: Keys = Keys {
    title: "[labels] and [streams.labels]",
    keys: &[
        ENTER,
        LEAVE,
        START_AFTER,
        END_AFTER,
        key(
            "watch",
            "list of labels",
            "",
            "Labels that may start and end and have metrics; left out: all, with metrics of at most 64",
        ),
        key("ignore", "list of labels", "[]", "Labels of which nothing is said"),
        key(
            "top_k",
            "1 to 10000",
            "",
            "Best scores that a look tells; left out: all, or 5 of a softmax model",
        ),
    ],
    rest: Some("a table for each label that differs, such as [labels.shaking]"),
    rest_table: Some(&LABEL),
    rest_is_secret: false,
};

const ENTER: Key =
    key("enter", "0 to 1", "", "Score from which a label may start; left out: the model's own");
const LEAVE: Key = key(
    "leave",
    "0 to 1",
    "",
    "Score below which it recovers, at most `enter`; left out: the model's own",
);
const START_AFTER: Key = key(
    "start_after",
    "duration",
    "",
    "How long it must hold before it starts; left out: the model's own, else 2 s",
);
const END_AFTER: Key = key(
    "end_after",
    "duration",
    "",
    "How long a recovery must hold before it ends; left out: the model's own, else 4 s",
);

pub static LABEL: Keys = Keys::closed(
    "[labels.LABEL] and [streams.labels.LABEL]",
    &[ENTER, LEAVE, START_AFTER, END_AFTER],
);

pub static SINK: Keys = Keys::closed(
    "[[sinks]]",
    &[
        key("type", "`stdout` or `file`", "", "Required"),
        key("path", "path", "", "`file`: appended to, made if missing; required"),
        key("windows", "true or false", "true", "Whether each look's scores are written too"),
    ],
);

/// `config/percept.toml`: how this machine runs.
pub static MACHINE: Keys = Keys::closed(
    "top",
    &[
        table("model", &MODEL, "How the model runs"),
        table("batch", &BATCH, "How windows of several streams are run together"),
        table("decode", &DECODER, "How video is decoded"),
        table("http", &HTTP, "Metrics, health and status"),
        table("reconnect", &RECONNECT, "How soon a lost stream is tried again"),
        table("log", &LOG, "What is written to standard error"),
        table("shutdown", &SHUTDOWN, "How the program ends"),
    ],
);

pub static MODEL: Keys = Keys::closed(
    "[model]",
    &[
        key("threads", "1 to 1024", "", "Threads of the model; left out: one a core"),
        key(
            "library",
            "path",
            "",
            "ONNX Runtime's shared library, or its folder; left out: `ORT_DYLIB_PATH`, then the usual places",
        ),
        table("providers", &PROVIDER, "What the model runs on: the first that works"),
    ],
);

pub static PROVIDER: Keys = Keys::closed(
    "[[model.providers]]",
    &[
        key("kind", "`cuda` or `cpu`", "", "Required"),
        key(
            "need",
            "`required` or `preferred`",
            "\"preferred\"",
            "`required`: the program ends where it does not work",
        ),
    ],
);

pub static BATCH: Keys = Keys::closed(
    "[batch]",
    &[
        key("max_windows", "1 to 1024", "8", "Windows run together at most"),
        key("max_wait", "duration", "\"20ms\"", "How long a window waits for others"),
    ],
);

pub static DECODER: Keys =
    Keys::closed("[decode]", &[key("threads", "1 to 64", "1", "Decoder threads a stream")]);

pub static HTTP: Keys = Keys::closed(
    "[http]",
    &[
        key("listen", "address and port, or `off`", "\"127.0.0.1:9184\"", "Where to listen"),
        key("ready_share", "0 to 1", "0.5", "Share of streams that must be up for /readyz"),
    ],
);

pub static RECONNECT: Keys = Keys::closed(
    "[reconnect]",
    &[
        key("first", "duration", "\"1s\"", "The first wait; each further one is twice as long"),
        key("most", "duration", "\"1m\"", "The longest wait, at least `first`"),
        key(
            "unauthorized",
            "duration",
            "\"5m\"",
            "The wait after a wrong password: cameras lock accounts that try too often",
        ),
    ],
);

pub static LOG: Keys = Keys::closed(
    "[log]",
    &[
        key(
            "level",
            "`off`, `error`, `warn`, `info`, `debug` or `trace`",
            "\"info\"",
            "How much; or directives such as `info,percept::source=debug`",
        ),
        key("format", "`text` or `json`", "\"text\"", "For people, or for programs"),
    ],
);

pub static SHUTDOWN: Keys = Keys::closed(
    "[shutdown]",
    &[key(
        "deadline",
        "duration",
        "\"10s\"",
        "Time to finish what was accepted, from a signal on. Files that end by themselves wait for \
         whoever reads the events, and give up a sink that fails after this time",
    )],
);

/// The reference of one kind of file: a Markdown table a table.
pub fn reference(file: &'static Keys) -> String {
    let mut text = String::new();
    for table in file.tables() {
        let _ = writeln!(text, "**{}**\n", table.title);
        let _ = writeln!(text, "| key | value | default | |\n| --- | --- | --- | --- |");
        for key in table.keys {
            let default = match key.default {
                "" => String::new(),
                default => format!("`{default}`"),
            };
            let _ = writeln!(text, "| `{}` | {} | {default} | {} |", key.name, key.form, key.about);
        }
        if let Some(rest) = table.rest {
            let _ = writeln!(text, "| … | | | {rest} |");
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}
