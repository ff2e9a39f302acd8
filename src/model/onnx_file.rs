//! Reads the few fields of an ONNX file that tell what it is, without ONNX Runtime.
//!
//! An ONNX file is one protocol buffer, `ModelProto` of `onnx.proto`. Only the metadata
//! and the names, types and shapes of the graph's inputs and outputs are looked at; the
//! field numbers below are that file's. Any bytes may come in: lengths are checked, and
//! messages nest as deep as this code does, no deeper.

use std::collections::BTreeMap;
use std::fmt;

/// What an ONNX file says of itself.
#[derive(Debug, Default, PartialEq)]
pub struct OnnxFile {
    /// The metadata property `percept.manifest`.
    pub manifest: Option<String>,
    /// The metadata properties `percept.table.…`, by the rest of their names.
    pub tables: BTreeMap<String, String>,
    pub ports: Ports,
}

/// The inputs and outputs of a graph. Weights are not inputs.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Ports {
    pub inputs: Vec<Port>,
    pub outputs: Vec<Port>,
}

/// One input or output.
#[derive(Debug, Clone, PartialEq)]
pub struct Port {
    pub name: String,
    /// `f32`, `u8`, …; `unknown` where the file does not say.
    pub dtype: &'static str,
    /// A size an axis, `None` where it is free; no shape at all where the file gives none.
    pub shape: Option<Vec<Option<u64>>>,
}

impl fmt::Display for Port {
    /// `f32 [?, 896, 435]`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(shape) = &self.shape else { return write!(f, "{} of any shape", self.dtype) };
        let sizes: Vec<_> =
            shape.iter().map(|size| size.map_or("?".into(), |n| n.to_string())).collect();
        write!(f, "{} [{}]", self.dtype, sizes.join(", "))
    }
}

/// Why some bytes are not an ONNX file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOnnx {
    #[error("it is empty")]
    Empty,
    #[error("its bytes are not a protocol buffer")]
    NotProtobuf,
    #[error("it holds no ONNX graph")]
    NoGraph,
    /// It begins as one.
    #[error("it ends too early, or a part of it is not as it was written")]
    Damaged,
}

/// Reads an ONNX file's bytes.
pub fn parse(bytes: &[u8]) -> Result<OnnxFile, NotOnnx> {
    if bytes.is_empty() {
        return Err(NotOnnx::Empty);
    }
    // Writers begin with ir_version; nothing else that people have begins so.
    let begins_well = matches!(Fields(bytes).next(), Some(Ok((1, Value::Number(_)))));
    parts(bytes).map_err(|why| match why {
        NotOnnx::NotProtobuf if begins_well => NotOnnx::Damaged,
        why => why,
    })
}

fn parts(bytes: &[u8]) -> Result<OnnxFile, NotOnnx> {
    let (mut file, mut has_version, mut has_graph) = (OnnxFile::default(), false, false);
    for field in Fields(bytes) {
        match field? {
            (1, Value::Number(_)) => has_version = true, // ir_version
            (7, Value::Bytes(graph)) => {
                has_graph = true;
                file.ports = ports(graph)?;
            }
            (14, Value::Bytes(property)) => {
                let (key, value) = (text(property, 1)?, text(property, 2)?.unwrap_or_default());
                match key.as_deref() {
                    Some("percept.manifest") => file.manifest = Some(value),
                    Some(key) => {
                        if let Some(table) = key.strip_prefix("percept.table.") {
                            file.tables.insert(table.to_owned(), value);
                        }
                    }
                    None => {}
                }
            }
            _ => {}
        }
    }
    if has_version && has_graph { Ok(file) } else { Err(NotOnnx::NoGraph) }
}

/// `GraphProto`: initializer is 5, input 11, output 12.
fn ports(graph: &[u8]) -> Result<Ports, NotOnnx> {
    let (mut ports, mut weights) = (Ports::default(), Vec::new());
    for field in Fields(graph) {
        match field? {
            (5, Value::Bytes(tensor)) => weights.extend(text(tensor, 8)?), // TensorProto.name
            (11, Value::Bytes(info)) => ports.inputs.push(port(info)?),
            (12, Value::Bytes(info)) => ports.outputs.push(port(info)?),
            _ => {}
        }
    }
    // Before IR version 4 every weight was listed as an input too.
    ports.inputs.retain(|input| !weights.contains(&input.name));
    Ok(ports)
}

/// `ValueInfoProto`: name is 1, type 2; of `TypeProto`, tensor_type is 1; of that, elem_type is 1, shape 2.
fn port(info: &[u8]) -> Result<Port, NotOnnx> {
    let mut port = Port { name: text(info, 1)?.unwrap_or_default(), dtype: "unknown", shape: None };
    let tensor = match last(info, 2)? {
        Some(Value::Bytes(kind)) => last(kind, 1)?,
        _ => None,
    };
    let Some(Value::Bytes(tensor)) = tensor else { return Ok(port) };
    if let Some(Value::Number(kind)) = last(tensor, 1)? {
        port.dtype = dtype(kind);
    }
    if let Some(Value::Bytes(shape)) = last(tensor, 2)? {
        let mut sizes = Vec::new();
        for field in Fields(shape) {
            if let (1, Value::Bytes(size)) = field? {
                // dim_value is 1; dim_param, a name for a free size, is 2.
                sizes.push(match last(size, 1)? {
                    Some(Value::Number(n)) => Some(n),
                    _ => None,
                });
            }
        }
        port.shape = Some(sizes);
    }
    Ok(port)
}

/// `TensorProto.DataType`.
fn dtype(kind: u64) -> &'static str {
    match kind {
        1 => "f32",
        2 => "u8",
        3 => "i8",
        4 => "u16",
        5 => "i16",
        6 => "i32",
        7 => "i64",
        8 => "string",
        9 => "bool",
        10 => "f16",
        11 => "f64",
        12 => "u32",
        13 => "u64",
        16 => "bf16",
        _ => "unknown",
    }
}

/// The last value of a field: in a protocol buffer it is the one that counts.
fn last(message: &[u8], wanted: u64) -> Result<Option<Value<'_>>, NotOnnx> {
    let mut found = None;
    for field in Fields(message) {
        let (number, value) = field?;
        if number == wanted {
            found = Some(value);
        }
    }
    Ok(found)
}

fn text(message: &[u8], wanted: u64) -> Result<Option<String>, NotOnnx> {
    match last(message, wanted)? {
        Some(Value::Bytes(bytes)) => std::str::from_utf8(bytes)
            .map(|text| Some(text.to_owned()))
            .map_err(|_| NotOnnx::NotProtobuf),
        _ => Ok(None),
    }
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// A fixed 32 or 64 bit number; none is of interest here.
    Fixed,
}

/// The fields of one message, as number and value; ends after the first fault.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), NotOnnx>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or(NotOnnx::NotProtobuf))
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(usize::try_from(length).ok()?)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return None,
        };
        (tag >> 3 != 0).then_some((tag >> 3, value))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(fields: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (number, value) in fields {
            bytes.push(number << 3 | 2);
            bytes.push(u8::try_from(value.len()).unwrap());
            bytes.extend_from_slice(value);
        }
        bytes
    }

    fn model() -> Vec<u8> {
        let free = message(&[(2, b"batch")]);
        let shape = message(&[(1, &free), (1, &[8, 7]), (1, &[8, 0xac, 2])]);
        let tensor = [&[8, 1][..], &message(&[(2, &shape)])].concat();
        let info = message(&[(1, b"video"), (2, &message(&[(1, &tensor)]))]);
        let weight_info = message(&[(1, b"w")]);
        let weight = message(&[(8, b"w")]);
        let graph = message(&[(5, &weight), (11, &weight_info), (11, &info), (12, &weight_info)]);
        [
            &[8, 10][..],
            &message(&[(7, &graph), (14, &message(&[(1, b"percept.manifest"), (2, b"{}")]))]),
        ]
        .concat()
    }

    #[test]
    fn names_types_shapes_and_the_manifest_are_found() {
        let file = parse(&model()).unwrap();
        assert_eq!(file.manifest.as_deref(), Some("{}"));
        assert_eq!(file.ports.inputs.len(), 1, "weights are not inputs");
        assert_eq!(file.ports.inputs[0].name, "video");
        assert_eq!(file.ports.inputs[0].to_string(), "f32 [?, 7, 300]");
        assert_eq!(file.ports.outputs[0].to_string(), "unknown of any shape");
    }

    #[test]
    fn other_files_are_told_from_models() {
        assert_eq!(parse(b""), Err(NotOnnx::Empty));
        for other in [
            &b"hello, this is a text file\n"[..],
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            b"\0\0\0 ftypisom",
            b"\x7fELF",
        ] {
            assert!(parse(other).is_err());
        }
        assert_eq!(parse(&[8, 10]), Err(NotOnnx::NoGraph));
        let model = model();
        assert_eq!(parse(&model[..model.len() / 2]), Err(NotOnnx::Damaged));
    }

    #[test]
    fn no_bytes_make_it_panic_and_no_cut_makes_a_model() {
        let model = model();
        for end in 0..model.len() {
            assert_ne!(parse(&model[..end]).ok(), parse(&model).ok());
        }
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..20_000 {
            let mut bytes = model.clone();
            for _ in 0..random.usize(1..6) {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
            }
            let _ = parse(&bytes);
        }
    }

    #[test]
    fn a_length_beyond_the_file_is_refused() {
        let huge = [0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(parse(&huge), Err(NotOnnx::NotProtobuf));
    }
}
