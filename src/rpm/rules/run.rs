//! What only shows when a package is installed. Nothing here is found by reading.

use crate::rpm::finding::Effect;
use crate::rpm::ground::Need;
use crate::rpm::rule::{Rests, Rule, Sees};

/// The rules' names, for who finds what they are about.
pub const FAILED: &str = "run.failed";
pub const REFUSED: &str = "run.refused";
pub const CONTAINED: &str = "run.contained";
pub const LEFT: &str = "run.left-behind";
pub const IN_DEV: &str = "run.left-in-dev";
pub const RUNNING: &str = "run.left-running";
pub const UNFINISHED: &str = "run.unfinished";
pub const UNSEEN: &str = "run.unseen";
pub const NARROW: &str = "run.narrow";
pub const NO_TREE: &str = "run.no-tree";

pub const RULES: &[Rule] = &[
    Rule {
        id: FAILED,
        catalogue: &[],
        says: "It fails.",
        why: "It was run in the room that osbuild makes, and ended with another code than 0, or an error.",
        then: "rpm says `scriptlet failed, exit status`, and since 6.0 fails the build for any scriptlet.",
        instead: "See what it was refused, below; end with `exit 0` only where failing really does not matter.",
        rests: Rests::Rpm(Effect::Fails),
        sees: Sees::Scene(|_| Vec::new()),
    },
    Rule {
        id: REFUSED,
        catalogue: &[],
        says: "It is given something that it is refused.",
        why: "It was run in the room that osbuild makes, and the kernel said no.",
        then: "The command does without, or fails.",
        instead: "See what the clause says; do it when the image boots, or ask first whether it can be done.",
        rests: Rests::Rpm(Effect::Skipped),
        sees: Sees::Scene(|_| Vec::new()),
    },
    Rule {
        id: CONTAINED,
        catalogue: &[],
        says: "It changes the machine that builds the image.",
        why: "Run here it was kept from it. osbuild does not: the host's name and the kernel's settings are within reach of a \
              scriptlet.",
        then: "The build host gets another name or other settings, and the image gets nothing.",
        instead: "Ship `/usr/lib/sysctl.d/NAME.conf` or `/etc/hostname`; they take effect when the image boots.",
        rests: Rests::Reaches(Need::Attempt("sysctl:kernel.hostname")),
        sees: Sees::Scene(|_| Vec::new()),
    },
    Rule {
        id: LEFT,
        catalogue: &[46],
        says: "What it makes below `/run`, `/tmp`, `/var/tmp` and `/root` is gone after a reboot, or nobody's.",
        why: "These are directories of the image while it is built: what is there was made by no package, and stays.",
        then: "Every instance of the image has it.",
        instead: "Remove it at the end of the script; make what is needed at run time with tmpfiles.d.",
        rests: Rests::Rpm(Effect::Image),
        sees: Sees::Scene(|_| Vec::new()),
    },
    Rule {
        id: IN_DEV,
        catalogue: &[46],
        says: "What it makes in `/dev` is there when the image boots.",
        why: "`/dev` is a file system of the build root's own, which is mounted in the tree while packages are installed.",
        then: "The image has nothing of it. Whatever else is installed in the same build root finds it.",
        instead: "Let the kernel and udev make it; where it has to be, a `c` or `L` line in tmpfiles.d.",
        rests: Rests::Rpm(Effect::Skipped),
        sees: Sees::Scene(|_| Vec::new()),
    },
    Rule {
        id: RUNNING,
        catalogue: &[16],
        says: "What it starts may go on when it has ended.",
        why: "Processes of it were there when its interpreter had ended.",
        then: "They keep the tree busy, and are killed with the build root, wherever they are.",
        instead: "Start no daemon while installing. Wait for what you start.",
        rests: Rests::Rpm(Effect::Advice),
        sees: Sees::Scene(|_| Vec::new()),
    },
    Rule {
        id: UNFINISHED,
        catalogue: &[],
        says: "rpm comes to its end.",
        why: "rpm itself failed, and no scriptlet is the reason. It may lie with the tree, or with what nobody may do in here.",
        then: "Nobody knows: it may fail as well.",
        instead: "See what rpm says. Try it in another tree, or as root.",
        rests: Rests::Rpm(Effect::Unjudged),
        sees: Sees::Scene(|_| Vec::new()),
    },
    Rule {
        id: UNSEEN,
        catalogue: &[],
        says: "It is known when it runs.",
        why: "A scriptlet is known by its script. rpm ran some that are none of the package's, as far as that tells, or more than \
              are told apart.",
        then: "Nobody knows: it may be among them, and be refused whatever it asks for.",
        instead: "Do without `-e`, `-q` and hundreds of triggers.",
        rests: Rests::Rpm(Effect::Unjudged),
        sees: Sees::Scene(|_| Vec::new()),
    },
    Rule {
        id: NARROW,
        catalogue: &[],
        says: "A program of 32 bits runs.",
        why: "What contains scriptlets here ends such programs, for their calls would pass by it.",
        then: "It runs if the kernel of the machine that builds lets it, which many no longer do.",
        instead: "Use the program of the package's own architecture. To see what it does, build an image.",
        rests: Rests::Rpm(Effect::Unjudged),
        sees: Sees::Scene(|_| Vec::new()),
    },
    Rule {
        id: NO_TREE,
        catalogue: &[],
        says: "There is a tree of what it requires for its scriptlets.",
        why: "It is run in a tree that has what it requires for its scriptlets, and no more (`--closure`). A tree without a part \
              of that is another one, and nothing is known from what happens there.",
        then: "What nobody provides ends the build with `Failed dependencies`, before anything is run.",
        instead: "Correct the requirement if it is wrong. Else put a package that provides it beside the others, as in `dnf \
                  download --resolve --alldeps --destdir DIR PACKAGE`.",
        rests: Rests::Rpm(Effect::Unjudged),
        sees: Sees::Scene(|_| Vec::new()),
    },
];
