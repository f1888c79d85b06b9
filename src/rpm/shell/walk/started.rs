//! Programs that only start another one: `env X=1 nice -n 5 program`.

use super::super::word::Text;
use super::simple::base;

/// How such a program is called.
struct Starter {
    name: &'static str,
    /// Options whose value is the next word.
    valued: &'static [&'static str],
    /// How many words come before the program that are no options.
    operands: usize,
}

const fn starter(name: &'static str, valued: &'static [&'static str], operands: usize) -> Starter {
    Starter { name, valued, operands }
}

/// Those of coreutils, util-linux, findutils and the shell, by their manuals.
const STARTERS: [Starter; 18] = [
    starter("exec", &["-a"], 0),
    starter("command", &[], 0),
    starter("builtin", &[], 0),
    starter("env", &["-u", "--unset", "-C", "--chdir"], 0),
    starter("nohup", &[], 0),
    starter("time", &["-f", "-o"], 0),
    starter("nice", &["-n", "--adjustment"], 0),
    starter("ionice", &["-c", "-n", "--class", "--classdata"], 0),
    starter("chrt", &["-p"], 1),
    starter("stdbuf", &["-i", "-o", "-e"], 0),
    starter("timeout", &["-k", "-s", "--kill-after", "--signal"], 1),
    starter("sudo", &["-u", "-g", "-h", "-p", "-C", "-r", "-t", "--user", "--group"], 0),
    starter("runuser", &["-u", "--user", "-g", "--group", "-G", "--supp-group"], 0),
    starter("setpriv", &["--reuid", "--regid", "--groups", "--bounding-set"], 0),
    starter("setsid", &[], 0),
    starter("flock", &["-w", "-E", "--timeout"], 1),
    starter("xargs", &["-I", "-n", "-L", "-P", "-s", "-d", "-a", "-E"], 0),
    starter("unshare", &["-S", "-G", "-R", "-w"], 0),
];

/// The command behind those that only start it.
pub fn started(mut words: Vec<Text>) -> Vec<Text> {
    loop {
        let name = words[0].value.as_deref().map(base);
        let from = match name {
            Some("find") => executed(&words),
            Some(name) => STARTERS.iter().find(|starter| starter.name == name).and_then(|one| one.program(&words)),
            None => None,
        };
        match from {
            Some(from) => drop(words.drain(..from)),
            None => return words,
        }
    }
}

impl Starter {
    /// Where the program stands that it starts.
    fn program(&self, words: &[Text]) -> Option<usize> {
        // With `-c` it has a shell start what comes, and `runuser NAME` is a shell's start.
        if matches!(self.name, "runuser" | "flock") && words.iter().any(|word| word.written == "-c") {
            return None;
        }
        let (mut at, mut operands, mut options) = (1, self.operands, true);
        loop {
            let word = words.get(at)?.written.as_str();
            at += match word {
                "--" if options => {
                    options = false;
                    1
                }
                _ if options && self.valued.contains(&word) => 2,
                _ if options && word.len() > 1 && word.starts_with('-') => 1,
                _ if self.name == "env" && word.contains('=') => 1,
                _ if operands > 0 => {
                    operands -= 1;
                    1
                }
                _ => return Some(at),
            };
        }
    }
}

/// Where the program stands that `find` starts.
fn executed(words: &[Text]) -> Option<usize> {
    let is_exec = |word: &Text| matches!(word.written.as_str(), "-exec" | "-execdir" | "-ok");
    let at = words.iter().position(is_exec)? + 1;
    (at < words.len()).then_some(at)
}
