//! What is refused all the time and means nothing: searches of the loader, of the C library, and of shells.

use nix::errno::Errno;

use super::call::Deed;

/// What is asked for by everybody and need not be there.
const SEARCHED: [&[u8]; 22] = [
    // qemu-user looks for everything where its programs' libraries may be (`-L`).
    b"/etc/qemu-binfmt/",
    b"/usr/gnemul/",
    b"/etc/ld.so.",
    b"/etc/ld-",
    b"/lib",
    b"/usr/lib/",
    b"/usr/lib64/",
    b"/usr/lib32/",
    b"/usr/libx32/",
    b"/usr/share/locale",
    b"/usr/lib/locale",
    b"/usr/share/zoneinfo",
    b"/etc/localtime",
    b"/etc/nsswitch.conf",
    b"/etc/gai.conf",
    b"/etc/host.conf",
    b"/etc/selinux",
    b"/proc/self",
    b"/proc/filesystems",
    b"/sys/fs/selinux",
    b"/selinux",
    b"/run/systemd/userdb",
];
/// Sockets of daemons that the C library asks first.
const ASKED_FIRST: [&[u8]; 4] =
    [b"/var/run/nscd/socket", b"/run/nscd/socket", b"/var/lib/sss/pipes", b"/run/systemd/userdb"];

/// Whether a refusal means nothing, whatever comes of it.
pub fn is_search(deed: Deed, subject: &[u8], errno: Errno) -> bool {
    let begins = |list: &[&[u8]]| list.iter().any(|start| subject.starts_with(start));
    match (deed, errno) {
        // What was to be made is there.
        (_, Errno::EEXIST | Errno::EINTR | Errno::EAGAIN | Errno::EINPROGRESS | Errno::ENOTTY) => true,
        (Deed::Look | Deed::Read, Errno::ENOENT | Errno::ENOTDIR | Errno::EINVAL) => {
            errno == Errno::EINVAL || subject.is_empty() || begins(&SEARCHED)
        }
        (Deed::Connect, _) => begins(&ASKED_FIRST),
        // bash looks for a terminal.
        (Deed::Write | Deed::Read, Errno::ENXIO) => subject == b"/dev/tty",
        // Whoever asks for a newer call has another way.
        (_, Errno::ENOSYS) => true,
        // libmount asks whether the kernel has a call with nothing to be mounted.
        (Deed::Mount, _) => subject.is_empty(),
        // An attribute that is to be removed.
        (Deed::Change, Errno::ENODATA) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::the_loader_s_list(Deed::Read, "/etc/ld.so.preload", Errno::ENOENT, true)]
    #[case::a_library(Deed::Look, "/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v4", Errno::ENOENT, true)]
    #[case::the_cache_of_names(Deed::Connect, "/var/run/nscd/socket", Errno::ENOENT, true)]
    #[case::a_terminal(Deed::Write, "/dev/tty", Errno::ENXIO, true)]
    #[case::a_directory_that_is_there(Deed::Make, "/run/x", Errno::EEXIST, true)]
    #[case::the_bus(Deed::Connect, "/run/dbus/system_bus_socket", Errno::ENOENT, false)]
    #[case::a_library_to_be_written(Deed::Write, "/usr/lib/x", Errno::EROFS, false)]
    #[case::a_loop_among_libraries(Deed::Read, "/usr/lib/loop", Errno::ELOOP, false)]
    #[case::a_library_that_nobody_may_read(Deed::Read, "/usr/lib/secret", Errno::EACCES, false)]
    #[case::a_file_to_be_removed(Deed::Make, "/etc/not-there", Errno::ENOENT, false)]
    #[case::a_call_that_the_kernel_lacks(Deed::Change, "/etc/fstab", Errno::ENOSYS, true)]
    #[case::whether_it_has_a_call(Deed::Mount, "", Errno::EINVAL, true)]
    #[case::a_mount(Deed::Mount, "/mnt", Errno::EINVAL, false)]
    #[case::a_configuration(Deed::Read, "/etc/default/grub", Errno::ENOENT, false)]
    fn only_searches_are_noise(#[case] deed: Deed, #[case] subject: &str, #[case] errno: Errno, #[case] noise: bool) {
        assert_eq!(is_search(deed, subject.as_bytes(), errno), noise);
    }
}
