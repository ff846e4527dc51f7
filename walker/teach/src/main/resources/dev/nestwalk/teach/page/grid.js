/* The grid of the walk, and all walks side by side. */
function stepButton(i, text) {
  const s = current().steps[i], skipped = skips(s, cached);
  const b = el("button", text, {type: "button", title: title(s, i)});
  b.setAttribute("aria-label", "Step " + (i + 1) + ": " + title(s, i) + (skipped ? ", skipped" : ""));
  if (i < now && !skipped) b.className = "done";
  if (skipped) b.className = "skipped";
  if (i === now) b.setAttribute("aria-current", "step");
  b.onclick = () => go(i);
  return b;
}

function label(i) {
  const s = current().steps[i];
  return (i + 1) + (s.selector && (onPaper || i <= now) && !isHidden(i) ? " [" + s.selector.index + "]" : "");
}

function grid() {
  const w = current(), l = layout(w.steps), box = $("grid");
  box.replaceChildren();
  if (l.before.length) {
    const strip = el("div", "", {class: "strip"});
    strip.append("Configuration: ");
    l.before.forEach(i => strip.append(stepButton(i, label(i))));
    box.append(strip);
  }
  if (!l.columns.length) { if (!l.before.length) box.append(el("p", "No table is read.")); return; }
  const nested = l.levels.length > 0 && l.columns.some(c => c.own >= 0);
  box.append(el("p", nested
    ? "Across: " + stageOf(w, 1) + " entries, then the output. Down: the " + stageOf(w, 2) + " reads that lead to each. The index is in brackets."
    : "The table entries, one per level. The index is in brackets.", {class: "note"}));
  const t = table("grid", "");
  t.append(row(["reads", ...l.columns.map(c => heading(w, c))], "all"));
  l.levels.forEach(level => t.append(row([stageName(w, 2) + ", level " + level, ...l.columns.map(c => {
    const box = el("span"), at = c.second.filter(i => w.steps[i].level === level);
    at.forEach(i => box.append(stepButton(i, label(i))));
    return box;
  })], "first")));
  if (l.columns.some(c => c.own >= 0)) {
    t.append(row([stageOf(w, 1) + " entry", ...l.columns.map(c => c.own < 0 ? "" : stepButton(c.own, label(c.own)))], "first"));
  }
  box.append(t);
}

/* The grid in small, as a picture: dark squares are read, light ones skipped. */
function picture(w, state) {
  const l = layout(w.steps), size = 13, rows = Math.max(1, l.levels.length + (l.columns.some(c => c.own >= 0) ? 1 : 0));
  const width = (l.before.length + l.columns.length) * size + 8, height = rows * size;
  const all = w.steps.filter(reads), read = all.filter(s => !skips(s, state));
  const g = svg("svg", {width, height, viewBox: "0 0 " + width + " " + height, role: "img", "aria-label": read.length + " of " + all.length + " reads"});
  const square = (i, x, y) => {
    const s = w.steps[i], kind = s.stage ? " s" + s.stage : "";
    g.append(svg("rect", {x: x + 1, y: y + 1, width: size - 2, height: size - 2, class: "page" + kind + (skips(s, state) ? " off" : "")}));
  };
  l.before.forEach((i, n) => square(i, n * size, (rows - 1) * size));
  l.columns.forEach((c, n) => {
    const x = (l.before.length + n) * size + 8;
    c.second.forEach(i => square(i, x, l.levels.indexOf(w.steps[i].level) * size));
    if (c.own >= 0) square(c.own, x, (rows - 1) * size);
  });
  return g;
}

function counts(w, state) {
  const read = w.steps.filter(s => reads(s) && !skips(s, state));
  const of = n => read.filter(s => s.stage === n).length;
  const parts = [[of(0), "configuration"], [of(1), stageName(w, 1)], [of(2), stageName(w, 2)]].filter(p => p[0]);
  return read.length + (parts.length > 1 ? " = " + parts.map(p => p[0] + " " + p[1]).join(" + ") : parts.length ? " " + parts[0][1] : "");
}

function name(w) {
  return w.image + ": " + asked(w.access) + " by " + w.source_id + (w.pasid ? "/" + w.pasid : "") + " at " + w.iova;
}

/* A line to write on. */
const blank = () => el("span", "", {class: "line"});

function compare() {
  const t = table("", "Table entries and structures that the walk reads, in each state of the caches. Coloured squares are read, pale ones skipped.");
  t.append(row(["walk", ...STATES.map(s => s[1]), "answer"], "all"));
  walks.forEach((w, i) => {
    const title = el("span", name(w));
    const cells = STATES.map(([state]) => { const d = el("div"); d.append(picture(w, state), el("div", counts(w, state))); return d; });
    t.append(row([title, ...cells, isOver(i) ? short(w.answer) : onPaper ? blank() : "not yet revealed"], "first"));
  });
  $("compare").replaceChildren(stacking(t));
}
