//! Tests of whom we trust: by the bytes of a certificate, for the servers that showed it, while it holds.

use super::*;
use CertificateUri::AsTold;

/// The certificate of another instance, as that of a server, and its application URI.
fn server(dir: &Path) -> (ByteString, String) {
    let server = TrustStore::open(dir).unwrap();
    (ByteString::from(fs::read(server.own_certificate()).unwrap()), server.application_uri().unwrap())
}

#[test]
fn a_certificate_is_rejected_until_it_is_trusted_and_again_when_it_is_not() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (certificate, uri) = server(theirs.path());
    let store = TrustStore::open(ours.path()).unwrap();
    let checked = || store.check("cell-7", &certificate, &uri, &AsTold);
    let Err(TrustError::Untrusted { thumbprint, .. }) = checked() else { panic!("trusted") };
    assert!(!store.list().unwrap()[0].trusted);
    store.trust(&thumbprint).unwrap();
    checked().unwrap();
    store.distrust(&thumbprint).unwrap();
    assert!(matches!(checked(), Err(TrustError::Untrusted { .. })));
    assert!(matches!(store.trust("00"), Err(TrustError::Unknown(_))));
    let none = store.check("cell-7", &ByteString::from(vec![1, 2]), &uri, &AsTold);
    assert!(matches!(none, Err(TrustError::NoCertificate)));
}

#[test]
fn a_certificate_is_trusted_for_the_servers_that_showed_it() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (certificate, uri) = server(theirs.path());
    let store = TrustStore::open(ours.path()).unwrap();
    let Err(TrustError::Untrusted { thumbprint, .. }) = store.check("cell-7", &certificate, &uri, &AsTold) else {
        panic!()
    };
    store.trust(&thumbprint).unwrap();
    store.check("cell-7", &certificate, &uri, &AsTold).unwrap();
    assert!(matches!(store.check("cell-8", &certificate, &uri, &AsTold), Err(TrustError::Untrusted { .. })));
    store.check("cell-7", &certificate, &uri, &AsTold).unwrap();
    store.trust(&thumbprint).unwrap();
    store.check("cell-8", &certificate, &uri, &AsTold).unwrap();
    store.check("cell-7", &certificate, &uri, &AsTold).unwrap();
    let known = store.list().unwrap();
    assert_eq!((known.len(), known[0].servers.len()), (1, 2));
}

#[test]
fn a_certificate_of_another_application_is_refused_though_it_is_trusted() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (certificate, uri) = server(theirs.path());
    let store = TrustStore::open(ours.path()).unwrap();
    let Err(TrustError::Untrusted { thumbprint, .. }) = store.check("cell-7", &certificate, &uri, &AsTold) else {
        panic!()
    };
    store.trust(&thumbprint).unwrap();
    let other = store.check("cell-7", &certificate, "urn:maker:other", &AsTold);
    assert!(matches!(other, Err(TrustError::OtherApplication { named, .. }) if named == uri));
}

#[test]
fn a_second_start_has_the_same_certificate_and_uri() {
    let dir = tempfile::tempdir().unwrap();
    let read = || (fs::read(dir.path().join("own/cert.der")).unwrap(), fs::read(dir.path().join("own/uri")).unwrap());
    TrustStore::open(dir.path()).unwrap();
    let first = read();
    TrustStore::open(dir.path()).unwrap();
    assert_eq!(read(), first);
}

/// A certificate that names applications, and how many days it holds.
fn made(dir: &Path, alternate_names: &[&str], days: u32) -> ByteString {
    let names: Vec<String> = alternate_names.iter().map(|name| (*name).to_owned()).collect();
    let data = X509Data { alt_host_names: names.into(), certificate_duration_days: days, ..X509Data::sample_cert() };
    let (certificate, key) = (dir.join("cert.der"), dir.join("key.pem"));
    CertificateStore::create_certificate_and_key(&data, true, &certificate, &key).unwrap();
    ByteString::from(fs::read(certificate).unwrap())
}

#[test]
fn a_certificate_that_names_no_application_is_taken_where_that_is_known_once_it_is_trusted() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let certificate = made(theirs.path(), &["plc.example"], 10);
    let store = TrustStore::open(ours.path()).unwrap();
    let checked = |known| store.check("cell-7", &certificate, "urn:maker:plc", &known);
    for known in [AsTold, CertificateUri::Other("urn:maker:other".to_owned())] {
        assert!(matches!(checked(known), Err(TrustError::OtherApplication { .. })));
    }
    let Err(TrustError::Untrusted { thumbprint, .. }) = checked(CertificateUri::Absent) else { panic!("trusted") };
    store.trust(&thumbprint).unwrap();
    checked(CertificateUri::Absent).unwrap();
    let (other, uri) = server(tempfile::tempdir().unwrap().path());
    let one_that_names = |known| store.check("cell-7", &other, "urn:maker:plc", &known);
    assert!(matches!(one_that_names(CertificateUri::Absent), Err(TrustError::OtherApplication { .. })));
    assert!(matches!(one_that_names(CertificateUri::Other(uri)), Err(TrustError::Untrusted { .. })));
}

#[test]
fn a_certificate_that_names_no_application_has_to_hold_all_the_same() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let certificate = made(theirs.path(), &["plc.example"], 0);
    let store = TrustStore::open(ours.path()).unwrap();
    let checked = || store.check("cell-7", &certificate, "urn:maker:plc", &CertificateUri::Absent);
    let Err(TrustError::Untrusted { thumbprint, .. }) = checked() else { panic!("trusted") };
    store.trust(&thumbprint).unwrap();
    let start = std::time::Instant::now();
    while !matches!(checked(), Err(TrustError::Expired { .. })) {
        assert!(start.elapsed() < std::time::Duration::from_secs(10), "{:?}", checked());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
