// A till takes money from a gift card.
//
//     node till.mjs <sale number> <card id> <amount>
//
// The sale's number is the idempotency key: run again with the same number, it never takes the money twice.
// Ends with 0 when the money was taken, 1 when it was refused, 75 when nobody knows yet: then run it again.

import { call, cards, id, OutcomeUnknown, Refused } from "./kado.mjs";

const [sale, cardId, amount] = process.argv.slice(2);
try {
  const { body, replayed } = await call("POST", `${cards}/${id(cardId)}/redeem`, {
    body: { amount, posTransactionId: sale },
    idempotencyKey: sale,
  });
  const again = replayed ? " (as told before)" : "";
  console.log(`${sale}: took ${body.amountRedeemed}, ${body.remainingBalance} left${again}`);
} catch (error) {
  if (error instanceof OutcomeUnknown) {
    // The money may have been taken: keep the sale open, and ask again later.
    console.log(`${sale}: not known yet, run it again (${error.message})`);
    process.exitCode = 75;
  } else if (error instanceof Refused) {
    // The server has decided: nothing was taken.
    console.log(`${sale}: refused, ${error.code} ${JSON.stringify(error.body)}`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
