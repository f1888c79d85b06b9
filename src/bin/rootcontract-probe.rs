//! The binary that runs inside the sandbox. All of it is in [`rootcontract::probe`].

fn main() -> std::process::ExitCode {
    rootcontract::probe::main()
}
