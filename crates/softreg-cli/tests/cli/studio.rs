//! The studio as a browser meets it: over the network, with the real program behind it.

use crate::pictures;
use crate::program::{Workplace, until};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

/// A studio that runs, ended when dropped. Runs that it began go on, as they should.
pub(crate) struct Studio {
    child: Child,
    /// Such as `127.0.0.1:40123`.
    pub(crate) host: String,
    /// What stands behind it: `?token=…`, or nothing.
    pub(crate) query: String,
}

impl Drop for Studio {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Studio {
    pub(crate) fn start(place: &Workplace, more: &str) -> Self {
        Self::of(place.command(&format!("studio runs --address 127.0.0.1:0 {more}")))
    }

    /// By its command line.
    pub(crate) fn of(mut command: std::process::Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().trim_start_matches("http://");
        let (host, query) = address.split_once('/').unwrap_or((address, ""));
        assert!(host.starts_with("127.0.0.1:"), "{line}");
        Self { child, host: host.to_owned(), query: query.to_owned() }
    }

    /// Sends it a signal, by its name.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        crate::program::signal(&self.child, name);
    }

    /// Sends a request as it is written, but for the length of the body.
    pub(crate) fn raw(&self, request: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut head = format!(
            "{request} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // An answer may come before all was sent.
        let _ = stream.write_all(body);
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        let end = all.windows(4).position(|w| w == b"\r\n\r\n").expect("an answer") + 4;
        let head = String::from_utf8_lossy(&all[..end]).to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: all[end..].to_vec() }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.raw(&format!("GET {path}"), &[("Host", &self.host)], b"")
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let headers = [
            ("Host", self.host.as_str()),
            ("X-Softreg", "1"),
            ("Content-Type", "application/json"),
        ];
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body).unwrap() };
        self.raw(&format!("{method} {path}"), &headers, &body)
    }

    /// What must succeed.
    pub(crate) fn ok(&self, method: &str, path: &str, body: &Value) -> Answer {
        let answer = match method {
            "GET" => self.get(path),
            _ => self.send(method, path, body),
        };
        assert!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.text());
        answer
    }

    fn upload(&self, name: &str, files: &[(&str, &[u8])]) -> Answer {
        let mut body = Vec::new();
        for (name, bytes) in files {
            body.extend(
                format!(
                    "--X\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\n"
                )
                .bytes(),
            );
            body.extend(*bytes);
            body.extend(b"\r\n");
        }
        body.extend(b"--X--\r\n");
        let headers = [
            ("Host", self.host.as_str()),
            ("X-Softreg", "1"),
            ("Content-Type", "multipart/form-data; boundary=X"),
        ];
        self.raw(&format!("POST /api/v1/collections/upload?name={name}"), &headers, &body)
    }

    /// How the run called `name` stands.
    fn state(&self, name: &str) -> String {
        self.get(&format!("/api/v1/runs/{name}")).json()["state"].as_str().unwrap_or("").to_owned()
    }

    fn job(&self, id: &Value) -> Value {
        let jobs = self.ok("GET", "/api/v1/queue", &Value::Null).json();
        jobs.as_array().unwrap().iter().find(|job| job["id"] == *id).cloned().unwrap_or_default()
    }
}

/// A run that takes seconds.
fn short(minutes: f64) -> Value {
    json!({"collection": "motif", "recipe": "default", "minutes": minutes, "size": "16", "regularizers": {"consistency": 1.0}, "augment": []})
}

#[test]
fn a_run_is_started_watched_explored_and_taken_away() {
    let place = Workplace::new();
    let studio = Studio::start(&place, "");
    let options = studio.ok("GET", "/api/v1/options", &Value::Null).json();
    assert!(options["regularizers"].as_array().unwrap().len() > 10);
    let check = studio.ok("GET", "/api/v1/collections/motif/check", &Value::Null).json();
    assert!(check["pictures"].as_u64().unwrap() > 100);
    let sheet = studio.ok("GET", "/api/v1/collections/motif/sheet", &Value::Null);
    assert_eq!(&sheet.body[1..4], b"PNG");

    // What recipes hold is told, to begin a choice of one's own with.
    let recipes = options["recipes"].as_array().unwrap();
    let few = recipes.iter().find(|recipe| recipe["name"] == "few").unwrap();
    assert_eq!(few["regularizers"], json!({"consistency": 1.0, "mode-seeking": 0.1}));
    assert_eq!(few["augment"][2], "cutout");

    // What makes no sense is told before it waits.
    let mut wrong = short(0.05);
    wrong["regularizers"] = json!({"consistncy": 1.0});
    let answer = studio.send("POST", "/api/v1/runs", &wrong);
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("consistency"), "{}", answer.text());

    let job = studio.ok("POST", "/api/v1/runs", &short(0.06)).json();
    until("the run is finished", || studio.job(&job["id"])["state"] == "finished");
    let name = studio.job(&job["id"])["run"].as_str().unwrap().to_owned();
    assert_eq!(name, "motif-001");
    let run = format!("/api/v1/runs/{name}");
    let details = studio.ok("GET", &run, &Value::Null).json();
    assert_eq!(
        (details["state"].as_str(), details["paints"].as_bool()),
        (Some("finished"), Some(true))
    );
    assert!(details["config"].as_str().unwrap().contains("consistency"));
    let rows = studio.ok("GET", &format!("{run}/metrics?most=5"), &Value::Null).json();
    assert!(rows[0]["loss/critic"].is_number() && rows.as_array().unwrap().len() <= 5);
    let steps = studio.ok("GET", &format!("{run}/samples"), &Value::Null).json();
    let sample = studio.ok("GET", &format!("{run}/samples/{}", steps[0]), &Value::Null);
    assert!(sample.head.contains("image/png") && sample.body[1..4] == *b"PNG");
    // Sent once, and asked for each time.
    assert!(sample.head.contains("cache-control: private, no-cache"), "{}", sample.head);
    let tag = sample.head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    let path = format!("GET {run}/samples/{}", steps[0]);
    let again = studio.raw(&path, &[("Host", &studio.host), ("If-None-Match", tag)], b"");
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(details["sheet"], true);
    let sheet = studio.ok("GET", &format!("{run}/sheet"), &Value::Null);
    assert_eq!(sheet.body, std::fs::read(place.path(&format!("runs/{name}/sheet.png"))).unwrap());

    // Pictures, and the same ones again.
    let wish = json!({"kind": "draw", "seed": 3, "count": 5});
    let drawn = studio.ok("POST", &format!("{run}/pictures"), &wish).json();
    let again = json!({"kind": "again", "latents": drawn["latents"]});
    assert_eq!(
        studio.ok("POST", &format!("{run}/pictures"), &again).json()["pictures"],
        drawn["pictures"]
    );
    // By the step that an answer told, and by none that is gone.
    let step = drawn["step"].as_u64().unwrap();
    let at = |step| format!("{run}/pictures?step={step}");
    assert_eq!(studio.ok("POST", &at(step), &again).json()["pictures"], drawn["pictures"]);
    let gone = studio.send("POST", &at(step + 1), &again);
    assert_eq!(gone.status, 409);
    assert!(gone.text().contains("is gone"), "{}", gone.text());
    let near = json!({"kind": "near", "latent": drawn["latents"][0], "amount": 0.2, "seed": 1, "count": 2});
    let near = studio.ok("POST", &format!("{run}/pictures"), &near).json();
    assert_eq!(near["pictures"].as_array().unwrap().len(), 2);
    let mix =
        json!({"kind": "mix", "from": drawn["latents"][0], "to": drawn["latents"][1], "count": 4});
    let mix = studio.ok("POST", &format!("{run}/pictures"), &mix).json();
    assert_eq!(
        (&mix["pictures"][0], &mix["pictures"][3]),
        (&drawn["pictures"][0], &drawn["pictures"][1])
    );
    let walk =
        json!({"keys": [drawn["latents"][0], drawn["latents"][1]], "frames": 3, "format": "gif"});
    assert_eq!(&studio.ok("POST", &format!("{run}/walk"), &walk).body[..6], b"GIF89a");
    let print = json!({"latent": drawn["latents"][0], "scale": 4, "repeat": 2});
    let print = studio.ok("POST", &format!("{run}/print"), &print);
    assert_eq!(image::load_from_memory(&print.body).unwrap().width(), 16 * 4 * 2);
    for wrong in [
        json!({"kind": "draw", "seed": 1, "count": 100_000}),
        json!({"kind": "again", "latents": [[1.0]]}),
    ] {
        assert_eq!(studio.send("POST", &format!("{run}/pictures"), &wrong).status, 400);
    }

    // What is kept is in the folder of the run, and in a page that needs nothing else.
    let favourites = format!("{run}/favourites");
    let chosen = |i: usize| json!({"latent": drawn["latents"][i], "step": drawn["step"], "picture": drawn["pictures"][i]});
    // What the generator cannot make is not kept, where it would spoil the gallery.
    let mut wrong = chosen(2);
    wrong["latent"] = json!([0.5]);
    let answer = studio.send("POST", &favourites, &wrong);
    assert_eq!(answer.status, 400, "{}", answer.text());
    // Two pages that keep one each, and one of them takes its own back.
    let first = studio.ok("POST", &favourites, &chosen(1)).json();
    studio.ok("POST", &favourites, &chosen(2));
    studio.ok("DELETE", &format!("{favourites}/{}", first["id"]), &Value::Null);
    assert_eq!(
        studio.send("DELETE", &format!("{favourites}/{}", first["id"]), &Value::Null).status,
        404
    );
    assert!(place.path(&format!("runs/{name}/favourites.json")).is_file());
    let page = studio.ok("GET", &format!("{run}/gallery"), &Value::Null).text();
    assert!(page.contains(drawn["pictures"][2].as_str().unwrap()) && page.contains("1 picture,"));
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"));
    assert!(
        studio.ok("GET", &format!("{run}/favourites"), &Value::Null).json()[0]["latent"].is_array()
    );
    // The same ones as files, under the numbers that they keep, and as large as one that is printed.
    let archive = |more: &str| studio.get(&format!("{run}/archive{more}"));
    let (own, again) = (archive(""), archive("?scale=1"));
    assert!(own.head.contains("application/zip") && own.head.contains("motif-001.zip"));
    assert!(own.body == again.body, "the same favourites make another archive");
    let files = pictures::unzip(&own.body);
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].0, "motif-001-0002.png");
    let picture = image::load_from_memory(&files[0].1).unwrap();
    assert_eq!((picture.width(), picture.height()), (16, 16));
    let print = json!({"latent": drawn["latents"][2], "scale": 8});
    let print = studio.ok("POST", &format!("{run}/print"), &print).body;
    assert!(pictures::unzip(&archive("?scale=8").body)[0].1 == print);
    for wrong in ["?scale=0", "?scale=513", "?scale=-1", "?size=2"] {
        let answer = archive(wrong);
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.text());
    }
    let described = studio.ok("GET", "/api/v1/openapi.json", &Value::Null).json();
    let described = &described["paths"]["/api/v1/runs/{run}/archive"]["get"];
    assert_eq!(described["parameters"][1]["name"], "scale", "{described}");
    for (format, first) in [("onnx", &b"\x08\x08"[..]), ("safetensors", b"")] {
        let file = studio.ok("GET", &format!("{run}/export?format={format}"), &Value::Null);
        place.ok(&format!("export runs/{name} --to x.{format}"));
        let own = std::fs::read(place.path(&format!("x.{format}"))).unwrap();
        assert!(file.body == own && own.starts_with(first), "{format}");
        place.refuses(
            2,
            &format!("export runs/{name} --to x.{format}"),
            &["already exists", "--force"],
        );
    }
    let weights = std::fs::read(place.path("x.safetensors")).unwrap();
    let (_, about) = safetensors::SafeTensors::read_metadata(&weights).unwrap();
    let about: Value =
        serde_json::from_str(&about.metadata().as_ref().unwrap()["generator"]).unwrap();
    assert_eq!((&about["width"], &about["network"]), (&json!(16), &json!("dcgan")));
    place.refuses(2, &format!("export runs/{name} --to x.pt"), &["x.pt", ".onnx"]);
    // Other commands work on it.
    place.ok(&format!("generate runs/{name} --count 4 --quiet"));
}

#[test]
fn a_run_outlives_the_studio_and_is_paused_by_the_next() {
    let place = Workplace::new();
    let studio = Studio::start(&place, "");
    let job = studio.ok("POST", "/api/v1/runs", &short(10.0)).json();
    let behind = studio.ok("POST", "/api/v1/runs", &short(10.0)).json();
    until("it trains", || studio.state("motif-001") == "running");
    assert_eq!(studio.job(&behind["id"])["state"], "waiting");
    studio.ok("DELETE", &format!("/api/v1/queue/{}", behind["id"]), &Value::Null);

    // News arrive while it trains.
    let mut stream = TcpStream::connect(&studio.host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "GET /api/v1/runs/motif-001/events HTTP/1.1\r\nHost: {}\r\n\r\n", studio.host)
        .unwrap();
    let (mut rows, mut reader) = (0, BufReader::new(stream));
    while rows < 3 {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the stream ended");
        rows += usize::from(line.contains("\"kind\":\"metrics\"") && line.contains("loss/critic"));
    }
    drop(reader);

    // Two studios would begin the same run twice.
    place.fails(1, "studio runs --address 127.0.0.1:0", &["another studio has", "runs"]);
    drop(studio);
    let studio = Studio::start(&place, "");
    assert_eq!(studio.state("motif-001"), "running");
    assert_eq!(studio.send("POST", "/api/v1/runs/motif-001/resume", &Value::Null).status, 409);
    studio.ok("POST", "/api/v1/runs/motif-001/pause", &Value::Null);
    until("it has saved", || studio.job(&job["id"])["state"] == "paused");
    assert_eq!(studio.state("motif-001"), "stopped");
    let step = studio.get("/api/v1/runs/motif-001").json()["step"].as_u64().unwrap();
    assert!(step > 0);

    studio.ok("POST", "/api/v1/runs/motif-001/resume", &Value::Null);
    until("it goes on", || {
        studio.get("/api/v1/runs/motif-001").json()["step"].as_u64() > Some(step)
    });
    studio.ok("POST", "/api/v1/runs/motif-001/stop", &Value::Null);
    until("it has stopped", || studio.job(&job["id"])["state"] == "stopped");
    assert_eq!(studio.send("POST", "/api/v1/runs/motif-001/stop", &Value::Null).status, 409);
}

#[test]
fn a_run_is_stopped_by_its_place_in_the_queue() {
    let place = Workplace::new();
    let studio = Studio::start(&place, "");
    let job = studio.ok("POST", "/api/v1/runs", &short(10.0)).json();
    until("it has begun", || studio.job(&job["id"])["state"] == "running");
    // It reads its pictures, and has no folder by which it could be named.
    studio.ok("POST", &format!("/api/v1/queue/{}/stop", job["id"]), &Value::Null);
    until("it has stopped", || studio.job(&job["id"])["state"] == "stopped");
    assert!(studio.job(&job["id"])["reason"].is_null(), "{}", studio.job(&job["id"]));
    let again = studio.send("POST", &format!("/api/v1/queue/{}/stop", job["id"]), &Value::Null);
    assert_eq!(again.status, 409, "{}", again.text());
}

#[test]
fn a_run_that_has_ended_is_given_more_time() {
    let place = Workplace::new();
    place.ok("train motif --limit 32 --size 16 --width 4 --batch 8 --threads 1 --steps 5 --quiet --out runs/one");
    let studio = Studio::start(&place, "");
    let go_on =
        |more: &str| studio.send("POST", &format!("/api/v1/runs/one/resume{more}"), &Value::Null);
    assert!(go_on("").text().contains("more minutes"));
    for (more, status) in [("", 409), ("?minutes=0", 400), ("?minutes=x", 400), ("?hours=1", 400)] {
        assert_eq!(go_on(more).status, status, "{more}");
    }
    assert_eq!(go_on("?minutes=0.02").status, 200);
    let step = || studio.get("/api/v1/runs/one").json()["step"].as_u64().unwrap();
    until("it has trained on", || step() > 5 && studio.state("one") == "finished");
    let config = std::fs::read_to_string(place.path("runs/one/config.toml")).unwrap();
    assert!(config.contains("\nminutes = 0.0"), "{config}");
}

#[test]
fn a_request_that_is_no_upload_is_short() {
    let place = Workplace::new();
    let studio = Studio::start(&place, "");
    let long = json!({"latents": vec![vec![0.25; 64]; 60_000]});
    let answer = studio.send("POST", "/api/v1/runs/one/pictures", &long);
    assert_eq!(answer.status, 413, "{}", answer.text());
    place.refuses(2, "studio runs --pictures motif", &["motif"]);
}

#[test]
fn uploads_are_looked_at_before_they_are_kept() {
    let place = Workplace::new();
    let studio = Studio::start(&place, "");
    let picture = |i| pictures::png(&pictures::blob(i, 24, 24, false));
    let (a, b) = (picture(1), picture(2));
    let taken = studio.upload("my%20art", &[("art/owl/a.png", &a), ("art/fox/a.png", &b)]);
    assert_eq!(taken.status, 200, "{}", taken.text());
    assert_eq!(taken.json()["name"], "my-art");
    let check = studio.ok("GET", "/api/v1/collections/my-art/check", &Value::Null).json();
    assert_eq!(check["pictures"], 2);
    assert!(check["classes"].as_array().is_some_and(|classes| classes.len() == 2), "{check}");
    // What is no picture is left out, and two of a name are both kept.
    let files =
        [("a.png", &a[..]), ("a.png", &b[..]), ("Thumbs.db", b"\xd0\xcf"), ("notes.txt", b"hi")];
    let taken = studio.upload("mixed", &files).json();
    assert_eq!((&taken["files"], &taken["skipped"]), (&json!(2), &json!(2)));
    // What is counted is read, however it ends.
    let taken = studio.upload("saved", &[("a.jpg_large", &a), ("c", &b)]).json();
    assert_eq!(taken["files"], 2);
    let check = studio.ok("GET", "/api/v1/collections/saved/check", &Value::Null).json();
    assert_eq!(check["pictures"], 2, "{check}");
    // Names that are no names of runs are made so.
    for (wish, name) in [("_owls", "owls"), ("art%20(1)", "art-1")] {
        assert_eq!(studio.upload(wish, &[("a.png", &a)]).json()["name"], name);
        studio.ok("GET", &format!("/api/v1/collections/{name}/check"), &Value::Null);
    }
    pictures::zip(&place.path("a.zip"), 12);
    let zip = std::fs::read(place.path("a.zip")).unwrap();
    assert_eq!(studio.upload("my-art", &[("a.zip", &zip)]).json()["name"], "my-art-2.zip");
    let listed = studio.ok("GET", "/api/v1/collections", &Value::Null).json();
    assert_eq!(listed.as_array().unwrap().len(), 7);

    let huge = pictures::png_that_declares(60_000);
    for (files, status) in [
        (vec![("../../a.png", &a[..])], 400),
        (vec![("x/../a.png", &a[..])], 400),
        (vec![("a.png", &b"<script>alert(1)</script>"[..])], 400),
        (vec![("a.zip", &b"PK no archive"[..])], 400),
        (vec![("a.zip", &zip[..]), ("a.png", &a[..])], 400),
        (vec![("huge.png", &huge[..])], 413),
        (vec![], 400),
    ] {
        let answer = studio.upload("bad", &files);
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    // Nothing of it was kept.
    let after = studio.ok("GET", "/api/v1/collections", &Value::Null).json();
    assert_eq!(after, listed);
    let folder = place.path("runs/.studio/collections");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 6);
}

#[test]
fn collections_of_one_name_are_told_apart() {
    let place = Workplace::new();
    let studio = Studio::start(&place, "");
    let picture = pictures::png(&pictures::blob(1, 24, 24, false));
    assert_eq!(studio.upload("owls", &[("a.png", &picture)]).json()["name"], "owls");
    drop(studio);
    pictures::folder(&place.path("art/owls"), 12, 16, 16, false);
    let studio = Studio::start(&place, "--pictures art/owls");
    let listed = studio.ok("GET", "/api/v1/collections", &Value::Null).json();
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["motif", "owls-2", "owls"]);
    for (name, pictures) in [("owls", 1), ("owls-2", 12)] {
        let check = studio.get(&format!("/api/v1/collections/{name}/check")).json();
        assert_eq!(check["pictures"], pictures, "{name}");
    }
    let mut wanted = short(0.02);
    wanted["collection"] = json!("owls-2");
    let job = studio.ok("POST", "/api/v1/runs", &wanted).json();
    let folder = crate::program::whole(place.path("art/owls"));
    assert_eq!(job["arguments"][0], folder.as_str());
    assert_eq!(studio.upload("owls-2", &[("a.png", &picture)]).json()["name"], "owls-2-2");
}

#[test]
fn sheets_are_cut_where_that_is_asked_for() {
    let place = Workplace::new();
    let studio = Studio::start(&place, "");
    crate::sheets::full_sheet(&place.path("tiles.png"));
    let sheet = std::fs::read(place.path("tiles.png")).unwrap();
    assert_eq!(studio.upload("tiles", &[("tiles.png", &sheet)]).status, 200);
    let check = |cells: &str| studio.get(&format!("/api/v1/collections/tiles/check{cells}"));
    let whole = check("").json();
    assert_eq!((&whole["pictures"], &whole["sheets"]["cells"]), (&json!(1), &json!(24)));
    let cells = whole["sheets"]["grid"].as_str().unwrap();
    assert_eq!(check(&format!("?cells={cells}")).json()["pictures"], 24);
    let drawn = studio.get(&format!("/api/v1/collections/tiles/sheet?cells={cells}"));
    assert_eq!((drawn.status, &drawn.body[..4]), (200, &b"\x89PNG"[..]));
    for (wrong, words) in
        [("16x16:x", "not a grid"), ("16xx", "height is"), ("400", "too few for a single cell")]
    {
        let answer = check(&format!("?cells={wrong}"));
        assert_eq!(answer.status, 400, "{wrong}");
        assert!(answer.text().contains(words), "{}", answer.text());
    }
    let mut wanted = short(0.02);
    (wanted["collection"], wanted["cells"], wanted["size"]) =
        (json!("tiles"), json!(cells), json!("16"));
    let job = studio.ok("POST", "/api/v1/runs", &wanted).json();
    until("it is trained", || studio.job(&job["id"])["state"] == "finished");
    let config = std::fs::read_to_string(place.path("runs/tiles-001/config.toml")).unwrap();
    assert!(config.contains("sheet:16x16,spacing=1,margin=1:"), "{config}");
}

#[test]
fn whatever_is_sent_to_a_described_route_is_answered_in_words() {
    let place = Workplace::new();
    let studio = Studio::start(&place, "");
    place.ok(&format!("train motif {} --steps 1 --quiet --out runs/a", crate::program::TINY));
    let description = studio.ok("GET", "/api/v1/openapi.json", &Value::Null).json();
    let paths = description["paths"].as_object().unwrap();
    assert!(paths.len() >= 20, "{}", paths.len());
    let bodies = [
        Value::Null,
        json!({}),
        json!([]),
        json!("x"),
        json!({"kind": "draw", "seed": -1, "count": 1e300}),
        json!([{"latent": [1e308, "x"]}]),
        json!({"keys": [[0.0]], "frames": 0, "format": "gif"}),
        json!({"collection": "", "recipe": "", "minutes": -1}),
    ];
    for (path, methods) in paths {
        for method in methods.as_object().unwrap().keys().map(|m| m.to_uppercase()) {
            for name in ["a", "nothing", "18446744073709551616", "%F0%9F%A6%89", "-1"] {
                let filled = ["{run}", "{name}", "{id}", "{step}"]
                    .iter()
                    .fold(path.clone(), |p, key| p.replace(key, name));
                if filled.ends_with("/events") && name == "a" {
                    continue;
                }
                for body in &bodies {
                    let answer = studio.send(&method, &filled, body);
                    let context = || format!("{method} {filled} {body}: {}", answer.text());
                    assert!(answer.status < 500, "{}", context());
                    // As described, and every refusal in the same form.
                    let described = &methods[method.to_lowercase()]["responses"];
                    let documented = described.get(answer.status.to_string());
                    assert!(documented.is_some(), "{} {}", answer.status, context());
                    if answer.status >= 400 {
                        assert!(answer.json()["error"].is_string(), "{}", context());
                    }
                    if path == &filled {
                        continue;
                    }
                    if method == "GET" {
                        break;
                    }
                }
            }
        }
    }
}

#[test]
fn addresses_are_checked_and_collections_of_any_name_are_trained() {
    let place = Workplace::new();
    place.refuses(2, "studio runs --address foo", &["write IP:PORT", "127.0.0.1:8321"]);
    pictures::folder(&place.path("art (1)"), 12, 16, 16, false);
    let (folder, runs) = (place.path("art (1)"), place.path("runs"));
    let mut command = place.command("studio");
    command.arg(&runs).args(["--address", "localhost:0", "--pictures"]).arg(&folder);
    std::fs::write(place.path("tiles.png"), pictures::png(&pictures::blob(1, 32, 32, true)))
        .unwrap();
    command.args(["--pictures", "sheet:16x16:tiles.png"]);
    let studio = Studio::of(command);
    let check = studio.ok("GET", "/api/v1/collections/tiles.png/check", &Value::Null).json();
    assert_eq!((&check["source"], &check["pictures"]), (&json!("sheet"), &json!(4)));
    let mut wanted = short(0.02);
    wanted["collection"] = json!("art (1)");
    let job = studio.ok("POST", "/api/v1/runs", &wanted).json();
    until("it is trained", || studio.job(&job["id"])["state"] == "finished");
    assert_eq!(studio.job(&job["id"])["run"], "art-1-001");
}
