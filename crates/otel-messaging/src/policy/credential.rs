//! Values that look like credentials, which neither spans nor metrics show.

/// What tokens of known issuers begin with, and how many characters follow at least.
const PREFIXES: [(&str, usize); 24] = [
    ("AIza", 30),        // Google API key
    ("AKIA", 12),        // AWS access key id
    ("ASIA", 12),        // AWS temporary access key id
    ("dop_v1_", 20),     // DigitalOcean
    ("eyJ", 20),         // JSON Web Token, whose header begins with `{"`
    ("ghp_", 20),        // GitHub, personal
    ("gho_", 20),        // GitHub, OAuth
    ("ghr_", 20),        // GitHub, refresh
    ("ghs_", 20),        // GitHub, server
    ("ghu_", 20),        // GitHub, user
    ("github_pat_", 20), // GitHub, fine-grained
    ("glpat-", 16),      // GitLab
    ("hvs.", 20),        // HashiCorp Vault
    ("npm_", 20),        // npm
    ("pypi-", 20),       // PyPI
    ("rk_live_", 16),    // Stripe, restricted
    ("sk_live_", 16),    // Stripe
    ("sk_test_", 16),    // Stripe, test
    ("sk-", 20),         // OpenAI and others
    ("xoxa-", 10),       // Slack
    ("xoxb-", 10),       // Slack, bot
    ("xoxp-", 10),       // Slack, user
    ("xoxs-", 10),       // Slack
    ("ya29.", 20),       // Google OAuth
];

/// The schemes of HTTP's `Authorization` whose credentials stand behind them.
const SCHEMES: [&str; 3] = ["basic", "bearer", "digest"];

/// The words in front of a `=` or a `:` behind which a password stands.
const WORDS: [&str; 12] = [
    "access_key",
    "accesskey",
    "account_key",
    "accountkey",
    "api_key",
    "apikey",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "token",
];

/// Longer values are shown nowhere, in bytes.
const MAX_BYTES: usize = 1024;

/// Whether a value has one of the known forms of credentials: a token of a known issuer, a JSON Web Token, a header
/// `Authorization`, a private key, a password in a URL or behind a name. It is for values that may be shown, which
/// have 1,024 bytes at most.
pub(crate) fn is_credential(value: &str) -> bool {
    if !(8..=MAX_BYTES).contains(&value.len()) {
        return false;
    }
    value.contains("-----BEGIN ")
        || has_scheme(value)
        || has_password_in_url(value)
        || words(value).any(is_token)
        || has_named_secret(value)
}

/// The pieces between characters that no token has.
fn words(value: &str) -> impl Iterator<Item = &str> {
    value.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')))
}

fn is_token(word: &str) -> bool {
    PREFIXES.iter().any(|(prefix, least)| {
        let rest = word.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.len() >= *least)
    })
}

/// `Bearer …`, anywhere.
fn has_scheme(value: &str) -> bool {
    let mut words = value.split_ascii_whitespace().peekable();
    while let Some(word) = words.next() {
        let scheme = word
            .rsplit([':', '=', '"', '\''])
            .next()
            .unwrap_or_default();
        let is_one = SCHEMES.iter().any(|it| it.eq_ignore_ascii_case(scheme));
        if is_one && words.peek().is_some_and(|next| is_encoded(next)) {
            return true;
        }
    }
    false
}

/// Whether a word looks as if a program had made it, and is no word of a language.
fn is_encoded(word: &str) -> bool {
    let is_of_no_word = |byte: u8| byte.is_ascii_digit() || b"=+/_".contains(&byte);
    let is_capital_inside = word.bytes().skip(1).any(|byte| byte.is_ascii_uppercase());
    word.len() >= 8 && (is_capital_inside || word.bytes().any(is_of_no_word))
}

/// `scheme://user:password@host`
fn has_password_in_url(value: &str) -> bool {
    value.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        user.is_some_and(|user| user.contains(':'))
    })
}

/// `password=…`, `"token": "…"`
fn has_named_secret(value: &str) -> bool {
    value.match_indices(['=', ':']).any(|(place, _)| {
        let (name, secret) = (&value[..place], &value[place + 1..]);
        !secret.trim().is_empty() && ends_with_word(name.trim_end_matches([' ', '"', '\'']))
    })
}

/// Whether a name ends with one of the words; `-` is as good as `_`.
fn ends_with_word(name: &str) -> bool {
    let is_same = |a: u8, b: u8| a.eq_ignore_ascii_case(&b) || (a == b'-' && b == b'_');
    WORDS.iter().any(|word| {
        let (name, word) = (name.as_bytes(), word.as_bytes());
        let begin = name.len().checked_sub(word.len());
        let end = begin.and_then(|begin| name.get(begin..));
        end.is_some_and(|end| end.iter().zip(word).all(|(a, b)| is_same(*a, *b)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_forms_of_credentials_are_known() {
        // Put together here, so that no scanner of sources takes them for real ones.
        let long = "0123456789abcdefABCD0123456789abcdef";
        let tokens = PREFIXES.map(|(prefix, _)| format!("{prefix}{long}"));
        for token in tokens {
            for value in [
                token.clone(),
                format!("a={token}"),
                format!("{token}&b"),
                format!("\"{token}\""),
            ] {
                assert!(is_credential(&value), "{value}");
            }
        }
        for value in [
            "Bearer abcdef123",
            "basic dXNlcjpwdw==",
            "Authorization: Bearer abcdef123",
            "{\"authorization\":\"Bearer abcdef123\"}",
            "AccountKey=abc",
            "amqp://guest:guest@localhost:5672/%2f",
            "password=hunter2",
            "db-password: hunter2",
            "{\"client_secret\": \"x\"}",
            "x-api-key=7",
            "-----BEGIN RSA PRIVATE KEY-----",
        ] {
            assert!(is_credential(value), "{value}");
        }
    }

    #[test]
    fn ordinary_values_are_not() {
        for value in [
            "",
            "acme",
            "tenant-42",
            "acme corp",
            "AKIA",
            "sk-learn",
            "eyJ",
            "basic",
            "bearer",
            "the bearer",
            "the basic plan",
            "Basic monthly subscription",
            "digest of news",
            "token",
            "token=",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "0b6b8c1e-3c7d-4d55-9d33-6b5f6f3c1d7e",
            "https://example.com/orders?id=7&user=ada@example.com",
            "user@example.com",
            "secretary=ada",
            "2026-11-29T12:00:00Z",
        ] {
            assert!(!is_credential(value), "{value}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(value in any::<String>()) {
            let _ = is_credential(&value);
        }
    }
}
