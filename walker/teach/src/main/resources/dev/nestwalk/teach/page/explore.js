/* With a server behind the page: ask it for walks, and change its copy of the image. */
async function ask(what, body) {
  const reply = await fetch(what, {method: "POST", body: JSON.stringify(body || {})});
  if (!reply.ok) throw new Error((await reply.json()).error);
  return reply.headers.get("Content-Type").startsWith("application/json") ? reply.json() : reply.text();
}

/* What the form says now. */
function wanted() {
  return {source: $("source").value.split(" ")[0], pasid: $("pasid").value.trim(), iova: $("iova").value.trim(), access: $("access").value + ($("privileged").checked ? "p" : ""), policy: $("policy").value};
}

/* Changes the server's copy of the image; counted, since lists of ranges are of one state of it. */
let changed = 0;
function change(what, body) { changed++; return ask(what, body); }

/* What is asked for is done in that order, whatever the server's answers take. */
let done = Promise.resolve();
const tried = async work => { try { await work(); } catch (e) { $("message").textContent = e.message; } };
function attempt(work) { return done = done.then(() => tried(work)); }

async function rewalk(keep) {
  const body = wanted(), reply = await ask("walk", body);
  walks.length = 0;
  walks.push(reply.walk);
  if (reply.original) { reply.original.label = "as in the image"; reply.walk.label = "now"; walks.push(reply.original); }
  walk = 0;
  now = keep ? Math.min(now, walks[0].steps.length - 1) : 0;
  revealed.clear(); ended.clear();
  changes(reply.changes, reply.register_changes);
  diff(reply);
  hits(reply.cached);
  link(body, reply.changes, reply.register_changes);
  walkButtons();
  draw();
  const a = reply.walk.answer;
  $("message").textContent = predicting ? "Walked. Step to the end, or predict." : short(a) + (a.words ? ": " + a.words : "");
  await policies(body);
  if (shown.source !== body.source || shown.pasid !== body.pasid || shown.changed !== changed) tried(() => rangesAnew());
}

function link(body, list, registers) {
  const p = new URLSearchParams({source: body.source, pasid: body.pasid, iova: body.iova, access: body.access, policy: body.policy});
  if (list.length) p.set("set", list.map(c => c.address + ":" + c.after).join(","));
  if (registers.length) p.set("registers", registers.map(c => c.name + ":" + c.after).join(","));
  history.replaceState(null, "", "#" + p);
}

function changes(list, registers) {
  $("changes").replaceChildren();
  $("reset").disabled = !list.length && !registers.length;
  if (!list.length && !registers.length) { $("changes").append(el("p", "Nothing differs from the image.")); return; }
  const counted = (n, what) => n ? [n + " changed " + what + (n > 1 ? "s" : "")] : [];
  const t = table("mono", [...counted(registers.length, "register"), ...counted(list.length, "word")].join(", "));
  t.append(row(["where", "before", "after", "undo"], "all"));
  const line = (where, c, undone) => {
    const undo = el("button", "Undo", {type: "button", "aria-label": "Undo " + where});
    undo.onclick = () => attempt(async () => { await undone(); await rewalk(true); });
    t.append(row([where, c.before, c.after, undo]));
  };
  registers.forEach(c => line(c.name, c, () => setRegister(c.name, c.before)));
  list.forEach(c => line(c.address, c, () => change("word", {address: c.address, value: c.before})));
  $("changes").append(stacking(t));
}

/* The unit's registers, and the fields of the chosen one. */
async function registers() {
  const all = await ask("registers"), chosen = $("register").value;
  $("register").replaceChildren(...all.map(r => el("option", r.name, {value: r.name})));
  const known = all.find(r => r.name === chosen) || all.find(r => r.name === "RTADDR" || r.name === "STRTAB_BASE") || all.find(r => r.fields.length);
  if (known) $("register").value = known.name;
  const show = () => {
    const r = all.find(x => x.name === $("register").value), box = $("register-fields");
    box.replaceChildren();
    if (!r) return;
    $("value").value = r.value;
    if (!r.fields.length) { box.append(el("p", "No field of it takes part in a translation.")); return; }
    const t = table("", "");
    t.append(row(["bits", "value", "meaning"], "all"));
    r.fields.forEach(f => { const x = row([f.label, f.value, f.meaning]); x.children[0].className = x.children[1].className = "mono"; t.append(x); });
    box.append(t);
  };
  $("register").onchange = show;
  show();
}

async function setRegister(name, value) {
  await change("register", {name, value});
  await registers();
}

function diff(reply) {
  if (!reply.original || predicting) { $("diff").textContent = ""; return; }
  $("diff").textContent = reply.differs < 0 ? "This walk does not differ from the image's."
    : "Before: " + short(reply.original.answer) + ". Now: " + short(reply.walk.answer) + ". They part at step " + (reply.differs + 1) + ".";
}

function hits(c) {
  const box = $("hits");
  const n = (count, one, many) => count + " " + (count === 1 ? one : many);
  box.replaceChildren(el("p", c.answer + (c.hit ? ", from the IOTLB" : "") + ": " + n(c.entries, "entry", "entries") + " read (" + n(c.words, "word", "words") + " of 8 bytes)", {class: "mono"}));
  if (c.stale) box.append(el("p", "Stale: the tables say otherwise. Hardware would answer so too, until software invalidates.", {class: "stale"}));
  const t = table("", "");
  c.totals.forEach(x => t.append(row([String(x.count), x.what])));
  $("totals").replaceChildren(t);
}

async function policies(body) {
  const reply = await ask("policies", body), t = table("", "What each policy keeps free, and what becomes of this request under it");
  $("from").textContent = "regions: " + reply.from;
  t.append(row(["policy", "rule", "kept free on the bus", "kept free between the stages", "this request"], "all"));
  const list = l => l.map(r => r.first + "-" + r.last + " " + r.kind).join(", ") || "nothing";
  reply.policies.forEach(p => {
    if (![...$("policy").options].some(o => o.value === p.policy)) $("policy").append(el("option", p.policy, {value: p.policy}));
    t.append(p.problem ? row([p.policy, p.says, p.problem, "", "cannot be attached"], "first") : row([p.policy, p.says, list(p.input), list(p.intermediate), p.answer], "first"));
  });
  $("policies").replaceChildren(stacking(t));
}

/* The list of ranges: of one requester, after so many changes. A scan of it ends when another begins. */
let shown = {};
function rangesAnew(rounds) {
  const body = wanted();
  shown = {option: $("source").value, source: body.source, pasid: body.pasid, changed};
  return ranges(shown, "", rounds);
}

/* Ranges from an address on, some rounds of them; the next one to ask from. */
async function ranges(of, from, rounds = 8) {
  const reply = await ask("ranges", {source: of.source, pasid: of.pasid, from});
  if (of !== shown) return "";
  if (!from) { of.table = table("mono ranges", ""); of.table.append(row(["first", "last", "goes to", "rights"], "all")); $("ranges").replaceChildren(of.table); }
  reply.ranges.forEach(r => {
    const b = el("button", r.first, {type: "button", "aria-label": "Walk " + r.first});
    b.onclick = () => attempt(() => { $("source").value = of.option; $("pasid").value = of.pasid; $("iova").value = r.first; return rewalk(false); });
    of.table.append(row([b, r.last, r.output, r.perm]));
  });
  const count = of.table.rows.length - 1;
  $("ranges-note").textContent = reply.type + ". " + (count ? count + " range" + (count > 1 ? "s" : "") : reply.fault || "nothing mapped") + (reply.next ? ", so far to " + reply.next : "");
  $("more").hidden = !reply.next;
  $("more").onclick = () => attempt(() => ranges(of, reply.next));
  return reply.next && count < 40 && rounds > 0 ? ranges(of, reply.next, rounds - 1) : reply.next;
}

function save(name, type, text) {
  const a = el("a", "", {download: name, href: URL.createObjectURL(new Blob([text], {type}))});
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 1000);
}

/* The PASID of the chosen requester. */
function chosen() { $("pasid").value = $("source").value.split(" ")[1] || ""; }

/* A requester as people write it: hexadecimal, or bus:device.function. NaN if it is neither. */
function sourceNumber(text) {
  const f = /^(?:[0-9a-f]{1,4}:)?([0-9a-f]{1,2}):([0-9a-f]{1,2})\.([0-7])$/i.exec(text.trim());
  if (f) return parseInt(f[1], 16) * 256 + parseInt(f[2], 16) * 8 + parseInt(f[3], 16);
  return /^(0x)?[0-9a-f]+$/i.test(text.trim()) ? parseInt(text.trim().replace(/^0x/i, ""), 16) : NaN;
}

/* Chooses the requester of a link; one that no table has is added to the list. */
function chooseRequester(source, pasid) {
  const id = sourceNumber(source), ssid = pasid ? parseInt(pasid.replace(/^0x/i, ""), 16) : -1;
  const of = option => { const [s, p] = option.value.split(" "); return [parseInt(s, 16), p ? parseInt(p, 16) : -1]; };
  const all = [...$("source").options].filter(o => o.value);
  let found = all.find(o => of(o)[0] === id && of(o)[1] === ssid);
  if (!found && pasid === null) found = all.find(o => of(o)[0] === id);
  if (!found) {
    const name = Number.isNaN(id) ? source : "0x" + id.toString(16).padStart(4, "0");
    found = el("option", name + (pasid ? " PASID " + pasid : "") + ": not in the tables", {value: (name + " " + (pasid || "")).trim()});
    $("source").append(found);
  }
  $("source").value = found.value;
  chosen();
}

/* Walks the first mapped address of the requester, as soon as it is found. */
async function begin() {
  let next = await rangesAnew(0);
  const of = shown;
  for (let round = 0; round < 8 && next && !$("ranges").querySelector("button"); round++) next = await ranges(of, next, 0);
  const first = $("ranges").querySelector("button");
  $("iova").value = first ? first.textContent : "0x0";
  await rewalk(false);
  if (next) tried(() => ranges(of, next));
}

/* What the address in the browser's bar asks for: requester, address, access, policy, changes, step. Its changes are all there are. */
async function fromAddress() {
  const p = new URLSearchParams(location.hash.slice(1)), access = p.get("access") || "r";
  if (p.has("source")) chooseRequester(p.get("source"), p.get("pasid"));
  $("privileged").checked = access.includes("p");
  $("access").value = access.replace("p", "");
  if (!$("access").value) $("access").value = "r";
  if (p.has("iova")) $("iova").value = p.get("iova");
  await change("reset");
  let refused = "";
  try {
    if (p.get("registers")) await change("set-registers", {values: p.get("registers")});
    for (const word of (p.get("set") || "").split(",").filter(Boolean)) {
      const [address, value] = word.split(":");
      await change("word", {address, value});
    }
  } catch (e) { refused = "Not all changes of this address can be made: " + e.message; }
  await registers();
  await policies({...wanted(), policy: ""});
  $("policy").value = p.get("policy") || "";
  if (p.has("iova") || !p.has("source")) {
    await rewalk(false);
  } else await begin();
  if (p.has("step")) go(parseInt(p.get("step"), 10) - 1);
  if (refused) $("message").textContent = refused;
}

async function start() {
  flipper = (s, index, bit) => attempt(async () => {
    const at = hex(BigInt(s.host) + 8n * BigInt(index));
    await change("flip", {address: at, bit: bit.toString(16)});
    await rewalk(true);
    const again = [...document.querySelectorAll("#bits .flip")].find(b => b.getAttribute("aria-label").startsWith("Flip bit " + bit + ","));
    if (again) again.focus();
  });
  for (const e of await ask("endpoints")) {
    if (e.stopped) { $("source").append(el("option", e.stopped, {value: "", disabled: ""})); continue; }
    const option = el("option", e.source_id + (e.pasid ? " PASID " + e.pasid : "") + ": " + e.type, {value: (e.source_id + " " + e.pasid).trim()});
    $("source").append(option);
    if (e.selected) { $("source").value = option.value; $("iova").value = e.first; }
  }
  chosen();
  $("source").onchange = () => attempt(async () => { chosen(); await begin(); });
  $("live").onsubmit = e => { e.preventDefault(); attempt(() => rewalk(false)); };
  $("load").onclick = () => attempt(async () => { $("word").value = (await ask("words", {address: $("at").value, count: "1"}))[0].word; });
  $("edit").onsubmit = e => { e.preventDefault(); attempt(async () => { await change("word", {address: $("at").value, value: $("word").value}); await rewalk(true); }); };
  $("reset").onclick = () => attempt(async () => { await change("reset"); await registers(); await rewalk(true); });
  $("invalidate").onclick = () => attempt(async () => { await ask("invalidate"); await rewalk(true); });
  ["iotlb", "tables", "pages"].forEach(id => { $(id).onchange = () => attempt(async () => { await ask("caches", {iotlb: $("iotlb").checked, tables: $("tables").checked, pages: $("pages").checked}); await rewalk(true); }); });
  $("policy").onchange = () => attempt(() => rewalk(false));
  $("copy").onclick = () => attempt(async () => { await navigator.clipboard.writeText(location.href); $("message").textContent = "The link is copied."; });
  $("page").onclick = () => attempt(async () => save("walk.html", "text/html", await ask("page", wanted())));
  $("json").onclick = () => attempt(async () => save("walk.json", "application/json", await ask("json", wanted())));
  $("set-register").onsubmit = e => { e.preventDefault(); attempt(async () => { await setRegister($("register").value, $("value").value); await rewalk(true); }); };
  window.addEventListener("hashchange", () => attempt(fromAddress));
  await fromAddress();
}
attempt(start);
