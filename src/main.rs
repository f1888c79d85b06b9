//! `rootcontract`: the command. The library's documentation has the picture, `cli` the words.

mod cli;

use std::process::ExitCode;

use rootcontract::buildroot::supervisor;
use rootcontract::escapes::launcher;

fn main() -> ExitCode {
    let hidden = match std::env::args_os().nth(1) {
        Some(argument) if argument == supervisor::ARGUMENT => supervisor::main,
        Some(argument) if argument == launcher::ARGUMENT => launcher::main,
        Some(_) | None => return cli::main(),
    };
    cli::no_backtraces(1);
    hidden()
}
