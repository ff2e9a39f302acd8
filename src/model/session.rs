//! A model that runs.

use ort::session::{Session, SessionInputValue, SessionOutputs};
use ort::value::{DynValue, Outlet, TensorElementType, TensorRef};

use super::check;
use super::error::{ManifestFault, ModelError};
use super::manifest::read_manifest;
use super::onnx_file::{Port, Ports};
use super::provider::PassedOver;
use super::settings::{ModelSettings, ProviderKind};
use super::{library, provider};
use crate::data::{Feed, Logits, Manifest, ModelInput, Values};

/// A loaded and warm model. One thread owns it: [`Model::run`] takes `&mut self`.
pub struct Model {
    session: Session,
    manifest: Manifest,
    provider: ProviderKind,
    passed_over: Vec<PassedOver>,
    runtime_version: String,
    max_batch: usize,
}

// A model is loaded on one thread and handed to the one that runs it.
const _: fn() = || {
    fn is_send<T: Send>() {}
    is_send::<Model>();
};

impl Model {
    /// Reads the manifest, loads ONNX Runtime and the model, compares the two, and runs the largest batch once.
    ///
    /// # Errors
    /// As [`read_manifest`]; `Library`, `Provider` and `Load` where ONNX Runtime does not start; `Manifest`
    /// where the session's inputs and outputs disagree with the manifest; `Run` and `NotFinite` of the first run.
    pub fn load(settings: &ModelSettings) -> Result<Self, ModelError> {
        let manifest = read_manifest(&settings.path)?;
        let runtime = library::runtime(settings.library.as_deref())?;
        let (session, provider, passed_over) = provider::start(&runtime, settings)?;
        let ports = Ports { inputs: ports(session.inputs()), outputs: ports(session.outputs()) };
        let faults = check::graph(&manifest, &ports);
        if !faults.is_empty() {
            return Err(ModelError::Manifest { path: settings.path.clone(), faults });
        }
        let one_at_a_time =
            ports.inputs.iter().any(|port| matches!(port.shape.as_deref(), Some([Some(1), ..])));
        let mut model = Self {
            session,
            manifest,
            provider,
            passed_over,
            runtime_version: runtime.version,
            max_batch: if one_at_a_time { 1 } else { settings.max_batch.max(1) },
        };
        model.warm_up(settings)?;
        tracing::debug!(
            model = %model.title(),
            provider = model.provider(),
            threads = settings.threads,
            max_batch = model.max_batch,
            onnx_runtime = model.runtime_version,
            library = %runtime.path.display(),
            "model ready"
        );
        Ok(model)
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The execution provider really in use: `cpu` or `cuda`.
    pub fn provider(&self) -> &'static str {
        self.provider.as_str()
    }

    /// Warns, once a process, of providers that were preferred to this one and did not start: for
    /// who is going to run the model.
    pub fn warn_of_passed_over(&self) {
        self.passed_over.iter().for_each(PassedOver::warn);
    }

    /// Of the ONNX Runtime library in use, such as `1.31.1`.
    pub fn runtime_version(&self) -> &str {
        &self.runtime_version
    }

    /// The most windows that one run takes: what the settings say, or 1 where the graph is fixed to it.
    pub fn max_batch(&self) -> usize {
        self.max_batch
    }

    /// Runs the first `batch` windows of `input`, which is not copied.
    ///
    /// # Errors
    /// `Batch` if `batch` is not 1 to [`Model::max_batch`]; `NotFinite` if a logit is; `Run` for all else,
    /// an input that is not of the manifest's layout or shape included.
    pub fn run(&mut self, input: &ModelInput<'_>, batch: usize) -> Result<Logits, ModelError> {
        if !(1..=self.max_batch).contains(&batch) {
            return Err(ModelError::Batch { model: self.title(), batch, most: self.max_batch });
        }
        let values = infer(&mut self.session, &self.manifest, input, batch)
            .map_err(|why| ModelError::Run { model: title(&self.manifest), batch, why })?;
        let labels = &self.manifest.output.labels;
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(ModelError::NotFinite {
                model: self.title(),
                window: at / labels.len(),
                label: labels[at % labels.len()].clone(),
                value: values[at],
            });
        }
        Ok(Logits { labels: labels.len(), values })
    }

    /// Lets ONNX Runtime plan and allocate for the largest batch, and shows that the model runs at all.
    fn warm_up(&mut self, settings: &ModelSettings) -> Result<(), ModelError> {
        let manifest = self.manifest.clone();
        let wanted = check::wanted(&manifest);
        let count =
            |want: &check::Wanted<'_>| self.max_batch * want.shape.iter().product::<usize>();
        let longest = wanted.iter().map(count).max().unwrap_or(0);
        let (floats, bytes) = (vec![0.0; longest], vec![0; longest]);
        let feeds = wanted.iter().map(|want| Feed {
            name: want.name,
            shape: &want.shape,
            values: match want.dtype {
                "u8" => Values::U8(&bytes[..count(want)]),
                _ => Values::F32(&floats[..count(want)]),
            },
        });
        let input = ModelInput { feeds: feeds.collect() };
        match self.run(&input, self.max_batch) {
            // A graph that states no shape shows only now that it disagrees.
            Err(ModelError::Run { why, .. }) => Err(ModelError::Manifest {
                path: settings.path.clone(),
                faults: vec![ManifestFault::new(
                    "inputs",
                    format!("the graph does not run with what the manifest describes: {why}"),
                    "mend the manifest's numbers or export the graph again",
                )],
            }),
            outcome => outcome.map(drop),
        }
    }

    fn title(&self) -> String {
        title(&self.manifest)
    }
}

fn title(manifest: &Manifest) -> String {
    format!("{} {}", manifest.name, manifest.version)
}

/// Logits f32 `[batch, labels]`, or why there are none.
fn infer(
    session: &mut Session,
    manifest: &Manifest,
    input: &ModelInput<'_>,
    batch: usize,
) -> Result<Vec<f32>, String> {
    let Some(steps) = &manifest.steps else {
        let outputs = session.run(feeds(input, batch)?).map_err(told)?;
        return logits(&outputs, manifest, batch);
    };
    // Each look goes on from the latents of the one before; the first from those in the file.
    let mut latents: Option<DynValue> = None;
    for look in 1..=steps.looks {
        let mut feeds = feeds(input, batch)?;
        if let Some(latents) = &latents {
            feeds.push((&steps.latents, latents.into()));
        }
        let mut outputs = session.run(feeds).map_err(told)?;
        if look == steps.looks {
            return logits(&outputs, manifest, batch);
        }
        let given = outputs.remove(&steps.gives);
        latents = Some(given.ok_or_else(|| format!("there is no output `{}`", steps.gives))?);
    }
    Err("the manifest says 0 looks".into())
}

fn told(error: ort::Error) -> String {
    error.to_string()
}

/// The values of `input` as tensors that share its memory.
fn feeds<'a>(
    input: &ModelInput<'a>,
    batch: usize,
) -> Result<Vec<(&'a str, SessionInputValue<'a>)>, String> {
    let tensor = |feed: &Feed<'a>| {
        let shape: Vec<usize> = std::iter::once(batch).chain(feed.shape.iter().copied()).collect();
        let value = match feed.values {
            Values::F32(values) => {
                TensorRef::from_array_view((shape, values)).map_err(told)?.into()
            }
            Values::U8(values) => TensorRef::from_array_view((shape, values)).map_err(told)?.into(),
        };
        Ok((feed.name, value))
    };
    input.feeds.iter().map(tensor).collect()
}

fn logits(
    outputs: &SessionOutputs<'_>,
    manifest: &Manifest,
    batch: usize,
) -> Result<Vec<f32>, String> {
    let output = &manifest.output;
    let (shape, values) = outputs
        .get(&output.name)
        .ok_or_else(|| format!("there is no output `{}`", output.name))?
        .try_extract_tensor::<f32>()
        .map_err(told)?;
    if **shape != [batch as i64, output.labels.len() as i64] {
        return Err(format!(
            "output `{}` is {shape}, not [{batch}, {}]",
            output.name,
            output.labels.len()
        ));
    }
    Ok(values.to_vec())
}

fn ports(outlets: &[Outlet]) -> Vec<Port> {
    let port = |outlet: &Outlet| Port {
        name: outlet.name().to_owned(),
        dtype: outlet.dtype().tensor_type().map_or("not a tensor", dtype),
        shape: outlet
            .dtype()
            .tensor_shape()
            .map(|shape| shape.iter().map(|&size| u64::try_from(size).ok()).collect()),
    };
    outlets.iter().map(port).collect()
}

fn dtype(kind: TensorElementType) -> &'static str {
    match kind {
        TensorElementType::Float32 => "f32",
        TensorElementType::Float16 => "f16",
        TensorElementType::Bfloat16 => "bf16",
        TensorElementType::Float64 => "f64",
        TensorElementType::Uint8 => "u8",
        TensorElementType::Int8 => "i8",
        TensorElementType::Int32 => "i32",
        TensorElementType::Int64 => "i64",
        TensorElementType::Bool => "bool",
        _ => "of another type",
    }
}
