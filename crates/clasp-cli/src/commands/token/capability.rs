//! Capability tokens: made, handed on, looked at.

use std::path::Path;

use clasp_auth::capability::{
    self, CapabilityError, Delegation, Grant, Inspection, Rules, inspect,
};
use clasp_auth::{Anchors, PublicKey, SigningKey};

use super::listed;
use crate::args::{
    CapabilityCommand, CapabilityCreateArgs, CapabilityDelegateArgs, CapabilityVerifyArgs,
    GrantArgs,
};
use crate::commands::moment::{from_now, now_s};
use crate::error::CommandError;
use crate::output;

/// Makes or looks at a capability token.
///
/// # Errors
/// A key cannot be read, or a token is not what it should be.
pub(super) fn run(command: &CapabilityCommand) -> Result<(), CommandError> {
    match command {
        CapabilityCommand::Create(args) => create(args),
        CapabilityCommand::Delegate(args) => delegate(args),
        CapabilityCommand::Inspect(args) => show(&args.token),
        CapabilityCommand::Verify(args) => verify(args),
    }
}

fn create(args: &CapabilityCreateArgs) -> Result<(), CommandError> {
    let key = SigningKey::read(&args.grant.key)?;
    let now_s = now_s();
    let grant = grant(&args.grant, now_s + args.expires);
    output::result(&capability::mint(&key, &grant)?)?;
    tell(&key, &grant, now_s);
    Ok(())
}

fn delegate(args: &CapabilityDelegateArgs) -> Result<(), CommandError> {
    let key = SigningKey::read(&args.grant.key)?;
    let now_s = now_s();
    let wish = grant(&args.grant, now_s + args.expires);
    let Delegation {
        token,
        expires_at,
        depth,
        discloses_parent,
    } = capability::delegate(&args.parent, &key, &wish, now_s)?;
    output::result(&token)?;
    tell(&key, &Grant { expires_at, ..wish }, now_s);
    output::status(&format!("Chain depth: {depth}"));
    if discloses_parent {
        output::status(DISCLOSED);
    }
    Ok(())
}

fn grant(args: &GrantArgs, expires_at: u64) -> Grant {
    Grant {
        scopes: args.scopes.clone(),
        expires_at,
        audience: args.audience,
    }
}

fn tell(key: &SigningKey, grant: &Grant, now_s: u64) {
    output::status(&format!("Issuer: {}", key.public().hex()));
    if let Some(audience) = &grant.audience {
        output::status(&format!("Audience: {}", audience.hex()));
    }
    output::status(&format!("Scopes: {}", listed(&grant.scopes)));
    output::status(&format!("Expires: {}", end(grant.expires_at, now_s)));
}

fn show(token: &str) -> Result<(), CommandError> {
    let inspection = inspect(token)?;
    let now_s = now_s();
    output::result(&lines(&inspection, now_s).join("\n"))?;
    match &inspection.validity {
        Ok(()) => output::success("Signature valid")?,
        Err(error) => output::fail(&format!("Signature invalid: {error}"))?,
    }
    if now_s > inspection.expires_at {
        output::result("WARNING: Token is expired")?;
    }
    Ok(())
}

fn lines(inspection: &Inspection, now_s: u64) -> Vec<String> {
    let mut lines = vec![
        format!("Version: v{}", inspection.version),
        format!("Issuer: {}", inspection.issuer),
    ];
    lines.extend(
        inspection
            .audience
            .iter()
            .map(|it| format!("Audience: {it}")),
    );
    lines.extend([
        format!("Scopes: {}", listed(&inspection.scopes)),
        format!("Expires: {}", end(inspection.expires_at, now_s)),
        format!("Nonce: {}", inspection.nonce),
        format!("Chain depth: {}", inspection.parents.len()),
    ]);
    for (index, parent) in inspection.parents.iter().enumerate() {
        lines.push(format!("  [{index}] issuer: {}", parent.issuer));
        lines.push(format!("      scopes: {}", listed(&parent.scopes)));
    }
    lines
}

fn verify(args: &CapabilityVerifyArgs) -> Result<(), CommandError> {
    let now_s = now_s();
    let rules = Rules {
        depth_max: args.max_depth,
        accept_unverified_v1: false,
        strict_read: false,
    };
    let verified = anchors(args)
        .and_then(|anchors| Ok(capability::verify(&args.token, &anchors, &rules, now_s)?));
    match verified {
        Ok(verified) => {
            output::success("Token is valid")?;
            output::result(&format!("Scopes: {}", listed(&verified.scopes)))?;
            output::result(&format!("Expires: {}", end(verified.expires_at, now_s)))?;
            Ok(output::result(&format!("Chain depth: {}", verified.depth))?)
        }
        Err(error) => {
            tell_of_secrets(args);
            if let CommandError::Capability(reason) = &error {
                output::fail(&told(reason))?;
                return Err(CommandError::InvalidToken);
            }
            Err(error)
        }
    }
}

fn anchors(args: &CapabilityVerifyArgs) -> Result<Anchors, CommandError> {
    let public = args.trust_anchor.iter().map(|text| anchor(text));
    let secret = args.trust_anchor_secret.iter();
    let secret = secret.map(|path| Ok(Anchors::read_secret(path)?));
    public.chain(secret).collect()
}

/// The public key in this file, or else in this text.
fn anchor(text: &str) -> Result<PublicKey, CommandError> {
    let path = Path::new(text);
    if path.exists() {
        return Ok(Anchors::read(path)?);
    }
    Anchors::parse(text).map_err(|error| CommandError::Usage {
        problem: format!("--trust-anchor {text}: there is no such file, and {error}"),
        remedy: "give the .pub file of the key that signed the first link",
    })
}

/// A signing key has the form of a public key. Where it would have been the right one, says so.
fn tell_of_secrets(args: &CapabilityVerifyArgs) {
    let Ok(inspection) = inspect(&args.token) else {
        return;
    };
    let first = inspection.parents.first();
    let issuer = first.map_or(&inspection.issuer, |parent| &parent.issuer);
    for path in &args.trust_anchor {
        let key = SigningKey::read(Path::new(path));
        if key.is_ok_and(|key| key.public().hex() == *issuer) {
            output::status(&format!(
                "{path} is the signing key of this issuer, not its public key: give {path}.pub, or --trust-anchor-secret {path}"
            ));
        }
    }
}

fn told(reason: &CapabilityError) -> String {
    match reason {
        CapabilityError::UntrustedIssuer { .. } => {
            format!("{reason}, which is none of the trust anchors")
        }
        other => other.to_string(),
    }
}

fn end(expires_at: u64, now_s: u64) -> String {
    format!("{expires_at} ({})", from_now(expires_at, now_s))
}

/// Nothing in a token that anybody can verify hides the token that it was made from.
const DISCLOSED: &str = "\
Warning: the parent has no audience. Whoever gets this token can take the parent out of it, and use all that the parent allows.
Give it only to whom you would give the parent. A parent made with --audience <public key of this key> cannot be used so.";
