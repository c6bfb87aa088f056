// Checks a figure of a sealed report in this browser, from its proof alone: the steps have the numbers of
// services/evidence/evidence-format.md. Hashes, paths and signatures are those of verify.js.
"use strict";

const COUNT_MAX = 2 ** 53 - 1;
const LEVELS = [0, 2, 4, 6, 9, 12];
const OWN_WORD = "/taizhang/evidence";

class NotShown extends Error {}

function require_(holds, words) {
  if (!holds) throw new NotShown(words);
}

// The file: lines of a head, an empty line, a signed note.
function readProof(text) {
  const gap = text.indexOf("\n\n");
  const lines = text.slice(0, gap).split("\n");
  require_(gap > 0 && lines.shift() === "taizhang/figure@v1", "no proof of a figure");
  const take = (word) => {
    const [first, ...values] = (lines.shift() ?? "").split(" ");
    require_(first === word, `a line ${word} is due`);
    return values;
  };
  const counts = (values) => values.map((each) => {
    require_(/^(0|[1-9][0-9]{0,15})$/.test(each) && Number(each) <= COUNT_MAX, `${each} is no count`);
    return Number(each);
  });
  const proof = { note: text.slice(gap + 2), steps: [], path: [] };
  [proof.key] = take("key");
  const [digits, code] = take("region");
  proof.digits = Number(digits);
  proof.code = code === "-" ? "" : code;
  [proof.kind] = take("kind");
  proof.inner = fromBase64(take("inner")[0]);
  proof.counts = counts(take("counts"));
  let level = [];
  while (/^(left|right|above)/.test(lines[0] ?? "")) {
    const [side, hash, first, last, ...values] = lines.shift().split(" ");
    if (side === "above") {
      proof.steps.push(level);
      level = [];
    } else {
      level.push({ isLeft: side === "left", hash: fromBase64(hash), first, last, counts: counts(values) });
    }
  }
  proof.entry = (lines.shift() ?? "").replace(/^entry /, "");
  proof.event = fromBase64(take("event")[0]);
  while (lines.length) proof.path.push(fromBase64(take("path")[0]));
  return proof;
}

function unsigned(value, bytes) {
  const view = new DataView(new ArrayBuffer(bytes));
  if (bytes === 8) view.setBigUint64(0, BigInt(value));
  else view.setUint16(0, value);
  return new Uint8Array(view.buffer);
}

const label = (text) => Uint8Array.of(text.length, ...encoder.encode(text));
const numbers = (counts) => [unsigned(counts.length, 2), ...counts.map((each) => unsigned(each, 8))];
const encoded = (node) => [node.hash, label(node.first), label(node.last), ...numbers(node.counts)];

async function region(digits, code, inner, counts) {
  const start = encoder.encode("taizhang/sum/region/1\n");
  const hash = await sha256(start, Uint8Array.of(digits), label(code), inner, ...numbers(counts));
  return { hash, counts, first: code, last: code };
}

async function join(left, right) {
  require_(left.last < right.first, "regions are not in order");
  const counts = left.counts.map((each, at) => each + right.counts[at]);
  require_(counts.every((each) => each <= COUNT_MAX), "a sum is too large");
  const hash = await sha256(encoder.encode("taizhang/sum/join/1\n"), ...encoded(left), ...encoded(right));
  return { hash, counts, first: left.first, last: right.last };
}

// 3. The sums, from the region's node to the root.
async function sumsRoot(proof, width) {
  let level = LEVELS.indexOf(proof.digits);
  require_(level === proof.steps.length, "there are not as many levels as stand above the region");
  const fits = (node) => node.counts.length === width && node.first <= node.last &&
    [node.first, node.last].every((each) => each.length <= LEVELS[level] && /^([0-9]{2,12})?$/.test(each));
  let node = await region(proof.digits, proof.code, proof.inner, proof.counts);
  require_(fits(node), "the region has other counts");
  for (const sides of proof.steps) {
    for (const side of sides) {
      require_(fits(side), "a node has other counts, or is of another level");
      node = side.isLeft ? await join(side, node) : await join(node, side);
    }
    level -= 1;
    const above = node.first.slice(0, LEVELS[level]);
    require_(node.last.startsWith(above), "what is joined is not of one region");
    node = await region(LEVELS[level], above, node.hash, node.counts);
  }
  return toHex(node.hash);
}

// The figure's counts by name, and whether the log's key signed (null where this browser cannot tell).
async function checkFigure(proof, key) {
  require_(proof.key === key, "the proof is of another key");
  // 1. The checkpoint.
  const checkpoint = readCheckpoint(proof.note);
  const signed = await isSigned(checkpoint, key);
  require_(signed !== false, "the checkpoint is not signed by the log's key");
  // 2. The event that states the roots.
  const { record: entry, leaf: leafText, bound } = await opened(proof.entry);
  require_(bound, "nothing binds the event to its leaf");
  require_(toHex(await sha256(proof.event)) === entry.raw_sha256, "the event's bytes were changed");
  const index = entry.position - 1;
  require_(index >= 0 && index < checkpoint.size, "the event is not within the tree");
  const leaf = await sha256(LEAF, encoder.encode(leafText));
  const root = await rootFrom(leaf, index, checkpoint.size, proof.path);
  require_(root !== null && same(root, checkpoint.root), "the event is not in the log");
  const event = JSON.parse(new TextDecoder().decode(proof.event));
  const own = [entry.source, entry.publisher, event.source].every((each) => each === OWN_WORD);
  require_(own && event.type === "taizhang.evidence.rooted.v1", "the event is not the service's own word");
  const stated = event.data;
  require_(stated.format === "taizhang-roots/1" && stated.known_at < entry.position, "the event states no roots");
  const made = await sumsRoot(proof, stated.kinds.length * stated.counts.length);
  require_(made === stated.sums, "the figures lead to another root");
  const chosen = stated.kinds.map((kind, at) => (proof.kind === "all" || proof.kind === kind ? at : -1));
  require_(chosen.some((each) => each >= 0), "the kind is none of those that are counted");
  const figure = {};
  stated.counts.forEach((name, at) => {
    const own_ = chosen.filter((each) => each >= 0).map((each) => proof.counts[each * stated.counts.length + at]);
    figure[name] = own_.reduce((sum, each) => sum + each, 0);
  });
  return { figure, stated, signed };
}

async function checkRow(cell) {
  const { proof: address, counts, asOf, knownAt, region: wanted, kind } = cell.dataset;
  const [proof, key] = await Promise.all([
    read(address).then((answer) => answer.text()).then(readProof),
    read("/v1/log/key").then((answer) => answer.text()),
  ]);
  require_(`${proof.digits} ${proof.code}` === wanted && proof.kind === kind, "the proof is of another figure");
  const { figure, stated, signed } = await checkFigure(proof, key.trim());
  require_(stated.as_of === asOf && stated.known_at === Number(knownAt), "the proof is of other clocks");
  const sealed = JSON.parse(counts);
  for (const name of Object.keys(sealed).filter((each) => each in figure)) {
    require_(sealed[name] === figure[name], `${name}: ${sealed[name]} ≠ ${figure[name]}`);
  }
  return signed === null ? "unknown" : "good";
}

for (const cell of document.querySelectorAll("[data-proof]")) {
  const [button, result, words] = [cell.querySelector("button"), cell.querySelector("output"), cell.closest("tbody")];
  const show = (state, detail) => {
    cell.dataset.state = state;
    result.textContent = detail ? `${words.dataset[state]} ${detail}` : words.dataset[state];
  };
  if (!window.isSecureContext) {
    show("insecure");
    continue;
  }
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    show("wait");
    try {
      show(await checkRow(cell));
    } catch (error) {
      show(error instanceof NotShown ? "bad" : "fault", error.message);
    }
    button.disabled = false;
  });
}
