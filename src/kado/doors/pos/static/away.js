// The till without a line. While there is one, the device is granted an allowance; without one it writes down what is
// taken, each take with its key and its place, and the card encrypted so that only the server can read it. When the line
// is back, everything is settled; what was settled is told until somebody has seen it. Windows take turns at all of it.
"use strict";

(() => {
  const KEPT = "kado-till-away"; // { token, facts, offset, next, left, lastAt, takes }
  const TOLD = "kado-till-told"; // what was settled, until somebody has seen it
  const LOCKED = "kado-till-locked"; // somebody locked the till while there was no line
  const OPEN = "kado-till-open"; // the question of till.js that has no answer yet
  const PATIENCE = 20_000; // milliseconds for one answer
  const ASTRAY = 120_000;
  const BATCH = 20;
  const AGAIN = [2000, 5000, 15_000, 30_000];

  if (!window.isSecureContext || !crypto.subtle || !navigator.locks) return; // by https alone
  const $ = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // ── what is kept ──────────────────────────────────────────────────────────────────────────────────────────────

  const read = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  const kept = () => JSON.parse(read(KEPT) || "null");
  function keep(state) { // raises where the device has no room
    if (!state) return localStorage.removeItem(KEPT);
    const text = JSON.stringify(state);
    localStorage.setItem(KEPT, text);
    if (read(KEPT) !== text) throw new Error("not written");
  }
  const alone = (work) => navigator.locks.request(KEPT, work);

  const bytes = (base64) => Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
  const base64 = (data) => btoa(String.fromCharCode(...data));
  const factsOf = (token) => JSON.parse(new TextDecoder().decode(bytes(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))));
  const hex = (length) => [...crypto.getRandomValues(new Uint8Array(length))].map((one) => one.toString(16).padStart(2, "0")).join("");

  const now = (state) => Date.now() + state.offset;
  function usable(state) {
    if (!state || !state.token || state.ended) return false;
    const at = now(state);
    const { facts } = state;
    // A clock that was set back is wrong; one that was set ahead is over sooner.
    return at >= Math.max(facts.granted, state.lastAt || 0) - ASTRAY && at <= facts.expires && state.left > 0 && state.next <= facts.places;
  }

  // ── an allowance, while there is a line ───────────────────────────────────────────────────────────────────────

  const body = (fields) => ({ method: "POST", body: new URLSearchParams(fields), credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });

  async function renew() {
    const here = document.body.dataset;
    await alone(async () => {
      const state = kept();
      // With a line and nobody there, or somebody else, it is nobody's any more.
      if (state && !state.ended && state.facts.signIn !== here.signIn) keep(Object.assign(state, { ended: true }));
      if (!here.signIn || (state && state.takes.length)) return; // what was taken comes first
      if (!("offersAway" in here)) { if (state) keep(null); return; }
      const isNew = state && state.token && state.facts.signIn === here.signIn && state.next === 1 && !state.ended;
      if (isNew && state.facts.expires - now(state) > (state.facts.expires - state.facts.granted) / 2) return;
      const answer = await fetch("/pos/offline/allowance", body({}));
      if (!answer.ok || !(answer.headers.get("Content-Type") || "").startsWith("application/json")) return;
      const given = await answer.json();
      if (!given.allowance) return void keep(null);
      const facts = factsOf(given.allowance);
      keep({ token: given.allowance, facts, offset: given.now - Date.now(), next: 1, left: facts.total, lastAt: 0, takes: [] });
    });
  }

  // ── settling, when it is back ─────────────────────────────────────────────────────────────────────────────────

  let settling = false;
  let tries = 0;
  async function settle() {
    const state = kept();
    if (settling || !state || !state.takes.length || !navigator.onLine) return;
    settling = true;
    let isDone = false;
    try {
      isDone = await alone(settleAll);
      tries = 0;
    } catch { /* the line again */ }
    settling = false;
    showWaiting();
    if (isDone) return void (away || renew().catch(() => {})); // from there the till itself is loaded next
    setTimeout(settle, AGAIN[Math.min(tries, AGAIN.length - 1)]);
    tries += 1;
  }

  async function settleAll() {
    for (;;) {
      const state = kept();
      const batch = state ? state.takes.filter((one) => !one.stuck).slice(0, BATCH) : [];
      if (!batch.length) return true;
      for (const one of batch) one.sent = true; // from now on nobody knows but the server
      keep(state);
      const takes = batch.map(({ seq, key, amount, at, sealed }) => ({ seq, key, amount, at, sealed }));
      const answer = await fetch("/pos/offline/settle", body({ allowance: state.token, takes: JSON.stringify(takes) }));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const notice = $(".settlement", page);
      if (!answer.headers.get("Kado-Outcome") || !notice) return false;
      const rows = all("[data-seq]", notice);
      for (const row of rows) label(row, state.takes.find((one) => String(one.seq) === row.dataset.seq));
      const ended = new Set(rows.filter((row) => ["settled", "refused"].includes(row.dataset.state)).map((row) => Number(row.dataset.seq)));
      for (const row of rows.filter((one) => one.dataset.state === "kept")) state.takes.find((one) => String(one.seq) === row.dataset.seq).stuck = true;
      const isAnyOpen = rows.some((row) => row.dataset.state === "open");
      for (const row of rows.filter((one) => one.dataset.state === "open")) row.remove();
      state.takes = state.takes.filter((one) => !ended.has(one.seq));
      if (rows.length && $("li", notice)) tell(notice);
      keep(state);
      if (isAnyOpen) return false;
    }
  }

  const label = (row, take) => { if (take) $("[data-label]", row).textContent = take.label; };

  function tell(notice) {
    const before = read(TOLD) || "";
    $("[data-forget]", notice).hidden = !$('[data-state="kept"]', notice);
    // Another window may learn late that a take is settled, ask once more, and hear the same.
    if (before.includes(notice.outerHTML)) return void showTold();
    try { localStorage.setItem(TOLD, before + notice.outerHTML); } catch { /* it is shown at least */ }
    showTold();
  }
  function showTold() {
    for (const one of all(".settlement")) one.remove();
    const said = new DOMParser().parseFromString(read(TOLD) || "", "text/html");
    const main = $("main");
    for (const notice of all(".settlement", said).reverse()) {
      main.prepend(document.adoptNode(notice));
      $("[data-ok]", notice).addEventListener("click", () => { localStorage.removeItem(TOLD); showTold(); });
      $("[data-forget]", notice).addEventListener("click", () => alone(() => {
        const state = kept();
        if (state) { state.takes = state.takes.filter((one) => !one.stuck); keep(state); }
        localStorage.removeItem(TOLD);
        showTold();
      }));
    }
  }

  // ── taking, while there is none ───────────────────────────────────────────────────────────────────────────────

  const away = $("[data-away]");
  const words = away ? $("[data-away-words]").dataset : {};
  let key = hex(16);
  let confirmed = "";
  let busy = false;

  function money(state, minor) {
    const { currency, exponent } = state.facts;
    const format = new Intl.NumberFormat(document.documentElement.lang, { style: "currency", currency, minimumFractionDigits: exponent, maximumFractionDigits: exponent });
    return format.format(minor / 10 ** exponent);
  }

  const clock = (more) => {
    const { lang } = document.documentElement;
    return new Intl.DateTimeFormat(lang === "en" ? "en-GB" : lang, { ...more, hour: "2-digit", minute: "2-digit" });
  };

  function minorOf(text, exponent) {
    const found = /^([0-9]{1,9})(?:[.,]([0-9]+))?$/.exec(text.trim());
    if (!found || (found[2] || "").length > exponent) return 0;
    return Number(found[1] + (found[2] || "").padEnd(exponent, "0"));
  }

  const isPage = (text) => /[0-9a-f]{56}/.test(decodeURIComponent(text));
  function looksMistyped(digits) { // by the check digit that our numbers have; others may have none
    let sum = 0;
    [...digits].reverse().forEach((one, at) => { const twice = Number(one) * (at % 2 ? 2 : 1); sum += twice > 9 ? twice - 9 : twice; });
    return digits.length !== 16 || sum % 10 !== 0;
  }

  async function sealed(state, text, beside) {
    const encoder = new TextEncoder();
    const curve = { name: "ECDH", namedCurve: "P-256" };
    const theirs = bytes(state.facts.box);
    const own = await crypto.subtle.generateKey(curve, false, ["deriveBits"]);
    const box = await crypto.subtle.importKey("raw", theirs, curve, false, []);
    const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: box }, own.privateKey, 256);
    const point = new Uint8Array(await crypto.subtle.exportKey("raw", own.publicKey));
    const info = new Uint8Array([...encoder.encode("kado:till-box"), ...point, ...theirs]);
    const secret = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveKey"]);
    const cipher = await crypto.subtle.deriveKey(
      { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info }, secret, { name: "AES-GCM", length: 256 }, false, ["encrypt"],
    );
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const hidden = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: encoder.encode(beside) }, cipher, encoder.encode(text));
    return base64([...point, ...iv, ...new Uint8Array(hidden)]);
  }

  const problem = (text) => {
    const note = $("[data-away-problem]");
    note.textContent = text;
    note.hidden = !text;
    if (text) $("[data-away-noted]").hidden = true;
  };

  async function take(form) {
    const text = form.number.value.trim();
    const digits = text.replace(/[ -]/g, "");
    const own = key;
    const done = await alone(async () => {
      const state = kept();
      if (!usable(state)) return problem(words.spent);
      if (state.takes.some((one) => one.key === own)) return null; // a double tap
      if (!isPage(text) && !/^[0-9]{12,}$/.test(digits)) return problem(words.number);
      if (!isPage(text) && looksMistyped(digits) && confirmed !== digits) { confirmed = digits; return problem(words.check); }
      const amount = minorOf(form.amount.value, state.facts.exponent);
      if (amount <= 0) return problem(words.amount);
      const most = Math.min(state.facts.most, state.left);
      if (amount > most) return problem(`${words.much} ${money(state, most)}`);
      const at = Math.max(now(state), state.lastAt || 0);
      const [seq, shown] = [state.next, isPage(text) ? words.qr : `…\u2060${digits.slice(-4)}`];
      const hidden = await sealed(state, text, `${state.facts.id}:${seq}:${own}:${amount}:${at}`);
      state.takes.push({ seq, key: own, amount, at, sealed: hidden, label: shown });
      Object.assign(state, { next: seq + 1, left: state.left - amount, lastAt: at });
      try { keep(state); } catch { return problem(words.full); }
      return `${money(state, amount)}\u00a0${shown}`;
    });
    if (!done) return;
    key = hex(16);
    confirmed = "";
    form.reset();
    problem("");
    $("[data-away-noted]").hidden = false;
    $("[data-away-noted] strong").textContent = done;
    document.body.dataset.sounded = "scan";
    showAway();
    form.number.focus();
    window.scrollTo(0, 0);
  }

  function showAway() {
    const state = kept();
    const may = usable(state);
    for (const link of all("[data-away-link]")) link.hidden = !may || Boolean(away);
    if (!away) return;
    const waits = Boolean(state && state.takes.length);
    away.hidden = !may && !waits;
    $("[data-refuses]").hidden = may;
    $("[data-away-form]").hidden = !may;
    document.body.toggleAttribute("data-away-open", may);
    showWaiting();
    const question = JSON.parse(read(OPEN) || "null");
    $("[data-away-question]").hidden = !question;
    if (question) $("[data-away-question] strong").textContent = question.says;
    if (!state || !state.token) return;
    form.amount.dataset.exponent = String(state.facts.exponent);
    $("[data-away-left]").textContent = money(state, state.left);
    $("[data-away-most]").textContent = money(state, Math.min(state.facts.most, state.left));
    const until = new Date(state.facts.expires - state.offset);
    $("[data-away-until]").textContent = clock({ weekday: "short" }).format(until);
  }

  function showWaiting() {
    const list = $("[data-away-list]");
    if (!list) return;
    const state = kept();
    const takes = state ? state.takes : [];
    $("[data-away-waiting]").hidden = !takes.length;
    list.replaceChildren(...[...takes].reverse().map((one) => {
      const row = $("[data-away-row]").content.firstElementChild.cloneNode(true);
      $(".money", row).textContent = money(state, one.amount);
      label(row, one);
      $(".when", row).textContent = clock({}).format(new Date(one.at - state.offset));
      const button = $("button", row);
      $(".unseen", button).textContent = ` ${money(state, one.amount)} ${one.label}`;
      button.hidden = Boolean(one.sent); // it may have been settled
      button.addEventListener("click", () => remove(one.key));
      return row;
    }));
  }

  async function remove(which) {
    await alone(() => {
      const state = kept();
      const found = state && state.takes.find((one) => one.key === which && !one.sent);
      if (!found) return;
      state.takes = state.takes.filter((one) => one !== found); // its place stays used
      state.left += found.amount;
      keep(state);
    });
    $("[data-away-noted]").hidden = true;
    showAway();
  }

  const form = $("[data-away-form]");
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    const amount = form.amount.value.trim();
    if (amount.length > 11) Object.assign(form.number, { value: amount }) && (form.amount.value = ""); // a scanner
    if (form.number.value && !form.amount.value) { problem(""); return form.amount.focus(); }
    busy = true;
    try { await take(form); } finally { busy = false; }
  });
  document.addEventListener("kado-scanned", (event) => { // of a hand scanner or the camera
    if (!away || away.hidden) return;
    event.preventDefault();
    form.number.value = event.detail;
    form.amount.focus();
  });

  // ── the line, the lock, other windows ─────────────────────────────────────────────────────────────────────────

  document.addEventListener("submit", (event) => {
    if (!event.target.matches(".lock")) return;
    // Whoever locks the till leaves nobody behind who takes without a line.
    const state = kept();
    if (state) keep({ ...state, ended: true });
    if (document.body.classList.contains("no-line") || !navigator.onLine) {
      event.preventDefault();
      localStorage.setItem(LOCKED, "1");
      location.assign("/pos");
    }
  }, true);

  async function begin() {
    if (read(LOCKED) && document.body.hasAttribute("data-till")) {
      await fetch("/pos/lock", body({}));
      localStorage.removeItem(LOCKED);
      return void location.replace("/pos");
    }
    if (!document.body.hasAttribute("data-till")) localStorage.removeItem(LOCKED);
    if (!away) await renew();
    await settle();
    showAway();
  }

  async function lineIsBack() {
    if (!away) return void begin().catch(() => {});
    try { await fetch("/pos/alive", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) }); } catch { return void setTimeout(lineIsBack, AGAIN[0]); }
    await settle();
    const state = kept();
    if (!state || state.takes.every((one) => one.stuck)) location.replace("/pos");
  }

  document.addEventListener("kado-line", (event) => { if (event.detail) lineIsBack(); else showAway(); });
  document.addEventListener("kado-shown", () => { showTold(); showAway(); });
  window.addEventListener("storage", (event) => { if ([KEPT, TOLD, null].includes(event.key)) { showAway(); showTold(); } });

  showTold();
  showAway();
  if (away) setTimeout(lineIsBack, AGAIN[0]); else begin().catch(() => {});
})();
