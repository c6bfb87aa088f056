// What was entered goes out: one way for the page and for its worker, one at a time on a device.
"use strict";

self.visits.sending = (() => {
  const { store } = self.visits;
  const AT_ONCE = 20;
  const WAIT_MS = 30000;
  const SHANGHAI_MS = 8 * 3600000;
  const ZH_OR_EN = (lang) => (lang === "en" ? "en" : "zh");

  // What the device knows of itself: whose it is, in whose name it tells, and how far its clock is from the service's.
  const about = async () => (await store.get("kept", "about")) || { skew_ms: 0, last_ms: 0 };

  // The instant, by this clock and the difference to the service's; never before what was the latest here, so that a
  // clock that falls back makes no day twice.
  const now = (known) => Math.max(Date.now() + known.skew_ms, known.last_ms + 1);
  const local = (ms) => new Date(ms + SHANGHAI_MS).toISOString();
  const day = (ms) => local(ms).slice(0, 10);
  const instant = (ms) => local(ms).replace("Z", "+08:00");

  // A call's answer, or the state in which it leaves the device.
  async function ask(path, body) {
    let answer;
    try {
      answer = await fetch(path, {
        method: body ? "POST" : "GET",
        body: body && JSON.stringify(body),
        headers: { accept: "application/json", ...(body && { "content-type": "application/json" }) },
        signal: AbortSignal.timeout(WAIT_MS),
      });
      const told = await answer.json();
      if (answer.ok) return { told };
      if (answer.status === 401) return { state: "sign_in" };
      if (answer.status === 403) return { state: "revoked", detail: told.detail };
      if (answer.status === 400 || answer.status === 413) return { state: "refused", detail: told.detail };
    } catch {
      if (!answer || answer.ok) return { state: "offline" };
    }
    return { state: "later" };
  }

  // Who sends, by the service; another person's visits are never sent in this one's name.
  async function met() {
    const began = Date.now();
    const answer = await ask("/v1/visits/sender");
    if (answer.state) return answer;
    const known = await about();
    const { holder, source } = answer.told;
    if (known.holder && known.holder !== holder) return { state: "other" };
    const there = Date.parse(answer.told.now);
    const skew_ms = there - (began + Date.now()) / 2;
    const last_ms = Math.max(known.last_ms, there);
    await store.put("kept", "about", { ...known, holder, source, skew_ms, last_ms });
    return { today: day(there) };
  }

  async function settle(visit, result) {
    const kept = await store.get("visits", visit.id);
    // It was changed on the device while this was on its way: what it says now goes by itself.
    if (!kept || kept.time !== visit.time) return;
    if (result.disposition === "quarantined") {
      const told = result.told || [];
      await store.put("visits", visit.id, { ...visit, status: "refused", told, number: result.quarantine_id });
      return;
    }
    const list = await store.get("kept", "list");
    const listed = list && list.organizations.find((each) => each.org === visit.org);
    if (listed) {
      listed.visited_on = visit.day;
      await store.put("kept", "list", list);
    }
    await store.remove("visits", visit.id);
  }

  // Some at once; where the whole is refused, each by itself, so that one never holds up the others.
  async function deliver(some, lang) {
    const body = { visits: some.map(({ event, source, time, entries }) => ({ id: event, source, time, entries })) };
    const answer = await ask(`/v1/visits?lang=${ZH_OR_EN(lang)}`, body);
    if (answer.state === "refused" && some.length === 1) {
      await store.put("visits", some[0].id, { ...some[0], status: "refused", told: [answer.detail] });
      return null;
    }
    if (answer.state === "refused") {
      for (const each of some) {
        const state = await deliver([each], lang);
        if (state) return state;
      }
      return null;
    }
    if (answer.state) return answer.state;
    for (const [n, result] of answer.told.results.entries()) await settle(some[n], result);
    return null;
  }

  async function everything(lang, shown) {
    const found = await met();
    if (found.state) return found.state;
    const rest = (await store.all("visits")).filter((each) => each.status !== "refused" && each.status !== "held");
    rest.sort((a, b) => (a.time < b.time ? -1 : 1));
    // A day that has not come by the service's clock is a mistake of a clock or a hand; its author looks at it again.
    for (const each of rest.filter((visit) => visit.day > found.today)) {
      await store.put("visits", each.id, { ...each, status: "held" });
    }
    const due = rest.filter((visit) => visit.day <= found.today);
    for (let at = 0; at < due.length; at += AT_ONCE) {
      const some = due.slice(at, at + AT_ONCE);
      // Whether it was ever on its way: from here on what it says stays as it is until there is an answer.
      for (const each of some) await store.put("visits", each.id, Object.assign(each, { status: "sending" }));
      const state = await deliver(some, lang);
      if (state) return state;
      if (shown) await shown();
    }
    return "sent";
  }

  // The state in which it leaves the device: sent, offline, later, sign_in, revoked, other, or busy.
  const send = (lang, shown) =>
    navigator.locks.request(store.NAME, { ifAvailable: true }, (lock) => (lock ? everything(lang, shown) : "busy"));

  return { about, now, day, instant, ask, met, send };
})();
