//! The studio's page as a person uses it: a real Chromium, driven over WebDriver.

use crate::pictures;
use crate::program::{TINY, Workplace};
use crate::studio::Studio;
use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::key::Key;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long the page may take to show something, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(120);

/// A browser with one page.
struct Browser {
    runtime: Runtime,
    client: Client,
    driver: Child,
    /// Where it saves files.
    downloads: PathBuf,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Where this fails the driver ends the browser.
        let _ = self.runtime.block_on(self.client.clone().close());
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Browser {
    /// `None`, said, on a machine without a browser that can be driven.
    fn start(place: &Workplace) -> Option<Self> {
        let runs = |name: &&str| {
            Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success())
        };
        let browser = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(runs);
        let (Some(browser), true) = (browser, runs(&"chromedriver")) else {
            println!("skipped: there is no Chromium with its chromedriver");
            return None;
        };
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port: u16 = lines
            .find_map(|line| {
                line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok()
            })
            .unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        let downloads = place.path("downloads");
        std::fs::create_dir_all(&downloads).unwrap();
        let options = json!({
            "goog:chromeOptions": {
                "binary": which(browser),
                "args": [
                    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                    "--window-size=1280,1000",
                    format!("--user-data-dir={}", place.path("profile").display()),
                ],
                "prefs": {"download.default_directory": downloads},
            },
        });
        let capabilities: Capabilities = serde_json::from_value(options).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(async {
            let address = format!("http://127.0.0.1:{port}");
            ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities)
                .connect(&address)
                .await
                .unwrap()
        });
        Some(Self { runtime, client, driver, downloads })
    }

    fn open(&self, page: &str) {
        self.runtime.block_on(self.client.goto(page)).unwrap();
    }

    fn all(&self, path: &str) -> Vec<Element> {
        self.runtime.block_on(self.client.find_all(Locator::XPath(path))).unwrap()
    }

    /// Does something to the first element of a path, waited for: until it succeeds, since the page
    /// redraws around it and what was found a moment ago may be gone or covered.
    fn on<T>(&self, path: &str, mut act: impl AsyncFnMut(Element) -> Result<T, CmdError>) -> T {
        let start = Instant::now();
        loop {
            let done = self.runtime.block_on(async {
                let wait = self.client.wait().at_most(PATIENCE);
                act(wait.for_element(Locator::XPath(path)).await?).await
            });
            match done {
                Ok(value) => return value,
                Err(error) if start.elapsed() > PATIENCE => {
                    panic!("{path}: {error}\n{}", self.text())
                }
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    fn click(&self, path: &str) {
        self.on(path, async |element| element.click().await);
    }

    fn press(&self, text: &str) {
        self.click(&format!("//button[normalize-space()='{text}']"));
    }

    fn follow(&self, text: &str) {
        self.click(&format!("//a[normalize-space()='{text}']"));
    }

    fn keys(&self, path: &str, keys: &str) {
        self.on(path, async |element| element.send_keys(keys).await);
    }

    fn attribute(&self, path: &str, name: &str) -> String {
        self.on(path, async |element| element.attr(name).await).unwrap_or_default()
    }

    /// Waits until the attribute is so.
    fn becomes(&self, path: &str, name: &str, expected: &str) {
        self.until(&format!("{name} of {path} is {expected}"), || {
            self.attribute(path, name) == expected
        });
    }

    fn value(&self, path: &str) -> String {
        self.on(path, async |element| element.prop("value").await).unwrap_or_default()
    }

    /// Waits until the control holds `expected`.
    fn holds(&self, path: &str, expected: &str) {
        self.until(&format!("{path} holds {expected}"), || self.value(path) == expected);
    }

    fn text(&self) -> String {
        let body = async { self.client.find(Locator::Css("body")).await?.text().await };
        self.runtime.block_on(body).unwrap_or_default()
    }

    fn script(&self, text: &str, arguments: Vec<Value>) -> Value {
        self.runtime.block_on(self.client.execute(text, arguments)).unwrap()
    }

    /// Waits until the page says all of `words`.
    fn says(&self, words: &[&str]) {
        self.until(&format!("the page says {words:?}"), || {
            let text = self.text();
            words.iter().all(|word| text.contains(word))
        });
    }

    fn until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let start = Instant::now();
        while !condition() {
            let long = start.elapsed() > PATIENCE;
            assert!(!long, "waited in vain until {what}\n{}", self.text());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn address(&self) -> String {
        self.runtime.block_on(self.client.current_url()).unwrap().to_string()
    }

    /// The bytes of a file that the page saved.
    fn saved(&self, name: &str) -> Vec<u8> {
        let path = self.downloads.join(name);
        self.until(&format!("{name} is saved"), || path.is_file());
        std::fs::read(path).unwrap()
    }
}

/// The full path of a program.
fn which(name: &str) -> PathBuf {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let here = std::env::split_paths(&paths).map(|folder| folder.join(name));
    here.into_iter().find(|path| path.is_file()).unwrap_or_else(|| name.into())
}

fn trained(place: &Workplace, name: &str) {
    place.ok(&format!(
        "train motif {TINY} --steps 20 --set output.log-every=1 --set output.sheet-every=10 --set data.validation=0.4 --quiet --out runs/{name}"
    ));
}

#[test]
fn pictures_are_brought_a_run_is_started_watched_paused_and_stopped() {
    let place = Workplace::new();
    let Some(browser) = Browser::start(&place) else { return };
    let studio = Studio::start(&place, "");
    browser.open(&format!("http://{}/", studio.host));
    browser.says(&["There are no runs yet"]);
    browser.follow("New run");

    // A file of the disk, a folder of the disk, and a picture that is dropped.
    pictures::zip(&place.path("birds.zip"), 12);
    browser.keys(&labelled("Pictures or .zip"), &path(&place.path("birds.zip")));
    browser.says(&["12 pictures", "trained at"]);
    pictures::folder(&place.path("foxes"), 7, 20, 20, false);
    browser.keys(&labelled("A folder"), &path(&place.path("foxes")));
    browser.says(&["7 pictures"]);
    let drop = "const [bytes, name] = arguments; const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], name, { type: 'application/zip' }));
        document.querySelector('.drop').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));";
    pictures::zip(&place.path("dropped.zip"), 9);
    let bytes = std::fs::read(place.path("dropped.zip")).unwrap();
    browser.script(drop, vec![json!(bytes), json!("dropped.zip")]);
    browser.says(&["9 pictures"]);
    let collection = labelled("Collection");
    browser
        .until("what was dropped is chosen", || browser.value(&collection).starts_with("dropped"));
    // What is no archive is said.
    browser.script(drop, vec![json!([1, 2, 3]), json!("broken.zip")]);
    browser.says(&["archive"]);

    // Few pictures are all trained on, many are held back in part.
    let held = labelled("Pictures held back");
    browser.holds(&held, "0");
    browser.on(&collection, async |element| element.select_by_value("motif").await);
    browser.says(&["pictures, trained at 32"]);
    browser.holds(&held, "0.1");

    // λ by the keyboard, on its slider.
    browser.click("//label[normalize-space()='Choose regularizers myself']/input");
    let weight = "//div[@class='reg'][.//b[normalize-space()='mode-seeking']]//input";
    let slider = format!("{weight}[@type='range']");
    browser.keys(&slider, &char::from(Key::Right).to_string().repeat(10));
    browser.holds(&format!("{weight}[@type='number']"), "10");
    browser.keys(&labelled("Minutes of training"), "20");
    browser.keys(&labelled("Picture size"), "16");
    browser.press("Start");
    browser.until("the run is shown", || browser.address().ends_with("#/runs/motif-001"));
    browser.says(&["Losses", "images/s", "Pause", "running"]);
    let config = std::fs::read_to_string(place.path("runs/motif-001/config.toml")).unwrap();
    for line in ["mode-seeking = 10.0", "validation = 0.1", "measure = \"coverage,near_copies\""] {
        assert!(config.contains(line), "{line}: {config}");
    }

    // Samples and values arrive by themselves, held-out pictures and copies among them.
    let slider = "//input[@aria-label='Time']";
    browser.until("a second sheet is there", || browser.attribute(slider, "max") != "0");
    browser.says(&["Held-out pictures", "coverage", "Near-copies"]);
    let picture = "//section[.//h2[starts-with(., 'Samples')]]//img";
    browser.keys(slider, &char::from(Key::Home).to_string());
    browser.becomes(picture, "alt", "Samples after 0 steps");
    assert!(browser.attribute(picture, "src").ends_with("/samples/0"));

    browser.press("Pause");
    browser.says(&["stopped", "Go on"]);
    browser.press("Go on");
    browser.says(&["running", "Stop"]);
    browser.press("Stop");
    browser.says(&["stopped", "Go on"]);
    browser.follow("Runs");
    browser.says(&["motif-001", "stopped"]);
}

#[test]
fn a_generator_is_explored_with_mouse_and_keyboard_and_taken_away() {
    let place = Workplace::new();
    let Some(browser) = Browser::start(&place) else { return };
    let studio = Studio::start(&place, "");
    trained(&place, "one");
    browser.open(&format!("http://{}/#/runs/one/explore", studio.host));
    browser.says(&["Draw new", "Choose a picture"]);
    let tile = |i: usize| format!("//ul[@aria-label='Pictures']/li[{i}]/button");
    let source = |i: usize| browser.attribute(&format!("{}/img", tile(i)), "src");
    browser.until("24 pictures are shown", || {
        browser.all("//ul[@aria-label='Pictures']/li").len() == 24
    });

    // Locked, it stays while the others change.
    browser.click(&tile(3));
    browser.press("Lock");
    browser.becomes(&tile(3), "aria-label", "Picture 3, locked");
    let (locked, other) = (source(3), source(5));
    browser.press("Draw new");
    browser.until("the others have changed", || source(5) != other);
    assert_eq!(source(1), locked);
    browser.press("☆ Favourite");
    browser.says(&["★ Favourite"]);
    browser.becomes(&tile(1), "aria-label", "Picture 1, locked, favourite");
    assert!(place.path("runs/one/favourites.json").is_file());
    let before = source(2);
    browser.press("More like this");
    browser.until("pictures like it are shown", || source(2) != before);
    browser.press("Unlock");

    // From picture to picture by arrow keys; Enter chooses.
    browser.keys(&tile(1), &char::from(Key::Right).to_string());
    let focus = "return document.activeElement.getAttribute('aria-label')";
    browser
        .until("the second picture has the focus", || browser.script(focus, vec![]) == "Picture 2");
    browser.keys(&tile(2), &char::from(Key::Enter).to_string());
    browser.becomes(&tile(2), "aria-pressed", "true");
    let shift = "document.evaluate(arguments[0], document, null, XPathResult.FIRST_ORDERED_NODE_TYPE).singleNodeValue
        .dispatchEvent(new MouseEvent('click', { shiftKey: true, bubbles: true }))";
    browser.script(shift, vec![json!(tile(7))]);
    let (from, to) = (source(2), source(7));
    browser.press("Mix these two");
    browser.until("the way from one to the other is shown", || source(24) == to);
    assert_eq!(source(1), from);

    // A walk, in three forms, and single pictures.
    for i in [4, 9] {
        browser.click(&tile(i));
        browser.press("Add to walk");
    }
    for (format, name, first) in [
        ("GIF", "one-walk.gif", &b"GIF89a"[..]),
        ("WEBP", "one-walk.webp", b"RIFF"),
        ("APNG", "one-walk.png", b"\x89PNG"),
    ] {
        browser.press(format);
        assert!(browser.saved(name).starts_with(first), "{name}");
    }
    browser.press("PNG");
    assert_eq!(image::load_from_memory(&browser.saved("one.png")).unwrap().width(), 16);
    browser.press("Pattern");
    let pattern = image::load_from_memory(&browser.saved("one-pattern.png")).unwrap().to_rgb8();
    let (side, period) = (pattern.width(), pattern.width() / 8);
    assert!(side >= 1024 && pattern.get_pixel(5, 9) == pattern.get_pixel(5 + period, 9 + period));

    browser.follow("Take away");
    browser.press("Save the gallery");
    let gallery = String::from_utf8(browser.saved("one-gallery.html")).unwrap();
    assert!(gallery.contains(&locked) && gallery.contains("1 pictures"));
    browser.press("Save the PDF");
    assert!(browser.saved("one.pdf").starts_with(b"%PDF"));
    browser.press("ONNX");
    place.ok("export runs/one --to own.onnx");
    assert!(browser.saved("one.onnx") == std::fs::read(place.path("own.onnx")).unwrap());
}

#[test]
fn every_view_is_drawn_and_runs_are_compared() {
    let place = Workplace::new();
    let Some(browser) = Browser::start(&place) else { return };
    let studio = Studio::start(&place, "");
    trained(&place, "one");
    trained(&place, "two");
    for (view, words) in [
        ("#/", &["one", "two", "finished", "Compare"][..]),
        ("#/new", &["2. How", "pictures", "Start"]),
        ("#/runs/one", &["Losses", "20 steps", "step 20"]),
        ("#/runs/one/explore", &["Draw new", "after 20 steps"]),
        ("#/runs/one/takeaway", &["Save the gallery", "To print"]),
        ("#/runs/one/settings", &["[training]"]),
        ("#/compare/one,two", &["loss/generator", "Last values", "Measure"]),
        ("#/runs/nothing", &["there is no run `nothing`"]),
    ] {
        browser.open(&format!("http://{}/{view}", studio.host));
        browser.says(words);
    }
    browser.open(&format!("http://{}/#/", studio.host));
    browser.says(&["one", "two"]);
    let compare = "//button[normalize-space()='Compare']";
    assert!(!browser.on(compare, async |element| element.is_enabled().await));
    for name in ["one", "two"] {
        browser.click(&format!("//input[@aria-label='Choose {name} to compare']"));
    }
    browser.press("Compare");
    browser.says(&["Measures", "Last values"]);
    browser.click("//button[@aria-label='Measure one']");
    browser.says(&["coverage5k_randconv", "±", "(held out)", "Measure again"]);
    assert!(place.path("runs/one/evaluation.json").is_file());
    assert!(!place.path("runs/two/evaluation.json").exists());
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

/// The control within, or named by, a label.
fn labelled(text: &str) -> String {
    format!(
        "//label[starts-with(normalize-space(), '{text}')]//*[self::input or self::select] | //*[@aria-label='{text}']"
    )
}
