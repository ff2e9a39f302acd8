//! Every metric's name, in Prometheus's base units, written once.
//!
//! `docs/metrics.md` says what each one means; a test holds the two together.

/// Defines the names and [`ALL`], so that none can be left out of it.
macro_rules! names {
    ($($constant:ident = $name:literal;)*) => {
        $(pub const $constant: &str = $name;)*

        /// All of the above, without the process collector's.
        pub const ALL: &[&str] = &[$($constant),*];
    };
}

names! {
    BUILD_INFO = "percept_build_info";
    MODEL_INFO = "percept_model_info";

    STREAM_UP = "percept_stream_up";
    STREAM_RECONNECTS = "percept_stream_reconnects_total";
    STREAM_LAST_FRAME = "percept_stream_last_frame_timestamp_seconds";
    STREAM_ERRORS = "percept_stream_errors_total";
    FRAMES_DECODED = "percept_frames_decoded_total";
    FRAMES_SKIPPED = "percept_frames_skipped_total";
    FRAMES_CORRUPT = "percept_frames_corrupt_total";
    DISCONTINUITIES = "percept_timestamp_discontinuities_total";
    AUDIO_DECODED = "percept_audio_decoded_seconds_total";
    AUDIO_ERRORS = "percept_audio_errors_total";
    AUDIO_GAPS = "percept_audio_gaps_total";
    AUDIO_SILENCE = "percept_audio_silence_seconds_total";
    AUDIO_TRIMMED = "percept_audio_trimmed_seconds_total";
    AUDIO_OVERRUNS = "percept_audio_overruns_total";
    AUDIO_DRIFT = "percept_audio_drift_seconds";
    AUDIO_MICROPHONE_UP = "percept_audio_microphone_up";
    WINDOWS_WITHOUT_SOUND = "percept_audio_windows_without_sound_total";
    WINDOWS = "percept_windows_total";
    WINDOWS_DROPPED = "percept_windows_dropped_total";
    LATENCY = "percept_end_to_end_latency_seconds";
    LABEL_SCORE = "percept_label_score";
    LABEL_ACTIVE = "percept_label_active";
    EVENTS = "percept_events_total";

    INFERENCE_DURATION = "percept_inference_duration_seconds";
    INFERENCE_ERRORS = "percept_inference_errors_total";
    BATCH_SIZE = "percept_batch_size";

    QUEUE_LENGTH = "percept_queue_length";
    QUEUE_CAPACITY = "percept_queue_capacity";

    SINK_SENT = "percept_sink_events_total";
    SINK_DROPPED = "percept_sink_events_dropped_total";
    SINK_ERRORS = "percept_sink_errors_total";
}
