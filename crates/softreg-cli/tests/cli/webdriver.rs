//! A Chromium with one page, driven over WebDriver (W3C Recommendation, 5 June 2018) by the chromedriver beside it.
//!
//! Our own client, of the ten commands that the tests give: those of crates bring dependencies whose
//! features make everything else compile a second time for the tests.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use ureq::Agent;

/// The name that an element's reference has in an answer (chapter 12, elements).
pub(crate) const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A session, ended with its browser when dropped.
pub(crate) struct Session {
    driver: Child,
    agent: Agent,
    /// Where its commands go.
    address: String,
}

impl Drop for Session {
    fn drop(&mut self) {
        // Where this fails the driver ends the browser.
        let _ = self.agent.delete(&self.address).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Session {
    /// A browser that keeps its profile in one folder and what it saves in another. `None` on a
    /// machine without a Chromium that can be driven.
    pub(crate) fn start(profile: &Path, downloads: &Path) -> Option<Self> {
        let runs = |name: &&str| {
            Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success())
        };
        let browser = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(runs)?;
        runs(&"chromedriver").then_some(())?;
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
        let agent = Agent::config_builder().http_status_as_error(false).build().new_agent();
        let mut session =
            Self { driver, agent, address: format!("http://127.0.0.1:{port}/session") };
        let wish = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {
            "binary": which(browser),
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--window-size=1280,1000",
                format!("--user-data-dir={}", profile.display()),
            ],
            "prefs": {"download.default_directory": downloads},
        }}}});
        let begun = session.tell("", &wish).unwrap();
        session.address = format!("{}/{}", session.address, begun["sessionId"].as_str().unwrap());
        Some(session)
    }

    /// Gives a command; what it answers, or why it was not done.
    pub(crate) fn tell(&self, command: &str, body: &Value) -> Result<Value, String> {
        let request = self.agent.post(format!("{}{command}", self.address));
        answer(request.content_type("application/json").send(body.to_string()))
    }

    /// Asks for something.
    pub(crate) fn ask(&self, question: &str) -> Result<Value, String> {
        answer(self.agent.get(format!("{}{question}", self.address)).call())
    }

    /// The command paths of all elements that an XPath finds.
    pub(crate) fn elements(&self, path: &str) -> Result<Vec<String>, String> {
        let found = self.tell("/elements", &json!({"using": "xpath", "value": path}))?;
        let references = found.as_array().into_iter().flatten();
        Ok(references.filter_map(|e| Some(format!("/element/{}", e[ELEMENT].as_str()?))).collect())
    }
}

/// The value of an answer (chapter 6.3: an error has one too, with its name and its message).
fn answer(
    response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<Value, String> {
    let mut response = response.map_err(|error| error.to_string())?;
    let text = response.body_mut().read_to_string().map_err(|error| error.to_string())?;
    let mut body: Value =
        serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
    match response.status().as_u16() {
        200 => Ok(body["value"].take()),
        _ => Err(format!("{}: {}", body["value"]["error"], body["value"]["message"])),
    }
}

/// The full path of a program.
fn which(name: &str) -> PathBuf {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let here = std::env::split_paths(&paths).map(|folder| folder.join(name));
    here.into_iter().find(|path| path.is_file()).unwrap_or_else(|| name.into())
}
