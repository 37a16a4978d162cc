// Shows what a model makes of a text, through TensorFlow Serving's REST API alone. Whatever comes
// from a model, a server or a person enters the document as text, never as HTML.

const POLL_MILLISECONDS = 5000;
const REPEAT_MILLISECONDS = 1000;
const TYPING_PAUSE_MILLISECONDS = 200;
const KEPT_TRIPS = 50;
const SHOWN_LABELS = 20;
const CHART = { width: 100, height: 32, margin: 3 };
const UNKNOWN = "[UNK]";
const SPECIAL = new Set(["[CLS]", "[SEP]", "[MASK]", "[PAD]"]);

let generation = 0; // Grows whenever another model or version is chosen.
let knownStatus = "";
let trips = [];
let asking = false;
let askAgain = false;
let typing;

// What an export of ours can do, the first that it has: how to ask, and how to show the answer.
const TASKS = [
  { signature: "classify", name: "classification", ask: classes, show: decision },
  { signature: "regress", name: "regression", ask: () => resultOf("regress"), show: value },
  { signature: "fill_mask", name: "fill mask", ask: () => predict("fill_mask"), show: masks },
  {
    signature: "serving_default",
    name: "serving_default",
    ask: () => predict("serving_default"),
    show: raw,
  },
];

function task() {
  return TASKS.find(({ signature }) => signature in signatures);
}

// Asking.

async function ask() {
  if (asking) {
    askAgain = true; // One request at a time; the newest text wins.
    return;
  }
  asking = true;
  do {
    askAgain = false;
    await askOnce();
  } while (askAgain);
  asking = false;
}

async function askOnce() {
  const found = task();
  if (!found) return;
  if (!byId("text").value && !byId("text-pair").value) {
    clear();
    return;
  }
  const asked = generation;
  try {
    const start = performance.now();
    const answer = await found.ask();
    const milliseconds = performance.now() - start;
    const row = canTokenize() ? await predict("tokenize") : null;
    if (asked !== generation) return;
    addTrip(milliseconds);
    byId("answer").replaceChildren(...found.show(answer));
    showTokens(row);
    showProblem("");
  } catch (error) {
    if (asked === generation) showProblem(error.message);
  }
}

// Classify gives every label its score. After them comes the unknown label of a model that rejects;
// which labels reach the thresholds of a multi-label model only Predict tells.
async function classes() {
  const pairs = await resultOf("classify");
  const outputs = signatures.serving_default?.outputs ?? {};
  const labels = Number(outputs.probabilities?.tensor_shape.dim[1]?.size);
  const unknown = pairs.length === labels + 1 ? pairs.pop() : null;
  if (!outputs.selected) return { pairs, unknown };
  const { selected } = await predict("serving_default");
  return { pairs, unknown, chosen: pairs.filter((_, place) => selected[place]) };
}

// Showing.

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function tell(id, message) {
  byId(id).textContent = message;
  byId(id).hidden = !message;
}

function showProblem(message) {
  tell("problem", message);
  document.body.classList.toggle("stale", Boolean(message)); // What is shown answers another text.
}

function decision({ pairs, unknown, chosen }) {
  if (chosen) {
    const note = chosen.length ? [] : [element("p", "rejected", "no label reaches its threshold")];
    return [...note, ...scores(pairs, chosen)];
  }
  if (!unknown?.[1]) return scores(pairs);
  return [element("p", "rejected", unknown[0]), ...scores(pairs, [])];
}

// The chosen pairs stand first and stand out; by default the best one.
function scores(pairs, chosen = null) {
  const isChosen = (pair) => Boolean(chosen?.includes(pair));
  const sorted = [...pairs].sort(
    (one, other) => isChosen(other) - isChosen(one) || other[1] - one[1],
  );
  const shown = sorted.slice(0, SHOWN_LABELS);
  const rows = shown.map(([label, score]) => scoreRow(label, score));
  const best = chosen ?? shown.slice(0, 1);
  rows.forEach((row, place) => row.classList.toggle("best", best.includes(shown[place])));
  const left = sorted.length - rows.length;
  return left ? [...rows, element("p", "hint", `and ${left} more labels`)] : rows;
}

function scoreRow(label, score) {
  const words = element("div", "words");
  const percent = `${(100 * score).toFixed(1)} %`;
  words.append(element("span", "label", label), element("span", "number", percent));
  const bar = element("div", "bar");
  bar.style.width = `${100 * score}%`;
  const track = element("div", "track");
  track.append(bar);
  const row = element("div", "score");
  row.append(words, track);
  return row;
}

function value(number) {
  return [element("p", "value", String(Number(number.toPrecision(4))))];
}

function masks(answer) {
  const shown = [element("p", "sequence", answer.sequence)];
  answer.tokens.forEach((tokens, place) => {
    const pairs = tokens.map((token, rank) => [token, answer.scores[place][rank]]);
    const filled = pairs.filter(([token]) => token);
    if (filled.length) shown.push(element("p", "mask", `[MASK] ${place + 1}`), ...scores(filled));
  });
  if (shown.length === 1) shown.push(element("p", "hint", "Put [MASK] where a word is missing."));
  return shown;
}

function raw(answer) {
  return [element("pre", "", JSON.stringify(answer, null, 2))];
}

function canTokenize() {
  return "tokenize" in signatures;
}

function showTokens(row) {
  tell("no-tokens", row ? "" : "This export has no signature “tokenize” that tells its tokens.");
  const tokens = (row?.tokens ?? []).filter(Boolean); // The batch's padding is "".
  const firstEnd = tokens.indexOf("[SEP]");
  const chips = tokens.map((token, place) => {
    const chip = element("li", tokenClass(token, takesPairs() && place > firstEnd), token);
    chip.title = `id ${row.token_ids[place]}`;
    return chip;
  });
  byId("tokens").replaceChildren(...chips);
  const unknown = tokens.filter((token) => token === UNKNOWN).length;
  byId("token-count").textContent = row ? `${tokens.length}, ${unknown} unknown` : "";
}

function clear() {
  byId("answer").replaceChildren();
  byId("tokens").replaceChildren();
  byId("token-count").textContent = "";
  showProblem("");
}

function tokenClass(token, isSecond) {
  if (token === UNKNOWN) return "unknown";
  if (SPECIAL.has(token)) return "special";
  return isSecond ? "second" : "";
}

function addTrip(milliseconds) {
  trips = [...trips, milliseconds].slice(-KEPT_TRIPS);
  const sorted = [...trips].sort((one, other) => one - other);
  const slowest = sorted.at(-1);
  const drawn = CHART.height - 2 * CHART.margin;
  const points = trips.map((trip, place) => {
    const x = CHART.width - (trips.length - 1 - place) * (CHART.width / (KEPT_TRIPS - 1));
    const y = CHART.height - CHART.margin - (drawn * trip) / slowest;
    return `${x.toFixed(2)},${y.toFixed(2)}`;
  });
  byId("line").setAttribute("points", points.join(" "));
  const shown = (trip) => `${trip.toFixed(trip < 10 ? 1 : 0)} ms`;
  byId("last-trip").textContent = shown(milliseconds);
  byId("median-trip").textContent = shown(sorted[sorted.length >> 1]);
  byId("slowest-trip").textContent = shown(slowest);
  byId("trip-count").textContent = `last ${trips.length}`;
}

// Following the server.

async function follow() {
  const followed = generation;
  try {
    const status = (await call(modelPath())).model_version_status;
    const known = JSON.stringify(status);
    if (followed !== generation || known === knownStatus) return;
    showVersions(status);
    const metadata = await call(`${versionPath()}/metadata`);
    if (followed !== generation) return;
    showMetadata(metadata);
    tell("no-versions", "");
    knownStatus = known;
    ask();
  } catch (error) {
    if (followed !== generation) return;
    knownStatus = "";
    tell("no-versions", error.message);
  }
}

function showVersions(status) {
  const rows = status.map(({ version, state, status: { error_code, error_message } }) => {
    const row = element("tr", "");
    const failed = error_code !== "OK";
    const shown = element("td", `state ${failed ? "failed" : state}`, state);
    row.append(element("td", "", version), shown, element("td", "hint", error_message));
    return row;
  });
  byId("versions").replaceChildren(...rows);
  const chosen = byId("version").value;
  const options = status
    .filter(({ version, state }) => state === "AVAILABLE" || version === chosen)
    .map(({ version }) => new Option(version, version, false, version === chosen));
  byId("version").replaceChildren(new Option("newest", ""), ...options);
}

function showMetadata({ model_spec, metadata }) {
  signatures = metadata.signature_def.signature_def;
  byId("pair").hidden = !takesPairs();
  byId("task").textContent = `${task()?.name ?? ""} · version ${model_spec.version}`;
}

function startAnew() {
  generation += 1;
  knownStatus = "";
  signatures = {};
  trips = [];
  byId("line").setAttribute("points", "");
  byId("versions").replaceChildren();
  clear();
  follow();
}

byId("model").addEventListener("change", () => {
  byId("version").value = "";
  startAnew();
});
byId("version").addEventListener("change", startAnew);
byId("token").addEventListener("change", startAnew);
for (const id of ["text", "text-pair"]) {
  byId(id).addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(ask, TYPING_PAUSE_MILLISECONDS);
  });
}
setInterval(() => document.hidden || follow(), POLL_MILLISECONDS);
setInterval(() => byId("repeat").checked && ask(), REPEAT_MILLISECONDS);
follow();
