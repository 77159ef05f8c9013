// What the counters of both services share: requests that are done once, and a contract shown.

const byId = (id) => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function money(minor, currency) {
  const format = new Intl.NumberFormat("en", { style: "currency", currency, currencyDisplay: "code" });
  return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
}

export const minor = (text, currency = "EUR") => {
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  return Math.round(Number(text) * 10 ** format.resolvedOptions().maximumFractionDigits);
};

export const moment = (text) => (text ? new Date(text).toLocaleString("en-GB") : "–");

const words = (name) => name.toLowerCase().replaceAll("_", " ");

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function complaint(problem) {
  const errors = (problem.errors ?? []).map(
    (error) => `${error.pointer ?? error.parameter ?? ""} ${error.detail}`.trim());
  return [problem.detail ?? problem.title, ...errors].join(" – ");
}

async function ask(path, options = {}) {
  const response = await fetch(path, options);
  const answer = await response.json();
  if (!response.ok) throw new Error(complaint(answer));
  return answer;
}

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

async function post(path, body, key) {
  for (let tries = 0; ; tries += 1) {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": key },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const answer = await response.json();
    if (response.ok) return answer;
    const underWay = String(answer.type).endsWith("idempotency-key-under-way");
    if (!underWay || tries >= 20) throw new Error(complaint(answer));
    await wait(250);
  }
}

// A form belongs to one key until something in it is changed: sent again, by a second click or
// after a lost answer, it is the same request, and it is done once.
function sendsOnce(form, send) {
  let key = newKey();
  let busy = false;
  form.addEventListener("input", () => { key = newKey(); });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    event.submitter?.setAttribute("aria-disabled", "true");
    await attempt(() => send(new FormData(form), key));
    event.submitter?.removeAttribute("aria-disabled");
    busy = false;
  });
}

async function attempt(work) {
  byId("error").textContent = "";
  try {
    await work();
  } catch (error) {
    byId("message").textContent = "";
    byId("error").textContent = error.message;
  }
}

function facts(rows) {
  const list = element("dl");
  for (const [name, value] of rows) {
    list.append(element("dt", {}, name), element("dd", {}, value ?? "–"));
  }
  return list;
}

function history(entries) {
  const head = element("tr", {}, ...["When", "Status", "By", "What"].map(
    (name) => element("th", { scope: "col" }, name)));
  const rows = entries.map((entry) => element("tr", {},
    element("td", {}, moment(entry.at)), element("td", {}, words(entry.status)),
    element("td", {}, words(entry.by)), element("td", {}, entry.text)));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
}

function actionForm(counter, contract, name, action) {
  const form = element("form", { "data-action": name });
  for (const field of action.fields ?? []) {
    const id = `${name.replace("/", "-")}-${field.name}`;
    const { name: fieldName, label, options, ...attributes } = field;
    const input = options
      ? element("select", { id, name: fieldName, ...attributes },
        ...options.map(([value, text]) => element("option", { value }, text)))
      : element("input", { id, name: fieldName, ...attributes });
    form.append(element("p", {}, element("label", { for: id }, label), input));
  }
  form.append(element("p", { class: "wide" }, element("button", { type: "submit" }, action.label)));
  sendsOnce(form, async (data, key) => {
    const body = action.body?.(data, contract);
    counter.show(await post(`${counter.path}/${contract.id}/${name}`, body, key), action.done);
  });
  return action.fields?.length
    ? element("details", {}, element("summary", {}, action.label), form)
    : form;
}

// Runs a counter: its path, what a new contract is made of, what is told of one, what can be done.
export class Counter {
  constructor({ path, what, listed, request, facts: factsOf, row, actions }) {
    Object.assign(this, { path, what, listed, request, factsOf, row, actions });
    sendsOnce(byId("new"), async (data, key) => {
      byId("message").textContent = "Deciding …";
      this.show(await post(path, request(data), key), "Decided.");
    });
    byId("find").addEventListener("click", () => {
      const subject = byId("subject").value.trim();
      if (byId("subject").reportValidity()) this.find({ subject });
    });
  }

  find(query) {
    return attempt(async () => {
      const answer = await ask(`${this.path}?${new URLSearchParams(query)}`);
      this.list(answer[this.listed], answer.more);
    });
  }

  show(contract, message) {
    const { decision } = contract;
    const section = byId("contract");
    const reasons = decision.reason_texts.map((text) => element("li", {}, text));
    const heading = element("h2", { id: "contract-heading", tabindex: "-1" }, `This ${this.what} `,
      element("span", { class: "status", id: "status" }, words(contract.status)));
    section.replaceChildren(
      heading,
      element("p", { class: "verdict", id: "verdict", "data-outcome": decision.outcome }, decision.text),
      reasons.length ? element("ul", { id: "reasons", "aria-label": "Reasons" }, ...reasons) : "",
      contract.way_on ? element("p", { id: "way-on" }, contract.way_on) : "",
      facts([[`Number`, contract.id], ...this.factsOf(contract)]),
      element("h3", {}, "What can be done"),
      ...contract.actions.flatMap((name) => this.forms(contract, name)),
      contract.actions.length ? "" : element("p", {}, "Nothing more."),
      element("h3", {}, "What happened"),
      history(contract.history),
    );
    section.hidden = false;
    byId("message").textContent = message ?? "";
    heading.focus();
  }

  forms(contract, name) {
    const actions = this.actions[name] ?? [];
    return actions.map((action) => actionForm(this, contract, name, action));
  }

  list(contracts, more) {
    const section = byId("list");
    const rows = contracts.map((contract) => {
      const open = element("button", { type: "button", class: "quiet" }, "Show");
      open.setAttribute("aria-label", `Show ${contract.id}`);
      open.addEventListener("click", () => attempt(async () => {
        this.show(await ask(`${this.path}/${contract.id}`));
      }));
      return element("tr", {}, element("td", {}, moment(contract.created_at)),
        element("td", {}, words(contract.status)), element("td", {}, this.row(contract)),
        element("td", {}, open));
    });
    section.replaceChildren(
      element("h2", { id: "list-heading" }, rows.length ? "Found" : "Nothing found"),
      element("table", {}, element("tbody", {}, ...rows)),
      more ? element("p", {}, "There are more.") : "",
    );
    section.hidden = false;
  }
}

export const statement = { name: "statement", label: "In the customer's words", maxlength: "1000" };
export const reason = (attributes = {}) =>
  ({ name: "reason", label: "Reason, for the customer", maxlength: "1000", ...attributes });
export const reasonsOf = (data) => (data.get("reason") ? [data.get("reason")] : []);
