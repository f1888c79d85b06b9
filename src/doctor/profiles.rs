//! Whether each profile's build root can be opened here, and a program run in it: what all the rest comes to.

use std::path::Path;
use std::time::Duration;

use super::bubblewrap::Bubblewrap;
use super::check::{Check, Question};
use crate::arch;
use crate::binfmt::trial::{self, CODE};
use crate::buildroot::{BuildRoot, Completed, Invocation, Outcome};
use crate::contract::Word;
use crate::facts::launch::Privilege;
use crate::profile::Profile;
use crate::report::show::line;

/// How long the program may take: it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a root was opened with, or why there was none; `None` where no bubblewrap answers.
type Tried = Option<Result<Privilege, String>>;

/// What came of each profile.
pub(super) fn read(bubblewrap: &Bubblewrap) -> Vec<(Profile, Tried)> {
    let bwrap = bubblewrap.answering();
    Profile::ALL.into_iter().map(|profile| (profile, bwrap.map(|bwrap| tried(profile, bwrap)))).collect()
}

/// Opens a root made of `/`, and runs the smallest program in it, in the runner's place as the probe is.
fn tried(profile: Profile, bwrap: &Path) -> Result<Privilege, String> {
    let native = arch::native().ok_or("this architecture is none that rootcontract knows")?;
    let program = trial::file(native).map_err(|error| format!("write a program to try: {}", line(&error)))?;
    let root = BuildRoot::builder("/").profile(profile).bwrap(bwrap).runner(&program).open();
    let root = root.map_err(|error| line(&error))?;
    let done = root.run(Invocation::new(["trial"]).deadline(PATIENCE)).map_err(|error| line(&error));
    let privilege = root.privilege();
    let closed = root.close().map_err(|error| format!("close the root: {}", line(&error)));
    ran(&done?)?;
    closed.map(|()| privilege)
}

fn ran(done: &Completed) -> Result<(), String> {
    let said = done.stderr.text();
    match (&done.outcome, said.trim_end().lines().next_back()) {
        (Outcome::Exited(CODE), _) => Ok(()),
        (Outcome::SetupFailed(why), _) => Err(why.clone()),
        (_, Some(last)) => Err(last.to_owned()),
        (outcome, None) => Err(format!("the program that was tried ended with {outcome:?}")),
    }
}

pub(super) fn checks(read: &[(Profile, Tried)]) -> Vec<Check> {
    read.iter().map(|(profile, tried)| check(*profile, tried.as_ref())).collect()
}

fn check(profile: Profile, tried: Option<&Result<Privilege, String>>) -> Check {
    let question = Question::required(format!("profile.{profile}"), "This is what everything else is for.");
    match tried {
        None => question.unknown("no sandbox can be built", "see bwrap.starts"),
        Some(Ok(privilege)) => {
            question.ok(format!("a program ran in a build root made of `/`, with privilege {}", privilege.as_str()))
        }
        Some(Err(why)) => {
            let mend = format!(
                "what else is missing; where nothing is, `rootcontract run --profile {profile} -- CMD` says more"
            );
            question.missing(why, mend)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{State, said};
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::no_sandbox(None, State::Unknown, "no sandbox can be built")]
    #[case::it_ran(
        Some(Ok(Privilege::UsernsSingle)),
        State::Ok,
        "a program ran in a build root made of `/`, with privilege userns-single"
    )]
    #[case::it_did_not(Some(Err("cannot open the root".to_owned())), State::Missing, "cannot open the root")]
    fn a_profile_is_what_came_of_trying_it(#[case] tried: Tried, #[case] state: State, #[case] found: &str) {
        let checks = checks(&[(Profile::OsbuildV190, tried)]);
        let (_, is, says, _) = said(&checks, "profile.osbuild-v190");
        assert_eq!((is, says), (state, found));
    }
}
