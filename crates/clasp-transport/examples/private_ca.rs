//! Makes a private certificate authority and a certificate of a server that it has signed, for trying TLS out.
//!
//! `cargo run -p clasp-transport --example private_ca -- FOLDER [HOST...]` writes `ca.pem`, `server.pem` and
//! `server.key`; without hosts they are for this machine. The authority's own key is not kept.

#![expect(
    clippy::print_stderr,
    reason = "a program for the command line tells what is wrong"
)]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let Some(folder) = arguments.next() else {
        eprintln!("expected a folder to write to, and perhaps host names");
        return ExitCode::from(2);
    };
    match write(&PathBuf::from(folder), arguments.collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &PathBuf, mut hosts: Vec<String>) -> Result<(), Box<dyn Error>> {
    if hosts.is_empty() {
        hosts = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    }
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params
        .distinguished_name
        .push(DnType::CommonName, "CLASP private authority");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(hosts.clone())?;
    params
        .distinguished_name
        .push(DnType::CommonName, hosts.swap_remove(0));
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &authority)?;
    fs::create_dir_all(folder)?;
    fs::write(folder.join("ca.pem"), authority.pem())?;
    fs::write(
        folder.join("server.pem"),
        certificate.pem() + &authority.pem(),
    )?;
    fs::write(folder.join("server.key"), key.serialize_pem())?;
    Ok(())
}
