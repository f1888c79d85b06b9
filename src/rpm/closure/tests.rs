use std::path::PathBuf;

use rstest::rstest;

use super::*;

/// A package in a line: `name version [architecture] | requires a >= 1 | pre b | provides c = 2 | has /usr/bin/d`.
fn offer(line: &str) -> Offer {
    let mut parts = line.split(" | ");
    let words: Vec<&str> = parts.next().expect("a name").split(' ').collect();
    let [name, version] = [words[0], words[1]].map(str::to_owned);
    let own = Capability::of_versions(&name, "=", &version).expect("an operator");
    let file = PathBuf::from(format!("{name}-{version}.rpm"));
    let arch = words.get(2).unwrap_or(&"x86_64").to_string();
    let mut offer = Offer { file, name, version, arch, provides: vec![own], ..Offer::default() };
    for part in parts {
        let (verb, what) = part.split_once(' ').expect("a verb");
        let capability = capability(what);
        match verb {
            "provides" => offer.provides.push(capability),
            "has" => offer.files.push(merged(what)),
            "requires" => offer.requires.push(capability),
            moment => {
                let bit = MOMENTS.iter().find(|(slot, _)| slot.to_string()[1..] == *moment).map(|(_, bit)| bit);
                let flags = capability.flags | bit.expect("a moment");
                offer.requires.push(Capability { flags, ..capability });
            }
        }
    }
    offer
}

fn capability(text: &str) -> Capability {
    match text.split(' ').collect::<Vec<_>>().as_slice() {
        [name, operator, version] if !text.starts_with('(') => {
            Capability::of_versions(name, operator, version).expect("an operator")
        }
        _ => Capability::named(text),
    }
}

/// The names of the packages that were taken, and what is missing, in words.
fn closed(at_hand: &[&str], package: &str) -> (String, Vec<String>) {
    let at_hand = AtHand::of(at_hand.iter().map(|line| offer(line)).collect());
    let package = offer(package);
    let closure = Closure::of(&package, &at_hand, "x86_64");
    let names: Vec<String> = closure.packages.iter().map(|offer| format!("{}-{}", offer.name, offer.version)).collect();
    let missing =
        closure.missing.iter().map(|missing| format!("{}: {} {:?}", missing.by.name, missing.wanted, missing.why));
    (names.join(" "), missing.collect())
}

#[rstest]
#[case::what_is_required_for_a_scriptlet(&["a 1", "b 1"], "p 1 | pre a", "a-1")]
#[case::and_not_what_is_only_required(&["a 1", "b 1"], "p 1 | requires b | post a", "a-1")]
#[case::and_all_that_it_requires(&["a 1 | requires b", "b 1 | requires c", "c 1", "d 1"], "p 1 | pre a", "a-1 b-1 c-1")]
#[case::for_whatever_scriptlet(&["a 1", "b 1", "c 1"], "p 1 | pretrans a | postun b | posttrans c", "a-1 b-1 c-1")]
#[case::in_a_circle(&["a 1 | requires b", "b 1 | requires a"], "p 1 | pre a", "a-1 b-1")]
#[case::in_a_circle_with_the_package(&["a 1 | requires p"], "p 1 | pre a", "a-1")]
#[case::what_it_has_itself(&["a 1 | provides x", "b 1"], "p 1 | provides x | has /usr/bin/p | pre x | post /bin/p | pre b", "b-1")]
#[case::of_the_right_version(&["a 1", "a 2", "a 3"], "p 1 | pre a < 3", "a-2")]
#[case::the_newest(&["a 1.9", "a 1.10", "a 1.2"], "p 1 | pre a", "a-1.10")]
#[case::a_file_by_its_owner(&["a 1 | has /usr/sbin/useradd"], "p 1 | pre /usr/sbin/useradd", "a-1")]
#[case::a_file_in_a_merged_directory(&["a 1 | has /usr/bin/sh"], "p 1 | pre /bin/sh", "a-1")]
#[case::a_file_that_was_merged(&["a 1 | has /bin/sh"], "p 1 | pre /usr/bin/sh", "a-1")]
#[case::a_file_that_is_said_to_be_there(&["a 1 | provides /bin/sh"], "p 1 | pre /bin/sh", "a-1")]
#[case::what_is_called_so(&["aa 1 | provides b", "b 1"], "p 1 | pre b", "b-1")]
#[case::the_shortest_name(&["a-long 1 | provides x", "bb 1 | provides x"], "p 1 | pre x", "bb-1")]
#[case::the_first_by_alphabet(&["c 1 | provides x", "b 1 | provides x"], "p 1 | pre x", "b-1")]
#[case::what_is_there_already(&["a 1 | provides x", "zz 1 | provides x"], "p 1 | pre zz | post x", "zz-1")]
#[case::of_the_architecture(&["a 1 i686", "a 1 | provides x", "b 1 noarch"], "p 1 | pre a | pre b", "a-1 b-1")]
#[case::what_is_there_before_a_version(&["a 2", "a 1"], "p 1 | pre a | post a >= 1", "a-2")]
fn what_is_needed_is_taken(#[case] at_hand: &[&str], #[case] package: &str, #[case] expected: &str) {
    assert_eq!(closed(at_hand, package), (expected.to_owned(), Vec::new()));
}

#[rstest]
#[case::and("(a and b)", "a-1 b-1")]
#[case::or("(none or b)", "b-1")]
#[case::the_first_of_two("(b or a)", "b-1")]
#[case::with("(x with y)", "xy-1")]
#[case::without("(x without y)", "x-1")]
#[case::a_condition_that_does_not_hold("(b if none)", "")]
#[case::otherwise("(b if none else a)", "a-1")]
#[case::of_a_version("(b >= 1 and a)", "b-1 a-1")]
#[case::nested("((none or a) and (b if a))", "a-1 b-1")]
fn words_are_understood(#[case] rich: &str, #[case] expected: &str) {
    let at_hand = ["a 1", "b 1", "x 1", "xy 1 | provides x | provides y"];
    assert_eq!(closed(&at_hand, &format!("p 1 | pre {rich}")), (expected.to_owned(), Vec::new()));
}

/// Whether a condition holds may be known only later, and other conditions may depend on it.
#[test]
fn conditions_are_looked_at_until_nothing_changes() {
    let at_hand = ["a 1 | requires (b if c) | requires (d if b)", "b 1", "c 1", "d 1", "e 1 | requires c"];
    assert_eq!(closed(&at_hand, "p 1 | pre a | pre e"), ("a-1 e-1 c-1 b-1 d-1".to_owned(), Vec::new()));
    assert_eq!(closed(&at_hand, "p 1 | pre a"), ("a-1".to_owned(), Vec::new()));
}

#[rstest]
#[case::nobody(&["a 1"], "p 1 | pre b", "", &["p: b Nobody"])]
#[case::of_no_such_version(&["a 1"], "p 1 | pre a >= 2", "", &["p: a >= 2 Nobody"])]
#[case::of_another_architecture(&["a 1 aarch64"], "p 1 | pre a", "", &["p: a Nobody"])]
#[case::further_on(&["a 1 | requires b", "b 1 | requires c"], "p 1 | pre a", "a-1 b-1", &["b: c Nobody"])]
#[case::asked_for_twice(&[], "p 1 | pre b | pre b", "", &["p: b Nobody"])]
#[case::none_of_two(&[], "p 1 | pre (a or b)", "", &["p: (a or b) Nobody"])]
#[case::not_to_be_read(&["a 1"], "p 1 | pre (a unless b)", "", &["p: (a unless b) Unread"])]
#[case::a_part_of_it(&["a 1"], "p 1 | pre (a and b)", "a-1", &["p: (a and b) Nobody"])]
#[case::its_own_other_version(&["p 2"], "p 1 | pre p > 1", "", &["p: p > 1 Nobody"])]
fn what_nobody_provides_is_told(
    #[case] at_hand: &[&str],
    #[case] package: &str,
    #[case] expected: &str,
    #[case] missing: &[&str],
) {
    assert_eq!(closed(at_hand, package), (expected.to_owned(), missing.iter().map(ToString::to_string).collect()));
}

#[test]
fn a_package_is_there_in_one_version() {
    let (packages, missing) = closed(&["a 1", "a 2", "b 1 | requires a < 2"], "p 1 | pre a | pre b");
    assert_eq!(packages, "a-2 b-1");
    assert!(missing.len() == 1 && missing[0].starts_with("b: a < 2 Taken("), "{missing:?}");
}

#[test]
fn a_choice_is_told() {
    let at_hand = AtHand::of(["b 1 | provides x", "a 1 | provides x", "a 2 | provides x"].map(offer).to_vec());
    let package = offer("p 1 | pre x");
    let closure = Closure::of(&package, &at_hand, "x86_64");
    let told: Vec<String> = told::notes(&closure);
    let expected = ["that tree is made of a-2.x86_64", "`x` is provided by a-2.x86_64; b-1.x86_64 would have done too"];
    assert_eq!(told, expected);
}

/// What a package says comes from outside, whatever it is about.
#[test]
fn nothing_is_told_as_it_is() {
    let at_hand = AtHand::of(["a\u{1b}[2J 1 | provides x\u{202e}", "b 1 | provides x\u{202e}"].map(offer).to_vec());
    let package = offer("p 1 | pre x\u{202e}");
    let told = told::notes(&Closure::of(&package, &at_hand, "x86_64")).join("\n");
    assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told}");
}

/// A chain of as many as there may be, and one more; none of it takes long.
#[test]
fn a_closure_is_bounded() {
    let chain: Vec<Offer> = (0..MOST + 10).map(|at| offer(&format!("n{at} 1 | requires n{}", at + 1))).collect();
    let at_hand = AtHand::of(chain);
    let package = offer("p 1 | pre n0");
    let closure = Closure::of(&package, &at_hand, "x86_64");
    assert_eq!((closure.packages.len(), closure.missing.len()), (MOST, 1));
    assert_eq!(closure.missing[0].why, Why::Full);
}

#[rstest]
#[case::by_name("useradd", Some("shadow"))]
#[case::by_path("/usr/sbin/useradd", Some("shadow"))]
#[case::by_a_path_that_is_merged("/sbin/useradd", Some("shadow"))]
#[case::outside_of_path("tool", None)]
#[case::nobody_s("usermod", None)]
#[case::of_another_architecture("foreign", None)]
fn who_has_a_program_is_known(#[case] program: &str, #[case] expected: Option<&str>) {
    let at_hand = ["shadow 4 | has /usr/sbin/useradd", "t 1 | has /opt/bin/tool", "f 1 s390x | has /usr/bin/foreign"];
    let at_hand = AtHand::of(at_hand.map(offer).to_vec());
    let mut programs = Programs { at_hand: Some((&at_hand, "x86_64")), there: Vec::new() };
    assert_eq!(programs.provider(program).map(|offer| offer.name.as_str()), expected);
    assert_eq!(Programs::default().provider(program), None);
    programs.there.push(at_hand.offer(0));
    assert_eq!(programs.provider(program), None);
}
