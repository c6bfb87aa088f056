// Checks an event in this browser: its bytes, its leaf, the path to the checkpoint's root (RFC 6962 section 2.1,
// RFC 9162 section 2.1.3.2), and the checkpoint's signature (C2SP signed-note, tlog-checkpoint, tlog-tiles).
"use strict";

const TILE_WIDTH = 256;
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
const encoder = new TextEncoder();

const fromBase64 = (text) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
const toHex = (bytes) => Array.from(bytes, (each) => each.toString(16).padStart(2, "0")).join("");
const same = (one, other) => one.length === other.length && one.every((each, at) => each === other[at]);

async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer()));
}

async function read(path) {
  const answer = await fetch(path, { cache: "no-store" });
  if (!answer.ok) throw new Error(`${answer.status} ${path}`);
  return answer;
}

// The root to which a leaf's hash and its path lead; null where the path does not fit the tree.
async function rootFrom(leafHash, index, size, path) {
  let hash = leafHash;
  let node = index;
  let last = size - 1;
  for (const sibling of path) {
    if (last === 0) return null;
    if (node % 2 === 1 || node === last) {
      hash = await sha256(NODE, sibling, hash);
      while (node % 2 === 0 && node !== 0) {
        node /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      hash = await sha256(NODE, hash, sibling);
    }
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? hash : null;
}

// The address of the bundle that holds an entry, in a tree of this size.
function bundlePath(index, size) {
  const number = Math.floor(index / TILE_WIDTH);
  const width = Math.min(size - number * TILE_WIDTH, TILE_WIDTH);
  const digits = String(number).padStart(Math.ceil(String(number).length / 3) * 3, "0").match(/.{3}/g);
  const path = digits.map((group, at) => (at < digits.length - 1 ? `x${group}` : group)).join("/");
  return `/v1/log/tile/entries/${path}${width < TILE_WIDTH ? `.p/${width}` : ""}`;
}

function entryOf(bundle, wanted) {
  const view = new DataView(bundle);
  let at = 0;
  for (let number = 0; number < wanted; number += 1) at += 2 + view.getUint16(at);
  return new Uint8Array(bundle, at + 2, view.getUint16(at));
}

// What is recorded of an event, and the leaf that its entry opens: the same, or a commitment where it is blinded. Of one
// whose value was erased nothing binds the two any more.
async function opened(entry) {
  const value = JSON.parse(entry);
  if (!("entry" in value)) return { record: value, leaf: entry, bound: true };
  const start = encoder.encode("taizhang/leaf/2\n");
  const commitment = value.commitment ?? toHex(await sha256(start, encoder.encode(entry)));
  const leaf = `{"commitment":"${commitment}","position":${value.entry.position}}`;
  return { record: value.entry, leaf, bound: "blinding" in value };
}

function readCheckpoint(note) {
  const end = note.lastIndexOf("\n\n");
  const text = note.slice(0, end + 1);
  const [origin, size, root] = text.split("\n");
  const signatures = note.slice(end + 2).trimEnd().split("\n").map((line) => line.split(" "));
  return { text, origin, size: Number(size), root: fromBase64(root), signatures };
}

// Whether the log's key signed the checkpoint; null where this browser knows no Ed25519.
async function isSigned(checkpoint, key) {
  const name = key.slice(0, key.indexOf("+"));
  const [id] = key.slice(name.length + 1).split("+", 1);
  const typeAndKey = fromBase64(key.slice(name.length + id.length + 2));
  const keyId = (await sha256(encoder.encode(`${name}\n`), typeAndKey)).slice(0, 4);
  if (toHex(keyId) !== id || name !== checkpoint.origin) return false;
  let verifier;
  try {
    verifier = await crypto.subtle.importKey("raw", typeAndKey.slice(1), "Ed25519", false, ["verify"]);
  } catch {
    return null;
  }
  for (const [dash, signer, encoded] of checkpoint.signatures) {
    const data = fromBase64(encoded);
    if (dash === "\u2014" && signer === name && same(data.slice(0, 4), keyId)) {
      return crypto.subtle.verify("Ed25519", verifier, data.slice(4), encoder.encode(checkpoint.text));
    }
  }
  return false;
}

class Checks {
  constructor(section) {
    this.section = section;
    this.failed = 0;
    this.unknown = 0;
  }

  show(name, holds, detail) {
    const state = holds === null ? "unknown" : holds ? "good" : "bad";
    if (state === "bad") this.failed += 1;
    if (state === "unknown") this.unknown += 1;
    const item = this.section.querySelector(`[data-check=${name}]`);
    item.hidden = false;
    item.dataset.state = state;
    item.querySelector("[data-result]").textContent = this.section.dataset[state];
    item.querySelector("code").textContent = detail;
  }

  end(outcome) {
    for (const each of this.section.querySelectorAll("[data-outcome]")) each.hidden = each.dataset.outcome !== outcome;
  }
}

async function verify(section) {
  const checks = new Checks(section);
  for (const item of section.querySelectorAll("[data-check]")) item.hidden = true;
  checks.end("none");
  const position = Number(section.dataset.position);
  const index = position - 1;
  const [event, note, key] = await Promise.all([
    read(`/v1/events/${position}`).then((answer) => answer.json()),
    read("/v1/log/checkpoint").then((answer) => answer.text()),
    read("/v1/log/key").then((answer) => answer.text()),
  ]);
  const checkpoint = readCheckpoint(note);
  if (checkpoint.size < position) {
    checks.end("later");
    return;
  }
  const [bundle, proof] = await Promise.all([
    read(bundlePath(index, checkpoint.size)).then((answer) => answer.arrayBuffer()),
    read(`/v1/log/proof/inclusion?position=${position}&tree_size=${checkpoint.size}`).then((answer) => answer.json()),
  ]);
  const served = entryOf(bundle, index % TILE_WIDTH);
  const { record, leaf, bound } = await opened(event.entry);
  const digest = toHex(await sha256(fromBase64(event.raw_base64)));
  const received = digest === record.raw_sha256 && digest === section.dataset.sha256;
  checks.show("raw", received && !bound ? null : received, digest);
  const { source, id } = section.dataset;
  const named = record.position === position && record.source === source && record.id === id;
  const leafHash = await sha256(LEAF, encoder.encode(leaf));
  checks.show("leaf", named && same(encoder.encode(leaf), served), toHex(leafHash));
  const root = await rootFrom(leafHash, index, checkpoint.size, proof.hashes.map(fromBase64));
  checks.show("path", root !== null && same(root, checkpoint.root), root === null ? "–" : toHex(root));
  checks.show("signature", await isSigned(checkpoint, key.trim()), key.trim());
  checks.end(checks.failed ? "bad" : checks.unknown ? "unknown" : "good");
}

for (const section of document.querySelectorAll("[data-verify]")) {
  const button = section.querySelector("button");
  if (!window.isSecureContext) {
    // Browsers offer their cryptography over HTTPS and on the machine itself only.
    new Checks(section).end("insecure");
    continue;
  }
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await verify(section);
    } catch (error) {
      section.querySelector("[data-fault]").textContent = error.message;
      new Checks(section).end("fault");
    }
    button.disabled = false;
  });
}
