// The sample browser. Texts reach the page only through textContent; no data is parsed as HTML.
"use strict";
const $ = (id) => document.getElementById(id);
const { samples, score: scoreName, label, other } = window.GALLERY;
const byId = new Map(samples.map((sample) => [sample.sample, sample]));
const state = { shown: [], selected: null, frame: 0, playing: !matchMedia("(prefers-reduced-motion: reduce)").matches, video: null, panes: [] };
const percent = (value) => (value === null ? "-" : (100 * value).toFixed(1));
const signed = (value) => (value >= 0 ? "+" : "−") + percent(Math.abs(value));
const make = (tag, text, name) => { const node = document.createElement(tag); if (text) node.textContent = text; if (name) node.className = name; return node; };

// ---- filters and order
const orders = {
  "worst first": (a, b) => a.score - b.score,
  "best first": (a, b) => b.score - a.score,
  "by error type": (a, b) => a.error.localeCompare(b.error) || a.score - b.score,
  "by video": () => 0,
};
if (other) Object.assign(orders, { "largest loss from the other run": (a, b) => a.change - b.change, "largest gain over the other run": (a, b) => b.change - a.change });
const tally = (names) => { const count = new Map(); for (const name of names) count.set(name, (count.get(name) || 0) + 1); return [...count]; };
function fill(menu, entries) {
  for (const [value, text] of entries) { const option = make("option", text); option.value = value; menu.append(option); }
}
const counted = ([name, count]) => [name, `${name} (${count})`];
fill($("error"), [["", "All error types"], ...tally(samples.map((sample) => sample.error)).sort((a, b) => b[1] - a[1]).map(counted)]);
fill($("slice"), [["", "All slices"], ...tally(samples.flatMap((sample) => sample.groups)).sort().map(counted)]);
fill($("order"), Object.keys(orders).map((name) => [name, name[0].toUpperCase() + name.slice(1)]));

function filter() {
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean), error = $("error").value, slice = $("slice").value;
  state.shown = samples.filter((sample) => (!error || sample.error === error) && (!slice || sample.groups.includes(slice))
    && words.every((word) => `${sample.text} ${sample.sample} ${sample.caption ? sample.caption.text : ""}`.toLowerCase().includes(word)));
  state.shown.sort((a, b) => orders[$("order").value](a, b) || a.index - b.index);
  $("list").replaceChildren();
  $("list").scrollTop = 0;
  more(0);
  if (!state.shown.length) $("list").append(make("li", "No sample matches.", "quiet none"));
  $("count").textContent = `${state.shown.length} of ${samples.length}`;
  mark();
}
const PAGE = 60;
function more(until) {  // rows are made when they come into view
  const list = $("list"), end = Math.min(state.shown.length, Math.max(list.children.length, until) + PAGE);
  const rows = document.createDocumentFragment();
  for (let index = list.children.length; index < end; index++) rows.append(row(state.shown[index]));
  list.append(rows);
}
$("list").addEventListener("scroll", () => { const list = $("list"); if (list.scrollTop + 2 * list.clientHeight > list.scrollHeight && list.children.length < state.shown.length) more(0); });
const address = (sample) => "#" + sample.sample.split("/").map(encodeURIComponent).join("/");
function row(sample) {
  const item = make("li"), link = make("a");
  link.href = address(sample);
  link.append(make("span", sample.text, "sentence"), make("span", percent(sample.score), "score"),
    make("span", `${sample.sample} · ${sample.error}${sample.detail ? " " + sample.detail : ""}`, "about"));
  if (sample.change !== null) link.append(make("span", signed(sample.change), "about change"));
  item.append(link);
  return item;
}
function mark() {
  const index = state.shown.indexOf(state.selected);
  if (index >= $("list").children.length) more(index);
  for (const link of $("list").querySelectorAll("a[aria-current]")) link.removeAttribute("aria-current");
  const item = index < 0 ? null : $("list").children[index].firstChild;
  if (item) item.setAttribute("aria-current", "true");
  return item;
}

// ---- one sample
function open(sample) {
  state.selected = sample;
  const item = mark();
  if (item) {
    const frame = $("list").getBoundingClientRect(), place = item.getBoundingClientRect();
    if (place.top < frame.top || place.bottom > frame.bottom) $("list").scrollTop += place.top - frame.top - frame.height / 3;
  }
  $("shown").hidden = false;
  $("sentence").textContent = sample.text;
  const facts = [[scoreName, percent(sample.score)], ...sample.values.map(([name, value]) => [name, percent(value)])];
  if (sample.change !== null) facts.push([`change from ${other}`, signed(sample.change)]);
  facts.push(["error", sample.error + (sample.detail ? ` ${sample.detail}` : "")]);
  $("facts").replaceChildren(...facts.map(([name, value]) => { const pair = make("div", "", name === "error" ? "error" : ""); pair.append(make("dt", name), make("dd", value)); return pair; }));
  $("groups").textContent = [sample.sample, ...sample.groups].join(" · ");
  $("speech").hidden = !sample.audio;
  if (sample.audio) $("speech").src = sample.audio; else $("speech").removeAttribute("src");
  sentences(sample.caption);
  load(sample.video, (video) => { if (state.selected === sample) { state.video = video; state.frame = 0; arrange(sample); draw(); } });
}
function sentences(caption) {
  $("sentences").hidden = !caption;
  if (!caption) return;
  const nodes = [make("dt", label), make("dd", caption.text || "(empty)", "own")];
  if (other) nodes.push(make("dt", other), make("dd", caption.other || "(empty)", "own"));
  nodes.push(make("dt", caption.references.length > 1 ? `${caption.references.length} references` : "Reference"), ...caption.references.map((text) => make("dd", text)));
  $("sentences").replaceChildren(...nodes);
}
const videos = new Map(), waiting = new Map();
window.VIDEO = (number, video) => {
  Promise.all(video.frames.map((source) => new Promise((done) => { const image = new Image(); image.onload = () => done(image); image.src = source; }))).then((images) => {
    video.images = images; videos.set(number, video);
    for (const then of waiting.get(number)) then(video);
    waiting.delete(number);
  });
};
function load(number, then) {
  if (videos.has(number)) return then(videos.get(number));
  if (waiting.has(number)) return waiting.get(number).push(then);
  waiting.set(number, [then]);
  const script = make("script");
  script.src = `data/video_${number}.js`;
  document.body.append(script);
}

// ---- panes
const HIT = [0, 158, 115], MISS = [230, 159, 0], EXTRA = [214, 51, 108], BLUE = [61, 111, 240], PURPLE = [150, 80, 200];
const IDENTITIES = [BLUE, [214, 90, 36], [0, 150, 170], PURPLE, [200, 160, 0], [26, 157, 92]];
function arrange(sample) {
  const layers = state.video.samples[sample.sample], legend = make("figcaption", "difference");
  for (const [name, text] of [["hit", "correct"], ["miss", "missed"], ["extra", "extra"]]) legend.append(make("span", "", `key ${name}`), text);
  const found = Object.entries(layers.found || {}).map(([reader, layer]) => [`found by ${reader}`, layer, BLUE]);
  state.panes = sample.caption ? [["described object", layers.truth, HIT], ...found] : [["ground truth", layers.truth, HIT], [label, layers.prediction, BLUE]];
  if (layers.other) state.panes.push([other, layers.other, PURPLE]);
  if (!sample.caption) state.panes.push(["difference", null, null]);
  $("panes").className = `panes ${{ 1: "one", 4: "four" }[state.panes.length] || ""}`;
  $("panes").replaceChildren(...state.panes.map((pane) => {
    const figure = make("figure"), canvas = make("canvas");
    canvas.setAttribute("role", "img"); pane.push(canvas);
    figure.append(canvas, pane[1] ? make("figcaption", pane[0]) : legend);
    return figure;
  }));
  $("seek").max = state.video.images.length - 1;
  $("strip").hidden = !sample.strip;
}
// Compressed COCO counts: column-major, background first.
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
function tint(context, shade, kept) {
  const { height, width } = state.video, pixels = context.getImageData(0, 0, width, height);
  for (let i = 0; i < height * width; i++) {
    const color = shade(i), at = 4 * i;
    for (let c = 0; c < 3; c++) pixels.data[at + c] = color ? 0.35 * pixels.data[at + c] + 0.65 * color[c] : kept * pixels.data[at + c] + (1 - kept) * 128;
  }
  context.putImageData(pixels, 0, 0);
}
function box(context, [identity, x0, y0, x1, y1], color) {
  context.strokeStyle = `rgb(${color})`; context.lineWidth = 2; context.strokeRect(x0, y0, x1 - x0, y1 - y0);
  if (identity === null) return;
  context.font = "600 12px system-ui, sans-serif";
  const width = context.measureText(identity).width + 6, top = y0 >= 16 ? y0 - 15 : y0;
  context.fillStyle = `rgb(${color})`; context.fillRect(x0 - 1, top, width, 15);
  context.fillStyle = "#fff"; context.fillText(identity, x0 + 2, top + 12);
}
function iou(a, b) {
  const side = (low, high) => Math.max(0, Math.min(a[high], b[high]) - Math.max(a[low], b[low])), common = side(1, 3) * side(2, 4);
  const area = (c) => (c[3] - c[1]) * (c[4] - c[2]), union = area(a) + area(b) - common;
  return union ? common / union : 0;
}
function draw() {
  const { images, height, width, samples: layers } = state.video, t = state.frame, own = layers[state.selected.sample];
  for (const [name, layer, color, canvas] of state.panes) {
    canvas.width = width; canvas.height = height;
    canvas.setAttribute("aria-label", `${name}, frame ${t + 1} of ${images.length}`);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(images[t], 0, 0, width, height);
    if (layer && layer.masks) { const mask = decode(layer.masks[t], height, width); tint(context, (i) => mask[i] && color, 1); }
    else if (layer) for (const each of layer.boxes[t]) box(context, each, IDENTITIES[each[0] % IDENTITIES.length]);
    else if (own.truth.masks) {
      const truth = decode(own.truth.masks[t], height, width), prediction = decode(own.prediction.masks[t], height, width);
      tint(context, (i) => (truth[i] ? (prediction[i] ? HIT : MISS) : prediction[i] && EXTRA), 0.5);
    } else {
      tint(context, () => null, 0.5);
      const truth = own.truth.boxes[t], left = [...own.prediction.boxes[t]];
      for (const each of truth) {
        const best = left.findIndex((one) => iou(each, one) >= 0.5);
        if (best >= 0) left.splice(best, 1);
        box(context, [null, ...each.slice(1)], best >= 0 ? HIT : MISS);
      }
      for (const each of left) box(context, [null, ...each.slice(1)], EXTRA);
    }
  }
  $("frame").textContent = `${t + 1} / ${images.length}`;
  $("seek").value = t;
  $("seek").setAttribute("aria-valuetext", `${t + 1} of ${images.length}`);
  $("play").textContent = state.playing ? "Pause" : "Play";
  if (state.selected.strip) strip(state.selected.strip, t);
}
function strip(values, t) {
  const canvas = $("strip"), width = (canvas.width = canvas.clientWidth), height = canvas.height, context = canvas.getContext("2d"), step = width / values.length;
  values.forEach((value, index) => {
    context.fillStyle = `rgb(${value >= 0.5 ? HIT : EXTRA})`; context.globalAlpha = index === t ? 1 : 0.5;
    const bar = Math.max(2, value * (height - 2)); context.fillRect(index * step + 1, height - bar, Math.max(1, step - 2), bar);
  });
}
const seek = (frame) => { if (state.video) { const n = state.video.images.length; state.frame = (frame + n) % n; draw(); } };
const play = (on) => { state.playing = on; if (state.video) draw(); };
setInterval(() => { if (state.playing && !document.hidden) seek(state.frame + 1); }, 160);
$("play").addEventListener("click", () => play(!state.playing));
$("seek").addEventListener("input", () => { play(false); seek(Number($("seek").value)); });
$("strip").addEventListener("click", (event) => { play(false); seek(Math.min(state.video.images.length - 1, Math.floor(event.offsetX / $("strip").clientWidth * state.video.images.length))); });

// ---- address: #video/expression
function follow(fallback) {
  let id = "";
  try { id = decodeURIComponent(location.hash.slice(1)); } catch { /* not an address of a sample */ }
  const sample = byId.get(id) || fallback;
  if (!sample) return;
  if (!state.shown.includes(sample)) { $("search").value = ""; $("error").value = ""; $("slice").value = ""; filter(); }
  open(sample);
}
addEventListener("hashchange", () => follow(null));
function step(by) {
  const index = Math.max(0, Math.min(state.shown.indexOf(state.selected) + by, state.shown.length - 1));
  if (!state.shown.length) return;
  const inList = $("list").contains(document.activeElement);
  location.replace(address(state.shown[index]));
  open(state.shown[index]);
  if (inList) mark().focus();
}

// ---- keys
const keys = { ArrowDown: () => step(1), ArrowUp: () => step(-1), j: () => step(1), k: () => step(-1), " ": () => play(!state.playing),
  ArrowRight: () => { play(false); seek(state.frame + 1); }, ArrowLeft: () => { play(false); seek(state.frame - 1); }, "/": () => $("search").focus() };
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    if (event.target === $("search")) { $("search").value = ""; filter(); }
    const item = mark();
    if (item) item.focus();
    event.preventDefault();
  } else if (!event.target.matches("input, select, audio") && !(event.key === " " && event.target.matches("button")) && keys[event.key]) {
    event.preventDefault(); keys[event.key]();
  }
});
$("list").addEventListener("click", (event) => { if (event.target.closest("a") && matchMedia("(max-width: 900px)").matches) setTimeout(() => $("viewer").scrollIntoView({ block: "start" })); });
for (const id of ["error", "slice", "order"]) $(id).addEventListener("change", filter);
$("search").addEventListener("input", filter);
filter();
follow(state.shown[0]);
