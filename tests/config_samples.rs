//! The sample files load, and between them show every key.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use percept::config::keys::{self, Keys};
use percept::config::{Checked, Machine};

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn pipelines() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root("pipelines")).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    assert!(paths.len() >= 3, "{paths:?}");
    paths
}

fn environment(name: &str) -> Option<String> {
    (name == "CAMERA_PASSWORD").then(|| "p@ss/word".into())
}

/// `#key = value` is a setting that is off; `# text` is a comment.
fn switched_on(path: &Path) -> String {
    let is_setting = |line: &str| {
        let key = line.split_once(" = ").map_or("", |(key, _)| key);
        !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    };
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| match line.strip_prefix('#') {
        Some(setting) if is_setting(setting) => setting,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_machine_file_is_the_defaults() {
    let checked = Checked::load_with(
        &root("pipelines/clips.toml"),
        Some(&root("config/percept.toml")),
        &|_| None,
    )
    .unwrap();
    assert_eq!(checked.machine, Machine::default());
}

#[test]
fn every_pipeline_loads_as_it_is_and_with_every_setting_on() {
    let folder = tempfile::tempdir().unwrap();
    let machine = folder.path().join("percept.toml");
    std::fs::write(&machine, switched_on(&root("config/percept.toml"))).unwrap();
    for path in pipelines() {
        let load = |path: &Path| Checked::load_with(path, Some(&machine), &environment);
        let checked = load(&path).unwrap_or_else(|faults| panic!("{faults}"));
        assert!(!checked.streams.is_empty(), "{path:?}");
        let on = folder.path().join("pipeline.toml");
        std::fs::write(&on, switched_on(&path)).unwrap();
        load(&on).unwrap_or_else(|faults| panic!("{path:?} with every setting on: {faults}"));
    }
}

#[test]
fn a_sample_password_comes_from_the_environment_alone() {
    for path in ["pipelines/door.toml", "pipelines/two-cameras.toml"] {
        let faults = Checked::load_with(&root(path), None, &|_| None).unwrap_err().to_string();
        assert!(faults.contains("CAMERA_PASSWORD is not set"), "{faults}");
    }
}

#[test]
fn every_key_is_shown() {
    let machine = switched_on(&root("config/percept.toml"));
    assert_eq!(missing(&keys::MACHINE, &[machine]), Vec::<String>::new());
    let pipelines: Vec<_> = pipelines().iter().map(|path| switched_on(path)).collect();
    assert_eq!(missing(&keys::PIPELINE, &pipelines), Vec::<String>::new());
}

/// Keys that none of `texts` writes, such as `streams.crop.x`.
fn missing(known: &'static Keys, texts: &[String]) -> Vec<String> {
    let mut written = BTreeSet::new();
    for text in texts {
        let document = toml_edit::Document::parse(text.as_str()).unwrap();
        collect(document.as_item(), known, "", &mut written);
    }
    let mut all = BTreeSet::new();
    list(known, "", &mut all);
    assert!(all.len() > 10, "{all:?}");
    all.difference(&written).cloned().collect()
}

fn list(known: &'static Keys, path: &str, all: &mut BTreeSet<String>) {
    for key in known.keys {
        let path = format!("{path}.{}", key.name);
        if let Some(table) = key.table {
            list(table, &path, all);
        }
        all.insert(path);
    }
    if let Some(each) = known.rest_table {
        list(each, &format!("{path}.*"), all);
    }
}

fn collect(item: &toml_edit::Item, known: &Keys, path: &str, written: &mut BTreeSet<String>) {
    if let Some(tables) = item.as_array_of_tables() {
        for table in tables {
            collect(&toml_edit::Item::Table(table.clone()), known, path, written);
        }
    }
    let Some(table) = item.as_table_like() else { return };
    for (name, item) in table.iter() {
        match known.get(name) {
            Some(key) => {
                let path = format!("{path}.{name}");
                written.insert(path.clone());
                if let Some(table) = key.table {
                    collect(item, table, &path, written);
                }
            }
            None => {
                if let Some(each) = known.rest_table {
                    collect(item, each, &format!("{path}.*"), written);
                }
            }
        }
    }
}

/// After a change of the keys, `PERCEPT_BLESS=1 cargo test --test config_samples` writes
/// the page's tables anew.
#[test]
fn the_reference_is_made_from_the_keys() {
    let path = root("docs/configuration.md");
    let mut page = std::fs::read_to_string(&path).unwrap();
    let bless = std::env::var_os("PERCEPT_BLESS").is_some();
    for (name, known) in [("pipelines", &keys::PIPELINE), ("machine", &keys::MACHINE)] {
        let begin = format!("<!-- keys: {name} -->\n\n");
        let from = page.find(&begin).expect("the page marks its tables") + begin.len();
        let to = from + page[from..].find("\n<!-- end -->").expect("each table has an end");
        let want = keys::reference(known);
        if bless {
            page.replace_range(from..to, &want);
        } else {
            assert!(page[from..to] == want, "docs/configuration.md should have:\n\n{want}");
        }
    }
    if bless {
        std::fs::write(path, page).unwrap();
    }
}
