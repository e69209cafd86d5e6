// The proof of work of the balance page (ALTCHA, version 2, PBKDF2): made while somebody types, sent with the form.
// Without it (no JavaScript, no WebCrypto because the page came over plain http) the form works as it stands.
"use strict";

(() => {
  const form = document.querySelector("form[data-challenge]");
  if (!form || !window.crypto || !crypto.subtle) return;

  const GOOD_FOR = 8 * 60 * 1000; // a challenge is good for ten minutes
  const AT_ONCE = 8;
  const progress = document.getElementById("progress");
  const button = form.querySelector("button");
  let proof = null; // a promise
  let begun = 0;
  let leaving = false;

  document.getElementById("unscripted").hidden = true;

  const bytes = (hex) => Uint8Array.from(hex.match(/../g) || [], (pair) => parseInt(pair, 16));
  const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

  async function derived(parameters, counter) {
    const nonce = bytes(parameters.nonce);
    const password = new Uint8Array(nonce.length + 4);
    password.set(nonce);
    new DataView(password.buffer).setUint32(nonce.length, counter);
    const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const how = { name: "PBKDF2", hash: "SHA-256", salt: bytes(parameters.salt), iterations: parameters.cost };
    return hex(await crypto.subtle.deriveBits(how, key, parameters.keyLength * 8));
  }

  async function solved(challenge) {
    const { parameters } = challenge;
    for (let first = 0; ; first += AT_ONCE) {
      const counters = Array.from({ length: AT_ONCE }, (_, at) => first + at);
      const keys = await Promise.all(counters.map((counter) => derived(parameters, counter)));
      const at = keys.findIndex((key) => key.startsWith(parameters.keyPrefix));
      if (at >= 0) return { challenge, solution: { counter: first + at, derivedKey: keys[at] } };
    }
  }

  async function prove() {
    const answer = await fetch(form.dataset.challenge, { cache: "no-store" });
    if (!answer.ok) throw new Error("no challenge");
    return btoa(JSON.stringify(await solved(await answer.json())));
  }

  function begin() {
    if (proof && Date.now() - begun < GOOD_FOR) return;
    begun = Date.now();
    if (!leaving) progress.textContent = form.dataset.preparing;
    proof = prove().catch(() => ""); // the server says what to do without one
    proof.then((made) => {
      if (!leaving) progress.textContent = made ? form.dataset.ready : "";
    });
  }

  form.addEventListener("input", begin);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (leaving) return;
    leaving = true;
    progress.textContent = form.dataset.checking;
    button.setAttribute("aria-disabled", "true");
    begin();
    form.elements.proof.value = await proof;
    form.submit();
  });

  // Whoever comes back with the browser's own button finds a form that works.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    leaving = false;
    proof = null;
    progress.textContent = "";
    button.removeAttribute("aria-disabled");
  });
})();
