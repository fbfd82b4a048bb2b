//! The studio: a local page to start runs, watch them, explore what they learned and take it away.
//!
//! ```text
//!  browser ──guard──▶ api ──▶ shelf   (run folders, read)
//!                      │  ──▶ queue   (the program, called by itself, trains)
//!                      │  ──▶ intake  (uploads)
//!                      │  ──▶ look    (what is in a collection)
//!                      └──▶ explore ──Painter──▶ pictures
//! ```
//!
//! It reads run folders and calls the program; it trains nothing and knows no tensors. What makes pictures is handed
//! in as [`Generators`]. [`guard`] says who may ask, [`api`] what can be asked.

pub mod api;
mod app;
pub mod archive;
pub mod explore;
pub mod guard;
pub mod intake;
mod look;
mod page;
pub mod painter;
pub mod print;
mod problem;
pub mod queue;
mod request;
pub mod shelf;
pub mod takeaway;
mod visitor;
pub mod walk;
pub mod watch;

pub use painter::{Generators, Painter};
pub use problem::{Answer, Problem};

use app::App;
use guard::Guard;
use intake::{Intake, Limits};
use look::Looks;
use painter::Painters;
use queue::Queue;
use shelf::Shelf;
use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpListener;
use visitor::Visitor;

/// What a studio is made of.
pub struct Settings {
    /// The folder of runs; made where it is missing.
    pub runs: PathBuf,
    /// The program that trains: `softreg`.
    pub program: PathBuf,
    /// Where it computes.
    pub device: String,
    /// Collections outside the runs, by name.
    pub collections: BTreeMap<String, Given>,
    /// Endings of the files that the program takes for pictures, in small letters.
    pub endings: &'static [&'static str],
    /// What the program's recipes hold, by name.
    pub recipes: BTreeMap<String, Ingredients>,
    /// Needed by everybody who asks, where others can reach the address.
    pub token: Option<String>,
    /// What makes pictures.
    pub generators: Arc<dyn Generators>,
}

/// A collection outside the runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// As the program takes it.
    pub source: String,
    /// Where its files are.
    pub path: PathBuf,
}

/// What of a recipe a person can choose differently.
#[derive(Clone, Debug, Default)]
pub struct Ingredients {
    /// Names of augmentations.
    pub augment: Vec<String>,
    /// λ of regularizers, by name.
    pub regularizers: BTreeMap<String, f64>,
}

/// Why the studio cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder of runs.
    #[error("cannot use {path} as the folder of runs: {source}")]
    Runs {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The queue on disk.
    #[error("{0}")]
    Queue(String),
    /// The address.
    #[error(
        "cannot listen on {address}: {reason}; choose another address with --address (port 0 picks a free one)"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        reason: String,
    },
    /// The server.
    #[error("the studio's server stopped: {0}")]
    Serve(#[from] std::io::Error),
}

/// Time between two looks at the process that trains.
const TEND_EVERY: Duration = Duration::from_millis(200);

/// A studio that listens, and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    router: axum::Router,
    queue: Arc<Queue>,
    address: SocketAddr,
    renamed: Vec<(String, String)>,
}

impl Server {
    /// Opens the runs and listens at `address`.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn bind(settings: Settings, address: SocketAddr) -> Result<Self, Error> {
        let runs = |source| Error::Runs { path: settings.runs.clone(), source };
        let shelf = Shelf::new(&settings.runs).map_err(runs)?;
        let queue = Queue::open(shelf.clone(), settings.program, settings.device);
        let queue = Arc::new(queue.map_err(Error::Queue)?);
        let listen = |error: std::io::Error| Error::Listen { address, reason: error.to_string() };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let intake = Intake::new(&shelf, Limits::default(), settings.endings).map_err(runs)?;
        let (intake, given, renamed) = intake.beside(settings.collections);
        let app = Arc::new(App {
            intake: Arc::new(intake),
            painters: Painters::new(settings.generators),
            keeper: takeaway::Keeper::default(),
            recipes: settings.recipes,
            given,
            looks: Looks::default(),
            listed: OnceLock::new(),
            queue: queue.clone(),
            shelf,
        });
        let guard = Arc::new(Guard::new(address, settings.token));
        let router = api::router(app)
            .merge(page::router())
            .layer(axum::middleware::from_fn_with_state(guard, guard::guard));
        Ok(Self { listener, router, queue, address, renamed })
    }

    /// Collections that are not called what they were given as, because an upload is: the name that was given, and the one that
    /// the page has.
    pub fn renamed(&self) -> &[(String, String)] {
        &self.renamed
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `end`. Runs that train go on by themselves.
    ///
    /// # Errors
    /// [`Error::Serve`].
    pub async fn serve(self, end: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
        let queue = self.queue;
        let tending = tokio::spawn(async move {
            loop {
                let queue = queue.clone();
                // A panic there would be told here, and must not end the looking after.
                let _ = tokio::task::spawn_blocking(move || queue.tend()).await;
                tokio::time::sleep(TEND_EVERY).await;
            }
        });
        // Pages that watch keep their connection open, so this does not wait for them.
        let router = self.router.into_make_service_with_connect_info::<Visitor>();
        let serving = axum::serve(self.listener, router).into_future();
        let result = tokio::select! {
            result = serving => result,
            () = end => Ok(()),
        };
        tending.abort();
        Ok(result?)
    }
}
