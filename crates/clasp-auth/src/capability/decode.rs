//! A chain from the text of a token, within bounds.

use clasp_proto::limits::SCOPES_MAX;
use clasp_proto::{Action, Scope, Scopes};

use super::chain::{Chain, Link, Proofs, Stub};
use crate::encoding::{EncodingError, Reader, bytes_of};
use crate::limits::{DEPTH_MAX, MEMBER_BYTES_MAX, NONCE_BYTES_MAX, SCOPE_BYTES_MAX};
use crate::token::TokenKind;

/// The chain of this token. Nothing of it is verified.
pub(super) fn chain(text: &str) -> Result<Chain, EncodingError> {
    let bytes = bytes_of(TokenKind::Capability, text)?;
    let mut reader = Reader::new(&bytes);
    let mut leaf = Members::read(&mut reader, true)?;
    reader.end()?;
    let proofs = leaf.proofs.take().unwrap_or_default();
    let leaf = leaf.link()?;
    let proofs = match leaf.version {
        1 | 2 if proofs.is_empty() => Proofs::Links(Vec::new()),
        1 => Proofs::Stubs(each(proofs, Members::stub)?),
        2 => Proofs::Links(each(proofs, Members::link)?),
        found => {
            let expected = "1 or 2";
            return Err(EncodingError::Version { expected, found });
        }
    };
    check_versions(&proofs)?;
    Ok(Chain { proofs, leaf })
}

/// Roots are of version 1 or 2, and what was delegated is of version 2.
fn check_versions(proofs: &Proofs) -> Result<(), EncodingError> {
    let Proofs::Links(links) = proofs else {
        return Ok(());
    };
    for (index, link) in links.iter().enumerate() {
        let found = link.version;
        match (index, found) {
            (0, 1) | (_, 2) => {}
            (0, _) => {
                return Err(EncodingError::Version {
                    expected: "1 or 2",
                    found,
                });
            }
            _ => {
                return Err(EncodingError::Version {
                    expected: "2",
                    found,
                });
            }
        }
    }
    Ok(())
}

fn each<T>(
    proofs: Vec<Members>,
    one: impl Fn(Members) -> Result<T, EncodingError>,
) -> Result<Vec<T>, EncodingError> {
    proofs.into_iter().map(one).collect()
}

/// The members of a map, as far as they are there.
#[derive(Default)]
struct Members {
    version: Option<u64>,
    issuer: Option<[u8; 32]>,
    audience: Option<Option<[u8; 32]>>,
    scopes: Option<Scopes>,
    expires_at: Option<u64>,
    nonce: Option<String>,
    proofs: Option<Vec<Self>>,
    signature: Option<[u8; 64]>,
}

impl Members {
    /// The members of the next map; proofs only if it is the outermost, so that nothing nests.
    fn read(reader: &mut Reader<'_>, is_outermost: bool) -> Result<Self, EncodingError> {
        let mut members = Self::default();
        for _ in 0..reader.map("a map of members")? {
            match reader.text("the name of a member", MEMBER_BYTES_MAX)? {
                "version" => put("version", &mut members.version, reader.uint("a version")?)?,
                "issuer" => put("issuer", &mut members.issuer, reader.bytes(KEY)?)?,
                "audience" => put("audience", &mut members.audience, optional_key(reader)?)?,
                "scopes" => put("scopes", &mut members.scopes, scopes(reader)?)?,
                "expires_at" => {
                    put(
                        "expires_at",
                        &mut members.expires_at,
                        reader.uint("a time")?,
                    )?;
                }
                "nonce" => {
                    let nonce = reader.text("nonce", NONCE_BYTES_MAX)?.to_owned();
                    put("nonce", &mut members.nonce, nonce)?;
                }
                "proofs" if is_outermost => {
                    put("proofs", &mut members.proofs, read_proofs(reader)?)?;
                }
                "signature" => {
                    let signature = reader.bytes("a signature of 64 bytes")?;
                    put("signature", &mut members.signature, signature)?;
                }
                _ => return Err(EncodingError::UnknownMember),
            }
        }
        Ok(members)
    }

    fn link(self) -> Result<Link, EncodingError> {
        Ok(Link {
            version: there("version", self.version)?,
            issuer: there("issuer", self.issuer)?,
            audience: self.audience.flatten(),
            scopes: there("scopes", self.scopes)?,
            expires_at: there("expires_at", self.expires_at)?,
            nonce: there("nonce", self.nonce)?,
            signature: there("signature", self.signature)?,
        })
    }

    /// What else there is belongs to no version: it is not signed.
    fn stub(self) -> Result<Stub, EncodingError> {
        let is_more = self.version.is_some()
            || self.audience.is_some()
            || self.expires_at.is_some()
            || self.nonce.is_some();
        if is_more {
            return Err(EncodingError::UnknownMember);
        }
        Ok(Stub {
            issuer: there("issuer", self.issuer)?,
            scopes: there("scopes", self.scopes)?,
            signature: there("signature", self.signature)?,
        })
    }
}

fn put<T>(member: &'static str, place: &mut Option<T>, value: T) -> Result<(), EncodingError> {
    match place.replace(value) {
        Some(_) => Err(EncodingError::DuplicateMember { member }),
        None => Ok(()),
    }
}

fn there<T>(member: &'static str, value: Option<T>) -> Result<T, EncodingError> {
    value.ok_or(EncodingError::Missing { member })
}

fn optional_key(reader: &mut Reader<'_>) -> Result<Option<[u8; 32]>, EncodingError> {
    if reader.nil() {
        return Ok(None);
    }
    reader.bytes(KEY).map(Some)
}

fn read_proofs(reader: &mut Reader<'_>) -> Result<Vec<Members>, EncodingError> {
    let found = reader.array("an array of proofs")?;
    if found > DEPTH_MAX {
        return Err(EncodingError::Proofs { found });
    }
    (0..found).map(|_| Members::read(reader, false)).collect()
}

fn scopes(reader: &mut Reader<'_>) -> Result<Scopes, EncodingError> {
    let found = reader.array("an array of scopes")?;
    let (member, max) = ("scopes", SCOPES_MAX);
    if found > max {
        return Err(EncodingError::TooMany { member, found, max });
    }
    let scopes = (0..found).map(|_| scope(reader.text("a scope", SCOPE_BYTES_MAX)?));
    let scopes = scopes.collect::<Result<_, _>>()?;
    Scopes::new(scopes).map_err(|_| EncodingError::TooMany { member, found, max })
}

/// Only the literal words: a scope is written again when its signature is verified.
fn scope(text: &str) -> Result<Scope, EncodingError> {
    let scope = Scope::parse(text).ok();
    let scope = scope.filter(|scope| scope.action != Action::Emit && scope.to_string() == text);
    scope.ok_or_else(|| EncodingError::Scope {
        scope: text.to_owned(),
    })
}

const KEY: &str = "a key of 32 bytes";
