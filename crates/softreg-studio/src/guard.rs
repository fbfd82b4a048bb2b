//! Who may ask: the page itself, and programs that know the address.
//!
//! A page from elsewhere that is open in the same browser can send requests to this computer. It is kept out three
//! times over: the `Host` must be ours (a name that was rebound to this computer is not), `Origin` and
//! `Sec-Fetch-Site`, where a browser states them, must be ours too, and whatever changes something needs a header that a
//! page from elsewhere cannot send without being asked first. On an address that others can reach, a token is needed as well;
//! without one, processes of other accounts of this computer are kept out where the system tells whose they are.

use crate::problem::Problem;
use crate::visitor::Visitor;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;
use std::sync::Arc;

/// What every request that changes something must carry: `X-Softreg: 1`.
pub const HEADER: HeaderName = HeaderName::from_static("x-softreg");
/// What the cookie that holds the token is called, before the port.
const COOKIE: &str = "softreg-token";

/// The cookie of a studio that the browser knows as `host`. Browsers give the cookies of one port to all others: by one
/// name, two studios of a computer would shut each other out.
fn cookie_at(host: &str) -> String {
    match host.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok()) {
        Some(port) => format!("{COOKIE}-{port}"),
        None => COOKIE.to_owned(),
    }
}

/// What a page may load: nothing from elsewhere, and no script but its own file.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

/// What is let through.
#[derive(Debug)]
pub struct Guard {
    /// Values of `Host` that mean us.
    hosts: Vec<String>,
    token: Option<String>,
}

impl Guard {
    /// For a server at `address`; `token` is needed where others can reach it.
    pub fn new(address: SocketAddr, token: Option<String>) -> Self {
        let port = address.port();
        let mut hosts = vec![address.to_string()];
        if address.ip().is_loopback() {
            hosts.extend(["127.0.0.1", "localhost", "[::1]"].map(|name| format!("{name}:{port}")));
        }
        // Browsers leave out the port of the Web.
        if port == 80 {
            let bare = hosts.iter().filter_map(|host| host.strip_suffix(":80"));
            hosts = bare.map(str::to_owned).chain(hosts.clone()).collect();
        }
        Self { hosts, token }
    }

    fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        let text = |name: HeaderName| headers.get(name).map(|v| v.to_str().unwrap_or(""));
        let host = text(header::HOST).unwrap_or("");
        // Behind a token any name will do: a rebound name does not come with the cookie.
        if self.token.is_none() && !self.hosts.iter().any(|own| own == host) {
            return Err(Problem::forbidden(format!(
                "this studio is not served at `{host}`: open http://{}",
                self.hosts[0]
            )));
        }
        if let Some(origin) = text(header::ORIGIN) {
            let own = ["http://", "https://"].iter().find_map(|scheme| origin.strip_prefix(scheme));
            if own != Some(host) {
                return Err(Problem::forbidden(format!("requests from {origin} are rejected")));
            }
        }
        // An image or a script of a page from elsewhere comes without an origin. A link to this page may.
        let site = text(HeaderName::from_static("sec-fetch-site")).unwrap_or("none");
        if uri.path().starts_with("/api/") && !matches!(site, "same-origin" | "none") {
            return Err(Problem::forbidden("requests from other sites are rejected"));
        }
        let changes = !matches!(*method, Method::GET | Method::HEAD);
        if changes && text(HEADER) != Some("1") {
            return Err(Problem::forbidden(
                "requests that change anything need the header `X-Softreg: 1`",
            ));
        }
        let Some(token) = &self.token else { return Ok(()) };
        let bearer = text(header::AUTHORIZATION).and_then(|text| text.strip_prefix("Bearer "));
        let cookies = text(header::COOKIE).unwrap_or("");
        let own = format!("{}=", cookie_at(host));
        let cookie = cookies.split("; ").find_map(|pair| pair.strip_prefix(&own));
        let asked = [bearer, cookie, token_of(uri.query().unwrap_or(""))];
        match asked.into_iter().flatten().any(|given| same(given, token)) {
            true => Ok(()),
            false => Err(Problem::forbidden(
                "the token is missing or wrong: open the address that `softreg studio` printed",
            )),
        }
    }

    /// Whether somebody may ask who has no token.
    fn know(&self, visitor: Option<Visitor>) -> Result<(), Problem> {
        match visitor {
            Some(Visitor::OtherAccount) if self.token.is_none() => Err(Problem::forbidden(
                "this studio belongs to another account of this computer: start your own, or ask its owner to start it with --token and give you the printed address",
            )),
            Some(Visitor::Nobody) if self.token.is_none() => Err(Problem::forbidden(
                "the system does not tell which account of this computer asks: reload the page, or start the studio with --token and open the printed address",
            )),
            _ => Ok(()),
        }
    }
}

/// The token in a query `token=…`.
fn token_of(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("token="))
}

/// Compares all of it, whatever the first difference is.
fn same(a: &str, b: &str) -> bool {
    let pairs = a.bytes().zip(b.bytes());
    a.len() == b.len() && pairs.fold(0, |differs, (x, y)| differs | (x ^ y)) == 0
}

/// Lets a request through or answers it, and says to the browser what a page may do.
pub async fn guard(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let uri = request.uri();
    let visitor = request.extensions().get::<ConnectInfo<Visitor>>();
    let checked = guard.check(request.method(), uri, request.headers());
    let mut response = match checked.and_then(|()| guard.know(visitor.map(|info| info.0))) {
        Err(problem) => problem.into_response(),
        Ok(()) => match guard.token.as_ref().filter(|_| uri.query().and_then(token_of).is_some()) {
            // Once is enough: the address without the token can be seen and shared.
            Some(token) => enter(token, request.headers(), uri.path()),
            None => next.run(request).await,
        },
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Keeps the token as a cookie and goes to the address without it.
fn enter(token: &str, headers: &HeaderMap, path: &str) -> Response {
    // A path that begins with two slashes would lead to another computer.
    let path = format!("/{}", path.trim_start_matches('/'));
    // `Lax` and not `Strict`: a link from a chat or a mail may lead here. What changes something or tells something is
    // guarded by more than the cookie.
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    let cookie = format!("{}={token}; Path=/; HttpOnly; SameSite=Lax", cookie_at(host));
    (StatusCode::SEE_OTHER, [(header::LOCATION, path), (header::SET_COOKIE, cookie)])
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(guard: &Guard, method: Method, headers: &[(&str, &str)], query: &str) -> bool {
        let uri = format!("/api/v1/runs?{query}").parse().unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.insert(name, HeaderValue::from_str(value).unwrap());
        }
        guard.check(&method, &uri, &map).is_ok()
    }

    #[test]
    fn only_our_own_page_gets_through() {
        let guard = Guard::new("127.0.0.1:8321".parse().unwrap(), None);
        let host = ("host", "localhost:8321");
        assert!(ask(&guard, Method::GET, &[host], ""));
        assert!(ask(&guard, Method::GET, &[host, ("origin", "http://localhost:8321")], ""));
        assert!(ask(&guard, Method::POST, &[host, ("x-softreg", "1")], ""));
        for (method, headers) in [
            (Method::GET, &[][..]),
            (Method::GET, &[("host", "evil.example:8321")]),
            (Method::GET, &[("host", "127.0.0.1")]),
            (Method::GET, &[host, ("origin", "http://evil.example")]),
            (Method::GET, &[host, ("origin", "null")]),
            (Method::GET, &[host, ("sec-fetch-site", "cross-site")]),
            (Method::GET, &[host, ("sec-fetch-site", "same-site")]),
            (Method::GET, &[host, ("origin", "http://127.0.0.1:8321")]),
            (Method::POST, &[host]),
            (Method::DELETE, &[host, ("x-softreg", "yes")]),
            (Method::POST, &[host, ("x-softreg", "1"), ("origin", "https://evil.example")]),
        ] {
            assert!(!ask(&guard, method.clone(), headers, ""), "{method} {headers:?}");
        }
    }

    #[test]
    fn other_accounts_need_a_token() {
        let address = "127.0.0.1:8321".parse().unwrap();
        let (open, guarded) = (Guard::new(address, None), Guard::new(address, Some("x".into())));
        assert!(open.know(Some(Visitor::OtherAccount)).is_err());
        assert!(open.know(Some(Visitor::Nobody)).is_err());
        assert!(open.know(Some(Visitor::Ours)).is_ok() && open.know(None).is_ok());
        assert!(guarded.know(Some(Visitor::OtherAccount)).is_ok());
    }

    #[test]
    fn the_port_of_the_web_need_not_be_said() {
        let guard = Guard::new("127.0.0.1:80".parse().unwrap(), None);
        for host in ["127.0.0.1", "127.0.0.1:80", "localhost", "localhost:80", "[::1]"] {
            assert!(ask(&guard, Method::GET, &[("host", host)], ""), "{host}");
            let origin = format!("http://{host}");
            assert!(ask(&guard, Method::GET, &[("host", host), ("origin", &origin)], ""), "{host}");
        }
        for host in ["evil.example", "127.0.0.1:8321", ""] {
            assert!(!ask(&guard, Method::GET, &[("host", host)], ""), "{host}");
        }
    }

    /// The cookie that a browser gets that comes with the token.
    fn cookie_of(host: &str) -> String {
        let headers = [(header::HOST, HeaderValue::from_str(host).unwrap())].into_iter().collect();
        let cookie = enter("secret", &headers, "/").headers()[header::SET_COOKIE].clone();
        cookie.to_str().unwrap().to_owned()
    }

    #[test]
    fn studios_of_one_computer_have_cookies_of_their_own() {
        let guard = Guard::new("0.0.0.0:8321".parse().unwrap(), Some("secret".into()));
        let hosts = ["x:8321", "x:8322", "x", "[::1]:8321", "[::1]"];
        let pair = |host| cookie_of(host).split(';').next().unwrap().to_owned();
        for host in hosts {
            let both = format!("{}; {}", pair("x:9").replace("secret", "other"), pair(host));
            assert!(ask(&guard, Method::GET, &[("host", host), ("cookie", &both)], ""), "{host}");
        }
        assert_eq!(pair("x:8321"), "softreg-token-8321=secret");
        assert_ne!(pair("x:8321"), pair("x:8322"));
        let elsewhere = [("host", "x:8322"), ("cookie", "softreg-token-8321=secret")];
        assert!(!ask(&guard, Method::GET, &elsewhere, ""));
    }

    #[test]
    fn a_link_from_elsewhere_leads_in_and_still_changes_nothing() {
        let cookie = cookie_of("x:8321");
        assert!(cookie.ends_with("HttpOnly; SameSite=Lax"), "{cookie}");
        let guard = Guard::new("0.0.0.0:8321".parse().unwrap(), Some("secret".into()));
        let known = [("host", "x:8321"), ("cookie", "softreg-token-8321=secret")];
        assert!(ask(&guard, Method::GET, &known, ""));
        let elsewhere = [known[0], known[1], ("sec-fetch-site", "cross-site"), ("x-softreg", "1")];
        assert!(!ask(&guard, Method::GET, &elsewhere, ""));
        assert!(
            !ask(&guard, Method::POST, &elsewhere, "") && !ask(&guard, Method::POST, &known, "")
        );
    }

    #[test]
    fn others_need_the_token() {
        let guard = Guard::new("0.0.0.0:8321".parse().unwrap(), Some("secret".into()));
        let host = ("host", "studio.local:8321");
        assert!(ask(&guard, Method::GET, &[host], "token=secret"));
        assert!(ask(
            &guard,
            Method::GET,
            &[host, ("cookie", "a=b; softreg-token-8321=secret")],
            ""
        ));
        assert!(ask(&guard, Method::GET, &[host, ("authorization", "Bearer secret")], ""));
        assert!(!ask(&guard, Method::GET, &[host], ""));
        assert!(!ask(&guard, Method::GET, &[host], "token=secreT"));
        assert!(!ask(&guard, Method::GET, &[host, ("cookie", "softreg-token-8321=")], ""));
        assert!(!ask(&guard, Method::GET, &[host, ("cookie", "xsoftreg-token-8321=secret")], ""));
    }
}
