/* Drawing everything, moving, keys, paper. */
function draw() {
  const w = current();
  $("title").textContent = w.image + " (" + formatName(w) + ")";
  $("request").textContent = asked(w.access) + " by " + requester(w) + (w.pasid ? " with PASID " + w.pasid : "") + " at " + w.iova;
  $("count").textContent = "step " + (now + 1) + " of " + w.steps.length;
  $("back").disabled = $("first").disabled = now === 0;
  $("next").disabled = $("last").disabled = now === w.steps.length - 1;
  answer(); grid(); stepView(); bits(); fieldsView(); split(); memory(); compare();
  [...$("walks").children].forEach((b, i) => b.setAttribute("aria-pressed", String(i === walk)));
}

function go(i) { now = Math.max(0, Math.min(current().steps.length - 1, i)); draw(); }

/* To the next step that happens: what the caches skip is passed over. */
function move(by) {
  const steps = current().steps;
  let i = now + by;
  while (steps[i] && skips(steps[i], cached)) i += by;
  go(i);
}

function play(on) {
  clearInterval(timer); timer = 0;
  $("play").setAttribute("aria-pressed", String(on));
  if (on) timer = setInterval(() => { if (now >= current().steps.length - 1) play(false); else move(1); }, 1200);
}

function reveal() {
  if (!predicting) return;
  if (!isHidden(now) && now === current().steps.length - 1) revealed.add(walk + ":answer");
  revealed.add(key(now));
  draw();
}

function predict(on) {
  predicting = on;
  $("predict").setAttribute("aria-pressed", String(on));
  draw();
}

function choose(i) { walk = i; now = 0; draw(); }

function walkButtons() {
  $("walks").replaceChildren();
  if (walks.length < 2) return;
  const plain = new Set(walks.map(w => w.image + w.access + w.source_id + w.pasid)).size === 1;
  walks.forEach((w, i) => {
    const b = el("button", w.label || (plain ? w.iova : w.image + " " + w.iova), {type: "button", "aria-pressed": String(i === walk)});
    b.onclick = () => choose(i);
    $("walks").append(b);
  });
}

/* On paper there is nobody to step: all steps, one after the other. While predicting, what they decide is left out. */
function paper() {
  const box = $("paper");
  box.replaceChildren();
  walks.forEach(w => {
    const list = el("ol");
    w.steps.forEach(s => {
      const item = el("li", (predicting ? s.title.replace(/, index [0-9]+/, "") : s.title) + (s.stage ? ", level " + s.level : ""));
      if (s.selector && !predicting) item.append(el("div", "index " + s.selector.index + " = bits " + s.selector.hi + ":" + s.selector.lo + " of " + s.selector.of + " " + s.selector.value));
      if (reads(s)) {
        const line = el("div", predicting ? "" : s.space + " " + s.address + ": ", {class: "mono"});
        [...s.words].reverse().forEach((x, i) => line.append(...(i ? [":", el("wbr", "")] : []), x.slice(2)));
        item.append(line);
      }
      const decided = el("div");
      if (!predicting) decided.append([s.rule, s.section && "(" + s.section + ")", s.rights && "rights " + s.rights, s.next && "→ " + s.next.space + " " + s.next.address].filter(Boolean).join(" "));
      else decided.append(s.next ? "leads to " : "decides ", blank());
      item.append(decided);
      list.append(item);
    });
    const answer = el("p", predicting ? "Answer: " : "Answer: " + short(w.answer) + (w.answer.words ? ": " + w.answer.words : ""));
    if (predicting) answer.append(blank());
    box.append(el("h2", name(w)), list, answer);
  });
}

/* Lays the page out for paper, and back. */
let before = 0;
function print(on) {
  if (!walks.length || on === onPaper) return;
  onPaper = on;
  if (on) { before = now; now = current().steps.length - 1; paper(); }
  else { now = before; $("paper").replaceChildren(); }
  draw();
}

function theme() {
  const dark = document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme:dark)").matches ? "dark" : "light");
  document.documentElement.dataset.theme = dark === "dark" ? "light" : "dark";
  $("theme").textContent = dark === "dark" ? "Dark" : "Light";
}

STATES.forEach(([state, text]) => $("caches").append(el("option", text, {value: state})));
$("caches").onchange = () => { cached = $("caches").value; draw(); };
$("first").onclick = () => go(0); $("back").onclick = () => move(-1); $("next").onclick = () => move(1);
$("last").onclick = () => go(current().steps.length - 1); $("play").onclick = () => play(!timer);
$("predict").onclick = () => predict(!predicting); $("theme").onclick = theme;
if (matchMedia("(prefers-color-scheme:dark)").matches) $("theme").textContent = "Light";
window.addEventListener("beforeprint", () => print(true));
window.addEventListener("afterprint", () => print(false));
phone.addEventListener("change", () => { if (walks.length) draw(); });
let resized = 0;
window.addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(() => { if (walks.length && !onPaper) memory(); }, 150); });

/* Keys that the browser gives a meaning where the focus is: Space there presses, arrows there scroll. */
function isTaken(at, key) {
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName)) return true;
  if (key === " " && /^(BUTTON|SUMMARY|A)$/.test(at.tagName)) return true;
  const scrolls = at.tabIndex === 0 && (at.scrollWidth > at.clientWidth || at.scrollHeight > at.clientHeight);
  return scrolls && at.getAttribute("role") === "region" && /^(Arrow.*|Home|End| )$/.test(key);
}

document.addEventListener("keydown", e => {
  if (e.ctrlKey || e.metaKey || e.altKey || !walks.length || isTaken(e.target, e.key)) return;
  const keys = {ArrowRight: () => move(1), ArrowLeft: () => move(-1), Home: () => go(0), End: () => go(current().steps.length - 1), " ": () => play(!timer),
    p: () => predict(!predicting), r: reveal, w: () => choose((walk + 1) % walks.length),
    c: () => { $("caches").selectedIndex = ($("caches").selectedIndex + 1) % STATES.length; cached = $("caches").value; draw(); }};
  const action = keys[e.key.length === 1 ? e.key.toLowerCase() : e.key];
  if (action) { e.preventDefault(); const id = focusedId(); action(); refocus(id); }
});

/* Drawing anew takes the focus with it: whoever moves by keys keeps it. */
function focusedId() { const a = document.activeElement; return a && a.getAttribute("aria-label"); }
function refocus(id) {
  if (!id || document.activeElement !== document.body) return;
  const again = [...document.querySelectorAll("#grid button, #bits button")].find(b => b.getAttribute("aria-label") === id);
  if (again) again.focus();
}

/* A link may lead to a step: #walk=2&step=15&caches=tables&theme=dark */
function fromLink() {
  const link = new URLSearchParams(location.hash.slice(1));
  walk = Math.min(walks.length - 1, Math.max(0, (parseInt(link.get("walk"), 10) || 1) - 1));
  now = Math.min(current().steps.length - 1, Math.max(0, (parseInt(link.get("step"), 10) || 1) - 1));
  if (STATES.some(([state]) => state === link.get("caches"))) $("caches").value = cached = link.get("caches");
  if (link.get("theme") === "dark" || link.get("theme") === "light") { document.documentElement.dataset.theme = link.get("theme") === "dark" ? "light" : "dark"; theme(); }
  predicting = link.has("predict");
  $("predict").setAttribute("aria-pressed", String(predicting));
}

if (walks.length) { fromLink(); walkButtons(); draw(); }

