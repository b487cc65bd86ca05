// One plot over time: the runs of a task in one slice, or the slices of one run. Plotly gets numbers; texts are escaped.
"use strict";
const $ = (id) => document.getElementById(id);
const { runs, all, bySlice, marked } = window.HISTORY;
const COLORS = ["#3d6ff0", "#d65a24", "#009e73", "#9650c8", "#b58900", "#0096aa", "#d6336c", "#667085"];
const DASHES = ["solid", "dash", "dot", "dashdot"];
const unique = (names) => [...new Set(names)];
const escaped = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
const groupOf = (run) => (bySlice ? `${run.group}: ${run.label}` : run.group);
const chosen = () => runs.filter((run) => groupOf(run) === $("group").value);

function fill(menu, names, kept) {
  menu.replaceChildren(...names.map((name) => { const option = document.createElement("option"); option.value = option.textContent = name; return option; }));
  if (names.includes(kept)) menu.value = kept;
}
function menus(wanted) {
  fill($("group"), unique(runs.map(groupOf)), wanted[0]);
  fill($("metric"), unique(chosen().flatMap((run) => Object.keys(run.points))), wanted[1]);
  if (!bySlice) fill($("slice"), unique([all, ...chosen().flatMap((run) => Object.keys(run.points[$("metric").value] || {}))]), wanted[2] || all);
}
function series() {
  const metric = $("metric").value;
  if (bySlice) return chosen().flatMap((run) => Object.keys(run.points[metric] || {}).map((slice) => [slice === all ? "all samples" : slice, run, run.points[metric][slice], slice === all]));
  return chosen().map((run) => [run.label, run, (run.points[metric] || {})[$("slice").value] || [], true]);
}
function trace([name, run, points, bold], index, scale) {
  const color = COLORS[index % COLORS.length], steps = points.map(([, value], at) => at > 0 && Math.abs(value - points[at - 1][1]) >= marked);
  return {
    name: escaped(name), mode: "lines+markers", type: "scatter", visible: bold || index < 6 ? true : "legendonly",
    x: points.map(([at]) => run.times[at]), y: points.map(([, value]) => scale * value),
    line: { color, width: bold ? 2.5 : 1.25, dash: DASHES[Math.floor(index / COLORS.length) % DASHES.length] },
    marker: { color, size: steps.map((step) => (step ? 11 : 6)), symbol: steps.map((step) => (step ? "diamond" : "circle")) },
    error_y: { type: "data", symmetric: false, visible: bold && points.some((point) => point[2] !== null), thickness: 1, width: 3, color,
      array: points.map(([, value, , high]) => (high === null ? 0 : scale * (high - value))), arrayminus: points.map(([, value, low]) => (low === null ? 0 : scale * (value - low))) },
    text: points.map(([at, , low, high]) => `commit ${escaped(run.commits[at])}${low === null ? "" : `<br>95 % interval ${(scale * low).toFixed(1)} to ${(scale * high).toFixed(1)}`}`),
    hovertemplate: "%{y:.1f}<br>%{text}<extra>%{fullData.name}</extra>",
  };
}
function draw() {
  const scale = chosen().some((run) => run.raw.includes($("metric").value)) ? 1 : 100;
  const style = getComputedStyle(document.body), line = getComputedStyle(document.querySelector(".bar")).borderBottomColor;
  const axis = { gridcolor: line, linecolor: line, zeroline: false, automargin: true };
  const layout = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: style.color, family: style.fontFamily, size: 13 },
    margin: { l: 44, r: 12, t: 32, b: 40 }, modebar: { bgcolor: "rgba(0,0,0,0)", color: "#868d9a", activecolor: style.color }, hovermode: "closest", legend: { orientation: "h", y: -0.16 }, hoverlabel: { align: "left" },
    xaxis: { ...axis, type: "date" }, yaxis: { ...axis, title: { text: escaped($("metric").value) + (scale === 100 ? ", percent" : "") } },
  };
  Plotly.react($("chart"), series().map((each, index) => trace(each, index, scale)), layout,
    { responsive: true, displaylogo: false, modeBarButtons: [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]] });
}
// ---- address: #task/metric/slice
const parts = () => { try { return location.hash.slice(1).split("/").map(decodeURIComponent); } catch { return []; } };
function choose() {
  const values = [$("group").value, $("metric").value, ...(bySlice ? [] : [$("slice").value])];
  menus(values); draw();
  history.replaceState(null, "", "#" + values.map(encodeURIComponent).join("/"));
}
for (const id of ["group", "metric", "slice"]) if ($(id)) $(id).addEventListener("change", choose);
addEventListener("hashchange", () => { menus(parts()); draw(); });
document.addEventListener("themechange", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
menus(parts());
draw();
