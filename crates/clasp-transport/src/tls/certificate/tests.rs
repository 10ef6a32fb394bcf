//! Files that are certificates, and files that are not.

use std::path::PathBuf;
use std::{env, fs, process};

use super::*;

/// A file in a folder of this test.
fn file(name: &str, text: &str) -> PathBuf {
    let folder = env::temp_dir().join(format!("clasp-certificate-{}", process::id()));
    fs::create_dir_all(&folder).expect("a folder for the test");
    let path = folder.join(name);
    fs::write(&path, text).expect("the file can be written");
    path
}

/// A certificate and its key, in PEM.
fn pair() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

#[test]
fn a_chain_and_its_key_are_read() {
    let ((own, key), (authority, _)) = (pair(), pair());
    let cert = file("chain.pem", &format!("{own}{authority}"));
    let key = file("chain.key", &key);
    let certificate = Certificate::read(&cert, &key).expect("both are fine");
    assert_eq!(certificate.key.cert.len(), 2, "the chain is whole");
    assert!(!certificate.is_expired(SystemTime::now()));
    assert!(certificate.is_expired(certificate.expires_at()));
    assert_eq!(certificate.fingerprint().len(), 64);
}

#[test]
fn one_file_may_hold_both() {
    let (cert, key) = pair();
    let both = file("both.pem", &format!("{key}{cert}"));
    assert!(Certificate::read(&both, &both).is_ok());
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let (good, key_text) = pair();
    let (cert, key) = (file("good.pem", &good), file("good.key", &key_text));
    let check = |cert: &Path, key: &Path, expected: &str| {
        let text = Certificate::read(cert, key).unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    };
    let missing = PathBuf::from("/does/not/exist.pem");
    check(&missing, &key, "cannot read /does/not/exist.pem");
    check(&cert, &missing, "cannot read /does/not/exist.pem");
    check(&key, &key, "No certificate found in PEM file");
    check(&cert, &cert, "No private key found in PEM file");
    check(&file("empty.pem", ""), &key, "No certificate found");
    let noise = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    check(
        &file("noise.pem", noise),
        &key,
        "certificate 1 of the file is damaged",
    );
    let cut = &good[..good.len() / 2];
    check(&file("cut.pem", cut), &key, "cut.pem");
    let second = format!("{good}{noise}");
    check(
        &file("second.pem", &second),
        &key,
        "certificate 2 of the file is damaged",
    );
    check(
        &cert,
        &file("other.key", &pair().1),
        "does not belong to the certificate",
    );
    let no_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    check(
        &cert,
        &file("noise.key", no_key),
        "expected an ECDSA, Ed25519 or RSA key",
    );
}
