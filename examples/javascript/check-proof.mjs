// Checks the proof of one card, with nothing but Node's own modules: node check-proof.mjs proof.json PUBLIC_KEY
// What the bytes are is described in docs/reference/proof.md. Exit code 0: all is well, 1: it is not, 2: no proof.

import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const HEAD_BYTES = 52; // card 12, sequence number 8, hash 32
const HEX = /^([0-9a-f]{2})*$/;

const faults = [];

function bytes(hex) {
  if (typeof hex !== "string" || !HEX.test(hex)) throw new TypeError("not hexadecimal");
  return Buffer.from(hex, "hex");
}

function big64(number) {
  if (!Number.isSafeInteger(number)) throw new TypeError("not a whole number");
  const written = Buffer.alloc(8);
  written.writeBigInt64BE(BigInt(number));
  return written;
}

function sha256(...parts) {
  return createHash("sha256").update(Buffer.concat(parts)).digest();
}

function isSigned(signature, message, key) {
  try {
    const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key]); // Ed25519 (RFC 8410)
    return verify(null, message, createPublicKey({ key: der, format: "der", type: "spki" }), signature);
  } catch {
    return false;
  }
}

// Keys that are trusted: the given one, and those that a trusted one handed over to.
function trustedKeys(given, handovers) {
  const trusted = new Set([given]);
  for (let before = 0; before < trusted.size; ) {
    before = trusted.size;
    for (const { from, to, signature } of handovers) {
      const message = Buffer.concat([Buffer.from("kado:seal-key-handover:"), bytes(from), bytes(to)]);
      if (trusted.has(from) && isSigned(bytes(signature), message, bytes(from))) trusted.add(to);
    }
  }
  return trusted;
}

// Amounts may be larger than a Number is exact: they are read as whole numbers of any size.
function whole(text) {
  if (!/^-?(0|[1-9][0-9]*)$/.test(text)) throw new TypeError("not a whole number");
  return BigInt(text);
}

function walk(proof) {
  let previous = "0".repeat(64);
  let balance = 0n;
  proof.entries.forEach(({ text, hash }, index) => {
    const seq = index + 1;
    const entry = JSON.parse(text);
    if (!Array.isArray(entry) || (entry.length !== 16 && entry.length !== 17)) throw new TypeError("no entry");
    // The first seven members are ids, a number, a type and amounts: none of them has a comma in it.
    const [amount, before, after] = text.slice(1).split(",", 7).slice(4).map(whole);
    if (entry[0] !== proof.program || entry[1] !== proof.card || entry[2] !== seq) {
      faults.push(`entry ${seq} is of another card, or is missing`);
    }
    if (sha256(Buffer.from(text)).toString("hex") !== hash) faults.push(`entry ${seq} was changed`);
    if (entry[15] !== previous) faults.push(`entry ${seq} does not continue the one before it`);
    if (before !== balance || after !== balance + amount || after < 0n) faults.push(`entry ${seq} does not add up`);
    previous = hash;
    balance = after;
  });
  if (proof.entries.length === 0) faults.push("there is no entry");
  return balance;
}

// Up to which entry the seal bears the proof out.
function sealed(proof, trusted) {
  const { seal } = proof;
  if (seal === null) {
    faults.push("nothing is sealed");
    return 0;
  }
  const heads = Buffer.from(seal.heads, "base64");
  const digest = sha256(bytes(proof.program), big64(seal.number), big64(seal.sealedAt), bytes(seal.previous), heads);
  if (heads.length % HEAD_BYTES !== 0 || digest.toString("hex") !== seal.hash) faults.push("the seal was changed");
  if (!trusted.has(seal.key)) faults.push("the seal was signed with a key that is not trusted");
  else if (!isSigned(bytes(seal.signature), digest, bytes(seal.key))) faults.push("the signature is wrong");
  let found = 0;
  for (let at = 0; at + HEAD_BYTES <= heads.length; at += HEAD_BYTES) {
    if (heads.toString("hex", at, at + 12) !== proof.card) continue;
    const seq = Number(heads.readBigUInt64BE(at + 12));
    if (proof.entries[seq - 1]?.hash === heads.toString("hex", at + 20, at + HEAD_BYTES)) found = seq;
  }
  if (found === 0) faults.push("the seal does not contain an entry of this history");
  return found;
}

const [file, key] = process.argv.slice(2);
try {
  const proof = JSON.parse(readFileSync(file, "utf8"));
  if (proof.format !== "kado-card-proof" || proof.version !== 1) throw new TypeError("another format");
  const balance = walk(proof);
  const count = sealed(proof, trustedKeys(key, proof.handovers));
  faults.forEach((fault) => console.log(`Not so: ${fault}.`));
  if (faults.length === 0) {
    const entries = `${proof.entries.length} entries, ${count} of them sealed`;
    console.log(`All is well: card ${proof.card}, ${entries}, balance ${balance} minor units of ${proof.currency}.`);
  }
  process.exit(faults.length === 0 ? 0 : 1);
} catch (error) {
  console.error(`This is not a proof of a card (${error.message}).`);
  process.exit(2);
}
