// Calls Kado, again where that is safe. Amounts stay strings: a JavaScript number is a float, and no float is exact.

const url = need("KADO_URL").replace(/\/+$/, "");
const key = need("KADO_KEY");
export const program = need("KADO_PROGRAM");
export const cards = `/v2/giftcards/programs/${program}/cards`;

const ATTEMPTS = 6;
const DEADLINE_MS = 30_000;
const ATTEMPT_MS = 10_000;
const AGAIN = new Set([429, 502, 503, 504]);
// The server has looked at the idempotency key: had an earlier try been carried out, it would have said so.
const DECIDED = new Set([400, 404, 409, 422]);

/** The server said no. `code` is for programs, `body` has the facts. */
export class Refused extends Error {
  constructor(status, body) {
    super(`${status} ${body.code ?? JSON.stringify(body.detail)}`);
    Object.assign(this, { status, code: body.code, body });
  }
}

/** Nobody knows whether it was carried out. The same call with the same key settles it. */
export class OutcomeUnknown extends Error {}

/** An argument of an id's form, so that it leads nowhere else in the API. */
export function id(text) {
  if (!/^[0-9a-f]{24}$/.test(text ?? "")) throw new Error(`${text} is not an id`);
  return text;
}

/** Reads (GET), or changes a card under an idempotency key. Answers `{ body, replayed }`. */
export async function call(method, path, { body, idempotencyKey } = {}) {
  if (method !== "GET" && !idempotencyKey) throw new Error("a change needs an idempotency key to be safe to repeat");
  const deadline = Date.now() + DEADLINE_MS;
  let mayHaveHappened = false;
  for (let attempt = 1; ; attempt += 1) {
    let said;
    let retryAfter = 0;
    try {
      const answer = await fetch(url + path, {
        method,
        body: body && JSON.stringify(body),
        headers: {
          Authorization: `Bearer ${key}`,
          ...(body && { "Content-Type": "application/json" }),
          ...(idempotencyKey && { "Idempotency-Key": idempotencyKey }),
        },
        redirect: "error",
        signal: AbortSignal.timeout(Math.max(1, Math.min(ATTEMPT_MS, deadline - Date.now()))),
      });
      const text = await answer.text();
      if (answer.ok) return { body: JSON.parse(text), replayed: answer.headers.get("idempotent-replayed") === "true" };
      if (!AGAIN.has(answer.status)) throw no(answer.status, text, mayHaveHappened);
      said = answer.status;
      retryAfter = Number(answer.headers.get("retry-after") ?? 0) * 1000 || 0;
      mayHaveHappened ||= said !== 429;
    } catch (error) {
      if (error instanceof Refused || error instanceof OutcomeUnknown) throw error;
      mayHaveHappened = true;
      said = error.cause?.code ?? error.message;
    }
    // 0.25 s, 0.5 s, … 5 s, between half and all of it, so that a thousand tills do not come back at once.
    const wait = retryAfter + Math.min(5000, 250 * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
    if (attempt >= ATTEMPTS || Date.now() + wait >= deadline) {
      if (!mayHaveHappened) throw new Refused(said, { code: "too_many_requests" });
      throw new OutcomeUnknown(`no answer after ${attempt} tries: ${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

function no(status, text, mayHaveHappened) {
  let body = {};
  try {
    body = JSON.parse(text);
  } catch {
    // a proxy's page
  }
  const unknown = status >= 500 || (mayHaveHappened && !DECIDED.has(status));
  return unknown ? new OutcomeUnknown(`the server said ${status}`) : new Refused(status, body);
}

function need(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}
