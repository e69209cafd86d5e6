// Receives webhooks and believes only those that Kado signed, lately, with this webhook's secret.
//
//     KADO_WEBHOOK_SECRET=whsec_… PORT=8080 node receiver.mjs

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const secret = process.env.KADO_WEBHOOK_SECRET;
if (!secret) throw new Error("KADO_WEBHOOK_SECRET is not set");
const key = secret.startsWith("whsec_") ? Buffer.from(secret.slice(6), "base64") : Buffer.from(secret);
const BODY_MAX = 256 * 1024;
const SECONDS_MAX = 300;
// Kado delivers at least once. Keep the ids in your database, next to what the event changed; here they are in memory.
const seen = new Set();

/** Whether Kado signed exactly these bytes, at most five minutes ago. */
function isGenuine(headers, body) {
  const { "webhook-id": eventId, "webhook-timestamp": sent, "webhook-signature": signatures } = headers;
  if (!eventId || !/^[0-9]{1,12}$/.test(sent ?? "") || !signatures) return false;
  if (Math.abs(Date.now() / 1000 - Number(sent)) > SECONDS_MAX) return false;
  const expected = createHmac("sha256", key).update(`${eventId}.${sent}.`).update(body).digest();
  // While a secret is being replaced there are several signatures, of which one has to fit.
  return signatures.split(" ").some((one) => {
    const offered = Buffer.from(one.startsWith("v1,") ? one.slice(3) : "", "base64");
    return offered.length === expected.length && timingSafeEqual(offered, expected);
  });
}

/** Answers 2xx to what it has taken on; anything else is sent again, for a day. */
function receive(headers, body, answer) {
  if (!isGenuine(headers, body)) {
    console.log("not believed");
    return answer.writeHead(401).end();
  }
  const event = JSON.parse(body);
  const eventId = headers["webhook-id"];
  if (event.type === "webhook.verify") {
    // Sent once, when the webhook is enabled: send the token back to show that this address is yours.
    console.log("proved that this address is ours");
    return answer.writeHead(200).end(JSON.stringify({ token: event.data.token }));
  }
  if (seen.has(eventId)) {
    console.log(`${event.type} ${eventId}: had it already`);
  } else {
    seen.add(eventId);
    console.log(`${event.type} ${eventId}: card ${event.data.cardId}`);
  }
  return answer.writeHead(204).end();
}

const server = createServer((request, answer) => {
  const chunks = []; // the bytes as they came: that is what was signed
  let size = 0;
  request.on("data", (chunk) => {
    size += chunk.length;
    if (size <= BODY_MAX) chunks.push(chunk);
  });
  request.on("end", () => {
    if (size > BODY_MAX) answer.writeHead(413).end();
    else receive(request.headers, Buffer.concat(chunks), answer);
  });
});
server.requestTimeout = 10_000;
server.listen(Number(process.env.PORT ?? 8080), "127.0.0.1", () => {
  console.log(`listening on port ${server.address().port}`);
});
