//! Random keys that a server looks up: `cpsk_` and 32 hexadecimal digits.

use uuid::Uuid;

use crate::token::TokenKind;

/// A new key with 122 random bits from the operating system.
pub fn generate() -> String {
    format!("{}{}", TokenKind::Cpsk.prefix(), Uuid::new_v4().simple())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_of_a_key() {
        let key = generate();
        assert_eq!(key.len(), 37, "{key}");
        assert_eq!(TokenKind::of(&key), Some(TokenKind::Cpsk));
        let is_hex = |c: char| matches!(c, '0'..='9' | 'a'..='f');
        assert!(key[5..].chars().all(is_hex), "{key}");
        assert_ne!(generate(), key);
    }
}
