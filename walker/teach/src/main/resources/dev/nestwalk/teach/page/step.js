/* The step at hand: what it reads, the bits of its word, the address that it splits. */
const isOver = i => onPaper ? !predicting : ended.has(i) && !(predicting && !revealed.has(i + ":answer"));
const ended = new Set();

function stepView() {
  const w = current(), s = w.steps[now], box = $("step");
  box.replaceChildren(el("p", (now + 1) + ". " + title(s, now) + (s.stage ? " (" + stageName(w, s.stage) + ", level " + s.level + ")" : "")));
  const facts = el("dl", "", {class: "facts"});
  if (s.why) fact(facts, "why", s.why, true);
  if (s.selector && !isHidden(now)) {
    const x = s.selector;
    fact(facts, "index", x.index + " = " + (x.hi === x.lo ? "bit " + x.hi : "bits " + x.hi + ":" + x.lo) + " of " + x.of + " " + x.value);
  }
  if (reads(s)) {
    fact(facts, "read at", (s.space + " " + s.address).trim() + (s.host !== s.address ? ", in memory at " + s.host : ""));
    fact(facts, "word", [...s.words].reverse().map(x => x.slice(2)).join(":"));
    const by = STATES.filter(([state]) => s.skipped_by.includes(state)).map(x => x[1]);
    if (by.length) fact(facts, "skipped if", by.join("; "), true);
  } else if (s.address !== "0x0") fact(facts, "at", (s.space + " " + s.address).trim());
  if (!isHidden(now)) {
    if (s.rights) fact(facts, "rights so far", s.rights);
    if (s.next) fact(facts, "leads to", s.next.what + ", " + s.next.space + " " + s.next.address);
  }
  box.append(facts);
  if (isHidden(now)) box.append(question(s));
  else if (s.rule) box.append(el("p", s.rule + (s.section ? " (" + s.section + ")" : ""), {class: "rule"}));
}

/* In place of what the step decided. */
function question(s) {
  const form = el("form", "", {class: "guess"}), out = el("p", "", {role: "status"});
  const asks = s.next ? "Which address does it lead to?" : "What does it decide?";
  form.append(el("label", asks, {for: "guess"}));
  if (s.next) {
    form.append(el("input", "", {id: "guess", class: "mono", size: "18", autocomplete: "off"}), el("button", "Check", {type: "submit"}));
    form.onsubmit = e => {
      e.preventDefault();
      const right = same($("guess").value, s.next.address);
      if (right) { reveal(); return; }
      out.textContent = "Not " + $("guess").value + ". Look at the address field of the word, and at the bits of the address below it.";
    };
  } else form.onsubmit = e => e.preventDefault();
  const b = el("button", "Reveal", {type: "button", id: "reveal"});
  b.onclick = reveal;
  form.append(b);
  const box = el("div");
  box.append(form, out);
  return box;
}

function same(typed, address) {
  try { return BigInt("0x" + typed.trim().replace(/^0x/i, "")) === BigInt(address); } catch (e) { return false; }
}

function fieldsView() {
  const s = current().steps[now], box = $("fields");
  box.replaceChildren();
  if (!s.fields.length) { box.append(el("p", "None.")); return; }
  const t = table("", "");
  t.append(row(["bits", "value", "meaning"], "all"));
  s.fields.forEach(f => { const r = row([f.label, f.value, f.meaning]); r.children[0].className = r.children[1].className = "mono"; t.append(r); });
  box.append(t);
}

function bits() {
  const s = current().steps[now], box = $("bits");
  box.replaceChildren();
  if (!reads(s)) { box.append(el("p", s.fields.length ? "This step looks at a register, whose fields are below." : "This step reads no memory.")); return; }
  const width = phone.matches ? 16 : 32;
  s.words.forEach((word, index) => {
    const value = BigInt(word), used = s.fields.filter(f => Math.floor(f.lo / 64) === index);
    if (s.words.length > 2 && value === 0n && !used.length) return;
    const t = table("bits mono", (s.words.length > 1 ? "Word " + index + ", " : "") + word);
    for (let high = 63; high > 0; high -= width) {
      const numbers = el("tr"), names = el("tr"), values = el("tr");
      for (let bit = high; bit > high - width; bit--) {
        numbers.append(el("th", String(bit), {scope: "col"}));
        values.append(bitCell(s, index, bit, (value >> BigInt(bit)) & 1n));
      }
      for (let bit = high; bit > high - width;) {
        const f = used.find(x => x.hi - 64 * index >= bit && x.lo - 64 * index <= bit);
        const low = f ? Math.max(f.lo - 64 * index, high - width + 1) : bit;
        const cell = el("td", "", {colspan: String(bit - low + 1), class: f ? "name field" : "name"});
        if (f) {
          cell.title = f.label + ": " + f.meaning;
          cell.append(el("div", f.name, f.name.length > 2 * (bit - low + 1) ? {class: "tall"} : {}));
        }
        names.append(cell);
        bit = low - 1;
      }
      t.append(numbers, values, names);
    }
    box.append(t);
  });
}

function bitCell(s, index, bit, on) {
  const cell = el("td", flipper ? "" : String(on), on ? {class: "set"} : {});
  if (flipper) {
    const b = el("button", String(on), {type: "button", class: "flip", "aria-label": "Flip bit " + bit + ", now " + on});
    b.onclick = () => flipper(s, index, bit);
    cell.append(b);
  }
  return cell;
}

/* Set where a server takes changes. */
let flipper = null;

/* Each address that a table walk of this step takes apart: the device's own, and in a nested walk the one below. */
function split() {
  const w = current(), s = w.steps[now], box = $("split");
  box.replaceChildren();
  const first = w.steps.find(x => x.stage && x.selector && BigInt(x.selector.value) === BigInt(w.iova));
  const groups = [];
  if (first) groups.push(first.selector);
  if (s.selector && (!first || s.selector.value !== first.selector.value || s.selector.of !== first.selector.of)) groups.push(s.selector);
  if (!groups.length) box.append(el("p", "No table takes the address " + w.iova + " apart."));
  groups.forEach(of => box.append(splitTable(w, s, of)));
}

function splitTable(w, s, of) {
  const value = BigInt(of.value), parts = new Map();
  w.steps.forEach((x, i) => {
    if (x.selector && x.selector.of === of.of && x.selector.value === of.value && !(predicting && i > now)) parts.set(x.selector.hi, {hi: x.selector.hi, lo: x.selector.lo, text: (x.stage ? "level " + x.level : "index")});
  });
  const sorted = [...parts.values()].sort((a, b) => b.hi - a.hi), cells = [];
  const address = !/id|PASID|Stream/i.test(of.of);
  let top = address ? 63 : (sorted[0] || {hi: 31}).hi;
  sorted.forEach(p => { if (p.hi < top) cells.push({hi: top, lo: p.hi + 1, text: top === 63 ? "above" : "later"}); cells.push(p); top = p.lo - 1; });
  if (top >= 0) cells.push({hi: top, lo: 0, text: !address || top > 48 ? "later" : "offset"});
  const t = table("split mono", of.of + " " + of.value), rows = [];
  cells.forEach(p => {
    const width = p.hi - p.lo + 1, v = (value >> BigInt(p.lo)) & ((1n << BigInt(width)) - 1n);
    const here = s.selector && s.selector.of === of.of && s.selector.value === of.value && s.selector.hi === p.hi ? {class: "here"} : {};
    rows.push([el("th", p.text, {scope: phone.matches ? "row" : "col", ...here}), el("td", p.hi + ":" + p.lo), el("td", binary(v, width)), el("td", hex(v))]);
  });
  /* One column per part; on a phone one row. */
  if (phone.matches) rows.forEach(cells => { const r = el("tr"); r.append(...cells); t.append(r); });
  else rows[0].forEach((c, i) => { const r = el("tr"); r.append(...rows.map(cells => cells[i])); t.append(r); });
  return t;
}

function binary(v, width) {
  if (width <= 12) return v.toString(2).padStart(width, "0");
  return v === 0n ? "all 0" : v === (1n << BigInt(width)) - 1n ? "all 1" : "…";
}

function short(a) {
  return a.outcome === "ok" ? "ok " + a.output + " " + a.perm : "fault " + a.fault + " " + a.mnemonic;
}

function answer() {
  const w = current(), a = w.answer, box = $("answer");
  box.replaceChildren();
  if (!onPaper && now === w.steps.length - 1) ended.add(walk);
  if (onPaper && predicting) { box.append(blank()); return; }
  if (now < w.steps.length - 1) { box.append(el("p", "Step to the end to see it, or predict it first.")); return; }
  if (!onPaper && predicting && !revealed.has(walk + ":answer")) {
    const b = el("button", "Reveal the answer", {type: "button", id: "reveal-answer"});
    b.onclick = () => { revealed.add(walk + ":answer"); draw(); };
    box.append(el("p", "An output address, or a fault: which? "), b);
    return;
  }
  if (a.outcome === "ok") box.append(el("p", a.output + ", " + a.perm + ", holds for " + a.size + " bytes around it", {class: "answer mono"}));
  else {
    box.append(el("p", "fault " + a.fault + " " + a.mnemonic, {class: "answer"}));
    box.append(el("p", a.words + (a.section ? " (" + a.section + ")" : ""), {class: "rule bad"}));
    if (a.record) {
      box.append(el("p", "Record: " + a.record, {class: "mono record"}));
      const t = table("", "The record's fields");
      t.append(row(["bits", "value", "meaning"], "all"));
      a.record_fields.forEach(f => t.append(row([f.label, f.value, f.meaning])));
      box.append(t);
    }
  }
  if (w.reserved) box.append(reservedView(w.reserved));
}

function reservedView(r) {
  const t = table("mono", "Reserved, by " + r.from + " under " + r.policy);
  t.append(row(["where", "first", "last", "kind"], "all"));
  [["bus", r.input], ["between the stages", r.intermediate]].forEach(([where, list]) =>
    list.forEach(x => t.append(row([where, x.first, x.last, x.kind]))));
  if (!r.input.length && !r.intermediate.length) t.append(row(["nothing", "", "", ""]));
  return t;
}
