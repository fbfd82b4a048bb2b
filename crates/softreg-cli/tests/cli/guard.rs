//! The studio as an attacker meets it: pages from elsewhere, other accounts, names that lead out.

use crate::program::Workplace;
use crate::studio::Studio;
use serde_json::{Value, json};

/// What the studio answers to a process of another account; `None` where this one may not begin any.
#[cfg(target_os = "linux")]
fn asked_by_another_account(host: &str, path: &str) -> Option<String> {
    use std::os::unix::process::CommandExt;
    let (host, port) = host.split_once(':').unwrap();
    let ask = "exec 3<>/dev/tcp/$0/$1; printf 'GET %s HTTP/1.1\\r\\nHost: %s:%s\\r\\nConnection: close\\r\\n\\r\\n' \"$2\" \"$0\" \"$1\" >&3; cat <&3";
    let mut command = std::process::Command::new("bash");
    command.args(["-c", ask, host, port, path]).current_dir("/").uid(65_534).gid(65_534);
    let output = command.output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(target_os = "linux")]
#[test]
fn other_accounts_of_the_computer_get_nothing() {
    let place = Workplace::new();
    let studio = Studio::start(&place, "");
    let Some(answer) = asked_by_another_account(&studio.host, "/api/v1/runs") else {
        println!("skipped: processes of another account need the administrator's rights");
        return;
    };
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("another account"), "{answer}");
    assert_eq!(studio.get("/api/v1/runs").status, 200);
    drop(studio);
    // The address with the token is for everybody who was told.
    let studio = Studio::start(&place, "--token");
    let told = |query: &str| asked_by_another_account(&studio.host, &format!("/{query}")).unwrap();
    assert!(told("").starts_with("HTTP/1.1 403"));
    assert!(told(&studio.query).starts_with("HTTP/1.1 303"), "{}", told(&studio.query));
}

/// Sends a request as another account, and then resets the connection, closes it, or stays; whether this account may begin such
/// processes.
#[cfg(target_os = "linux")]
fn another_account_asks(studio: &Studio, request: &str, then: &str, from: &str) -> bool {
    use std::os::unix::process::CommandExt;
    let (host, port) = studio.host.split_once(':').unwrap();
    let ask = "use Socket; my ($host, $port, $request, $then, $from) = @ARGV;
        socket(my $s, PF_INET, SOCK_STREAM, 0) or die $!;
        bind($s, sockaddr_in(0, inet_aton($from))) or die $!;
        connect($s, sockaddr_in($port, inet_aton($host))) or die $!;
        setsockopt($s, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)) if $then eq 'reset';
        syswrite($s, $request);
        sysread($s, my $answer, 4096) if $then eq 'stay';
        close($s);";
    let mut command = std::process::Command::new("perl");
    command.args(["-e", ask, host, port, request, then, from]).current_dir("/");
    let Ok(output) = command.uid(65_534).gid(65_534).output() else { return false };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    true
}

#[cfg(target_os = "linux")]
#[test]
fn other_accounts_get_nothing_by_being_gone() {
    let place = Workplace::new();
    place.ok(&format!("train motif {} --steps 1 --quiet --out runs/a", crate::program::TINY));
    let studio = Studio::start(&place, "");
    let request = format!(
        "POST /api/v1/runs/a/evaluation HTTP/1.1\r\nHost: {}\r\nX-Softreg: 1\r\nContent-Length: 0\r\n\r\n",
        studio.host
    );
    // Any address of this computer leads to its own one.
    let own = std::net::UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    let own = own.map_or("127.0.0.1".to_owned(), |address| address.ip().to_string());
    for (then, from) in [
        ("reset", "127.0.0.1"),
        ("close", "127.0.0.1"),
        ("close", "127.0.0.9"),
        ("reset", own.as_str()),
        ("stay", own.as_str()),
    ] {
        // Who is gone is looked at when it is too late. Of several requests the first is answered before the end of the last
        // is seen.
        let late = then != "stay";
        let request = request.repeat(if late { 4 } else { 1 });
        late.then(|| studio.signal("STOP"));
        let asked = another_account_asks(&studio, &request, then, from);
        late.then(|| studio.signal("CONT"));
        if !asked {
            println!("skipped: this needs the administrator's rights and Perl");
            return;
        }
        // This one waited behind it.
        assert_eq!(studio.get("/api/v1/runs").status, 200);
        std::thread::sleep(std::time::Duration::from_millis(300));
        let queue = studio.ok("GET", "/api/v1/queue", &Value::Null).json();
        assert_eq!(queue, json!([]), "{then} {from}");
    }
}

/// A command with a browser that notes what it is to open.
#[cfg(target_os = "linux")]
fn with_browser(place: &Workplace, more: &str) -> (std::process::Command, std::path::PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    let (folder, noted) = (place.path("bin"), place.path(&format!("opened{}", more.len())));
    std::fs::create_dir_all(&folder).unwrap();
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" > {0}.part && mv {0}.part {0}\n",
        noted.display()
    );
    std::fs::write(folder.join("xdg-open"), script).unwrap();
    let may_run = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.join("xdg-open"), may_run).unwrap();
    let mut command = place.command(&format!("studio runs --address 127.0.0.1:0 --open {more}"));
    let others = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{others}", folder.display())).env("TMPDIR", place.path(""));
    (command, noted)
}

#[cfg(target_os = "linux")]
#[test]
fn the_token_is_on_no_command_line() {
    use crate::program::until;
    use std::os::unix::fs::PermissionsExt;
    let place = Workplace::new();
    let (command, noted) = with_browser(&place, "");
    let studio = Studio::of(command);
    until("the page is opened", || noted.exists());
    let opened = std::fs::read_to_string(&noted).unwrap();
    assert_eq!(opened.trim(), format!("http://{}/", studio.host));
    drop(studio);

    let (command, noted) = with_browser(&place, "--token");
    let studio = Studio::of(command);
    until("the page is opened", || noted.exists());
    let opened = std::fs::read_to_string(&noted).unwrap();
    let token = studio.query.strip_prefix("?token=").unwrap();
    assert!(!opened.contains(token), "{opened}");
    // But in a file that only this account can read, and that leads there.
    let file = std::path::PathBuf::from(opened.trim());
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    let page = format!("http://{}/?token={token}", studio.host);
    assert!(std::fs::read_to_string(&file).unwrap().contains(&page));
    if let Some(browser) = crate::browser::Browser::start(&place) {
        browser.open(&format!("file://{}", file.display()));
        browser.says(&["There are no runs yet"]);
    }
    studio.signal("TERM");
    until("it is taken away", || !file.parent().unwrap().exists());
}

#[test]
fn pages_from_elsewhere_get_nothing() {
    let place = Workplace::new();
    let studio = Studio::start(&place, "");
    let host = studio.host.clone();
    let page = studio.ok("GET", "/", &Value::Null);
    assert!(page.head.contains("content-security-policy: default-src 'none'"), "{}", page.head);
    assert!(page.head.contains("nosniff") && !page.head.contains("access-control-allow"));
    for path in ["/studio.js", "/studio.css", "/icon.svg"] {
        let file = studio.ok("GET", path, &Value::Null).text();
        assert!(!file.contains("https://"), "{path} loads from elsewhere");
    }
    let evil = format!("evil.example:{}", host.split(':').next_back().unwrap());
    let own = ("Host", host.as_str());
    for (request, headers) in [
        // A name that was rebound to this computer.
        ("GET /api/v1/runs", vec![("Host", evil.as_str())]),
        ("GET /", vec![("Host", evil.as_str())]),
        // A page from elsewhere that sends a form, or a script of its own.
        ("POST /api/v1/runs", vec![own, ("Content-Type", "text/plain")]),
        ("POST /api/v1/runs", vec![own, ("X-Softreg", "1"), ("Origin", "http://evil.example")]),
        ("GET /api/v1/runs", vec![own, ("Origin", "null")]),
        ("GET /api/v1/collections/motif/check", vec![own, ("Sec-Fetch-Site", "cross-site")]),
        ("OPTIONS /api/v1/runs", vec![own, ("Origin", "http://evil.example")]),
    ] {
        let answer = studio.raw(request, &headers, b"{}");
        assert_eq!(answer.status, 403, "{request} {headers:?}");
    }
    // No file outside the runs.
    std::fs::write(place.path("secret"), "secret").unwrap();
    place.ok(&format!("train motif {} --steps 1 --quiet --out runs/a", crate::program::TINY));
    for path in [
        "..",
        "../secret",
        "..%2fsecret",
        "%2e%2e%2fsecret",
        ".studio",
        "a%2f..%2f..%2fsecret",
        "/etc/passwd",
        "a%00",
    ] {
        for route in ["", "/metrics", "/samples/0", "/gallery", "/archive"] {
            let answer = studio.get(&format!("/api/v1/runs/{path}{route}"));
            assert!((400..500).contains(&answer.status), "{path}{route}: {}", answer.status);
            assert!(!answer.text().contains("secret\n"), "{path}");
        }
        let answer = studio.get(&format!("/api/v1/collections/{path}/check"));
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
    }
    // An option where a value should be.
    for wrong in [
        json!({"collection": "--help", "recipe": "default"}),
        json!({"collection": "motif", "recipe": "../secret"}),
        json!({"collection": "motif", "recipe": "default", "size": "16 --out /tmp/x"}),
        json!({"collection": "motif", "recipe": "default", "out": "/tmp/x"}),
        json!({"collection": "motif", "recipe": "default", "augment": ["--out=x"]}),
    ] {
        let answer = studio.send("POST", "/api/v1/runs", &wrong);
        assert!((400..500).contains(&answer.status), "{wrong}: {}", answer.status);
    }
    assert_eq!(studio.ok("GET", "/api/v1/queue", &Value::Null).json(), json!([]));
}

#[test]
fn other_accounts_of_this_computer_can_be_kept_out() {
    let place = Workplace::new();
    let studio = Studio::start(&place, "--token");
    let token = studio.query.strip_prefix("?token=").unwrap();
    assert_eq!(studio.get("/api/v1/runs").status, 403);
    let bearer = format!("Bearer {token}");
    let headers = [("Host", studio.host.as_str()), ("Authorization", bearer.as_str())];
    assert_eq!(studio.raw("GET /api/v1/runs", &headers, b"").status, 200);
}
