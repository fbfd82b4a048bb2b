//! Studies on a PostgreSQL server, started for each test.

use crate::program::{TINY, Workplace, wait};
use serde_json::Value;
use softreg_study::{Address, Claim, Method, Plan, Space, Store};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

struct Server {
    dir: tempfile::TempDir,
    programs: PathBuf,
    options: String,
}

impl Server {
    /// `None`, with a word about it, where PostgreSQL is not installed.
    fn start() -> Option<Self> {
        Self::start_with(|_| String::new())
    }

    /// With the options that `prepare` gives for what it puts into the server's folder.
    fn start_with(prepare: impl FnOnce(&Path) -> String) -> Option<Self> {
        let versions =
            std::fs::read_dir("/usr/lib/postgresql").ok().into_iter().flatten().flatten();
        let found = versions.map(|v| v.path().join("bin")).find(|bin| bin.join("initdb").exists());
        let Some(programs) = found else {
            println!("skipped: no PostgreSQL server is installed");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let own = prepare(dir.path());
        let options = format!("-k {} -c listen_addresses= {own}", dir.path().display());
        let server = Self { dir, programs, options };
        if root() {
            // It refuses to serve as root.
            let mut give = Command::new("chown");
            let given = give.args(["-R", "postgres"]).arg(server.dir.path()).status().unwrap();
            assert!(given.success());
        }
        server.call("initdb", &["-U", "softreg", "-A", "trust", "-N"]);
        server.up();
        Some(server)
    }

    fn call(&self, program: &str, arguments: &[&str]) {
        let path = self.programs.join(program);
        let mut command = match root() {
            true => Command::new("runuser"),
            false => Command::new(&path),
        };
        if root() {
            command.args(["-u", "postgres", "--"]).arg(&path);
        }
        command.arg("-D").arg(self.dir.path().join("data")).args(arguments);
        let output = command.current_dir(self.dir.path()).output().unwrap();
        assert!(output.status.success(), "{program}: {output:?}");
    }

    fn up(&self) {
        let log = self.dir.path().join("log").display().to_string();
        self.call("pg_ctl", &["-w", "-o", &self.options, "-l", &log, "start"]);
    }

    fn down(&self) {
        self.call("pg_ctl", &["-w", "-m", "immediate", "stop"]);
    }

    /// The program at a workplace, with its studies here.
    fn softreg(&self, place: &Workplace, line: &str) -> std::process::Child {
        let mut command = place.command(line);
        command.env("SOFTREG_STUDY", self.url());
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command.spawn().unwrap()
    }

    fn url(&self) -> String {
        format!("host={} user=softreg password=secret dbname=postgres", self.dir.path().display())
    }

    fn address(&self, name: &str) -> Address {
        Address::Server { url: self.url(), name: name.to_owned() }
    }

    fn sql(&self, text: &str) {
        self.sql_at(5432, text);
    }

    fn sql_at(&self, port: u16, text: &str) {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.arg("-h").arg(self.dir.path()).args(["-p", &port.to_string(), "-U", "softreg"]);
        let said = psql.args(["-d", "postgres", "-c", text]).output().unwrap();
        assert!(said.status.success(), "{said:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !std::thread::panicking() || self.dir.path().join("data/postmaster.pid").exists() {
            self.down();
        }
    }
}

fn root() -> bool {
    rustix::process::geteuid().is_root()
}

fn plan(method: Method) -> Plan {
    let space = Space::parse(&["a=0..1:linear".to_owned()]).unwrap();
    Plan::new(space, method, 3, true).unwrap()
}

fn open(address: &Address) -> Store {
    let (store, about) = Store::open(address, |_| (), || false).unwrap();
    assert_eq!(about, "about");
    store
}

/// Works until the study is done; the tasks that were handed out.
fn work(mut store: Store, name: &str, pause: Duration) -> Vec<(usize, usize)> {
    let mut handed_out = Vec::new();
    loop {
        match store.claim(name, 0.0).unwrap() {
            Claim::Task(task) => {
                std::thread::sleep(pause);
                let value = task.parameters["a"].parse().unwrap();
                // False where the answer to a first try was lost.
                store.finish(&task, name, value, "{}").unwrap();
                handed_out.push((task.trial, task.rung));
            }
            Claim::Wait => std::thread::sleep(Duration::from_millis(5)),
            Claim::Finished => return handed_out,
        }
    }
}

#[test]
fn workers_do_every_task_once_and_a_dead_ones_is_taken_over() {
    let Some(server) = Server::start() else { return };
    let asha = plan(Method::Asha { trials: 20, reduction: 2, rungs: 3 });
    let address = server.address("one");
    Store::create(&address, &asha, "about").unwrap();
    // Another study beside it.
    Store::create(&server.address("two"), &plan(Method::Random { trials: 1 }), "about").unwrap();
    let again = Store::create(&address, &asha, "about").unwrap_err().to_string();
    assert!(again.contains("--resume") && !again.contains("secret"), "{again}");

    let all: Vec<_> = std::thread::scope(|scope| {
        let start = |i: usize| {
            let store = open(&address);
            scope.spawn(move || work(store, &format!("worker {i}"), Duration::from_millis(2)))
        };
        let workers: Vec<_> = (0..4).map(start).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    let history = open(&address).history().unwrap();
    assert_eq!(history.len(), all.len());
    let (best, rung) = asha.best(&softreg_study::tried(&history)).unwrap();
    let value = |i: usize| asha.parameters(i)["a"].parse::<f64>().unwrap();
    assert_eq!((value(best), rung), ((0..20).map(value).fold(0.0, f64::max), 2));

    let mut store = open(&server.address("two"));
    let Claim::Task(task) = store.claim("dead", 0.0).unwrap() else { panic!() };
    assert_eq!(store.claim("other", 0.0).unwrap(), Claim::Wait);
    server.sql("UPDATE softreg_task SET heard = heard - 59 WHERE study = 'two'");
    assert_eq!(store.claim("other", 0.0).unwrap(), Claim::Wait);
    assert!(store.beat(&task, "dead", 0.0).unwrap());
    server.sql("UPDATE softreg_task SET heard = heard - 61 WHERE study = 'two'");
    assert_eq!(store.claim("other", 0.0).unwrap(), Claim::Task(task.clone()));
    assert!(!store.finish(&task, "dead", 1.0, "").unwrap(), "its value comes too late");
    assert!(store.release(&task, "other").unwrap());
    assert_eq!(store.claim("third", 0.0).unwrap(), Claim::Task(task.clone()));
    assert!(store.finish(&task, "third", f64::NAN, "why").unwrap());
    let history = store.history().unwrap();
    assert!(matches!(history[0].rung, softreg_study::Rung::Done(value) if value.is_nan()));
    assert_eq!(history[0].about.as_deref(), Some("why"));
}

#[test]
fn a_server_that_goes_away_is_waited_for() {
    let Some(server) = Server::start() else { return };
    let address = server.address("study");
    Store::create(&address, &plan(Method::Random { trials: 12 }), "about").unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let notices = heard.clone();
    let notice = move |text: &str| notices.lock().unwrap().push(text.to_owned());
    let (store, _) = Store::open(&address, notice, || false).unwrap();
    let worker = std::thread::spawn(move || work(store, "worker", Duration::from_millis(150)));
    std::thread::sleep(Duration::from_millis(500));
    server.down();
    std::thread::sleep(Duration::from_millis(1500));
    assert!(!worker.is_finished());
    server.up();
    assert_eq!(worker.join().unwrap().len(), 12);
    let history = open(&address).history().unwrap();
    assert_eq!(history.len(), 12);
    assert!(history.iter().all(|one| matches!(one.rung, softreg_study::Rung::Done(_))));
    let heard = heard.lock().unwrap().clone();
    assert!(heard[0].contains("retrying") && !heard[0].contains("secret"), "{heard:?}");
    assert!(heard[1].contains("back"), "{heard:?}");
}

#[test]
fn nobody_is_dead_because_the_server_was_away() {
    let Some(server) = Server::start() else { return };
    let address = server.address("study");
    Store::create(&address, &plan(Method::Random { trials: 2 }), "about").unwrap();
    let (mut one, mut other) = (open(&address), open(&address));
    let Claim::Task(of_one) = one.claim("one", 0.0).unwrap() else { panic!() };
    let Claim::Task(of_other) = other.claim("other", 0.0).unwrap() else { panic!() };
    // As after minutes in which nobody could be heard.
    server.sql("UPDATE softreg_task SET heard = heard - 300");
    server.down();
    server.up();
    // The one that is back first takes nothing from the other, but what was given back.
    assert!(other.finish(&of_other, "other", 1.0, "{}").unwrap());
    assert_eq!(other.claim("other", 0.0).unwrap(), Claim::Wait);
    assert!(one.beat(&of_one, "one", 0.0).unwrap(), "the task is still its own");
    assert!(one.release(&of_one, "one").unwrap());
    assert_eq!(other.claim("other", 0.0).unwrap(), Claim::Task(of_one));
}

#[test]
fn who_waited_long_to_decide_takes_nobody_for_dead() {
    let Some(server) = Server::start() else { return };
    let address = server.address("study");
    Store::create(&address, &plan(Method::Random { trials: 1 }), "about").unwrap();
    let (mut one, mut other) = (open(&address), open(&address));
    let Claim::Task(task) = one.claim("one", 0.0).unwrap() else { panic!() };
    server.sql("UPDATE softreg_task SET heard = heard - 300");
    let claimed = std::thread::scope(|scope| {
        // What keeps a decision waiting may keep signs of life waiting.
        let hold = "BEGIN; SELECT 1 FROM softreg_study FOR UPDATE; SELECT pg_sleep(7); COMMIT";
        scope.spawn(|| server.sql(hold));
        std::thread::sleep(Duration::from_secs(1));
        other.claim("other", 0.0).unwrap()
    });
    assert_eq!(claimed, Claim::Wait);
    assert_eq!(other.claim("other", 0.0).unwrap(), Claim::Task(task));
}

#[test]
fn who_is_to_end_does_not_wait_for_a_server_that_is_away() {
    let Some(server) = Server::start() else { return };
    let address = server.address("study");
    Store::create(&address, &plan(Method::Random { trials: 1 }), "about").unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let told = over.clone();
    let ended = move || told.load(Ordering::Relaxed);
    let (mut store, _) = Store::open(&address, |_| (), ended).unwrap();
    server.down();
    let worker = std::thread::spawn(move || store.claim("worker", 0.0));
    std::thread::sleep(Duration::from_secs(2));
    assert!(!worker.is_finished());
    over.store(true, Ordering::Relaxed);
    let begun = Instant::now();
    assert!(worker.join().unwrap().is_err());
    assert!(begun.elapsed() < Duration::from_secs(20));
    server.up();
}

#[test]
fn a_task_that_takes_its_workers_down_is_given_up() {
    let Some(server) = Server::start() else { return };
    let address = server.address("study");
    Store::create(&address, &plan(Method::Random { trials: 2 }), "about").unwrap();
    let claim = |worker| match open(&address).claim(worker, 0.0).unwrap() {
        Claim::Task(task) => task,
        other => panic!("{other:?}"),
    };
    for _ in 0..3 {
        let task = claim("falls");
        assert_eq!(task.trial, 0);
        // What is given back in order counts for nothing.
        assert!(open(&address).beat(&task, "falls", 0.0).unwrap());
        assert!(open(&address).release(&task, "falls").unwrap());
        assert_eq!(claim("falls"), task);
        server.sql("UPDATE softreg_task SET heard = heard - 61");
    }
    assert_eq!(claim("other").trial, 1);
    let history = open(&address).history().unwrap();
    assert_eq!(history[0].rung, softreg_study::Rung::Failed);
    assert!(history[0].about.as_deref().unwrap().contains("fell silent"), "{history:?}");
}

#[test]
fn a_host_that_is_killed_leaves_its_trial_to_another() {
    let Some(server) = Server::start() else { return };
    let (one, two) = (Workplace::new(), Workplace::new());
    let mut first = server.softreg(&one,
        &format!(
            "tune motif {TINY} --count 40 --vary l2=0.001..0.1 --method random --trials 3 --steps 200 --jobs 1 --out s"
        ),
    );
    let address = server.address("s");
    let begun = || {
        Store::open(&address, |_| (), || false)
            .is_ok_and(|(mut s, _)| !s.history().unwrap().is_empty())
    };
    crate::program::until("a trial", begun);
    first.kill().unwrap();
    first.wait().unwrap();
    let before = Store::open(&address, |_| (), || false).unwrap().0.history().unwrap();
    assert!(
        before.iter().any(|one| matches!(one.rung, softreg_study::Rung::Running)),
        "{before:?}"
    );
    // A minute later.
    server.sql("UPDATE softreg_task SET heard = heard - 61 WHERE state = 'running'");
    let second = wait(server.softreg(&two, "tune --resume s --jobs 1"));
    assert_eq!(second.code, Some(0), "{second:?}");
    let all = trials(&two.path("s"));
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|trial| trial["value"].is_number()), "{all:?}");
}

/// The trials of a folder.
fn trials(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("report.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    report["trials"].as_array().unwrap().clone()
}

#[test]
fn two_hosts_work_on_one_study() {
    let Some(server) = Server::start() else { return };
    let (one, two) = (Workplace::new(), Workplace::new());
    let design = format!(
        "tune motif {TINY} --count 40 --vary l2=0.001..0.1 --method random --trials 6 --steps 3 \
         --jobs 1 --out s"
    );
    let first = server.softreg(&one, &design);
    // As soon as there is a study, another host goes on with it.
    let address = server.address("s");
    crate::program::until("the study", || Store::open(&address, |_| (), || false).is_ok());
    let second = wait(server.softreg(&two, "tune --resume s --jobs 1"));
    assert_eq!(second.code, Some(0), "{second:?}");
    let first = wait(first);
    assert_eq!(first.code, Some(0), "{first:?}");
    let all = trials(&one.path("s"));
    assert_eq!(all.len(), 6);
    assert_eq!(all, trials(&two.path("s")));
    let runs = |place: &Workplace| match std::fs::read_dir(place.path("s/trials")) {
        Ok(entries) => entries.flatten().filter(|e| e.path().is_dir()).count(),
        Err(_) => 0,
    };
    assert_eq!(runs(&one) + runs(&two), 6);
    assert!(!one.path("s/study.sqlite").exists());

    let missing = wait(server.softreg(&two, "tune --resume other"));
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(missing.err.contains("no study of that name"), "{missing:?}");
    assert!(!two.path("other").exists());
    let again = wait(server.softreg(&two, &design.replace("--out s", "--out deeper/s")));
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.err.contains("a study of that name already exists"), "{again:?}");
    assert!(!two.path("deeper/s").exists());
}

#[test]
fn a_folder_of_another_study_is_refused() {
    let Some(server) = Server::start() else { return };
    let (one, two) = (Workplace::new(), Workplace::new());
    let line = format!(
        "tune motif {TINY} --count 40 --vary l2=0.001..0.1 --method random --trials 1 --steps 1 --jobs 1 --out s"
    );
    two.ok(&line);
    let winner = std::fs::read_to_string(two.path("s/winner.toml")).unwrap();
    assert_eq!(wait(server.softreg(&one, &line)).code, Some(0));
    assert_eq!(wait(server.softreg(&one, "tune --resume s")).code, Some(0));
    let said = wait(server.softreg(&two, "tune --resume s"));
    said.is_one_error(1, "tune", &["another study of the same name", "move it elsewhere"]);
    assert_eq!(std::fs::read_to_string(two.path("s/winner.toml")).unwrap(), winner);
}

#[test]
fn a_server_that_is_not_there_is_told_at_once() {
    let place = Workplace::new();
    let line =
        format!("tune motif {TINY} --vary l2=0.1..1 --method random --steps 1 --out s --study");
    let said = place.run(&format!("{line} postgres://me:secret@127.0.0.1:1/studies"));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("127.0.0.1/studies") && !said.err.contains("secret"), "{said:?}");
    assert!(!place.path("s").exists());
}

/// A server that lets nobody in over a network without encryption; where, for which user name.
fn encrypted(folder: &Path) -> (String, u16) {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
    use std::os::unix::fs::PermissionsExt;
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    let authority = |file: &str| {
        let mut about = CertificateParams::default();
        about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let made = CertifiedIssuer::self_signed(about, KeyPair::generate().unwrap()).unwrap();
        write(file, made.pem());
        made
    };
    let (ours, _) = (authority("authority.pem"), authority("other.pem"));
    for name in ["localhost", "guest"] {
        let mut about = CertificateParams::new([name.to_owned()]).unwrap();
        about.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        write(&format!("{name}.pem"), about.signed_by(&key, &ours).unwrap().pem());
        write(&format!("{name}.key"), key.serialize_pem());
    }
    write(
        "hba",
        "local all all trust\nhostssl all softreg 127.0.0.1/32 trust\n\
         hostssl all guest 127.0.0.1/32 cert\nhostssl all member 127.0.0.1/32 scram-sha-256\n"
            .to_owned(),
    );
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let at = |name: &str| folder.join(name).display().to_string();
    let options = format!(
        "-c listen_addresses=127.0.0.1 -p {port} -c hba_file={} -c ssl=on -c ssl_cert_file={} \
         -c ssl_key_file={} -c ssl_ca_file={}",
        at("hba"),
        at("localhost.pem"),
        at("localhost.key"),
        at("authority.pem")
    );
    (options, port)
}

#[test]
fn connections_are_encrypted_as_sslmode_says() {
    let mut port = 0;
    let prepare = |folder: &Path| {
        let (options, at) = encrypted(folder);
        port = at;
        options
    };
    let Some(server) = Server::start_with(prepare) else { return };
    let sql = |text: &str| server.sql_at(port, text);
    sql("CREATE USER guest SUPERUSER");
    sql("CREATE USER member SUPERUSER PASSWORD 'secret'");
    let at = |name: &str| server.dir.path().join(name).display().to_string();
    let (authority, other) = (at("authority.pem"), at("other.pem"));
    let attempts = std::cell::Cell::new(0);
    let create = |user: &str, host: &str, rest: &str| {
        attempts.set(attempts.get() + 1);
        let url = format!("postgres://{user}@{host}:{port}/postgres{rest}");
        let name = format!("study {}", attempts.get());
        let address = Address::Server { url, name };
        Store::create(&address, &plan(Method::Random { trials: 1 }), "about")
            .map(|()| drop(open(&address)))
            .map_err(|error| error.to_string())
    };
    let refused = |user: &str, host: &str, rest: &str, part: &str| {
        let error = create(user, host, rest).unwrap_err();
        assert!(error.contains(part) && !error.contains("secret"), "{user}@{host}{rest}: {error}");
    };
    refused("softreg", "localhost", "?sslmode=disable", "no encryption");
    for (host, rest) in [
        ("127.0.0.1", ""),
        ("127.0.0.1", "?sslmode=prefer"),
        ("127.0.0.1", "?sslmode=require"),
        ("127.0.0.1", &format!("?sslmode=require&sslrootcert={authority}")),
        ("127.0.0.1", &format!("?sslmode=verify-ca&sslrootcert={authority}")),
        ("localhost", &format!("?sslmode=verify-full&sslrootcert={authority}")),
    ] {
        create("softreg", host, rest).unwrap_or_else(|error| panic!("{host}{rest}: {error}"));
    }
    let full = format!("?sslmode=verify-full&sslrootcert={authority}");
    refused("softreg", "127.0.0.1", &full, "sslmode=verify-ca to accept");
    for mode in ["require", "verify-ca", "verify-full"] {
        let rest = format!("?sslmode={mode}&sslrootcert={other}");
        refused("softreg", "localhost", &rest, "authority that signed it with sslrootcert=");
    }
    // The system does not know the authority of a test.
    refused("softreg", "localhost", "?sslmode=verify-full", "rtificate");
    refused("softreg", "localhost", "?sslmode=verify-ca&sslrootcert=/nowhere.pem", "/nowhere.pem");
    let key = at("localhost.key");
    let rest = format!("?sslmode=verify-ca&sslrootcert={key}");
    refused("softreg", "localhost", &rest, "the file contains no certificate (PEM)");

    refused("guest", "localhost", "?sslmode=require", "client certificate");
    let own = |name: &str| format!("{full}&sslcert={}&sslkey={}", at("guest.pem"), at(name));
    create("guest", "localhost", &own("guest.key")).unwrap();
    refused("guest", "localhost", &own("localhost.key"), "sslcert=");
    refused("guest", "localhost", &own("authority.pem"), "sslkey=");

    let bound = format!("{full}&channel_binding=require");
    create("member:secret", "localhost", &bound).unwrap();
    refused("member:wrong", "localhost", &bound, "password authentication failed");

    let place = Workplace::new();
    let design =
        format!("tune motif {TINY} --count 40 --vary l2=0.1..1 --method random --trials 1");
    let url = format!("postgres://softreg@localhost:{port}/postgres{full}");
    let said = place.run(&format!("{design} --steps 2 --out s --study {url}"));
    assert_eq!(said.code, Some(0), "{said:?}");

    // A certificate of the first version, as the commands in PostgreSQL's manual make it.
    let openssl = |line: &str| {
        let mut command = Command::new("openssl");
        let made = command.args(line.split(' ')).current_dir(place.path("")).output();
        made.is_ok_and(|output| output.status.success())
    };
    let request = "req -new -nodes -newkey rsa:2048 -keyout key -out request -subj /CN=localhost";
    if !openssl(request) || !openssl("x509 -req -in request -signkey key -out certificate") {
        println!("skipped: without openssl there is no certificate of the first version");
        return;
    }
    // Into the files that are there, which keep their owner.
    for (from, to) in [("certificate", "localhost.pem"), ("key", "localhost.key")] {
        std::fs::write(at(to), std::fs::read(place.path(from)).unwrap()).unwrap();
    }
    server.call("pg_ctl", &["reload"]);
    let first = format!("?sslmode=verify-ca&sslrootcert={authority}");
    crate::program::until("the new certificate", || {
        create("softreg", "localhost", &first).is_err()
    });
    create("softreg", "localhost", "?sslmode=require").unwrap();
    create("softreg", "localhost", "").unwrap();
    refused("softreg", "localhost", &first, "sslmode=require");
}

#[test]
fn encryption_is_not_given_up_where_it_is_wanted() {
    let Some(server) = Server::start() else { return };
    let url = server.url() + " sslmode=require";
    let address = Address::Server { url, name: "study".to_owned() };
    let error = Store::create(&address, &plan(Method::Random { trials: 1 }), "").unwrap_err();
    assert!(error.to_string().contains("TLS"), "{error}");
}
