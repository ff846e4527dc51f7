"use strict";
/* The walks to show and where we are in them; helpers that make elements. */
const walks = JSON.parse(document.getElementById("data").textContent);
const STATES = [["cold", "cold: nothing cached"], ["tables", "partial walks cached"], ["pages", "second-stage pages too"], ["iotlb", "IOTLB has it"]];
let walk = 0, now = 0, timer = 0, cached = "cold", predicting = false;
const revealed = new Set();
/* Set while the page is laid out for paper. */
let onPaper = false;
const phone = matchMedia("(max-width:40rem)");
const $ = id => document.getElementById(id);

function el(tag, text, attributes) {
  const e = document.createElement(tag);
  if (text !== undefined && text !== "") e.textContent = text;
  for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
  return e;
}

function svg(tag, attributes, text) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
  if (text) e.textContent = text;
  return e;
}

function table(cls, caption) {
  const t = el("table", "", {class: cls});
  if (caption) t.append(el("caption", caption));
  return t;
}

/* A table that a phone shows as one block per row, each cell under its column's name. */
function stacking(t) {
  t.classList.add("stack");
  const names = [...t.rows[0].cells].map(c => c.textContent);
  [...t.rows].slice(1).forEach(r => [...r.cells].forEach((c, i) => { if (names[i]) c.dataset.label = names[i]; }));
  return t;
}

/* A row of cells: texts or elements; the first a header if asked. */
function row(cells, head, cls) {
  const r = el("tr");
  cells.forEach((c, i) => {
    const cell = el(head === "all" || head === "first" && i === 0 ? "th" : "td", typeof c === "string" ? c : "", cls ? {class: cls} : {});
    if (cell.tagName === "TH") cell.setAttribute("scope", head === "all" ? "col" : "row");
    if (typeof c !== "string") cell.append(c);
    r.append(cell);
  });
  return r;
}

function fact(list, name, value, prose) { list.append(el("dt", name), el("dd", value, prose ? {} : {class: "mono"})); }
const current = () => walks[walk];
const reads = s => s.words.length > 0;
const skips = (s, state) => reads(s) && s.skipped_by.includes(state);
const hex = n => "0x" + n.toString(16);
/* Stages as the format calls them. */
const stageName = (w, n) => w.format === "vtd" ? (n === 1 ? "first stage" : "second stage") : "stage " + n;
const stageOf = (w, n) => w.format === "vtd" ? (n === 1 ? "first-stage" : "second-stage") : "stage " + n;
/* The format's own name. */
const formatName = w => w.format === "vtd" ? "VT-d" : "SMMUv3";
/* A requester id, with bus, device and function where the format has them. */
function requester(w) {
  const id = Number(w.source_id);
  return w.source_id + (w.format !== "vtd" ? "" : " (" + [(id >> 8).toString(16).padStart(2, "0"), (id >> 3 & 31).toString(16).padStart(2, "0")].join(":") + "." + (id & 7) + ")");
}
/* What is asked, in words; the letters are those of the trace. */
function asked(letters) {
  const has = l => letters.includes(l), p = has("p") ? "privileged " : "";
  if (has("q")) return p + "translation request" + (has("w") ? "" : ", no write");
  const kind = has("r") && has("w") ? "atomic" : has("x") ? "instruction fetch" : has("z") ? "zero-length read" : has("w") ? "write" : "read";
  return p + (has("t") ? "translated " : "") + kind;
}
/* What a step is about; its index is for the class to find. */
const title = (s, i) => isHidden(i) ? s.title.replace(/, index [0-9]+/, "") : s.title;
const key = i => walk + ":" + i;
const isHidden = i => predicting && (onPaper || !revealed.has(key(i)));

/* Columns: each entry with the second-stage reads that led to it; before them the plain configuration. */
function layout(steps) {
  const before = [], columns = [];
  let pending = [];
  steps.forEach((s, i) => {
    if (!reads(s)) return;
    if (s.stage === 2) { pending.push(i); return; }
    if (s.stage === 0 && !pending.length) before.push(i);
    else columns.push({second: pending, own: i});
    pending = [];
  });
  if (pending.length) columns.push({second: pending, own: -1});
  const levels = [];
  columns.forEach(c => c.second.forEach(i => { if (!levels.includes(steps[i].level)) levels.push(steps[i].level); }));
  const down = steps.some((s, i) => s.stage === 2 && steps[i + 1] && steps[i + 1].stage === 2 && steps[i + 1].level > s.level);
  levels.sort((a, b) => down ? a - b : b - a);
  return {before, columns, levels};
}

function heading(w, c) {
  if (c.own < 0) return "output";
  const s = w.steps[c.own];
  return s.stage === 1 ? "level " + s.level : s.title.replace(/ .*/, "");
}
