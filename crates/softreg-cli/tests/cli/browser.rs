//! A real Chromium with one page, driven over WebDriver as a person does it.

use crate::program::Workplace;
use crate::webdriver::Session;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long the page may take to show something, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(120);

/// A browser with one page.
pub(crate) struct Browser {
    pub(crate) session: Session,
    /// Where it saves files.
    downloads: PathBuf,
}

impl Browser {
    /// `None`, said, on a machine without a browser that can be driven.
    pub(crate) fn start(place: &Workplace) -> Option<Self> {
        let downloads = place.path("downloads");
        std::fs::create_dir_all(&downloads).unwrap();
        let session = Session::start(&place.path("profile"), &downloads);
        if session.is_none() {
            println!("skipped: there is no Chromium with its chromedriver");
        }
        Some(Self { session: session?, downloads })
    }

    pub(crate) fn open(&self, page: &str) {
        self.session.tell("/url", &json!({"url": page})).unwrap();
    }

    pub(crate) fn count(&self, path: &str) -> usize {
        self.session.elements(path).unwrap().len()
    }

    /// Does something to the first element of a path, until it succeeds: the page redraws around it, and
    /// what was found a moment ago may be gone or covered.
    pub(crate) fn on<T>(&self, path: &str, act: impl Fn(&str) -> Result<T, String>) -> T {
        let start = Instant::now();
        loop {
            let found = self.session.elements(path);
            let first =
                found.and_then(|all| all.into_iter().next().ok_or("is not there".to_owned()));
            match first.and_then(|element| act(&element)) {
                Ok(value) => return value,
                Err(error) if start.elapsed() > PATIENCE => {
                    panic!("{path}: {error}\n{}", self.text())
                }
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    pub(crate) fn ask(&self, path: &str, question: &str) -> Value {
        self.on(path, |element| self.session.ask(&format!("{element}/{question}")))
    }

    pub(crate) fn click(&self, path: &str) {
        self.on(path, |element| self.session.tell(&format!("{element}/click"), &json!({})));
    }

    pub(crate) fn press(&self, text: &str) {
        self.click(&format!("//button[normalize-space()='{text}']"));
    }

    pub(crate) fn follow(&self, text: &str) {
        self.click(&format!("//a[normalize-space()='{text}']"));
    }

    pub(crate) fn keys(&self, path: &str, keys: &str) {
        let keys = json!({"text": keys});
        self.on(path, |element| self.session.tell(&format!("{element}/value"), &keys));
    }

    pub(crate) fn attribute(&self, path: &str, name: &str) -> String {
        words(&self.ask(path, &format!("attribute/{name}")))
    }

    /// Waits until the attribute is so.
    pub(crate) fn becomes(&self, path: &str, name: &str, expected: &str) {
        self.until(&format!("{name} of {path} is {expected}"), || {
            self.attribute(path, name) == expected
        });
    }

    pub(crate) fn value(&self, path: &str) -> String {
        words(&self.ask(path, "property/value"))
    }

    /// Waits until the control holds `expected`.
    pub(crate) fn holds(&self, path: &str, expected: &str) {
        self.until(&format!("{path} holds {expected}"), || self.value(path) == expected);
    }

    pub(crate) fn text(&self) -> String {
        let body = self.session.elements("//body").unwrap_or_default();
        let text = body.first().and_then(|body| self.session.ask(&format!("{body}/text")).ok());
        words(&text.unwrap_or_default())
    }

    pub(crate) fn script(&self, text: &str, arguments: Vec<Value>) -> Value {
        self.session.tell("/execute/sync", &json!({"script": text, "args": arguments})).unwrap()
    }

    /// Waits until the page says all of `words`.
    pub(crate) fn says(&self, words: &[&str]) {
        self.until(&format!("the page says {words:?}"), || {
            let text = self.text();
            words.iter().all(|word| text.contains(word))
        });
    }

    pub(crate) fn until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let start = Instant::now();
        while !condition() {
            let long = start.elapsed() > PATIENCE;
            assert!(!long, "waited in vain until {what}\n{}", self.text());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub(crate) fn address(&self) -> String {
        words(&self.session.ask("/url").unwrap())
    }

    /// The bytes of a file that the page saved.
    pub(crate) fn saved(&self, name: &str) -> Vec<u8> {
        let path = self.downloads.join(name);
        self.until(&format!("{name} is saved"), || path.is_file());
        std::fs::read(path).unwrap()
    }
}

/// A text, empty where there is none.
pub(crate) fn words(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
