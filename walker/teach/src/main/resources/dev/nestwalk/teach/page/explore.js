/* With a server behind the page: ask it for walks, and change its copy of the image. */
async function ask(what, body) {
  const reply = await fetch(what, {method: "POST", body: JSON.stringify(body || {})});
  if (!reply.ok) throw new Error((await reply.json()).error);
  return reply.headers.get("Content-Type").startsWith("application/json") ? reply.json() : reply.text();
}

/* What the form says now. */
function wanted() {
  return {source: $("source").value.split(" ")[0], pasid: $("pasid").value.trim(), iova: $("iova").value.trim(), write: $("write").checked, policy: $("policy").value};
}

async function attempt(work) {
  try { await work(); } catch (e) { $("message").textContent = e.message; }
}

async function rewalk(keep) {
  const body = wanted(), reply = await ask("walk", body);
  walks.length = 0;
  walks.push(reply.walk);
  if (reply.original) { reply.original.label = "as in the image"; reply.walk.label = "now"; walks.push(reply.original); }
  walk = 0;
  now = keep ? Math.min(now, walks[0].steps.length - 1) : 0;
  revealed.clear(); ended.clear();
  changes(reply.changes);
  diff(reply);
  hits(reply.cached);
  link(body, reply.changes);
  walkButtons();
  draw();
  const a = reply.walk.answer;
  $("message").textContent = predicting ? "Walked. Step to the end, or predict." : short(a) + (a.words ? ": " + a.words : "");
  await policies(body);
}

function link(body, list) {
  const p = new URLSearchParams({source: body.source, pasid: body.pasid, iova: body.iova, access: body.write ? "w" : "r", policy: body.policy});
  if (list.length) p.set("set", list.map(c => c.address + ":" + c.after).join(","));
  history.replaceState(null, "", "#" + p);
}

function changes(list) {
  $("changes").replaceChildren();
  $("reset").disabled = !list.length;
  if (!list.length) { $("changes").append(el("p", "Nothing differs from the image.")); return; }
  const t = table("mono", list.length + " changed word" + (list.length > 1 ? "s" : ""));
  t.append(row(["address", "before", "after", "undo"], "all"));
  list.forEach(c => {
    const undo = el("button", "Undo", {type: "button", "aria-label": "Undo " + c.address});
    undo.onclick = () => attempt(async () => { await ask("word", {address: c.address, value: c.before}); await rewalk(true); });
    t.append(row([c.address, c.before, c.after, undo]));
  });
  $("changes").append(t);
}

function diff(reply) {
  if (!reply.original || predicting) { $("diff").textContent = ""; return; }
  $("diff").textContent = reply.differs < 0 ? "This walk is the same as in the image."
    : "Before: " + short(reply.original.answer) + ". Now: " + short(reply.walk.answer) + ". They part at step " + (reply.differs + 1) + ".";
}

function hits(c) {
  const box = $("hits");
  box.replaceChildren(el("p", c.answer + (c.hit ? ", from the IOTLB" : "") + ", " + c.reads + " words read", {class: "mono"}));
  if (c.stale) box.append(el("p", "Stale: the tables say otherwise. Hardware would answer so too, until software invalidates.", {class: "stale"}));
  box.append(el("p", "So far: " + c.totals));
}

async function policies(body) {
  const reply = await ask("policies", body), t = table("", "This request, and what is kept free between the stages, under each policy");
  $("from").textContent = "regions: " + reply.from;
  t.append(row(["policy", "bus", "between stages", "this request"], "all"));
  const list = l => l.map(r => r.first + "-" + r.last + " " + r.kind).join(", ") || "nothing";
  reply.policies.forEach(p => {
    if (![...$("policy").options].some(o => o.value === p.policy)) $("policy").append(el("option", p.policy, {value: p.policy}));
    t.append(p.problem ? row([p.policy, p.problem, "", "cannot be attached"], "first") : row([p.policy, list(p.input), list(p.intermediate), p.answer], "first"));
  });
  $("policies").replaceChildren(t);
}

let scanned = null;
async function ranges(from, rounds = 8) {
  const body = wanted(), reply = await ask("ranges", {source: body.source, pasid: body.pasid, from});
  if (!from) { scanned = table("mono", ""); scanned.append(row(["first", "last", "goes to", "rights"], "all")); $("ranges").replaceChildren(scanned); }
  reply.ranges.forEach(r => {
    const b = el("button", r.first, {type: "button", "aria-label": "Walk " + r.first});
    b.onclick = () => attempt(() => { $("iova").value = r.first; return rewalk(false); });
    scanned.append(row([b, r.last, r.output, r.perm]));
  });
  const count = scanned.rows.length - 1;
  $("ranges-note").textContent = reply.type + ". " + (count ? count + " range" + (count > 1 ? "s" : "") : reply.fault || "nothing mapped") + (reply.next ? ", so far to " + reply.next : "");
  $("more").hidden = !reply.next;
  if (reply.next && count < 40 && rounds > 0) { await ranges(reply.next, rounds - 1); return; }
  $("more").onclick = () => attempt(() => ranges(reply.next));
}

function save(name, type, text) {
  const a = el("a", "", {download: name, href: URL.createObjectURL(new Blob([text], {type}))});
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 1000);
}

async function start() {
  flipper = (s, index, bit) => attempt(async () => {
    const at = hex(BigInt(s.host) + 8n * BigInt(index));
    await ask("flip", {address: at, bit: bit.toString(16)});
    await rewalk(true);
    const again = [...document.querySelectorAll("#bits .flip")].find(b => b.getAttribute("aria-label").startsWith("Flip bit " + bit + ","));
    if (again) again.focus();
  });
  const p = new URLSearchParams(location.hash.slice(1));
  for (const e of await ask("endpoints")) {
    if (e.stopped) { $("source").append(el("option", e.stopped, {value: "", disabled: ""})); continue; }
    const option = el("option", e.source_id + (e.pasid ? " PASID " + e.pasid : "") + ": " + e.type, {value: (e.source_id + " " + e.pasid).trim()});
    $("source").append(option);
  }
  if (p.has("source")) {
    const value = (p.get("source") + " " + (p.get("pasid") || "")).trim();
    if (![...$("source").options].some(o => o.value === value)) $("source").append(el("option", value, {value}));
    $("source").value = value;
  }
  const chosen = () => { $("pasid").value = $("source").value.split(" ")[1] || ""; };
  chosen();
  if (p.has("pasid")) $("pasid").value = p.get("pasid");
  if (p.has("iova")) $("iova").value = p.get("iova");
  $("write").checked = p.get("access") === "w";
  $("source").onchange = () => attempt(async () => { chosen(); await ranges(""); await rewalk(false); });
  $("live").onsubmit = e => { e.preventDefault(); attempt(() => rewalk(false)); };
  $("load").onclick = () => attempt(async () => { $("word").value = (await ask("words", {address: $("at").value, count: "1"}))[0].word; });
  $("edit").onsubmit = e => { e.preventDefault(); attempt(async () => { await ask("word", {address: $("at").value, value: $("word").value}); await rewalk(true); }); };
  $("reset").onclick = () => attempt(async () => { await ask("reset"); await rewalk(true); });
  $("invalidate").onclick = () => attempt(async () => { await ask("invalidate"); await rewalk(true); });
  ["iotlb", "tables", "pages"].forEach(id => { $(id).onchange = () => attempt(async () => { await ask("caches", {iotlb: $("iotlb").checked, tables: $("tables").checked, pages: $("pages").checked}); await rewalk(true); }); });
  $("policy").onchange = () => attempt(() => rewalk(false));
  $("copy").onclick = () => attempt(async () => { await navigator.clipboard.writeText(location.href); $("message").textContent = "The link is copied."; });
  $("page").onclick = () => attempt(async () => save("walk.html", "text/html", await ask("page", wanted())));
  $("json").onclick = () => attempt(async () => save("walk.json", "application/json", await ask("json", wanted())));
  for (const change of (p.get("set") || "").split(",").filter(Boolean)) {
    const [address, value] = change.split(":");
    await ask("word", {address, value});
  }
  await policies({...wanted(), policy: ""});
  $("policy").value = p.get("policy") || "";
  if (!p.has("iova")) {
    await ranges("");
    const first = $("ranges").querySelector("button");
    if (first) $("iova").value = first.textContent;
    await rewalk(false);
  } else {
    await rewalk(false);
    await ranges("");
  }
  if (p.has("step")) go(parseInt(p.get("step"), 10) - 1);
}
attempt(start);
