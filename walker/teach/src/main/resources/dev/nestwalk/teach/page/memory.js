/* The pages that the walk reads, drawn where they lie: a rail to scale, below it each page enlarged. */
function pagesOf(w) {
  const pages = new Map();
  const page = address => {
    const p = BigInt(address) & ~0xfffn;
    if (!pages.has(p)) pages.set(p, {at: p, steps: [], stage: 0, output: false});
    return pages.get(p);
  };
  w.steps.forEach((s, i) => {
    if (reads(s) && !(predicting && i > now)) { const p = page(s.host); p.steps.push(i); p.stage = s.stage; }
  });
  if (w.answer.outcome === "ok" && isOver(walk)) page(w.answer.output).output = true;
  return [...pages.values()].sort((a, b) => a.at < b.at ? -1 : 1);
}

function memory() {
  const w = current(), pages = pagesOf(w), box = $("memory");
  box.replaceChildren();
  if (!pages.length) { box.append(el("p", "The walk reads no memory.")); return; }
  box.append(drawing(w, pages));
  const list = el("details"), t = table("", "Pages that the walk reads, by physical address");
  t.append(row(["page", "holds", "read by steps"], "all"));
  pages.forEach(p => {
    const d = el("div", "", {class: "strip"});
    p.steps.forEach(i => d.append(stepButton(i, String(i + 1))));
    const r = row([hex(p.at), p.output ? "the output" : p.stage ? stageOf(w, p.stage) + " table" : "configuration", d]);
    r.children[0].className = "mono";
    t.append(r);
  });
  list.open = listed;
  list.ontoggle = () => { listed = list.open; };
  list.append(el("summary", "as a list"), t);
  box.append(list);
}
let listed = false;

function drawing(w, pages) {
  const room = onPaper ? 900 : ($("memory").clientWidth || 1240) - 8, widest = 8 * hex(pages.at(-1).at).length + 12;
  const perRow = Math.max(1, Math.min(pages.length, Math.floor((room - 20) / widest))), rows = Math.ceil(pages.length / perRow);
  const each = Math.max(widest, Math.min(170, Math.floor((room - 20) / perRow))), width = Math.min(room, Math.max(rows > 1 ? room : 320, perRow * each + 20));
  const rail = 26, top = rows > 1 ? 52 : 96, tall = 74, pitch = tall + 78, height = top + rows * pitch;
  const g = svg("svg", {width, height, viewBox: "0 0 " + width + " " + height, role: "img",
    "aria-label": pages.length + " pages between " + hex(pages[0].at) + " and " + hex(pages.at(-1).at)});
  const low = pages[0].at, high = pages.at(-1).at + 0x1000n, span = high - low;
  const across = a => 10 + Number((a - low) * 10000n / span) / 10000 * (width - 20);
  const middle = n => 10 + n % perRow * each + each / 2, topOf = n => top + Math.floor(n / perRow) * pitch;
  g.append(svg("text", {x: 10, y: 14}, hex(low)), svg("text", {x: width - 10, y: 14, "text-anchor": "end"}, hex(high - 1n)));
  g.append(svg("rect", {x: 10, y: 20, width: width - 20, height: rail - 14, class: "rail"}));
  pages.forEach((p, n) => {
    const here = p.steps.includes(now) && !onPaper, x = middle(n) - each / 2 + 6, y = topOf(n), kind = p.output ? " out" : p.stage ? " s" + p.stage : "";
    const at = across(p.at);
    g.append(svg("line", {x1: at, x2: at, y1: 18, y2: rail + 8, class: here ? "hop" : "link"}));
    /* From the rail to the page; with several rows the lines would cross pages. */
    if (rows === 1) g.append(svg("path", {d: "M" + at + " " + (rail + 8) + " C" + at + " " + (top - 20) + " " + middle(n) + " " + (rail + 20) + " " + middle(n) + " " + top, class: here ? "hop" : "link"}));
    g.append(svg("rect", {x, y, width: each - 12, height: tall, class: "page" + kind + (here ? " here" : "")}));
    p.steps.forEach(i => {
      const offset = Number(BigInt(w.steps[i].host) & 0xfffn);
      g.append(svg("rect", {x, y: y + offset / 4096 * (tall - 3), width: each - 12, height: i === now && !onPaper ? 4 : 2, class: "entry" + (i === now && !onPaper ? "" : " off")}));
    });
    g.append(svg("text", {x: middle(n), y: y + tall + 16, "text-anchor": "middle"}, hex(p.at)));
    g.append(svg("text", {x: middle(n), y: y + tall + 32, "text-anchor": "middle"}, p.output ? "output" : p.stage ? "stage " + p.stage : "config"));
  });
  const where = i => pages.findIndex(p => p.steps.includes(i));
  const from = where(now), following = w.steps.findIndex((s, i) => i > now && reads(s));
  if (from >= 0 && following >= 0 && !isHidden(now) && !onPaper) {
    const to = where(following);
    if (to < 0) return g;
    const under = n => topOf(n) + tall + 38, a = middle(from), b = middle(to), y = under(to);
    g.append(svg("path", {d: "M" + a + " " + under(from) + " C" + a + " " + (under(from) + 30) + " " + b + " " + (y + 30) + " " + b + " " + y, class: "hop"}));
    g.append(svg("path", {d: "M" + (b - 5) + " " + (y + 8) + " L" + b + " " + y + " L" + (b + 5) + " " + (y + 8), class: "hop"}));
  }
  return g;
}
