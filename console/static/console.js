// Keys, and what is new without a reload. Every page works without this file; with it, on-call needs no mouse.
"use strict";

const $ = (id) => document.getElementById(id);
const rows = () => [...document.querySelectorAll("[data-row]")];
const typing = (target) => target.closest("input, select, textarea, [contenteditable]") !== null;

// --- keys ------------------------------------------------------------------------------------------------------------

let waiting = 0; // until when a key after g counts

function step(by) {
  const all = rows();
  const here = all.indexOf(document.activeElement);
  const next = all[Math.max(0, Math.min(all.length - 1, here < 0 ? (by > 0 ? 0 : all.length - 1) : here + by))];
  if (next) {
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }
}

function follow(selector) {
  const link = document.querySelector(selector);
  if (link) link.click();
}

function filter() {
  const details = document.querySelector(".filter");
  if (!details) return;
  details.open = true;
  details.querySelector("input").select();
}

// A key of a thing to do goes to it: a link is followed, a form is opened; what a button does still takes Enter, but for
// the verdicts of a queue.
function reach(key) {
  const found = document.querySelector(`#content [data-key="${key}"]`);
  if (!found) return;
  if (found.tagName === "A") { found.click(); return; }
  const details = found.closest("details");
  if (details) details.open = true;
  const field = details && details.querySelector("input:not([type=hidden]), select, textarea");
  if (found.dataset.press !== undefined) { found.focus(); found.click(); return; }
  (field || found).focus();
  found.scrollIntoView({ block: "nearest" });
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  n: () => follow("[rel=next]"),
  p: () => follow("[rel=prev]"),
  u: () => follow("[data-up]"),
  "/": filter,
  "?": () => $("keys").showModal(),
  g: () => { waiting = Date.now() + 1500; },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
  if (typing(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (Date.now() < waiting) {
    waiting = 0;
    const link = [...document.querySelectorAll("[data-go]")].find((each) => each.dataset.go === event.key);
    if (link) { event.preventDefault(); link.click(); }
    return;
  }
  if (KEYS[event.key]) { event.preventDefault(); KEYS[event.key](); return; }
  if (/^[a-z]$/.test(event.key)) { event.preventDefault(); reach(event.key); }
});

$("help").hidden = false;
$("help").addEventListener("click", () => $("keys").showModal());

// an empty field is no filter: leave it out of the address
document.addEventListener("submit", (event) => {
  if (event.target.method !== "get") return;
  for (const field of event.target.querySelectorAll("input, select")) field.disabled = field.value === "";
});
window.addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll(".filter input, .filter select")) field.disabled = false;
});

// --- what is new -----------------------------------------------------------------------------------------------------

const wanted = document.body.dataset.live.split(" ").filter(Boolean); // ids, or "any"
const any = wanted.includes("any");
const meant = (ids) => any || ids.some((id) => wanted.includes(id));
const EVERY_MS = 1500; // least time between two refreshes
let source = null;
let planned = null;
let refreshed = 0;

// a form that somebody has begun to fill in is not taken away
function writing() {
  const here = document.activeElement;
  if (here && here.closest(".filter, form") && typing(here)) return true;
  const chosen = (each) => each.selectedIndex !== Math.max(0, [...each.options].findIndex((one) => one.defaultSelected));
  return [...document.querySelectorAll("#content .deed input, #content .deed textarea, #content .picked input, #content .bulk input")]
    .some((each) => each.value !== each.defaultValue || (each.defaultChecked ?? false) !== (each.checked ?? false))
    || [...document.querySelectorAll("#content .deed select")].some(chosen);
}

function say(text, stale = false) {
  $("state").textContent = text;
  $("state").classList.toggle("stale", stale);
}

async function refresh() {
  planned = null;
  refreshed = Date.now();
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (writing()) { say("there is news: load the page again to see it"); return; }
    const focused = document.activeElement && document.activeElement.getAttribute("href");
    const open = [...document.querySelectorAll("#content details")].map((each) => each.open);
    $("content").replaceWith(page.getElementById("content"));
    document.querySelectorAll("#content details").forEach((each, at) => { if (at < open.length) each.open = open[at]; });
    document.title = page.title;
    const again = focused && rows().find((each) => each.getAttribute("href") === focused);
    if (again) again.focus({ preventScroll: true });
    say("live");
  } catch {
    say("not live: the console does not answer", true);
  }
}

function soon() {
  if (planned === null) planned = setTimeout(refresh, Math.max(0, refreshed + EVERY_MS - Date.now()));
}

let before = false; // whether there was a connection already

function told(name, data) {
  if (name === "hello") {
    say("live");
    if (before) soon();
    before = true;
  } else if (name === "alert") {
    if (!meant([data.alert_id, data.case_id])) return;
    if (any && !data.suppressed && data.status === "firing") $("news").textContent = data.text;
    soon();
  } else if (name === "work") {
    if (!meant(data.ids)) return;
    if (any && data.text) $("news").textContent = data.text;
    soon();
  } else if (name === "here") {
    say("live");
    before = true;
  } else if (name === "trouble") {
    say(`not live: ${data.text}`, true);
  } else if (name === "gone") {
    before = true;
    say("not live: no connection", true);
  } else {
    soon();
  }
}

// browsers allow only six connections to one host: of all windows that are seen one listens, and tells the others
const OURS = `livewarden ${document.body.dataset.root}`;
const others = "locks" in navigator && "BroadcastChannel" in window ? new BroadcastChannel(OURS) : null;
let turn = null; // how this window's turn, or its wait for it, is ended

function open() {
  const tell = (name, data) => {
    told(name, data);
    if (others) others.postMessage([name, data]);
  };
  source = new EventSource(`${document.body.dataset.root}/live`);
  for (const name of ["hello", "alert", "work", "many", "well", "trouble"])
    source.addEventListener(name, (event) => tell(name, event.data ? JSON.parse(event.data) : {}));
  source.onerror = () => tell("gone", {});
}

function listen() {
  if (source !== null || turn !== null) return;
  if (!others) { open(); return; }
  const wait = new AbortController();
  turn = () => wait.abort();
  navigator.locks.request(OURS, { signal: wait.signal }, () => new Promise((done) => { turn = done; open(); })).catch(() => {});
  others.postMessage(["anybody", {}]);
}

if (others) others.onmessage = ({ data: [name, data] }) => {
  if (name !== "anybody") { if (turn !== null) told(name, data); }
  else if (source !== null && source.readyState === EventSource.OPEN) others.postMessage(["here", {}]);
};

function rest() {
  if (source !== null) source.close();
  source = null;
  if (turn !== null) turn();
  turn = null;
}

// a hidden page rests: browsers allow only a few connections to one host
if (wanted.length) {
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) rest();
    else { listen(); soon(); }
  });
  window.addEventListener("pagehide", rest);
  if (!document.hidden) listen();
}
