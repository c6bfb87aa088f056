// Comfort on top of pages that work without it: sliders for the clocks, plain addresses, keys, a sign of loading.
"use strict";

const DAY_MS = 86400000;
const loading = document.querySelector("[data-loading]");

function showLoading() {
  if (loading) loading.hidden = false;
  document.querySelector("main").setAttribute("aria-busy", "true");
}

function submit(form) {
  // Fields left empty would only lengthen the address.
  for (const field of form.querySelectorAll("input[name], select[name]")) field.disabled = field.value === "";
  const query = new URLSearchParams(new FormData(form)).toString();
  for (const field of form.querySelectorAll("input[name], select[name]")) field.disabled = false;
  showLoading();
  location.assign(form.getAttribute("action") + (query ? `?${query}` : ""));
}

for (const form of document.querySelectorAll("form[data-form]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(form);
  });
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

for (const slider of document.querySelectorAll("[data-days]")) {
  const field = document.getElementById(slider.dataset.days);
  wire(slider, field, isoDay);
  field.addEventListener("input", () => {
    if (field.value) slider.value = Date.parse(field.value) / DAY_MS;
  });
}

for (const slider of document.querySelectorAll("[data-position]")) {
  const field = document.getElementById(slider.dataset.position);
  const atEnd = slider.max;
  wire(slider, field, (value) => (value === atEnd ? "" : value));
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  const plain = !event.defaultPrevented && event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
  if (link && plain && !link.download && link.origin === location.origin && link.pathname + link.search !== location.pathname + location.search) {
    showLoading();
  }
});

// A page that comes back from the browser's memory is not loading any more.
window.addEventListener("pageshow", () => {
  if (loading) loading.hidden = true;
  document.querySelector("main").removeAttribute("aria-busy");
});

// Where a page names what is before and after it, the arrow keys lead there.
document.addEventListener("keydown", (event) => {
  const busy = event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea, [role=region]");
  const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  const link = !busy && rel && document.querySelector(`[data-steps] a[rel=${rel}]`);
  if (link) link.click();
});
