// Comfort on top of pages that work without it: sliders for the clocks, plain addresses, keys, and a page in another
// state by the part that changed, so that focus and the place scrolled to stay.
"use strict";

const DAY_MS = 86400000;
const LOOK_MS = 60000;
const WAITS = "taizhang-waits";
const WAITS_MS = 600000;
const WAITING = ["measures_overdue", "measures_due", "orders", "quarantine"];
const PARTS = [".top", ".clocks", "#content", "footer"];
const loading = document.querySelector("[data-loading]");
let asked = null;
let shown = location.pathname + location.search;

function showLoading(on = true) {
  if (loading) loading.hidden = !on;
  const main = document.querySelector("main");
  if (on) main.setAttribute("aria-busy", "true");
  else main.removeAttribute("aria-busy");
}

// What has the focus, so that it can be found again among new elements: by id, else by its words in its part.
function focused() {
  const element = document.activeElement;
  if (!element || element === document.body) return () => null;
  const selector = element.id ? `#${CSS.escape(element.id)}` : element.tagName;
  const label = element.getAttribute("aria-label");
  const words = element.textContent.trim();
  const part = PARTS.find((each) => element.closest(each)) || "body";
  return () =>
    [...document.querySelectorAll(`${part} ${selector}`)].find(
      (each) => element.id || (each.getAttribute("aria-label") === label && each.textContent.trim() === words),
    );
}

// This page in another state: its parts are put in place of the old ones. What cannot be had so is loaded whole.
async function swap(address, remember) {
  showLoading();
  if (asked) asked.abort();
  asked = new AbortController();
  let fresh;
  try {
    const answer = await fetch(address, { headers: { accept: "text/html" }, signal: asked.signal });
    if (!answer.ok || new URL(answer.url).pathname !== location.pathname) throw new Error("another page");
    fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    address = answer.url;
  } catch (error) {
    if (error.name !== "AbortError") location.assign(address);
    return;
  }
  const again = focused();
  const open = [...document.querySelectorAll("details[open][id]")].map((each) => each.id);
  for (const part of PARTS) {
    const old = document.querySelector(part);
    const now = fresh.querySelector(part);
    if (!old !== !now) return location.assign(address);
    if (old) old.replaceWith(now);
  }
  if (remember) history.pushState({}, "", address);
  shown = location.pathname + location.search;
  document.title = fresh.title;
  document.documentElement.lang = fresh.documentElement.lang;
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  wireAll();
  showLoading(false);
  const element = again();
  if (element) element.focus({ preventScroll: true });
}

function submit(form) {
  // Fields left empty would only lengthen the address.
  const fields = [...new FormData(form)].filter(([, value]) => value !== "");
  const query = new URLSearchParams(fields).toString();
  go(form.getAttribute("action") + (query ? `?${query}` : ""));
}

function go(address) {
  const target = new URL(address, location.href);
  if (target.pathname === location.pathname && !document.querySelector("main script")) swap(target.href, true);
  else {
    showLoading();
    location.assign(target.href);
  }
}

// A day is the number of days since 1970-01-01, as the slider counts them.
function isoDay(number) {
  return new Date(number * DAY_MS).toISOString().slice(0, 10);
}

function wire(slider, field, shown) {
  slider.hidden = false;
  slider.addEventListener("input", () => {
    field.value = shown(slider.value);
  });
  slider.addEventListener("change", () => submit(slider.form));
}

function wireAll() {
  for (const form of document.querySelectorAll("form[data-form]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      submit(form);
    });
  }
  for (const slider of document.querySelectorAll("[data-days]")) {
    const field = document.getElementById(slider.dataset.days);
    wire(slider, field, isoDay);
    field.addEventListener("input", () => {
      if (field.value) slider.value = Date.parse(field.value) / DAY_MS;
    });
  }
  for (const slider of document.querySelectorAll("[data-position]")) {
    const atEnd = slider.max;
    wire(slider, document.getElementById(slider.dataset.position), (value) => (value === atEnd ? "" : value));
  }
  countWaiting();
}

wireAll();

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  const plain = !event.defaultPrevented && event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
  if (!link || !plain || link.hasAttribute("download") || link.origin !== location.origin) return;
  // A place within the page is the browser's own matter.
  if (link.hash && link.pathname + link.search === location.pathname + location.search) return;
  // Another step of the same list begins at its top; a choice stays where it is.
  const stays = link.pathname === location.pathname && link.closest("[data-stay], .choices, .chips, .crumbs, thead, .langs");
  if (stays && !document.querySelector("main script")) {
    event.preventDefault();
    swap(link.href, true);
  } else if (link.pathname + link.search !== location.pathname + location.search) showLoading();
});

window.addEventListener("popstate", () => {
  // A place within the page is in its history too, and changes nothing of it.
  if (location.pathname + location.search !== shown) swap(location.href, false);
});

// What came in since this page was made: the public head of the log says how long it is. A click asks anew.
async function lookForNewer() {
  const bar = document.querySelector("[data-newer]");
  if (!bar || document.hidden) return;
  const answer = await fetch("/v1/log/checkpoint").catch(() => null);
  if (!answer?.ok) return;
  const count = Number((await answer.text()).split("\n")[1]) - Number(bar.dataset.newer);
  if (!(count > 0)) return;
  bar.querySelector("span").textContent = bar.dataset.text.replace("%", count);
  bar.hidden = false;
}

setInterval(lookForNewer, LOOK_MS);
document.addEventListener("visibilitychange", lookForNewer);

// How much waits for whoever looks, beside the link to it; asked again only after a while.
async function countWaiting() {
  const link = document.querySelector("[data-waits]");
  if (!link) return;
  let kept = JSON.parse(sessionStorage.getItem(WAITS) || "null");
  if (!kept || Date.now() - kept.at > WAITS_MS) {
    const answer = await fetch(`/v1/today?${WAITING.map((each) => `item=${each}`).join("&")}`).catch(() => null);
    if (!answer?.ok) return;
    const { items } = await answer.json();
    const count = items.reduce((sum, each) => sum + (each.item === "quarantine" ? each.new : each.total), 0);
    kept = { at: Date.now(), count };
    sessionStorage.setItem(WAITS, JSON.stringify(kept));
  }
  if (!kept.count || link.querySelector("span")) return;
  const shown = document.createElement("span");
  shown.className = "tag";
  shown.textContent = kept.count;
  shown.title = link.dataset.waits.replace("%", kept.count);
  link.append(" ", shown);
}

// What waits on this phone to be sent is destroyed by signing out (visits_store.js tells how many).
document.addEventListener("submit", (event) => {
  sessionStorage.removeItem(WAITS);
  const { waiting } = event.target.dataset;
  if (waiting && Number(localStorage.getItem("taizhang-visits-waiting")) > 0 && !confirm(waiting)) event.preventDefault();
});

// A page that comes back from the browser's memory is not loading any more.
window.addEventListener("pageshow", () => showLoading(false));

// Where a page names what is before and after it, the arrow keys lead there; a slash goes to the search.
document.addEventListener("keydown", (event) => {
  const busy = event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea, [role=region]");
  if (!busy && event.key === "/") {
    const field = document.querySelector(".find [type=search]");
    if (field) {
      event.preventDefault();
      field.focus();
    }
    return;
  }
  const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  const link = !busy && rel && document.querySelector(`[data-steps] a[rel=${rel}]`);
  if (link) link.click();
});
