//! What the shell opens for a command.

use brush_parser::ast::{IoFileRedirectKind, IoFileRedirectTarget, IoRedirect, SubshellCommand, Word};

use super::super::word::{Text, expand, place};
use super::{Fate, Redirect, Walker};

/// The files of a command, and whether nobody reads its errors.
#[derive(Debug, Default)]
pub struct Redirects {
    pub files: Vec<Redirect>,
    pub is_silenced: bool,
    /// Whether its output goes to `/dev/null`, and its errors with it when they are told to.
    drops_output: bool,
}

impl<'script> Walker<'script, '_> {
    pub fn redirects(&mut self, list: impl Iterator<Item = &'script IoRedirect>) -> Redirects {
        let mut redirects = Redirects::default();
        list.for_each(|redirect| self.redirect(redirect, &mut redirects));
        redirects
    }

    fn redirect(&mut self, redirect: &'script IoRedirect, into: &mut Redirects) {
        match redirect {
            IoRedirect::File(descriptor, kind, IoFileRedirectTarget::Filename(word)) => {
                let file = self.file(word);
                let is_written = !matches!(kind, IoFileRedirectKind::Read | IoFileRedirectKind::DuplicateInput);
                if file.value.as_deref() == Some("/dev/null") {
                    into.is_silenced |= *descriptor == Some(2);
                    into.drops_output |= descriptor.is_none_or(|descriptor| descriptor == 1);
                }
                into.files.push(Redirect { file, is_written });
            }
            IoRedirect::File(descriptor, IoFileRedirectKind::DuplicateOutput, _) => {
                into.is_silenced |= *descriptor == Some(2) && into.drops_output;
            }
            IoRedirect::File(_, _, IoFileRedirectTarget::ProcessSubstitution(_, command)) => self.substitution(command),
            IoRedirect::OutputAndError(word, _) => {
                let file = self.file(word);
                into.is_silenced |= file.value.as_deref() == Some("/dev/null");
                into.files.push(Redirect { file, is_written: true });
            }
            IoRedirect::HereString(_, word) => drop(self.word(word)),
            IoRedirect::HereDocument(_, document) if document.requires_expansion => drop(self.word(&document.doc)),
            IoRedirect::File(..) | IoRedirect::HereDocument(..) => {}
        }
    }

    /// A file by its whole name, where the script has gone to another directory.
    fn file(&mut self, word: &Word) -> Text {
        let mut file = self.word(word);
        if let (Some(name), Some(directory)) = (&file.value, &self.directory)
            && !name.starts_with('/')
            && directory != "/"
        {
            file.value = Some(format!("{}/{name}", directory.trim_end_matches('/')));
        }
        file
    }

    /// A word, after what the commands within it do.
    pub fn word(&mut self, word: &Word) -> Text {
        self.word_with(word, &Fate::Masked("$( )".to_owned()))
    }

    /// The same, where it is known what becomes of the commands within.
    pub fn word_with(&mut self, word: &Word, fate: &Fate) -> Text {
        let (text, within) = expand(word, self);
        for command in within {
            let place = self.absolute(command.place);
            self.within(&command.text, place, fate);
        }
        text
    }

    /// `<(…)`.
    pub fn substitution(&mut self, command: &'script SubshellCommand) {
        let place = self.absolute(place(Some(&command.loc.start)));
        self.walked.substitutions.push(place);
        self.list(&command.list, &Fate::Masked("<( )".to_owned()));
    }
}
