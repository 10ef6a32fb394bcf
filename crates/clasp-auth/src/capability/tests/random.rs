//! Random chains are valid, and stop being so with any change.

use proptest::prelude::*;

use super::*;

/// The links of a valid chain: each by the next key, for anybody or for the key after it.
#[derive(Debug, Clone)]
struct Steps(Vec<Step>);

#[derive(Debug, Clone)]
struct Step {
    scopes: usize,
    seconds: u64,
    is_bound: bool,
}

/// Scopes of which each is covered by all before it.
const NARROWING: [&str; 6] = [
    "admin:/**",
    "write:/**,read:/x",
    "write:/a/**,read:/*",
    "write:/a/*,read:/a/**/z",
    "read:/a/*,write:/a/1",
    "read:/a/1",
];

fn steps() -> impl Strategy<Value = Steps> {
    let step = (0..NARROWING.len(), 0..1000_u64, any::<bool>());
    let steps = prop::collection::vec(step, 1..=6);
    steps.prop_map(|mut steps| {
        let mut scopes: Vec<_> = steps.iter().map(|it| it.0).collect();
        scopes.sort_unstable();
        steps
            .iter_mut()
            .zip(scopes)
            .for_each(|(step, it)| step.0 = it);
        let step = |(scopes, seconds, is_bound)| Step {
            scopes,
            seconds,
            is_bound,
        };
        Steps(steps.into_iter().map(step).collect())
    })
}

impl Steps {
    fn token(&self) -> String {
        let mut token: Option<String> = None;
        for (index, step) in self.0.iter().enumerate() {
            let byte = index as u8 + 1;
            let is_last = index + 1 == self.0.len();
            let grant = Grant {
                expires_at: LATER + step.seconds,
                audience: (step.is_bound && !is_last).then(|| key(byte + 1).public()),
                ..grant(NARROWING[step.scopes])
            };
            token = Some(match token {
                None => mint(&key(byte), &grant).unwrap(),
                Some(parent) => delegated(&parent, byte, &grant),
            });
        }
        token.unwrap()
    }
}

/// Every change of one member of one link.
fn changes(link: &Link, with: &Link) -> Vec<Link> {
    let mut changes = Vec::new();
    let mut change = |apply: &dyn Fn(&mut Link)| {
        let mut changed = link.clone();
        apply(&mut changed);
        if changed != *link {
            changes.push(changed);
        }
    };
    change(&|it| it.version = 3 - it.version);
    change(&|it| it.issuer = with.issuer);
    change(&|it| it.issuer[0] ^= 1);
    change(&|it| it.audience = None);
    change(&|it| it.audience = Some(key(1).public().to_bytes()));
    change(&|it| it.audience = Some(key(2).public().to_bytes()));
    change(&|it| it.scopes = Scopes::none());
    change(&|it| it.scopes = scopes("admin:/**"));
    change(&|it| it.scopes = scopes("read:/a/1"));
    change(&|it| it.scopes = scopes("read:/a/1,read:/a/1"));
    change(&|it| it.expires_at += 1);
    change(&|it| it.expires_at -= 1);
    change(&|it| it.nonce.push('x'));
    change(&|it| it.nonce.clear());
    change(&|it| it.signature = with.signature);
    change(&|it| it.signature = plus_order(&it.signature));
    for byte in [0, 31, 32, 63] {
        change(&|it| it.signature[byte] ^= 1);
    }
    changes
}

proptest! {
    #[test]
    fn chains_are_valid(steps in steps()) {
        let token = steps.token();
        let verified = checked(&token).unwrap();
        let last = steps.0.last().unwrap();
        prop_assert_eq!(verified.scopes, scopes(NARROWING[last.scopes]));
        let ends = steps.0.iter().map(|it| LATER + it.seconds);
        prop_assert_eq!(verified.expires_at, ends.min().unwrap());
        prop_assert_eq!(verified.depth + 1, steps.0.len());
        prop_assert_eq!(encode::text(&decode::chain(&token).unwrap()), token);
    }

    #[test]
    fn any_change_is_refused(steps in steps(), link: prop::sample::Index, with: prop::sample::Index) {
        let chain = decode::chain(&steps.token()).unwrap();
        let links: Vec<_> = chain.links().cloned().collect();
        let (link, with) = (link.index(links.len()), with.index(links.len()));
        for changed in changes(&links[link], &links[with]) {
            let mut links = links.clone();
            links[link] = changed;
            let leaf = links.pop().unwrap();
            let token = encode::text(&Chain { proofs: Proofs::Links(links), leaf });
            prop_assert!(checked(&token).is_err(), "{}", token);
        }
    }

    /// A flipped bit changes what is said, or cannot be read, or is a word that is not signed.
    #[test]
    fn any_flipped_bit_is_refused(steps in steps(), place: prop::sample::Index) {
        let token = steps.token();
        let mut bytes = BASE64URL_NOPAD.decode(&token.as_bytes()[4..]).unwrap();
        let bit = place.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let flipped = format!("cap_{}", BASE64URL_NOPAD.encode(&bytes));
        prop_assert!(checked(&flipped).is_err(), "bit {}", bit);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = format!("cap_{}", BASE64URL_NOPAD.encode(&bytes));
        prop_assert!(checked(&text).is_err());
    }
}
