use rstest::rstest;

use super::*;
use crate::facts::escape::Outcome;

const NONCE: &str = "0123456789abcdef";

/// A document as the probe makes it, without the long tables.
fn sample() -> Probe {
    let asked = crate::probe::sample(NONCE);
    Probe {
        devices: unread(),
        limits: unread(),
        mounts: unread(),
        root: unread(),
        environment: unread(),
        descriptors: unread(),
        nodes: [].into(),
        directories: [].into(),
        ..asked
    }
}

fn unread<T>() -> crate::facts::Fact<T> {
    crate::facts::Fact::Unread(crate::facts::Unread { what: "read nothing".into(), errno: "EACCES".into() })
}

fn sealed() -> Vec<u8> {
    seal(&serde_json::to_vec(&sample()).expect("a document is JSON"), NONCE)
}

#[test]
fn what_was_sealed_is_opened() {
    // Taken once: the machine it is a sample of goes on changing.
    let probe = sample();
    let sealed = seal(&serde_json::to_vec(&probe).expect("a document is JSON"), NONCE);
    assert_eq!(open(&sealed, NONCE).expect("it is whole"), probe);
    assert_eq!(open_saved(&sealed).expect("it is whole"), probe);
}

#[test]
fn a_document_without_a_nonce_is_opened_when_saved_only() {
    let probe = Probe { nonce: None, ..sample() };
    let sealed = seal(&serde_json::to_vec(&probe).expect("a document is JSON"), NO_NONCE);
    assert_eq!(open_saved(&sealed).expect("it is whole"), probe);
    assert!(matches!(open(&sealed, NONCE), Err(Damage::Nonce)));
}

#[test]
fn nothing_cut_is_opened() {
    let sealed = sealed();
    for end in 0..sealed.len() {
        assert!(open(&sealed[..end], NONCE).is_err(), "cut after {end} bytes of {}", sealed.len());
        assert!(open(&sealed[end + 1..], NONCE).is_err(), "cut before byte {end} of {}", sealed.len());
    }
}

#[test]
fn nothing_with_a_changed_byte_is_opened() {
    let whole = sealed();
    for at in 0..whole.len() {
        for change in [0x01, 0x20, 0x80, 0xff] {
            let mut sealed = whole.clone();
            sealed[at] ^= change;
            assert!(open(&sealed, NONCE).is_err(), "byte {at} changed by {change:#x}");
        }
    }
}

#[test]
fn each_damage_is_named() {
    let document = serde_json::to_vec(&sample()).expect("a document is JSON");
    let sealed = || seal(&document, NONCE);
    let opened = |bytes: &[u8]| format!("{:?}", open(bytes, NONCE).expect_err("it is damaged"));
    let text = String::from_utf8(sealed()).expect("a document is UTF-8");
    let length = format!(" {} ", document.len());
    assert_eq!(opened(b""), "NoSeal");
    assert_eq!(opened(&document), "NoSeal");
    assert_eq!(opened(text.trim_end().as_bytes()), "NoSeal");
    assert_eq!(opened(format!("{text}noise\n").as_bytes()), "AfterSeal");
    assert_eq!(opened(&seal(&document, "fedcba9876543210")), "Nonce");
    assert_eq!(opened(text.replace(&length, " 1 ").as_bytes()), "Length");
    assert_eq!(opened(format!("noise\n{text}").as_bytes()), "Length");
    assert_eq!(opened(text.replace("EACCES", "EPERMX").as_bytes()), "Digest");
    assert_eq!(opened(&vec![b' '; LIMIT + 1]), "TooLong");
    assert!(opened(&seal(b"{\"version\"", NONCE)).starts_with("NotJson"));
    assert!(opened(&seal(b"{\"version\":\"1\"}", NONCE)).starts_with("Shape"));
}

#[rstest]
#[case::sealed_with_another("fedcba9876543210", NONCE)]
#[case::asked_for_another(NONCE, "fedcba9876543210")]
fn another_nonce_is_refused(#[case] sealed_with: &str, #[case] asked: &str) {
    let sealed = seal(&serde_json::to_vec(&sample()).expect("a document is JSON"), sealed_with);
    assert!(matches!(open(&sealed, asked), Err(Damage::Nonce)));
}

/// What is sealed for attempts to leave.
fn attempts(nonce: &str) -> Attempts {
    let outcomes = [("one".to_owned(), Outcome::Open), ("two".to_owned(), Outcome::Closed("EPERM".to_owned()))].into();
    Attempts { version: "1".to_owned(), nonce: nonce.to_owned(), outcomes }
}

#[test]
fn attempts_are_opened_whole_with_their_nonce_and_never_for_facts() {
    let whole = seal(&serde_json::to_vec(&attempts(NONCE)).expect("JSON"), NONCE);
    assert_eq!(open_attempts(&whole, NONCE).expect("it is whole"), attempts(NONCE));
    for end in 0..whole.len() {
        assert!(open_attempts(&whole[..end], NONCE).is_err(), "cut after {end} bytes");
    }
    let opened = |bytes: &[u8]| format!("{:.5}", format!("{:?}", open_attempts(bytes, NONCE).expect_err("not these")));
    assert_eq!(opened(&seal(&serde_json::to_vec(&attempts("feedbeef")).expect("JSON"), NONCE)), "Nonce");
    assert_eq!(opened(&seal(&serde_json::to_vec(&attempts(NONCE)).expect("JSON"), "feedbeef")), "Nonce");
    assert_eq!(opened(&sealed()), "Shape");
    assert!(matches!(open(&whole, NONCE), Err(Damage::Shape(_))));
}

#[rstest]
#[case("01234567", true)]
#[case("0123456", false)]
#[case("0123456G", false)]
#[case("ABCDEF01", false)]
fn a_nonce_is_eight_digits_or_more(#[case] text: &str, #[case] expected: bool) {
    assert_eq!(is_nonce(text), expected);
}

proptest::proptest! {
    #[test]
    fn anything_is_survived(bytes: Vec<u8>, length: u32) {
        let tail = format!("\n{WORD} {NONCE} {length} 0000000000000000\n");
        proptest::prop_assert!(open(&bytes, NONCE).is_err());
        proptest::prop_assert!(open(&[&bytes, tail.as_bytes()].concat(), NONCE).is_err());
    }
}
