// A shop sells a gift card and has its code mailed to the customer.
//
//     node shop.mjs <order number> <amount> <email>
//
// Prints the card's id. Run again for the same order, it finds the same card instead of making a second one.

import { call, cards, program, Refused } from "./kado.mjs";

const [order, amount, email] = process.argv.slice(2);
try {
  const { body: rules } = await call("GET", `/v2/loyalty/programs/${program}`);
  const { body: issued } = await call("POST", cards, {
    body: { initialValue: amount, merchantId: rules.merchantId, customerEmail: email },
    idempotencyKey: `${order}-issue`,
  });
  // Only now is the card worth anything. A key means one operation on one card, so each step has its own.
  const { body: card } = await call("POST", `${cards}/${issued.id}/activate`, {
    body: {},
    idempotencyKey: `${order}-activate`,
  });
  console.log(`${order}: card ${card.id} is ${card.status} with ${card.balance} ${rules.currency}`);
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  console.log(`${order}: refused, ${error.message}`);
  process.exitCode = 1;
}
