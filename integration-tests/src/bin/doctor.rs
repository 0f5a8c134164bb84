//! The program `otel-messaging`, for tests of this package.

fn main() -> std::process::ExitCode {
    otel_messaging_cli::main()
}
