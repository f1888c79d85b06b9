//! `rootcontract`: the command. The library's documentation has the picture, `cli` the words.

mod cli;

use std::process::ExitCode;

use rootcontract::buildroot::supervisor;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == supervisor::ARGUMENT) {
        cli::no_backtraces(1);
        return supervisor::main();
    }
    cli::main()
}
