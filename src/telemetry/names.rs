//! Every metric's name, in Prometheus's base units.

pub const BUILD_INFO: &str = "percept_build_info";
pub const MODEL_INFO: &str = "percept_model_info";

pub const STREAM_UP: &str = "percept_stream_up";
pub const STREAM_RECONNECTS: &str = "percept_stream_reconnects_total";
pub const STREAM_LAST_FRAME: &str = "percept_stream_last_frame_timestamp_seconds";
pub const STREAM_ERRORS: &str = "percept_stream_errors_total";
pub const FRAMES_DECODED: &str = "percept_frames_decoded_total";
pub const FRAMES_SKIPPED: &str = "percept_frames_skipped_total";
pub const FRAMES_CORRUPT: &str = "percept_frames_corrupt_total";
pub const DISCONTINUITIES: &str = "percept_timestamp_discontinuities_total";
pub const WINDOWS: &str = "percept_windows_total";
pub const WINDOWS_DROPPED: &str = "percept_windows_dropped_total";
pub const LATENCY: &str = "percept_end_to_end_latency_seconds";
pub const LABEL_SCORE: &str = "percept_label_score";
pub const LABEL_ACTIVE: &str = "percept_label_active";
pub const EVENTS: &str = "percept_events_total";

pub const INFERENCE_DURATION: &str = "percept_inference_duration_seconds";
pub const INFERENCE_ERRORS: &str = "percept_inference_errors_total";
pub const BATCH_SIZE: &str = "percept_batch_size";

pub const QUEUE_LENGTH: &str = "percept_queue_length";
pub const QUEUE_CAPACITY: &str = "percept_queue_capacity";

pub const SINK_SENT: &str = "percept_sink_events_total";
pub const SINK_DROPPED: &str = "percept_sink_events_dropped_total";
pub const SINK_ERRORS: &str = "percept_sink_errors_total";
