//! `rootcontract plan`: what would be built, in words and as a line for a shell.

use std::ffi::OsString;
use std::process::ExitCode;

use anstyle::Style;
use clap::{ArgAction, Args};
use rootcontract::buildroot::Invocation;
use rootcontract::plan::{Access, Environment, Missing, Namespace, Op, Plan as Planned, Preparation};
use rootcontract::report::show::{beside, shown};

use super::failure::{Failure, tell};
use super::sandbox::Sandbox;
use super::{line, output};

/// Say what would be built, in words and as a bubblewrap line to paste
#[derive(Debug, Args)]
#[command(mut_arg("profiles", |profile| profile.action(ArgAction::Set)), after_help = "Examples:
  rootcontract plan
  rootcontract plan --profile osbuild-v19 -- /usr/bin/findmnt
  rootcontract plan --profile hardened")]
pub struct Plan {
    #[command(flatten)]
    sandbox: Sandbox,
    /// What would run in it [default: /bin/sh]
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

impl Plan {
    pub fn perform(self) -> Result<ExitCode, Failure> {
        let profile = self.sandbox.profile();
        let root = self.sandbox.builder(profile)?.open()?;
        root.warnings().iter().for_each(|warning| tell(&format!("warning: {warning}")));
        let command = if self.command.is_empty() { vec![line::SHELL.into()] } else { self.command };
        let plan = root.plan(&Invocation::new(command));
        let (elsewhere, _) = line::moved(&root, &plan);
        let mut text = in_words(&elsewhere, &format!("{profile}, in this order:")).replace(line::SCRATCH, "SCRATCH");
        text += &format!(
            "\nSCRATCH is a directory of rootcontract's own, which goes with the build root. As a line for a shell:\n{}\n",
            shown(&line::paste(&root, &plan))
        );
        root.close()?;
        output::print(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn in_words(plan: &Planned, title: &str) -> String {
    const BOLD: Style = Style::new().bold();
    let mut rows: Vec<(String, String)> = plan.before.iter().map(prepared).collect();
    for op in &plan.ops {
        let (subject, words) = described(op);
        match rows.last_mut() {
            // Nineteen capabilities are one thing to say.
            Some((last, names)) if matches!(op, Op::AddCapability(_)) && *last == subject => {
                names.push_str(", ");
                names.push_str(&words);
            }
            _ => rows.push((subject, words)),
        }
    }
    let environment = match &plan.environment {
        Environment::Clean(_) => "exactly these variables",
        Environment::Inherited(_) => "the caller's, and these variables",
    };
    rows.push(("environment".to_owned(), environment.to_owned()));
    rows.extend(plan.environment.set().iter().map(|(name, value)| (format!("  {}", said(name)), said(value))));
    rows.push(("command".to_owned(), plan.command.iter().map(said).collect::<Vec<_>>().join(" ")));
    let lines = rows.iter().map(|(subject, words)| beside(&format!("  {subject}"), 30, words));
    std::iter::once(format!("{BOLD}{title}{BOLD:#}\n")).chain(lines).collect()
}

/// What is done before bubblewrap starts, in the same way.
fn prepared(step: &Preparation) -> (String, String) {
    match step {
        Preparation::Tmpfs { at, mode, size } => {
            ("tmpfs of its own".to_owned(), format!("{} of {size} bytes, {mode:04o}", said(&at.0)))
        }
        Preparation::AwaitTracer(filter) => {
            ("tracer".to_owned(), format!("waited for; it hears of calls by a filter of {} instructions", filter.len()))
        }
        Preparation::HostName(name) => ("host name".to_owned(), format!("{}, and no domain name", said(name))),
        Preparation::LeaveKeyring => ("session keyring".to_owned(), "a new one".to_owned()),
        Preparation::GoFirst => ("out of memory".to_owned(), "it goes before others".to_owned()),
        Preparation::Settle => {
            ("process".to_owned(), "priorities, execution domain and soft limits as on any machine".to_owned())
        }
    }
}

/// What an operation is about, and what it does.
fn described(op: &Op) -> (String, String) {
    match op {
        Op::DropAllCapabilities => ("capabilities".to_owned(), "none but those that follow".to_owned()),
        Op::DropCapability(capability) => ("capability dropped".to_owned(), capability.to_string()),
        Op::AddCapability(capability) => ("capabilities given".to_owned(), capability.to_string()),
        Op::Chdir(to) => ("working directory".to_owned(), said(&to.0)),
        Op::DieWithParent => ("end".to_owned(), "with the process that started it".to_owned()),
        Op::NewSession => ("session".to_owned(), "its own, without a terminal".to_owned()),
        Op::SetVariable(name, value) => (format!("variable {}", said(name)), said(value)),
        Op::Unshare(namespace) => ("namespace of its own".to_owned(), named(*namespace).to_owned()),
        Op::Bind { from, to, access, missing } => {
            let optional = match missing {
                Missing::Fail => "",
                Missing::Skip => ", if it is there",
            };
            (said(&to.0), format!("{}, {}{optional}", said(&from.0), mode(*access)))
        }
        Op::Symlink { target, at } => (said(&at.0), format!("link to {}", said(target))),
        Op::Tmpfs { at, size: None } => (said(&at.0), "empty tmpfs".to_owned()),
        Op::Tmpfs { at, size: Some(size) } => (said(&at.0), format!("empty tmpfs of {size} bytes")),
        Op::Dir(at) => (said(&at.0), "empty directory".to_owned()),
        Op::Proc(at) => (said(&at.0), "procfs of its pid namespace".to_owned()),
        Op::Seccomp(filter) => ("system call filter".to_owned(), said(&filter.0)),
    }
}

fn named(namespace: Namespace) -> &'static str {
    match namespace {
        Namespace::Ipc => "ipc",
        Namespace::Pid => "pid",
        Namespace::Net => "net",
        Namespace::Uts => "uts",
        Namespace::Cgroup => "cgroup",
    }
}

fn mode(access: Access) -> &'static str {
    match access {
        Access::ReadOnly => "read-only",
        Access::ReadWrite => "read-write",
        Access::Device => "read-write, devices work",
    }
}

/// A word from outside, to be shown.
fn said(word: impl AsRef<std::ffi::OsStr>) -> String {
    use std::os::unix::ffi::OsStrExt;
    rootcontract::facts::text::escape(word.as_ref().as_bytes())
}
