// node page.mjs TOOL CHARTS: the page of headcount report in headless Chromium. It is drawn without a console message and
// without asking for anything, in light and in dark, and its numbers are those of the rows, computed here in the most
// naive way. Prints "skipped: ..." where something that it needs is not there.

import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [tool, charts] = process.argv.slice(2);

function skip(why) {
  console.log(`skipped: ${why}`);
  process.exit(0);
}
if (!fs.existsSync(path.join(charts, "page.html"))) skip("the tool was built without headcount report, as npm was not found");
const browser = ["chromium-headless-shell", "chromium", "chromium-browser"].find(
  (name) => spawnSync(name, ["--version"]).status === 0);
if (browser === undefined) skip("Chromium was not found");

// A seeded sweep of a made-up model of 2 layers with 4 heads each: needles, and facts with a score that is no share.
const model = {
  model_type: "recurrent_gemma", vocab_size: 64, hidden_size: 16, intermediate_size: 32, num_hidden_layers: 4,
  num_attention_heads: 4, num_key_value_heads: 1, head_dim: 4, lru_width: 16, attention_window_size: 64,
  conv1d_width: 4, block_types: ["recurrent", "attention"], partial_rotary_factor: 0.5,
};
const kept = { "dense": 4, "none @ generation": 0 };
for (const scorer of ["entropy", "random"])
  for (const k of [1, 2, 3]) kept[`${scorer} | top_k(${k}) @ generation`] = k;
let state = 7;
const chance = () => (state = (state * 48271) % 2147483647) / 2147483647;
const rows = [];
for (const [policy, k] of Object.entries(kept))
  for (let prompt = 0; prompt < 60; ++prompt) {
    const common = { model: "made-up", model_identity: "0f", policy, policy_identity: policy, task_identity: "t",
                     seed: 3, version: "0.1.0" };
    rows.push({ ...common, task: "needle", metric: "success", prompt: `needle/${prompt}`,
                value: chance() < k / 4 ? 1 : 0, length: [128, 256, 512][prompt % 3], realised_depth: (prompt % 20) * 100 / 19 });
    rows.push({ ...common, task: "facts", setting: "shots=2", metric: "score", prompt: `<facts>/${prompt}`,
                value: Math.round(chance() * 10) / 2 });
  }
const ranking = { method: "keep_frequency(entropy | top_k(1) @ generation)", model: "made-up", model_identity: "0f", data: "",
                  seed: 3, version: "0.1.0", scores: [[], [0.5, 0.25, 0, 1], [], [0, 0, 0.75, 0.125]] };

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "headcount-page-"));
process.on("exit", () => fs.rmSync(folder, { recursive: true, force: true }));
const at = (name) => path.join(folder, name);
fs.mkdirSync(at("made-up"));
fs.writeFileSync(at("made-up/config.json"), JSON.stringify(model));
fs.writeFileSync(at("ranking.json"), JSON.stringify(ranking));
const write = (name, list) => fs.writeFileSync(at(name), list.map((row) => JSON.stringify(row) + "\n").join(""));
write("rows.jsonl", rows);
const make = (output, ...more) => execFileSync(tool, ["report", "rows.jsonl", "--model", "made-up", "--ranking", "ranking.json",
  "--output", output, ...more], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
make("page.html", "--figures", "figures");
const page = fs.readFileSync(at("page.html"), "utf8");

// The order of rows does not matter, and the same rows give the same bytes.
write("rows.jsonl", rows.toReversed ? rows.toReversed() : [...rows].reverse());
make("page.html", "--figures", "figures");
assert.ok(page === fs.readFileSync(at("page.html"), "utf8"), "the same rows give another page");

const chromium = spawn(browser, ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe", `--user-data-dir=${at("profile")}`,
  "about:blank"], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
process.on("exit", () => chromium.kill("SIGKILL"));
setTimeout(() => { console.error("Chromium did not answer in two minutes"); process.exit(1); }, 120000).unref();
const answers = new Map();
const said = [];
const asked = [];
let unread = "";
chromium.stdio[4].on("data", (data) => {
  unread += data;
  for (let end; (end = unread.indexOf("\0")) >= 0; unread = unread.slice(end + 1)) {
    const message = JSON.parse(unread.slice(0, end));
    if (message.id) answers.get(message.id)(message);
    if (["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"].includes(message.method))
      said.push(JSON.stringify(message.params));
    if (message.method === "Network.requestWillBeSent") asked.push(message.params.request.url);
  }
});
let session;
async function send(method, params = {}) {
  const id = answers.size + 1;
  const answer = new Promise((resolve) => answers.set(id, resolve));
  chromium.stdio[3].write(JSON.stringify({ id, method, params, sessionId: session }) + "\0");
  const { result, error } = await answer;
  assert.equal(error, undefined, `${method}: ${error?.message}`);
  return result;
}
async function evaluate(expression) {
  const { result, exceptionDetails } = await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
  assert.equal(exceptionDetails, undefined, `${expression}: ${exceptionDetails?.exception?.description}`);
  return result.value;
}

const { targetId } = await send("Target.createTarget", { url: "about:blank" });
session = (await send("Target.attachToTarget", { targetId, flatten: true })).sessionId;
for (const domain of ["Page", "Runtime", "Log", "Network"]) await send(`${domain}.enable`);
const address = pathToFileURL(at("page.html")).href;
await send("Page.navigate", { url: address });
while (!(await evaluate("document.readyState === 'complete' && typeof headcountReport === 'object'")))
  await new Promise((resolve) => setTimeout(resolve, 50));
const figures = await evaluate("headcountReport.ready()");

// Every figure is drawn, says what it shows, and has the data of its specification; tables have as many rows.
const names = ["results-made-up", "needles-made-up-needle-success", "heads-made-up", "cost-made-up", "head-map-made-up",
               "compared-made-up-dense"];
assert.equal(figures, names.length);
const data = {};
for (const name of names) {
  const spec = await evaluate(`JSON.parse(document.getElementById("figures").textContent).find((one) => one.name === "${name}").spec`);
  data[name] = spec.data.values;
  const seen = await evaluate(`(() => {
    const figure = document.getElementById("${name}");
    const svg = figure.querySelector("svg");
    const picture = figure.querySelector(".chart [aria-label]");
    return { label: picture.getAttribute("aria-label"), role: picture.getAttribute("role"), width: svg.getBoundingClientRect().width,
             points: figure.querySelectorAll(".mark-symbol.role-mark path").length,
             cells: figure.querySelectorAll(".mark-rect.role-mark path").length,
             rows: figure.querySelectorAll("tbody tr").length };
  })()`);
  assert.equal(seen.label, spec.description);
  assert.equal(seen.role, "graphics-document");
  assert.ok(seen.width > 200, `${name} is ${seen.width} wide`);
  assert.equal(seen.rows, data[name].length);
  assert.equal(name.includes("map") || name.startsWith("needles") ? seen.cells : seen.points, data[name].length, name);
  const svg = fs.readFileSync(at(`figures/${name}.svg`), "utf8");
  assert.ok(svg.startsWith(`<svg role="img" aria-label="${spec.description.replaceAll('"', "&#34;")}"`), `${name}.svg`);
  assert.ok(!svg.includes("NaN"), `${name}.svg`);
}
assert.equal(fs.readdirSync(at("figures")).length, names.length);

// The numbers.
const near = (a, b, what) => assert.ok(Math.abs(a - b) < 1e-9, `${what}: ${a} on the page, ${b} in the rows`);
const mean = (list) => list.reduce((sum, row) => sum + row.value, 0) / list.length;
const of = (policy, task) => rows.filter((row) => row.policy === policy && row.task === task);
const panels = { "needle: success": "needle", "facts, shots=2: score": "facts" };
const z = 1.959963984540054;
function checkWilson(point, n) {
  const p = point.value;
  const middle = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n);
  near(point.low, Math.max(0, middle - half), "lower end");
  near(point.high, Math.min(1, middle + half), "upper end");
}
assert.equal(data["results-made-up"].length, 2 * Object.keys(kept).length);
for (const point of data["results-made-up"]) {
  near(point.value, mean(of(point.policy, panels[point.panel])), point.policy);
  if (panels[point.panel] === "needle") checkWilson(point, 60);
}
// Two curves, each with three policies of its own and both ends.
assert.equal(data["heads-made-up"].length, 2 * 2 * 5);
for (const point of data["heads-made-up"]) {
  near(point.share, kept[point.policy] / 4, point.policy);
  near(point.value, mean(of(point.policy, panels[point.panel])), point.policy);
}
const depth = (row) => `${Math.min(Math.floor(row.realised_depth / 10), 9) * 10}`;
let counted = 0;
for (const cell of data["needles-made-up-needle-success"]) {
  const inside = of(cell.policy, "needle").filter((row) => row.length === cell.length && `${depth(row)}-${+depth(row) + 10}%` === cell.depth);
  near(cell.value, mean(inside), `${cell.policy} ${cell.length} ${cell.depth}`);
  checkWilson(cell, inside.length);
  counted += inside.length;
}
assert.equal(counted, 60 * Object.keys(kept).length);
for (const one of data["compared-made-up-dense"]) {
  const task = panels[one.panel];
  near(one.difference, mean(of(one.policy, task)) - mean(of("dense", task)), one.policy);
}
for (const point of data["head-map-made-up"]) assert.equal(point.value, ranking.scores[point.layer][point.head]);
const table = await evaluate(`[...document.querySelectorAll("#results-made-up tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent))`);
table.forEach((cells, i) => {
  const point = data["results-made-up"][i];
  assert.deepEqual(cells.slice(0, 2), [point.panel, point.policy]);
  assert.equal(Number(cells[2]), Number(point.value.toPrecision(4)));
});

// Where it comes from is there to be read.
const text = await evaluate("document.getElementById('run').innerText");
for (const part of ["made-up", "0f", "shots=2", "headcount report rows.jsonl --model made-up", "960 in rows.jsonl"])
  assert.ok(text.includes(part), `"${part}" is not among\n${text}`);

// In the dark everything is drawn again.
const light = await evaluate("document.querySelector('#heads-made-up svg').outerHTML");
await send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: "dark" }] });
await evaluate("new Promise((resolve) => requestAnimationFrame(resolve)).then(() => headcountReport.ready())");
assert.notEqual(await evaluate("document.querySelector('#heads-made-up svg').outerHTML"), light);

assert.deepEqual(said, [], "the console is not empty");
assert.deepEqual(asked.filter((url) => url !== address), [], "the page asks for more than itself");
console.log(`${names.length} figures drawn, their numbers those of ${rows.length} rows`);
process.exit(0);
