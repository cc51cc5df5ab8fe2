//! Proofs with changed, missing or added bytes, and files that were never proofs.

use super::plant::{Plant, key};
use crate::note::Note;
use crate::proof::{Bundle, HEADER, MAX_PROOF_BYTES, ProofFile, ProofFileError, VerifyError, verify};
use crate::text::{excerpt, to_base64};

#[test]
fn every_changed_byte_is_refused() {
    let proof = Plant::new().grow(7).to_string().into_bytes();
    assert!(verify(&proof, key().verifier()).is_ok());
    for at in 0..proof.len() {
        for flip in [0x01, 0x02, 0x20, 0x80] {
            let mut changed = proof.clone();
            changed[at] ^= flip;
            assert!(verify(&changed, key().verifier()).is_err(), "byte {at} ^ {flip:#04x}");
        }
    }
}

#[test]
fn every_cut_and_every_inserted_or_removed_byte_is_refused() {
    let proof = Plant::new().grow(7).to_string().into_bytes();
    for at in 0..proof.len() {
        assert!(verify(&proof[..at], key().verifier()).is_err(), "cut at {at}");
        for inserted in *b"\n\r =A\0" {
            let mut longer = proof.clone();
            longer.insert(at, inserted);
            // A byte put beside its equal changes nothing at that place, but the length of what it stands in.
            assert!(verify(&longer, key().verifier()).is_err(), "{inserted:#04x} at {at}");
        }
        let mut shorter = proof.clone();
        shorter.remove(at);
        assert!(verify(&shorter, key().verifier()).is_err(), "without byte {at}");
    }
    let longer = [proof.as_slice(), b"\n"].concat();
    assert!(verify(&longer, key().verifier()).is_err());
    let crlf = String::from_utf8(proof).unwrap().replace('\n', "\r\n");
    assert!(verify(crlf.as_bytes(), key().verifier()).is_err());
}

#[test]
fn malicious_files_are_refused_at_once() {
    let good = Plant::new().grow(1).to_string();
    let (head, tail) = good.split_once("index 6\n").unwrap();
    let hash = "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n";
    for proof in [
        String::new(),
        "\n".repeat(1000),
        good.replace("@v1", "@v2"),
        format!("{head}index 06\n{tail}"),
        format!("{head}index -6\n{tail}"),
        format!("{head}index 18446744073709551616\n{tail}"),
        format!("{head}index 6\n{}{tail}", hash.repeat(65)),
        format!("{head}index 6\n{}", hash.repeat(3)),
        good.replace("extra ", "extra"),
        good.lines().filter(|line| !line.starts_with("extra")).collect::<Vec<_>>().join("\n") + "\n",
    ] {
        let refused = verify(proof.as_bytes(), key().verifier());
        assert!(matches!(refused, Err(VerifyError::File(_))), "{:?}: {refused:?}", excerpt(&proof));
    }
    let long = vec![b'A'; MAX_PROOF_BYTES + 1];
    assert_eq!(verify(&long, key().verifier()), Err(VerifyError::File(ProofFileError::TooLong(long.len()))));
    assert_eq!(verify(b"\xff", key().verifier()), Err(VerifyError::File(ProofFileError::Characters)));
    // The path becomes part of the text that is signed.
    let no_path = verify(format!("{head}index 6\n\n{tail}").as_bytes(), key().verifier());
    assert!(matches!(no_path, Err(VerifyError::Checkpoint(_))));
    let beyond = verify(format!("{head}index 7\n{tail}").as_bytes(), key().verifier());
    assert!(matches!(beyond, Err(VerifyError::Inclusion { .. })));
}

proptest::proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let _refused = verify(&bytes, key().verifier()).is_err();
        let framed = format!("{HEADER}\nextra {}\nindex 0\n\n", to_base64(&bytes));
        let _refused = ProofFile::parse(framed.as_bytes()).is_err();
        let _refused = Bundle::decode(&bytes).is_err();
        let _refused = crate::leaf::LeafParts::decode(&bytes).is_err();
        let _refused = crate::statement::LogEntry::decode(&bytes).is_err();
        let _refused = Note::parse(&bytes).is_err();
    }
}

/// The budget is 1 ms, the release profile's; the dev profile is held to ten times that, over many rounds.
#[test]
fn verifying_takes_about_a_millisecond() {
    let proof = Plant::new().grow(7).to_string();
    let start = std::time::Instant::now();
    for _ in 0..50 {
        verify(proof.as_bytes(), key().verifier()).unwrap();
    }
    let each_us = start.elapsed().as_micros() / 50;
    assert!(each_us < 10_000, "{each_us} us");
}
