import { Counter, minor, moment, money, reason, reasonsOf, statement } from "/clerk.js";

new Counter({
  path: "/rentals",
  what: "rental",
  listed: "rentals",
  request: (data) => ({
    subject: data.get("subject").trim(),
    vehicle: data.get("vehicle"),
    days: Number(data.get("days")),
    daily_rate_minor: minor(data.get("rate")),
    currency: "EUR",
  }),
  facts: (rental) => [
    ["Vehicle", `${rental.vehicle}, ${rental.days} days`],
    ["Rent", money(rental.amount_minor, rental.currency)],
    ["Deposit", `${money(rental.deposit.amount_minor, rental.currency)}, ${rental.deposit.status.toLowerCase().replace("_", " ")}`],
    ["Due back", moment(rental.due_at)],
    ["Returned", moment(rental.returned_at)],
    ...(rental.damage ? [
      ["Damage", `${rental.damage.description}, ${money(rental.damage.amount_minor, rental.currency)}`],
      ["Proof", rental.damage.evidence],
    ] : []),
  ],
  row: (rental) => rental.vehicle,
  actions: {
    deposit: [{ label: "Deposit was paid", done: "The rental is open." }],
    cancel: [{ label: "Cancel", done: "Cancelled." }],
    return: [
      { label: "Returned in order", done: "Returned.", body: () => ({}) },
      {
        label: "Returned with damage",
        done: "The damage is noted; it may be contested.",
        fields: [
          { name: "description", label: "Damage", required: "", maxlength: "1000" },
          { name: "amount", label: "Cost (EUR)", type: "number", min: "0.01", step: "0.01", required: "" },
          { name: "evidence", label: "Proof, such as photo numbers", required: "", maxlength: "2000" },
        ],
        body: (data, rental) => ({
          damage: {
            description: data.get("description"),
            amount_minor: minor(data.get("amount"), rental.currency),
            evidence: data.get("evidence"),
          },
        }),
      },
    ],
    contest: [{
      label: "Customer contests the damage",
      done: "Contested: somebody looks at it.",
      fields: [statement],
      body: (data) => ({ statement: data.get("statement") }),
    }],
    review: [{
      label: "Decide on the contested damage",
      done: "Decided.",
      fields: [
        { name: "decision", label: "Found", options: [["FOR_CUSTOMER", "for the customer"], ["AGAINST_CUSTOMER", "against the customer"]] },
        reason(),
      ],
      body: (data) => ({ decision: data.get("decision"), reasons: reasonsOf(data) }),
    }],
    dispute: [{
      label: "Customer disputes the breach",
      done: "Disputed: it does not count meanwhile.",
      fields: [statement],
      body: (data) => ({ statement: data.get("statement") }),
    }],
    "dispute/review": [{
      label: "Decide on the dispute",
      done: "Decided.",
      fields: [
        { name: "decision", label: "The dispute is", options: [["UPHOLD", "upheld"], ["REJECT", "rejected"]] },
        reason({ required: "" }),
      ],
      body: (data) => ({ decision: data.get("decision"), reasons: reasonsOf(data) }),
    }],
  },
});
