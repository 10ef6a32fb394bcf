//! The canonical bytes of a chain: those that are signed, and those that are sent.

use clasp_proto::Scopes;
use rmp::encode;

use super::chain::{Before, Chain, Link, Stub};
use crate::encoding::text_of;
use crate::token::TokenKind;

/// What the issuer of a link signs. Received bytes are never verified, only these: so an encoder
/// may write keys as it likes, and no two readings of the same bytes can differ.
pub(super) fn signed_bytes(link: &Link, before: Before<'_>) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.map(7);
    writer.version_and_issuer(link);
    writer.name("audience");
    match &link.audience {
        Some(key) => writer.key(key),
        None => writer.nil(),
    }
    writer.terms(link);
    writer.name("proofs");
    writer.proofs(before);
    writer.0
}

/// The text of a token.
pub(super) fn text(chain: &Chain) -> String {
    let has_proofs = chain.depth() > 0;
    let mut writer = Writer::default();
    writer.link(&chain.leaf, has_proofs.then(|| chain.proofs.as_before()));
    text_of(TokenKind::Capability, &writer.0)
}

#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    /// A whole link. A member that has nothing to say is left out.
    fn link(&mut self, link: &Link, proofs: Option<Before<'_>>) {
        let optional = [link.audience.is_some(), proofs.is_some()];
        self.map(6 + optional.iter().filter(|it| **it).count());
        self.version_and_issuer(link);
        if let Some(key) = &link.audience {
            self.name("audience");
            self.key(key);
        }
        self.terms(link);
        if let Some(proofs) = proofs {
            self.name("proofs");
            self.proofs(proofs);
        }
        self.signature(&link.signature);
    }

    fn stub(&mut self, stub: &Stub) {
        self.map(3);
        self.name("issuer");
        self.key(&stub.issuer);
        self.scopes(&stub.scopes);
        self.signature(&stub.signature);
    }

    fn proofs(&mut self, proofs: Before<'_>) {
        match proofs {
            Before::Links(links) => {
                self.array(links.len());
                links.iter().for_each(|link| self.link(link, None));
            }
            Before::Stubs(stubs) => {
                self.array(stubs.len());
                stubs.iter().for_each(|stub| self.stub(stub));
            }
        }
    }

    fn version_and_issuer(&mut self, link: &Link) {
        self.name("version");
        self.uint(link.version);
        self.name("issuer");
        self.key(&link.issuer);
    }

    fn terms(&mut self, link: &Link) {
        self.scopes(&link.scopes);
        self.name("expires_at");
        self.uint(link.expires_at);
        self.name("nonce");
        self.name(&link.nonce);
    }

    fn scopes(&mut self, scopes: &Scopes) {
        self.name("scopes");
        self.array(scopes.iter().len());
        scopes
            .iter()
            .for_each(|scope| self.name(&scope.to_string()));
    }

    fn signature(&mut self, signature: &[u8; 64]) {
        self.name("signature");
        encode::write_bin(&mut self.0, signature).expect(TAKES);
    }

    /// An array of numbers, not a byte string: so do the published tools.
    fn key(&mut self, key: &[u8; 32]) {
        self.array(key.len());
        key.iter().for_each(|byte| self.uint(u64::from(*byte)));
    }

    fn map(&mut self, count: usize) {
        encode::write_map_len(&mut self.0, count as u32).expect(TAKES);
    }

    fn array(&mut self, count: usize) {
        encode::write_array_len(&mut self.0, count as u32).expect(TAKES);
    }

    fn uint(&mut self, number: u64) {
        encode::write_uint(&mut self.0, number).expect(TAKES);
    }

    fn name(&mut self, text: &str) {
        encode::write_str(&mut self.0, text).expect(TAKES);
    }

    fn nil(&mut self) {
        encode::write_nil(&mut self.0).expect(TAKES);
    }
}

const TAKES: &str = "a vector takes what is written";
