//! Addresses of PostgreSQL servers: those of libpq, with what it knows about encryption.
//!
//! The parameters that the `postgres` crate does not know are taken out of the text before it reads it.

use super::tls::{Tls, Trust};
use std::fmt::Display;
use std::path::PathBuf;

/// An address as it was read.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) config: postgres::Config,
    pub(super) tls: Tls,
}

/// Parameters about encryption, by libpq's names.
const OURS: [&str; 4] = ["sslmode", "sslrootcert", "sslcert", "sslkey"];

impl Target {
    /// Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?NAME=VALUE` or `host=HOST user=USER NAME=VALUE`.
    ///
    /// # Errors
    ///
    /// What is wrong, without the password.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (rest, ours) = match text.split_once('?') {
            Some((front, query))
                if ["postgres://", "postgresql://"].iter().any(|start| text.starts_with(start)) =>
            {
                let (rest, ours) = split_query(query)?;
                (format!("{front}?{rest}"), ours)
            }
            _ if text.contains("://") => (text.to_owned(), Vec::new()),
            _ => split_words(text),
        };
        let mut config: postgres::Config = rest.parse().map_err(|e| chain(&e))?;
        let beside = |host: &postgres::config::Host| matches!(host, postgres::config::Host::Tcp(name) if name.contains('@'));
        if config.get_hosts().iter().any(beside) {
            return Err("the address contains two @: write %40 for one in a password".to_owned());
        }
        let last = |name: &str| ours.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let path = |name: &str| last(name).map(PathBuf::from);
        let mode = last("sslmode").unwrap_or("prefer");
        let roots = last("sslrootcert").filter(|&value| value != "system").map(PathBuf::from);
        let (of_config, trust) = match mode {
            "disable" => (postgres::config::SslMode::Disable, Trust::Anyone),
            "prefer" => (postgres::config::SslMode::Prefer, Trust::Anyone),
            // As libpq has it: whoever names an authority wants it asked.
            "require" if roots.is_none() => (postgres::config::SslMode::Require, Trust::Anyone),
            "require" | "verify-ca" => (postgres::config::SslMode::Require, Trust::Authority),
            "verify-full" => (postgres::config::SslMode::Require, Trust::Name),
            other => {
                return Err(format!(
                    "sslmode={other}: must be one of disable, prefer, require, verify-ca, verify-full"
                ));
            }
        };
        if last("sslrootcert") == Some("system") && trust != Trust::Name {
            return Err(format!(
                "sslrootcert=system gives little protection with sslmode={mode}: use verify-full"
            ));
        }
        config.ssl_mode(of_config);
        let own = match (path("sslcert"), path("sslkey")) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err("sslcert and sslkey belong together: give both or neither".to_owned()),
        };
        Ok(Self { config, tls: Tls { trust, roots, own } })
    }
}

/// Parameters and their values.
type Pairs = Vec<(String, String)>;

/// The query of a URL without our parameters, and these.
fn split_query(query: &str) -> Result<(String, Pairs), String> {
    let mut rest = Vec::new();
    let mut ours = Vec::new();
    for part in query.split('&') {
        match part.split_once('=') {
            Some((name, value)) if OURS.contains(&name) => {
                let value = percent_encoding::percent_decode_str(value).decode_utf8();
                let value = value.map_err(|_| format!("the value of {name} is not UTF-8"))?;
                ours.push((name.to_owned(), value.into_owned()));
            }
            _ => rest.push(part),
        }
    }
    Ok((rest.join("&"), ours))
}

/// Words `name = value` without our parameters, and these. A value may stand in quotes; a backslash takes the next
/// character as it is. What is not of that form stays in the rest, for the crate to refuse.
fn split_words(text: &str) -> (String, Pairs) {
    let mut rest = String::new();
    let mut ours = Vec::new();
    let mut left = text;
    while !left.trim_start().is_empty() {
        left = left.trim_start();
        let Some((name, after)) = left.split_once('=') else { break };
        let name = name.trim_end();
        let value = after.trim_start();
        let quoted = value.starts_with('\'');
        let (mut taken, mut escaped, mut ended) = (String::new(), false, false);
        let mut end = value.len();
        for (at, letter) in value.char_indices().skip(usize::from(quoted)) {
            if escaped {
                taken.push(letter);
                escaped = false;
            } else if letter == '\\' {
                escaped = true;
            } else if if quoted { letter == '\'' } else { letter.is_whitespace() } {
                end = at + usize::from(quoted);
                ended = true;
                break;
            } else {
                taken.push(letter);
            }
        }
        if quoted && !ended {
            break;
        }
        if OURS.contains(&name) {
            ours.push((name.to_owned(), taken));
        } else {
            rest.push_str(&format!("{name}={} ", &value[..end]));
        }
        left = &value[end..];
    }
    rest.push_str(left);
    (rest, ours)
}

/// An address as it may be shown: without user name and password.
pub(in super::super) fn public(text: &str) -> String {
    let Ok(Target { config, .. }) = Target::parse(text) else {
        return "the given address".to_owned();
    };
    let hosts = config.get_hosts().iter().map(|host| match host {
        postgres::config::Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        postgres::config::Host::Unix(path) => path.display().to_string(),
    });
    let hosts: Vec<String> = hosts.collect();
    format!("{}/{}", hosts.join(","), config.get_dbname().unwrap_or_default())
}

/// An error with its causes: the crate's own text leaves them out.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| text + ": " + &(cause as &dyn Display).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use postgres::config::SslMode;

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(public("postgres://me:secret@db.example:5433/studies"), "db.example/studies");
        assert_eq!(public("host=/run/x user=me password=secret dbname=d"), "/run/x/d");
        assert_eq!(public("postgres://me:secret@h/d?sslmode=verify-full"), "h/d");
        assert_eq!(public("secret"), "the given address");
        assert_eq!(public("postgres://me:se@cret@h/d"), "the given address");
        assert!(Target::parse("postgres://me:se@cret@h/d").unwrap_err().contains("%40"));
    }

    #[test]
    fn both_forms_say_the_same_about_encryption() {
        let url = "postgresql://me:p%20w@h:1/d?sslmode=verify-ca&connect_timeout=3&sslrootcert=%2Fa%20b%2Fca.pem";
        let words = r"host=h port = 1 user=me password='p w' sslmode=verify-ca dbname=d sslrootcert= '/a b/ca.pem' connect_timeout=3";
        for text in [url, words] {
            let Target { config, tls } = Target::parse(text).unwrap();
            assert_eq!(config.get_password(), Some(&b"p w"[..]), "{text}");
            assert_eq!(config.get_dbname(), Some("d"));
            assert_eq!(config.get_ports(), [1]);
            assert_eq!(config.get_connect_timeout().unwrap().as_secs(), 3);
            assert_eq!(config.get_ssl_mode(), SslMode::Require);
            let roots = Some(PathBuf::from("/a b/ca.pem"));
            assert_eq!(tls, Tls { trust: Trust::Authority, roots, own: None });
        }
        let escaped = Target::parse(r"host=h sslcert=a\ b\'c sslkey='k\'' password=it\'s").unwrap();
        assert_eq!(escaped.tls.own, Some((PathBuf::from("a b'c"), PathBuf::from("k'"))));
        assert_eq!(escaped.config.get_password(), Some(&b"it's"[..]));
    }

    #[test]
    fn modes_are_those_of_libpq() {
        let of = |query: &str| {
            let Target { config, tls } = Target::parse(&format!("postgres://h/d{query}")).unwrap();
            (config.get_ssl_mode(), tls.trust)
        };
        assert_eq!(of(""), (SslMode::Prefer, Trust::Anyone));
        assert_eq!(of("?sslmode=disable"), (SslMode::Disable, Trust::Anyone));
        assert_eq!(of("?sslmode=require"), (SslMode::Require, Trust::Anyone));
        assert_eq!(of("?sslmode=require&sslrootcert=x"), (SslMode::Require, Trust::Authority));
        assert_eq!(of("?sslmode=verify-ca"), (SslMode::Require, Trust::Authority));
        assert_eq!(of("?sslmode=verify-full"), (SslMode::Require, Trust::Name));
        assert_eq!(of("?sslmode=verify-full&sslrootcert=system"), (SslMode::Require, Trust::Name));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (text, part) in [
            ("postgres://me:secret@h/d?sslmode=on", "sslmode=on: must be one of disable"),
            ("postgres://me:secret@h/d?sslcert=a", "belong together"),
            ("postgres://me:secret@h/d?sslrootcert=system", "use verify-full"),
            ("postgres://me:secret@h/d?sslrootcert=%ff", "not UTF-8"),
            ("postgres://me:secret@h/d?sslmood=require", "unknown option `sslmood`"),
            ("host=h password='secret sslmode=require", "unterminated"),
            ("host=h password=secret sslmode", "unexpected EOF"),
            ("mysql://me:secret@h/d", ""),
        ] {
            let error = Target::parse(text).unwrap_err();
            assert!(error.contains(part) && !error.contains("secret"), "{text}: {error}");
        }
    }
}
