//! From a file's bytes to a manifest that holds what it says.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::check;
use super::error::{ManifestFault, ModelError};
use super::onnx_file::{self, NotOnnx, Ports};
use crate::data::Manifest;
use crate::data::manifest::{Pictures, Points, Sound};

/// The version of the manifest's form that this program knows.
const VERSION: u64 = 1;

/// An ONNX file is one protocol buffer, which ends at 2 GiB.
const MOST_BYTES: u64 = 2 << 30;

/// Reads and checks the manifest inside an ONNX file, against its graph too.
///
/// # Errors
/// [`ModelError::Read`], `NotOnnx`, `NoManifest`, or `Manifest` with every fault that was found.
pub fn read_manifest(path: &Path) -> Result<Manifest, ModelError> {
    let file = onnx_file::parse(&read(path)?).map_err(|why| match why {
        NotOnnx::Damaged => ModelError::Damaged { path: path.to_owned() },
        why => ModelError::NotOnnx { path: path.to_owned(), why: why.to_string() },
    })?;
    let text = file.manifest.ok_or_else(|| ModelError::NoManifest { path: path.to_owned() })?;
    let read = parse(&text).and_then(|mut manifest| {
        take_tables(&mut manifest, &file.tables)?;
        Ok(manifest)
    });
    let faults = match read {
        Ok(manifest) => match faults(&manifest, &file.ports) {
            faults if faults.is_empty() => return Ok(manifest),
            faults => faults,
        },
        Err(fault) => vec![fault],
    };
    Err(ModelError::Manifest { path: path.to_owned(), faults })
}

/// The manifest's own faults; or, where it has none, those between it and the graph.
fn faults(manifest: &Manifest, ports: &Ports) -> Vec<ManifestFault> {
    let own = check::manifest(manifest);
    if own.is_empty() { check::graph(manifest, ports) } else { own }
}

fn read(path: &Path) -> Result<Vec<u8>, ModelError> {
    let failed = |cause| ModelError::Read { path: path.to_owned(), cause };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(failed(io::Error::other("it is not a file")));
    }
    if metadata.len() > MOST_BYTES {
        return Err(ModelError::NotOnnx {
            path: path.to_owned(),
            why: "it is larger than 2 GiB".into(),
        });
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// The JSON document as a manifest; of a wrong form it tells the first fault.
fn parse(text: &str) -> Result<Manifest, ManifestFault> {
    // The version comes first: other versions have other fields.
    let document: Value = serde_json::from_str(text).map_err(|error| {
        ManifestFault::new(
            "percept.manifest",
            format!("this is not JSON: {error}"),
            "export the model again",
        )
    })?;
    match document.get("manifest") {
        None => {
            return Err(ManifestFault::new(
                "manifest",
                "the version of the manifest's form is missing",
                format!("write \"manifest\": {VERSION}"),
            ));
        }
        Some(version) if version.as_u64() != Some(VERSION) => {
            return Err(ManifestFault::new(
                "manifest",
                format!("version {version} is not known here, only {VERSION}"),
                "use a newer percept, or export the model for this one",
            ));
        }
        Some(_) => {}
    }
    deserialise(&document, "").map_err(|fault| input_fault(&document).unwrap_or(fault))
}

/// `at` comes before each field's name.
fn deserialise<T: DeserializeOwned>(value: &Value, at: &str) -> Result<T, ManifestFault> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let (path, problem) = (error.path().to_string(), error.inner().to_string());
        let field = match (at, path.as_str()) {
            ("", path) => path.to_owned(),
            (at, ".") => at.to_owned(),
            (at, path) => format!("{at}.{path}"),
        };
        let fix = if problem.starts_with("unknown field") {
            "take it out or mend its name, or use a newer percept"
        } else if problem.starts_with("unknown variant") {
            "write one of these, or use a newer percept"
        } else if problem.starts_with("missing field") {
            "add it where the model is exported"
        } else {
            "write a value of that kind"
        };
        ManifestFault::new(field, problem, fix)
    })
}

/// The first fault inside an entry of `inputs`, with its place: choosing the form of an entry by its
/// `modality` loses it.
fn input_fault(document: &Value) -> Option<ManifestFault> {
    let entries = document.get("inputs")?.as_array()?;
    entries.iter().enumerate().find_map(|(index, entry)| {
        let at = format!("inputs[{index}]");
        let mut entry = entry.clone();
        let modality = entry.as_object_mut()?.remove("modality");
        match modality.as_ref().and_then(Value::as_str) {
            Some("image" | "video") => deserialise::<Pictures>(&entry, &at).err(),
            Some("audio") => deserialise::<Sound>(&entry, &at).err(),
            Some("points") => deserialise::<Points>(&entry, &at).err(),
            _ => None,
        }
    })
}

/// Puts the file's position tables into the inputs that want them.
fn take_tables(
    manifest: &mut Manifest,
    tables: &BTreeMap<String, String>,
) -> Result<(), ManifestFault> {
    for (index, input) in manifest.inputs.iter_mut().enumerate() {
        let name = input.name().to_owned();
        let Some(position) = input.position_mut().filter(|position| position.tables) else {
            continue;
        };
        for axis in 0..position.bands.len() {
            let key = format!("{name}.{axis}");
            let table = tables.get(&key).map_or("", String::as_str);
            let table = floats(table).ok_or_else(|| {
                ManifestFault::new(
                    format!("inputs[{index}].position.tables"),
                    format!("the metadata property `percept.table.{key}` is not base64 of f32"),
                    "export the model again",
                )
            })?;
            position.axis_tables.push(table.into());
        }
    }
    Ok(())
}

/// Little-endian f32, all finite, out of base64.
fn floats(text: &str) -> Option<Vec<f32>> {
    let bytes = BASE64.decode(text).ok()?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    let numbers: Vec<_> = numbers.iter().copied().map(f32::from_le_bytes).collect();
    (rest.is_empty() && numbers.iter().all(|number| number.is_finite())).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(change: impl FnOnce(&mut Value)) -> ManifestFault {
        let mut document = check::tests::document();
        change(&mut document);
        parse(&document.to_string()).unwrap_err()
    }

    #[test]
    fn the_right_form_is_taken() {
        assert_eq!(parse(&check::tests::document().to_string()).unwrap().name, "tiny");
    }

    #[test]
    fn an_unknown_version_is_told_before_its_unknown_fields() {
        let fault = fault(|document| {
            document["manifest"] = 2.into();
            document["steps"] = 4.into();
        });
        assert_eq!(
            (fault.field.as_str(), fault.problem.as_str()),
            ("manifest", "version 2 is not known here, only 1")
        );
    }

    #[test]
    fn a_missing_version_is_told() {
        let fault = fault(|document| drop(document.as_object_mut().unwrap().remove("manifest")));
        assert_eq!(fault.field, "manifest");
    }

    #[test]
    fn an_unknown_field_is_named_with_its_place_and_the_known_ones() {
        let fault = fault(|document| document["inputs"][0]["position"]["band"] = 4.into());
        assert!(fault.field.starts_with("inputs[0].position"), "{fault}");
        assert!(
            fault.problem.contains("unknown field `band`") && fault.problem.contains("`bands`"),
            "{fault}"
        );
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_named_with_its_place() {
        let fault = fault(|document| document["inputs"][0]["patch"][1] = "eight".into());
        assert_eq!(fault.field, "inputs[0].patch[1]");
    }

    #[test]
    fn tables_are_numbers_in_base64() {
        let mut manifest = parse(&check::tests::document().to_string()).unwrap();
        manifest.inputs[0].position_mut().unwrap().tables = true;
        let numbers: Vec<u8> = [1.5_f32, -2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let table = |bytes: &[u8]| BASE64.encode(bytes);
        let with = |text: String| {
            (0..3).map(|axis| (format!("video.{axis}"), text.clone())).collect::<BTreeMap<_, _>>()
        };
        take_tables(&mut manifest.clone(), &with(table(&numbers))).unwrap();
        for wrong in ["?".into(), table(&numbers[1..]), table(&f32::NAN.to_le_bytes())] {
            let fault = take_tables(&mut manifest.clone(), &with(wrong)).unwrap_err();
            assert_eq!(fault.field, "inputs[0].position.tables");
        }
    }

    #[test]
    fn an_unknown_modality_is_told_with_the_known_ones() {
        let fault = fault(|document| document["inputs"][0]["modality"] = "smell".into());
        assert!(fault.problem.contains("`smell`") && fault.problem.contains("`audio`"), "{fault}");
        assert!(fault.field.starts_with("inputs[0]"), "{fault}");
    }

    #[test]
    fn a_missing_field_is_named() {
        let fault =
            fault(|document| drop(document["output"].as_object_mut().unwrap().remove("labels")));
        assert_eq!(fault.field, "output");
        assert!(fault.problem.contains("`labels`"), "{fault}");
    }

    #[test]
    fn what_is_not_json_is_told() {
        assert!(parse("name: tiny").unwrap_err().problem.contains("not JSON"));
    }
}
