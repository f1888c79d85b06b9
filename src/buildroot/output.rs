//! A run's output: streamed on, with the first and last of it kept in bounded memory.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::invocation::{Sink, Stream};

/// How much is kept of the beginning of a stream, and as much of its end.
const KEPT: usize = 1 << 20;
/// How much is read at a time: what a pipe holds.
const CHUNK: usize = 64 << 10;
/// The longest wait while silence is measured; a stop of this process shows by a longer one.
const SLICE: Duration = Duration::from_millis(100);

/// The first and the last of a stream, as bytes.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Captured {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    dropped: u64,
}

impl Captured {
    fn push(&mut self, bytes: &[u8]) {
        let (first, rest) = bytes.split_at(bytes.len().min(KEPT - self.head.len()));
        self.head.extend_from_slice(first);
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(KEPT);
        self.tail.drain(..excess);
        self.dropped += excess as u64;
    }

    /// How many bytes in the middle were not kept.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// What was kept; the whole stream if nothing was [`dropped`](Self::dropped).
    pub fn bytes(&self) -> Vec<u8> {
        self.head.iter().chain(&self.tail).copied().collect()
    }

    /// What was kept, for showing: what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }
}

/// One stream: the pipe it arrives on, and what was kept.
#[derive(Debug)]
pub(super) struct Incoming {
    stream: Stream,
    pipe: Option<File>,
    captured: Captured,
}

impl Incoming {
    /// Reads without waiting from now on.
    pub fn new(stream: Stream, pipe: Option<OwnedFd>) -> io::Result<Self> {
        if let Some(pipe) = &pipe {
            fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        Ok(Self { stream, pipe: pipe.map(File::from), captured: Captured::default() })
    }

    /// What was kept of it.
    pub fn captured(self) -> Captured {
        self.captured
    }

    /// What to wait for, while there may be more.
    pub fn waits_for(&self) -> Option<PollFd<'_>> {
        self.pipe.as_ref().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN))
    }

    fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// Takes what is there, at most what fits into `buffer`; how much that was, 0 where there is nothing for now.
    pub fn take(&mut self, buffer: &mut [u8], sink: &mut Option<Sink>) -> io::Result<usize> {
        let Some(pipe) = &mut self.pipe else { return Ok(0) };
        loop {
            match pipe.read(buffer) {
                Ok(0) => self.pipe = None,
                Ok(length) => {
                    self.captured.push(&buffer[..length]);
                    if let Some(Sink(sink)) = sink {
                        sink(self.stream, &buffer[..length])?;
                    }
                    return Ok(length);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            return Ok(0);
        }
    }

    /// How much the pipe can hold.
    fn capacity(&self) -> io::Result<usize> {
        let Some(pipe) = &self.pipe else { return Ok(0) };
        Ok(fcntl(pipe, FcntlArg::F_GETPIPE_SZ)?.unsigned_abs() as usize)
    }
}

/// How long nothing has been written, and how long that may go on.
#[derive(Debug)]
pub(super) struct Silence {
    limit: Option<Duration>,
    lasted: Duration,
}

impl Silence {
    /// None so far.
    pub fn new(limit: Option<Duration>) -> Self {
        Self { limit, lasted: Duration::ZERO }
    }

    /// How long to wait for output.
    fn patience(&self) -> PollTimeout {
        let left = self.limit.map(|limit| limit.saturating_sub(self.lasted).min(SLICE));
        left.map_or(PollTimeout::NONE, |left| PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO))
    }

    /// This long it was waited for output in vain. What is beyond a slice this process was not waiting but stopped.
    fn goes_on(&mut self, waited: Duration) {
        self.lasted += waited.min(2 * SLICE);
    }

    /// Whether it lasted too long. It is said once.
    fn is_over(&mut self) -> bool {
        let over = self.limit.is_some_and(|limit| self.lasted >= limit);
        if over {
            self.limit = None;
        }
        over
    }
}

/// What [`follow`] was woken by, besides output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// The supervisor has something to say.
    Reply,
    /// Nothing was written for too long.
    Idle,
}

/// Passes output on until there is other news, or the sink fails.
pub(super) fn follow(
    streams: &mut [Incoming; 2],
    sink: &mut Option<Sink>,
    reply: &OwnedFd,
    silence: &mut Silence,
) -> io::Result<News> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let mut waiting = vec![PollFd::new(reply.as_fd(), PollFlags::POLLIN)];
        waiting.extend(streams.iter().filter_map(Incoming::waits_for));
        let since = Instant::now();
        match poll(&mut waiting, silence.patience()) {
            Err(Errno::EINTR) => continue,
            result => result?,
        };
        let waited = since.elapsed();
        let mut ready = [false; 3];
        for (ready, at) in ready.iter_mut().zip(&waiting) {
            *ready = at.any().unwrap_or(false);
        }
        let [replied, rest @ ..] = ready;
        let mut written = false;
        for (stream, _) in streams.iter_mut().filter(|stream| stream.is_open()).zip(rest).filter(|(_, ready)| *ready) {
            written |= stream.take(&mut buffer, sink)? > 0;
        }
        if replied {
            return Ok(News::Reply);
        }
        if written {
            silence.lasted = Duration::ZERO;
            continue;
        }
        silence.goes_on(waited);
        if silence.is_over() {
            return Ok(News::Idle);
        }
    }
}

/// Takes what is left in the pipes of a run that is over. It does not wait, nor take more than a pipe holds: somebody outside
/// may hold an end, and write on.
pub(super) fn drain(streams: &mut [Incoming; 2], sink: &mut Option<Sink>) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    for stream in streams {
        let mut left = stream.capacity()?;
        while left > 0 {
            match stream.take(&mut buffer[..left.min(CHUNK)], sink)? {
                0 => break,
                length => left -= length,
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_stream_is_kept_whole() {
        let mut captured = Captured::default();
        captured.push(b"one ");
        captured.push(b"two");
        assert_eq!((captured.text().as_str(), captured.dropped()), ("one two", 0));
    }

    #[test]
    fn of_a_long_stream_the_beginning_and_the_end_are_kept_and_the_rest_is_counted() {
        let mut captured = Captured::default();
        let mut written = 0_u64;
        for number in 0..400_000 {
            let line = format!("{number}\n");
            captured.push(line.as_bytes());
            written += line.len() as u64;
        }
        let bytes = captured.bytes();
        assert_eq!(bytes.len(), 2 * KEPT);
        assert_eq!(captured.dropped(), written - 2 * KEPT as u64);
        assert!(bytes.starts_with(b"0\n1\n2\n") && bytes.ends_with(b"399998\n399999\n"));
    }

    #[test]
    fn who_writes_on_when_the_run_is_over_is_not_listened_to_for_ever() {
        use std::io::Write;

        let (pipe, writer) = nix::unistd::pipe().expect("a pipe");
        let mut writer = File::from(writer);
        writer.write_all(b"the run's own").expect("room");
        let mut streams = [(Stream::Stdout, Some(pipe)), (Stream::Stderr, None)]
            .map(|(stream, pipe)| Incoming::new(stream, pipe).expect("a stream"));
        let capacity = streams[0].capacity().expect("a number");
        let mut heard = 0;
        let writes_on = move |_: Stream, bytes: &[u8]| {
            heard += bytes.len();
            assert!(heard <= capacity, "{heard} bytes");
            writer.write_all(bytes)
        };
        drain(&mut streams, &mut Some(Sink(Box::new(writes_on)))).expect("an end");
        assert!(streams.map(Incoming::captured)[0].bytes().starts_with(b"the run's own"));
    }

    #[test]
    fn silence_does_not_last_while_this_process_is_stopped() {
        let mut silence = Silence::new(Some(Duration::from_secs(1)));
        silence.goes_on(Duration::from_secs(3600));
        assert!(!silence.is_over());
        silence.goes_on(SLICE);
        assert_eq!(silence.lasted, 3 * SLICE);
        (0..7).for_each(|_| silence.goes_on(SLICE));
        assert!(silence.is_over() && !silence.is_over(), "it is said once");
    }

    #[test]
    fn a_character_cut_in_two_is_whole_again() {
        let mut captured = Captured::default();
        captured.push(&"é".as_bytes()[..1]);
        captured.push(&"é".as_bytes()[1..]);
        assert_eq!(captured.text(), "é");
    }
}
