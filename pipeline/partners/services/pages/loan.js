import { Counter, minor, moment, money, reason, reasonsOf, statement } from "/clerk.js";

const counter = new Counter({
  path: "/loans",
  what: "loan",
  listed: "loans",
  request: (data) => ({
    subject: data.get("subject").trim(),
    amount_minor: minor(data.get("amount")),
    currency: "EUR",
    term_days: Number(data.get("term")),
  }),
  facts: (loan) => [
    ["Amount", money(loan.amount_minor, loan.currency)],
    ["Repaid", money(loan.repaid_minor, loan.currency)],
    ["Left", money(loan.outstanding_minor, loan.currency)],
    ["Due", moment(loan.due_at)],
    ...(loan.decline_reasons.length ? [["Declined because", loan.decline_reasons.join(" ")]] : []),
  ],
  row: (loan) => money(loan.amount_minor, loan.currency),
  actions: {
    repayments: [{
      label: "Repayment",
      done: "Repaid.",
      fields: [{ name: "amount", label: "Amount (EUR)", type: "number", min: "0.01", step: "0.01", required: "" }],
      body: (data, loan) => ({ amount_minor: minor(data.get("amount"), loan.currency) }),
    }],
    review: [{
      label: "Decide on the application",
      done: "Decided.",
      fields: [
        { name: "decision", label: "The application is", options: [["APPROVE", "approved"], ["DECLINE", "declined"]] },
        reason(),
      ],
      body: (data) => ({ decision: data.get("decision"), reasons: reasonsOf(data) }),
    }],
    contest: [{
      label: "Customer contests the decline",
      done: "Contested: somebody looks again.",
      fields: [statement],
      body: (data) => ({ statement: data.get("statement") }),
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

document.getElementById("queue").addEventListener("click", () => counter.find({ status: "IN_REVIEW" }));
