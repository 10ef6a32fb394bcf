//! The links of a capability token.

use clasp_proto::Scopes;

/// A token: what its issuer signed, and what that rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) proofs: Proofs,
    pub(super) leaf: Link,
}

/// The links before the last, the root's first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proofs {
    /// Whole links: version 2, or none.
    Links(Vec<Link>),
    /// What version 1 keeps of them, which is too little to verify their signatures.
    Stubs(Vec<Stub>),
}

/// Links that stand before another.
#[derive(Debug, Clone, Copy)]
pub(super) enum Before<'a> {
    Links(&'a [Link]),
    Stubs(&'a [Stub]),
}

impl Proofs {
    pub(super) fn as_before(&self) -> Before<'_> {
        match self {
            Self::Links(links) => Before::Links(links),
            Self::Stubs(stubs) => Before::Stubs(stubs),
        }
    }
}

/// What an issuer signed, together with the links before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) version: u64,
    pub(super) issuer: [u8; 32],
    /// Who may hand it on; nothing for whoever has it.
    pub(super) audience: Option<[u8; 32]>,
    pub(super) scopes: Scopes,
    pub(super) expires_at: u64,
    pub(super) nonce: String,
    pub(super) signature: [u8; 64],
}

/// What version 1 keeps of a parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stub {
    pub(super) issuer: [u8; 32],
    pub(super) scopes: Scopes,
    pub(super) signature: [u8; 64],
}

impl Chain {
    /// Links but the last.
    pub(super) fn depth(&self) -> usize {
        match &self.proofs {
            Proofs::Links(links) => links.len(),
            Proofs::Stubs(stubs) => stubs.len(),
        }
    }

    /// The links that can be verified; of version 1, only the last.
    pub(super) fn links(&self) -> impl Iterator<Item = &Link> {
        self.whole_proofs().iter().chain([&self.leaf])
    }

    /// The links before the last that can be verified.
    pub(super) fn whole_proofs(&self) -> &[Link] {
        match &self.proofs {
            Proofs::Links(links) => links,
            Proofs::Stubs(_) => &[],
        }
    }

    /// Who began it.
    pub(super) fn root_issuer(&self) -> &[u8; 32] {
        let (issuer, _) = self
            .parents()
            .next()
            .unwrap_or((&self.leaf.issuer, &self.leaf.scopes));
        issuer
    }

    /// Issuer and scopes of each link but the last.
    pub(super) fn parents(&self) -> impl Iterator<Item = (&[u8; 32], &Scopes)> {
        let (links, stubs): (&[Link], &[Stub]) = match &self.proofs {
            Proofs::Links(links) => (links, &[]),
            Proofs::Stubs(stubs) => (&[], stubs),
        };
        let links = links.iter().map(|link| (&link.issuer, &link.scopes));
        links.chain(stubs.iter().map(|stub| (&stub.issuer, &stub.scopes)))
    }

    /// The signature of each link.
    pub(super) fn signatures(&self) -> impl Iterator<Item = &[u8; 64]> {
        let (links, stubs): (&[Link], &[Stub]) = match &self.proofs {
            Proofs::Links(links) => (links, &[]),
            Proofs::Stubs(stubs) => (&[], stubs),
        };
        let proofs = links.iter().map(|link| &link.signature);
        let proofs = proofs.chain(stubs.iter().map(|stub| &stub.signature));
        proofs.chain([&self.leaf.signature])
    }
}
