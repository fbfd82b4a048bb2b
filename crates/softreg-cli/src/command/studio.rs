//! `softreg studio`: the page in the browser.

use crate::backend;
use crate::failure::usage;
use crate::program;
use crate::recipe;
use crate::terminal::{line_to_stderr, line_to_stdout};
use crate::trained::{Trained, Which};
use anyhow::Context;
use burn::tensor::Device;
use clap::Args;
use rand::RngExt;
use softreg::registry::REGULARIZERS;
use softreg_run::RunFolder;
use softreg_studio::painter::Export;
use softreg_studio::{Given, Ingredients, Painter, Server, Settings};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// Open the studio in the browser: start runs, watch them, explore and export what they learned.
///
/// The page is served to this computer only and loads nothing from elsewhere. Runs are ordinary run
/// folders: they continue when the page or the studio is closed, and all other commands work on
/// them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  softreg studio                              the runs in ./runs
  softreg studio art/runs --pictures art/owls train on a folder without uploading it
  softreg studio --open                       and open it in the browser
  softreg studio --address 0.0.0.0:8321       reachable by others at the printed address")]
pub(crate) struct Studio {
    /// Folder of runs; created if missing
    #[arg(value_name = "RUNS", default_value = "runs")]
    runs: PathBuf,
    /// Offer this folder or zip of pictures, or sprite sheet (sheet:16x16:FILE), besides uploads;
    /// repeatable
    #[arg(long, value_name = "PATH")]
    pictures: Vec<String>,
    /// Address to listen on; port 0 picks a free one. Other computers need a token
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8321", value_parser = address)]
    address: SocketAddr,
    /// Require a token on this computer too. On Linux, this gives other accounts of this computer,
    /// which otherwise have no access, a way in through the printed address; on other systems, it
    /// keeps them out
    #[arg(long)]
    token: bool,
    /// Open the page in the browser
    #[arg(long)]
    open: bool,
    /// Device to compute on
    #[arg(long, value_name = "DEVICE", default_value = "auto", help_heading = "Machine")]
    device: String,
}

impl Studio {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let device = backend::device(&self.device)?.device;
        let local = self.address.ip().is_loopback();
        let token = (!local || self.token).then(|| {
            let key: [u8; 24] = rand::rng().random();
            key.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        });
        let settings = Settings {
            runs: self.runs.clone(),
            program: program::running().context("cannot find this program's own file")?,
            device: self.device.clone(),
            collections: self.collections()?,
            endings: softreg_image::picture::EXTENSIONS,
            recipes: recipes()?,
            token: token.clone(),
            generators: Arc::new(Opener { device }),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("cannot start the studio's threads")?;
        runtime.block_on(async {
            let server = Server::bind(settings, self.address).await?;
            let query = token.as_ref().map_or_else(String::new, |token| format!("?token={token}"));
            let page = format!("http://{}/{query}", server.address());
            line_to_stdout(&page)?;
            line_to_stderr(
                "The studio is open at this address. Ctrl-C closes it; runs in training continue.",
            );
            if server.address().ip().is_unspecified() {
                line_to_stderr(&format!(
                    "From another computer, replace {} with this computer's name or IP address.",
                    server.address().ip()
                ));
            }
            for (given, named) in server.renamed() {
                line_to_stderr(&format!(
                    "note: --pictures {given} is `{named}` on the page: an upload is called `{given}`"
                ));
            }
            // Taken away when the studio is closed.
            let _door = match (self.open, &token) {
                (false, _) => None,
                (true, None) => {
                    open(&page);
                    None
                }
                (true, Some(_)) => opened_with_token(&page),
            };
            server.serve(closed()).await?;
            Ok::<(), anyhow::Error>(())
        })?;
        // Work that still runs, such as a picture for a page that is closed, is not waited for.
        runtime.shutdown_background();
        Ok(())
    }

    /// The collections of the command line, by name, with paths that hold from any folder.
    fn collections(&self) -> anyhow::Result<BTreeMap<String, Given>> {
        let mut named = BTreeMap::new();
        for given in &self.pictures {
            // A path, whatever else its name is.
            let there = dunce::canonicalize(given).ok();
            let there = there.map(|path| path.display().to_string());
            let full = there.unwrap_or_else(|| softreg_image::absolute(given));
            let (kind, text) = softreg_image::source::find(&full)
                .map_err(|error| usage(format!("--pictures {given}: {error}")))?;
            let path = (kind.path)(text).map(Path::new).filter(|path| path.exists());
            let path =
                path.ok_or_else(|| usage(format!("--pictures {given}: no such file or folder")))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if softreg_image::is_built_in(&name) {
                return Err(usage(format!(
                    "--pictures {given}: `{name}` is the built-in collection: rename yours"
                )));
            }
            let path = path.to_owned();
            if named.insert(name.clone(), Given { source: full, path }).is_some() {
                return Err(usage(format!(
                    "--pictures: two of them are called `{name}`: rename one"
                )));
            }
        }
        Ok(named)
    }
}

/// Where to listen, as it is written on the command line.
fn address(text: &str) -> Result<SocketAddr, String> {
    let local = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let read = local.as_deref().unwrap_or(text).parse();
    read.map_err(|_| "write IP:PORT, for example 127.0.0.1:8321".to_owned())
}

/// What the recipes hold that the page lets a person choose differently.
fn recipes() -> anyhow::Result<BTreeMap<String, Ingredients>> {
    let usual = |name: &str| REGULARIZERS.iter().find(|entry| entry.name == name).map(|e| e.weight);
    let held = |recipe: &recipe::Recipe| {
        let config = recipe::read(recipe.name)?;
        let weights = config
            .regularizers
            .iter()
            .filter_map(|(name, spec)| Some((name.clone(), spec.weight.or_else(|| usual(name))?)));
        let regularizers = weights.filter(|(_, weight)| *weight > 0.0).collect();
        Ok((recipe.name.to_owned(), Ingredients { augment: config.training.augment, regularizers }))
    };
    recipe::RECIPES.iter().map(held).collect()
}

/// Waits for Ctrl-C, or for a request to end.
async fn closed() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = interrupted.await;
}

/// Shows a page or a file in the browser; where that is not possible the address was printed.
fn open(page: impl AsRef<OsStr>) {
    let (program, first): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("cmd", &["/C", "start", ""])
    } else {
        ("xdg-open", &[])
    };
    let silent = std::process::Stdio::null;
    let mut command = std::process::Command::new(program);
    command.args(first).arg(page).stdin(silent()).stdout(silent()).stderr(silent());
    if command.spawn().is_err() {
        line_to_stderr("note: could not start a browser: open the printed address in one");
    }
}

/// Shows a page whose address holds the token, by way of a file that leads there: everybody on this computer can read the
/// command lines of programs, and only this account the file. It is there for as long as what is returned.
fn opened_with_token(page: &str) -> Option<Door> {
    match Door::to(page) {
        Ok(door) => {
            open(&door.path);
            Some(door)
        }
        Err(error) => {
            let place = std::env::temp_dir();
            line_to_stderr(&format!(
                "note: could not start a browser, because {} cannot be written ({error}): open the printed address in one",
                place.display()
            ));
            None
        }
    }
}

/// A file that leads to a page, readable by this account alone, in a folder of its own.
struct Door {
    path: PathBuf,
    _folder: TempDir,
}

impl Door {
    fn to(page: &str) -> std::io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("softreg-studio-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let folder = builder.tempdir()?;
        let path = folder.path().join("open.html");
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let html = maud::html! {
            (maud::DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="refresh" content={ "0; url=" (page) };
                    title { "softreg studio" }
                }
                body { p { a href=(page) { "Open the studio" } } }
            }
        };
        options.open(&path)?.write_all(html.into_string().as_bytes())?;
        Ok(Self { path, _folder: folder })
    }
}

/// Opens generators for the page.
struct Opener {
    device: Device,
}

impl softreg_studio::Generators for Opener {
    fn open(&self, run: &RunFolder, step: Option<u64>) -> Result<Arc<dyn Painter>, String> {
        let which = step.map_or(Which::Latest, Which::Step);
        let trained = Trained::open(run, which, &self.device);
        trained
            .map(|trained| Arc::new(Opened(trained)) as Arc<dyn Painter>)
            .map_err(|error| crate::failure::sentence(&error))
    }
}

struct Opened(Trained);

impl Painter for Opened {
    fn step(&self) -> u64 {
        self.0.step
    }

    fn latent(&self) -> usize {
        self.0.latent()
    }

    fn labels(&self) -> &[String] {
        &self.0.labels
    }

    fn shape(&self) -> [usize; 3] {
        let (width, height) = self.0.size();
        [self.0.channels(), height as usize, width as usize]
    }

    fn latents(&self, seed: u64, from: usize, count: usize, truncation: Option<f32>) -> Vec<f32> {
        self.0.latents(from..from + count, truncation, seed)
    }

    fn between(&self, from: &[f32], to: &[f32], t: f32) -> Vec<f32> {
        softreg_net::latent::slerp(from, to, t)
    }

    fn paint(&self, latents: &[f32], labels: Option<&[u32]>) -> Vec<u8> {
        self.0.pictures(latents, labels).pixels
    }

    fn export(&self, format: Export) -> Result<Vec<u8>, String> {
        match format {
            Export::Onnx => Ok(self.0.to_onnx()),
            Export::Safetensors => {
                self.0.to_safetensors().map_err(|error| crate::failure::sentence(&error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_numbers_or_this_computer() {
        assert_eq!(address("localhost:8400").unwrap().to_string(), "127.0.0.1:8400");
        assert_eq!(address("[::1]:80").unwrap().to_string(), "[::1]:80");
        for wrong in ["foo", "8321", "127.0.0.1", "localhost:x", "example.org:80"] {
            assert!(address(wrong).unwrap_err().contains("write IP:PORT"), "{wrong}");
        }
    }

    #[test]
    fn the_page_knows_what_recipes_hold() {
        let few = &recipes().unwrap()["few"];
        assert_eq!(few.augment, ["colour", "translation", "cutout"]);
        assert_eq!((few.regularizers["consistency"], few.regularizers["mode-seeking"]), (1.0, 0.1));
    }

    #[test]
    fn collections_have_names_of_their_own() {
        let place = tempfile::tempdir().unwrap();
        let (a, b) = (place.path().join("x/owls"), place.path().join("y/owls"));
        std::fs::create_dir_all(&a).unwrap();
        std::fs::create_dir_all(&b).unwrap();
        let sheet = place.path().join("tiles.png");
        std::fs::File::create(&sheet).unwrap();
        let studio = |pictures: &[&Path], kind: &str| {
            let pictures = pictures.iter().map(|path| format!("{kind}{}", path.display()));
            Studio {
                runs: "runs".into(),
                pictures: pictures.collect(),
                address: ([127, 0, 0, 1], 0).into(),
                token: false,
                open: false,
                device: "auto".into(),
            }
            .collections()
        };
        let full = |path: &Path| dunce::canonicalize(path).unwrap().display().to_string();
        assert_eq!(studio(&[&a], "").unwrap()["owls"].source, full(&a));
        let cells = "sheet:16x16:";
        let beside = place.path().join("x/../tiles.png");
        assert_eq!(
            studio(&[&beside], cells).unwrap()["tiles.png"],
            Given { source: cells.to_owned() + &full(&sheet), path: full(&sheet).into() }
        );
        assert!(studio(&[&a, &b], "").is_err());
        let gone = place.path().join("nothing");
        for (path, kind, words) in [
            (&gone, "", "no such file"),
            (&gone, cells, "no such file or folder"),
            (&sheet, "", "sheet:16x16:"),
        ] {
            let message = studio(&[path], kind).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }
}
