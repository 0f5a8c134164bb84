//! The program `otel-messaging`.

use std::process::ExitCode;

fn main() -> ExitCode {
    otel_messaging_cli::main()
}
