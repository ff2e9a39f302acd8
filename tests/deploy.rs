//! What `deploy/` hands to systemd, Prometheus and Grafana.

use std::collections::BTreeSet;
use std::process::Command;

use percept::telemetry::names;

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn promtool(arguments: &[&str]) {
    let output = Command::new("promtool")
        .args(arguments)
        .output()
        .expect("promtool runs: Debian's package `prometheus` has it, and `make test` installs it");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "promtool {arguments:?}:\n{said}");
    assert!(!said.contains("lint"), "promtool {arguments:?}:\n{said}");
}

/// Names of Percept's metrics in `text`, without the suffixes that histograms add.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices("percept_")
        .filter(|(at, _)| !text[..*at].ends_with(word))
        .map(|(at, _)| {
            let rest = &text[at..];
            &rest[..rest.find(|c| !word(c)).unwrap_or(rest.len())]
        })
        .map(|name| {
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            base.unwrap_or(name)
        })
        .collect()
}

fn assert_metrics_exist(path: &str, text: &str) {
    let used = metrics_in(text);
    assert!(!used.is_empty(), "{path} uses no metric: does this test still read it rightly?");
    let unknown: Vec<_> = used.into_iter().filter(|name| !names::ALL.contains(name)).collect();
    assert!(unknown.is_empty(), "{path} uses metrics that do not exist: {unknown:?}");
}

#[test]
fn the_alerts_are_valid_and_fire_when_they_should() {
    promtool(&["check", "rules", "--lint-fatal", "deploy/percept.rules.yml"]);
    promtool(&["test", "rules", "deploy/percept.rules.test.yml"]);
}

#[test]
fn every_alert_has_a_test() {
    let (rules, tests) = (read("deploy/percept.rules.yml"), read("deploy/percept.rules.test.yml"));
    let alerts: Vec<_> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(!alerts.is_empty());
    for alert in alerts {
        assert!(tests.contains(&format!("alertname: {alert}\n")), "{alert}");
    }
}

#[test]
fn the_scrape_example_is_valid_and_names_the_default_port() {
    promtool(&["check", "config", "deploy/prometheus.yml"]);
    let address = percept::web::WebSettings::DEFAULT_LISTEN.to_string();
    for path in ["deploy/prometheus.yml", "deploy/README.md", "docs/metrics.md"] {
        assert!(read(path).contains(&address), "{path} does not name {address}");
    }
}

#[test]
fn alerts_dashboard_and_documentation_use_only_metrics_that_exist() {
    for path in ["deploy/percept.rules.yml", "deploy/percept.rules.test.yml", "docs/metrics.md"] {
        assert_metrics_exist(path, &read(path));
    }
    let path = "deploy/grafana-dashboard.json";
    let dashboard: serde_json::Value = serde_json::from_str(&read(path)).unwrap();
    assert_metrics_exist(path, &dashboard.to_string());
}

#[test]
fn the_dashboard_shows_what_an_operator_asks_first() {
    let dashboard: serde_json::Value =
        serde_json::from_str(&read("deploy/grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "panels share an id");
    let shown = dashboard["panels"].to_string();
    for name in [
        names::STREAM_UP,
        names::LABEL_ACTIVE,
        names::LABEL_SCORE,
        names::LATENCY,
        names::WINDOWS_DROPPED,
    ] {
        assert!(metrics_in(&shown).contains(name), "{name}");
    }
}

/// Where systemd is installed, it reads the unit itself.
#[test]
fn the_service_stops_politely_and_restarts_only_what_may_heal() {
    let unit = read("deploy/percept.service");
    for line in [
        "KillSignal=SIGTERM",
        "Restart=on-failure",
        "RestartPreventExitStatus=2",
        "LimitNOFILE=65536",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "DynamicUser=yes",
        "SupplementaryGroups=video audio",
        "DeviceAllow=char-video4linux rw",
        "DeviceAllow=char-alsa rw",
    ] {
        assert!(unit.lines().any(|known| known == line), "{line}");
    }
    let here = tempfile::tempdir().unwrap();
    let path = here.path().join("percept.service");
    // systemd wants the program to be there, and its man page.
    let runnable = unit
        .replace("/usr/local/bin/percept", "/bin/true")
        .replace("Documentation=man:percept(1)\n", "");
    std::fs::write(&path, runnable).unwrap();
    match Command::new("systemd-analyze").arg("verify").arg(&path).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && !said.contains("percept.service"), "{said}");
        }
        Err(error) => eprintln!("skipped: systemd-analyze cannot be run: {error}"),
    }
}
