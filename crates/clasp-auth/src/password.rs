//! Passwords: hashed with Argon2id, verified with the parameters that were stored, within bounds.

use std::hint::black_box;

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordVerifier, Version};

use crate::limits::{ARGON2_LANES_MAX, ARGON2_MEMORY_KIB_MAX, ARGON2_PASSES_MAX, PHC_BYTES_MAX};

/// A password could not be hashed; the machine is at fault.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The operating system gave no random bytes.
    #[error("no random bytes for a salt: {0}; look at the operating system's random source")]
    Random(#[from] getrandom::Error),
    /// The memory that hashing needs is not there.
    #[error("hashing a password needs {MEMORY_KIB} KiB of memory, which could not be had")]
    Memory,
}

/// The PHC string of this password with a new salt. Takes some 20 ms and 19 MiB.
pub fn hash(password: &str) -> Result<String, PasswordError> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt)?;
    let hashed = pinned().hash_password_with_salt(password.as_bytes(), &salt);
    Ok(hashed.map_err(|_| PasswordError::Memory)?.to_string())
}

/// Whether this is the password of the PHC string. A string that cannot be read, or that asks for
/// more memory or time than any password is worth, has no password.
pub fn verify(password: &str, phc: &str) -> bool {
    let Some(stored) = parse(phc) else {
        return false;
    };
    // The parameters are those of the string.
    pinned()
        .verify_password(password.as_bytes(), &stored)
        .is_ok()
}

/// Takes as long as `verify` of a wrong password, so that the time of an answer does not tell
/// which names have accounts.
pub fn verify_nobody(password: &str) {
    black_box(verify(password, NOBODY));
}

/// Whether the PHC string was made with other parameters than `hash` has now.
pub fn needs_rehash(phc: &str) -> bool {
    let Some(stored) = parse(phc) else {
        return true;
    };
    let salt_bytes = stored.salt.map(|salt| salt.len());
    let is_pinned = stored.algorithm == Algorithm::Argon2id.ident()
        && stored.version == Some(Version::V0x13.into())
        && salt_bytes == Some(SALT_BYTES)
        && Params::try_from(&stored).is_ok_and(|params| params == *pinned().params());
    !is_pinned
}

/// The string, if it is one of Argon2 and within bounds.
fn parse(phc: &str) -> Option<PasswordHash> {
    if phc.len() > PHC_BYTES_MAX {
        return None;
    }
    let stored = PasswordHash::new(phc).ok()?;
    let params = Params::try_from(&stored).ok()?;
    let is_bounded = params.m_cost() <= ARGON2_MEMORY_KIB_MAX
        && params.t_cost() <= ARGON2_PASSES_MAX
        && params.p_cost() <= ARGON2_LANES_MAX;
    is_bounded.then_some(stored)
}

/// Argon2id as passwords are hashed today.
fn pinned() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT_BYTES));
    let params = params.expect("the pinned parameters are valid");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const OUTPUT_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

/// The PHC string of an account that is not there: the pinned parameters, and an output that
/// no password is known to have.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA\
    $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[cfg(test)]
mod tests {
    use super::*;

    /// A string with these parameters; its output is that of no password.
    fn phc(params: &str) -> String {
        NOBODY.replace("m=19456,t=2,p=1", params)
    }

    #[test]
    fn hashed_passwords_are_verified() {
        let first = hash("correct horse").unwrap();
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        // 16 and 32 bytes in base64.
        let lengths: Vec<_> = first.split('$').skip(4).map(str::len).collect();
        assert_eq!(lengths, [22, 43]);
        assert!(verify("correct horse", &first));
        assert!(!verify("correct horsf", &first));
        assert_ne!(hash("correct horse").unwrap(), first, "a new salt");
        assert!(!needs_rehash(&first));
    }

    #[test]
    fn parameters_of_the_string_are_honoured() {
        let cheap = Params::new(64, 1, 2, Some(24)).unwrap();
        let cheap = Argon2::new(Algorithm::Argon2i, Version::V0x10, cheap);
        let stored = cheap.hash_password_with_salt(b"secret", b"saltsaltsalt");
        let stored = stored.unwrap().to_string();
        assert!(verify("secret", &stored), "{stored}");
        assert!(!verify("secret", &stored.replace("m=64", "m=65")));
        assert!(needs_rehash(&stored));
    }

    #[test]
    fn strings_beyond_the_bounds_have_no_password() {
        assert!(parse(NOBODY).is_some() && !needs_rehash(NOBODY));
        for params in [
            "m=4194304,t=2,p=1",
            "m=131073,t=2,p=1",
            "m=19456,t=17,p=1",
            "m=19456,t=2,p=17",
            "m=19456,t=4294967295,p=1",
            "m=99999999999,t=2,p=1",
        ] {
            let stored = phc(params);
            assert!(parse(&stored).is_none(), "{params}");
            assert!(!verify("", &stored) && needs_rehash(&stored), "{params}");
        }
        let long = format!("$argon2id$v=19${}", "a".repeat(PHC_BYTES_MAX));
        for stored in ["", "$", "plain", "$2b$12$abcdefghijklmnopqrstuu", &long] {
            assert!(!verify("", stored) && needs_rehash(stored), "{stored}");
        }
    }

    #[test]
    fn each_pinned_parameter_is_compared() {
        for params in ["m=19457,t=2,p=1", "m=19456,t=3,p=1", "m=19456,t=2,p=2"] {
            assert!(needs_rehash(&phc(params)), "{params}");
        }
        for (from, to) in [
            ("argon2id", "argon2i"),
            ("v=19", "v=16"),
            ("$AAAAAAAAAAAAAAAAAAAAAA$", "$AAAAAAAAAAAAAAAAAAAA$"),
            (&NOBODY[NOBODY.len() - 43..], "AAAAAAAAAAAAAAAAAAAAAA"),
        ] {
            let stored = NOBODY.replacen(from, to, 1);
            assert!(parse(&stored).is_some(), "{stored}");
            assert!(needs_rehash(&stored), "{stored}");
        }
    }

    #[test]
    fn nobody_costs_what_a_wrong_password_costs() {
        let stored = parse(NOBODY).unwrap();
        let params = Params::try_from(&stored).unwrap();
        assert_eq!(params, *pinned().params());
        assert!(!verify("", NOBODY));
        verify_nobody("any");
    }
}
