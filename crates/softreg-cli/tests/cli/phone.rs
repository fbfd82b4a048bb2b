//! The studio's page on screens of phones, under a finger.

use crate::browser::Browser;
use crate::page::trained;
use crate::pictures;
use crate::program::{TINY, Workplace};
use crate::studio::Studio;
use crate::webdriver::ELEMENT;
use serde_json::{Value, json};

/// Widths and heights, in CSS pixels: a small phone and a large one.
const SCREENS: [(u32, u32); 2] = [(360, 740), (412, 915)];

/// What is wrong with the page as it is shown: what is wider than the screen, cut off, or too small for a finger. A tick
/// is as large as the label around it; a link in a sentence is as large as its line.
const FAULTS: &str = "
    const faults = [], screen = document.documentElement.clientWidth;
    const page = document.documentElement.scrollWidth;
    if (page > screen) faults.push(`the page is ${page} wide on ${screen}`);
    for (const node of document.querySelectorAll('a, button, input, select, summary')) {
        if (!node.checkVisibility() || node.matches('.skip, p a')) continue;
        const { width, height, left, right } = (node.type === 'checkbox' && node.closest('label') || node).getBoundingClientRect();
        const what = `${node.localName} ${node.getAttribute('aria-label') || node.textContent}`;
        // Half a pixel is what rounding makes of it.
        if (Math.min(width, height) < 39.5) faults.push(`${what}: ${width} x ${height}`);
        if (left < 0 || right > screen + 0.5) faults.push(`${what}: ${left} to ${right}`);
        if (node.localName === 'button' && node.scrollWidth > node.clientWidth + 1) faults.push(`${what}: cut off`);
    }
    return faults;";

impl Browser {
    /// Makes it the browser of a phone.
    fn becomes_a_phone(&self, (width, height): (u32, u32)) {
        let screen =
            json!({"width": width, "height": height, "deviceScaleFactor": 2, "mobile": true});
        self.devtools("Emulation.setDeviceMetricsOverride", &screen);
        self.devtools("Emulation.setTouchEmulationEnabled", &json!({"enabled": true}));
    }

    /// Gives a command of the DevTools protocol, which is how this browser plays a phone.
    fn devtools(&self, command: &str, parameters: &Value) {
        let command = json!({"cmd": command, "params": parameters});
        self.session.tell("/goog/cdp/execute", &command).unwrap();
    }

    /// Touches what is on the screen, where it is: nothing is scrolled to.
    fn tap(&self, path: &str) {
        self.on(path, |element| {
            let origin = json!({ELEMENT: element.trim_start_matches("/element/")});
            let steps = json!([
                {"type": "pointerMove", "duration": 0, "origin": origin, "x": 0, "y": 0},
                {"type": "pointerDown", "button": 0},
                {"type": "pointerUp", "button": 0},
            ]);
            let finger = json!({"type": "pointer", "id": "finger", "parameters": {"pointerType": "touch"}, "actions": steps});
            self.session.tell("/actions", &json!({"actions": [finger]}))
        });
    }
}

#[test]
fn every_view_fits_a_phone() {
    let place = Workplace::new();
    let Some(browser) = Browser::start(&place) else { return };
    let studio = Studio::start(&place, "");
    let long = "a-run-with-the-long-name-of-the-folder-of-its-pictures-001";
    trained(&place, "one");
    trained(&place, long);
    for screen in SCREENS {
        browser.becomes_a_phone(screen);
        for (view, words) in [
            ("#/".to_owned(), &["finished", "Compare", "20 steps"][..]),
            ("#/new".to_owned(), &["2. Training", "trained at 32", "Start"]),
            ("#/runs/one".to_owned(), &["Losses", "20 steps", "Train longer"]),
            (format!("#/runs/{long}"), &["Losses", "20 steps", "Train longer"]),
            ("#/runs/one/explore".to_owned(), &["Draw new", "after 20 steps"]),
            ("#/runs/one/takeaway".to_owned(), &["Save the gallery", "Save the ZIP"]),
            ("#/runs/one/settings".to_owned(), &["[training]"]),
            (format!("#/compare/one,{long}"), &["Last values", "Measure"]),
        ] {
            browser.open(&format!("http://{}/{view}", studio.host));
            browser.says(words);
            // All of a form is looked at.
            let unfold = "for (const fold of document.querySelectorAll('details')) fold.open = true;
                for (const fold of document.querySelectorAll('[hidden]')) if (fold.id !== 'gone') fold.hidden = false;";
            browser.script(unfold, vec![]);
            assert_eq!(browser.script(FAULTS, vec![]), json!([]), "{view} on {screen:?}");
        }
    }
}

#[test]
fn pictures_are_chosen_and_mixed_by_a_finger() {
    let place = Workplace::new();
    let Some(browser) = Browser::start(&place) else { return };
    let studio = Studio::start(&place, "");
    pictures::zip(&place.path("two.zip"), 12);
    place.ok(&format!("train two.zip {TINY} --conditional --steps 2 --quiet --out runs/one"));
    let tile = |i: usize| format!("//ul[@aria-label='Pictures']/li[{i}]/button");
    let source = |i: usize| browser.attribute(&format!("{}/img", tile(i)), "src");
    let button = |text: &str| format!("//button[normalize-space()='{text}']");
    for screen in SCREENS {
        browser.becomes_a_phone(screen);
        browser.open("about:blank");
        browser.open(&format!("http://{}/#/runs/one/explore", studio.host));
        browser.says(&["Choose a picture"]);
        browser.until("24 are shown", || browser.count("//ul[@aria-label='Pictures']/li") == 24);
        // What can be done with a picture is in sight as soon as it is chosen, and so is the picture.
        browser.tap(&tile(5));
        browser.says(&["More like this"]);
        assert_eq!(browser.script(FAULTS, vec![]), json!([]), "{screen:?}");
        for text in ["☆ Favourite", "Add to walk", "Mix with…", "Pattern"] {
            assert_eq!(with(&browser, SEEN, &button(text)), true, "{text} on {screen:?}");
        }
        browser.tap(&button("Mix with…"));
        browser.says(&["Choose the picture to mix picture 5 with"]);
        let alike =
            "//ul[@aria-label='Pictures']/li/button[not(@aria-disabled)][@aria-pressed='false']";
        let (from, to) = (source(5), browser.attribute(&format!("({alike})[1]/img"), "src"));
        with(&browser, "node.scrollIntoView({ block: 'center' })", alike);
        browser.tap(alike);
        browser.says(&["Mix these two"]);
        assert_eq!(browser.script(FAULTS, vec![]), json!([]), "{screen:?}");
        browser.tap(&button("Mix these two"));
        browser.until("the way from one to the other is shown", || source(24) == to);
        assert_eq!(source(1), from);
    }
}

/// Whether something is on the screen in full.
const SEEN: &str = "const { top, bottom } = node.getBoundingClientRect(); return top >= 0 && bottom <= innerHeight";

/// Runs a script with the first `node` of a path.
fn with(browser: &Browser, script: &str, path: &str) -> Value {
    let find = "const node = document.evaluate(arguments[0], document, null, XPathResult.FIRST_ORDERED_NODE_TYPE).singleNodeValue;";
    browser.script(&format!("{find} {script}"), vec![json!(path)])
}
