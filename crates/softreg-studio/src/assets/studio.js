// The studio's page. Everything it shows is built from nodes, never from text that could be a script.

const view = document.getElementById("view");

// ---- What it is made of -------------------------------------------------------------------------------------------

/** An element: tag, attributes (functions are listeners), children (nodes, texts, nothing). */
function h(tag, attributes = {}, ...children) {
  const svg = SVG.has(tag);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else if (name === "value" && !svg) node.value = value;
    else if (name === "checked" || name === "disabled" || name === "selected") node[name] = true;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}
const SVG = new Set(["svg", "path", "text", "line", "g"]);

/** Says what may be missed: it goes by itself. */
function toast(text) {
  const note = h("p", {}, text);
  document.getElementById("toast").append(note);
  setTimeout(() => note.remove(), 7000);
}

/** Says what went wrong, until it is closed. */
function complain(text) {
  const all = document.getElementById("errors");
  // Once, however often it happens.
  for (const other of [...all.children]) if (other.firstChild.textContent === text) other.remove();
  const close = () => { note.remove(); view.focus({ preventScroll: true }); };
  const note = h("div", { class: "error", role: "alert" }, h("span", {}, text), h("button", { "aria-label": "Close", click: close }, "✕"));
  all.append(note);
  return note;
}

async function ask(path, options = {}) {
  const { json, method = json ? "POST" : "GET", body, file, signal } = options;
  const headers = method === "GET" ? {} : { "X-Softreg": "1" };
  if (json) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch("/api/v1" + path, { method, headers, body: json ? JSON.stringify(json) : body, signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    answers(false);
    throw new Error("The studio is not responding. Is `softreg studio` still running?");
  }
  answers(true);
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw Object.assign(new Error(problem.error || `The studio answered ${response.status}.`), { status: response.status });
  }
  if (file) return response.blob();
  return response.status === 204 ? null : response.json();
}

/** Says on the page when the studio is gone, and looks whether it is back. */
let looking = null;
function answers(yes) {
  document.getElementById("gone").hidden = yes;
  if (yes) { clearInterval(looking); looking = null; }
  else looking ??= setInterval(() => ask("/queue").catch(() => {}), 3000);
}

/** A listener that shows what goes wrong, and that cannot be clicked twice. */
function doing(work) {
  let said = null;
  return async (event) => {
    // Not disabled, which would take the focus away from it.
    const button = event?.currentTarget instanceof HTMLButtonElement ? event.currentTarget : null;
    if (button?.getAttribute("aria-busy")) return;
    button?.setAttribute("aria-busy", "true");
    said?.remove();
    try {
      await work(event);
    } catch (error) {
      said = complain(error.message);
    } finally {
      button?.removeAttribute("aria-busy");
    }
  };
}

/**
 * New content in a node; what had the focus has it again: what has the same key, or is where it was. Content with parts of the old one comes as a function,
 * which would take them away before it is seen where the focus is.
 */
function redraw(node, ...children) {
  const all = () => [...node.querySelectorAll("a, button, input, select")];
  const at = all().indexOf(document.activeElement), key = document.activeElement?.dataset.key;
  node.replaceChildren(...children.flatMap((child) => (typeof child === "function" ? child() : child)));
  if (at < 0) return;
  const now = all();
  // Whoever has scrolled away from it stays there.
  (now.find((one) => key && one.dataset.key === key) || now[Math.min(at, now.length - 1)])?.focus({ preventScroll: true });
}

function save(blob, name) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

/** The file that a data URL holds. */
function bytes(url) {
  const text = atob(url.slice(url.indexOf(",") + 1));
  return new Blob([Uint8Array.from(text, (c) => c.charCodeAt(0))], { type: "image/png" });
}

/** The number in a field, nothing where it is empty. What is no number is empty too, by its value alone. */
function numeric(input, name, such) {
  if (input.validity.badInput) throw new Error(`${name} must be a number, such as ${such}.`);
  return input.value.trim() === "" ? undefined : Number(input.value);
}

const number = (x, digits = 3) => (Number.isFinite(x) ? String(Number(x.toPrecision(digits))) : "–");
const whole = (x) => Math.round(x).toLocaleString("en");
function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
const run = (name) => `/runs/${encodeURIComponent(name)}`;
const badge = (state) => h("span", { class: `badge ${state}` }, state);

// ---- Charts -------------------------------------------------------------------------------------------------------

/** Lines over steps: `series` is [[name, [[step, value], …]], …]. */
function chart(title, series) {
  const shown = series.filter(([, points]) => points.length > 0);
  const figure = h("figure", { class: "card" }, h("h2", {}, title));
  if (!shown.length) {
    figure.append(h("p", { class: "soft small" }, "No data yet."));
    return figure;
  }
  const [W, H, L, R, T, B] = [480, 200, 48, 10, 8, 24];
  const all = shown.flatMap(([, points]) => points);
  const xs = all.map((p) => p[0]);
  const sorted = all.map((p) => p[1]).sort((a, b) => a - b);
  // A single outlier must not flatten all the rest.
  const cut = Math.floor(sorted.length * 0.01);
  let [low, high] = [sorted[cut], sorted[sorted.length - 1 - cut]];
  if (low === high) [low, high] = [low - 1, high + 1];
  const pad = (high - low) * 0.06;
  // Shares and coverage do not go below zero, and the axis should not either.
  [low, high] = [sorted[0] >= 0 ? Math.max(0, low - pad) : low - pad, high + pad];
  const [first, last] = [Math.min(...xs), Math.max(...xs)];
  const x = (s) => L + ((s - first) / Math.max(1, last - first)) * (W - L - R);
  const y = (v) => T + (1 - (Math.min(high, Math.max(low, v)) - low) / (high - low)) * (H - T - B);
  const drawing = h("svg", { class: "chart", viewBox: `0 0 ${W} ${H}`, role: "img",
    "aria-label": `${title}: ${shown.map(([name, p]) => `${name} ${number(p[p.length - 1][1])}`).join(", ")} at step ${last}` });
  for (const v of marks(low, high)) {
    drawing.append(h("line", { class: "axis", x1: L, x2: W - R, y1: y(v), y2: y(v) }),
      h("text", { x: L - 6, y: y(v) + 4, "text-anchor": "end" }, number(v)));
  }
  drawing.append(h("text", { x: L, y: H - 6 }, whole(first)), h("text", { x: W - R, y: H - 6, "text-anchor": "end" }, `step ${whole(last)}`));
  shown.forEach(([, points], i) => {
    const d = points.map((p, j) => `${j ? "L" : "M"}${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`).join("");
    drawing.append(h("path", { class: `c${i % 6}`, d, fill: "none", "stroke-width": "1.6", "vector-effect": "non-scaling-stroke" }));
  });
  figure.append(drawing, h("div", { class: "key" }, shown.map(([name, points], i) =>
    h("span", {}, h("i", { class: `c${i % 6}` }), `${name} ${number(points[points.length - 1][1])}`))));
  return figure;
}

/** Two to five round values between two others. */
function marks(low, high) {
  const power = 10 ** Math.floor(Math.log10((high - low) / 2));
  const step = power * [5, 2, 1].find((n) => n * power * 2 <= high - low);
  const first = Math.ceil(low / step), count = Math.floor(high / step) - first + 1;
  return Array.from({ length: count }, (_, i) => (first + i) * step);
}

/** At most so many points of a line, so that long runs draw as fast as short ones. */
function thin(points, most = 600) {
  const every = Math.ceil(points.length / most);
  return every > 1 ? points.filter((_, i) => (points.length - 1 - i) % every === 0) : points;
}

function charts(rows) {
  const line = (key) => thin(rows.filter((r) => Number.isFinite(r[key])).map((r) => [r.step, r[key]]));
  const keys = [...new Set(rows.flatMap((r) => Object.keys(r)))].sort();
  const named = (prefix, suffix = "") => keys.filter((k) => k.startsWith(prefix) && k.endsWith(suffix))
    .map((k) => [k.slice(prefix.length, k.length - suffix.length || undefined), line(k)]);
  const groups = [
    ["Held-out pictures", named("validation/").filter(([name]) => name !== "step" && !name.startsWith("near_copies"))],
    ["Near-copies: a share of 0.05 is normal", named("validation/near_copies").map(([, line]) => ["near-copies", line])],
    ["Losses", named("loss/")],
    ["Critic's scores", named("score/")],
    ["Regularizers' share of the objective", named("reg/", "/share")],
    ["Signs of overfitting", named("overfitting/")],
    ["Pictures per second", [["images/s", line("images_per_second")]]],
  ];
  const always = ["Losses", "Critic's scores"];
  return groups.filter(([title, series]) => always.includes(title) || series.some(([, p]) => p.length)).map(([title, series]) => chart(title, series));
}

// ---- Runs ---------------------------------------------------------------------------------------------------------

async function showRuns() {
  const table = h("div");
  const chosen = new Set();
  const compare = h("button", { click: () => (location.hash = `#/compare/${[...chosen].map(encodeURIComponent).join(",")}`), disabled: true }, "Compare");
  const search = h("input", { type: "text", "aria-label": "Find a run", placeholder: "Find a run", input: () => draw() });
  let runs = [], jobs = [], most = 50, told = "", pressed = false;
  const pick = (name) => h("label", { class: "pick" }, h("input", { type: "checkbox", "data-key": `select ${name}`, "aria-label": `Select ${name} to compare`, checked: chosen.has(name),
    change: (e) => { e.target.checked ? chosen.add(name) : chosen.delete(name); compare.disabled = chosen.size < 2 || chosen.size > 6; } }));
  function draw() {
    const found = runs.filter((r) => r.name.toLowerCase().includes(search.value.toLowerCase()));
    // A run that reads its pictures has no folder yet.
    const begins = (j) => j.state === "running" && j.task === "train" && !runs.some((r) => r.name === j.run);
    const waiting = jobs.filter((j) => j.state === "waiting" || begins(j) || (j.task === "measure" ? ["running", "failed"].includes(j.state) : j.state === "failed" && !j.run));
    const line = (r) => {
      const job = jobs.find((j) => j.task === "train" && j.run === r.name);
      const state = r.state !== "running" && job?.state === "paused" ? "paused" : job?.state === "failed" ? "failed" : r.state;
      return h("tr", {}, h("td", {}, pick(r.name)),
        h("td", {}, h("a", { href: `#${run(r.name)}`, "data-key": `open ${r.name}` }, r.name)), h("td", {}, badge(state)),
        h("td", { class: "number steps" }, whole(r.step)), h("td", { class: "number" }, duration(r.seconds)),
        h("td", { class: "soft small reason" }, job?.state === "failed" ? job.reason : r.reason || ""));
    };
    redraw(table,
      waiting.length ? h("section", { class: "card" }, h("h2", {}, "Queue"), h("ul", { class: "plain" }, waiting.map((j) => h("li", { class: "row" },
        `${j.task === "measure" ? "Measure " : ""}${j.run || j.stem}`, badge(j.state), j.reason ? h("span", { class: "error small" }, j.reason) : null,
        j.state === "running" ? h("button", { "data-key": `stop ${j.id}`, click: doing(async () => { await ask(`/queue/${j.id}/stop`, { method: "POST" }); toast("Stopping…"); await load(); }) }, "Stop")
          : h("button", { "data-key": `remove ${j.id}`, click: doing(async () => { await ask(`/queue/${j.id}`, { method: "DELETE" }); await load(); }) }, "Remove"))))) : "",
      runs.length ? h("div", { class: "card wide" }, h("table", { class: "runs" }, h("thead", {}, h("tr", {}, h("th", {}, h("span", { class: "small soft" }, "Select")),
        h("th", {}, "Run"), h("th", {}, "State"), h("th", { class: "number" }, "Steps"), h("th", { class: "number" }, "Trained"), h("th", {}, ""))),
        h("tbody", {}, found.slice(0, most).map(line))),
        found.length > most ? h("button", { click: () => { most += 200; draw(); } }, `Show more (${found.length} in all)`) : null)
        : h("div", { class: "card" }, h("p", {}, "There are no runs yet. Train one on the built-in pictures to see how it works: it takes about three minutes."),
          h("a", { class: "primary", href: "#/new" }, "New run")));
  }
  async function load() {
    [runs, jobs] = await Promise.all([ask("/runs"), ask("/queue")]);
    const now = JSON.stringify([runs, jobs]);
    // What is pressed must still be there when it is let go.
    if (pressed || now === told) return;
    told = now;
    draw();
  }
  await load();
  const timer = setInterval(() => { if (!document.hidden) load().catch(() => {}); }, 3000);
  const left = new AbortController();
  table.addEventListener("pointerdown", (event) => (pressed = event.button === 0));
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => (pressed = false), { signal: left.signal });
  return { title: "Runs", leave: () => { clearInterval(timer); left.abort(); },
    node: [h("h1", {}, "Runs"), h("div", { class: "row" }, search, compare, h("span", { class: "soft small" }, "Select two to six to compare.")), h("br"), table] };
}

// ---- A new run ----------------------------------------------------------------------------------------------------

async function showNew() {
  const [options, collections, runs] = await Promise.all([ask("/options"), ask("/collections"), ask("/runs")]);
  const earlier = runs.filter((r) => r.step > 0);
  const found = h("div", { "aria-live": "polite" });
  const collection = h("select", { change: () => { cells.value = ""; look(); } });
  const cells = h("input", { type: "text", placeholder: "each file is one picture", size: 24, "aria-describedby": "cells-help", change: () => look() });
  const add = (c) => collection.append(h("option", { value: c.name }, c.name === "motif" ? "motif (built in)" : c.name));
  collections.forEach(add);

  let glance = null;
  /** Shows what is in the collection, below a note. What is no longer wanted is not looked at to its end. */
  async function look(note = null) {
    glance?.abort();
    const { signal } = (glance = new AbortController());
    const name = collection.value, grid = cells.value.trim();
    cells.disabled = name === "motif";
    const changed = () => signal.aborted || name !== collection.value || grid !== cells.value.trim();
    const of = (part) => `/collections/${encodeURIComponent(name)}/${part}${grid ? `?cells=${encodeURIComponent(grid)}` : ""}`;
    found.replaceChildren(h("p", { class: "soft" }, "Checking the pictures…"));
    try {
      const report = await ask(of("check"), { signal });
      if (changed()) return;
      const size = report.suggested_size;
      // Of few pictures each one is needed to learn from.
      if (!told_clear && !clear.disabled) clear.checked = report.transparent > report.pictures / 2;
      if (!told_held) held.value = report.pictures >= 300 ? "0.1" : "0";
      found.replaceChildren(...[note ? h("p", {}, note) : []].flat(),
        h("p", {}, report.pictures === 1 ? "1 picture" : `${whole(report.pictures)} pictures`, size ? `, trained at ${size.width ?? size}${size.height ? "×" + size.height : ""}` : "",
          report.unreadable?.length ? `, ${report.unreadable.length} unreadable` : "", report.duplicates?.length ? `, ${report.duplicates.length} groups of duplicates` : "", "."),
        h("div", {}, report.sheets ? h("button", { click: () => { cells.value = report.sheets.grid; look(); } },
          `Cut into ${whole(report.sheets.cells)} cells of ${report.sheets.grid.split(",")[0]}`) : null),
        h("ul", { class: "small" }, (report.plan || []).map((line) => h("li", {}, line))),
        h("img", { class: "sheet", alt: `Pictures of ${name} as training sees them`, src: `/api/v1${of("sheet")}` }));
    } catch (error) {
      if (!changed()) found.replaceChildren(h("p", { class: "error" }, error.message));
    }
  }

  const place = (file) => file.webkitRelativePath || file.path_ || file.name;
  async function upload(files) {
    const all = [...files];
    files = all.filter((f) => !place(f).split("/").some((part) => part.startsWith(".")));
    const mine = ++uploads;
    try {
      glance?.abort();
      if (!files.length) throw new Error("There are no pictures in it: choose pictures, a folder of pictures, or a .zip.");
      const form = new FormData();
      for (const file of files) form.append("file", file, place(file));
      const tops = new Set(files.map((f) => place(f).split("/").slice(0, -1)[0]));
      const [top] = tops;
      const name = tops.size === 1 && top ? top : files.length > 1 ? "pictures" : files[0].name.replace(/\.[^.]*$/, "");
      found.replaceChildren(h("p", {}, `Uploading ${whole(files.length)} files…`), h("progress", { "aria-label": "Upload" }));
      begin.disabled = true;
      const taken = await ask(`/collections/upload?name=${encodeURIComponent(name)}`, { method: "POST", body: form });
      if (!view.contains(found)) return;
      add(taken);
      if (mine !== uploads) return;
      collection.value = taken.name;
      cells.value = "";
      const skipped = taken.skipped === 1 ? "1 file is not a picture and was left out." : `${whole(taken.skipped)} files are not pictures and were left out.`;
      await look(taken.skipped ? skipped : null);
    } catch (error) {
      if (mine === uploads) found.replaceChildren(h("p", { class: "error", role: "alert" }, error.message));
    } finally {
      if (mine === uploads) begin.disabled = false;
    }
  }
  let uploads = 0;

  // Emptied, so that the same ones can be chosen again.
  const chosen = async (e) => { const files = [...e.target.files]; e.target.value = ""; await upload(files); };
  const pictures = h("input", { type: "file", multiple: true, accept: "image/*,.zip", id: "files", change: doing(chosen) });
  const folder = h("input", { type: "file", webkitdirectory: true, id: "folder", change: doing(chosen) });
  const drop = h("div", { class: "drop",
    dragover: (e) => { e.preventDefault(); drop.classList.add("over"); }, dragleave: () => drop.classList.remove("over"),
    drop: doing(async (e) => { e.preventDefault(); drop.classList.remove("over"); await upload(await dropped(e.dataTransfer)); }) },
    h("p", {}, "Drop a folder, pictures or a .zip here. Subfolders become labels."),
    h("div", { class: "row" }, h("label", {}, "Pictures or .zip", pictures), h("label", {}, "A folder", folder)));

  const recipe = h("select", {}, options.recipes.map((r) => h("option", { value: r.name, selected: r.name === "default" }, r.name)));
  const about = h("p", { class: "soft small" });
  const chosenRecipe = () => options.recipes.find((r) => r.name === recipe.value);
  const told = () => (about.textContent = chosenRecipe()?.summary || "");
  recipe.addEventListener("change", () => { told(); fill(); });
  told();
  const minutes = h("input", { type: "number", min: "0.1", step: "any", placeholder: "from the recipe" });
  const size = h("input", { type: "text", placeholder: "from the pictures", size: 16 });
  const from = h("select", { "aria-describedby": "from-help", change: () => {
    size.disabled = clear.disabled = from.value !== "";
    if (size.disabled) { size.value = ""; clear.checked = false; }
  } },
    h("option", { value: "" }, "scratch: new networks"), earlier.map((r) => h("option", { value: r.name }, r.name)));
  const seed = h("input", { type: "number", min: "0", step: "1", placeholder: "0" });
  let told_held = false;
  const held = h("select", { change: () => (told_held = true), "aria-describedby": "held-help" },
    [["0", "none"], ["0.05", "5 %"], ["0.1", "10 %"], ["0.2", "20 %"]].map(([value, text]) => h("option", { value }, text)));
  const flip = h("input", { type: "checkbox" });
  let told_clear = false;
  const clear = h("input", { type: "checkbox", change: () => (told_clear = true) });
  const conditional = h("input", { type: "checkbox" });

  const own = h("input", { type: "checkbox", change: () => { parts.hidden = !own.checked; fill(); } });
  const rows = options.regularizers.map((r) => regularizer(r));
  const augment = options.augmentations.map((a) => ({ name: a.name, box: h("input", { type: "checkbox" }), summary: a.summary }));
  const parts = h("div", { hidden: true },
    h("fieldset", {}, h("legend", {}, "Augmentation of what the critic sees"), h("div", { class: "stack" }, augment.map((a) => h("label", {}, a.box, h("span", {}, h("b", {}, a.name), " ", h("span", { class: "soft small" }, a.summary)))))),
    h("br"), h("fieldset", {}, h("legend", {}, "Soft regularizers: compare outputs of pairs"), rows.filter((r) => r.kind === "soft").map((r) => r.node)),
    h("br"), h("details", {}, h("summary", {}, "Hard regularizers: limit weights and slopes"), rows.filter((r) => r.kind === "hard").map((r) => r.node)));

  /** Begins with what the recipe has, until something was chosen differently. */
  let touched = false;
  parts.addEventListener("input", () => (touched = true));
  function fill() {
    if (touched) return;
    const { augment: names = [], regularizers = {} } = chosenRecipe() || {};
    for (const a of augment) a.box.checked = names.includes(a.name);
    for (const r of rows) r.set(regularizers[r.name]);
  }
  fill();

  const begin = h("button", { class: "main", click: doing(async () => {
    const text = (input) => (input.value.trim() === "" ? undefined : input.value.trim());
    const wanted = { collection: collection.value, cells: text(cells), recipe: recipe.value, from: from.value || undefined, minutes: numeric(minutes, "Minutes of training", 2.5), size: text(size), seed: numeric(seed, "Seed", 7), held_back: held.value === "0" ? undefined : Number(held.value), flip: flip.checked, conditional: conditional.checked, transparent: clear.checked };
    if (own.checked) {
      wanted.augment = augment.filter((a) => a.box.checked).map((a) => a.name);
      wanted.regularizers = Object.fromEntries(rows.filter((r) => r.chosen()).map((r) => [r.name, r.weight()]));
    }
    const job = await ask("/runs", { json: wanted });
    toast("The run has been queued.");
    location.hash = (await begun(job.id)) || "#/";
  }) }, "Start");

  look();
  return { title: "New run", leave: () => glance?.abort(), node: [h("h1", {}, "New run"), h("div", { class: "columns" },
    h("section", { class: "card stack" }, h("h2", {}, "1. Pictures"), h("label", {}, "Collection", collection), drop,
      h("label", {}, "Cut sprite sheets into cells of", cells), h("p", { class: "soft small", id: "cells-help" }, "If one file contains many pictures: width x height in pixels, such as 16x16, or 16x16,spacing=1,margin=2 if there are pixels between and around the cells."), found),
    h("section", { class: "card stack" }, h("h2", {}, "2. Training"), h("label", {}, "Recipe", recipe), about,
      h("label", {}, "Start from", from), h("p", { class: "soft small", id: "from-help" }, "What an earlier run has learned from many pictures helps when you have few. Size and network are then taken from that run."),
      h("label", {}, "Minutes of training", minutes), h("label", {}, "Picture size", size), h("label", {}, "Seed", seed),
      h("label", {}, "Pictures to hold out", held), h("p", { class: "soft small", id: "held-help" }, "These are not used for training. They show, during training, how much of their variety the generator covers and whether it copies training pictures."),
      h("label", {}, clear, "Keep transparency"), h("label", {}, flip, "Mirror half of the pictures"), h("label", {}, conditional, "Learn the labels too (folders in the collection)"),
      h("label", {}, own, "Choose regularizers myself"), parts, h("div", {}, begin)))] };
}

/** Waits a little until a job has a run to show. */
async function begun(id) {
  for (let i = 0; i < 10; i++) {
    const job = (await ask("/queue")).find((j) => j.id === id);
    if (!job || job.state === "waiting" || job.state === "failed") { if (i > 4) return null; }
    else if (job.run) {
      const there = await ask(run(job.run)).catch(() => null);
      if (there) return `#${run(job.run)}`;
    }
    await new Promise((done) => setTimeout(done, 300));
  }
  return null;
}

/** The files of what was dropped, folders entered. */
async function dropped(transfer) {
  const files = [];
  const enter = async (entry, path) => {
    if (entry.isFile) {
      const file = await new Promise((done, fail) => entry.file(done, fail));
      file.path_ = path + entry.name;
      files.push(file);
    } else {
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((done, fail) => reader.readEntries(done, fail));
        if (!some.length) break;
        for (const one of some) await enter(one, `${path}${entry.name}/`);
      }
    }
  };
  // Both must be asked for before anything is waited for: afterwards there are no items any more.
  const items = [...transfer.items].filter((item) => item.kind === "file").map((item) => [item.webkitGetAsEntry(), item.getAsFile()]);
  for (const [entry, file] of items) {
    if (entry) await enter(entry, "");
    else if (file) files.push(file);
  }
  return files;
}

/** A line of the form: λ on a slider, a thousandth to a thousandfold of what is usual. */
function regularizer(entry) {
  const box = h("input", { type: "checkbox" });
  const usual = entry.weight || 1;
  const exact = h("input", { type: "number", min: "0", step: "any", value: usual, "aria-label": `λ of ${entry.name}` });
  const slider = h("input", { type: "range", min: "-3", max: "3", step: "0.1", value: "0", "aria-label": `λ of ${entry.name}, as a power of ten relative to ${usual}` });
  slider.addEventListener("input", () => { exact.value = number(usual * 10 ** slider.value, 2); box.checked = true; });
  exact.addEventListener("input", () => { if (exact.value > 0) slider.value = Math.log10(exact.value / usual); box.checked = true; });
  const node = h("div", { class: "reg" }, h("div", { class: "row" }, h("label", {}, box, h("b", {}, entry.name)), slider, h("label", {}, "λ", exact)),
    h("div", { class: "small" }, entry.summary, " ", h("span", { class: "soft" }, entry.source ? `(${entry.source})` : "")));
  const place = () => { if (exact.value > 0) slider.value = Math.log10(exact.value / usual); };
  return { name: entry.name, kind: entry.kind, node, chosen: () => box.checked,
    weight: () => {
      if (exact.value.trim() === "" || !exact.checkValidity()) throw new Error(`λ of ${entry.name} must be a number, 0 or greater: enter one, or untick it.`);
      return Number(exact.value);
    },
    set: (weight) => { box.checked = weight !== undefined; exact.value = weight ?? usual; place(); } };
}

// ---- One run ------------------------------------------------------------------------------------------------------

async function showRun(name, tab = "watch") {
  const about = await ask(run(name));
  const link = (id, text) => h("a", { href: `#${run(name)}/${id}`, "aria-current": tab === id ? "page" : undefined }, text);
  const state = h("span", {}, badge(about.state));
  const parts = { watch, explore, takeaway: keepsakes, settings };
  const inner = await (parts[tab] || watch)(name, about, state);
  return { title: name, leave: inner.leave, node: [h("div", { class: "row" }, h("h1", {}, name), state),
    h("nav", { class: "tabs", "aria-label": "Views of the run" }, link("watch", "Watch"), link("explore", "Explore"), link("takeaway", "Export"), link("settings", "Settings")),
    inner.node] };
}

/** Sheets of a run in order, the final one last: what to call them and where they are. */
function sheets(name, about, steps) {
  const all = steps.map((step) => ({ step, called: `step ${whole(step)}`, src: `/api/v1${run(name)}/samples/${step}`, alt: `Samples after ${step} steps` }));
  return about.sheet ? [...all, { step: about.step, called: `step ${whole(about.step)}, final sheet`, src: `/api/v1${run(name)}/sheet`, alt: `Final sheet after ${about.step} steps` }] : all;
}

/** Time between two looks at a run that does not train. */
const LOOK_MS = 3000;

async function watch(name, about, state) {
  const rows = (await ask(`${run(name)}/metrics?most=1000`)).map(flat);
  const steps = await ask(`${run(name)}/samples`);
  let all = sheets(name, about, steps);
  let follows = true;
  const picture = h("img", { class: "sheet", alt: "" });
  const slider = h("input", { type: "range", min: "0", "aria-label": "Time",
    input: () => { follows = Number(slider.value) === all.length - 1; place(); } });
  const when = h("span", { class: "soft small" });
  const numbers = h("div", { class: "columns" });
  const line = h("p", { class: "soft" });
  const controls = h("div", { class: "row" });
  const none = h("p", { class: "soft" }, "The first sheet will appear in a moment.");
  function order() {
    all = sheets(name, about, steps);
    slider.max = String(Math.max(0, all.length - 1));
    if (follows) slider.value = slider.max;
    place();
  }
  function place() {
    const sheet = all[Number(slider.value)];
    none.hidden = sheet !== undefined;
    if (sheet === undefined) return;
    if (picture.getAttribute("src") !== sheet.src) picture.src = sheet.src;
    picture.alt = sheet.alt;
    when.textContent = sheet.called;
  }
  let due = false;
  function draw() {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      numbers.replaceChildren(...charts(rows));
      const last = rows[rows.length - 1];
      // The last row of a run that has ended holds no speed.
      const speed = rows.findLast((r) => r.images_per_second > 0)?.images_per_second;
      const limit = /\n\[stop\][^[]*\nminutes = ([\d.]+)/.exec(about.config)?.[1];
      const left = about.state === "running" && limit && last ? `about ${duration(Math.max(0, 60 * limit - last.seconds))} left` : "";
      if (last) line.textContent = [`${whole(last.step)} steps`, `${whole(last.images)} pictures seen`, duration(last.seconds), speed ? `${whole(speed)} images/s` : "", left].filter(Boolean).join(", ");
    });
  }
  function command() {
    state.replaceChildren(badge(about.state));
    const minutes = h("input", { type: "number", min: "0.1", step: "any", value: "10", size: 6 });
    const tell = async (what) => { await ask(`${run(name)}/${what}`, { method: "POST" }); toast(what.startsWith("resume") ? "It will continue when its turn comes." : "Saving and stopping…"); };
    const act = (what) => doing(() => tell(what));
    redraw(controls, ...(about.state === "running" ? (about.ours ? [h("button", { click: act("pause") }, "Pause"), h("button", { click: act("stop") }, "Stop")] : [h("span", { class: "soft small" }, "Started elsewhere: stop it there.")])
      : about.state === "stopped" ? [h("button", { class: "main", click: act("resume") }, "Resume")]
      : about.state === "finished" ? [h("label", {}, "More minutes", minutes), h("button", { click: doing(async () => {
        const more = numeric(minutes, "More minutes", 2.5);
        if (more === undefined) throw new Error("More minutes is empty: enter how many.");
        await tell(`resume?minutes=${more}`);
      }) }, "Train longer")] : []),
      about.reason ? h("span", { class: "soft small" }, about.reason) : "");
  }
  command();
  order();
  draw();

  // A browser keeps few connections to one address: a stream is held while a run trains and the page is seen.
  let events = null, left = false;
  async function changed() {
    const now = await ask(run(name)).catch(() => null);
    if (!now || left) return;
    const differs = now.state !== about.state || now.ours !== about.ours || now.reason !== about.reason || now.sheet !== about.sheet;
    about = now;
    if (differs) { command(); order(); }
    follow();
  }
  function take(event) {
    const news = JSON.parse(event.data);
    if (news.kind === "metrics") { rows.push(flat(news.value)); draw(); }
    if (news.kind === "sample" && !steps.includes(news.value)) { steps.push(news.value); order(); }
    if (news.kind === "status") changed();
  }
  function follow() {
    const wanted = about.state === "running" && !document.hidden;
    if (wanted && events?.readyState !== EventSource.CLOSED && events) return;
    events?.close();
    events = null;
    if (!wanted) return;
    const after = rows.length ? rows[rows.length - 1].step : 0;
    events = new EventSource(`/api/v1${run(name)}/events?after=${after}`);
    events.onmessage = take;
    // Whether the studio is gone, or the run, is told by asking.
    events.onerror = () => changed();
  }
  follow();
  const seen = () => (document.hidden ? follow() : changed());
  document.addEventListener("visibilitychange", seen);
  const timer = setInterval(() => { if (!events && !document.hidden && about.state !== "finished") changed(); }, LOOK_MS);
  const stop = () => { clearInterval(timer); document.removeEventListener("visibilitychange", seen); left = true; events?.close(); };
  return { leave: stop, node: [controls, line, h("div", { class: "watch" }, h("section", { class: "card side" }, h("h2", {}, "Samples, always from the same latents"),
    none, picture, h("div", { class: "row" }, h("label", {}, "Time"), slider, when)), numbers)] };
}

const flat = (row) => ({ ...row.values, ...row });

async function explore(name, about) {
  if (!about.paints) return { node: h("p", { class: "card" }, "There is no checkpoint to generate pictures with yet.") };
  const generator = await ask(`${run(name)}/generator`);
  let tiles = [], seed = 0, selected = [], walk = [];
  // Whether the next picture is the one to mix with: no finger holds Shift.
  let mixing = false;
  let kept = await ask(`${run(name)}/favourites`);
  const grid = h("ul", { class: "tiles", "aria-label": "Pictures" });
  const after = h("span", { class: "soft small" });
  const side = h("div", { class: "card side stack", "aria-live": "polite" });
  const truncation = h("input", { type: "range", min: "0.2", max: "2", step: "0.05", value: "2", "aria-label": "Truncation" });
  const typical = h("output", { class: "small soft" }, "all");
  truncation.addEventListener("input", () => (typical.textContent = truncation.value >= 2 ? "all" : truncation.value));
  const label = generator.labels.length ? h("select", { "aria-label": "Label" }, h("option", { value: "" }, "each in turn"), generator.labels.map((l, i) => h("option", { value: i }, l))) : null;
  const count = h("select", { "aria-label": "How many" }, [24, 48, 96].map((n) => h("option", { value: n }, n)));
  const amount = h("input", { type: "range", min: "0.05", max: "1", step: "0.05", value: "0.35", "aria-label": "How different" });

  // Training goes on while a person looks: every picture knows the step that made it.
  const same = (a, b) => a.latent.every((x, i) => x === b.latent[i]) && a.label === b.label && (a.step === b.step || a.step === null || b.step === null);
  const keptOf = (tile) => kept.find((k) => same(k, tile));
  const isKept = (tile) => keptOf(tile) !== undefined;
  const made = (shown) => shown.latents.map((latent, i) => ({ latent, label: shown.labels ? shown.labels[i] : null, step: shown.step, picture: shown.pictures[i], locked: false }));
  const at = (tiles) => (tiles.length ? `?step=${Math.max(...tiles.map((t) => t.step))}` : "");
  /** Asks for something made by the checkpoint of some tiles, or by the newest. */
  async function ofStep(path, tiles, options) {
    try {
      return await ask(`${run(name)}/${path}${at(tiles)}`, options);
    } catch (error) {
      if (error.status !== 409 || !tiles.length) throw error;
      const shown = await newest();
      throw new Error(`${error.message}. The pictures are now shown as they are after ${whole(shown)} steps.`);
    }
  }
  const paint = async (wish, tiles = []) => made(await ofStep("pictures", tiles, { json: wish }));
  /** What is shown, by the newest checkpoint. */
  async function newest() {
    const next = await paint({ kind: "again", latents: tiles.map((t) => t.latent), labels: tiles.map((t) => t.label ?? 0) });
    const become = new Map(tiles.map((t, i) => [t, { ...next[i], locked: t.locked }]));
    tiles = [...become.values()];
    selected = selected.map((t) => become.get(t)).filter(Boolean);
    // Those of the walk that are shown no longer are drawn again by themselves.
    const missing = walk.filter((t) => !become.has(t));
    const drawn = missing.length ? await paint({ kind: "again", latents: missing.map((t) => t.latent), labels: missing.map((t) => t.label ?? 0) }) : [];
    walk = walk.map((t) => become.get(t) || drawn[missing.indexOf(t)]);
    draw();
    return next[0]?.step ?? 0;
  }
  const partner = (tile) => mixing && !selected.includes(tile);
  const described = (tile, i) => `${partner(tile) ? "Mix with picture" : "Picture"} ${i + 1}${tile.label !== null ? `, ${generator.labels[tile.label]}` : ""}${tile.locked ? ", locked" : ""}${isKept(tile) ? ", favourite" : ""}`;

  function choose(tile, i, event) {
    const another = event.shiftKey || event.ctrlKey || event.metaKey;
    const mix = partner(tile);
    if (mix && tile.label !== selected[0].label) { toast("It has a different label: only pictures with the same label can be mixed."); return; }
    if (mix) selected = [selected[0], tile];
    else if (another) selected = selected.includes(tile) ? selected.filter((t) => t !== tile) : [...selected, tile].slice(-2);
    else if (!mixing) selected = selected.length === 1 && selected[0] === tile ? [] : [tile];
    mixing = false;
    draw(i);
    // What was asked for with the first one is the next thing to press.
    if (mix) side.querySelector("button").focus();
  }
  function mixWith(yes) {
    mixing = yes;
    draw(tiles.indexOf(selected[0]));
  }
  function draw(focus) {
    const steps = [...new Set(tiles.map((t) => t.step))].sort((a, b) => a - b);
    after.textContent = steps.length ? `after ${[...new Set([steps[0], steps[steps.length - 1]])].map(whole).join(" to ")} steps` : "";
    redraw(grid, ...tiles.map((tile, i) => h("li", {}, h("button", { "aria-pressed": String(selected.includes(tile)), "aria-label": described(tile, i),
      "aria-disabled": partner(tile) && tile.label !== selected[0].label ? "true" : null, click: (e) => choose(tile, i, e), keydown: (e) => move(e, i) },
      h("img", { src: tile.picture, alt: "" }), tile.locked || isKept(tile) ? h("span", { class: "mark", "aria-hidden": "true" }, tile.locked ? "🔒" : "", isKept(tile) ? "★" : "") : null))));
    if (focus !== undefined) grid.children[focus]?.firstChild.focus();
    details();
  }
  function move(event, i) {
    if (event.key === "Escape" && mixing) mixWith(false);
    const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (!by || !grid.children[i + by]) return;
    event.preventDefault();
    grid.children[i + by].firstChild.focus();
  }
  /** New pictures where nothing is locked. */
  async function fill(fresh) {
    const locked = tiles.filter((t) => t.locked);
    const next = await fresh(Math.max(1, Number(count.value) - locked.length));
    tiles = [...locked, ...next];
    selected = selected.filter((t) => tiles.includes(t));
    mixing = false;
    draw();
  }
  const again = () => fill((n) => paint({ kind: "draw", seed: seed++, count: n, truncation: truncation.value >= 2 ? null : Number(truncation.value), label: label && label.value !== "" ? Number(label.value) : null }));
  /** The favourites as they were chosen; those that were kept without their picture are painted anew. */
  async function favourites() {
    kept = await ask(`${run(name)}/favourites`);
    const bare = kept.filter((k) => !k.picture || k.step === null);
    const painted = bare.length ? await paint({ kind: "again", latents: bare.map((k) => k.latent), labels: bare.map((k) => k.label ?? 0) }) : [];
    return kept.map((k) => painted[bare.indexOf(k)] || { latent: k.latent, label: k.label, step: k.step, picture: k.picture, locked: false });
  }
  async function file(path, json, title, of) { save(await ofStep(path, of, { json, file: true }), title); }

  function details() {
    if (!selected.length) {
      redraw(side, h("p", { class: "soft" }, "Choose a picture. To mix two, press Mix with…, or choose the second with Shift or Ctrl."), strip());
      return;
    }
    const tile = selected[selected.length - 1];
    if (mixing) {
      redraw(side, h("div", { class: "chosen" }, h("img", { class: "big", src: tile.picture, alt: "" }),
        h("div", { class: "stack" }, h("p", {}, `Choose the picture to mix picture ${tiles.indexOf(tile) + 1} with.`), h("div", {}, h("button", { click: () => mixWith(false) }, "Cancel")))), strip());
      return;
    }
    if (selected.length === 2) {
      const differ = selected[0].label !== selected[1].label;
      redraw(side, h("div", { class: "row pair" }, selected.map((t) => h("img", { src: t.picture, alt: described(t, tiles.indexOf(t)), class: "big" }))),
        h("button", { class: "main", disabled: differ, "aria-describedby": "mix-help", click: doing(() => fill((n) => paint({ kind: "mix", from: selected[0].latent, to: selected[1].latent, label: tile.label, count: n }, selected))) }, "Mix these two"),
        h("p", { class: "soft small", id: "mix-help" }, differ ? "They have different labels: choose two with the same label." : "Shows the pictures in between."), strip());
      return;
    }
    const one = (scale, repeat) => ({ latent: tile.latent, label: tile.label, scale, repeat });
    const print = toPrint(generator);
    const alone = !tiles.some((t) => t !== tile && t.label === tile.label);
    redraw(side, () => [h("div", { class: "chosen" }, h("img", { class: "big", src: tile.picture, alt: described(tile, tiles.indexOf(tile)) }),
      h("div", { class: "stack" }, h("p", { class: "soft small" }, tile.step === null ? "" : `after ${whole(tile.step)} steps`),
        h("div", { class: "row" },
          h("button", { "aria-pressed": String(tile.locked), click: () => { tile.locked = !tile.locked; draw(); } }, tile.locked ? "Unlock" : "Lock"),
          h("button", { "aria-pressed": String(isKept(tile)), click: doing(async () => {
            const known = keptOf(tile);
            // One at a time: another page may keep others.
            if (known) await ask(`${run(name)}/favourites/${known.id}`, { method: "DELETE" }).catch((error) => { if (error.status !== 404) throw error; });
            else await ask(`${run(name)}/favourites`, { json: { latent: tile.latent, label: tile.label, step: tile.step, picture: tile.picture } });
            kept = await ask(`${run(name)}/favourites`);
            draw();
          }) }, isKept(tile) ? "★ Favourite" : "☆ Favourite"),
          h("button", { click: () => { walk.push(tile); details(); } }, "Add to walk")))),
      h("label", {}, "How different", amount),
      h("div", { class: "row" },
        h("button", { class: "main", click: doing(() => fill((n) => paint({ kind: "near", latent: tile.latent, label: tile.label, amount: Number(amount.value), seed: seed++, count: n }, [tile]))) }, "More like this"),
        h("button", { disabled: alone, "aria-describedby": alone && tile.label !== null ? "alone" : null, click: () => mixWith(true) }, "Mix with…")),
      alone && tile.label !== null ? h("p", { class: "soft small", id: "alone" }, "No other picture here has its label: lock this one, choose its label above, and draw new ones.") : "",
      h("div", { class: "row" },
        h("button", { click: () => save(bytes(tile.picture), `${name}.png`) }, "PNG"),
        h("button", { click: doing(() => file("print", one(print, 1), `${name}-print.png`, [tile])) }, "Print size"),
        h("button", { click: doing(() => file("print", one(Math.max(1, print >> 3), 8), `${name}-pattern.png`, [tile])) }, "Pattern")),
      strip()]);
  }
  /** The key pictures of a walk. */
  function strip() {
    if (!walk.length) return "";
    const ask_ = (format) => ({ keys: walk.map((t) => t.latent), label: walk[0].label, frames: Math.min(15, Math.floor(600 / walk.length)), scale: Math.max(1, Math.floor(256 / Math.max(generator.width, generator.height))), format });
    const differ = walk.some((t) => t.label !== walk[0].label);
    return h("div", { class: "stack" }, h("b", {}, "Walk"), differ ? h("p", { class: "soft small" }, "They have different labels: remove some so that all have the same label.") : null, h("div", { class: "row" }, walk.map((t, i) => h("button", { "aria-label": `Remove picture ${i + 1} from the walk`, click: () => { walk.splice(i, 1); details(); } }, h("img", { src: t.picture, alt: "", width: 32, height: 32 })))),
      h("div", { class: "row" }, ["gif", "webp", "apng"].map((format) => h("button", { disabled: walk.length < 2 || differ, click: doing(() => file("walk", ask_(format), `${name}-walk.${format === "apng" ? "png" : format}`, walk)) }, format.toUpperCase()))));
  }
  await again();
  return { node: [h("div", { class: "row card" }, h("button", { class: "main", click: doing(again) }, "Draw new"), h("label", {}, "Show", count), label ? h("label", {}, "Label", label) : null,
    h("label", {}, "Typical", truncation, "varied", typical),
    h("button", { click: doing(async () => { if (!kept.length) { toast("There are no favourites yet."); return; } tiles = await favourites(); selected = []; mixing = false; draw(); }) }, "Favourites"),
    after),
    h("div", { class: "explore" }, grid, side)] };
}

/** How many times as large a picture is printed: some two thousand pixels a side. */
const toPrint = (generator) => Math.max(1, Math.floor(2048 / Math.max(generator.width, generator.height)));

async function keepsakes(name, about) {
  if (!about.paints) return { node: h("p", { class: "card" }, "There is no checkpoint to generate pictures with yet.") };
  const kept = await ask(`${run(name)}/favourites`);
  const get = async (path, title) => save(await ask(`${run(name)}/${path}`, { file: true }), title);
  const steps = await ask(`${run(name)}/samples`);
  const which = kept.length ? (kept.length === 1 ? "your favourite" : `your ${kept.length} favourites`) : "64 pictures";
  const size = h("select", {}, h("option", { value: "own" }, "original"), h("option", { value: "print" }, "large enough to print"));
  const large = () => size.value === "print";
  const zip = async () => get(`archive?scale=${large() ? toPrint(await ask(`${run(name)}/generator`)) : 1}`, `${name}${large() ? "-print" : ""}.zip`);
  const card = (title, text, button) => h("section", { class: "card stack" }, h("h2", {}, title), h("p", { class: "soft" }, text), h("div", {}, button));
  return { node: h("div", { class: "columns" },
    card("Gallery", `One self-contained HTML file with ${which}: send it by mail, or put it on a website.`,
      h("button", { class: "main", click: doing(() => get("gallery", `${name}-gallery.html`)) }, "Save the gallery")),
    card("For printing", `A PDF of A4 pages with ${which}, numbered.`,
      h("button", { click: doing(() => get("contact-sheet", `${name}.pdf`)) }, "Save the PDF")),
    card("Files", `A ZIP archive with ${which} as PNG files.`,
      h("div", { class: "row" }, h("label", {}, "Size", size), h("button", { click: doing(zip) }, "Save the ZIP"))),
    about.sheet ? card("Sheet", "The final sheet as a PNG file.", h("button", { click: doing(() => get("sheet", `${name}-sheet.png`)) }, "Save the sheet"))
      : steps.length ? card("Sheet", "The newest sheet of samples as a PNG file.", h("button", { click: doing(() => get(`samples/${steps[steps.length - 1]}`, `${name}-sheet.png`)) }, "Save the sheet")) : null,
    card("Generator", "For other programs: ONNX turns latents into pictures wherever ONNX runs; safetensors contains the weights by name.",
      h("div", { class: "row" }, ["onnx", "safetensors"].map((format) => h("button", { click: doing(() => get(`export?format=${format}`, `${name}.${format}`)) }, format === "onnx" ? "ONNX" : "safetensors")))),
    card("Pictures, patterns, animations", "Choose pictures in Explore: save them at their own size, large enough to print or as a pattern, or add several to a walk and save it as GIF, WebP or APNG.", h("a", { class: "primary", href: `#${run(name)}/explore` }, "Explore"))) };
}

async function settings(name, about) {
  return { node: h("section", { class: "card" }, h("h2", {}, "config.toml"), h("p", { class: "soft" }, "Repeat the run with: ", h("code", {}, "softreg train --recipe config.toml")), h("pre", { tabindex: "0" }, about.config)) };
}

// ---- Several runs -------------------------------------------------------------------------------------------------

async function showCompare(names) {
  const all = await Promise.all(names.map(async (name) => {
    const [about, rows, steps, measured] = await Promise.all([ask(run(name)), ask(`${run(name)}/metrics?most=500`), ask(`${run(name)}/samples`), ask(`${run(name)}/evaluation`)]);
    return { name, about, rows: rows.map(flat), steps, measured };
  }));
  const keys = [...new Set(all.flatMap((r) => Object.keys(r.rows[r.rows.length - 1] || {})))].filter((k) => !["step", "images", "seconds", "values"].includes(k)).sort();
  const series = (key) => all.map((r) => [r.name, r.rows.filter((row) => Number.isFinite(row[key])).map((row) => [row.step, row[key]])]);
  const charted = ["loss/generator", "loss/critic", "score/held-out", ...keys.filter((k) => k.startsWith("validation/") && k !== "validation/step")].filter((k) => keys.includes(k));
  return { title: "Compare", node: [h("h1", {}, "Compare"),
    h("div", { class: "columns" }, all.map((r) => h("section", { class: "card" }, h("div", { class: "row" }, h("h2", {}, h("a", { href: `#${run(r.name)}` }, r.name)), badge(r.about.state)),
      newestSheet(r)))),
    h("div", { class: "columns" }, charted.map((key) => chart(key, series(key)))),
    h("div", { class: "card wide" }, h("h2", {}, "Last values"), h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, ""), all.map((r) => h("th", { class: "number" }, r.name)))),
      h("tbody", {}, [["steps", (r) => whole(r.about.step)], ["trained", (r) => duration(r.about.seconds)], ...keys.map((k) => [k, (r) => { const rows = r.rows.filter((row) => Number.isFinite(row[k])); return rows.length ? number(rows[rows.length - 1][k], 4) : "–"; }])]
        .map(([title, value]) => h("tr", {}, h("th", { scope: "row" }, title), all.map((r) => h("td", { class: "number" }, value(r)))))))),
    measures(all)] };
}

function newestSheet(r) {
  const sheet = sheets(r.name, r.about, r.steps).at(-1);
  return sheet ? [h("img", { class: "sheet", alt: `${sheet.alt}: ${r.name}`, src: sheet.src }), h("p", { class: "soft small" }, sheet.called)] : h("p", { class: "soft" }, "No samples yet.");
}

/** What was measured of several runs, and what measures them. */
function measures(all) {
  const names = [...new Set(all.flatMap((r) => Object.keys(r.measured?.metrics || {})))];
  const value = (r, key) => {
    const found = r.measured?.metrics[key];
    if (!found) return "–";
    return number(found.value, 4) + (found.half === null ? "" : ` ± ${number(found.half, 2)}`);
  };
  const against = (r) => r.measured ? `${whole(r.measured.reference.count)} pictures (${r.measured.reference.part})` : "–";
  // Pictures are the same ones where collection, part, number and size are.
  const reference = (r) => { const { fingerprint, part, count, size } = r.measured.reference; return JSON.stringify([fingerprint, part, count, size]); };
  const first = all.find((r) => r.measured);
  const other = (r) => r.measured && reference(r) !== reference(first);
  const differs = all.some(other);
  const measure = (r) => h("button", { "aria-label": `Measure ${r.name}`, click: doing(async () => {
    const job = await ask(`${run(r.name)}/evaluation`, { method: "POST" });
    toast(`${r.name} will be measured when its turn comes.`);
    const here = location.hash;
    for (;;) {
      await new Promise((done) => setTimeout(done, 1000));
      if (location.hash !== here) return;
      const now = (await ask("/queue")).find((j) => j.id === job.id);
      if (now?.state === "failed") throw new Error(now.reason);
      if (now?.state === "stopped") return toast(`The measurement of ${r.name} was stopped.`);
      if (!now || now.state === "finished") return go();
    }
  }) }, r.measured ? "Measure again" : "Measure");
  return h("div", { class: "card wide" }, h("h2", {}, "Measures"), differs ? h("p", { class: "error" }, `Not all were measured against the same pictures: only those without a mark can be compared with ${first.name}.`) : null,
    h("p", { class: "soft small" }, "Value ± half of a 95 % interval. Only runs measured against the same pictures can be compared: hold some out when you start a run."),
    h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, ""), all.map((r) => h("th", { class: "number" }, r.name)))),
      h("tbody", {}, names.length ? h("tr", {}, h("th", { scope: "row" }, "against"), all.map((r) => h("td", { class: "number" }, against(r), other(r) ? h("div", { class: "error small" }, "measured against other pictures: not comparable") : null))) : null,
        names.map((key) => h("tr", {}, h("th", { scope: "row" }, key), all.map((r) => h("td", { class: "number" }, value(r, key))))),
        h("tr", {}, h("th", { scope: "row" }, ""), all.map((r) => h("td", { class: "number" }, r.about.paints ? measure(r) : ""))))));
}

// ---- Where we are -------------------------------------------------------------------------------------------------

let leave = null, turn = 0, drawn = null;
async function go() {
  const mine = ++turn;
  leave?.();
  leave = null;
  let shown;
  try {
    const parts = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
    if (parts[0] === "new") shown = await showNew();
    else if (parts[0] === "runs" && parts[1]) shown = await showRun(parts[1], parts[2]);
    else if (parts[0] === "compare" && parts[1]) shown = await showCompare(location.hash.replace(/^#\/compare\//, "").split(",").map(decodeURIComponent));
    else shown = await showRuns();
  } catch (error) {
    shown = { title: "Something went wrong", node: [h("h1", {}, "Something went wrong"), h("p", { class: "error" }, error.message), h("p", {}, h("a", { href: "#/" }, "Back to runs"))] };
  }
  if (mine !== turn) { shown.leave?.(); return; }
  leave = shown.leave;
  document.title = `${shown.title} · softreg studio`;
  // Drawn again where it is, it keeps the focus where it was.
  const again = drawn === location.hash;
  drawn = location.hash;
  if (again) return redraw(view, ...[shown.node].flat(Infinity).filter(Boolean));
  view.replaceChildren(...[shown.node].flat(Infinity).filter(Boolean));
  view.focus({ preventScroll: true });
}
// The address is where the page is: a link to a part of it must not change it.
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); view.focus(); });
addEventListener("hashchange", go);
go();
