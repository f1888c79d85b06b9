//! What bubblewrap writes to its status descriptor, taken as it comes so that no writer waits for us.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};

use super::STATUS_LIMIT;

/// A status so far.
#[derive(Debug)]
pub(super) struct Status {
    pipe: Option<File>,
    text: Vec<u8>,
}

impl Status {
    /// What will be written into `pipe`, which is read without waiting.
    pub fn new(pipe: File) -> Self {
        Self { pipe: Some(pipe), text: Vec::new() }
    }

    /// Takes what is there, and at the most one chunk more than there may be.
    pub fn take(&mut self) {
        let mut chunk = [0; STATUS_LIMIT];
        while let Some(pipe) = self.pipe.as_mut().filter(|_| self.text.len() <= STATUS_LIMIT) {
            match pipe.read(&mut chunk) {
                Ok(length @ 1..) => self.text.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(0) | Err(_) => self.pipe = None,
            }
        }
    }

    /// Whether it is more than bubblewrap writes.
    pub fn is_flood(&self) -> bool {
        self.text.len() > STATUS_LIMIT
    }

    /// Where there may be more of it.
    pub fn waits_for(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().filter(|_| !self.is_flood()).map(AsFd::as_fd)
    }

    /// All of it.
    pub fn text(self) -> Vec<u8> {
        self.text
    }
}
