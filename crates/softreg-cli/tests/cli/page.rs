//! The studio's page as a person uses it, in a real browser.

use crate::browser::{Browser, words};
use crate::pictures;
use crate::program::{TINY, Workplace, until};
use crate::studio::Studio;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

// Keys, as WebDriver writes them.
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const HOME: &str = "\u{e011}";
const RIGHT: &str = "\u{e014}";

pub(crate) fn trained(place: &Workplace, name: &str) {
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
    assert!(!browser.text().contains("Uploading"), "{}", browser.text());
    // A folder without pictures, and one with more than pictures.
    browser.script(drop, vec![json!([]), json!(".DS_Store")]);
    browser.says(&["There are no pictures in it"]);
    std::fs::write(place.path("foxes/notes.txt"), "hi").unwrap();
    browser.keys(&labelled("A folder"), &path(&place.path("foxes")));
    browser.says(&["7 pictures", "1 file is not a picture and was left out"]);

    // A sheet is seen to be one, and cut.
    crate::sheets::full_sheet(&place.path("sprites.png"));
    browser.keys(&labelled("Pictures or .zip"), &path(&place.path("sprites.png")));
    browser.says(&["1 picture,"]);
    let cells = labelled("Cut sprite sheets into cells of");
    browser.press("Cut into 24 cells of 16x16");
    browser.says(&["24 pictures", "trained at 16"]);
    browser.holds(&cells, "16x16,spacing=1,margin=1");
    browser.on(&cells, |element| browser.session.tell(&format!("{element}/clear"), &json!({})));
    browser.keys(&cells, &format!("33x{ENTER}"));
    browser.says(&["height is"]);

    // Few pictures are all trained on, many are held back in part.
    let held = labelled("Pictures to hold out");
    browser.holds(&held, "0");
    browser.click(&format!("({collection})/option[@value='motif']"));
    browser.says(&["pictures, trained at 32"]);
    browser.holds(&held, "0.1");

    // λ by the keyboard, on its slider.
    browser.click("//label[normalize-space()='Choose regularizers myself']/input");
    let weight = "//div[@class='reg'][.//b[normalize-space()='mode-seeking']]//input";
    let slider = format!("{weight}[@type='range']");
    // It begins with what the recipe has.
    let exact = format!("{weight}[@type='number']");
    browser.holds(&exact, "0.1");
    assert_eq!(browser.ask(&format!("{weight}[@type='checkbox']"), "property/checked"), true);
    // No number is no zero.
    browser.on(&exact, |element| browser.session.tell(&format!("{element}/clear"), &json!({})));
    browser.press("Start");
    browser.says(&["λ of mode-seeking must be a number"]);
    browser.keys(&slider, &RIGHT.repeat(20));
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
    browser.keys(slider, HOME);
    browser.becomes(picture, "alt", "Samples after 0 steps");
    assert!(browser.attribute(picture, "src").ends_with("/samples/0"));

    browser.press("Pause");
    browser.says(&["stopped", "Resume"]);
    browser.press("Resume");
    browser.says(&["running", "Stop"]);
    browser.press("Stop");
    browser.says(&["stopped", "Resume"]);
    browser.follow("Runs");
    browser.says(&["motif-001", "stopped"]);

    // Another one begins with what it has learned, at its size.
    browser.follow("New run");
    let begin = labelled("Start from");
    browser.click(&format!("({begin})/option[@value='motif-001']"));
    assert_eq!(browser.ask(&labelled("Picture size"), "enabled"), false);
    browser.click(&format!("({})/option[starts-with(@value, 'birds')]", labelled("Collection")));
    browser.says(&["12 pictures"]);
    browser.press("Start");
    browser.until("the run is shown", || browser.address().contains("#/runs/birds"));
    // The page goes there as soon as the run has a name, the program writes when it has read the pictures.
    let config = place.path("runs/birds-001/config.toml");
    until("its configuration is written", || config.is_file());
    let config = std::fs::read_to_string(config).unwrap();
    for line in ["runs/motif-001/checkpoints/step-", "size = \"16x16\""] {
        assert!(config.contains(line), "{line}: {config}");
    }
    browser.press("Stop");
    browser.says(&["stopped", "Resume"]);
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
    browser
        .until("24 pictures are shown", || browser.count("//ul[@aria-label='Pictures']/li") == 24);

    // Locked, it stays while the others change.
    browser.click(&tile(3));
    browser.press("Lock");
    browser.becomes(&tile(3), "aria-label", "Picture 3, locked");
    // The focus is where it was, and a link to the content stays on the page.
    let focused = "return document.activeElement.textContent";
    browser.until("the button has the focus", || browser.script(focused, vec![]) == "Unlock");
    let skip = "document.querySelector('.skip').click(); return document.activeElement.id";
    assert_eq!(browser.script(skip, vec![]), "view");
    assert!(browser.address().ends_with("#/runs/one/explore"));
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
    browser.keys(&tile(1), RIGHT);
    let focus = "return document.activeElement.getAttribute('aria-label')";
    browser
        .until("the second picture has the focus", || browser.script(focus, vec![]) == "Picture 2");
    browser.keys(&tile(2), ENTER);
    browser.becomes(&tile(2), "aria-pressed", "true");
    let shift = "document.evaluate(arguments[0], document, null, XPathResult.FIRST_ORDERED_NODE_TYPE).singleNodeValue
        .dispatchEvent(new MouseEvent('click', { shiftKey: true, bubbles: true }))";
    browser.script(shift, vec![json!(tile(7))]);
    let (from, to) = (source(2), source(7));
    browser.press("Mix these two");
    browser.until("the way from one to the other is shown", || source(24) == to);
    assert_eq!(source(1), from);

    // By the keyboard alone: the focus goes to where the other one is chosen, and from there to what mixes them.
    browser.keys(&tile(3), ENTER);
    browser.keys("//button[normalize-space()='Mix with…']", ENTER);
    browser.says(&["Choose the picture to mix picture 3 with"]);
    assert_eq!(browser.script(focus, vec![]), "Picture 3");
    browser.keys(&tile(3), RIGHT);
    browser.until("the next one is asked for", || {
        browser.script(focus, vec![]) == "Mix with picture 4"
    });
    // Taken back, and asked for again.
    browser.keys(&tile(4), ESCAPE);
    browser.says(&["More like this"]);
    browser.becomes(&tile(4), "aria-label", "Picture 4");
    browser.press("Mix with…");
    browser.press("Cancel");
    browser.press("Mix with…");
    let (from, to) = (source(3), source(9));
    browser.keys(&tile(9), ENTER);
    browser
        .until("what mixes has the focus", || browser.script(focused, vec![]) == "Mix these two");
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

    browser.follow("Export");
    browser.press("Save the gallery");
    let gallery = String::from_utf8(browser.saved("one-gallery.html")).unwrap();
    assert!(gallery.contains(&locked) && gallery.contains("1 picture,"));
    browser.press("Save the PDF");
    assert!(browser.saved("one.pdf").starts_with(b"%PDF"));
    browser.press("Save the ZIP");
    let [(_, own)] = &pictures::unzip(&browser.saved("one.zip"))[..] else { panic!("one picture") };
    let size = "return atob(arguments[0].split(',')[1]).length";
    assert_eq!(browser.script(size, vec![json!(locked)]), own.len());
    browser.click(&format!("({})/option[@value='print']", labelled("Size")));
    browser.press("Save the ZIP");
    let large = pictures::unzip(&browser.saved("one-print.zip"));
    assert_eq!(image::load_from_memory(&large[0].1).unwrap().width(), 2048);
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
        ("#/new", &["2. Training", "pictures", "Start"]),
        ("#/runs/one", &["Losses", "20 steps", "step 20, final sheet"]),
        ("#/runs/one/explore", &["Draw new", "after 20 steps"]),
        ("#/runs/one/takeaway", &["Save the gallery", "For printing"]),
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
    assert_eq!(browser.ask(compare, "enabled"), false);
    for name in ["one", "two"] {
        browser.click(&format!("//input[@aria-label='Select {name} to compare']"));
    }
    browser.press("Compare");
    browser.says(&["Measures", "Last values"]);
    browser.click("//button[@aria-label='Measure one']");
    browser.says(&["coverage5k_randconv", "±", "(held out)", "Measure again"]);
    assert!(place.path("runs/one/evaluation.json").is_file());
    assert!(!place.path("runs/two/evaluation.json").exists());
    assert!(browser.text().contains("final sheet"));

    // What was measured against other pictures is marked.
    let measured = std::fs::read_to_string(place.path("runs/one/evaluation.json")).unwrap();
    std::fs::write(place.path("runs/two/evaluation.json"), &measured).unwrap();
    browser.session.tell("/refresh", &json!({})).unwrap();
    browser.says(&["Measures", "Measure again"]);
    assert!(!browser.text().contains("not comparable"));
    let mut other: Value = serde_json::from_str(&measured).unwrap();
    other["reference"]["fingerprint"] = json!("another");
    std::fs::write(place.path("runs/two/evaluation.json"), other.to_string()).unwrap();
    browser.session.tell("/refresh", &json!({})).unwrap();
    browser.says(&["measured against other pictures: not comparable"]);
}

#[test]
fn pictures_stay_what_they_were_while_training_goes_on() {
    let place = Workplace::new();
    let Some(browser) = Browser::start(&place) else { return };
    let studio = Studio::start(&place, "");
    let host = studio.host.clone();
    trained(&place, "one");
    browser.open(&format!("http://{host}/#/runs/one/explore"));
    browser.says(&["Choose a picture", "after 20 steps"]);
    let tile = |i: usize| format!("//ul[@aria-label='Pictures']/li[{i}]/button");
    let source = |i: usize| browser.attribute(&format!("{}/img", tile(i)), "src");
    let (first, second) = (source(1), source(2));
    browser.click(&tile(1));
    browser.press("☆ Favourite");
    browser.says(&["★ Favourite"]);
    // Another page keeps one too, of which this one does not know.
    let other = "const post = (path, body) => fetch('/api/v1/runs/one/' + path, { method: 'POST', headers: { 'X-Softreg': '1', 'Content-Type': 'application/json' }, body: JSON.stringify(body) }).then((answer) => answer.json());
        return post('pictures', { kind: 'draw', seed: 77, count: 1 }).then((drawn) => post('favourites', { latent: drawn.latents[0], step: drawn.step, picture: drawn.pictures[0] })).then((kept) => kept.id);";
    assert_eq!(browser.script(other, vec![]), 2);
    browser.click(&tile(2));
    browser.press("☆ Favourite");
    browser.becomes(&tile(2), "aria-label", "Picture 2, favourite");
    let kept = std::fs::read_to_string(place.path("runs/one/favourites.json")).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept.as_array().unwrap().len(), 3);

    // The studio goes, which is said; training goes on; the studio comes again.
    drop(studio);
    browser.press("More like this");
    browser.says(&["The studio is no longer responding"]);
    place.ok("train --resume runs/one --steps 30 --quiet");
    std::fs::remove_file(place.path("runs/one/checkpoints/step-00000020.safetensors")).unwrap();
    let _studio = Studio::of(place.command(&format!("studio runs --address {host}")));
    browser.until("it answers", || !browser.text().contains("no longer responding"));
    browser.press("More like this");
    browser.says(&["at step 20 is gone", "now shown as they are after 30 steps"]);
    browser.until("they are painted anew", || source(1) != first);
    browser.press("More like this");
    browser.until("others are shown", || source(2) != second);
    // What was chosen is what is kept and saved.
    browser.press("Favourites");
    browser.until("the favourites are shown", || {
        browser.count("//ul[@aria-label='Pictures']/li") == 3
    });
    assert_eq!((source(1), source(3)), (first.clone(), second));
    browser.click(&tile(1));
    browser.press("PNG");
    let saved = browser.saved("one.png");
    let shown = "return fetch('/api/v1/runs/one/gallery').then((answer) => answer.text());";
    assert!(words(&browser.script(shown, vec![])).contains(&first));
    let size = "return atob(arguments[0].split(',')[1]).length";
    assert_eq!(browser.script(size, vec![json!(first)]), saved.len());
}

#[test]
fn there_is_no_way_between_labels() {
    let place = Workplace::new();
    let Some(browser) = Browser::start(&place) else { return };
    let studio = Studio::start(&place, "");
    pictures::zip(&place.path("two.zip"), 12);
    place.ok(&format!("train two.zip {TINY} --conditional --steps 2 --quiet --out runs/one"));
    browser.open(&format!("http://{}/#/runs/one/explore", studio.host));
    browser.says(&["Choose a picture"]);
    let tile = |i: usize| format!("//ul[@aria-label='Pictures']/li[{i}]/button");
    let shift = "document.evaluate(arguments[0], document, null, XPathResult.FIRST_ORDERED_NODE_TYPE).singleNodeValue
        .dispatchEvent(new MouseEvent('click', { shiftKey: true, bubbles: true }))";
    let pressable = |text: &str| {
        browser.ask(&format!("//button[normalize-space()='{text}']"), "enabled") == true
    };
    // Labels come in turn.
    for i in [1, 2] {
        browser.click(&tile(i));
        browser.press("Add to walk");
    }
    browser.says(&["They have different labels: remove some"]);
    assert!(!pressable("GIF"));
    browser.click("//button[@aria-label='Remove picture 2 from the walk']");
    browser.script(shift, vec![json!(tile(1))]);
    browser.says(&["They have different labels: choose two"]);
    assert!(!pressable("Mix these two"));
    // What cannot be mixed with the first one is seen before it is chosen.
    browser.click(&tile(1));
    browser.press("Mix with…");
    browser.becomes(&tile(2), "aria-disabled", "true");
    browser.click(&tile(2));
    browser.says(&["It has a different label", "Choose the picture to mix picture 1 with"]);
    let alike =
        "//ul[@aria-label='Pictures']/li/button[not(@aria-disabled)][@aria-pressed='false']";
    browser.click(alike);
    browser.says(&["Mix these two"]);
    assert!(pressable("Mix these two"));
    // Where there is none, a way to one is told.
    browser.click(&tile(2));
    browser.press("Lock");
    browser.click(&format!("({})/option[.='cat']", labelled("Label")));
    browser.press("Draw new");
    browser.says(&["No other picture here has its label"]);
    assert!(!pressable("Mix with…"));
}

#[test]
fn errors_stay_until_they_are_closed() {
    let place = Workplace::new();
    let Some(browser) = Browser::start(&place) else { return };
    let studio = Studio::start(&place, "");
    browser.open(&format!("http://{}/#/new", studio.host));
    browser.says(&["pictures, trained at 32"]);
    // What is no number is not taken for nothing.
    let minutes = labelled("Minutes of training");
    browser.keys(&minutes, "2e");
    assert_eq!(browser.value(&minutes), "");
    browser.press("Start");
    let words = "Minutes of training must be a number";
    browser.says(&[words]);
    browser.press("Start");
    std::thread::sleep(Duration::from_secs(8));
    assert_eq!(browser.text().matches(words).count(), 1);
    browser.click("//div[@role='alert']//button[@aria-label='Close']");
    browser.until("it is gone", || !browser.text().contains(words));
    let queue = studio.ok("GET", "/api/v1/queue", &Value::Null).json();
    assert_eq!(queue, json!([]));
}

#[test]
fn the_list_of_runs_is_kept_up_to_date_under_the_keyboard() {
    let place = Workplace::new();
    let Some(browser) = Browser::start(&place) else { return };
    let studio = Studio::start(&place, "");
    trained(&place, "one");
    trained(&place, "two");
    browser.open(&format!("http://{}/#/", studio.host));
    browser.says(&["one", "two"]);
    let focus = "const key = arguments[0]; if (key) document.querySelector(`[data-key='${key}']`).focus();
        const { dataset, checked } = document.activeElement; return `${dataset.key} ${checked ?? ''}`.trim()";
    // The newest run is the first, so that the others are elsewhere when it comes.
    for (key, new) in [("open one", "three"), ("select one", "four")] {
        browser.script(focus, vec![json!(key)]);
        trained(&place, new);
        browser.says(&[new]);
        let now = browser.script(focus, vec![]);
        assert!(now.as_str().is_some_and(|now| now.starts_with(key)), "{now}");
    }
}

#[cfg(unix)]
#[test]
fn measuring_is_stopped_in_the_list() {
    let place = Workplace::new();
    let Some(browser) = Browser::start(&place) else { return };
    let studio = Studio::start(&place, "");
    trained(&place, "one");
    browser.open(&format!("http://{}/#/", studio.host));
    browser.says(&["one", "finished"]);
    studio.ok("POST", "/api/v1/runs/one/evaluation", &Value::Null);
    let job = || studio.ok("GET", "/api/v1/queue", &Value::Null).json()[0].clone();
    crate::program::until("it is being measured", || job()["process"].is_u64());
    // However long it would take.
    let process = job()["process"].to_string();
    assert!(
        std::process::Command::new("kill").args(["-STOP", &process]).status().unwrap().success()
    );
    browser.says(&["Measure one", "running"]);
    browser.press("Stop");
    browser.until("it is stopped", || job()["state"] == "stopped");
    browser.until("it is shown no longer", || !browser.text().contains("Measure one"));
    assert!(!place.path("runs/one/evaluation.json").exists());
    // What comes next is measured.
    studio.ok("POST", "/api/v1/runs/one/evaluation", &Value::Null);
    let evaluation = place.path("runs/one/evaluation.json");
    browser.until("it is measured", || evaluation.is_file());
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
