// What a phone keeps of visits: every record sealed by AES-GCM with a key that no script can read out of the browser,
// and that goes first when all goes. Used by the page and by its worker.
"use strict";

self.visits = self.visits || {};

self.visits.store = (() => {
  const NAME = "taizhang-visits";
  const STORES = ["key", "kept", "visits"];
  const WAITING = "taizhang-visits-waiting";
  let opened = null;

  function open() {
    if (!opened) {
      opened = new Promise((resolve, reject) => {
        const asked = indexedDB.open(NAME, 1);
        asked.onupgradeneeded = () => STORES.forEach((each) => asked.result.createObjectStore(each));
        asked.onerror = () => reject(asked.error);
        asked.onsuccess = () => {
          const base = asked.result;
          // Somebody destroys it from another page.
          base.onversionchange = () => {
            base.close();
            opened = null;
          };
          resolve(base);
        };
      });
      opened.catch(() => (opened = null));
    }
    return opened;
  }

  // One transaction, done once it is on the disk.
  async function within(store, mode, work) {
    const base = await open();
    return new Promise((resolve, reject) => {
      const transaction = base.transaction(store, mode, mode === "readwrite" ? { durability: "strict" } : {});
      const asked = work(transaction.objectStore(store));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onabort = () => reject(transaction.error || new Error("not kept"));
    });
  }

  async function key() {
    const found = await within("key", "readonly", (store) => store.get("key"));
    if (found) return found;
    const made = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    try {
      await within("key", "readwrite", (store) => store.add(made, "key"));
      return made;
    } catch (error) {
      if (error.name === "ConstraintError") return key(); // another page was first
      throw error;
    }
  }

  // Where a record belongs is sealed with it, so that none can stand in another's place.
  const about = (store, id, iv) => ({ name: "AES-GCM", iv, additionalData: new TextEncoder().encode(`${store}/${id}`) });

  async function put(store, id, value) {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const text = new TextEncoder().encode(JSON.stringify(value));
    const sealed = await crypto.subtle.encrypt(about(store, id, iv), await key(), text);
    await within(store, "readwrite", (each) => each.put({ id, iv, sealed }, id));
    return value;
  }

  async function unsealed(store, record) {
    const text = await crypto.subtle.decrypt(about(store, record.id, record.iv), await key(), record.sealed);
    return JSON.parse(new TextDecoder().decode(text));
  }

  async function get(store, id) {
    const record = await within(store, "readonly", (each) => each.get(id));
    return record ? unsealed(store, record) : null;
  }

  async function all(store) {
    const records = await within(store, "readonly", (each) => each.getAll());
    return Promise.all(records.map((record) => unsealed(store, record)));
  }

  const remove = (store, id) => within(store, "readwrite", (each) => each.delete(id));

  // How many wait, for pages that ask before they sign out; no other thing lies open.
  function tell(count) {
    if (self.localStorage) localStorage.setItem(WAITING, count);
  }

  async function destroy() {
    // Without the key the rest says nothing, even where a browser is slow to forget it.
    await within("key", "readwrite", (store) => store.clear()).catch(() => null);
    const base = opened && (await opened.catch(() => null));
    opened = null;
    if (base) base.close();
    await new Promise((resolve) => {
      const asked = indexedDB.deleteDatabase(NAME);
      asked.onsuccess = asked.onerror = asked.onblocked = resolve;
    });
    if (self.localStorage) localStorage.removeItem(WAITING);
    for (const name of self.caches ? await caches.keys() : []) if (name.startsWith(NAME)) await caches.delete(name);
    const registered = (await navigator.serviceWorker?.getRegistrations()) || [];
    for (const each of registered) if (new URL(each.scope).pathname === "/daily/visits") await each.unregister();
  }

  return { NAME, put, get, all, remove, tell, destroy };
})();
