// The page of visits: a list, a form, what waits. All that it knows comes from the store, all that leaves by sending.
"use strict";

(() => {
  const { store, sending } = self.visits;
  const { lang: LANG, worker: WORKER, scope: SCOPE, texts } = document.body.dataset;
  const T = JSON.parse(texts);
  const DAY_MS = 86400000;
  const LIST_DAYS_MAX = 14;
  const LIST_MAX = 5000;
  const PAGE = 1000;
  const AGAIN_MS = 15000;
  const COMPARED = ["employees", "members", "branch_work"];
  const LETTERS = "abcdefghijklmnopqrstuvwxyz";
  const form = document.getElementById("entry");
  const $ = (id) => document.getElementById(id);
  let list = null;
  let waiting = [];
  let entering = null;
  let state = "";

  function element(tag, given = {}, ...children) {
    const made = Object.assign(document.createElement(tag), given);
    made.append(...children.filter((each) => each !== null && each !== ""));
    return made;
  }

  const say = (text, ...more) => $("state").replaceChildren(text, ...more);
  const field = (name) => form.elements.namedItem(`data.${name}`);
  const placed = (code) => list?.places[code]?.[LANG === "en" ? "name_en" : "name"] || list?.places[code]?.name || code;
  const village = (code) => (code.length > 9 ? `${placed(code.slice(0, 9))} ${placed(code)}` : placed(code));

  function show(view) {
    for (const each of ["list", "entry", "waiting", "device"]) $(`view-${each}`).hidden = each !== view;
    for (const each of document.querySelectorAll("[data-view]")) {
      if (each.dataset.view === view) each.setAttribute("aria-current", "true");
      else each.removeAttribute("aria-current");
    }
    scrollTo(0, 0);
  }

  function told() {
    if (state === "sign_in") say(T.sign_in, " ", element("a", { href: `/sign-in?next=${encodeURIComponent(`${SCOPE}?lang=${LANG}`)}` }, T.to_sign_in));
    else say(state === "sent" && waiting.length ? T.left : T[state] || "");
  }

  // What the page shows is what the store has.
  async function refresh() {
    waiting = (await store.all("visits")).sort((a, b) => (a.time < b.time ? -1 : 1));
    list = await store.get("kept", "list");
    store.tell(waiting.length);
    $("count").textContent = waiting.length;
    showList();
    $("waiting").replaceChildren(...waiting.map(item));
    if (!waiting.length) $("waiting").append(element("li", {}, T.nothing));
    const known = await sending.about();
    $("device").textContent = known.holder ? `${T.whose} ${known.holder}` : "";
  }

  async function trySend() {
    const now = await sending.send(LANG, refresh);
    if (now !== "busy") state = now;
    await refresh();
    told();
  }

  function showList() {
    if (!list) return $("places").replaceChildren();
    const known = new Set(waiting.map((each) => each.org));
    const words = $("words").value.trim().toLowerCase();
    const meant = (org) => `${org.name} ${org.site || ""} ${org.address || ""}`.toLowerCase().includes(words);
    const groups = new Map();
    for (const org of list.organizations) {
      if (words && !meant(org)) continue;
      if (!groups.has(org.region)) groups.set(org.region, []);
      groups.get(org.region).push(org);
    }
    const open = new Set([...$("places").querySelectorAll("details[open]")].map((each) => each.dataset.region));
    const made = [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([region, orgs]) => {
      const left = orgs.filter((org) => !org.visited_on && !known.has(org.org)).length;
      const summary = element("summary", {}, element("span", {}, village(region)), element("span", { className: "fine" }, `${orgs.length - left} / ${orgs.length}`));
      const group = element("details", { open: open.has(region) || groups.size === 1 || Boolean(words) }, summary);
      group.dataset.region = region;
      const fill = () => group.open && group.children.length === 1 && group.append(...sites(orgs, known));
      group.addEventListener("toggle", fill);
      fill();
      return group;
    });
    $("places").replaceChildren(...made);
    $("loaded").textContent = `${T.loaded} ${list.day} · ${list.survey.name} · ${list.organizations.length}`;
  }

  // By building, as far as the ledger has it.
  function sites(orgs, known) {
    const by = new Map();
    for (const org of orgs) by.set(org.site || "", [...(by.get(org.site || "") || []), org]);
    return [...by].sort(([a], [b]) => (a && b ? a.localeCompare(b, "zh") : a ? -1 : 1)).flatMap(([site, of]) => [
      element("h3", {}, site || T.no_site),
      element("ul", { className: "orgs" }, ...of.map((org) => {
        const done = known.has(org.org) ? T.waits : org.visited_on ? `${T.visited} ${org.visited_on}` : "";
        const button = element("button", { type: "button" }, element("span", {}, org.name), element("span", { className: "fine" }, [org.address, done && `✓ ${done}`].filter(Boolean).join(" · ")));
        button.addEventListener("click", () => enter(org, null));
        return element("li", {}, button);
      })),
    ]);
  }

  function item(visit) {
    const buttons = [];
    if (visit.status !== "sending") {
      const change = element("button", { type: "button" }, T.change);
      change.addEventListener("click", () => enter(list?.organizations.find((each) => each.org === visit.org) || null, visit));
      buttons.push(change);
    }
    if (visit.status === "refused" || visit.status === "held") {
      const discard = element("button", { type: "button" }, T.discard);
      discard.addEventListener("click", async () => {
        if (confirm(T.discard_sure)) await store.remove("visits", visit.id).then(refresh);
      });
      buttons.push(discard);
    }
    const why = (visit.told || []).map((each) => element("p", { className: "bad" }, each));
    const number = visit.number ? element("p", { className: "fine" }, `${T.number} ${visit.number}`) : "";
    const differs = visit.differs.length ? element("p", { className: "fine" }, `${T.differs}: ${visit.differs.join("; ")}`) : "";
    const status = { refused: T.refused, held: T.held, sending: T.sending }[visit.status] || T.waits;
    return element("li", {}, element("strong", { translate: false }, visit.name), element("p", { className: "fine" }, `${visit.day} · ${status}`), ...why, number, differs, ...buttons);
  }

  async function enter(org, visit) {
    const known = await sending.about();
    entering = { org, visit };
    form.reset();
    const isUnknown = visit ? !visit.org : !org;
    $("unknown").disabled = $("unknown").hidden = !isUnknown;
    $("missing").hidden = isUnknown;
    field("org").disabled = isUnknown;
    const regions = [...new Set((list?.organizations || []).map((each) => each.region))].sort();
    $("unknown-region").replaceChildren(...regions.map((code) => element("option", { value: code }, `${village(code)} ${code}`)));
    field("effective_on").value = sending.day(sending.now(known));
    field("grid").value = known.grid || "";
    for (const [name, values] of Object.entries(visit ? visit.entries : {})) {
      const control = form.elements.namedItem(name);
      if (control) control.value = values[0];
    }
    $("entry-title").textContent = visit ? visit.name : org ? org.name : document.querySelector("#unknown legend").textContent;
    $("entry-about").textContent = org ? [village(org.region), org.site, org.address].filter(Boolean).join(" · ") : "";
    $("entry-fault").hidden = true;
    show("entry");
    $("entry-title").focus();
  }

  const titled = (control) => (control.closest("fieldset.finding")?.querySelector("legend") || control.labels?.[0] || control).textContent.trim();

  function fault(text, control) {
    $("entry-fault").textContent = text + titled(control);
    $("entry-fault").hidden = false;
    control.focus();
  }

  // What a clear finding says otherwise than the ledger, in words; the service finds the same (survey discrepancies).
  function differing(org) {
    if (!org || org.members === null) return [];
    return COMPARED.filter((name) => {
      const value = field(`findings.${name}.value`).value;
      return field(`findings.${name}.clear`).value === "yes" && value !== "" && value !== String(org[name] ?? "");
    }).map((name) => {
      const control = field(`findings.${name}.value`);
      const words = (value) => [...(control.options || [])].find((each) => each.value === String(value))?.textContent ?? value ?? "–";
      return `${titled(control)} ${words(control.value)} (${T.ledger} ${words(org[name])})`;
    });
  }

  function letters() {
    // Without digits no name can look like a number of anybody's; what would favour some letters is thrown away.
    const even = [...crypto.getRandomValues(new Uint8Array(64))].filter((each) => each < 234);
    return even.slice(0, 20).map((each) => LETTERS[each % 26]).join("");
  }

  async function save() {
    const { org, visit } = entering;
    const wrong = [...form.elements].find((each) => each.willValidate && !each.checkValidity());
    if (wrong) return fault(T.incomplete, wrong);
    const known = await sending.about();
    const ms = sending.now(known);
    const day = field("effective_on").value;
    if (day > sending.day(ms)) return fault(T.day_to_come, field("effective_on"));
    const id = visit ? visit.id : letters();
    field("visit").value = `visit:${id}`;
    field("survey").value = visit ? visit.entries["data.survey"][0] : list.survey.survey;
    field("org").value = org ? org.org : visit?.org || "";
    const entries = {};
    for (const [name, value] of new FormData(form)) if (value !== "") (entries[name] = entries[name] || []).push(value);
    await store.put("kept", "about", { ...known, last_ms: ms, grid: field("grid").value });
    await store.put("visits", id, {
      id, event: visit ? visit.event : `device-${id}`, source: visit ? visit.source : known.source,
      time: sending.instant(ms), day, org: field("org").value || null,
      name: org ? org.name : visit?.org ? visit.name : field("unknown.name").value, entries, status: "waiting", differs: differing(org),
    });
    entering = null;
    await refresh();
    show(visit ? "waiting" : "list");
    const registered = await navigator.serviceWorker.getRegistration(SCOPE);
    await registered?.sync?.register("taizhang-visits").catch(() => null);
    await trySend();
    if (state === "sent") say(T.saved, " ", waiting.length ? T.left : T.sent);
  }

  function missing() {
    for (const each of form.querySelectorAll("[type=radio]")) each.checked = each.value === (each.name === "data.findings.operation.clear" ? "yes" : "no");
    field("findings.operation.value").value = "not_found";
  }

  // The surveys there are, the newest first; without a network the one whose list is here.
  async function surveys() {
    const answer = await sending.ask("/v1/surveys");
    const found = answer.told ? answer.told.surveys : list ? [list.survey] : [];
    found.sort((a, b) => (a.opened_on < b.opened_on ? 1 : -1));
    $("survey").replaceChildren(...found.map((each) => element("option", { value: each.survey }, each.name)));
    if (list) $("survey").value = list.survey.survey;
    if (!found.length && answer.told) say(T.no_list, T.no_survey);
  }

  async function load() {
    const met = await sending.met();
    if (met.state) {
      state = met.state;
      return told();
    }
    const survey = $("survey").value;
    if (!survey) return surveys();
    const given = new URLSearchParams({ limit: PAGE, region: $("begin").value.trim() });
    let found = null;
    do {
      const answer = await sending.ask(`/v1/surveys/${encodeURIComponent(survey)}/list?${given}`);
      if (!answer.told) return say(T.no_list, answer.detail || T[answer.state] || "");
      if (answer.told.total > LIST_MAX) return say(T.no_list, T.too_many);
      const { organizations, places, next, survey: of } = answer.told;
      found = { survey: of, organizations: [...(found?.organizations || []), ...organizations], places: { ...found?.places, ...places } };
      if (next) given.set("cursor", next);
      else given.delete("cursor");
    } while (given.has("cursor"));
    await store.put("kept", "list", { ...found, day: met.today });
    $("which").open = false;
    await trySend();
  }

  // A list that nobody has renewed says what may be so no longer, and lies on a phone for nothing.
  async function forget() {
    const kept = await store.get("kept", "list");
    const today = sending.now(await sending.about());
    if (kept && today - Date.parse(kept.day) > LIST_DAYS_MAX * DAY_MS) await store.remove("kept", "list");
  }

  async function leave(event) {
    event.preventDefault();
    if (waiting.length && !confirm(document.body.dataset.sure)) return;
    await store.destroy();
    if (navigator.onLine) event.target.submit();
    else document.querySelector("main").replaceChildren(element("p", {}, T.destroyed));
  }

  async function begin() {
    if (!isSecureContext || !self.indexedDB || !navigator.locks) return say(T.needs_https);
    try {
      await forget();
      await refresh();
    } catch (error) {
      return say(T.broken, String(error.message || error));
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      save().catch((error) => say(T.broken, String(error.message || error)));
    });
    for (const each of document.querySelectorAll("[data-view]")) each.addEventListener("click", () => show(each.dataset.view));
    $("leave").addEventListener("click", () => show(entering?.visit ? "waiting" : "list"));
    $("missing").addEventListener("click", missing);
    $("found").addEventListener("click", () => (list ? enter(null, null) : say(T.no_list, T.first)));
    $("load").addEventListener("click", load);
    $("send").addEventListener("click", trySend);
    $("words").addEventListener("input", showList);
    $("leave-device").addEventListener("submit", leave);
    show("list");
    $("which").open = !list;
    navigator.serviceWorker.register(WORKER, { scope: SCOPE, updateViaCache: "none" }).catch(() => null);
    addEventListener("online", trySend);
    document.addEventListener("visibilitychange", () => document.hidden || trySend());
    // Whoever must sign in or ask for a right comes back by hand; a network comes back by itself.
    setInterval(() => (["offline", "later"].includes(state) || (state === "sent" && waiting.some((each) => each.status === "waiting" || each.status === "sending"))) && trySend(), AGAIN_MS);
    await trySend();
    await surveys();
  }

  begin();
})();
