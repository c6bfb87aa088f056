// The worker of the page of visits. It keeps that page and what it is made of, each by its content, and answers for
// nothing else: no call, no other page, nothing that anybody was told. GIVEN stands before it.
"use strict";

const CACHE = `taizhang-visits-${GIVEN.version}`;

importScripts(...GIVEN.scripts);

self.addEventListener("install", (event) => {
  const keep = async () => {
    const cache = await caches.open(CACHE);
    for (const address of GIVEN.kept) {
      const answer = await fetch(address, { cache: "no-cache" });
      // A page to sign in, or a refusal, is not the page.
      if (!answer.ok || answer.redirected) throw new Error(`${address}: ${answer.status}`);
      await cache.put(address, answer);
    }
    await self.skipWaiting();
  };
  event.waitUntil(keep());
});

self.addEventListener("activate", (event) => {
  const tidy = async () => {
    const names = await caches.keys();
    const old = names.filter((name) => name.startsWith("taizhang-visits-") && name !== CACHE);
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(tidy());
});

async function page(request, url) {
  const cache = await caches.open(CACHE);
  if (url.searchParams.has("lang")) return (await cache.match(url.pathname + url.search)) || fetch(request);
  // Without a language the service knows which was chosen last.
  const answer = await fetch(request).catch(() => null);
  return answer && answer.ok ? answer : (await cache.match(GIVEN.first)) || answer || Response.error();
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (request.mode === "navigate" && url.pathname === GIVEN.page) event.respondWith(page(request, url));
  else if (url.pathname.startsWith("/static/") && GIVEN.kept.includes(url.pathname)) {
    event.respondWith(caches.match(url.pathname).then((found) => found || fetch(request)));
  }
});

// The network is back, whether or not the page is open (Background Synchronization, where the browser has it).
self.addEventListener("sync", (event) => {
  const again = (state) => (["offline", "later", "busy"].includes(state) ? Promise.reject(new Error(state)) : state);
  if (event.tag === "taizhang-visits") event.waitUntil(self.visits.sending.send().then(again));
});
