//! The pipelines that come with Percept pass `percept check` with what their comments and
//! the README say that they need.

mod program;

use std::path::Path;

use program::{Percept, clip};

#[test]
fn each_shipped_pipeline_passes_check_with_what_it_says_it_needs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    // As a user's own checkout, with a folder of clips.
    for part in ["models", "pipelines", ".deps"] {
        std::os::unix::fs::symlink(root.join(part), at.join(part)).unwrap();
    }
    std::fs::create_dir(at.join("clips")).unwrap();
    clip(at, "clips/one.mp4", 3);
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let mut checked = 0;
    for entry in std::fs::read_dir(root.join("pipelines")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let text = std::fs::read_to_string(root.join("pipelines").join(&name)).unwrap();
        for variable in text.split("${").skip(1).filter_map(|rest| rest.split('}').next()) {
            assert!(
                variable == "NAME" || readme.contains(&format!("export {variable}=")),
                "{name}"
            );
        }
        let pipeline = format!("pipelines/{name}");
        let check = Percept::start_with(&["check", &pipeline], |command| {
            command.current_dir(at).env("CAMERA_PASSWORD", "secret")
        })
        .finish();
        assert_eq!(check.code(), Some(0), "{name}: {}", check.stderr);
        checked += 1;
    }
    assert!(checked >= 3);
}
