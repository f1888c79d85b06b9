//! Services, buses, daemons: there are none.

use super::{does, has, is};
use crate::rpm::finding::Effect;
use crate::rpm::ground::Need;
use crate::rpm::rule::{Rests, Rule, Sees};
use crate::rpm::shell::{Act, Fate};

/// What systemctl does with units that run.
const RUNTIME: [&str; 16] = [
    "start",
    "stop",
    "restart",
    "reload",
    "try-restart",
    "reload-or-restart",
    "try-reload-or-restart",
    "condrestart",
    "condreload",
    "force-reload",
    "kill",
    "isolate",
    "reboot",
    "poweroff",
    "halt",
    "rescue",
];

pub const RULES: &[Rule] = &[
    Rule {
        id: "systemd.runtime",
        catalogue: &[9],
        says: "systemd runs, and starts, stops or reloads a unit.",
        why: "Process 1 is bubblewrap. Within a chroot systemctl sees that, says `Running in chroot, ignoring command` and \
              exits with 0; where the tree is the root itself it fails instead.",
        then: "Nothing is started or stopped; the unit starts when the image boots, if it is enabled.",
        instead: "Enable with `%systemd_post` (a preset), and let the boot start it. `systemctl enable` without `--now`.",
        rests: Rests::Without(Need::Init("systemd"), Effect::Skipped),
        sees: Sees::Act(|act| {
            is(act, &["systemctl"]) && !is_offline(act) && (does(act, &RUNTIME) || has(act, &["--now"]))
        }),
    },
    Rule {
        id: "systemd.daemon-reload",
        catalogue: &[10],
        says: "systemd runs, and reads its units again.",
        why: "There is no systemd to tell. Distributions' own triggers ask for `/run/systemd/system` first.",
        then: "Nothing happens: systemctl ignores it within a chroot.",
        instead: "Drop it: systemd's file triggers do it. Or ask first: `[ -d /run/systemd/system ] && systemctl daemon-reload`.",
        rests: Rests::Without(Need::Path("/run/systemd/system"), Effect::Skipped),
        sees: Sees::Act(|act| is(act, &["systemctl"]) && does(act, &["daemon-reload", "daemon-reexec"])),
    },
    Rule {
        id: "systemd.state",
        catalogue: &[11],
        says: "systemctl knows whether a unit is active.",
        why: "Within a chroot `systemctl is-active` answers with 0 without looking, which a script takes for yes.",
        then: "The script goes on as if the unit ran.",
        instead: "Ask for `/run/systemd/system` before.",
        rests: Rests::Without(Need::Init("systemd"), Effect::Skipped),
        sees: Sees::Act(|act| {
            is(act, &["systemctl"]) && does(act, &["is-active", "is-failed", "is-system-running", "status"])
        }),
    },
    Rule {
        id: "dbus.system-bus",
        catalogue: &[12],
        says: "The system bus is there.",
        why: "No daemon runs, and `/run` is empty: there is no `/run/dbus/system_bus_socket`.",
        then: "The command fails: `Failed to connect to socket /run/dbus/system_bus_socket`.",
        instead: "Write the file that the service would (`/etc/hostname`, `/etc/locale.conf`); D-Bus reads its own changes at boot.",
        rests: Rests::Without(Need::Path("/run/dbus/system_bus_socket"), Effect::Fails),
        sees: Sees::Act(|act| {
            let tools = [
                "gdbus",
                "busctl",
                "hostnamectl",
                "timedatectl",
                "localectl",
                "loginctl",
                "machinectl",
                "networkctl",
                "nmcli",
                "resolvectl",
                "pkcheck",
            ];
            is(act, &tools) || (is(act, &["dbus-send"]) && !has(act, &["--session"]))
        }),
    },
    Rule {
        id: "firewall.daemon",
        catalogue: &[13],
        says: "firewalld runs.",
        why: "`firewall-cmd` speaks with firewalld over D-Bus, and neither is there.",
        then: "`FirewallD is not running`, and a status that is not 0.",
        instead: "Ship a service file in `/usr/lib/firewalld/services`; where a rule has to be set, `firewall-offline-cmd`.",
        rests: Rests::Without(Need::Path("/run/dbus/system_bus_socket"), Effect::Fails),
        sees: Sees::Act(|act| is(act, &["firewall-cmd"])),
    },
    Rule {
        id: "process.signal",
        catalogue: &[14],
        says: "A daemon runs, and can be sent a signal.",
        why: "No daemon of the image runs. The processes there are belong to the build; CAP_KILL is not given.",
        then: "`no process found` or `No such process`, and a status that is not 0.",
        instead: "Drop it for a new image. For upgrades of running systems ask for `/run/systemd/system` first.",
        rests: Rests::Without(Need::Capability("CAP_KILL"), Effect::Fails),
        sees: Sees::Act(|act| is(act, &["kill", "killall", "pkill", "skill", "killproc"]) && !has(act, &["-l", "-0"])),
    },
    Rule {
        id: "sysv.service",
        catalogue: &[15],
        says: "Services are those of SysV init.",
        why: "There is no init that runs, and `service`, `chkconfig` and `/etc/init.d` need not be there at all.",
        then: "`service` hands on to systemctl, which ignores it, or is not found (exit code 127).",
        instead: "Ship a unit, and use `%systemd_post`.",
        rests: Rests::Without(Need::Init("systemd"), Effect::Skipped),
        sees: Sees::Act(|act| {
            let tools =
                ["service", "chkconfig", "invoke-rc.d", "initctl", "systemd-sysv-convert", "insserv", "telinit"];
            let path = act.words[0].value.as_deref().unwrap_or_default();
            is(act, &tools) || path.starts_with("/etc/init.d/") || path.starts_with("/etc/rc.d/")
        }),
    },
    Rule {
        id: "process.left-running",
        catalogue: &[16],
        says: "What is started in the background goes on.",
        why: "The build root is a pid namespace of its own: when the stage ends, everything in it is killed. Until then a \
              daemon holds files and mounts of the tree.",
        then: "It is killed at the end of the stage.",
        instead: "Ship a unit.",
        rests: Rests::With(Need::Own("pid"), Effect::Skipped),
        sees: Sees::Act(|act| act.fate == Fate::Masked("&".to_owned()) || has(act, &["--daemon", "--daemonize"])),
    },
    Rule {
        id: "log.syslog",
        catalogue: &[17],
        says: "Somebody listens at `/dev/log`.",
        why: "There is no syslog and no journal, and no `/dev/log`.",
        then: "`logger: socket /dev/log: No such file or directory`.",
        instead: "Write to standard error: rpm passes it on.",
        rests: Rests::Without(Need::Path("/dev/log"), Effect::Fails),
        sees: Sees::Act(|act| is(act, &["logger", "systemd-cat"]) && !has(act, &["-s", "--no-act"])),
    },
    Rule {
        id: "cron.spool",
        catalogue: &[18],
        says: "cron or at runs, and takes a job.",
        why: "`crontab` and `at` write to a spool below `/var` and tell a daemon that does not run.",
        then: "`at` fails; a crontab gets into the image's `/var/spool`, where image-mode systems do not look.",
        instead: "Ship a file in `/etc/cron.d`, or a timer unit.",
        rests: Rests::Without(Need::Init("systemd"), Effect::Skipped),
        sees: Sees::Act(|act| is(act, &["crontab", "at", "batch"]) && !has(act, &["-l"])),
    },
];

/// systemctl is told to work on files only.
fn is_offline(act: &Act) -> bool {
    act.arguments().any(|word| word.starts_with("--root") || word.starts_with("--image"))
        || act.variables.iter().any(|name| name == "SYSTEMD_OFFLINE")
}
