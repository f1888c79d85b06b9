//! Api sockets: v19 shows a directory of them, v190 each on its own.

use std::os::unix::net::UnixListener;

use rootcontract::buildroot::{Invocation, Outcome};
use rootcontract::profile::Profile;
use rstest::rstest;

use crate::support::{names, open, run, said, shell, well};

/// Connects to the socket named by its argument and says what it hears. Sockets are beyond the shell.
const CLIENT: &str = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); \
                      s.sendall(b'ping'); s.shutdown(1); sys.stdout.write(s.recv(99).decode())";

/// Answers one caller.
fn answer(listener: &UnixListener) -> String {
    use std::io::{Read, Write};
    let (mut caller, _) = listener.accept().expect("a caller");
    let mut heard = String::new();
    caller.read_to_string(&mut heard).expect("a word");
    caller.write_all(b"pong").expect("an answer");
    heard
}

#[test]
fn v19_shows_the_directory_and_what_is_put_in_it_later() {
    let root = open(Profile::OsbuildV19);
    assert_eq!(said(&root, "ls -A /run/osbuild/api"), "");
    let _socket = UnixListener::bind(root.api_directory().join("osbuild")).expect("a socket");
    let look = "ls -A /run/osbuild/api; test -S /run/osbuild/api/osbuild && touch /run/osbuild/api/new 2>&1";
    let done = run(&root, shell(look));
    let words = "touch: cannot touch '/run/osbuild/api/new': Read-only file system";
    assert_eq!((done.outcome, done.stdout.text()), (Outcome::Exited(1), format!("osbuild\n{words}\n")));
    root.close().expect("nothing left");
}

#[test]
fn v190_shows_each_endpoint_by_its_name_and_nothing_besides() {
    let outside = tempfile::tempdir().expect("a directory");
    let root = open(Profile::OsbuildV190);
    assert_eq!(said(&root, "stat -c '%F %a' /run/osbuild/api; ls -A /run/osbuild/api"), "directory 755\n");
    for name in ["osbuild", "remoteloop"] {
        let socket = outside.path().join(format!("{name}.sock"));
        let _listening = UnixListener::bind(&socket).expect("a socket");
        root.add_endpoint(name, socket).expect("a plain name");
    }
    std::fs::write(outside.path().join("private"), "").expect("a file");
    let seen = said(&root, "cd /run/osbuild/api; stat -c '%n %F' *");
    assert_eq!(seen, "osbuild socket\nremoteloop socket\n");
    assert_eq!(root.endpoints(), ["osbuild", "remoteloop"]);
    root.close().expect("nothing left");
    assert_eq!(names(outside.path()), ["osbuild.sock", "private", "remoteloop.sock"], "the sockets are their owner's");
}

#[rstest]
#[case::v19(Profile::OsbuildV19)]
#[case::v190(Profile::OsbuildV190)]
#[case::hardened(Profile::Hardened)]
fn a_payload_talks_to_a_socket_of_the_host(#[case] profile: Profile) {
    let root = open(profile);
    // Where this machine has no Python there is nobody to ask; the tests above still see the socket.
    if said(&root, "command -v python3 || true").is_empty() {
        return root.close().expect("nothing left");
    }
    let place = tempfile::tempdir().expect("a directory");
    let path = match profile {
        Profile::OsbuildV19 => root.api_directory().join("osbuild"),
        Profile::OsbuildV190 | Profile::Hardened => place.path().join("socket"),
    };
    let listener = UnixListener::bind(&path).expect("a socket");
    if profile != Profile::OsbuildV19 {
        root.add_endpoint("osbuild", &path).expect("a plain name");
    }
    let client = Invocation::new(["/usr/bin/python3", "-c", CLIENT, "/run/osbuild/api/osbuild"]);
    let (heard, told) = std::thread::scope(|scope| {
        let heard = scope.spawn(|| answer(&listener));
        let told = well(run(&root, client));
        (heard.join().expect("a thread"), told)
    });
    root.close().expect("nothing left");
    assert_eq!((heard.as_str(), told.as_str()), ("ping", "pong"));
}
