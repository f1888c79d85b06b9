//! Every parser of foreign bytes, with what has to hold whatever the bytes are: where it does not, it panics.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::LazyLock;

use nix::sys::memfd::{MFdFlags, memfd_create};
use rootcontract::binfmt::{Handler, State};
use rootcontract::contract::Contract;
use rootcontract::facts::{self, Document, frame, text};
use rootcontract::matrix::Wanted;
use rootcontract::rpm::judge::{Asked, Judge};
use rootcontract::rpm::package::Package;
use rootcontract::rpm::reading::Reading;
use rootcontract::rpm::scriptlet::Slot;
use rootcontract::rpm::verdict::{Scenario, USUAL};
use rootcontract::tree::Header;
use rootcontract::upgrade::consumer::Consumer;
use rootcontract::waiver::Waivers;
use rootcontract::{bwrap, machine, report, verify};

/// What reads bytes from outside.
type Reader = fn(&[u8]);

/// All of them, by the names that their programs and, in `corpora`, their inputs go by.
pub const TARGETS: [(&str, Reader); 18] = [
    ("binfmt", handler),
    ("consumer", consumer),
    ("contract", contract),
    ("elf", elf),
    ("environ", environ),
    ("facts", document),
    ("machine", of_a_machine),
    ("matrix", matrix),
    ("mountinfo", mountinfo),
    ("proc", proc),
    ("report", of_a_check),
    ("rpm", package),
    ("script", script),
    ("sealed", sealed),
    ("status", status),
    ("status-fd", status_line),
    ("text", escaped),
    ("waivers", waivers),
];

/// A message fits on a line and says nothing to a terminal.
fn is_told_in_a_line(error: &dyn std::error::Error) {
    let mut next = Some(error);
    while let Some(error) = next {
        let told = report::show::shown(&error.to_string());
        assert!(!told.contains('\n') && !told.contains('\u{1b}'), "{told}");
        next = error.source();
    }
}

fn handler(bytes: &[u8]) {
    let _ = State::parse(bytes);
    let _ = Handler::parse("handler", bytes);
}

fn consumer(bytes: &[u8]) {
    if let Err(told) = Consumer::parse("consumer", bytes) {
        assert!(!told.contains('\n'), "{told}");
    }
}

fn contract(bytes: &[u8]) {
    match Contract::parse("contract.toml", bytes) {
        Ok(contract) => drop(contract.lint(&String::from_utf8_lossy(bytes))),
        Err(error) => is_told_in_a_line(&error),
    }
}

fn elf(bytes: &[u8]) {
    let mut file = File::from(memfd_create(c"elf", MFdFlags::MFD_CLOEXEC).expect("a file"));
    file.write_all(bytes).expect("room");
    if let Some(header) = Header::read(&file).expect("a file that can be read") {
        assert!(header.interpreter().is_none_or(|loader| loader.len() <= 4 * 256), "{header}");
    }
}

fn environ(bytes: &[u8]) {
    for (name, value) in facts::environ::parse(bytes).variables {
        let again = text::unescape(&name).expect("escaped");
        assert!(!again.is_empty() && !again.contains(&b'=') && !again.contains(&0), "{name}");
        assert!(value.is_none_or(|value| text::unescape(&value).is_some()), "{name}");
    }
}

/// Facts that are read are the same when they are written and read again, and can be held against a contract.
fn document(bytes: &[u8]) {
    let Ok(document) = Document::from_json(bytes) else { return };
    let value = serde_json::to_value(&document).expect("JSON");
    let again = Document::from_json(&serde_json::to_vec(&document).expect("JSON")).expect("the same facts");
    assert!(again == document);
    static CONTRACT: LazyLock<Contract> = LazyLock::new(|| Contract::builtin("osbuild-v190").expect("a contract"));
    let contract = &*CONTRACT;
    let findings = verify::verify(contract, &value);
    assert!(findings.len() >= contract.clauses.len());
}

fn of_a_machine(bytes: &[u8]) {
    if let Ok(Some(report)) = machine::report::parse(bytes) {
        assert!(report.stdout.len() + report.stderr.len() < bytes.len());
    }
}

fn matrix(bytes: &[u8]) {
    if let Err(error) = Wanted::parse("matrix.toml", bytes, Path::new("ci")) {
        is_told_in_a_line(&error);
    }
}

fn mountinfo(bytes: &[u8]) {
    let Ok(rows) = facts::mount::parse(bytes) else { return };
    assert!(facts::mount::visible(&rows).len() <= rows.len());
}

/// Every other file of `/proc` that is read.
fn proc(bytes: &[u8]) {
    let _ = facts::auxv::parse(bytes);
    let _ = facts::cgroup::parse(bytes);
    let _ = facts::ipc::parse(bytes);
    let _ = facts::keys::parse(bytes);
    let _ = facts::limits::parse(bytes);
    let _ = facts::user::parse(bytes);
    let _ = facts::network::interfaces(bytes);
    let _ = facts::network::addresses(bytes);
    let _ = facts::network::addresses6(bytes);
    let _ = facts::network::routes(bytes);
    let _ = facts::network::routes6(bytes);
    let _ = facts::network::abstract_sockets(bytes);
    let _ = facts::system::time(bytes);
    let _ = facts::process::controlling_terminal(bytes);
    let _ = facts::process::alone::<u64>(bytes);
    assert!(text::unescape(&facts::descriptor::target(bytes)).is_some());
}

fn of_a_check(bytes: &[u8]) {
    match report::Document::parse(bytes) {
        Ok(document) => drop(serde_json::to_vec(&document).expect("JSON")),
        Err(error) => is_told_in_a_line(&error),
    }
}

/// What the probe says, and what is sealed here although no probe has said it.
fn sealed(bytes: &[u8]) {
    const NONCE: &str = "0123456789abcdef";
    for said in [bytes.to_vec(), frame::seal(bytes, NONCE), frame::seal(bytes, frame::NO_NONCE)] {
        for opened in [frame::open_saved(&said), frame::open(&said, NONCE)] {
            if let Err(damage) = opened {
                is_told_in_a_line(&damage);
            }
        }
    }
}

/// What can be read can be judged.
fn package(bytes: &[u8]) {
    match Package::read(&mut &*bytes) {
        Ok(package) => judge(package),
        Err(error) => is_told_in_a_line(&error),
    }
}

fn script(bytes: &[u8]) {
    for slot in [Slot::Pre, Slot::Postun] {
        judge(Package::of_script(&mut &*bytes, slot).expect("a script"));
    }
}

fn judge(package: Package) {
    static CONTRACT: LazyLock<Contract> = LazyLock::new(|| Contract::builtin("osbuild-v190").expect("a contract"));
    static JUDGE: LazyLock<Judge> = LazyLock::new(|| Judge::new(&CONTRACT, "x86_64"));
    let asked = Asked { scenarios: Scenario::ALL.to_vec(), versions: USUAL.to_vec() };
    let report = JUDGE.judge("mypkg.rpm", &Reading::of(package), &asked);
    let shown = report.findings.iter().filter_map(|finding| finding.line.as_ref());
    assert!(shown.flat_map(|line| line.chars()).all(|character| !character.is_control()));
}

fn status(bytes: &[u8]) {
    let Ok(status) = facts::status::parse(bytes) else { return };
    let _ = status.number::<u64>("Threads");
    let _ = status.flag("NoNewPrivs");
    let _ = status.list::<u32>("Groups");
    let _ = status.mask("CapEff");
    let _ = status.population("Cpus_allowed");
    let _ = status.ids("Uid");
    let _ = status.umask();
}

fn status_line(bytes: &[u8]) {
    let _ = bwrap::exit_code(bytes);
}

/// What has been escaped is the same when it is read back, and without harm.
fn escaped(bytes: &[u8]) {
    let shown = text::escape(bytes);
    assert!(shown.chars().all(|character| !character.is_control()), "{shown}");
    assert_eq!(text::unescape(&shown).as_deref(), Some(bytes));
    assert!(report::show::shown(&String::from_utf8_lossy(bytes)).chars().all(|character| !character.is_control()));
}

fn waivers(bytes: &[u8]) {
    if let Err(error) = Waivers::parse("waivers.toml", bytes) {
        is_told_in_a_line(&error);
    }
}
