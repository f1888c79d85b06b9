//! What a stopped process has in its memory. It can be anything, and as long as it likes.

use std::io::IoSliceMut;

use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

/// The longest path that the kernel takes (`PATH_MAX`), with its end.
const LONGEST: usize = 4096;
/// Reads end at multiples of this, so that none fails for what is beyond its subject.
const PAGE: u64 = 4096;
/// How many arguments of a program are kept, and how much of each.
const MOST_ARGUMENTS: usize = 16;
const ARGUMENT: usize = 256;

/// What lies between an address and the end of its page, at most `most` bytes; nothing where nothing is mapped.
fn piece(pid: Pid, address: u64, most: usize) -> Vec<u8> {
    let room = usize::try_from(PAGE - address % PAGE).unwrap_or(0).min(most);
    let mut piece = vec![0; room];
    let Ok(base) = usize::try_from(address) else { return Vec::new() };
    let got = process_vm_readv(pid, &mut [IoSliceMut::new(&mut piece)], &[RemoteIoVec { base, len: room }]);
    piece.truncate(got.unwrap_or(0));
    piece
}

/// As many bytes as can be read from an address on, up to `most` or to one that ends it.
fn read(pid: Pid, address: u64, most: usize, ends: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut read = Vec::new();
    while read.len() < most {
        let piece = piece(pid, address.wrapping_add(read.len() as u64), most - read.len());
        let last = piece.is_empty() || ends(&piece);
        read.extend(piece);
        if last {
            break;
        }
    }
    read
}

/// As many bytes as can be read from an address on, up to `most`.
pub fn bytes(pid: Pid, address: u64, most: usize) -> Vec<u8> {
    read(pid, address, most, |_| false)
}

/// A string, without its end; what there is of it.
fn string(pid: Pid, address: u64, most: usize) -> Vec<u8> {
    let mut string = read(pid, address, most, |piece| piece.contains(&0));
    string.truncate(string.iter().position(|&byte| byte == 0).unwrap_or(string.len()));
    string
}

/// A path.
pub fn path(pid: Pid, address: u64) -> Vec<u8> {
    string(pid, address, LONGEST)
}

/// A number of 64 bits.
pub fn number(pid: Pid, address: u64) -> Option<u64> {
    bytes(pid, address, 8).try_into().ok().map(u64::from_ne_bytes)
}

/// The arguments of a program that is to be executed, the first ones, and of each the beginning.
pub fn arguments(pid: Pid, address: u64) -> Vec<Vec<u8>> {
    let pointers = (0..MOST_ARGUMENTS as u64).map_while(|at| number(pid, address.wrapping_add(8 * at)));
    pointers.take_while(|&pointer| pointer != 0).map(|pointer| string(pid, pointer, ARGUMENT)).collect()
}
