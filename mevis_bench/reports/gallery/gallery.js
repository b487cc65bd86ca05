// The sample browser. Texts reach the page only through textContent; no data is parsed as HTML.
"use strict";
const $ = (id) => document.getElementById(id);
const samples = window.GALLERY.samples;
const state = { shown: [], selected: -1, frame: 0, playing: true, video: null };
const videos = new Map();
const percent = (value) => (value === null ? "-" : (100 * value).toFixed(1));

// ---- light and dark
function dark(on) { document.documentElement.classList.toggle("dark", on); if (state.video) draw(); }
dark(matchMedia("(prefers-color-scheme: dark)").matches);
$("theme").onclick = () => dark(!document.documentElement.classList.contains("dark"));
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

// ---- list, filters, order
const orders = {
  "worst first": (a, b) => a.score - b.score,
  "best first": (a, b) => b.score - a.score,
  "error type": (a, b) => b.cost - a.cost || a.error.localeCompare(b.error),
  "video": (a, b) => a.index - b.index,
};
if (samples.some((sample) => sample.change !== null)) orders["largest loss from the reference run"] = (a, b) => a.change - b.change;
function fill(menu, names) {
  for (const name of names) { const option = document.createElement("option"); option.textContent = name; menu.append(option); }
}
const tally = (names) => { const count = new Map(); for (const name of names) count.set(name, (count.get(name) || 0) + 1); return count; };
const errors = tally(samples.map((sample) => sample.error));
const slices = tally(samples.flatMap((sample) => sample.groups));
fill($("error"), ["all error types", ...[...errors].sort((a, b) => b[1] - a[1]).map(([name, count]) => `${name} (${count})`)]);
fill($("slice"), ["all slices", ...[...slices].sort().map(([name, count]) => `${name} (${count})`)]);
fill($("order"), Object.keys(orders));
const bare = (text) => text.replace(/ \(\d+\)$/, "");

function refresh() {
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const error = $("error").selectedIndex ? bare($("error").value) : null;
  const slice = $("slice").selectedIndex ? bare($("slice").value) : null;
  state.shown = samples.filter((sample) => (!error || sample.error === error) && (!slice || sample.groups.includes(slice))
    && words.every((word) => (sample.text + " " + sample.sample).toLowerCase().includes(word)));
  state.shown.sort((a, b) => orders[$("order").value](a, b) || a.index - b.index);
  $("list").replaceChildren(...state.shown.map(card));
  $("count").textContent = `${state.shown.length} of ${samples.length}`;
  if (state.shown.length) select(0, false); else { $("shown").hidden = true; $("hint").hidden = false; }
}
function piece(tag, text, name) { const node = document.createElement(tag); node.textContent = text; if (name) node.className = name; return node; }
function card(sample, position) {
  const node = document.createElement("li");
  const change = sample.change === null ? "" : `  ${sample.change >= 0 ? "+" : ""}${percent(sample.change)}`;
  node.append(piece("span", sample.text), piece("span", percent(sample.score), "score"),
    piece("span", `${sample.sample} · ${sample.error}${sample.detail ? " " + sample.detail : ""}`, "about"), piece("span", change, "about"));
  node.onclick = () => select(position, false);
  return node;
}

// ---- one sample
function select(position, scroll = true) {
  state.selected = Math.max(0, Math.min(position, state.shown.length - 1));
  const sample = state.shown[state.selected];
  document.querySelectorAll("#list li").forEach((node, index) => node.classList.toggle("selected", index === state.selected));
  if (scroll) document.querySelector("#list li.selected").scrollIntoView({ block: "nearest" });
  $("hint").hidden = true; $("shown").hidden = false;
  $("sentence").textContent = sample.text;
  const tags = [`J&F ${percent(sample.score)}`, ...Object.entries(sample.values).map(([name, value]) => `${name} ${percent(value)}`),
    sample.error + (sample.detail ? " " + sample.detail : ""), ...sample.groups];
  $("facts").replaceChildren(...tags.map((text) => piece("span", text, "tag")));
  $("speech").hidden = !sample.audio;
  if (sample.audio) $("speech").src = sample.audio; else $("speech").removeAttribute("src");
  load(sample.video, (video) => { if (state.shown[state.selected] === sample) { state.video = video; state.frame = 0; draw(); } });
}
const waiting = new Map();
window.VIDEO = (number, video) => {
  const loaded = video.frames.map((source) => new Promise((done) => { const image = new Image(); image.onload = () => done(image); image.src = source; }));
  Promise.all(loaded).then((images) => {
    video.images = images; videos.set(number, video);
    for (const then of waiting.get(number)) then(video);
    waiting.delete(number);
  });
};
function load(number, then) {
  if (videos.has(number)) return then(videos.get(number));
  if (waiting.has(number)) return waiting.get(number).push(then);
  waiting.set(number, [then]);
  const script = document.createElement("script");
  script.src = `data/video_${number}.js`;
  document.body.append(script);
}

// ---- masks: compressed COCO counts, column-major, background first
function decode(counts, height, width) {
  const mask = new Uint8Array(height * width);
  if (counts === null) return mask;
  const runs = [];
  for (let at = 0; at < counts.length;) {
    let value = 0, shift = 0, more = true;
    while (more) {
      const code = counts.charCodeAt(at++) - 48; value |= (code & 31) << shift; shift += 5; more = (code & 32) !== 0;
      if (!more && (code & 16)) value |= -1 << shift;
    }
    if (runs.length > 2) value += runs[runs.length - 2];
    runs.push(value);
  }
  let pixel = 0, on = 0;
  for (const run of runs) { if (on) for (let i = pixel; i < pixel + run; i++) mask[(i % height) * width + Math.floor(i / height)] = 1; pixel += run; on = 1 - on; }
  return mask;
}
const rgb = (name) => { const hex = color(name).slice(1); return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)); };
function paint(canvas, image, shade, dimmed) {
  const { height, width } = state.video; canvas.width = width; canvas.height = height;
  const context = canvas.getContext("2d"); context.drawImage(image, 0, 0, width, height);
  const pixels = context.getImageData(0, 0, width, height);
  for (let i = 0; i < height * width; i++) {
    const tint = shade(i), at = 4 * i;
    for (let c = 0; c < 3; c++) pixels.data[at + c] = tint ? 0.35 * pixels.data[at + c] + 0.65 * tint[c] : dimmed * pixels.data[at + c] + (1 - dimmed) * 128;
  }
  context.putImageData(pixels, 0, 0);
}
function draw() {
  const sample = state.shown[state.selected], video = state.video, { height, width } = video, t = state.frame;
  const masks = video.masks[sample.sample], groundTruth = decode(masks.groundTruth[t], height, width), prediction = decode(masks.prediction[t], height, width);
  const hit = rgb("hit"), miss = rgb("miss"), wrong = rgb("false"), accent = rgb("accent"), image = video.images[t];
  paint($("ground-truth"), image, (i) => groundTruth[i] && hit, 1); paint($("prediction"), image, (i) => prediction[i] && accent, 1);
  paint($("difference"), image, (i) => (groundTruth[i] ? (prediction[i] ? hit : miss) : prediction[i] && wrong), 0.5);
  $("frame").textContent = `${t + 1} / ${video.images.length}`; $("play").textContent = state.playing ? "pause" : "play"; strip(sample, t);
}
function strip(sample, t) {
  const canvas = $("strip"), width = (canvas.width = canvas.clientWidth), height = canvas.height, context = canvas.getContext("2d"), step = width / sample.strip.length;
  sample.strip.forEach((value, index) => {
    context.fillStyle = color(value >= 0.5 ? "hit" : "false"); context.globalAlpha = index === t ? 1 : 0.45;
    const bar = Math.max(2, value * (height - 4)); context.fillRect(index * step + 1, height - bar, Math.max(1, step - 2), bar);
  });
}
const step = (by) => { if (!state.video) return; const n = state.video.images.length; state.frame = (state.frame + by + n) % n; draw(); };
setInterval(() => { if (state.playing && !document.hidden) step(1); }, 160);
const pause = (on) => { state.playing = !on; if (state.video) draw(); };
$("play").onclick = () => pause(state.playing);
$("strip").onclick = (event) => { pause(true); state.frame = Math.min(state.video.images.length - 1, Math.floor(event.offsetX / $("strip").clientWidth * state.video.images.length)); draw(); };

// ---- keys
document.onkeydown = (event) => {
  if (event.target.matches("input, select")) { if (event.key === "Escape") event.target.blur(); return; }
  const keys = { j: () => select(state.selected + 1), k: () => select(state.selected - 1), " ": () => pause(state.playing), ArrowRight: () => { pause(true); step(1); },
    ArrowLeft: () => { pause(true); step(-1); }, "/": () => $("search").focus(), t: () => $("theme").click() };
  if (keys[event.key] && !event.ctrlKey && !event.metaKey) { event.preventDefault(); keys[event.key](); }
};
for (const id of ["error", "slice", "order"]) $(id).onchange = refresh;
$("search").oninput = refresh;
refresh();
