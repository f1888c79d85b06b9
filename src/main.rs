//! The command.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == rootcontract::buildroot::supervisor::ARGUMENT) {
        return rootcontract::buildroot::supervisor::main();
    }
    ExitCode::SUCCESS
}
