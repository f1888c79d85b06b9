//! Trying changes nothing: the host is compared with itself.

use rstest::rstest;
use serial_test::file_serial;

use super::escapes;
use crate::host::{Host, processes_with};

#[rstest]
#[case::in_build_roots(&["--control"])]
#[case::in_the_most_open_sandbox_of_somebody_else(&["--", "bwrap", "--dev-bind", "/", "/"])]
#[case::in_one_that_shows_the_host_s_devices_only(&["--", "bwrap", "--tmpfs", "/", "--dev-bind", "/dev", "/dev", "--bind", "/sys", "/sys", "--proc", "/proc"])]
#[file_serial(host)]
fn the_host_is_as_it_was(#[case] options: &[&str]) {
    let before = Host::now();
    let (code, document, talk) = escapes(options);
    assert_eq!(Host::now(), before);
    let open: usize =
        document["reports"].as_array().expect("reports").iter().map(|report| super::with("open", report).len()).sum();
    assert!(code == Some(1) && open > 20, "{open}: {talk}");
    assert_eq!(processes_with("--escapes"), [""; 0]);
    assert_eq!(processes_with("__launcher"), [""; 0]);
}
