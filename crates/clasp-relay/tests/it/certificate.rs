//! A certificate for tests, and the flags that name it.

use std::path::PathBuf;
use std::sync::OnceLock;

/// The files, made once for all tests of a run.
fn files() -> &'static [PathBuf; 2] {
    static FILES: OnceLock<[PathBuf; 2]> = OnceLock::new();
    FILES.get_or_init(|| {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("the names are fine");
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let number = std::process::id();
        let paths = ["cert", "key"].map(|kind| folder.join(format!("relay-{number}.{kind}")));
        std::fs::write(&paths[0], made.cert.pem()).expect("a file can be written");
        std::fs::write(&paths[1], made.signing_key.serialize_pem()).expect("a file can be written");
        paths
    })
}

/// `--cert=...` or `--key=...`.
pub(crate) fn flag(name: &str) -> String {
    let [cert, key] = files();
    let path = if name == "--cert" { cert } else { key };
    format!("{name}={}", path.display())
}
