//! Bits that flip in a database of accounts, and files that end too early: the start is refused, or every answer is right (T-DUR-06).

use std::fs;

use clasp_testkit::Random;
use tempfile::TempDir;

use super::*;
use crate::database::with_ending;
use crate::tokens::Holder;

/// All that a server may ask.
#[derive(Debug, Clone, PartialEq)]
struct Answers {
    users: Vec<Option<User>>,
    tokens: Vec<Option<Token>>,
    revoked: Vec<bool>,
    /// What is gone with the first token.
    removed: Vec<Digest>,
}

/// In memory where there is such a folder: nothing that is looked at here needs a disk.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self {
            folder: folder.unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("auth.db")
    }
}

/// Accounts with tokens of which some were made from others, and some have been taken back.
fn filled(path: &Path) -> AuthStore {
    let mut store = AuthStore::open(path).unwrap();
    for number in 0..USERS {
        let user = new_user(&id(number), &name(number));
        let registered = store.register(&user, (&digest(number), &token(&id(number))));
        assert!(matches!(registered, Ok(Registered::New { .. })));
        let child = Token {
            parent: Some(digest(number)),
            holder: Holder::Child,
            ..token(&id(number))
        };
        store.issue(&digest(100 + number), &child).unwrap();
        let until = (number % 2 == 0).then_some(NOW + u64::from(number));
        store.revoke(&digest(200 + number), until).unwrap();
    }
    for number in 0..REMOVED {
        store.remove_token(&digest(number)).unwrap();
    }
    store
}

fn answers(mut store: AuthStore) -> Result<Answers, StoreError> {
    let numbers = || 0..USERS;
    let users = numbers().map(|number| store.user(&name(number)));
    let users = users.collect::<Result<_, _>>()?;
    let tokens = numbers().flat_map(|number| [number, 100 + number]);
    let tokens = tokens.map(|number| store.token(&digest(number)));
    let tokens = tokens.collect::<Result<_, _>>()?;
    let revoked = numbers().map(|number| store.is_revoked(&[digest(200 + number)]));
    let revoked = revoked.collect::<Result<_, _>>()?;
    Ok(Answers {
        users,
        tokens,
        revoked,
        removed: store.remove_token(&digest(REMOVED))?,
    })
}

#[test]
fn t_dur_06_no_damage_of_accounts_is_served() {
    let place = Place::new();
    drop(filled(&place.path()));
    let whole = fs::read(place.path()).unwrap();
    let expected = answers(AuthStore::open(&place.path()).unwrap()).unwrap();
    let mut random = seeded();
    let (mut refused, mut hidden) = (0, 0);
    for _ in 0..OFFSETS {
        let offset = random.below(whole.len());
        let mut flipped = whole.clone();
        flipped[offset] ^= 1 << random.below(8);
        for (bytes, what) in [(&flipped[..], "flipped"), (&whole[..offset], "cut")] {
            fs::write(place.path(), bytes).unwrap();
            match AuthStore::open(&place.path()) {
                Err(error) => {
                    refused += 1;
                    let text = error.to_string();
                    let path = place.path().display().to_string();
                    assert!(text.contains(&path), "{what} at {offset}: {text}");
                }
                Ok(store) => {
                    hidden += 1;
                    let found = answers(store)
                        .unwrap_or_else(|error| panic!("{what} at {offset}: {error}"));
                    assert_eq!(found, expected, "{what} at {offset}");
                }
            }
        }
    }
    println!("{refused} refused, {hidden} of bytes that say nothing");
    assert!(refused > OFFSETS, "{refused} refused, {hidden} hidden");
}

/// What was taken away stays away, whatever becomes of the log of a killed server; what was given may be gone with it.
#[test]
fn t_dur_06_a_damaged_log_gives_nobody_more() {
    let place = Place::new();
    let mut store = filled(&place.path());
    // The log holds what came since.
    for number in 0..USERS {
        store
            .issue(&digest(300 + number), &token(&id(number)))
            .unwrap();
    }
    let log = with_ending(&place.path(), "-wal");
    let (whole, bytes) = (fs::read(place.path()).unwrap(), fs::read(&log).unwrap());
    assert!(bytes.len() > 10_000, "{}", bytes.len());
    drop(store);
    let expected = answers(AuthStore::open(&place.path()).unwrap()).unwrap();
    let mut random = seeded();
    for _ in 0..OFFSETS / 2 {
        let offset = random.below(bytes.len());
        let mut flipped = bytes.clone();
        flipped[offset] ^= 1 << random.below(8);
        for damaged in [&flipped[..], &bytes[..offset]] {
            let copy = Place::new();
            fs::write(copy.path(), &whole).unwrap();
            fs::write(with_ending(&copy.path(), "-wal"), damaged).unwrap();
            if let Ok(store) = AuthStore::open(&copy.path()) {
                assert_eq!(answers(store).unwrap(), expected, "{offset}");
            }
        }
    }
}

fn seeded() -> Random {
    let seed = std::env::var("SEED").map_or(1, |seed| seed.parse().unwrap());
    println!("seed {seed}");
    Random::new(seed)
}

fn digest(number: u16) -> Digest {
    let mut digest = [7; 32];
    digest[..2].copy_from_slice(&number.to_le_bytes());
    digest
}

fn id(number: u16) -> String {
    format!("u-{number}")
}

fn name(number: u16) -> String {
    format!("name-{number}")
}

const USERS: u16 = 90;
const REMOVED: u16 = 5;
const OFFSETS: usize = 1000;
