//! An expanded spec without what takes a build: what is left makes the same packages, but for their files.

use crate::facts::text;

/// Headings of sections that are left out: how it is built, and what is of no use to scriptlets. With those of [`SCRIPTS`],
/// `%package`, `%description` and `%files` they are all there are (rpm, `build/parseSpec.c`, `partList`, 4.14 to 6.1), but for
/// `%end`, which begins nothing, and is a line like any other to most.
const LEFT_OUT: [&[u8]; 11] = [
    b"prep",
    b"generate_buildrequires",
    b"conf",
    b"build",
    b"install",
    b"check",
    b"clean",
    b"changelog",
    b"sepolicy",
    b"patchlist",
    b"sourcelist",
];

/// Headings of scripts.
const SCRIPTS: [&[u8]; 22] = [
    b"pre",
    b"post",
    b"preun",
    b"postun",
    b"pretrans",
    b"posttrans",
    b"preuntrans",
    b"postuntrans",
    b"verifyscript",
    b"trigger",
    b"triggerprein",
    b"triggerin",
    b"triggerun",
    b"triggerpostun",
    b"filetrigger",
    b"filetriggerin",
    b"filetriggerun",
    b"filetriggerpostun",
    b"transfiletrigger",
    b"transfiletriggerin",
    b"transfiletriggerun",
    b"transfiletriggerpostun",
];

/// Tags about what it is built from and how. Numbers may follow them, and a qualifier in parentheses.
const BUILDING: [&[u8]; 8] =
    [b"source", b"patch", b"icon", b"nosource", b"nopatch", b"buildsystem", b"buildoption", b"buildrequires"];

/// Why there is no skeleton.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SkeletonError {
    /// A script is in a file that the build makes.
    #[error("`{0}` takes a script from a file of the build, which there is none of: build it, and check the packages")]
    ScriptOfBuild(String),
}

/// A spec that makes packages without files.
#[derive(Debug, PartialEq, Eq)]
pub struct Skeleton {
    /// Its text; nothing in it is expanded any more.
    pub text: Vec<u8>,
    /// How many packages it makes at the most.
    pub packages: usize,
}

/// What a section is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Tags,
    Text,
    Script,
    Files,
    LeftOut,
}

/// How many empty lines a skeleton begins with. rpmbuild takes no spec that has unprintable characters in its first BUFSIZ bytes
/// (rpm, `isSpecFile`), and in a skeleton there is something else than in the spec.
const EMPTY_LINES: usize = 8192;

/// The skeleton of what `rpmspec --parse` prints.
///
/// # Errors
/// See [`SkeletonError`].
pub fn of(parsed: &[u8]) -> Result<Skeleton, SkeletonError> {
    let mut skeleton = Skeleton { text: vec![b'\n'; EMPTY_LINES], packages: 0 };
    let mut section = Section::Tags;
    for line in parsed.split(|&byte| byte == b'\n') {
        if let Some(here) = heading(line) {
            section = here;
            match section {
                Section::LeftOut => {}
                Section::Files => {
                    skeleton.packages += 1;
                    skeleton.push_heading(&without_lists(line));
                }
                Section::Script if takes_file(line) => {
                    return Err(SkeletonError::ScriptOfBuild(text::escape(line.trim_ascii())));
                }
                Section::Tags | Section::Text | Section::Script => skeleton.push_heading(line),
            }
            continue;
        }
        match section {
            Section::LeftOut | Section::Files => {}
            Section::Tags if is_building(line) => {}
            Section::Tags | Section::Text | Section::Script => skeleton.push(line),
        }
    }
    Ok(skeleton)
}

impl Skeleton {
    /// Adds a line, so that it is the same once it is expanded.
    fn push(&mut self, line: &[u8]) {
        for &byte in line {
            self.text.extend_from_slice(if byte == b'%' { b"%%" } else { std::slice::from_ref(&byte) });
        }
        self.text.push(b'\n');
    }

    fn push_heading(&mut self, line: &[u8]) {
        self.text.push(b'%');
        self.push(&line[1..]);
    }
}

/// Whether a section begins with this line; the word of its heading if it is a script.
pub fn script(line: &[u8]) -> Option<Option<&[u8]>> {
    heading(line).map(|section| if section == Section::Script { word(line) } else { None })
}

/// The word that a line begins with, as headings do.
fn word(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(b"%")?.split(u8::is_ascii_whitespace).next()
}

/// Which section begins with this line, if one does.
fn heading(line: &[u8]) -> Option<Section> {
    let word = word(line)?;
    let is = |known: &[u8]| known.eq_ignore_ascii_case(word);
    match () {
        () if is(b"package") => Some(Section::Tags),
        () if is(b"description") => Some(Section::Text),
        () if is(b"files") => Some(Section::Files),
        () if SCRIPTS.iter().any(|known| is(known)) => Some(Section::Script),
        () if LEFT_OUT.iter().any(|known| is(known)) => Some(Section::LeftOut),
        () => None,
    }
}

/// The words of a heading; none of what follows `--`, which are a trigger's conditions.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).take_while(|word| *word != b"--")
}

/// Whether a script's heading has `-f FILE`. The last option of a quoted interpreter is none.
fn takes_file(line: &[u8]) -> bool {
    words(line).any(|word| word.starts_with(b"-f") && !word.ends_with(b"\""))
}

/// `%files` without its `-f FILE`.
fn without_lists(line: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut words = words(line);
    while let Some(word) = words.next() {
        match word.strip_prefix(b"-f") {
            Some(b"") => drop(words.next()),
            Some(_) => {}
            None => kept.push(word),
        }
    }
    kept.join(&b' ')
}

/// Whether a line is a tag about building.
fn is_building(line: &[u8]) -> bool {
    let end = line.iter().position(|byte| matches!(byte, b':' | b'(')).unwrap_or(0);
    let name = line[..end].trim_ascii();
    let name = name.trim_ascii_end().iter().rposition(|byte| !byte.is_ascii_digit()).map_or(&[][..], |at| &name[..=at]);
    BUILDING.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn text_of(parsed: &str) -> String {
        let skeleton = of(parsed.as_bytes()).expect("a skeleton");
        String::from_utf8(skeleton.text).expect("text").trim_matches('\n').to_owned()
    }

    #[rstest]
    #[case::tags("Name: x\nSource0: a\nPatch: b\nBuildRequires(x): c\nSourceful: d", "Name: x\nSourceful: d")]
    #[case::building("%description\nx\n%prep\n%setup\n%build -a\nmake\n%post\ny", "%description\nx\n%post\ny")]
    #[case::files("%files -n a -f list -fother\n/usr\n%doc x\n%files b", "%files -n a\n%files b")]
    #[case::in_capitals("%PREP\nx\n%Post\ny", "%Post\ny")]
    #[case::macros("%post\n%unknown %{x} 1%", "%post\n%%unknown %%{x} 1%%")]
    #[case::no_heading("%post\n %files\n%filesystem\n%end", "%post\n %%files\n%%filesystem\n%%end")]
    #[case::conditions("%triggerin -p /bin/%x -- a > 1", "%triggerin -p /bin/%%x -- a > 1")]
    #[case::a_tag_in_a_script("%post\nSource: x", "%post\nSource: x")]
    #[case::a_quoted_option("%post -p \"/bin/sh -f\"\nx", "%post -p \"/bin/sh -f\"\nx")]
    fn what_takes_a_build_is_left_out(#[case] parsed: &str, #[case] expected: &str) {
        assert_eq!(text_of(parsed), expected);
    }

    #[rstest]
    #[case::apart("%post -f post.sh", "%post -f post.sh")]
    #[case::together("%triggerin -fpost.sh -- a", "%triggerin -fpost.sh -- a")]
    fn a_script_that_the_build_makes_is_told(#[case] line: &str, #[case] told: &str) {
        assert_eq!(of(line.as_bytes()), Err(SkeletonError::ScriptOfBuild(told.to_owned())));
    }

    #[test]
    fn packages_are_counted() {
        let packages = |parsed: &[u8]| of(parsed).map(|skeleton| skeleton.packages);
        assert_eq!((packages(b""), packages(b"%files\n%files a\n%post\n #%files")), (Ok(0), Ok(2)));
    }
}
