//! A real Prometheus scrapes a real server, with the files of `deploy/`.
//!
//! ```text
//! Metrics ──► web::serve ◄── scrape ── prometheus ◄── queries ── this test
//! ```

#[path = "common/http.rs"]
mod http;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use percept::data::StreamId;
use percept::telemetry::metrics::Metrics;
use percept::web::{self, Snapshot, WebState};

/// How long anything may take before the test gives up; nothing waits this long.
const PATIENCE: Duration = Duration::from_secs(120);

/// Ends with the test, however that ends.
struct Prometheus {
    process: Child,
    address: SocketAddr,
    /// Its log so far, and then what comes.
    log: mpsc::Receiver<String>,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Fails only if it has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Prometheus {
    /// Scrapes `target` by `deploy/prometheus.yml`, only more often.
    fn start(folder: &Path, target: SocketAddr) -> Self {
        let example = std::fs::read_to_string("deploy/prometheus.yml").unwrap();
        let config = example
            .replace("127.0.0.1:9184", &target.to_string())
            .replace("_interval: 15s", "_interval: 200ms");
        assert_eq!(config.matches("200ms").count(), 2, "{config}");
        assert!(config.contains(&target.to_string()), "{config}");
        std::fs::write(folder.join("prometheus.yml"), config).unwrap();
        std::fs::copy("deploy/percept.rules.yml", folder.join("percept.rules.yml")).unwrap();

        let mut process = Command::new("prometheus")
            .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("prometheus runs: install Debian's package `prometheus`, as `make test` does");
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let (to_test, log) = mpsc::channel();
        std::thread::spawn(move || {
            // Read to its end, or Prometheus would stand still on a full pipe.
            for line in lines.map_while(Result::ok) {
                let _ = to_test.send(line);
            }
        });
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut prometheus = Self { process, address: nowhere, log };
        let listening = prometheus.logged("msg=\"Listening on\"");
        let (_, address) = listening.split_once("address=").unwrap();
        prometheus.address = address.trim().parse().unwrap();
        prometheus
    }

    /// Waits for a line of the log.
    fn logged(&self, wanted: &str) -> String {
        let start = Instant::now();
        let mut seen = Vec::new();
        loop {
            match self.log.recv_timeout(PATIENCE.saturating_sub(start.elapsed())) {
                Ok(line) if line.contains(wanted) => return line,
                Ok(line) => seen.push(line),
                Err(error) => panic!("prometheus: no {wanted} ({error}):\n{}", seen.join("\n")),
            }
        }
    }

    /// Values of the series that `expression` gives now.
    fn query(&self, expression: &str) -> Result<Vec<String>, String> {
        let path =
            format!("/api/v1/query?query={}", utf8_percent_encode(expression, NON_ALPHANUMERIC));
        let answer = http::get(self.address, &path).map_err(|error| error.to_string())?;
        let json: serde_json::Value = serde_json::from_str(&answer.body)
            .map_err(|error| format!("{error}: {}", answer.body))?;
        if json["status"] != "success" {
            return Err(json["error"].to_string());
        }
        let series = json["data"]["result"].as_array().ok_or("not a vector")?;
        Ok(series.iter().map(|one| one["value"][1].as_str().unwrap_or("").to_owned()).collect())
    }

    /// Asks again and again until `expression` gives `wanted`.
    fn wait_for(&self, expression: &str, wanted: &[&str]) {
        wait_until(&format!("{expression} = {wanted:?}"), || match self.query(expression) {
            Ok(values) if values == wanted => Ok(()),
            got => Err(format!("{got:?}")),
        });
    }
}

fn wait_until(what: &str, mut met: impl FnMut() -> Result<(), String>) {
    let start = Instant::now();
    loop {
        match met() {
            Ok(()) => return,
            Err(last) if start.elapsed() > PATIENCE => panic!("never: {what}; last: {last}"),
            // Only spares the processor: the condition decides.
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// PromQL in the fenced blocks of the documentation, and in the dashboard's panels.
fn published_expressions() -> Vec<String> {
    let docs = std::fs::read_to_string("docs/metrics.md").unwrap();
    let blocks = docs.split("```promql\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut expressions: Vec<String> = blocks
        .flat_map(|block| block.split("\n\n"))
        .map(|part| {
            part.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join(" ")
        })
        .filter(|expression| !expression.trim().is_empty())
        .collect();
    assert!(expressions.len() >= 10, "{expressions:?}");

    let dashboard = std::fs::read_to_string("deploy/grafana-dashboard.json").unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            expressions.push(target["expr"].as_str().unwrap().replace("$stream", ".*"));
        }
    }
    expressions
}

#[test]
fn a_real_prometheus_scrapes_it_and_forgets_a_removed_stream() {
    let metrics = Metrics::new();
    let door = metrics.stream(&StreamId::new("door").unwrap());
    door.prepare_labels(["covered"]);
    door.up.set(1);
    door.latency.observe(0.3);
    let yard = metrics.stream(&StreamId::new("yard").unwrap());
    yard.windows.inc_by(7);

    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = web::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let target = listener.local_addr().unwrap();
    let state = WebState {
        metrics,
        snapshot: Arc::new(Snapshot::default),
        alive: Arc::new(|| Ok(())),
        ready_share: 0.5,
    };
    let serving = runtime.spawn(web::serve(listener, state, std::future::pending()));

    let folder = tempfile::tempdir().unwrap();
    let prometheus = Prometheus::start(folder.path(), target);
    wait_until("prometheus is ready", || match http::get(prometheus.address, "/-/ready") {
        Ok(answer) if answer.status == 200 => Ok(()),
        Ok(answer) => Err(answer.body),
        Err(error) => Err(error.to_string()),
    });

    prometheus.wait_for("percept_stream_up{stream=\"door\"}", &["1"]);
    prometheus.wait_for("percept_windows_total{stream=\"yard\"}", &["7"]);
    prometheus.wait_for("percept_label_active{stream=\"door\",label=\"covered\"}", &["0"]);
    prometheus.wait_for("percept_end_to_end_latency_seconds_count{stream=\"door\"}", &["1"]);
    prometheus.wait_for("process_max_fds{job=\"percept\"} > bool 0", &["1"]);
    prometheus.wait_for("up{job=\"percept\"}", &["1"]);

    // What goes on here is seen there.
    door.label_active("covered").set(1);
    prometheus.wait_for("percept_label_active{stream=\"door\",label=\"covered\"}", &["1"]);
    door.up.set(0);
    prometheus.wait_for("ALERTS{alertname=\"PerceptStreamDown\",stream=\"door\"}", &["1"]);

    // It is stale at the next scrape, not only after Prometheus's five minutes.
    drop(yard);
    prometheus.wait_for("count({stream=\"yard\",job=\"percept\"})", &[]);
    prometheus.wait_for("percept_stream_up{stream=\"door\"}", &["0"]);

    for expression in published_expressions() {
        if let Err(error) = prometheus.query(&expression) {
            panic!("Prometheus refuses {expression:?}: {error}");
        }
    }
    assert!(!serving.is_finished(), "the server runs on");
}
