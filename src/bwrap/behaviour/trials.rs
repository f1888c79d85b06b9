//! What is tried: a table, and the shell scripts around bubblewrap where a launcher or a place matters.
//!
//! What takes mounts takes them in a user namespace of its own, so that root and users try the same.

/// A file system for a shell: `/usr`, and what leads there.
pub(super) const BARE: &str = "--ro-bind /usr /usr --ro-bind-try /bin /bin --ro-bind-try /lib /lib \
                               --ro-bind-try /lib64 /lib64 --proc /proc --unshare-pid";

/// One sandbox and how it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trial {
    /// The name of the attempt.
    pub name: &'static str,
    /// What is done around bubblewrap, which is `"$0" "$@"`.
    pub around: &'static str,
    /// Arguments besides [`BARE`]; `@` is a directory of the trial's own.
    pub arguments: &'static str,
    /// What the shell inside does.
    pub script: &'static str,
    /// What is made of it.
    pub word: Word,
}

/// How an answer becomes a word.
#[derive(Debug, Clone, Copy)]
pub(super) enum Word {
    /// What was printed, or `refused`.
    Printed,
    /// bubblewrap's own exit code.
    Code,
    /// The exit code in bubblewrap's report, or `none`.
    Reported,
    /// `silent`, or `warns` when something is on standard error.
    Noise,
}

/// Every trial that is a sandbox and nothing else.
pub(super) const TRIALS: [Trial; 28] = [
    trial("code:exit", PLAIN, "", "exit 7", Word::Code),
    trial("code:signal", PLAIN, "", "kill -9 $$", Word::Code),
    trial("report:exit", REPORTS, "", "exit 7", Word::Reported),
    trial("report:signal", REPORTS, "", "kill -9 $$", Word::Reported),
    trial("report:not-set-up", REPORTS, "--ro-bind /nonexistent /x", "exit 7", Word::Reported),
    trial("parent:mode", PLAIN, "--ro-bind /usr /x/y", "stat -c 0%a /x", Word::Printed),
    trial("parent:unreadable", UNREADABLE, "--bind /mnt /d --ro-bind /usr /d/p/sub", "echo ok", Word::Printed),
    trial("dir:mode", PLAIN, "--dir /x", "stat -c 0%a /x", Word::Printed),
    trial("tmpfs:mode", PLAIN, "--tmpfs /x", "stat -c 0%a /x", Word::Printed),
    trial("symlink-source", PLAIN, "--ro-bind @/link /d", "echo ok", Word::Printed),
    trial("symlink-destination:relative", PLAIN, "--symlink usr/share /x --tmpfs /x", "echo ok", Word::Printed),
    trial("symlink-destination:absolute", PLAIN, "--symlink /usr/share /x --tmpfs /x", "echo ok", Word::Printed),
    trial("symlink-parent:absolute", PLAIN, "--dir /d --symlink /d /x --tmpfs /x/y", "ls /d", Word::Printed),
    trial("symlink:twice", PLAIN, "--symlink usr/bin /x --symlink usr/bin /x", "echo ok", Word::Printed),
    trial("option:twice", PLAIN, "--hostname a --hostname a --unshare-uts", "exit 0", Word::Noise),
    trial("socket-destination", PLAIN, "--bind @ /d --bind @/socket /d/socket", "echo ok", Word::Printed),
    trial("mount:nosymfollow", NOSYMFOLLOW, "--bind /mnt /d", FLAG_IS_THERE, Word::Printed),
    trial("mount:source", PLAIN, "", "grep -q '  ' /proc/self/mountinfo && echo empty || echo named", Word::Printed),
    trial("proc-sys", PLAIN, "", "test -w /proc/sys/kernel/hostname && echo rw || echo ro", Word::Printed),
    trial("proc:covered", COVERED, "", "echo ok", Word::Printed),
    trial("root:no-mount-point", CHROOT, "", "echo ok", Word::Printed),
    trial("network:no-net-admin", NO_NET_ADMIN, "--unshare-net", "echo ok", Word::Printed),
    trial("capability:root", MAPPED, "", HAS_CAPABILITIES, Word::Printed),
    trial("capability:ambient", AMBIENT, "", "echo ok", Word::Printed),
    trial("capability:no-such", PLAIN, "--cap-add CAP_NO_SUCH", "echo ok", Word::Printed),
    trial("sigchld:ignored", IGNORES, "", "echo ok", Word::Printed),
    trial("interrupt:new-session", INTERRUPTED, "--new-session", UP, Word::Printed),
    trial("die-with-parent", DIES, "--die-with-parent", UP, Word::Printed),
];

const fn trial(
    name: &'static str,
    around: &'static str,
    arguments: &'static str,
    script: &'static str,
    word: Word,
) -> Trial {
    Trial { name, around, arguments, script, word }
}

/// Nothing.
pub(super) const PLAIN: &str = r#"exec "$0" "$@""#;
/// What it reports goes to standard output, like what the payload prints.
const REPORTS: &str = r#"exec "$0" --json-status-fd 3 "$@" 3>&1"#;
/// A launcher that does not care about its children. A shell does not hand that on.
pub(super) const IGNORES: &str = r#"exec env --ignore-signal=CHLD "$0" "$@""#;

/// A payload that says when it runs, and goes on.
pub(super) const UP: &str = "echo up; exec sleep 1000";
/// Whether a flag of the mount at `/d` is there.
const FLAG_IS_THERE: &str = "grep -q ' /d .*nosymfollow' /proc/self/mountinfo && echo kept || echo lost";
/// Whether any effective capability is there.
const HAS_CAPABILITIES: &str = "grep -q 'CapEff:.*[1-9a-f]' /proc/self/status && echo all || echo none";

/// In a user namespace of its own, as user 0.
const MAPPED: &str = r#"exec unshare -r "$0" "$@""#;
/// A directory below `/mnt` that may be passed through and not read, and whose owner nobody is. Takes root.
const UNREADABLE: &str = r#"
[ "$(id -u)" = 0 ] || { echo not-tried; exit 0; }
exec unshare -m sh -c 'mount -t tmpfs tmpfs /mnt && mkdir -p /mnt/p/sub && chmod 711 /mnt/p && chown 65534 /mnt/p &&
    exec unshare -r "$0" "$@"' "$0" "$@"
"#;
/// A source in which links are not followed.
const NOSYMFOLLOW: &str = r#"
exec unshare -rm sh -c 'mount -t tmpfs -o nosymfollow tmpfs /mnt && exec "$0" "$@"' "$0" "$@"
"#;
/// A `/proc` of which a part is covered, as in a container.
const COVERED: &str = r#"
exec unshare -rmpf --mount-proc sh -c 'mount --bind /dev/null /proc/version && exec unshare -r "$0" "$@"' "$0" "$@"
"#;
/// A root directory that is no mount point, with everything of the real one in it.
const CHROOT: &str = r#"
exec unshare -rm sh -c 'mount -t tmpfs tmpfs /mnt && mkdir /mnt/root && cd /mnt/root || exit 1
    for part in /*; do
        [ "$part" = /mnt ] && continue
        if [ -L "$part" ]; then cp -P "$part" ".$part"
        elif [ -d "$part" ]; then mkdir ".$part" && mount --rbind "$part" ".$part"; fi
    done
    exec chroot . "$0" "$@"' "$0" "$@"
"#;
/// A launcher that may not configure networks.
const NO_NET_ADMIN: &str = r#"
exec unshare -r setpriv --inh-caps -net_admin --bounding-set -net_admin "$0" "$@"
"#;
/// A launcher that is not user 0 and has capabilities all the same.
const AMBIENT: &str = r#"exec unshare -U --map-user=1 --keep-caps "$0" "$@""#;
/// Ctrl-C in the launcher's terminal: whether the payload ends too. Nothing stays, whatever comes of it.
const INTERRUPTED: &str = r#"
exec unshare -rmpf --mount-proc sh -c 'up=$(mktemp -u) && mkfifo "$up" || exit 1
    env --default-signal=INT setsid "$0" "$@" > "$up" &
    exec 4< "$up" && rm "$up"
    read -r word <&4 && kill -INT "-$!"
    wait "$!"
    timeout 1 cat <&4 && echo gone || echo left' "$0" "$@"
"#;
/// A launcher that starts bubblewrap and is killed, when the sandbox is up. Says whether bubblewrap goes too, which it
/// has two seconds for; whether somebody then collects it is not its affair.
const DIES: &str = r#"
up=$(mktemp -u) && mkfifo "$up" || exit 1
sh -c '"$0" "$@" & echo $!; wait' "$0" "$@" > "$up" 2>&1 &
{ read -r one && read -r other; } < "$up"
rm "$up"
[ "$one" = up ] && bwrap=$other || bwrap=$one
kill -9 $!
wait
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    read -r _ _ state _ 2> /dev/null < "/proc/$bwrap/stat" || state=Z
    [ "$state" != Z ] || { echo gone; exit 0; }
    sleep 0.1
done
echo left
kill -9 "$bwrap"
"#;
