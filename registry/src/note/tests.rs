//! The examples of the specification, the rules for known and unknown keys, and agreement with `signed_note`.

use proptest::prelude::*;
use signed_note::{Note as TheirNote, StandardVerifier, VerifierList};

use super::*;

/// Example of Go's golang.org/x/mod/sumdb/note, which the specification describes.
const GO_SECRET: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const GO_VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_TEXT: &str =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn signer(name: &str, seed: u8) -> SignerKey {
    SignerKey::from_seed(name, &[seed; 32]).unwrap()
}

#[test]
fn the_go_example_is_signed_byte_for_byte_and_verified() {
    let key = SignerKey::parse_secret(GO_SECRET).unwrap();
    assert_eq!(key.verifier().to_string(), GO_VERIFIER);
    assert_eq!(key.to_secret(), GO_SECRET);
    assert_eq!(Note::sign(GO_TEXT, &[&key]).unwrap().to_string(), GO_NOTE);
    let note = Note::parse(GO_NOTE.as_bytes()).unwrap();
    assert_eq!(note.text(), GO_TEXT);
    let verifier: VerifierKey = GO_VERIFIER.parse().unwrap();
    assert_eq!(note.verify(std::slice::from_ref(&verifier)), Ok(vec![&verifier]));
}

#[test]
fn the_specifications_examples_are_well_formed_with_empty_lines_in_the_text() {
    let note = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";
    let parsed = Note::parse(note.as_bytes()).unwrap();
    assert!(parsed.text().ends_with("sole:\n\ned è subito sera.\n"));
    assert_eq!(parsed.signatures()[0].id, 0x367b_a04b);
    assert_eq!(parsed.to_string(), note);
}

#[test]
fn unknown_signatures_are_ignored_and_a_wrong_known_one_refuses_the_note() {
    let (log, witness, stranger) = (signer("log", 1), signer("witness", 2), signer("log", 3));
    let known = [log.verifier().clone(), witness.verifier().clone()];
    let note = Note::sign("text\n", &[&stranger, &log]).unwrap();
    assert_eq!(note.verify(&known), Ok(vec![&known[0]]));
    assert_eq!(note.verify(&known[1..]), Err(NoteError::NoKnownSignature));

    let mut tampered = Note::sign("text\n", &[&log, &witness]).unwrap();
    tampered.signatures[1].signature[3] ^= 1;
    assert_eq!(tampered.verify(&known), Err(NoteError::WrongSignature("witness".into())));
    assert_eq!(tampered.verify(&known[..1]), Ok(vec![&known[0]]));
    tampered.signatures[1].signature.truncate(63);
    assert_eq!(tampered.verify(&known), Err(NoteError::WrongSignature("witness".into())));
}

#[test]
fn a_key_of_the_same_id_and_another_name_is_another_key() {
    let log = signer("log", 1);
    let mut note = Note::sign("text\n", &[&log]).unwrap();
    note.signatures[0].name = "gol".into();
    assert_eq!(note.verify(&[log.verifier().clone()]), Err(NoteError::NoKnownSignature));
    note.signatures[0].name = "log".into();
    note.signatures[0].id ^= 1;
    assert_eq!(note.verify(&[log.verifier().clone()]), Err(NoteError::NoKnownSignature));
}

#[test]
fn sixteen_signatures_are_read_and_seventeen_refused() {
    let keys: Vec<SignerKey> = (0..17).map(|seed| signer("log", seed)).collect();
    let keys: Vec<&SignerKey> = keys.iter().collect();
    let note = Note::sign("text\n", &keys[..16]).unwrap();
    assert_eq!(Note::parse(note.to_string().as_bytes()).as_ref(), Ok(&note));
    let line = note.to_string().lines().last().unwrap().to_owned() + "\n";
    let longer = note.to_string() + &line;
    assert_eq!(Note::parse(longer.as_bytes()), Err(NoteError::SignatureCount(17)));
    assert_eq!(Note::sign("text\n", &keys), Err(NoteError::SignatureCount(17)));
}

#[test]
fn malformed_notes_are_refused() {
    let cases = [
        String::new(),
        "text\n".to_owned(),
        "text\n\n".to_owned(),
        GO_NOTE.trim_end().to_owned(),
        GO_NOTE.replace('\n', "\r\n"),
        GO_NOTE.replace("— ", "- "),
        GO_NOTE.replace("— ", "—  "),
        GO_NOTE.replace("AM=", "AM"),
        GO_NOTE.replace("AM=", "AN="),
        GO_NOTE.replace("answer", "ans\twer"),
        GO_NOTE.replace("PeterNeumann", "Peter+Neumann"),
        GO_NOTE.replace("PeterNeumann", "Peter\u{a0}Neumann"),
        format!("{GO_NOTE}\n"),
        "text\n\n— log AAAAAA==\n".to_owned(),
        format!("{}\n\n— log AAAAAAA=\n", "x".repeat(MAX_NOTE_BYTES)),
    ];
    for note in cases {
        assert!(Note::parse(note.as_bytes()).is_err(), "{:?}", excerpt(&note));
    }
    assert_eq!(Note::parse(b"\xff\n\nx\n"), Err(NoteError::Characters));
}

#[test]
fn malformed_keys_are_refused_without_showing_a_secret() {
    for text in [
        "",
        "PeterNeumann",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
        "PeterNeumann+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        assert!(text.parse::<VerifierKey>().is_err(), "{text}");
    }
    let secret = GO_SECRET.replace("c74f20a3", "c74f20a4");
    let error = SignerKey::parse_secret(&secret).unwrap_err();
    assert!(!error.to_string().contains("AYEKFAL"), "{error}");
    let key = SignerKey::parse_secret(GO_SECRET).unwrap();
    assert!(!format!("{key:?}").contains("AYEKFAL"));
}

proptest! {
    #[test]
    fn signed_note_verifies_what_is_signed_here(lines in proptest::collection::vec("[ -~é]{0,30}", 1..5), seed: [u8; 32]) {
        let text = lines.join("\n") + "\n";
        let key = SignerKey::from_seed("registry.example/log", &seed).unwrap();
        let note = Note::sign(text.as_str(), &[&key]).unwrap().to_string();
        let theirs = StandardVerifier::new(&key.verifier().to_string()).unwrap();
        let parsed = TheirNote::from_bytes(note.as_bytes()).unwrap();
        prop_assert_eq!(parsed.text(), text.as_bytes());
        let (verified, _) = parsed.verify(&VerifierList::new(vec![Box::new(theirs)])).unwrap();
        prop_assert_eq!(verified.len(), 1);
        prop_assert_eq!(Note::parse(note.as_bytes()).unwrap().to_string(), note);
    }
}
