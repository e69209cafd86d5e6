// The till: hand scanners that type, a camera where the browser reads codes, sounds, and the one loop that matters:
// a question about money is written down before it is asked, asked with its key until its outcome has been seen, and
// only then forgotten. Everything else works without this file too.
"use strict";

(() => {
  const OPEN = "kado-till-open"; // the question that has no answer yet
  const SOUNDS = "kado-till-sounds";
  const PATIENCE = 10_000; // milliseconds for one answer
  const TYPED = 'input:not([type="hidden"], [type="radio"], [type="checkbox"]), textarea';
  const PAUSES = [400, 800, 1500, 3000, 5000, 8000];
  const LOOK_AGAIN = 3000;

  const $ = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const kept = (name) => { try { return localStorage.getItem(name); } catch { return null; } };

  // ── the open question ─────────────────────────────────────────────────────────────────────────────────────────

  let asking = false;
  let wake = null; // ends a pause at once

  const open = () => JSON.parse(kept(OPEN) || "null");
  const remember = (question) => localStorage.setItem(OPEN, JSON.stringify(question));
  const forget = () => localStorage.removeItem(OPEN);

  async function ask(question) {
    const body = new URLSearchParams(question.fields);
    if (question.tries) body.set("again", "1");
    question.tries += 1;
    remember(question); // before it leaves
    const answer = await fetch(question.address, {
      method: "POST", body, credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(PATIENCE),
    });
    const known = answer.headers.get("Kado-Outcome");
    const page = await answer.text(); // an answer that breaks off is none
    return { known, page };
  }

  const pause = (milliseconds) => new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    wake = () => { clearTimeout(timer); resolve(); };
  });

  async function settle(question) {
    if (asking) return; // a double tap
    asking = true;
    document.body.setAttribute("aria-busy", "true");
    const { known, page } = await answered(question);
    if (known === "settled") forget(); // signed out, the question stays: whoever signs in next gets its answer
    asking = false;
    document.body.removeAttribute("aria-busy");
    show(page);
  }

  async function answered(question) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const answer = await ask(question);
        lineIs(true);
        if (answer.known === "settled" || answer.known === "signed-out") return answer;
      } catch {
        lineIs(false);
      }
      showUnknown(question, attempt);
      await pause(PAUSES[Math.min(attempt, PAUSES.length - 1)]);
    }
  }

  function showUnknown(question, attempt) {
    const dialog = $("#unknown");
    if (!dialog) return;
    $("#unknown-what").textContent = question.says;
    $("#unknown-status").dataset.tries = String(attempt + 1);
    if (!dialog.open) { dialog.showModal(); sound("open"); }
  }
  function closeUnknown() { const dialog = $("#unknown"); if (dialog && dialog.open) dialog.close(); }

  // ── pages ─────────────────────────────────────────────────────────────────────────────────────────────────────

  function show(page) {
    const came = new DOMParser().parseFromString(page, "text/html");
    closeUnknown();
    document.title = came.title;
    for (const part of [".bar", "main"]) {
      const [here, there] = [$(part), $(part, came)];
      if (here && there) here.replaceWith(document.adoptNode(there));
    }
    document.body.toggleAttribute("data-till", came.body.hasAttribute("data-till"));
    ready();
    document.dispatchEvent(new CustomEvent("kado-shown"));
    const focus = $("[autofocus]") || $("[data-next]") || $("main h1[tabindex]");
    if (focus) focus.focus();
    window.scrollTo(0, 0);
  }

  function saysOf(form) {
    const field = $('[name="amount"]:checked', form) || $('input[name="amount"]:not([type="radio"])', form);
    const other = $('[name="other"]', form);
    const amount = (other && other.value) || (field && field.value) || "";
    const card = $("[data-card]");
    const sum = amount && `${amount} ${document.body.dataset.currency || ""}`;
    return [form.dataset.asks, sum, card ? card.dataset.card : ""].filter(Boolean).join(" · ");
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement)) return;
    if (form.hasAttribute("data-asks")) {
      event.preventDefault();
      if (asking) return;
      if (open()) return void settle(open()); // of another window: that one first
      const fields = [...new FormData(form, event.submitter)].filter(([, value]) => typeof value === "string");
      const scanned = all(TYPED, form).find((one) => looksScanned(one.value));
      if (scanned) return void find(scanned.value); // a hand scanner typed into a field that is meant for other things
      if (!navigator.onLine) return void lineIs(false);
      settle({ address: new URL(form.action).pathname, fields, says: saysOf(form), tries: 0 });
    } else if (form.dataset.sent) {
      event.preventDefault(); // a double tap
    } else {
      form.dataset.sent = "1";
      setTimeout(() => delete form.dataset.sent, 5000);
    }
  });

  // ── the line ──────────────────────────────────────────────────────────────────────────────────────────────────

  let looking = false;
  let hadLine = true;
  function lineIs(there) {
    if (there !== hadLine) setTimeout(() => document.dispatchEvent(new CustomEvent("kado-line", { detail: there })));
    hadLine = there;
    const note = $("#offline");
    if (note) note.hidden = there;
    document.body.classList.toggle("no-line", !there);
    if (!there && !looking) look();
  }
  async function look() {
    looking = true;
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
      try {
        const answer = await fetch("/pos/alive", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
        if (answer.ok) break;
      } catch { /* not yet */ }
    }
    looking = false;
    lineIs(true);
    if (wake) wake();
  }
  window.addEventListener("offline", () => lineIs(false));
  window.addEventListener("online", () => { lineIs(true); if (wake) wake(); });

  // ── what is typed and scanned ─────────────────────────────────────────────────────────────────────────────────

  const looksScanned = (text) => /^[0-9 -]{12,}$|[0-9a-f]{56}|\/cards\/[0-9a-f%]{56,}/i.test(text.trim());

  function find(text) {
    const scanned = new CustomEvent("kado-scanned", { detail: text, cancelable: true });
    if (!document.dispatchEvent(scanned)) return; // there is no line, and something else to be done with it
    const form = document.createElement("form");
    form.method = "post";
    form.action = "/pos/find";
    form.hidden = true;
    const field = document.createElement("input");
    field.name = "number";
    field.value = text;
    form.append(field);
    document.body.append(form);
    form.requestSubmit();
  }

  // A hand scanner types wherever the focus is and ends with Enter.
  let typed = "";
  document.addEventListener("keydown", (event) => {
    const within = event.target instanceof Element && event.target.closest(TYPED);
    if (within || event.ctrlKey || event.altKey || event.metaKey || asking) { typed = ""; return; }
    if (event.key === "Enter") {
      const text = typed;
      typed = "";
      if (looksScanned(text) && document.body.matches("[data-till], [data-away-open]")) { event.preventDefault(); find(text); }
    } else if (event.key.length === 1) {
      typed = (typed + event.key).slice(-300);
    }
  }, true);

  function pad(box) {
    const field = document.getElementById(box.dataset.pad);
    if (!field) return;
    box.hidden = false;
    const decimals = Number(field.dataset.exponent || 0);
    const isAmount = field.hasAttribute("data-exponent");
    box.addEventListener("click", (event) => {
      const button = event.target.closest("[data-key]");
      if (!button) return;
      const key = button.dataset.key;
      let digits = isAmount ? field.value.replace(/[^0-9]/g, "") : field.value;
      digits = key === "back" ? digits.slice(0, -1) : digits + key;
      if (!isAmount) { field.value = digits.slice(0, field.maxLength); return; }
      digits = digits.replace(/^0+/, "").slice(0, 9).padStart(decimals + 1, "0");
      const cut = digits.length - decimals;
      const point = document.documentElement.lang === "en" ? "." : ",";
      field.value = /^0*$/.test(digits) ? "" : decimals ? digits.slice(0, cut) + point + digits.slice(cut) : digits;
    });
  }

  async function camera(button, note) {
    const formats = ["qr_code", "code_128"];
    const can = "BarcodeDetector" in window && navigator.mediaDevices;
    const known = can ? await BarcodeDetector.getSupportedFormats() : [];
    const usable = formats.filter((one) => known.includes(one));
    if (!usable.length) { if (note) note.hidden = false; return; }
    button.hidden = false;
    const dialog = $("#camera");
    const view = $("#camera-view");
    const problem = $("#camera-problem");
    const stop = () => {
      for (const track of view.srcObject ? view.srcObject.getTracks() : []) track.stop();
      view.srcObject = null;
    };
    dialog.addEventListener("close", stop);
    $("[data-close]", dialog).addEventListener("click", () => dialog.close());
    button.addEventListener("click", async () => {
      dialog.showModal();
      problem.hidden = true;
      try {
        view.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
        await view.play();
      } catch { problem.hidden = false; return; }
      const detector = new BarcodeDetector({ formats: usable });
      while (view.srcObject) {
        const [code] = await detector.detect(view).catch(() => []);
        if (code) { sound("scan"); stop(); dialog.close(); return void find(code.rawValue); }
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
    });
  }

  // ── sounds ────────────────────────────────────────────────────────────────────────────────────────────────────

  const TUNES = { good: [[660, 0], [990, 0.11]], bad: [[220, 0], [165, 0.18]], open: [[440, 0], [440, 0.25]], scan: [[1200, 0]] };
  let audio = null;
  function sound(name) {
    document.body.dataset.sounded = name;
    if (kept(SOUNDS) === "off" || !TUNES[name] || !window.AudioContext) return;
    audio = audio || new AudioContext();
    if (audio.state === "suspended") audio.resume().catch(() => {});
    for (const [hertz, later] of TUNES[name]) {
      const [tone, volume] = [audio.createOscillator(), audio.createGain()];
      const at = audio.currentTime + later;
      tone.frequency.value = hertz;
      tone.type = name === "bad" ? "square" : "sine";
      volume.gain.setValueAtTime(name === "bad" ? 0.08 : 0.2, at);
      volume.gain.exponentialRampToValueAtTime(0.001, at + 0.16);
      tone.connect(volume).connect(audio.destination);
      tone.start(at);
      tone.stop(at + 0.17);
    }
  }
  function soundSwitch(button) {
    button.hidden = false;
    const tell = () => button.setAttribute("aria-pressed", String(kept(SOUNDS) !== "off"));
    tell();
    button.addEventListener("click", () => {
      localStorage.setItem(SOUNDS, kept(SOUNDS) === "off" ? "on" : "off");
      tell();
      sound("scan");
    });
  }

  // ── idle ──────────────────────────────────────────────────────────────────────────────────────────────────────

  let idle = null;
  function restless() {
    clearTimeout(idle);
    const minutes = Number(document.body.dataset.idle || 0);
    if (minutes && document.body.hasAttribute("data-till")) {
      idle = setTimeout(() => { if (!open()) location.replace("/pos"); }, minutes * 60_000 + 2000);
    }
  }
  for (const name of ["pointerdown", "keydown"]) document.addEventListener(name, restless, { passive: true });

  // ── a page is there ───────────────────────────────────────────────────────────────────────────────────────────

  function ready() {
    all("[data-pad]").forEach(pad);
    all("[data-sounds]").forEach(soundSwitch);
    all("[data-camera]").forEach((button) => camera(button, $("[data-no-camera]")));
    for (const print of all("[data-print]")) {
      print.hidden = false;
      print.addEventListener("click", () => window.print());
    }
    const number = $("#number");
    if (number && number.value) number.select(); // what is scanned next takes the place of what was not found
    const said = $("[data-sound]");
    if (said) sound(said.dataset.sound);
    restless();
  }

  $("#unknown")?.addEventListener("cancel", (event) => event.preventDefault());
  $("#unknown-ask")?.addEventListener("click", () => { if (wake) wake(); });
  ready();
  if (!navigator.onLine) lineIs(false);
  if ("serviceWorker" in navigator) navigator.serviceWorker.register("/pos/worker.js", { scope: "/pos" }).catch(() => {});
  const question = open();
  if (question && document.body.hasAttribute("data-till")) {
    showUnknown(question, 0);
    settle(question);
  }
})();
