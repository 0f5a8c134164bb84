//! The lines of the log that this crate writes, through `tracing`.

/// The target of these lines and of the spans of `tracing`, as in `RUST_LOG=otel_messaging=info`.
pub(crate) const TARGET: &str = "otel_messaging";

/// Writes a line of the level WARN. It is OpenTelemetry's `otel_warn!` with a target that can be
/// chosen: that one takes the package's name, which has a hyphen.
macro_rules! warn_line {
    (name: $name:literal, $($key:ident = $value:expr),+ $(,)?) => {
        #[cfg(feature = "internal-logs")]
        tracing::warn!(
            name: $name,
            target: $crate::loss::log::TARGET,
            name = $name,
            $($key = $value),+
        );
        #[cfg(not(feature = "internal-logs"))]
        let _ = ($crate::loss::log::TARGET, $name, $($value),+);
    };
}

pub(crate) use warn_line;
