//! What can be asked of the studio, version 1: every route with its handler, and the description made from them.

use crate::app::App;
use crate::archive;
use crate::explore::{self, About, Shown, Wish};
use crate::intake::{Collection, Taken};
use crate::painter::Export;
use crate::print::{self, Print};
use crate::problem::{Answer, Problem};
use crate::queue::{Job, JobState};
use crate::request::{Form, Json, Path, Query};
use crate::shelf::{Summary, summary};
use crate::takeaway::{self, Chosen, Favourite};
use crate::walk::{self, Walk};
use crate::watch::{self, Follower, News};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use softreg_run::metrics;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Shared = State<Arc<App>>;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "softreg studio",
        description = "Start, watch and explore runs. Requests that change anything need the header `X-Softreg: 1`.",
        license(name = "MIT OR Apache-2.0")
    ),
    components(schemas(Export))
)]
struct Description;

/// Most bytes of a request that brings no pictures: thousands of latents.
const MOST_BODY: usize = 16 << 20;

/// All routes, with their description at `/api/v1/openapi.json`.
pub fn router(app: Arc<App>) -> axum::Router {
    let (router, description) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(options))
        .routes(routes!(collections))
        .routes(routes!(check))
        .routes(routes!(collection_sheet))
        .routes(routes!(runs, start))
        .routes(routes!(run))
        .routes(routes!(history))
        .routes(routes!(samples))
        .routes(routes!(sample))
        .routes(routes!(sheet))
        .routes(routes!(events))
        .routes(routes!(pause))
        .routes(routes!(stop))
        .routes(routes!(resume))
        .routes(routes!(generator))
        .routes(routes!(pictures))
        .routes(routes!(walk))
        .routes(routes!(print))
        .routes(routes!(favourites, add_favourite))
        .routes(routes!(remove_favourite))
        .routes(routes!(gallery))
        .routes(routes!(contact_sheet))
        .routes(routes!(archive))
        .routes(routes!(evaluation, evaluate))
        .routes(routes!(export))
        .routes(routes!(queue))
        .routes(routes!(dequeue))
        .routes(routes!(stop_job))
        .layer(DefaultBodyLimit::max(MOST_BODY))
        // The intake has limits of its own.
        .merge(OpenApiRouter::new().routes(routes!(upload)).layer(DefaultBodyLimit::disable()))
        .with_state(app)
        .split_for_parts();
    let description = Arc::new(description);
    router.route(
        "/api/v1/openapi.json",
        axum::routing::get(move || std::future::ready(Json(description.as_ref().clone()))),
    )
}

/// Work that would keep other requests waiting.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Answer<T> + Send + 'static,
) -> Answer<T> {
    tokio::task::spawn_blocking(work).await.map_err(Problem::failed)?
}

/// A file, for the page to show or to save.
fn file(kind: &'static str, name: Option<&str>, bytes: impl Into<Bytes>) -> Response {
    let saved = name.map(|name| {
        let name: String =
            name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))
    });
    let mut response = ([(header::CONTENT_TYPE, kind)], bytes.into()).into_response();
    if let Some((name, value)) = saved
        && let Ok(value) = value.parse()
    {
        response.headers_mut().insert(name, value);
    }
    response
}

/// What a run can be configured with, as listed by `softreg list … --json`.
///
/// Recipes, regularizers, augmentations and networks.
#[utoipa::path(get, path = "/api/v1/options", responses((status = 200, body = Object)))]
async fn options(State(app): Shared) -> Answer<Json<serde_json::Value>> {
    blocking(move || app.options()).await.map(Json)
}

/// Collections to train on.
#[utoipa::path(get, path = "/api/v1/collections", responses((status = 200, body = [Collection])))]
async fn collections(State(app): Shared) -> Answer<Json<Vec<Collection>>> {
    blocking(move || Ok(app.collections())).await.map(Json)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Named {
    /// Name for the collection.
    name: String,
}

/// Upload pictures, or one .zip of pictures, as files of a form.
#[utoipa::path(post, path = "/api/v1/collections/upload", params(Named),
    request_body(content = Object, content_type = "multipart/form-data"),
    responses((status = 200, body = Taken), (status = 400, body = Problem), (status = 413, body = Problem)))]
async fn upload(
    State(app): Shared,
    Query(query): Query<Named>,
    Form(parts): Form,
) -> Answer<Json<Taken>> {
    app.intake.clone().take(query.name, parts).await.map(Json)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Divided {
    /// Cut its pictures into cells, as in `NewRun`.
    cells: Option<String>,
}

/// What is in a collection and how training will use it (`softreg data check --json`).
#[utoipa::path(get, path = "/api/v1/collections/{name}/check", params(("name" = String, Path), Divided),
    responses((status = 200, body = Object), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn check(
    State(app): Shared,
    Path(name): Path<String>,
    Query(query): Query<Divided>,
) -> Answer<Json<serde_json::Value>> {
    Ok(Json(app.look(name, query.cells).await?.report.clone()))
}

/// Pictures of a collection as training sees them, on one sheet.
#[utoipa::path(get, path = "/api/v1/collections/{name}/sheet", params(("name" = String, Path), Divided),
    responses((status = 200, content_type = "image/png"), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn collection_sheet(
    State(app): Shared,
    Path(name): Path<String>,
    Query(query): Query<Divided>,
) -> Answer<Response> {
    Ok(file("image/png", None, app.look(name, query.cells).await?.sheet.clone()))
}

/// All runs, newest first.
#[utoipa::path(get, path = "/api/v1/runs", responses((status = 200, body = [Summary])))]
async fn runs(State(app): Shared) -> Answer<Json<Vec<Summary>>> {
    blocking(move || app.shelf.list()).await.map(Json)
}

/// A run to start.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRun {
    /// Name of a collection.
    pub collection: String,
    /// Treat its pictures as sprite sheets and cut them into cells of this many pixels: `16x16`, or
    /// `16x16,spacing=1,margin=2`.
    #[serde(default)]
    pub cells: Option<String>,
    /// Name of a recipe.
    pub recipe: String,
    /// Name of a run whose networks to start from, instead of new ones; size and networks are then
    /// that run's.
    #[serde(default)]
    pub from: Option<String>,
    /// Minutes of training; the recipe's value if omitted.
    #[serde(default)]
    pub minutes: Option<f64>,
    /// Picture size: 32 or 48x64.
    #[serde(default)]
    pub size: Option<String>,
    /// Random seed.
    #[serde(default)]
    pub seed: Option<u64>,
    /// Mirror half of the pictures left to right.
    #[serde(default)]
    pub flip: bool,
    /// Learn the labels too.
    #[serde(default)]
    pub conditional: bool,
    /// Keep transparency.
    #[serde(default)]
    pub transparent: bool,
    /// Fraction of the pictures to hold out, 0 to 0.5: coverage and copies are measured on them
    /// during training.
    #[serde(default)]
    pub held_back: Option<f64>,
    /// Names of augmentations, replacing the recipe's.
    #[serde(default)]
    pub augment: Option<Vec<String>>,
    /// λ of regularizers by name, replacing the recipe's.
    #[serde(default)]
    pub regularizers: Option<BTreeMap<String, f64>>,
}

/// Add a new run to the queue; rejected with the reason if its configuration is invalid.
#[utoipa::path(post, path = "/api/v1/runs", request_body = NewRun,
    responses((status = 200, body = Job), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn start(State(app): Shared, Json(wanted): Json<NewRun>) -> Answer<Json<Job>> {
    blocking(move || app.start(&wanted)).await.map(Json)
}

/// A run and its configuration.
#[derive(Debug, Serialize, ToSchema)]
struct Details {
    #[serde(flatten)]
    summary: Summary,
    /// Its `config.toml`.
    config: String,
    /// Whether it was started here, and so can be paused here.
    ours: bool,
    /// Whether there is a checkpoint to generate pictures with.
    paints: bool,
    /// Whether it has finished and has a final sheet.
    sheet: bool,
}

/// One run.
#[utoipa::path(get, path = "/api/v1/runs/{run}", params(("run" = String, Path)),
    responses((status = 200, body = Details), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn run(State(app): Shared, Path(name): Path<String>) -> Answer<Json<Details>> {
    blocking(move || {
        let run = app.shelf.run(&name)?;
        let config = app.shelf.file(&run.config()).unwrap_or_default();
        let ours = |job: &Job| job.state == JobState::Running && job.trains(&name);
        let summary = summary(&run);
        Ok(Json(Details {
            // A run that goes on after its end has a sheet that is no longer its last one.
            sheet: summary.state == "finished" && run.sheet().is_file(),
            summary,
            config: String::from_utf8_lossy(&config).into_owned(),
            ours: app.queue.jobs().iter().any(ours),
            paints: softreg_run::checkpoint::list(run.checkpoints()).is_ok_and(|c| !c.is_empty()),
        }))
    })
    .await
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Thinned {
    /// Maximum number of rows, spread over the whole run.
    most: Option<usize>,
}

/// The metrics of a run so far.
#[utoipa::path(get, path = "/api/v1/runs/{run}/metrics", params(("run" = String, Path), Thinned),
    responses((status = 200, body = [Object]), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn history(
    State(app): Shared,
    Path(name): Path<String>,
    Query(query): Query<Thinned>,
) -> Answer<Json<Vec<metrics::Row>>> {
    let most = query.most.unwrap_or(1000).clamp(1, 10_000);
    blocking(move || watch::history(&app.shelf.run(&name)?, most)).await.map(Json)
}

/// The steps that have a sheet of samples, all from the same latents.
#[utoipa::path(get, path = "/api/v1/runs/{run}/samples", params(("run" = String, Path)),
    responses((status = 200, body = [u64]), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn samples(State(app): Shared, Path(name): Path<String>) -> Answer<Json<Vec<u64>>> {
    blocking(move || Ok(watch::samples(&app.shelf.run(&name)?))).await.map(Json)
}

/// The sheet of samples at a step.
#[utoipa::path(get, path = "/api/v1/runs/{run}/samples/{step}", params(("run" = String, Path), ("step" = u64, Path)),
    responses((status = 200, content_type = "image/png"), (status = 304), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn sample(
    State(app): Shared,
    Path((name, step)): Path<(String, u64)>,
    headers: HeaderMap,
) -> Answer<Response> {
    let png = blocking(move || {
        let run = app.shelf.run(&name)?;
        app.shelf.file(&run.sample(step))
    });
    Ok(known(&headers, png.await?))
}

/// The final sheet of a finished run.
#[utoipa::path(get, path = "/api/v1/runs/{run}/sheet", params(("run" = String, Path)),
    responses((status = 200, content_type = "image/png"), (status = 304), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn sheet(
    State(app): Shared,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    let png = blocking(move || {
        let run = app.shelf.run(&name)?;
        app.shelf.file(&run.sheet())
    });
    Ok(known(&headers, png.await?))
}

/// A PNG file that the slider asks for again and again: sent once, and asked for each time, because another run may
/// come by the same name.
fn known(asked: &HeaderMap, png: Vec<u8>) -> Response {
    let mut hasher = std::hash::DefaultHasher::new();
    png.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let has = asked.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let mut response = match has.is_some_and(|tags| tags.contains(&tag)) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => file("image/png", None, png),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(tag) = tag.parse() {
        headers.insert(header::ETAG, tag);
    }
    response
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct After {
    /// Only rows after this step.
    after: Option<u64>,
}

/// Live updates of a run as server-sent events.
///
/// `data` is a JSON object with `kind` (status, metrics or sample) and `value`. An event's id is
/// its step, so a browser that lost the connection continues from there.
#[utoipa::path(get, path = "/api/v1/runs/{run}/events", params(("run" = String, Path), After),
    responses((status = 200, body = News, content_type = "text/event-stream"), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn events(
    State(app): Shared,
    Path(name): Path<String>,
    Query(query): Query<After>,
    headers: HeaderMap,
) -> Answer<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let last = headers.get(HeaderName::from_static("last-event-id"));
    let last = last.and_then(|id| id.to_str().ok()?.parse().ok());
    let after = last.or(query.after).unwrap_or(0);
    let run = blocking(move || app.shelf.run(&name)).await?;
    let (sender, receiver) = tokio::sync::mpsc::channel(64);
    tokio::spawn(async move {
        let mut follower = Follower::new(run, after);
        loop {
            let looked = tokio::task::spawn_blocking(move || {
                let news = follower.look();
                (follower, news)
            });
            let Ok((same, news)) = looked.await else { return };
            follower = same;
            for news in news {
                let Ok(event) = Event::default().json_data(&news) else { continue };
                let event = match &news {
                    News::Metrics(row) => event.id(row.step.to_string()),
                    _ => event,
                };
                if sender.send(Ok(event)).await.is_err() {
                    return;
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
            if sender.is_closed() {
                return;
            }
        }
    });
    Ok(Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::default()))
}

/// Time between two looks at a run.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Save and pause a run, to be resumed later.
#[utoipa::path(post, path = "/api/v1/runs/{run}/pause", params(("run" = String, Path)),
    responses((status = 204), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn pause(State(app): Shared, Path(name): Path<String>) -> Answer<StatusCode> {
    blocking(move || app.queue.end(&name, JobState::Paused)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Save and stop a run.
#[utoipa::path(post, path = "/api/v1/runs/{run}/stop", params(("run" = String, Path)),
    responses((status = 204), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn stop(State(app): Shared, Path(name): Path<String>) -> Answer<StatusCode> {
    blocking(move || app.queue.end(&name, JobState::Stopped)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct More {
    /// Additional minutes of training; required for a finished run.
    #[serde(default)]
    minutes: Option<f64>,
}

/// Resume a run: it goes to the front of the queue.
#[utoipa::path(post, path = "/api/v1/runs/{run}/resume", params(("run" = String, Path), More),
    responses((status = 200, body = Job), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn resume(
    State(app): Shared,
    Path(name): Path<String>,
    Query(more): Query<More>,
) -> Answer<Json<Job>> {
    blocking(move || app.queue.resume(&name, more.minutes)).await.map(Json)
}

/// Describe the generator of a run.
#[utoipa::path(get, path = "/api/v1/runs/{run}/generator", params(("run" = String, Path)),
    responses((status = 200, body = About), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn generator(State(app): Shared, Path(name): Path<String>) -> Answer<Json<About>> {
    blocking(move || Ok(explore::about(app.painter(&name, None)?.as_ref()))).await.map(Json)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct At {
    /// Step of the checkpoint, as given in an earlier answer; the newest if omitted. 409 if it no
    /// longer exists.
    step: Option<u64>,
}

/// Generate pictures: random ones, variations of one, between two, or known ones again.
#[utoipa::path(post, path = "/api/v1/runs/{run}/pictures", params(("run" = String, Path), At), request_body = Wish,
    responses((status = 200, body = Shown), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn pictures(
    State(app): Shared,
    Path(name): Path<String>,
    Query(at): Query<At>,
    Json(wish): Json<Wish>,
) -> Answer<Json<Shown>> {
    blocking(move || explore::show(app.painter(&name, at.step)?.as_ref(), &wish)).await.map(Json)
}

/// A looping animation that walks through key pictures.
#[utoipa::path(post, path = "/api/v1/runs/{run}/walk", params(("run" = String, Path), At), request_body = Walk,
    responses((status = 200, content((String = "image/gif"), (String = "image/webp"), (String = "image/apng"))), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn walk(
    State(app): Shared,
    Path(name): Path<String>,
    Query(at): Query<At>,
    Json(wanted): Json<Walk>,
) -> Answer<Response> {
    let (kind, ending) = match wanted.format {
        walk::Format::Gif => ("image/gif", "gif"),
        walk::Format::Webp => ("image/webp", "webp"),
        walk::Format::Apng => ("image/apng", "png"),
    };
    let called = format!("{name}-walk.{ending}");
    let made = blocking(move || walk::walk(app.painter(&name, at.step)?.as_ref(), &wanted)).await?;
    Ok(file(kind, Some(&called), made))
}

/// One picture as a file: at its own size, large enough to print, or repeated as a pattern.
#[utoipa::path(post, path = "/api/v1/runs/{run}/print", params(("run" = String, Path), At), request_body = Print,
    responses((status = 200, content_type = "image/png"), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn print(
    State(app): Shared,
    Path(name): Path<String>,
    Query(at): Query<At>,
    Json(wanted): Json<Print>,
) -> Answer<Response> {
    let called = format!("{name}.png");
    let made =
        blocking(move || print::print(app.painter(&name, at.step)?.as_ref(), &wanted)).await?;
    Ok(file("image/png", Some(&called), made))
}

/// Favourite pictures, from `favourites.json` in the run's folder.
#[utoipa::path(get, path = "/api/v1/runs/{run}/favourites", params(("run" = String, Path)),
    responses((status = 200, body = [Favourite]), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn favourites(State(app): Shared, Path(name): Path<String>) -> Answer<Json<Vec<Favourite>>> {
    blocking(move || takeaway::favourites(&app.shelf, &app.shelf.run(&name)?)).await.map(Json)
}

/// Add a favourite, as shown.
///
/// It stays the same while training continues. Adding it again returns the existing one.
#[utoipa::path(post, path = "/api/v1/runs/{run}/favourites", params(("run" = String, Path)), request_body = Chosen,
    responses((status = 200, body = Favourite), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn add_favourite(
    State(app): Shared,
    Path(name): Path<String>,
    Json(chosen): Json<Chosen>,
) -> Answer<Json<Favourite>> {
    blocking(move || {
        let run = app.shelf.run(&name)?;
        let painter = app.painters.of(&run, None)?;
        app.keeper.add(&app.shelf, &run, painter.as_ref(), chosen)
    })
    .await
    .map(Json)
}

/// Remove a favourite.
#[utoipa::path(delete, path = "/api/v1/runs/{run}/favourites/{id}", params(("run" = String, Path), ("id" = u64, Path)),
    responses((status = 204), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn remove_favourite(
    State(app): Shared,
    Path((name, id)): Path<(String, u64)>,
) -> Answer<StatusCode> {
    blocking(move || app.keeper.remove(&app.shelf, &app.shelf.run(&name)?, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One self-contained HTML file with the favourites, or random pictures if there are none.
#[utoipa::path(get, path = "/api/v1/runs/{run}/gallery", params(("run" = String, Path)),
    responses((status = 200, content_type = "text/html"), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn gallery(State(app): Shared, Path(name): Path<String>) -> Answer<Response> {
    let called = format!("{name}-gallery.html");
    let page = blocking(move || {
        let run = app.shelf.run(&name)?;
        let painter = app.painters.of(&run, None)?;
        takeaway::gallery(&name, painter.as_ref(), &takeaway::favourites(&app.shelf, &run)?)
    });
    Ok(file("text/html; charset=utf-8", Some(&called), page.await?))
}

/// A PDF to print, with the favourites, or random pictures if there are none.
#[utoipa::path(get, path = "/api/v1/runs/{run}/contact-sheet", params(("run" = String, Path)),
    responses((status = 200, content_type = "application/pdf"), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn contact_sheet(State(app): Shared, Path(name): Path<String>) -> Answer<Response> {
    let called = format!("{name}.pdf");
    let pdf = blocking(move || {
        let run = app.shelf.run(&name)?;
        let painter = app.painters.of(&run, None)?;
        takeaway::contact_sheet(&name, painter.as_ref(), &takeaway::favourites(&app.shelf, &run)?)
    });
    Ok(file("application/pdf", Some(&called), pdf.await?))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Enlarged {
    /// Enlargement: each pixel becomes a square of this side; 1 if omitted.
    scale: Option<u32>,
}

/// A ZIP archive of PNG files: the favourites, or random pictures if there are none.
#[utoipa::path(get, path = "/api/v1/runs/{run}/archive", params(("run" = String, Path), Enlarged),
    responses((status = 200, content_type = "application/zip"), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn archive(
    State(app): Shared,
    Path(name): Path<String>,
    Query(query): Query<Enlarged>,
) -> Answer<Response> {
    let called = format!("{name}.zip");
    let zip = blocking(move || {
        let run = app.shelf.run(&name)?;
        let painter = app.painters.of(&run, None)?;
        let kept = takeaway::favourites(&app.shelf, &run)?;
        archive::archive(&name, painter.as_ref(), &kept, query.scale.unwrap_or(1))
    });
    Ok(file("application/zip", Some(&called), zip.await?))
}

/// The latest measurement of a run, from `evaluation.json` in its folder; `null` if there is none.
#[utoipa::path(get, path = "/api/v1/runs/{run}/evaluation", params(("run" = String, Path)),
    responses((status = 200, body = Object), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn evaluation(
    State(app): Shared,
    Path(name): Path<String>,
) -> Answer<Json<serde_json::Value>> {
    blocking(move || takeaway::evaluation(&app.shelf, &app.shelf.run(&name)?)).await.map(Json)
}

/// Queue a measurement of a run, as with `softreg evaluate`.
#[utoipa::path(post, path = "/api/v1/runs/{run}/evaluation", params(("run" = String, Path)),
    responses((status = 200, body = Job), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn evaluate(State(app): Shared, Path(name): Path<String>) -> Answer<Json<Job>> {
    blocking(move || app.queue.measure(&name)).await.map(Json)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Exported {
    /// File format.
    format: Export,
}

/// The generator as a file that other programs can run.
#[utoipa::path(get, path = "/api/v1/runs/{run}/export", params(("run" = String, Path), Exported),
    responses((status = 200, content_type = "application/octet-stream"), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn export(
    State(app): Shared,
    Path(name): Path<String>,
    Query(query): Query<Exported>,
) -> Answer<Response> {
    let ending = match query.format {
        Export::Onnx => "onnx",
        Export::Safetensors => "safetensors",
    };
    let called = format!("{name}.{ending}");
    let made =
        blocking(move || app.painter(&name, None)?.export(query.format).map_err(Problem::failed))
            .await?;
    Ok(file("application/octet-stream", Some(&called), made))
}

/// Jobs that are waiting, running or done.
#[utoipa::path(get, path = "/api/v1/queue", responses((status = 200, body = [Job])))]
async fn queue(State(app): Shared) -> Json<Vec<Job>> {
    Json(app.queue.jobs())
}

/// Remove a waiting job from the queue, or a finished one from the list. The run's folder is kept.
#[utoipa::path(delete, path = "/api/v1/queue/{id}", params(("id" = u64, Path)),
    responses((status = 204), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn dequeue(State(app): Shared, Path(id): Path<u64>) -> Answer<StatusCode> {
    blocking(move || app.queue.remove(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Stop a running job, such as a measurement, or a run that is still reading its pictures. A training saves first.
#[utoipa::path(post, path = "/api/v1/queue/{id}/stop", params(("id" = u64, Path)),
    responses((status = 204), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn stop_job(State(app): Shared, Path(id): Path<u64>) -> Answer<StatusCode> {
    blocking(move || app.queue.stop(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
