//! Whose scriptlets they were that ran.

use crate::rpm::package::Package;
use crate::rpm::said;
use crate::rpm::scriptlet::{Language, Scriptlet};
use crate::rpm::trace::Ran;
use crate::rpm::verdict::Scenario;

/// For each that ran which of the package's scriptlets it was, if it was one.
pub fn whose(package: &Package, scenario: Scenario, ran: &[Ran]) -> Vec<Option<usize>> {
    let mut found = vec![None; ran.len()];
    // By what tells it for sure first, so that nobody takes what is another's.
    for is_it in [is_certainly, is_perhaps] {
        for (at, ran) in ran.iter().enumerate() {
            let is_free = |number: usize| !found.contains(&Some(number));
            let mut all = package.scriptlets.iter().enumerate();
            let one = all.find(|(number, one)| scenario.has(one.slot) && is_free(*number) && is_it(package, one, ran));
            found[at] = found[at].or(one.map(|(number, _)| number));
        }
    }
    found
}

/// By its script, or where it has none by its interpreter; Lua by its name.
fn is_certainly(package: &Package, scriptlet: &Scriptlet, ran: &Ran) -> bool {
    match &scriptlet.body {
        _ if scriptlet.language() == Language::Lua => said::name(package, scriptlet.slot).as_bytes() == ran.name,
        _ if !ran.name.is_empty() => false,
        Some(body) => ran.has(body.as_bytes()),
        None => ran.script.is_empty() && is_interpreted(scriptlet, ran),
    }
}

/// By its interpreter, where its script is another when it runs, or was not read: moments come in the order of the tags.
fn is_perhaps(_: &Package, scriptlet: &Scriptlet, ran: &Ran) -> bool {
    let is_made_then = scriptlet.flags.expands() || scriptlet.flags.formats();
    let is_unread = ran.script.is_empty() || scriptlet.body.is_none();
    scriptlet.language() != Language::Lua
        && ran.name.is_empty()
        && (is_made_then || is_unread)
        && is_interpreted(scriptlet, ran)
}

/// Whether it began with the words of a scriptlet's interpreter. Of long ones only the beginning is kept.
fn is_interpreted(scriptlet: &Scriptlet, ran: &Ran) -> bool {
    let mut words =
        std::iter::once(scriptlet.program()).chain(scriptlet.interpreter.iter().skip(1).map(String::as_str));
    let mut kept = ran.arguments.iter();
    words.all(|word| kept.next().is_some_and(|kept| word.as_bytes().starts_with(kept)))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::rpm::scriptlet::{Flags, Slot};

    const EXPANDED: Flags = Flags(1);

    fn scriptlet(slot: Slot, interpreter: &[&str], body: Option<&str>, flags: Flags) -> Scriptlet {
        let interpreter = interpreter.iter().copied().map(str::to_owned).collect();
        Scriptlet { slot, interpreter, body: body.map(str::to_owned), flags, conditions: Vec::new(), priority: None }
    }

    fn ran(arguments: &str, script: &str) -> Ran {
        let mut ran = Ran::default();
        ran.arguments = arguments.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        ran.script = script.as_bytes().to_vec();
        ran
    }

    /// Of a package with a `%pre` that is expanded, a `%post`, a `%posttrans` of a program, and a trigger like the `%post`.
    #[rstest]
    #[case::by_its_script(&[("/bin/sh /s 1", "true\n")], &[Some(1)])]
    #[case::by_its_program(&[("/sbin/ldconfig", "")], &[Some(2)])]
    #[case::with_other_options(&[("/sbin/ldconfig -r", "")], &[Some(2)])]
    #[case::by_its_interpreter(&[("/bin/sh -e /s 1", "echo 64")], &[Some(0)])]
    #[case::no_interpreter_of_its(&[("/bin/sh /s 1", "echo 64")], &[None])]
    #[case::one_that_was_not_read(&[("/bin/sh /s 1", "")], &[Some(1)])]
    #[case::no_script_of_its(&[("/usr/bin/perl /s 1", "")], &[None])]
    #[case::each_once(&[("/bin/sh /s 1", "true"), ("/bin/sh /s", "true"), ("/bin/sh /s", "true")], &[Some(1), Some(3), None])]
    #[case::the_sure_ones_first(&[("/bin/sh /s 1", ""), ("/bin/sh /s 1", "true"), ("/bin/sh /s", "true")], &[None, Some(1), Some(3)])]
    fn what_ran_is_known(#[case] seen: &[(&str, &str)], #[case] expected: &[Option<usize>]) {
        let scriptlets = vec![
            scriptlet(Slot::Pre, &["/bin/sh", "-e"], Some("echo %{bits}"), EXPANDED),
            scriptlet(Slot::Post, &[], Some("true"), Flags::default()),
            scriptlet(Slot::Posttrans, &["/sbin/ldconfig"], None, Flags::default()),
            scriptlet(Slot::Triggerin, &["/bin/sh"], Some("true"), Flags::default()),
        ];
        let package = Package::nameless(scriptlets);
        let seen: Vec<Ran> = seen.iter().map(|(arguments, script)| ran(arguments, script)).collect();
        assert_eq!(whose(&package, Scenario::Install, &seen), expected);
    }
}
