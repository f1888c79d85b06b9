//! The word lists of expectations.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::vocabulary::{Word, words};

words! {
    /// Flags of a mount that a contract speaks about.
    MountFlag {
        /// Read-only.
        Ro = "ro",
        /// Read-write.
        Rw = "rw",
        /// Set-user-id bits and file capabilities do nothing.
        Nosuid = "nosuid",
        /// Device nodes cannot be opened.
        Nodev = "nodev",
        /// Programs cannot be executed.
        Noexec = "noexec",
        /// Symbolic links are not followed.
        Nosymfollow = "nosymfollow",
    }
}

words! {
    /// How a mount shares what is mounted below it.
    Propagation {
        /// Not at all.
        Private = "private",
        /// Both ways.
        Shared = "shared",
        /// From the host.
        Slave = "slave",
        /// Not at all, and it cannot be bound.
        Unbindable = "unbindable",
    }
}

words! {
    /// Lists of mounts that a launch reports.
    CallerList {
        /// Binds of the caller.
        Binds = "binds",
        /// Sockets of the api.
        Api = "api",
        /// The runner.
        Runner = "runner",
        /// What of `/proc` is covered by us.
        Covers = "covers",
    }
}

words! {
    /// Variables that a launch reports.
    Launched {
        /// Those it sets, with their values.
        Set = "set",
        /// Those it passes on, by name.
        Inherited = "inherited",
    }
}

words! {
    /// Kinds of nodes.
    NodeKind {
        /// A directory.
        Directory = "directory",
        /// A file.
        File = "file",
        /// A symbolic link.
        Symlink = "symlink",
        /// A character device.
        Char = "char",
        /// A block device.
        Block = "block",
        /// A socket.
        Socket = "socket",
        /// A named pipe.
        Fifo = "fifo",
    }
}

words! {
    /// The five capability sets.
    CapabilitySet {
        /// What may be raised across an exec.
        Inheritable = "inheritable",
        /// What may be made effective.
        Permitted = "permitted",
        /// What counts.
        Effective = "effective",
        /// What can ever be gained.
        Bounding = "bounding",
        /// What survives the exec of any program.
        Ambient = "ambient",
    }
}

words! {
    /// Lists a capability set is compared with.
    CapabilityReference {
        /// What the launch granted.
        Granted = "granted",
        /// What the process that starts bubblewrap has.
        Caller = "caller",
        /// What the launch raised, so that it survives an exec.
        Raised = "raised",
        /// Nothing at all.
        Nothing = "nothing",
    }
}

words! {
    /// Kinds of namespaces, as `/proc/PID/ns` names them.
    NamespaceKind {
        /// Mounts.
        Mnt = "mnt",
        /// Processes.
        Pid = "pid",
        /// System V and POSIX objects.
        Ipc = "ipc",
        /// Network.
        Net = "net",
        /// Host name.
        Uts = "uts",
        /// Users and capabilities.
        User = "user",
        /// Control groups.
        Cgroup = "cgroup",
        /// Clock offsets.
        Time = "time",
    }
}

words! {
    /// Whose a namespace is.
    Sharing {
        /// The same as that of the process that starts bubblewrap.
        Shared = "shared",
        /// Another one.
        Own = "own",
    }
}

words! {
    /// Processes with a role.
    Which {
        /// Process 1.
        Init = "init",
        /// The payload: the probe itself.
        Payload = "payload",
        /// The payload's parent.
        Parent = "parent",
    }
}

words! {
    /// What there is to be a stranger in.
    World {
        /// The mount table.
        Mounts = "mounts",
        /// Everything below `/dev`.
        Devices = "devices",
        /// The environment.
        Environment = "environment",
        /// Open file descriptors.
        Descriptors = "descriptors",
        /// The entries of `/`.
        Root = "root",
        /// The processes that can be seen.
        Processes = "processes",
        /// Capabilities in force: permitted, effective, inheritable, ambient.
        Capabilities = "capabilities",
        /// The directories the probe lists.
        Directories = "directories",
    }
}
